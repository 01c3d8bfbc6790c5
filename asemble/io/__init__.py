"""Reading studies from files and writing them back: the public door of the room.

What it names is imported when it is first used, so that a decoder process starts without it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asemble.io.conversion import convert
    from asemble.io.dicom import series_uid
    from asemble.io.masks import lay_on, read_mask
    from asemble.io.nifti import write_nifti
    from asemble.io.reading import Progress, read_parts, read_study
    from asemble.io.upload import Part

__all__ = [
    "Part",
    "Progress",
    "convert",
    "lay_on",
    "read_mask",
    "read_parts",
    "read_study",
    "series_uid",
    "write_nifti",
]

_HOMES = {
    "convert": "conversion",
    "lay_on": "masks",
    "read_mask": "masks",
    "write_nifti": "nifti",
    "Progress": "reading",
    "read_parts": "reading",
    "read_study": "reading",
    "series_uid": "dicom",
    "Part": "upload",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
