"""Parts to the bytes of each file, archives opened, one file at a time within the limits.

Nothing is ever unpacked to a disk, and of each open archive one file is in memory at a time.
Opened are zip (stored or deflated), tar, tar.gz and gz: what scanners, PACS and operating systems
write. tar.bz2, tar.xz, 7z and rar are refused with a sentence that says what to make instead.
"""

import io
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from asemble.core.errors import FileError, InputError
from asemble.core.study import Refusal
from asemble.io import limits, tar_files, zip_files
from asemble.io.budget import TOO_LARGE, Budget, Entry
from asemble.io.gunzip import Gunzip
from asemble.io.upload import ASK_FOR_LESS, Part


@dataclass(frozen=True, slots=True)
class Unpacked:
    """The bytes of one file out of an upload."""

    name: str
    data: bytes


def unpack(parts: Sequence[Part]) -> Iterator[Unpacked | Refusal]:
    """Each file of `parts`, archives opened, and a refusal for each that is left out.

    A part that breaks a limit is refused as a whole from that point on; the others go on.
    """
    budget = Budget()
    for part in parts:
        name = shown(part.name)
        try:
            with part.open() as stream:
                size = stream.seek(0, os.SEEK_END)
                stream.seek(0)
                budget.take_in(size)
                yield from _open(_Source(name, stream, size), budget)
        except InputError as error:
            yield Refusal(name, str(error))
        except OSError:
            yield Refusal(name, "This file could not be opened. Check that it may be read.")


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
    if start.startswith(_FOREIGN_ARCHIVES):
        yield Refusal(source.name, _FOREIGN)
    elif not start.strip(b"\0"):  # an empty tar is all zeros
        yield Refusal(source.name, "This file is empty.")
    elif _is_archive(start) and source.depth >= limits.MAX_ARCHIVE_DEPTH:
        yield Refusal(source.name, _TOO_DEEP)
    elif _is_zip(start):
        yield from _files(source, zip_files.entries(stream, source.size, budget), budget)
    elif _is_tar(start):
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
        if entry.reason:
            yield Refusal(name, entry.reason)
            continue
        size = len(entry.data)
        inner = _Source(name, io.BytesIO(entry.data), size, source.depth + 1)
        try:
            yield from _open(inner, budget)
        except InputError as error:
            yield Refusal(name, str(error))


def _gunzip(source: _Source, budget: Budget) -> Iterator[Unpacked | Refusal]:
    """A compressed tar, or one compressed file."""
    start = Gunzip(source.stream, source.size).read(1024)
    source.stream.seek(0)
    unpacked = Gunzip(source.stream, source.size)
    if _is_tar(start):
        if source.depth >= limits.MAX_ARCHIVE_DEPTH:
            yield Refusal(source.name, _TOO_DEEP)
        else:
            yield from _files(source, tar_files.entries(unpacked, budget), budget)
        return
    data = unpacked.read(limits.MAX_FILE_BYTES + 1)
    _check_size(len(data))
    budget.take(len(data))
    inner = _Source(source.name, io.BytesIO(data), len(data), source.depth + 1)
    if _is_gzip(start):  # nobody compresses twice but to harm
        yield Refusal(source.name, _TOO_DEEP)
    else:
        yield from _open(inner, budget)


_FOREIGN_ARCHIVES = (
    b"Rar!\x1a\x07", b"7z\xbc\xaf'\x1c", b"\xfd7zXZ\x00", b"BZh", b"\x28\xb5\x2f\xfd",
)  # fmt: skip
"""rar, 7z, xz, bzip2 and zstd."""
_FOREIGN = "Archives of this kind are not opened. Pack the files as zip or tar."
_TOO_DEEP = (
    "Only an archive and the archives right inside it are opened, and this one lies deeper. "
    "Unpack it and upload its files."
)


def _is_zip(start: bytes) -> bool:
    return start[:4] in (b"PK\x03\x04", b"PK\x05\x06")


def _is_tar(start: bytes) -> bool:
    return start[257:262] == b"ustar"


def _is_gzip(start: bytes) -> bool:
    return start[:2] == b"\x1f\x8b"


def _is_archive(start: bytes) -> bool:
    return _is_zip(start) or _is_tar(start)


def _check_size(size: int) -> None:
    if size > limits.MAX_FILE_BYTES:
        raise FileError(TOO_LARGE, hint=ASK_FOR_LESS)
