"""What a reader marks on the slices: a lesion in a quadrant of a joint on one slice.

The quadrants are those of SPARCC: each joint is divided into its upper and lower half and into its
iliac and its sacral side. Definitions and scores are counted from these marks alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import product


class Lesion(StrEnum):
    """A lesion of the ASAS definitions of 2019."""

    OEDEMA = "bone marrow oedema"
    EROSION = "erosion"
    FAT = "fat lesion"
    BACKFILL = "backfill"
    ANKYLOSIS = "ankylosis"
    SCLEROSIS = "sclerosis"


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
    place_mm: tuple[float, float, float] | None = field(default=None, compare=False)
    line_mm: float | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if self.slice < 0:
            raise ValueError(f"slice must be 0 or more, got {self.slice}")


def toggled(marks: Iterable[Mark], mark: Mark) -> tuple[Mark, ...]:
    """`marks` with `mark`, or without it where it stands there already.

    The same lesion in the same place with another depth or intensity is replaced.

    >>> oedema = Mark(Lesion.OEDEMA, 3, QUADRANTS[0])
    >>> deep = Mark(Lesion.OEDEMA, 3, QUADRANTS[0], is_deep=True)
    >>> toggled((oedema,), deep) == (deep,), toggled((deep,), deep)
    (True, ())
    """
    marks = tuple(marks)
    if mark in marks:
        return tuple(other for other in marks if other != mark)
    place = (mark.lesion, mark.slice, mark.quadrant)
    rest = [other for other in marks if (other.lesion, other.slice, other.quadrant) != place]
    return (*rest, mark)


def of_lesion(marks: Iterable[Mark], lesion: Lesion) -> list[Mark]:
    """The marks of one lesion."""
    return [mark for mark in marks if mark.lesion is lesion]


def quadrants_of(marks: Iterable[Mark]) -> set[Quadrant]:
    """The quadrants that are marked on any slice."""
    return {mark.quadrant for mark in marks}


def longest_run(marks: Iterable[Mark]) -> int:
    """Most consecutive slices on which one quadrant is marked.

    >>> place = QUADRANTS[0]
    >>> longest_run([Mark(Lesion.OEDEMA, at, place) for at in (3, 4, 6)])
    2
    """
    places = {(mark.quadrant, mark.slice) for mark in marks}
    best = 0
    for quadrant, at in places:
        if (quadrant, at - 1) in places:
            continue
        length = 1
        while (quadrant, at + length) in places:
            length += 1
        best = max(best, length)
    return best
