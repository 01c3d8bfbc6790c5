"""Which quadrant of which joint a place on a slice belongs to, by the joint lines there."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from asemble.core.joints import Bone, Half, Joint, Points, Quadrant
from asemble.reading.joint_lines import TIE_DECIMALS, JointLines, Slice, line_at


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
    here = {joint: line_at(lines, joint, at) for joint in Joint}
    hits = [
        _hit(at.flat(line.points), joint, at.flat(place))
        for joint, line in here.items()
        if line is not None
    ]
    if not hits:
        raise ValueError("no joint has a line on that slice")
    return min(hits, key=lambda each: each.line_mm)


def _hit(line: Points, joint: Joint, place: Points) -> Hit:
    """All in mm to the left and downwards: `line` `(3, 2)`, `place` `(2,)`."""
    starts, steps = line[:-1], np.diff(line, axis=0)
    lengths = np.linalg.norm(steps, axis=1)
    share = ((place - starts) * steps).sum(axis=1) / lengths**2
    feet = starts + np.clip(share, 0, 1)[:, None] * steps
    far = np.linalg.norm(place - feet, axis=1).round(TIE_DECIMALS)
    part = int(far.argmin())
    along = lengths[:part].sum() + np.clip(share[part], 0, 1) * lengths[part]
    # Perpendicular to a part, away from the sacrum; both parts together where the bend is nearest.
    outwards = np.stack([steps[:, 1], -steps[:, 0]], axis=1) / lengths[:, None]
    outwards *= 1 if joint is Joint.LEFT else -1
    side = (outwards[far == far[part]] @ (place - feet[part])).sum()
    return Hit(
        Quadrant(
            joint,
            Half.UPPER if along < lengths.sum() / 2 else Half.LOWER,
            Bone.ILIAC if side > 0 else Bone.SACRAL,
        ),
        float(far[part]),
    )
