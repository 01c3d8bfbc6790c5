"""Parts to the bytes of each file, archives opened, one file at a time within the limits.

Nothing is ever unpacked to a disk, and of each open archive one file is in memory at a time.
Opened are zip (stored or deflated), tar, tar.gz and gz: what scanners, PACS and operating systems
write. tar.bz2, tar.xz, 7z, rar and images of discs are refused with a sentence that says what to
make instead. What an operating system puts beside the files of its user is passed over.
"""

import io
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from asemble.core.errors import ArchiveError, FileError, InputError
from asemble.core.study import Refusal
from asemble.io import limits
from asemble.io.archive import tar_files, zip_files
from asemble.io.archive.budget import Budget, Entry, too_large
from asemble.io.archive.gunzip import Gunzip
from asemble.io.archive.parts import Part


@dataclass(frozen=True, slots=True)
class Unpacked:
    """The bytes of one file out of an upload."""

    name: str
    data: bytes


def unpack(parts: Sequence[Part], budget: Budget | None = None) -> Iterator[Unpacked | Refusal]:
    """Each file of `parts`, archives opened, and a refusal for each that is left out.

    A part that breaks a limit is refused as a whole from that point on; the others go on.

    Args:
        parts: what was uploaded.
        budget: of the upload that they are a part of.
    """
    budget = budget or Budget()
    for part in parts:
        name = shown(part.name)
        try:
            with part.open() as stream:
                size = stream.seek(0, os.SEEK_END)
                stream.seek(0)
                budget.take_in(size)
                yield from _open(_Source(name, stream, size), budget)
        except InputError as error:
            yield Refusal.because(error, name)
        except OSError:
            unreadable = "This file could not be opened. Check that it may be read."
            yield Refusal(name, unreadable, "file-not-opened")


def shown(name: str) -> str:
    r"""A name that may be shown: no control or direction marks, and not endless.

    >>> shown("a\x00b\u202egpj.exe"), len(shown("x" * 10_000))
    ('a?b?gpj.exe', 200)
    """
    kept = "".join(letter if letter.isprintable() else "?" for letter in name)
    if len(kept) <= limits.MAX_NAME_CHARACTERS:
        return kept
    end = limits.MAX_NAME_CHARACTERS // 2
    return f"{kept[: limits.MAX_NAME_CHARACTERS - end - 3]}...{kept[-end:]}"


@dataclass(frozen=True, slots=True)
class _Source:
    """A file, and how many archives it came out of."""

    name: str
    stream: BinaryIO
    size: int
    depth: int = 0


def _open(source: _Source, budget: Budget) -> Iterator[Unpacked | Refusal]:
    stream = source.stream
    start = stream.read(1024)
    stream.seek(0)
    if _is_of_the_system(source.name, start):
        pass
    elif _is_part_of_archive(source, start):
        raise _part_of_archive()
    elif start.startswith(_FOREIGN_ARCHIVES):
        raise ArchiveError(
            "Archives of this kind are not opened.",
            hint="Pack the files as zip or tar.",
            code="archive-kind-unknown",
        )
    elif _is_disc_image(source):
        raise _disc_image()
    elif not start.strip(b"\0") and _is_empty(source):  # an empty tar is all zeros
        raise FileError("This file is empty.", code="file-empty")
    elif _is_archive(start) and source.depth >= limits.MAX_ARCHIVE_DEPTH:
        raise _too_deep()
    elif _is_zip(start):
        yield from _files(source, zip_files.entries(stream, source.size, budget), budget)
    elif tar_files.is_tar(start):
        yield from _files(source, tar_files.entries(stream, budget), budget)
    elif _is_gzip(start):
        yield from _gunzip(source, budget)
    else:
        if source.depth == 0:  # else counted when it came out of its archive
            _check_size(source.size)
            budget.take(source.size)
        yield Unpacked(source.name, stream.read(source.size))


def _files(
    source: _Source, entries: Iterable[Entry], budget: Budget
) -> Iterator[Unpacked | Refusal]:
    for entry in entries:
        name = shown(f"{source.name}/{entry.name}")
        if entry.refused is not None:
            if not _is_of_the_system(name, b""):
                yield Refusal.because(entry.refused, name)
            continue
        size = len(entry.data)
        inner = _Source(name, io.BytesIO(entry.data), size, source.depth + 1)
        try:
            yield from _open(inner, budget)
        except InputError as error:
            yield Refusal.because(error, name)


def _gunzip(source: _Source, budget: Budget) -> Iterator[Unpacked | Refusal]:
    """A compressed tar, or one compressed file."""
    start = Gunzip(source.stream, source.size).read(1024)
    source.stream.seek(0)
    unpacked = Gunzip(source.stream, source.size)
    if tar_files.is_tar(start):
        if source.depth >= limits.MAX_ARCHIVE_DEPTH:
            raise _too_deep()
        yield from _files(source, tar_files.entries(unpacked, budget), budget)
        return
    data = unpacked.read(limits.MAX_FILE_BYTES + 1)
    _check_size(len(data))
    budget.take(len(data))
    inner = _Source(source.name, io.BytesIO(data), len(data), source.depth + 1)
    if _is_gzip(start):  # nobody compresses twice but to harm
        raise _too_deep()
    yield from _open(inner, budget)


_FOREIGN_ARCHIVES = (
    b"Rar!\x1a\x07", b"7z\xbc\xaf'\x1c", b"\xfd7zXZ\x00", b"BZh", b"\x28\xb5\x2f\xfd",
    b"\x04\x22\x4d\x18", b"\x1f\x9d", b"LZIP", b"MSCF",
)  # fmt: skip
"""rar, 7z, xz, bzip2, zstd, lz4, compress, lzip and cab."""
_PART_NAME = re.compile(r"\.(z\d\d|(zip|7z|rar|tar|tgz|gz)\.\d{2,3}|part\d+\.rar|r\d\d)$", re.I)
_SPLIT_ZIP = b"PK\x07\x08"
_ZIP_END, _ZIP_END_BYTES = b"PK\x05\x06", 22
_MOST_PARTS = 1000
"""The names of split archives count to 999; what states more is no part, but made to mislead."""
_DISC_MARKS = ((b"CD001", 32_769), (b"BEA01", 32_769), (b"CD001", 37_649), (b"CD001", 37_657))
"""What a volume descriptor in sector 16 says (ECMA-119 8.1, ECMA-167), and where: in sectors of
2,048 bytes, and in raw ones of 2,352 with a header of 16 or 24."""
_APPLE_DISC, _APPLE_TRAILER_BYTES = b"koly", 512


def _part_of_archive() -> ArchiveError:
    return ArchiveError(
        "This is a part of an archive that was split, which is not opened.",
        hint="Unpack the parts together, and upload the files or one whole zip.",
        code="archive-split",
    )


def _disc_image() -> ArchiveError:
    return ArchiveError(
        "This is the image of a disc, which is not opened.",
        hint="Open it with your computer (a double click will do), and upload the files and "
        "folders that it shows.",
        code="disc-image",
    )


def _too_deep() -> ArchiveError:
    return ArchiveError(
        "Only an archive and the archives right inside it are opened, and this one lies deeper.",
        hint="Unpack it and upload its files.",
        code="archive-too-deep",
    )


def _is_part_of_archive(source: _Source, start: bytes) -> bool:
    """Whether a file is one part of several: by its name, or by what it says of itself.

    The last part of a zip holds its directory, which names another disk than the first.
    """
    if start[128:132] == b"DICM":
        return False
    if start.startswith(_SPLIT_ZIP) or _PART_NAME.search(source.name):
        return True
    source.stream.seek(max(0, source.size - _ZIP_END_BYTES))
    end = source.stream.read(_ZIP_END_BYTES)
    source.stream.seek(0)
    return end.startswith(_ZIP_END) and 0 < int.from_bytes(end[4:6], "little") < _MOST_PARTS


def _is_disc_image(source: _Source) -> bool:
    marks = [*_DISC_MARKS, (_APPLE_DISC, source.size - _APPLE_TRAILER_BYTES)]
    return any(_holds(source, mark, at) for mark, at in marks)


def _holds(source: _Source, mark: bytes, at: int) -> bool:
    if not 0 <= at <= source.size - len(mark):
        return False
    source.stream.seek(at)
    found = source.stream.read(len(mark))
    source.stream.seek(0)
    return found == mark


def _is_empty(source: _Source) -> bool:
    """Whether a file holds nothing but zeros; the half of a pair may begin with much air."""
    chunks = iter(lambda: source.stream.read(limits.MIB), b"")
    is_empty = not any(chunk.strip(b"\0") for chunk in chunks)
    source.stream.seek(0)
    return is_empty


_SYSTEM_FILES = frozenset(
    {".ds_store", ".localized", ".volumeicon.icns", ".apdisk", ".directory", "icon?"}
    | {"thumbs.db", "ehthumbs.db", "desktop.ini"}
)
_SYSTEM_FOLDERS = frozenset(
    {"__macosx", ".trashes", ".fseventsd", ".spotlight-v100", ".temporaryitems", ".appledouble"}
    | {".documentrevisions-v100", "@eadir", "$recycle.bin", "system volume information"}
)
_APPLE_DOUBLE = b"\0\x05\x16\x07"
"""How the twin `._NAME` begins in which macOS keeps what a foreign disk cannot (RFC 1740)."""


def _is_of_the_system(name: str, start: bytes) -> bool:
    """Whether a file is one that an operating system puts beside those of its user."""
    if start[128:132] == b"DICM":
        return False
    *folders, last = name.lower().split("/")
    is_twin = last.startswith("._") and start.startswith(_APPLE_DOUBLE)
    return is_twin or last in _SYSTEM_FILES or not _SYSTEM_FOLDERS.isdisjoint(folders)


def _is_zip(start: bytes) -> bool:
    return start[:4] in (b"PK\x03\x04", b"PK\x05\x06")


def _is_gzip(start: bytes) -> bool:
    return start[:2] == b"\x1f\x8b"


def _is_archive(start: bytes) -> bool:
    return _is_zip(start) or tar_files.is_tar(start)


def _check_size(size: int) -> None:
    if size > limits.MAX_FILE_BYTES:
        raise too_large()
