"""What lies at the joints: quadrants, the lines along the joints, and lesions marked there.

The quadrants are those of SPARCC: each joint is divided into its upper and lower half and into its
iliac and its sacral side. A reader marks lesions, and the ensemble proposes them, in this one form.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import product

import numpy as np
import numpy.typing as npt

FURTHEST_MM = 10_000.0
"""From the origin of a frame of reference; no scanner is so large."""

TIE_DECIMALS = 3
"""Of positions in mm: whether a line belongs to a slice must not hang on the last bit."""

Point = tuple[float, float, float]
"""Millimetres in the patient, LPS."""
Points = npt.NDArray[np.float64]


class Lesion(StrEnum):
    """A lesion of the ASAS definitions of 2019."""

    OEDEMA = "bone marrow oedema"
    EROSION = "erosion"
    FAT = "fat lesion"
    BACKFILL = "backfill"
    ANKYLOSIS = "ankylosis"
    SCLEROSIS = "sclerosis"

    @property
    def letter(self) -> str:
        """Stands for it where there is no room for its name; the viewer has the same."""
        return "K" if self is Lesion.BACKFILL else self.value[0].upper()


class Joint(StrEnum):
    """The patient's side."""

    RIGHT = "right"
    LEFT = "left"


class Half(StrEnum):
    """Of the joint's height on a slice."""

    UPPER = "upper"
    LOWER = "lower"


class Bone(StrEnum):
    """Which side of the joint line."""

    ILIAC = "iliac"
    SACRAL = "sacral"


@dataclass(frozen=True, slots=True, order=True)
class Quadrant:
    """A quarter of one joint.

    >>> print(Quadrant(Joint.LEFT, Half.UPPER, Bone.ILIAC))
    left upper iliac
    """

    joint: Joint
    half: Half
    bone: Bone

    def __str__(self) -> str:
        return f"{self.joint} {self.half} {self.bone}"


QUADRANTS = tuple(Quadrant(*parts) for parts in product(Joint, Half, Bone))
"""All eight."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One lesion in one quadrant of one slice.

    Args:
        lesion: what is seen.
        slice: index of the slice in its series, 0 and up.
        quadrant: where on the slice. Backfill and ankylosis belong to a half of a joint: a mark
            on either bone counts for both.
        is_deep: it reaches 1 cm or more from the joint surface.
        is_intense: oedema as bright as the reference (CSF or disc, as the reader chose).
        place_mm: where the reader clicked, LPS; None for a mark made by words. Two marks that
            differ in it alone are one.
        line_mm: how far from the joint line that was, when it was made.

    Raises:
        ValueError: the index is below zero.
    """

    lesion: Lesion
    slice: int
    quadrant: Quadrant
    is_deep: bool = False
    is_intense: bool = False
    place_mm: Point | None = field(default=None, compare=False)
    line_mm: float | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if self.slice < 0:
            raise ValueError(f"slice must be 0 or more, got {self.slice}")


@dataclass(frozen=True, slots=True)
class JointLine:
    """One joint on one slice: two straight parts.

    Args:
        joint: the patient's side.
        upper: its upper end, mm LPS.
        bend: where its parts meet, mm LPS.
        lower: its lower end, mm LPS.

    Raises:
        ValueError: two of the points are one, or one is no place in a scanner.
    """

    joint: Joint
    upper: Point
    bend: Point
    lower: Point

    def __post_init__(self) -> None:
        if not (np.abs(self.points) <= FURTHEST_MM).all():
            raise ValueError(f"points of a joint line must lie within {FURTHEST_MM:.0f} mm")
        if (np.linalg.norm(np.diff(self.points, axis=0), axis=1) == 0).any():
            raise ValueError("a joint line needs three points apart")

    @property
    def points(self) -> Points:
        """`(3, 3)` mm LPS, from the upper end to the lower."""
        return np.array([self.upper, self.bend, self.lower], dtype=np.float64)


def point(value: Sequence[float] | Points) -> Point:
    """Three numbers as a place in mm, to a micrometre."""
    x, y, z = (round(float(each), TIE_DECIMALS) for each in value)
    return x, y, z
