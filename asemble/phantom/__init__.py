"""The simulator: sacroiliac MRI of people who do not exist, with the truth beside it.

A case is one person with the bones of a shape model of real people; its slices are rendered in any
plane and weighting and agree with each other. See the module docstrings for what each part takes
from the clinical specification and from measurements on real scans.
"""

from asemble.phantom.appearances import HELD_OUT, Ingredient
from asemble.phantom.cases import (
    Case,
    RenderedSlice,
    render_series,
    render_slice,
    sample_case,
    sample_stack,
)
from asemble.phantom.export import is_truth, write_sample
from asemble.phantom.findings import LesionType

__all__ = [
    "HELD_OUT",
    "Case",
    "Ingredient",
    "LesionType",
    "RenderedSlice",
    "is_truth",
    "render_series",
    "render_slice",
    "sample_case",
    "sample_stack",
    "write_sample",
]
