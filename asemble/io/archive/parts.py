"""What is uploaded: files and folders as named parts."""

import io
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from asemble.core.errors import InputError


@dataclass(frozen=True, slots=True)
class Part:
    """One uploaded file.

    Args:
        name: path inside the upload, with forward slashes; for messages, never exported.
        open: returns a fresh readable, seekable binary stream.

    >>> Part.from_bytes("a.dcm", b"DICM").open().read()
    b'DICM'
    """

    name: str
    open: Callable[[], BinaryIO]

    @classmethod
    def from_bytes(cls, name: str, data: bytes) -> "Part":
        """A part that lives in memory."""
        return cls(name, lambda: io.BytesIO(data))

    @classmethod
    def from_path(cls, path: Path, *, name: str | None = None) -> "Part":
        """A part on a disk."""
        return cls(name or path.name, lambda: path.open("rb"))


def parts_of(source: Path | Sequence[Path]) -> list[Part]:
    """The files at `source`: a file, a folder with all below it, or a list of both.

    Raises:
        InputError: a path does not exist.
    """
    parts: list[Part] = []
    for path in [source] if isinstance(source, Path) else source:
        if path.is_dir():
            parts += _folder(path)
        elif path.is_file():
            parts.append(Part.from_path(path))
        else:
            # Without the name: it may be a person's, and standard error may be kept.
            raise InputError(
                "There is no file or folder at that path.",
                hint="Check the path.",
                code="path-missing",
            )
    return parts


def _folder(folder: Path) -> Iterator[Part]:
    for directory, subfolders, names in os.walk(folder):  # links to folders are not followed
        subfolders.sort()
        for name in sorted(names):
            path = Path(directory) / name
            if path.is_file():
                yield Part.from_path(path, name=path.relative_to(folder).as_posix())
