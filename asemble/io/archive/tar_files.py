"""The files of a tar archive, read forward only."""

import tarfile
from collections.abc import Iterator
from typing import BinaryIO, Protocol, cast

from asemble.io import limits
from asemble.io.archive.budget import Budget, Entry, damaged_archive, name_inside, why_not_entry
from asemble.io.limits import MIB

MOST_EMPTY_READS = 8

_NOTES = frozenset(
    {tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE}
    | {tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK}
)
_DAMAGED = (
    tarfile.TarError, EOFError, ValueError, OverflowError, LookupError, TypeError,
    RecursionError,  # notes upon notes
)  # fmt: skip


def is_tar(start: bytes) -> bool:
    """Whether a file is a tar archive, by its word or, in version 7, by a checksum."""
    if start[257:262] == b"ustar":
        return True
    header = start[: tarfile.BLOCKSIZE]
    try:
        return tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape").name != ""
    except _DAMAGED:
        return False


class Readable(Protocol):
    """A stream that is read forward."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes."""


def entries(stream: Readable, budget: Budget) -> Iterator[Entry]:
    """Each file of the archive.

    Args:
        stream: the archive; what `Gunzip` unpacks is held against the limits there.
        budget: of the upload; skipped entries count as well.

    Raises:
        ArchiveError: the archive is damaged or breaks a limit.
    """
    try:
        with tarfile.open(
            fileobj=cast(BinaryIO, _Ending(stream)), mode="r|", tarinfo=_Entry, ignore_zeros=False
        ) as archive:
            for entry in archive:
                budget.take(0 if entry.isdir() else entry.size)
                if entry.isdir():
                    continue
                yield _read(archive, entry)
    except _DAMAGED as error:
        raise damaged_archive() from error


def _read(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> Entry:
    is_file = entry.isreg() and not entry.issparse()  # holes would take memory from nothing
    name = name_inside(entry.name)
    refused = why_not_entry(entry.size, is_link=not is_file)
    content = archive.extractfile(entry) if refused is None else None
    return Entry(name, b"" if content is None else content.read(), refused)


class _Entry(tarfile.TarInfo):
    """A header whose notes are bounded."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> "_Entry":
        entry = super().frombuf(buf, encoding, errors)
        if entry.size < 0 or (entry.type in _NOTES and entry.size > limits.MAX_NOTE_BYTES):
            raise damaged_archive()
        return entry


class _Ending:
    """A stream whose end is an end: the library skips a claimed size step by step beyond it."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._empty = 0

    def read(self, size: int, /) -> bytes:
        data = self._stream.read(min(size, MIB))
        self._empty = 0 if data else self._empty + 1
        if self._empty > MOST_EMPTY_READS:
            raise damaged_archive()
        return data
