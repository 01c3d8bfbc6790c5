"""Where the weights and the app lie, in a clone and in an installed package.

In the repository they stand at the top, where people look for them. The wheel holds the same files
under `asemble/shipped` (`setup.py`, decision 36).
"""

from importlib.resources import files
from pathlib import Path

_PACKAGE = Path(str(files("asemble"))).resolve()


def shipped(name: str) -> Path:
    """A file or folder by its path at the top of the repository, wherever it lies here.

    >>> shipped("weights").name
    'weights'
    """
    packed = _PACKAGE / "shipped"
    return (packed if packed.is_dir() else _PACKAGE.parent) / name
