"""Parts to the bytes of each file, archives opened, one file at a time within the limits.

Nothing is ever unpacked to a disk, and no more than one file of an archive is in memory at once.
"""

import gzip
import io
import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO, cast

from asemble.core.errors import ArchiveError, FileError, InputError
from asemble.core.study import Refusal
from asemble.io import upload
from asemble.io.upload import ASK_FOR_LESS, MIB, Part


@dataclass(frozen=True, slots=True)
class Unpacked:
    """The bytes of one file out of an upload."""

    name: str
    data: bytes


def unpack(parts: Sequence[Part]) -> Iterator[Unpacked | Refusal]:
    """Each file of `parts`, archives opened, and a refusal for each that is left out.

    A part that breaks a limit is refused as a whole from that point on; the others go on.
    """
    budget = _Budget()
    for part in parts:
        try:
            yield from _unpack_part(part, budget)
        except InputError as error:
            yield Refusal(part.name, str(error))
        except OSError:
            yield Refusal(part.name, "This file could not be opened. Check that it may be read.")


@dataclass(slots=True)
class _Budget:
    """What is left of the limits of one upload."""

    files: int = 0
    total_bytes: int = 0

    def take(self, size: int) -> None:
        self.files += 1
        if self.files > upload.MAX_FILES:
            raise ArchiveError(
                f"The upload holds more than {upload.MAX_FILES:,} files.", hint=ASK_FOR_LESS
            )
        if self.total_bytes + size > upload.MAX_TOTAL_BYTES:
            raise ArchiveError(
                f"The upload unpacks to more than {upload.MAX_TOTAL_BYTES // MIB} MiB.",
                hint=ASK_FOR_LESS,
            )
        self.total_bytes += size


def _unpack_part(part: Part, budget: _Budget) -> Iterator[Unpacked | Refusal]:
    with part.open() as stream:
        start = stream.read(1024)
        size = stream.seek(0, os.SEEK_END)
        stream.seek(0)
        if _is_zip(start):
            yield from _unzip(part.name, stream, size, budget)
        elif _is_tar(start):
            yield from _untar(part.name, stream, size, budget)
        elif start[:2] == b"\x1f\x8b":
            yield from _gunzip(part.name, stream, size, budget)
        elif not start.strip(b"\0"):  # an empty tar is all zeros
            yield Refusal(part.name, "This file is empty.")
        elif start.startswith(_FOREIGN_ARCHIVES):
            yield Refusal(part.name, _FOREIGN)
        else:
            _check_file_size(size)
            budget.take(size)
            yield Unpacked(part.name, stream.read())


def _is_zip(start: bytes) -> bool:
    return start[:4] in (b"PK\x03\x04", b"PK\x05\x06")


def _is_tar(start: bytes) -> bool:
    return start[257:262] == b"ustar"


def _is_archive(start: bytes) -> bool:
    return _is_zip(start) or _is_tar(start) or start.startswith(_FOREIGN_ARCHIVES)


_FOREIGN_ARCHIVES = (b"Rar!\x1a\x07", b"7z\xbc\xaf'\x1c", b"\xfd7zXZ\x00", b"BZh")
_FOREIGN = "Archives of this kind are not opened. Pack the files as zip or tar."


def _unzip(name: str, stream: BinaryIO, size: int, budget: _Budget) -> Iterator[Unpacked | Refusal]:
    try:
        archive = zipfile.ZipFile(stream)
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise _damaged_archive() from error
    with archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        # The directory declares every size, so that a bomb is refused before it is unpacked;
        # reading stops at the declared size.
        _check_ratio(sum(entry.file_size for entry in entries), size)
        for entry in entries:
            label = f"{name}/{entry.filename}"
            budget.take(entry.file_size)
            is_link = (entry.external_attr >> 16) & 0o170000 == 0o120000
            reason = _why_not_entry(entry.filename, entry.file_size, is_link=is_link)
            if not reason and entry.flag_bits & 1:
                reason = "This file is encrypted. Make an archive without a password."
            if reason:
                yield Refusal(label, reason)
                continue
            try:
                data = archive.read(entry)
            except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError):
                yield Refusal(label, "This file is damaged in the archive. Make the archive again.")
                continue
            yield _entry(label, data)


def _untar(
    name: str, stream: BinaryIO | gzip.GzipFile, size: int, budget: _Budget
) -> Iterator[Unpacked | Refusal]:
    """Forward only; `stream` counts, so that skipped entries count as well."""
    limited = _LimitedReader(stream, packed_bytes=size)
    try:
        with tarfile.open(fileobj=cast(BinaryIO, limited), mode="r|") as archive:
            for entry in archive:
                if entry.isdir():
                    continue
                label = f"{name}/{entry.name}"
                budget.take(entry.size)
                content = archive.extractfile(entry) if entry.isreg() else None
                reason = _why_not_entry(entry.name, entry.size, is_link=content is None)
                if reason or content is None:
                    yield Refusal(label, reason)
                else:
                    yield _entry(label, content.read())
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, ValueError) as error:
        raise _damaged_archive() from error


def _gunzip(
    name: str, stream: BinaryIO, size: int, budget: _Budget
) -> Iterator[Unpacked | Refusal]:
    """A compressed tar, or one compressed file."""
    try:
        with gzip.GzipFile(fileobj=stream) as unpacked:
            start = unpacked.read(1024)
            unpacked.seek(0)
            if _is_tar(start):
                yield from _untar(name, unpacked, size, budget)
                return
            data = _LimitedReader(unpacked, packed_bytes=size).read(upload.MAX_FILE_BYTES + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _damaged_archive() from error
    _check_file_size(len(data))
    budget.take(len(data))
    yield Unpacked(name, data)


def _entry(label: str, data: bytes) -> Unpacked | Refusal:
    if not data:
        return Refusal(label, "This file is empty.")
    if _is_archive(data) or (data[:2] == b"\x1f\x8b" and not label.lower().endswith(".nii.gz")):
        return Refusal(
            label, "An archive inside an archive is not opened. Unpack it and upload its files."
        )
    if data[:2] == b"\x1f\x8b":
        return _nested_nifti(label, data)
    return Unpacked(label, data)


def _nested_nifti(label: str, data: bytes) -> Unpacked | Refusal:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as unpacked:
            limited = _LimitedReader(unpacked, packed_bytes=len(data))
            return Unpacked(label, limited.read(upload.MAX_FILE_BYTES))
    except (EOFError, zlib.error, gzip.BadGzipFile, InputError):
        return Refusal(label, "This file cannot be unpacked. Upload it again.")


def _why_not_entry(path: str, size: int, *, is_link: bool) -> str:
    parts = PurePosixPath(path.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts or path[1:2] == ":":
        return "Its path leads out of the archive, so it was not opened. Make the archive again."
    if is_link:
        return "This is a link or a device, not a file, so it was not followed."
    if size > upload.MAX_FILE_BYTES:
        return f"This file is larger than {upload.MAX_FILE_BYTES // MIB} MiB. {ASK_FOR_LESS}"
    return ""


def _check_file_size(size: int) -> None:
    if size > upload.MAX_FILE_BYTES:
        raise FileError(
            f"This file is larger than {upload.MAX_FILE_BYTES // MIB} MiB.", hint=ASK_FOR_LESS
        )


def _check_ratio(unpacked_bytes: int, packed_bytes: int) -> None:
    if unpacked_bytes > upload.MAX_TOTAL_BYTES:
        raise ArchiveError(
            f"This archive would unpack to more than {upload.MAX_TOTAL_BYTES // MIB} MiB, "
            "so it was not opened.",
            hint=ASK_FOR_LESS,
        )
    if (
        unpacked_bytes > upload.RATIO_FREE_BYTES
        and unpacked_bytes > upload.MAX_RATIO * packed_bytes
    ):
        raise ArchiveError(
            f"This archive would unpack to more than {upload.MAX_RATIO} times its size, "
            "so it was not opened.",
            hint="Make the archive again from the original files.",
        )


def _damaged_archive() -> ArchiveError:
    return ArchiveError("This archive is damaged or cut off.", hint="Make it again and upload it.")


class _LimitedReader:
    """Passes bytes on and stops when more came out than the limits allow."""

    def __init__(self, stream: BinaryIO | gzip.GzipFile, *, packed_bytes: int) -> None:
        self._stream = stream
        self._packed_bytes = packed_bytes
        self._passed = 0

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes, in steps, so that the limits act before memory is taken.

        Raises:
            ArchiveError: more than the limits allow came out.
        """
        chunks: list[bytes] = []
        left = size
        while left > 0:
            data = self._stream.read(min(left, MIB))
            if not data:
                break
            self._passed += len(data)
            _check_ratio(self._passed, self._packed_bytes)
            chunks.append(data)
            left -= len(data)
        return b"".join(chunks)
