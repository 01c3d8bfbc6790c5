"""Files that a command puts where a person named: never over another, never through a link.

Whatever is made of a study is for its reader alone: files of mode 0600, folders of 0700.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from asemble.core.errors import InputError

FORCE = "Name another place, or say --force to replace it."


def refuse_existing(path: Path, *, force: bool) -> None:
    """Refuse what stands where a file is to be, before the work is done.

    Raises:
        InputError: there is something, and it may not be replaced.
    """
    if path.is_dir() and not path.is_symlink():
        raise InputError(f"{path.name} is a folder.", hint="Name a file.", code="output-is-folder")
    if not force and os.path.lexists(path):
        raise InputError(f"{path.name} is there already.", hint=FORCE, code="output-exists")


def place_file(content: bytes, path: Path, *, force: bool) -> None:
    """Write one file.

    Raises:
        InputError: something stands there and may not be replaced, or its folder is a link.
        OSError: the operating system would not write.
    """
    with placing(path.parent, force=force) as folder:
        (folder / path.name).write_bytes(content)


@contextmanager
def placing(folder: Path, *, force: bool) -> Iterator[Path]:
    """An empty folder to write into; its files are put into `folder` at the end, all or none.

    Args:
        folder: made where it is absent.
        force: replace files of these names; a link is replaced, not what it leads to.

    Raises:
        InputError: a file of one of the names is there and may not be replaced, or the folder is
            a link.
        OSError: the operating system would not write.
    """
    if folder.is_symlink():
        raise InputError(
            f"{folder.name} is a link.",
            hint="Name the folder that it leads to.",
            code="output-is-link",
        )
    _make(folder)
    made = Path(mkdtemp(prefix=".asemble-", dir=folder))  # of mode 0700, on the same disk
    try:
        yield made
        files = sorted(path for path in made.iterdir() if path.is_file())
        for path in files:
            refuse_existing(folder / path.name, force=force)
        put = os.replace if force else _put_where_nothing_is
        for path in files:
            path.chmod(0o600)
            put(path, folder / path.name)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _make(folder: Path) -> None:
    """The folder and those above it that are absent, for their owner alone."""
    absent = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(absent):
        each.mkdir(mode=0o700, exist_ok=True)
    if not folder.is_dir():
        raise NotADirectoryError(20, os.strerror(20), str(folder))


def _put_where_nothing_is(made: Path, path: Path) -> None:
    """Move a file, and fail where anything has appeared meanwhile, a link too."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(path, flags, 0o600), "wb") as target:
            target.write(made.read_bytes())
    except FileExistsError:
        raise InputError(
            f"{path.name} is there already.", hint=FORCE, code="output-exists"
        ) from None
