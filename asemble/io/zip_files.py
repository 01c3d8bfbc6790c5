"""The files of a zip archive, each unpacked in bounded steps."""

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from itertools import pairwise
from typing import BinaryIO

from asemble.core.errors import ArchiveError
from asemble.io import limits
from asemble.io.budget import (
    Budget,
    Entry,
    check_growth,
    damaged_archive,
    too_many_files,
    why_not_entry,
)
from asemble.io.limits import MIB

METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
"""The library unpacks bzip2 and LZMA without a bound on what comes out, so they are not opened."""

_DAMAGED = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, NotImplementedError,
    RuntimeError, OverflowError, LookupError,
)  # fmt: skip
_END, _END_64, _ENTRY = b"PK\x05\x06", b"PK\x06\x06", b"PK\x01\x02"
_LOCAL_HEADER_BYTES = 30
_LONGEST_END = 22 + 65_535
_END_64_BYTES = 76
"""The end record of zip64 and the locator after it."""


def entries(stream: BinaryIO, size: int, budget: Budget) -> Iterator[Entry]:
    """Each file of the archive.

    Raises:
        ArchiveError: the archive is damaged, made to harm, or breaks a limit.
    """
    try:
        _check_directory(stream, size)
        archive = zipfile.ZipFile(stream)
    except _DAMAGED as error:
        raise damaged_archive() from error
    with archive:
        _check_overlap(archive)
        files = [entry for entry in archive.infolist() if not entry.filename.endswith("/")]
        # The directory declares every size, so that a bomb is refused before it is unpacked;
        # reading stops at the declared size.
        check_growth(sum(entry.file_size for entry in files), size)
        for entry in files:
            budget.take(entry.file_size)
            reason = _why_not(entry)
            if reason:
                yield Entry(entry.filename, reason=reason)
                continue
            try:
                data = _read(archive, entry)
            except _DAMAGED:
                reason = "This file is damaged in the archive. Make the archive again."
                yield Entry(entry.filename, reason=reason)
            else:
                yield Entry(entry.filename, data)


def _why_not(entry: zipfile.ZipInfo) -> str:
    kind = stat.S_IFMT(entry.external_attr >> 16)
    reason = why_not_entry(entry.filename, entry.file_size, is_link=kind not in (0, stat.S_IFREG))
    if not reason and entry.flag_bits & 1:
        return "This file is encrypted. Make an archive without a password."
    if not reason and entry.compress_type not in METHODS:
        return "This file is packed in an unusual way. Make an ordinary zip archive."
    return reason


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """In steps: one read of everything would unpack all that comes and cut it afterwards."""
    with archive.open(entry) as packed:
        return b"".join(iter(lambda: packed.read(MIB), b""))


def _check_directory(stream: BinaryIO, size: int) -> None:
    """Count the entries before the library makes an object of each."""
    start = max(0, size - _LONGEST_END - _END_64_BYTES)
    stream.seek(start)
    tail = stream.read()
    at = tail.rfind(_END)
    if at < 0:
        raise damaged_archive()
    (directory_bytes,) = struct.unpack_from("<L", tail, at + 12)
    end = start + at
    if tail[at - _END_64_BYTES : at - _END_64_BYTES + 4] == _END_64:
        (directory_bytes,) = struct.unpack_from("<Q", tail, at - _END_64_BYTES + 40)
        end -= _END_64_BYTES
    if directory_bytes > end:
        raise damaged_archive()
    stream.seek(end - directory_bytes)
    count, left, last = 0, directory_bytes, b""
    while left > 0:
        data = stream.read(min(left, MIB))
        if not data:
            break
        count += (last + data).count(_ENTRY)
        last, left = data[-3:], left - len(data)
        if count > limits.MAX_FILES:
            raise too_many_files()
    stream.seek(0)


def _check_overlap(archive: zipfile.ZipFile) -> None:
    """Entries that share bytes unpack the same bytes many times over."""
    spans = sorted(
        (entry.header_offset, entry.header_offset + _LOCAL_HEADER_BYTES + entry.compress_size)
        for entry in archive.infolist()
    )
    spans.append((archive.start_dir, archive.start_dir))
    if any(end > start for (_, end), (start, _) in pairwise(spans)):
        raise ArchiveError(
            "The files in this archive lie over each other, so it was not opened.",
            hint="Make the archive again from the original files.",
        )
