"""Enhanced multi-frame MR: one place, scaling and header for each frame (PS3.3 C.7.6.16)."""

import dataclasses

import pydicom

from asemble.core.errors import FileError
from asemble.io.frames import WHOLE, Slot, read_place, read_scaling
from asemble.io.header import Header, image_kind, number, positive, text

_POSITION_POINTERS = frozenset({0x00209056, 0x00209057, 0x00200032, 0x00209161})
"""Dimension indices that only say which slice: stack, position in it, place, concatenation."""


def slots(dataset: pydicom.Dataset, header: Header) -> list[Slot]:
    """A slot for each frame.

    Raises:
        FileError: there are fewer functional groups than frames, or a frame has no place.
    """
    per_frame = dataset.PerFrameFunctionalGroupsSequence
    shared_items = dataset.get("SharedFunctionalGroupsSequence") or [pydicom.Dataset()]
    frames = int(number(dataset, "NumberOfFrames") or 1)
    if len(per_frame) < frames:
        raise FileError(
            f"This file describes only {len(per_frame)} of its frames.",
            hint="Export the original series from the scanner or PACS.",
        )
    telling = _telling_indices(dataset)
    return [
        _slot(index, _Groups(per_frame[index], shared_items[0]), header, telling)
        for index in range(frames)
    ]


class _Groups:
    """The functional groups of one frame, its own before the shared ones."""

    def __init__(self, own: pydicom.Dataset, shared: pydicom.Dataset) -> None:
        self._own = own
        self._shared = shared

    def __call__(self, keyword: str) -> pydicom.Dataset:
        for groups in (self._own, self._shared):
            items = groups.get(keyword)
            if items:
                found: pydicom.Dataset = items[0]
                return found
        return pydicom.Dataset()


def _slot(index: int, group: _Groups, header: Header, telling: list[int]) -> Slot:
    place = read_place(
        group("PlanePositionSequence"),
        group("PlaneOrientationSequence"),
        group("PixelMeasuresSequence"),
    )
    content = group("FrameContentSequence")
    indices = _indices(content)
    slope, intercept = read_scaling(group("PixelValueTransformationSequence"))
    return Slot(
        frame=index,
        window=WHOLE,
        place=place,
        slope=slope,
        intercept=intercept,
        header=_frame_header(header, group, content),
        rank=tuple(indices[i] for i in telling if i < len(indices)),
    )


def _frame_header(header: Header, group: _Groups, content: pydicom.Dataset) -> Header:
    timing = group("MRTimingAndRelatedParametersSequence")
    modifier = group("MRModifierSequence")
    te_ms = positive(group("MREchoSequence"), "EffectiveEchoTime") or header.te_ms
    ti_ms = positive(modifier, "InversionTimes") or header.ti_ms
    inverted = text(modifier, "InversionRecovery").upper() == "YES"
    kind = image_kind(group("MRImageFrameTypeSequence"), "FrameType")
    return dataclasses.replace(
        header,
        kind=kind or header.kind,
        sequence=header.sequence | {"IR"} if inverted else header.sequence,
        tr_ms=positive(timing, "RepetitionTime") or header.tr_ms,
        te_ms=te_ms,
        ti_ms=ti_ms,
        stack=text(content, "StackID"),
        echo=te_ms or 0.0,
        b_value=number(group("MRDiffusionSequence"), "DiffusionBValue") or 0.0,
        temporal=number(content, "TemporalPositionIndex") or 0.0,
    )


def _telling_indices(dataset: pydicom.Dataset) -> list[int]:
    """Positions in DimensionIndexValues that tell volumes apart, not slices."""
    pointers = [
        int(item.get("DimensionIndexPointer") or 0)
        for item in dataset.get("DimensionIndexSequence") or []
    ]
    return [i for i, pointer in enumerate(pointers) if pointer not in _POSITION_POINTERS]


def _indices(content: pydicom.Dataset) -> list[float]:
    values = content.get("DimensionIndexValues")
    if values is None:
        return []
    return [float(v) for v in ([values] if isinstance(values, int) else values)]
