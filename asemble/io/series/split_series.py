"""Stacks whose slices came as several series, because their SeriesInstanceUIDs differ.

Some scanners write one for every slice, and so do anonymisers that renew the UIDs of each file by
itself. A UID that names no whole stack says nothing of what belongs together
(docs/decisions/0019).
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from asemble.core.errors import SeriesError
from asemble.io.dicom.frames import Frame
from asemble.io.series.gaps import IN_LINE_MM, blocks_of
from asemble.io.series.grouping import alike, at_positions, beside_mm, grouped, positions_mm
from asemble.io.series.positions import placed
from asemble.io.series.volumes import protocols

FEWEST = 3
"""Two slices are evenly spaced wherever they lie."""
MOST_LOOSE = 5
"""A localiser has so many slices in one direction; more that lie side by side are a stack, even
if an uneven one."""
WITHOUT_GAPS = 1.5
FARTHEST = 2.1
"""Slices follow each other within so many times their stated distance or thickness: those of a
whole stack, and those of one that lost every second slice."""

TOGETHER = (
    "These images came as {count} series by their SeriesInstanceUIDs; they were put together "
    "because they were made alike and lie side by side."
)
APART = (
    "{count} series of one image each were made alike but do not lie as a stack does: they were "
    "left apart. If they belong together, export the original series again."
)


def mended(frames: Sequence[Frame]) -> list[Frame]:
    """The frames, those of a torn stack under one series, with a note that says so."""
    kept: list[Frame] = []
    pieces: list[Frame] = []
    for series in grouped(frames, _uid):
        (pieces if _is_piece(series) else kept).extend(series)
    made_alike = [
        part
        for group in _parallel(pieces)
        for of_study in _of_studies(group)
        for part in protocols(of_study)
    ]
    return kept + [frame for group in made_alike for frame in _judged(group)]


def _uid(frame: Frame) -> str:
    return frame.header.series


def _parallel(frames: list[Frame]) -> list[list[Frame]]:
    try:
        return alike(frames)
    except SeriesError:  # in all directions: nothing to put together
        return [[frame] for frame in frames]


def _of_studies(frames: list[Frame]) -> list[list[Frame]]:
    """The images of each examination; all where an examination is one place, and so tells none."""
    studies = grouped(frames, lambda frame: frame.header.study)
    is_told = any(len(at_positions(study)) > 1 for study in studies)
    return studies if is_told else [frames]


def _is_piece(series: list[Frame]) -> bool:
    """Whether the images of one UID lie in one direction but form no whole stack."""
    if not all(frame.is_single for frame in series) or len(_parallel(series)) > 1:
        return False
    return not _is_whole(_slices(placed(series)))


def _slices(frames: Sequence[Frame]) -> list[Frame]:
    """One image of each position, in order."""
    return [images[0] for images in at_positions(frames)]


def _is_whole(slices: list[Frame]) -> bool:
    if len(slices) < FEWEST or not _are_near(slices, WITHOUT_GAPS):
        return False
    try:
        return len(blocks_of(slices)) == 1
    except SeriesError:
        return False


def _are_near(slices: list[Frame], times: float) -> bool:
    stated_mm = slices[0].place.slice_mm
    return stated_mm is None or bool(np.median(np.diff(positions_mm(slices))) <= times * stated_mm)


def _judged(group: list[Frame]) -> list[Frame]:
    """Pieces that were made alike: one series, or the several that they are."""
    series = grouped(group, _uid)
    if len(series) < 2:
        return group
    frames = placed(group)
    names_slices = all(len(at_positions(each)) == 1 for each in grouped(frames, _uid))
    if _is_stack(frames) if names_slices else _fit(frames):
        count = len(series)
        number = min(frame.header.series_number for frame in frames)
        uid = min(_uid(frame) for frame in frames)
        return [_under(frame, uid, number, TOGETHER.format(count=count)) for frame in frames]
    if names_slices and len(series) >= FEWEST:
        said = APART.format(count=len(series))
        return [replace(frame, notes=(*frame.notes, said)) for frame in group]
    return group


def _under(frame: Frame, uid: str, number: int, said: str) -> Frame:
    header = replace(frame.header, series=uid, series_number=number)
    return replace(frame, header=header, notes=(*frame.notes, said))


def _is_stack(frames: list[Frame]) -> bool:
    """Whether single slices lie side by side, in line and evenly, or are too many to be else."""
    slices = _slices(frames)
    if len(slices) < FEWEST:
        return len(slices) == 1 and len(frames) > MOST_LOOSE  # all at one position: asked later
    if not _are_near(slices, FARTHEST) or beside_mm(slices) > IN_LINE_MM:
        return False
    try:
        return bool(blocks_of(slices))
    except SeriesError:
        return len(slices) > MOST_LOOSE


def _fit(frames: list[Frame]) -> bool:
    """Whether pieces fill each other's gaps to one whole stack, none lying upon another."""
    series = [_slices(each) for each in grouped(frames, _uid)]
    slices = _slices(frames)
    is_once = sum(len(each) for each in series) == len(slices)
    return is_once and _is_whole(slices) and beside_mm(slices) <= IN_LINE_MM
