"""Stacks whose slices came as one series each, because every file has its own SeriesInstanceUID.

Some scanners write it so, and anonymisers that renew the UIDs of each file by itself make it so.
A UID that names one position only says nothing of what belongs together (docs/decisions/0019).
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

import numpy as np

from asemble.core.errors import SeriesError
from asemble.io.frames import Frame
from asemble.io.gaps import IN_LINE_MM, blocks_of
from asemble.io.positions import placed
from asemble.io.separate import alike, at_positions, beside_mm, grouped, positions_mm, protocols

FEWEST = 3
"""Two slices are evenly spaced wherever they lie."""
MOST_LOOSE = 5
"""A localiser has so many slices in one direction; more that lie side by side are a stack, even
if an uneven one."""
FARTHEST = 2.5
"""Slices of a stack follow each other within this times their stated distance or thickness."""

TOGETHER = (
    "Every image has a SeriesInstanceUID of its own: these were put together because they were "
    "made alike and lie side by side."
)
APART = (
    "{count} series of one image each were made alike but do not lie as a stack does: they were "
    "left apart. If they belong together, export the original series again."
)


def mended(frames: Sequence[Frame]) -> list[Frame]:
    """The frames, those of a torn stack under one series, with a note that says so."""
    kept: list[Frame] = []
    lone: list[list[Frame]] = []
    for group in grouped(frames, lambda frame: frame.header.series):
        if _is_lone(group):
            lone.append(group)
        else:
            kept += group
    if len(lone) < FEWEST:
        return list(frames)
    try:
        parallel = alike(list(chain.from_iterable(lone)))
    except SeriesError:  # slices in all directions
        return list(frames)
    made_alike = [part for group in parallel for part in protocols(placed(group))]
    return kept + [frame for group in made_alike for frame in _judged(group)]


def _is_lone(group: list[Frame]) -> bool:
    """Whether a series is one position, in whatever contrasts or however often."""
    is_flat = len(alike(group)) == 1 and all(frame.is_single for frame in group)
    return is_flat and len(at_positions(placed(group))) == 1


def _judged(group: list[Frame]) -> list[Frame]:
    """Slices that were made alike: one series, or the several that they are."""
    digests = {frame.header.series for frame in group}
    if len(digests) < FEWEST:
        return group
    if _is_stack(group):
        return [_under(frame, min(digests), group) for frame in group]
    said = APART.format(count=len(digests))
    return [replace(frame, notes=(*frame.notes, said)) for frame in group]


def _under(frame: Frame, series: str, frames: list[Frame]) -> Frame:
    number = min(each.header.series_number for each in frames)
    header = replace(frame.header, series=series, series_number=number)
    return replace(frame, header=header, notes=(*frame.notes, TOGETHER))


def _is_stack(frames: list[Frame]) -> bool:
    """Whether slices lie side by side, in line and evenly, or too many for anything else."""
    slices = [images[0] for images in at_positions(frames)]
    if len(slices) < FEWEST:
        return len(slices) == 1 and len(frames) > MOST_LOOSE  # whose positions are one: asked later
    stated_mm = slices[0].place.slice_mm
    step_mm = float(np.median(np.diff(positions_mm(slices))))
    if stated_mm is not None and step_mm > FARTHEST * stated_mm:
        return False
    if beside_mm(slices) > IN_LINE_MM:
        return False
    try:
        return bool(blocks_of(slices))
    except SeriesError:
        return len(slices) > MOST_LOOSE
