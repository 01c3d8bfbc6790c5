"""Where files that can be made or fetched again are kept between runs."""

import os
from pathlib import Path


def cache_folder(name: str, *, variable: str) -> Path:
    """A folder of asemble in the user's cache, which need not exist.

    Args:
        name: of the folder.
        variable: of the environment, which may name another place.
    """
    named = os.environ.get(variable)
    if named:
        return Path(named)
    caches = os.environ.get("XDG_CACHE_HOME")
    return (Path(caches) if caches else Path.home() / ".cache") / "asemble" / name
