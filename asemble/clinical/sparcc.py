"""The SPARCC scores of the sacroiliac joints, from a reader's marks.

Only what lies on the scored slices counts; what is marked elsewhere is told beside the score.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from asemble.clinical.marks import Lesion, Mark, of_lesion

INFLAMMATION_SLICES = 6
"""Consecutive semicoronal slices through the cartilaginous joint."""
INFLAMMATION_MAX = 72
"""48 for quadrants, 12 for depth, 12 for intensity."""
STRUCTURAL_SLICES = 5
"""Consecutive semicoronal T1 slices from the transitional slice towards the front."""
STRUCTURAL_MAX = {Lesion.FAT: 40, Lesion.EROSION: 40, Lesion.BACKFILL: 20, Lesion.ANKYLOSIS: 20}
"""By lesion: quadrants for fat and erosion, halves of the joints for the others."""
ASAS_MATCH = 2
"""The score from which on it agrees best with an ASAS-positive MRI."""
INFLAMMATION_SOURCES = ("sparcc_grading", "sparcc_2005", "sparcc_asas")
"""Where the rules come from, and the cut-off."""
STRUCTURAL_SOURCES = ("sparcc_sss",)
"""The full text was not readable."""


@dataclass(frozen=True, slots=True)
class InflammationScore:
    """SPARCC inflammation, 0 to 72.

    Args:
        oedema: quadrants with oedema, summed over the slices, 0 to 48.
        depth: joints with deep oedema, summed over the slices, 0 to 12.
        intensity: joints with intense oedema, summed over the slices, 0 to 12.
        first_slice: of the six scored ones.
        left_out: marked quadrants of oedema on other slices.
    """

    oedema: int
    depth: int
    intensity: int
    first_slice: int
    left_out: int

    @property
    def total(self) -> int:
        """The score."""
        return self.oedema + self.depth + self.intensity


@dataclass(frozen=True, slots=True)
class StructuralScore:
    """SPARCC SSS.

    Args:
        scores: by lesion; the bounds are `STRUCTURAL_MAX`.
        left_out: marks of these lesions on other slices.
    """

    scores: Mapping[Lesion, int]
    left_out: int


def inflammation(marks: Iterable[Mark], first_slice: int) -> InflammationScore:
    """SPARCC inflammation over six slices.

    Args:
        marks: of one semicoronal STIR series.
        first_slice: index of the first of the six.
    """
    oedema = of_lesion(marks, Lesion.OEDEMA)
    scored = on_scored_slices(oedema, first_slice)
    quadrants = {(mark.slice, mark.quadrant) for mark in scored}
    return InflammationScore(
        oedema=len(quadrants),
        depth=len({(m.slice, m.quadrant.joint) for m in scored if m.is_deep}),
        intensity=len({(m.slice, m.quadrant.joint) for m in scored if m.is_intense}),
        first_slice=first_slice,
        left_out=len({(mark.slice, mark.quadrant) for mark in oedema}) - len(quadrants),
    )


def on_scored_slices(marks: Iterable[Mark], first_slice: int) -> list[Mark]:
    """The marks of oedema on the six scored slices."""
    scored_slices = range(first_slice, first_slice + INFLAMMATION_SLICES)
    return [mark for mark in of_lesion(marks, Lesion.OEDEMA) if mark.slice in scored_slices]


def fullest_slices(marks: Iterable[Mark], slices: int) -> int:
    """First of the six consecutive slices with the greatest score, to be offered to the reader.

    Args:
        marks: of one semicoronal STIR series.
        slices: in the series.
    """
    marks = list(marks)
    starts = range(max(1, slices - INFLAMMATION_SLICES + 1))
    return max(starts, key=lambda start: (inflammation(marks, start).total, -start))


def structural(
    marks: Iterable[Mark], transitional_slice: int, *, step_to_front: int
) -> StructuralScore:
    """SPARCC SSS over five slices.

    Args:
        marks: of one semicoronal T1 series.
        transitional_slice: index of the first slice, from behind, with cartilaginous joint that
            still shows some ligamentous joint.
        step_to_front: 1 where higher indices lie further in front, -1 where they lie behind.

    Raises:
        ValueError: the step is neither 1 nor -1.
    """
    if step_to_front not in (1, -1):
        raise ValueError(f"step_to_front must be 1 or -1, got {step_to_front}")
    scored_slices = {transitional_slice + step_to_front * n for n in range(STRUCTURAL_SLICES)}
    of_scored = [mark for mark in marks if mark.lesion in STRUCTURAL_MAX]
    scored = [mark for mark in of_scored if mark.slice in scored_slices]
    by_quadrant = {(m.lesion, m.slice, m.quadrant) for m in scored}
    by_half = {(m.lesion, m.slice, m.quadrant.joint, m.quadrant.half) for m in scored}
    is_by_quadrant = {Lesion.FAT, Lesion.EROSION}
    return StructuralScore(
        scores={
            lesion: sum(
                place[0] is lesion
                for place in (by_quadrant if lesion in is_by_quadrant else by_half)
            )
            for lesion in STRUCTURAL_MAX
        },
        left_out=len(of_scored) - len(scored),
    )
