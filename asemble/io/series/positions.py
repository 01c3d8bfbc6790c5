"""Positions that a file gets wrong and that the rest of its header sets right, with a note."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from asemble.io.dicom.frames import FARTHEST_MM, Frame
from asemble.io.series.grouping import SAME_POSITION_MM, at_positions, positions_mm
from asemble.io.series.volumes import NOT_CLOSER

ROUNDED_MM = 0.5
"""How far rounding to whole millimetres can move a coordinate."""
LEAST_STEP_MM = 2.0
"""Between slices that lie closer, rounding to whole millimetres leaves no order."""

SPREAD = (
    "All {count} images give one ImagePositionPatient: they were placed along the normal by their "
    "SliceLocation, so front and back may be swapped and the whole stack may be shifted."
)
STRAIGHTENED = (
    "ImagePositionPatient is rounded to whole millimetres: the slices were placed {step_mm:.2f} mm "
    "apart as SpacingBetweenSlices says, which agrees with every one of them."
)


def placed(frames: Sequence[Frame]) -> list[Frame]:
    """Slices of one size and orientation, where they lie; unchanged wherever the file is right."""
    return _straightened(_spread(frames))


def is_rounded(frames: Sequence[Frame]) -> bool:
    """Whether every coordinate of every slice is a whole number of millimetres."""
    origins = np.array([frame.place.origin_mm for frame in frames])
    return bool((origins == np.rint(origins)).all())


def _spread(frames: Sequence[Frame]) -> list[Frame]:
    """Slices that all claim one position, at their SliceLocation (PS3.3 C.7.6.2.1.2).

    It says where a slice lies against the others, not against the patient or which way, so the
    millimetres are held to be of no frame of reference.
    """
    stated = [frame.header.location for frame in frames]
    locations = [location for location in stated if location is not None]
    if len(at_positions(frames)) > 1 or len(locations) < len(frames):
        return list(frames)
    steps_mm = np.diff(np.unique(np.round(locations, 3)))
    stated_mm = frames[0].place.slice_mm
    if not len(steps_mm) or steps_mm.min() <= SAME_POSITION_MM:
        return list(frames)
    if max(abs(location) for location in locations) > FARTHEST_MM:
        return list(frames)
    if stated_mm is not None and steps_mm.min() < NOT_CLOSER * stated_mm:
        return list(frames)  # a number of the slice, not a place
    said = SPREAD.format(count=len(frames))
    low_mm = min(locations)
    return [
        _moved(frame, frame.place.origin_mm + (location - low_mm) * frame.place.normal, said)
        for frame, location in zip(frames, locations, strict=True)
    ]


def _straightened(frames: list[Frame]) -> list[Frame]:
    """Slices whose positions were rounded to whole millimetres, evenly spaced as they were.

    Only where SpacingBetweenSlices, along the normal, leads to every one of the rounded positions.
    """
    stated_mm = {frame.place.spacing_mm for frame in frames}
    step_mm = stated_mm.pop() if len(stated_mm) == 1 else None
    if step_mm is None or step_mm < LEAST_STEP_MM or not is_rounded(frames):
        return frames
    normal = frames[0].place.normal
    along_mm = positions_mm(frames)
    index = np.rint((along_mm - along_mm.min()) / step_mm)
    origins = np.array([frame.place.origin_mm for frame in frames])
    starts = origins - index[:, None] * step_mm * normal
    low, high = starts.min(axis=0), starts.max(axis=0)
    off_mm = float((high - low).max() / 2)
    if off_mm <= SAME_POSITION_MM or off_mm >= ROUNDED_MM:
        return frames
    said = STRAIGHTENED.format(step_mm=step_mm)
    even = (low + high) / 2 + index[:, None] * step_mm * normal
    return [
        replace(frame, place=replace(frame.place, origin_mm=origin), notes=(*frame.notes, said))
        for frame, origin in zip(frames, even, strict=True)
    ]


def _moved(frame: Frame, origin_mm: np.ndarray, said: str) -> Frame:
    return replace(
        frame,
        place=replace(frame.place, origin_mm=origin_mm),
        header=replace(frame.header, frame_of_reference=""),
        notes=(*frame.notes, said),
    )
