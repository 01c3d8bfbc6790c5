"""The files of a zip archive, each unpacked in bounded steps."""

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from itertools import pairwise
from typing import BinaryIO, cast

from asemble.core.errors import ArchiveError, FileError
from asemble.io import hints, limits
from asemble.io.archive.budget import (
    Budget,
    Entry,
    check_growth,
    damaged_archive,
    name_inside,
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
_ENTRY = b"PK\x01\x02"
_LOCAL_HEADER_BYTES = 30


def entries(stream: BinaryIO, size: int, budget: Budget) -> Iterator[Entry]:
    """Each file of the archive.

    Raises:
        ArchiveError: the archive is damaged, made to harm, or breaks a limit.
    """
    try:
        archive = zipfile.ZipFile(cast(BinaryIO, _Counted(stream)))
    except _DAMAGED as error:
        raise damaged_archive() from error
    with archive:
        _check_overlap(archive)
        files = [entry for entry in archive.infolist() if not _is_folder(entry)]
        # The directory declares every size, so that a bomb is refused before it is unpacked;
        # reading stops at the declared size.
        check_growth(sum(entry.file_size for entry in files), size)
        for entry in files:
            budget.take(entry.file_size)
            name, refused = name_inside(entry.filename), _why_not(entry)
            data = b""
            if refused is None:
                try:
                    data = _read(archive, entry)
                except _DAMAGED:
                    refused = FileError(
                        "This file is damaged in the archive.",
                        hint="Make the archive again.",
                        code="file-damaged-in-archive",
                    )
            yield Entry(name, data, refused)


def _is_folder(entry: zipfile.ZipInfo) -> bool:
    """Whether an entry is a folder; some tools of Windows end its name in a backslash."""
    is_empty = entry.file_size == 0  # is_dir() of the library fails on a name without characters
    return entry.filename.endswith("/") or (entry.filename.endswith("\\") and is_empty)


def _why_not(entry: zipfile.ZipInfo) -> FileError | None:
    kind = stat.S_IFMT(entry.external_attr >> 16)
    refused = why_not_entry(entry.file_size, is_link=kind not in (0, stat.S_IFREG))
    if refused is None and entry.flag_bits & 1:
        return FileError(
            "This file is encrypted.",
            hint="Make an archive without a password.",
            code="file-encrypted",
        )
    if refused is None and entry.compress_type not in METHODS:
        return FileError(
            "This file is packed in an unusual way.",
            hint="Make an ordinary zip archive.",
            code="packing-unknown",
        )
    return refused


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """In steps: one read of everything would unpack all that comes and cut it afterwards."""
    with archive.open(entry) as packed:
        return b"".join(iter(lambda: packed.read(MIB), b""))


class _Counted:
    """A stream that counts the entries of the directory as the library reads it, in one piece.

    That is before it makes an object of each. Where the directory lies is not looked up here: the
    end of an archive can be written so that two readers find two.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.seek, self.tell, self.seekable = stream.seek, stream.tell, stream.seekable

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        if data.count(_ENTRY) > limits.MAX_FILES:
            raise too_many_files()
        return data


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
            hint=hints.ARCHIVE_AGAIN,
            code="archive-overlapping",
        )
