"""Make docs/screenshots again: `python tools/screenshots.py`.

Needs Chromium and Playwright (requirements-dev.txt). Takes the tour of the app, dark and light,
1440x900 and 1280x720.
"""

import tempfile
from contextlib import contextmanager
from itertools import product
from pathlib import Path

from served_app import ROOT, look_at, serve
from tour import choose_theme, tour

PICTURES = ROOT / "docs" / "screenshots"
SIZES = {"": (1440, 900), "-laptop": (1280, 720)}
THEMES = {"": "Dark", "-light": "Light"}


def main() -> None:
    """Serve the app, walk through it, write the pictures."""
    with (
        tempfile.TemporaryDirectory() as folder,
        contextmanager(serve)(Path(folder) / "log.txt") as address,
    ):
        for (theme_suffix, theme), (suffix, (width, height)) in product(
            THEMES.items(), SIZES.items()
        ):
            with contextmanager(look_at)(address) as page:
                page.set_viewport_size({"width": width, "height": height})
                choose_theme(page, theme)
                for stop in tour(page):
                    page.screenshot(path=PICTURES / f"{stop}{theme_suffix}{suffix}.png")


if __name__ == "__main__":
    main()
