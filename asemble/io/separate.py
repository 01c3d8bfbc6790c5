"""Which slices belong to one volume: copies, orientations, volumes of a series, missing slices."""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from asemble.core.errors import SeriesError
from asemble.io.frames import Frame

SAME_DIRECTION = 0.003
"""Largest difference of two direction cosines that count as one orientation (0.2 degrees): some
exports keep three decimals, and GE writes values that differ in the last digits."""
SAME_SPACING = 0.001
"""Largest relative difference of two pixel spacings that count as one."""
SAME_POSITION_MM = 0.05
"""Vendors round ImagePositionPatient to two decimals, sometimes to one."""
EVEN_SPACING = 0.05
"""Largest relative departure of one gap between slices from the median gap."""
MOST_BLOCKS = 4
LEAST_BLOCK_SLICES = 3
"""A stack with gaps is cut into at most four blocks of at least three slices, else refused."""


def without_copies(frames: Sequence[Frame]) -> list[Frame]:
    """Each image once: the same instance with the same pixels may come in twice."""
    seen: set[tuple[object, ...]] = set()
    kept = []
    for frame in frames:
        place = tuple(np.round(frame.place.origin_mm, 3))
        key = (frame.header.series, frame.header.instance, frame.file, place, frame.volume_key)
        if key not in seen:
            seen.add(key)
            kept.append(frame)
    return kept


def grouped(frames: Iterable[Frame], key: Callable[[Frame], object]) -> list[list[Frame]]:
    """Frames of equal key together, in the order in which the keys first occur."""
    groups: dict[object, list[Frame]] = {}
    for frame in frames:
        groups.setdefault(key(frame), []).append(frame)
    return list(groups.values())


def alike(frames: Sequence[Frame]) -> list[list[Frame]]:
    """Slices of one size and orientation; a localiser holds three orientations in one series."""
    groups: list[list[Frame]] = []
    for frame in sorted(frames, key=_stable):
        for group in groups:
            if _is_alike(frame, group[0]):
                group.append(frame)
                break
        else:
            groups.append([frame])
    return groups


def volumes_of(frames: list[Frame]) -> list[list[Frame]]:
    """One list for each volume, ordered by position.

    Where every position holds the same number of images, the first of each position form the
    first volume, and so on, in the order of echo, diffusion, time and acquisition.

    Raises:
        SeriesError: the images do not divide into whole volumes.
    """
    stacks = _at_positions(frames)
    counts = {len(images) for images in stacks}
    if len(counts) == 1:
        return _by_rank(stacks)
    parts = grouped(frames, lambda frame: frame.volume_key)
    volumes = []
    for part in parts:
        of_part = _at_positions(part)
        if len({len(images) for images in of_part}) != 1 or len(parts) == 1:
            raise SeriesError(
                f"Expected one volume, found between {min(counts)} and {max(counts)} images "
                f"at each of {len(stacks)} positions.",
                hint="Export one volume, such as a single T1 or STIR series.",
            )
        volumes += _by_rank(of_part)
    return volumes


def blocks_of(frames: list[Frame]) -> list[list[Frame]]:
    """Runs of evenly spaced slices; one where none is missing.

    Raises:
        SeriesError: the spacing is uneven throughout.
    """
    gaps_mm = np.diff(positions_mm(frames))
    if len(gaps_mm) < 2:
        return [frames]
    spacing_mm = float(np.median(gaps_mm))
    is_break = np.abs(gaps_mm - spacing_mm) > EVEN_SPACING * spacing_mm
    if not is_break.any():
        return [frames]
    cuts = [0, *(np.flatnonzero(is_break) + 1), len(frames)]
    blocks = [frames[start:stop] for start, stop in pairwise(cuts)]
    if len(blocks) > MOST_BLOCKS or min(len(block) for block in blocks) < LEAST_BLOCK_SLICES:
        raise SeriesError(
            f"The slices are unevenly spaced: {gaps_mm.min():.2f} to {gaps_mm.max():.2f} mm "
            f"between neighbours in a stack of {len(frames)}, so slices may be missing.",
            hint="Export the whole series again.",
        )
    return blocks


def positions_mm(frames: list[Frame]) -> npt.NDArray[np.float64]:
    """Position of each slice along the normal of the first, `(slice,)`."""
    normal = frames[0].place.normal
    return np.array([frame.place.origin_mm @ normal for frame in frames])


def _stable(frame: Frame) -> tuple[object, ...]:
    """An order that does not depend on file names or on the order of the upload."""
    return (*frame.order_key, tuple(frame.place.origin_mm), frame.file)


def _is_alike(frame: Frame, other: Frame) -> bool:
    a, b = frame.place, other.place
    directions = np.concatenate([a.along_row - b.along_row, a.along_column - b.along_column])
    return (
        frame.pixels.shape == other.pixels.shape
        and bool(np.abs(directions).max() <= SAME_DIRECTION)
        and abs(a.row_mm / b.row_mm - 1) <= SAME_SPACING
        and abs(a.column_mm / b.column_mm - 1) <= SAME_SPACING
    )


def _at_positions(frames: list[Frame]) -> list[list[Frame]]:
    """The images at each position along the normal, in ascending order."""
    normal = frames[0].place.normal
    ordered = sorted(frames, key=lambda frame: float(frame.place.origin_mm @ normal))
    stacks: list[list[Frame]] = []
    last_mm = -np.inf
    for frame in ordered:
        # Position, not InstanceNumber: some exports renumber (PS3.3 C.7.6.2).
        position_mm = float(frame.place.origin_mm @ normal)
        if position_mm - last_mm > SAME_POSITION_MM:
            stacks.append([])
            last_mm = position_mm
        stacks[-1].append(frame)
    return stacks


def _by_rank(stacks: list[list[Frame]]) -> list[list[Frame]]:
    for images in stacks:
        images.sort(key=lambda frame: (*frame.order_key, frame.file))
        for one, other in pairwise(images):
            # Tiles and enhanced frames of one file belong together whatever they are called.
            if one.order_key == other.order_key and one.is_single and one.file != other.file:
                raise SeriesError(
                    f"Found {len(images)} images at one position that nothing in their headers "
                    "tells apart.",
                    hint="Upload each series on its own.",
                )
    return [list(volume) for volume in zip(*stacks, strict=True)]
