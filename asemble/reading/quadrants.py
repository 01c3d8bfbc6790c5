"""Which quadrant of which joint a place on a slice belongs to, by the joint lines there."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from asemble.core.joints import TIE_DECIMALS, Bone, Half, Joint, Points, Quadrant
from asemble.reading.joint_lines import JointLines, Slice, line_at


@dataclass(frozen=True, slots=True)
class Hit:
    """Where a place lies between the joints.

    Args:
        quadrant: of the nearer joint.
        line_mm: how far from its line.
    """

    quadrant: Quadrant
    line_mm: float


def hit(lines: JointLines, at: Slice, place: npt.ArrayLike) -> Hit:
    """The quadrant of a place on a slice, and how far it lies from the joint.

    Args:
        lines: with a joint on that slice; of two the nearer one counts.
        at: the slice.
        place: `(3,)` mm LPS.

    Raises:
        ValueError: no joint has a line on that slice.
    """
    return hits(lines, at, np.asarray(place)[None])[0]


def hits(lines: JointLines, at: Slice, places: npt.ArrayLike) -> list[Hit]:
    """As `hit`, of many places `(n, 3)` on one slice."""
    here = {joint: line_at(lines, joint, at) for joint in Joint}
    found = [
        _hits(at.flat(line.points), joint, at.flat(places))
        for joint, line in here.items()
        if line is not None
    ]
    if not found:
        raise ValueError("no joint has a line on that slice")
    return [min(each, key=lambda one: one.line_mm) for each in zip(*found, strict=True)]


def _hits(line: Points, joint: Joint, places: Points) -> list[Hit]:
    """All in mm to the left and downwards: `line` `(3, 2)`, `places` `(n, 2)`."""
    starts, steps = line[:-1], np.diff(line, axis=0)  # (part, axis)
    lengths = np.linalg.norm(steps, axis=1)
    away = places[:, None] - starts  # (place, part, axis)
    share = ((away * steps).sum(axis=2) / lengths**2).clip(0, 1)
    feet = starts + share[..., None] * steps
    far = np.linalg.norm(places[:, None] - feet, axis=2).round(TIE_DECIMALS)
    each, part = np.arange(len(places)), far.argmin(axis=1)
    along = np.where(part == 1, lengths[0], 0) + share[each, part] * lengths[part]
    # Perpendicular to a part, away from the sacrum; both parts together where the bend is nearest.
    outwards = np.stack([steps[:, 1], -steps[:, 0]], axis=1) / lengths[:, None]
    outwards *= 1 if joint is Joint.LEFT else -1
    nearest = far == far[each, part][:, None]
    side = (((places - feet[each, part]) @ outwards.T) * nearest).sum(axis=1)
    return [
        Hit(
            Quadrant(
                joint,
                Half.UPPER if here < lengths.sum() / 2 else Half.LOWER,
                Bone.ILIAC if beside > 0 else Bone.SACRAL,
            ),
            float(from_line),
        )
        for here, beside, from_line in zip(along, side, far[each, part], strict=True)
    ]
