"""What may be marked on a slice, and what a mark counts for once a joint line has moved.

A mark is what it was when it was made: no line moved later changes its quadrant or its place.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from asemble.core.geometry import slice_normal
from asemble.core.joints import Bone, Joint, Lesion, Mark, point
from asemble.core.volume import Affine
from asemble.reading.joint_lines import (
    HOLD_MM,
    JointLines,
    Laid,
    LineHere,
    Slice,
    line_at,
)
from asemble.reading.quadrants import hit

FAR_MM = 25.0
"""A click further from the joint than this asks before it is recorded.

SPARCC calls a lesion deep from 1 cm on, and the deepest of 800 simulated cases reaches 20.4 mm
(docs/decisions/0024).
"""
MOVED_MM = 1.0
"""A line has moved under a mark when its distance changed by more: less is a hand that shakes."""

LAY_FIRST = (
    "Draw the joint lines before you mark: choose Joints, then click both ends of each joint, on "
    "at least one anterior and one posterior slice."
)
"""Said where a series has no lines at all."""


@dataclass(frozen=True, slots=True)
class Clicked:
    """A place that the reader clicked, not yet a mark.

    Args:
        lesion: what is seen there.
        slice: index of the slice.
        place_mm: where, LPS.
        is_deep: as of `Mark`.
        is_intense: as of `Mark`.
    """

    lesion: Lesion
    slice: int
    place_mm: tuple[float, float, float]
    is_deep: bool = False
    is_intense: bool = False


def shows_quadrants(affine: Affine | None) -> bool:
    """Whether the slices show left and right as well as head and feet, and geometry is known.

    >>> shows_quadrants(None)
    False
    """
    if affine is None:
        return False
    x, _, z = np.abs(slice_normal(affine))
    return bool(x < np.cos(np.radians(30)) and z < np.cos(np.radians(15)))


def refusal(lines: JointLines, at: Slice) -> str:
    """Why nothing can be marked on a slice, in a sentence; empty where it can."""
    if not lines.lines:
        return LAY_FIRST
    missing = [joint for joint in Joint if line_at(lines, joint, at) is None]
    if not missing:
        return ""
    which = " and ".join(missing)
    many = "joints have no line" if len(missing) > 1 else "joint has no line"
    return (
        f"Nothing can be marked here: the {which} {many} on this slice or within {HOLD_MM:.0f} mm "
        "of it. Choose Joints and click both ends."
    )


def mark_of(clicked: Clicked, lines: JointLines, at: Slice, *, bone: Bone | None = None) -> Mark:
    """The mark that a click makes, by the lines as they lie now.

    Args:
        clicked: where, and what.
        lines: as they lie now.
        at: the slice.
        bone: that the networks found at the place; a line that the reader laid overrules it.

    Raises:
        ValueError: nothing can be marked on that slice (see `refusal`).
    """
    if problem := refusal(lines, at):
        raise ValueError(problem)
    found = hit(lines, at, clicked.place_mm)
    quadrant = found.quadrant
    here = line_at(lines, quadrant.joint, at)
    if bone is not None and here is not None and here.is_proposed:
        quadrant = replace(quadrant, bone=bone)
    return Mark(
        clicked.lesion,
        clicked.slice,
        quadrant,
        is_deep=clicked.is_deep,
        is_intense=clicked.is_intense,
        place_mm=clicked.place_mm,
        line_mm=round(found.line_mm, 1),
    )


def question(mark: Mark) -> str:
    """What to ask before a mark is recorded; empty where there is nothing to ask."""
    if mark.line_mm is None or mark.line_mm <= FAR_MM:
        return ""
    return (
        f"This click is {mark.line_mm:.0f} mm from the {mark.quadrant.joint} joint, the nearer "
        f"one; lesions are expected within {FAR_MM:.0f} mm. Record {mark.lesion}, {mark.quadrant}?"
    )


def moved(mark: Mark, lines: JointLines, at: Slice) -> str:
    """That a joint line has moved under a mark since it was made; empty where none has.

    Args:
        mark: as it was made.
        lines: as they lie now.
        at: the slice of the mark.
    """
    if mark.place_mm is None or mark.line_mm is None:
        return ""
    made = f"made as {mark.quadrant}; the line has moved"
    here = line_at(lines, mark.quadrant.joint, at)
    if here is None:
        return f"made as {mark.quadrant}; the line was removed since"
    now = hit(lines, at, mark.place_mm)
    if here.is_proposed:  # then the bones said which bone it lies in, and no hand moved the line
        now = replace(now, quadrant=replace(now.quadrant, bone=mark.quadrant.bone))
    if now.quadrant != mark.quadrant:
        return f"{made}, and the place is now {now.quadrant}"
    if abs(now.line_mm - mark.line_mm) > MOVED_MM:
        return f"{made} from {mark.line_mm:.0f} to {now.line_mm:.0f} mm away"
    return ""


def counted(marks: Iterable[Mark], lines: JointLines, affine: Affine | None) -> tuple[Mark, ...]:
    """The marks that definitions and scores count: none of a series whose joints nobody laid.

    Without geometry no line can be laid; what is marked there is by words, and counts.
    """
    return tuple(marks) if lines.lines or not shows_quadrants(affine) else ()


def line_words(here: LineHere | None) -> str:
    """Why a joint line lies where it does on a slice, for the reader.

    >>> line_words(LineHere(np.zeros((3, 3)), Laid.HELD, 4.4))
    'taken from the nearest line, 4 mm away'
    >>> line_words(LineHere(np.zeros((3, 3)), Laid.HERE, 0.0, is_proposed=True))
    'proposed by the networks'
    """
    if here is None:
        return f"no line within {HOLD_MM:.0f} mm"
    words = _PROPOSED_WORDS[here.laid] if here.is_proposed else str(here.laid)
    return f"{words}, {here.away_mm:.0f} mm away" if here.laid is Laid.HELD else words


_PROPOSED_WORDS = {
    Laid.HERE: "proposed by the networks",
    Laid.BETWEEN: "between lines that the networks proposed",
    Laid.HELD: "taken from the nearest line that the networks proposed",
}


def place_of(affine: Affine, at: int, row: float, column: float) -> tuple[float, float, float]:
    """Millimetres LPS of a place on a slice; `affine` is that of the slices as shown."""
    return point((affine @ np.array([at, row, column, 1.0]))[:3])


def rows_and_columns(affine: Affine, points: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """`(..., 3)` mm LPS to `(..., 2)`: row and column on the slices as shown."""
    shifted = np.asarray(points, dtype=np.float64) - affine[:3, 3]
    return np.asarray((shifted @ np.linalg.inv(affine[:3, :3]).T)[..., 1:])
