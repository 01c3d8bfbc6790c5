"""Where the joints lie: lines in millimetres, shared by the series of one frame.

The reader lays them, or corrects those that the networks propose from the bones that they found. A
line is laid on one slice and belongs to the patient, not to the slice: on any slice of any series
of its frame of reference the joint lies between the nearest lines before and behind it, and as far
as `HOLD_MM` beyond the outermost. Each joint has lines of its own.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from asemble.core.errors import LineError
from asemble.core.geometry import slice_normal, spacing_mm
from asemble.core.joints import TIE_DECIMALS, Joint, JointLine, Points, point
from asemble.core.study import Series
from asemble.core.volume import Affine

HOLD_MM = 9.0
"""How far beyond its outermost lines a joint is still drawn, as there: two slices of 4.4 mm.

From front to back a joint shifts sideways by up to 0.6 mm a millimetre (`JOINT_LINE_MM` of the
simulator, traced on real scans): over 9 mm by up to 6 mm, and any further by more than most lesions
are deep.
"""
LEAST_LENGTH_MM = 5.0
"""SPARCC scores no joint that is less than 1 cm high on a slice; half of that is a slip."""
LEAST_RISE = 0.35
"""Of a line's length, how much must lead upwards (20 degrees): a flat line has no upper half."""
LEAST_APART_MM = 30.0
"""Between the joints; the least between the lines just named is 74 mm, low on a hind slice."""


class Laid(StrEnum):
    """Why a joint lies where it does on a slice."""

    HERE = "drawn here"
    BETWEEN = "between lines drawn on other slices"
    HELD = "taken from the nearest line"


@dataclass(frozen=True, slots=True)
class JointLines:
    """The lines of all series that share a frame of reference.

    Args:
        frame: names the frame inside the study, never a UID (`frame_name`).
        lines: as they hold, in an order that does not tell in which they were laid.
        proposed: as the networks proposed them. Those that are not among `lines` the reader
            corrected or removed; those of `lines` that are not among them the reader laid.
    """

    frame: str
    lines: tuple[JointLine, ...] = ()
    proposed: tuple[JointLine, ...] = ()

    @property
    def by_hand(self) -> tuple[JointLine, ...]:
        """The lines that the reader laid."""
        return tuple(line for line in self.lines if line not in self.proposed)

    def of(self, joint: Joint) -> list[JointLine]:
        """Those of one side."""
        return [line for line in self.lines if line.joint is joint]


@dataclass(frozen=True, slots=True, eq=False)
class Slice:
    """The plane of one slice.

    Args:
        normal: unit vector `(3,)`, LPS.
        position_mm: along the normal.
        spacing_mm: to the next slice; lines nearer than half of it are this slice's own.

    >>> affine = np.array([[0, 0, 0.7, 0], [4, 0, 0, 0], [0, -0.5, 0, 0], [0, 0, 0, 1.0]])
    >>> Slice.of(affine, 3).position_mm
    12.0
    """

    normal: Points
    position_mm: float
    spacing_mm: float

    @classmethod
    def of(cls, affine: Affine, index: int) -> "Slice":
        """Slice `index` of the volume with that affine."""
        normal = slice_normal(affine)
        position = normal @ (affine[:3, 3] + index * affine[:3, 0])
        return cls(normal, float(position), spacing_mm(affine)[0])

    def away_mm(self, points: npt.ArrayLike) -> Points:
        """How far points `(..., 3)` lie in front of the plane, negative behind it."""
        away = np.asarray(points, dtype=np.float64) @ self.normal - self.position_mm
        return np.asarray(away.round(TIE_DECIMALS))

    def owns(self, line: JointLine) -> bool:
        """Whether the line was laid on this slice, or nearer to it than to its neighbours."""
        away = float(self.away_mm(line.points).mean())
        return -self.spacing_mm / 2 <= away < self.spacing_mm / 2

    def flat(self, points: npt.ArrayLike) -> Points:
        """`(..., 3)` mm LPS to `(..., 2)` mm in the plane: to the patient's left, and downwards."""
        left = np.array([1.0, 0, 0]) - self.normal[0] * self.normal
        left /= np.linalg.norm(left)
        down = np.cross(self.normal, left)
        down *= -1 if down[2] > 0 else 1
        return np.asarray(np.asarray(points) @ np.stack([left, down], axis=1), dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class LineHere:
    """A joint on one slice.

    Args:
        points: `(3, 3)` mm LPS, upper end, bend and lower end, in the plane of the slice.
        laid: why it lies there.
        away_mm: from the nearest line that was laid.
        is_proposed: no line that gives it was laid by hand.
    """

    points: Points
    laid: Laid
    away_mm: float
    is_proposed: bool = False


def frame_name(series: Series) -> str:
    """Whose lines a series has: those of its frame of reference, without one its own."""
    return series.frame_of_reference or series.id


def lines_of(kept: Sequence[JointLines], series: Series) -> JointLines:
    """The lines of a series, none where none was laid."""
    frame = frame_name(series)
    return next((each for each in kept if each.frame == frame), JointLines(frame))


def line_at(lines: JointLines, joint: Joint, at: Slice) -> LineHere | None:
    """A joint on a slice, or None where no line is near enough.

    Ends and bends are joined each with its like on the next line, and cut by the slice; that is
    so for slices tilted against those the lines were laid on, too.
    """
    laid = lines.of(joint)
    if not laid:
        return None
    knots = np.stack([line.points for line in laid])  # (line, point, axis)
    away = at.away_mm(knots)  # (line, point)
    nearest = float(np.abs(away).min(axis=0).max())
    points = np.stack([_cut(knots[:, k], away[:, k], at.normal) for k in range(3)])
    is_proposed = _is_proposed(lines, laid, away.mean(axis=1), at)
    if any(at.owns(line) for line in laid):
        return LineHere(points, Laid.HERE, nearest, is_proposed)
    if not ((away.min(axis=0) <= 0) & (away.max(axis=0) >= 0)).all():
        held = LineHere(points, Laid.HELD, nearest, is_proposed)
        return held if nearest <= HOLD_MM else None
    return LineHere(points, Laid.BETWEEN, nearest, is_proposed)


def lay(lines: JointLines, joint: Joint, drawn: npt.ArrayLike, at: Slice) -> JointLines:
    """`lines` with the joint as it was drawn on a slice, in place of what that slice had.

    Args:
        lines: as they are.
        joint: the patient's side.
        drawn: `(2, 3)` mm LPS, the ends in either order, or `(3, 3)` with the bend between them.
        at: the slice.

    Raises:
        LineError: it is too short or too flat, or on the wrong side of the other joint.
    """
    points = np.asarray(drawn, dtype=np.float64)
    if len(points) == 2:
        points = np.stack([points[0], points.mean(axis=0), points[1]])
    if at.flat(points[0])[1] > at.flat(points[2])[1]:
        points = points[::-1]
    _check_shape(at.flat(points), joint)
    _check_sides(lines, joint, at.flat(points), at)
    upper, bend, lower = map(point, points)
    others = [line for line in lines.lines if line.joint is not joint or not at.owns(line)]
    kept = sorted([*others, JointLine(joint, upper, bend, lower)], key=astuple)
    return replace(lines, lines=tuple(kept))


def propose(lines: JointLines, proposed: Sequence[JointLine]) -> JointLines:
    """`lines` with those that the networks propose, of each joint that the reader has not laid.

    What the reader laid by hand stays, on every slice: of that joint nothing is proposed.
    """
    by_hand = {line.joint for line in lines.by_hand}
    offered = [line for line in proposed if line.joint not in by_hand]
    anew = {line.joint for line in offered}

    def put(before: tuple[JointLine, ...]) -> tuple[JointLine, ...]:
        kept = [line for line in before if line.joint not in anew]
        return tuple(sorted([*kept, *offered], key=astuple))

    return replace(lines, lines=put(lines.lines), proposed=put(lines.proposed))


def without(lines: JointLines, at: Slice) -> JointLines:
    """`lines` without those that were laid on a slice."""
    return replace(lines, lines=tuple(line for line in lines.lines if not at.owns(line)))


def _is_proposed(lines: JointLines, laid: Sequence[JointLine], away: Points, at: Slice) -> bool:
    """Whether the lines that give a joint here were all proposed: its own, or the nearest ones."""
    own = [line for line in laid if at.owns(line)]
    ends = [
        laid[int(np.abs(np.where(side, away, np.inf)).argmin())]
        for side in (away <= 0, away >= 0)
        if side.any()
    ]
    return all(line in lines.proposed for line in own or ends)


def _cut(path: Points, away: Points, normal: Points) -> Points:
    """Where a path through points `(line, 3)` meets the plane they lie `away` from, `(3,)`.

    Before its first and behind its last point it goes on along the normal.
    """
    order = np.argsort(away, kind="stable")
    path, away = path[order], away[order]
    met = np.array([np.interp(0.0, away, path[:, axis]) for axis in range(3)])
    beyond = np.clip(0.0, away[0], away[-1])
    return np.asarray(met - beyond * normal, dtype=np.float64)


def _check_shape(line: Points, joint: Joint) -> None:
    length = float(np.linalg.norm(line[2] - line[0]))
    parts = np.linalg.norm(np.diff(line, axis=0), axis=1)
    if min(length, 2 * parts.min()) < LEAST_LENGTH_MM:
        raise LineError(
            f"The {joint} joint line would be {length:.0f} mm long, with parts of "
            f"{parts[0]:.0f} and {parts[1]:.0f} mm.",
            hint="Set one end at the top of the joint and the other at its bottom.",
            code="joint-line-length",
        )
    if line[2, 1] - line[0, 1] < LEAST_RISE * length or np.diff(line[:, 1]).min() <= 0:
        raise LineError(
            f"The {joint} joint line would lie flat or turn back, and has no upper half.",
            hint="Set one end at the top of the joint and the other at its bottom.",
            code="joint-line-direction",
        )


def _check_sides(lines: JointLines, joint: Joint, line: Points, at: Slice) -> None:
    other = Joint.LEFT if joint is Joint.RIGHT else Joint.RIGHT
    laid = lines.of(other)
    if not laid:
        return
    nearest = min(laid, key=lambda each: abs(float(at.away_mm(each.points).mean())))
    gap = float(line[:, 0].mean() - at.flat(nearest.points)[:, 0].mean())
    gap *= 1 if joint is Joint.LEFT else -1
    if gap < LEAST_APART_MM:
        where = "on the wrong side of" if gap <= 0 else f"only {gap:.0f} mm beside"
        raise LineError(
            f"That line lies {where} the {other} joint line, so it is not the {joint} joint.",
            hint=f"Draw it on the patient's {joint}, or remove the lines of this slice first.",
            code="joint-line-side",
        )


def as_json(kept: Sequence[JointLines]) -> list[dict[str, Any]]:
    """For the file of a reading; `from_json` is the way back."""
    return [
        {"frame": each.frame, "lines": [_as_json(line) for line in each.lines]}
        | ({"proposed": [_as_json(line) for line in each.proposed]} if each.proposed else {})
        for each in kept
    ]


def from_json(value: Sequence[dict[str, Any]]) -> tuple[JointLines, ...]:
    """The lines of a file that has passed the schema."""
    return tuple(
        JointLines(
            each["frame"],
            *(tuple(map(_from_json, each.get(name, ()))) for name in ("lines", "proposed")),
        )
        for each in value
    )


def _as_json(line: JointLine) -> dict[str, Any]:
    places = {"upper": line.upper, "bend": line.bend, "lower": line.lower}
    return {"joint": line.joint.value, **{name: list(place) for name, place in places.items()}}


def _from_json(line: dict[str, Any]) -> JointLine:
    return JointLine(Joint(line["joint"]), *(point(line[k]) for k in ("upper", "bend", "lower")))
