"""Which slices can belong to one stack: those of one size and orientation."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt

from asemble.core.errors import SeriesError
from asemble.io.dicom.frames import Frame, Vector

SAME_DIRECTION = 0.003
"""Largest difference of two direction cosines that count as one orientation (0.2 degrees): some
exports keep three decimals, and GE writes values that differ in the last digits."""
SAME_SPACING = 0.001
"""Largest relative difference of two pixel spacings that count as one."""
SAME_POSITION_MM = 0.05
"""Vendors round ImagePositionPatient to two decimals, sometimes to one."""
SLOWLY_TURNING = 0.03
"""Stacks whose directions differ by less (1.7 degrees) are one stack that turns, not several."""
PLACES_MM = 6
"""Decimals to which millimetres are rounded before they are compared: files give fewer, and the
last bits of a product depend on the processor."""
MOST_DIRECTIONS = 100
FEWEST_TURNING = 3
FEWEST_RADIAL = 4
"""A localiser has a single slice in each of three directions; more are a radial scan."""


def grouped(frames: Iterable[Frame], key: Callable[[Frame], object]) -> list[list[Frame]]:
    """Frames of equal key together, in the order in which the keys first occur."""
    groups: dict[object, list[Frame]] = {}
    for frame in frames:
        groups.setdefault(key(frame), []).append(frame)
    return list(groups.values())


def alike(frames: Sequence[Frame]) -> list[list[Frame]]:
    """Slices of one size and orientation; a localiser holds three orientations in one series.

    Raises:
        SeriesError: there are more directions than any scan has.
    """
    groups: list[list[Frame]] = []
    for frame in sorted(frames, key=_stable):
        for group in groups:
            if _is_alike(frame, group[0]):
                group.append(frame)
                break
        else:
            groups.append([frame])
        if len(groups) > MOST_DIRECTIONS:  # each frame is compared with each group
            raise SeriesError(
                f"The slices of this series lie in more than {MOST_DIRECTIONS} directions.",
                hint="Upload a series of parallel slices.",
                code="too-many-directions",
            )
    return groups


def telling(parts: list[list[Frame]], frames: Sequence[Frame]) -> list[list[Frame]]:
    """The parts; all frames together where each part is one position: that names slices, no more.

    So a number that counts the slices tells nothing of what belongs together.
    """
    names_slices = all(len(at_positions(part)) == 1 for part in parts)
    return [list(frames)] if names_slices and len(at_positions(frames)) > 1 else parts


def turning(groups: Sequence[list[Frame]]) -> tuple[list[list[Frame]], list[Frame]]:
    """Groups of parallel slices, and the slices of those that are turned against each other.

    These are single slices in many directions (a radial scan), and groups that fall apart only
    because the direction creeps on from slice to slice: neither forms a stack.
    """
    singles = [group for group in groups if len(group) == 1]
    radial = singles if len(singles) >= FEWEST_RADIAL else []
    creeping = [
        group
        for group in groups
        if any(_creeps(group[0], other[0]) for other in groups if other is not group)
    ]
    if len(creeping) < FEWEST_TURNING:
        creeping = []
    turned = [group for group in groups if group in radial or group in creeping]
    stacks = [group for group in groups if group not in turned]
    return stacks, [frame for group in turned for frame in group]


def at_positions(frames: Sequence[Frame]) -> list[list[Frame]]:
    """The images at each position along the normal, in ascending order."""
    normal = frames[0].place.normal
    ordered = sorted(frames, key=lambda frame: position_mm(frame, normal))
    stacks: list[list[Frame]] = []
    last_mm = -np.inf
    for frame in ordered:
        # Position, not InstanceNumber: some exports renumber (PS3.3 C.7.6.2).
        here_mm = position_mm(frame, normal)
        if here_mm - last_mm > SAME_POSITION_MM:
            stacks.append([])
            last_mm = here_mm
        stacks[-1].append(frame)
    return stacks


def positions_mm(frames: Sequence[Frame]) -> npt.NDArray[np.float64]:
    """Position of each slice along the normal of the first, `(slice,)`."""
    normal = frames[0].place.normal
    return np.array([position_mm(frame, normal) for frame in frames])


def position_mm(frame: Frame, normal: Vector) -> float:
    """Position of a slice along a normal, rounded."""
    return round(float(frame.place.origin_mm @ normal), PLACES_MM)


def beside_mm(frames: Sequence[Frame]) -> float:
    """How far a slice lies beside the straight line through the first and the last one."""
    first, last = frames[0].place, frames[-1].place
    step = (last.origin_mm - first.origin_mm) / max(1, len(frames) - 1)
    steps = np.arange(len(frames))[:, None] * step
    beside = np.array([frame.place.origin_mm for frame in frames]) - first.origin_mm - steps
    beside -= np.outer(beside @ first.normal, first.normal)
    return round(float(np.linalg.norm(beside, axis=1).max()), PLACES_MM)


def _stable(frame: Frame) -> tuple[object, ...]:
    """An order that does not depend on file names or on the order of the upload."""
    return (*frame.order_key, tuple(frame.place.origin_mm), frame.file, frame.index)


def _is_alike(frame: Frame, other: Frame) -> bool:
    return _has_same_pixels(frame, other) and _turn(frame, other) <= SAME_DIRECTION


def _creeps(frame: Frame, other: Frame) -> bool:
    return _has_same_pixels(frame, other) and _turn(frame, other) <= SLOWLY_TURNING


def _has_same_pixels(frame: Frame, other: Frame) -> bool:
    a, b = frame.place, other.place
    return (
        frame.pixels.shape == other.pixels.shape
        and abs(a.row_mm / b.row_mm - 1) <= SAME_SPACING
        and abs(a.column_mm / b.column_mm - 1) <= SAME_SPACING
    )


def _turn(frame: Frame, other: Frame) -> float:
    """Largest difference of two direction cosines."""
    a, b = frame.place, other.place
    along_row, along_column = a.along_row - b.along_row, a.along_column - b.along_column
    return round(float(max(np.abs(along_row).max(), np.abs(along_column).max())), 9)
