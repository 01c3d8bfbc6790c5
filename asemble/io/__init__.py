"""Reading studies from files and writing them back: the public door of the room."""

from asemble.io.convert import convert
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
    "write_nifti",
]
