"""What one upload may still take, and the refusals of archives that ask for more."""

import re
from dataclasses import dataclass

from asemble.core.errors import ArchiveError, FileError
from asemble.io import hints, limits
from asemble.io.limits import MIB


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of an archive: its bytes, or why it was left out."""

    name: str
    data: bytes = b""
    refused: FileError | None = None


@dataclass(slots=True)
class Budget:
    """What has been used of the limits of one upload."""

    files: int = 0
    packed_bytes: int = 0
    total_bytes: int = 0

    def take_in(self, size: int) -> None:
        """Count a part as it arrives.

        Raises:
            ArchiveError: the upload is too large.
        """
        if self.packed_bytes + size > limits.MAX_PACKED_BYTES:
            raise ArchiveError(
                f"The upload is larger than {limits.MAX_PACKED_BYTES // MIB} MiB.",
                hint=hints.ASK_FOR_LESS,
                code="upload-too-large",
            )
        self.packed_bytes += size

    def take(self, size: int) -> None:
        """Count a file that comes out.

        Raises:
            ArchiveError: the upload holds too many files or bytes.
        """
        self.files += 1
        if self.files > limits.MAX_FILES:
            raise too_many_files()
        if self.total_bytes + size > limits.MAX_TOTAL_BYTES:
            raise ArchiveError(
                f"The upload unpacks to more than {limits.MAX_TOTAL_BYTES // MIB} MiB.",
                hint=hints.ASK_FOR_LESS,
                code="upload-too-large",
            )
        self.total_bytes += size


def check_growth(unpacked_bytes: int, packed_bytes: int) -> None:
    """Hold what comes out of an archive against what went in.

    Raises:
        ArchiveError: it is too much, or too many times more.
    """
    if unpacked_bytes > limits.MAX_TOTAL_BYTES:
        raise ArchiveError(
            f"This archive would unpack to more than {limits.MAX_TOTAL_BYTES // MIB} MiB, "
            "so it was not opened.",
            hint=hints.ASK_FOR_LESS,
            code="archive-too-large",
        )
    is_harmless = unpacked_bytes <= limits.RATIO_FREE_BYTES
    if not is_harmless and unpacked_bytes > limits.MAX_RATIO * packed_bytes:
        raise ArchiveError(
            f"This archive would unpack to more than {limits.MAX_RATIO} times its size, "
            "so it was not opened.",
            hint=hints.ARCHIVE_AGAIN,
            code="archive-ratio",
        )


def why_not_entry(size: int, *, is_link: bool) -> FileError | None:
    """Why an entry of an archive is left out, None where it is not."""
    if is_link:
        return FileError(
            "This is a link or a device, not a file, so it was not followed.",
            code="link-not-followed",
        )
    return too_large() if size > limits.MAX_FILE_BYTES else None


def too_large() -> FileError:
    """The refusal of a file that is larger than one may be."""
    return FileError(
        f"This file is larger than {limits.MAX_FILE_BYTES // MIB} MiB.",
        hint=hints.ASK_FOR_LESS,
        code="file-too-large",
    )


def name_inside(path: str) -> str:
    r"""The name of an entry below its archive, with forward slashes.

    Nothing is written to a disk, so a path can lead nowhere: an absolute one, one with a drive
    and one that climbs name a file like any other.

    >>> name_inside("C:\\Export\\IM1"), name_inside("/data/IM1"), name_inside("a/../../IM1")
    ('Export/IM1', 'data/IM1', 'a/IM1')
    """
    parts = re.sub(r"^[A-Za-z]:", "", path).replace("\\", "/").split("/")
    return "/".join(part for part in parts if part not in ("", ".", ".."))


def too_many_files() -> ArchiveError:
    """The refusal of too many files."""
    return ArchiveError(
        f"The upload holds more than {limits.MAX_FILES:,} files.",
        hint=hints.ASK_FOR_LESS,
        code="too-many-files",
    )


def damaged_archive() -> ArchiveError:
    """The refusal of what cannot be opened."""
    return ArchiveError(
        "This archive is damaged or cut off.",
        hint="Make it again and upload it.",
        code="archive-damaged",
    )
