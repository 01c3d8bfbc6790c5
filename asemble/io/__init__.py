"""Reading studies from files and writing them back: the public door of the room.

What it names is imported when it is first used, so that a decoder process starts without it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asemble.io.archive.parts import Part
    from asemble.io.conversion import convert
    from asemble.io.dicom.reader import series_uid
    from asemble.io.formats.masks import lay_on, read_mask
    from asemble.io.formats.nifti import write_nifti
    from asemble.io.read import Progress, Upload, read_parts, read_study, read_uploads

__all__ = [
    "Part",
    "Progress",
    "Upload",
    "convert",
    "lay_on",
    "read_mask",
    "read_parts",
    "read_study",
    "read_uploads",
    "series_uid",
    "write_nifti",
]

_HOMES = {
    "convert": "conversion",
    "lay_on": "formats.masks",
    "read_mask": "formats.masks",
    "write_nifti": "formats.nifti",
    "Progress": "read",
    "read_parts": "read",
    "Upload": "read",
    "read_study": "read",
    "read_uploads": "read",
    "series_uid": "dicom.reader",
    "Part": "archive.parts",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
