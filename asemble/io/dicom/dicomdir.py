"""The index of a disc (DICOMDIR): which files it names, and which of them did not come in.

Of its records only ReferencedFileID is looked at; what they say about people is not. The images
themselves say all that is needed, so the index is never read for more (PS3.10 section 8).
"""

from collections.abc import Iterable, Sequence

import pydicom
from pydicom.uid import MediaStorageDirectoryStorage

from asemble.core.errors import FileError
from asemble.core.study import Refusal
from asemble.io.dicom.prescan import Elements, read_structure
from asemble.io.dicom.reader import DAMAGED, quiet_parser

DEEPEST = 8
"""Parts of a path on a disc (PS3.10 8.2)."""
_RECORDS = 0x00041220
"""DirectoryRecordSequence."""
_META_BYTES = 1024
"""Within so many bytes of its start a file says what it is."""


def is_index(data: bytes) -> bool:
    """Whether a file is a DICOMDIR, by the class that its file meta information states."""
    return (
        data[128:132] == b"DICM" and MediaStorageDirectoryStorage.encode() in data[132:_META_BYTES]
    )


def files_named(data: bytes, *, elements: Elements | None = None) -> list[tuple[str, ...]]:
    """The path of each file that an index names, as folders and name.

    Args:
        data: the whole index.
        elements: what the headers of its upload may still take.

    Raises:
        FileError: the index is damaged.
    """
    found = read_structure(data, wanted=frozenset({_RECORDS}), elements=elements).elements
    try:
        with quiet_parser():
            records = pydicom.Dataset(found).get("DirectoryRecordSequence") or []
            stated = [record.get("ReferencedFileID") for record in records]
            return [
                (value,) if isinstance(value, str) else tuple(str(part) for part in value)
                for value in stated
                if value
            ]
    except DAMAGED as error:
        raise FileError(
            "This index of a disc (DICOMDIR) is damaged.",
            hint="The images are read without it.",
            code="dicomdir-damaged",
        ) from error


def missing(
    index: str, named: Sequence[tuple[str, ...]], uploaded: Iterable[str]
) -> Refusal | None:
    """How many of the files that an index names are missing; None where none is.

    A file counts as here if its name ends in the path that the index gives, or, where it came
    without folders as from a browser, if its bare name is the last of that path.

    Args:
        index: name of the index itself.
        named: from `files_named`.
        uploaded: names of all files of the upload, read or not.
    """
    if not named:
        empty = "This index of a disc (DICOMDIR) names no files. It is not needed."
        return Refusal(index, empty, "dicomdir-empty")
    paths = {_plain(path[-DEEPEST:]) for path in named}
    depths = {len(path) for path in paths}
    here: set[tuple[str, ...]] = set()
    for name in uploaded:
        parts = _plain(name.replace("\\", "/").split("/"))
        here |= {parts[-depth:] for depth in depths}
        if len(parts) == 1:
            here.add(("", parts[0]))
    count = sum(path not in here and ("", path[-1]) not in here for path in paths)
    if not count:
        return None
    files = "1 file that is" if count == 1 else f"{count} files that are"
    return Refusal(
        index,
        f"This index of a disc (DICOMDIR) names {files} not in the upload. "
        "Upload the whole disc with its folders if they matter.",
        "dicomdir-files-missing",
        files=count,
    )


def _plain(parts: Iterable[str]) -> tuple[str, ...]:
    """Parts of a path as discs compare them: without case, version number and final dot."""
    return tuple(part.casefold().removesuffix(";1").rstrip(".") for part in parts)
