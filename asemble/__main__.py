"""`python -m asemble` is `asemble`."""

import sys

from asemble.cli import main

if __name__ == "__main__":
    sys.exit(main())
