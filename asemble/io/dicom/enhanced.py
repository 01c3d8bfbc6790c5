"""Enhanced multi-frame MR: one place, scaling and header for each frame (PS3.3 C.7.6.16)."""

import dataclasses
from collections.abc import Iterator

import pydicom

from asemble.core.errors import FileError
from asemble.io import hints
from asemble.io.dicom.diffusion import is_diffusion
from asemble.io.dicom.frames import (
    WHOLE,
    Slot,
    notes_on_scaling,
    read_place,
    read_scaling,
    require_near,
)
from asemble.io.dicom.header import (
    Header,
    enhanced_options,
    header_of,
    image_kind,
    number,
    numbers,
    positive,
    text,
)

_POSITION_POINTERS = frozenset({0x00209056, 0x00209057, 0x00200032, 0x00209161})
"""Dimension indices that only say which slice: stack, position in it, place, concatenation."""
_SLICE_LOCATIONS = 0x00182005
"""SliceLocationVector: what FrameIncrementPointer names where frames differ in place."""


def slots(dataset: pydicom.Dataset, header: Header) -> list[Slot]:
    """A slot for each frame.

    What a frame says of itself counts before what the file says of all its frames, and that before
    the top level of the data set, where classic images have it and some scanners leave it; each
    attribute by itself, since one may stand here and the next there.

    Raises:
        FileError: there are fewer functional groups than frames, or a frame has no place.
    """
    per_frame = dataset.PerFrameFunctionalGroupsSequence
    shared_items = dataset.get("SharedFunctionalGroupsSequence") or [pydicom.Dataset()]
    frames = int(number(dataset, "NumberOfFrames") or 1)
    if len(per_frame) < frames:
        raise FileError(
            f"This file describes only {len(per_frame)} of its frames.",
            hint=hints.EXPORT_AGAIN,
            code="frames-not-described",
        )
    telling = _telling_indices(dataset)
    is_only = frames == 1  # the place at the top is that of one frame
    return [
        _slot(
            index,
            _Groups(per_frame[index], shared_items[0], dataset),
            header,
            telling,
            is_only=is_only,
        )
        for index in range(frames)
    ]


def slots_along_normal(dataset: pydicom.Dataset, header: Header) -> list[Slot]:
    """A slot for each frame of a file that tells the place of the first one only.

    The frames follow each other SpacingBetweenSlices apart along the normal. The header says so
    much, but not which way, so a note does, and the millimetres are held to be of no frame of
    reference.

    Raises:
        FileError: the header does not give the place of a frame and the distance to the next, or
            says that the frames follow each other in time.
    """
    frames = int(number(dataset, "NumberOfFrames") or 1)
    shared = dataset.get("SharedFunctionalGroupsSequence")
    group = _Groups(pydicom.Dataset(), (shared or [pydicom.Dataset()])[0], dataset)
    pointer = dataset.get("FrameIncrementPointer")
    is_in_time = pointer not in (None, "", _SLICE_LOCATIONS)
    is_repeated = (number(dataset, "NumberOfTemporalPositions") or 1) > 1
    is_placed = len(group.with_top("PlanePositionSequence", "ImagePositionPatient")) > 0
    measures = group.with_top("PixelMeasuresSequence", "SpacingBetweenSlices")
    step_mm = positive(measures, "SpacingBetweenSlices")
    if is_in_time or is_repeated or not is_placed or step_mm is None:
        raise FileError(
            "This file holds several frames without saying where they lie.",
            hint=hints.EXPORT_AGAIN,
            code="frames-without-position",
        )
    first = _slot(0, group, header, [], is_only=True)
    step = step_mm * first.place.normal
    require_near(first.place.origin_mm + (frames - 1) * step)
    header = dataclasses.replace(first.header if shared else header, frame_of_reference="")
    said = (
        f"The file gives the place of the first of its {frames} frames only: they were stacked "
        "along the normal in their order, so front and back may be swapped."
    )
    return [
        dataclasses.replace(
            first,
            frame=index,
            place=dataclasses.replace(first.place, origin_mm=first.place.origin_mm + index * step),
            header=header,
            notes=(*first.notes, said),
        )
        for index in range(frames)
    ]


class _Groups:
    """What is said of one frame: its own functional groups, the shared ones, the top level."""

    def __init__(self, own: pydicom.Dataset, shared: pydicom.Dataset, top: pydicom.Dataset) -> None:
        self._own = own
        self._shared = shared
        self._top = top

    def __call__(self, keyword: str) -> pydicom.Dataset:
        """The item of a functional group, empty where there is none."""
        return next(self._items(keyword), pydicom.Dataset())

    def with_top(self, keyword: str, *attributes: str) -> pydicom.Dataset:
        """The attributes of a functional group, each from the first level that gives it."""
        found = pydicom.Dataset()
        for attribute in attributes:
            level = self._first_with(keyword, attribute)
            if attribute in level:
                found[attribute] = level[attribute]
        return found

    def scaling(self) -> pydicom.Dataset:
        """What holds slope and intercept, which belong together: one level for both.

        Where none does, what holds a real world value mapping.
        """
        rescale = ("RescaleSlope", "RescaleIntercept")
        level = self._first_with("PixelValueTransformationSequence", *rescale)
        levels = (self._own, self._shared, self._top)
        mapped = (each for each in levels if each.get("RealWorldValueMappingSequence"))
        return level if len(level) else next(mapped, level)

    def _first_with(self, keyword: str, *attributes: str) -> pydicom.Dataset:
        for level in (*self._items(keyword), self._top):
            if any(numbers(level, attribute) for attribute in attributes):
                return level
        return pydicom.Dataset()

    def _items(self, keyword: str) -> Iterator[pydicom.Dataset]:
        for groups in (self._own, self._shared):
            items = groups.get(keyword)
            if items:
                yield items[0]


def _slot(index: int, group: _Groups, header: Header, telling: list[int], *, is_only: bool) -> Slot:
    position = "PlanePositionSequence"
    place = read_place(
        group.with_top(position, "ImagePositionPatient") if is_only else group(position),
        group.with_top("PlaneOrientationSequence", "ImageOrientationPatient"),
        group.with_top(
            "PixelMeasuresSequence", "PixelSpacing", "SpacingBetweenSlices", "SliceThickness"
        ),
    )
    content = group("FrameContentSequence")
    indices = _indices(content)
    scaling = group.scaling()
    slope, intercept = read_scaling(scaling)
    return Slot(
        frame=index,
        window=WHOLE,
        place=place,
        slope=slope,
        intercept=intercept,
        header=_frame_header(header, group, content),
        rank=tuple(indices[i] for i in telling if i < len(indices)),
        notes=notes_on_scaling(scaling),
    )


def _frame_header(header: Header, group: _Groups, content: pydicom.Dataset) -> Header:
    for keyword in _CONVERTED:
        if len(group(keyword)):
            header = _completed(header, group(keyword))
    frame_type, diffusion = group("MRImageFrameTypeSequence"), group("MRDiffusionSequence")
    timing = group("MRTimingAndRelatedParametersSequence")
    modifier = group("MRModifierSequence")
    te_ms = positive(group("MREchoSequence"), "EffectiveEchoTime") or header.te_ms
    ti_ms = positive(modifier, "InversionTimes") or header.ti_ms
    inverted = text(modifier, "InversionRecovery").upper() == "YES"
    kind = image_kind(frame_type, "FrameType")
    return dataclasses.replace(
        header,
        kind=kind or header.kind,
        sequence=header.sequence | {"IR"} if inverted else header.sequence,
        options=header.options | enhanced_options(modifier),
        tr_ms=positive(timing, "RepetitionTime") or header.tr_ms,
        te_ms=te_ms,
        ti_ms=ti_ms,
        stack=text(content, "StackID"),
        echo=te_ms or 0.0,
        b_value=number(diffusion, "DiffusionBValue") or header.b_value,
        contrast=text(frame_type, "AcquisitionContrast").upper() or header.contrast,
        is_diffusion=header.is_diffusion or is_diffusion(diffusion) or is_diffusion(frame_type),
        temporal=number(content, "TemporalPositionIndex") or 0.0,
    )


_CONVERTED = (
    "UnassignedPerFrameConvertedAttributesSequence",
    "UnassignedSharedConvertedAttributesSequence",
)
"""Where legacy converted objects keep what their classic images said (PS3.3 C.7.6.16.2.25)."""


def _completed(header: Header, converted: pydicom.Dataset) -> Header:
    """The header with what it does not say itself."""
    own = header_of(converted)
    return dataclasses.replace(
        header,
        description=header.description or own.description,
        kind=header.kind or own.kind,
        sequence=header.sequence | own.sequence,
        variant=header.variant | own.variant,
        options=header.options | own.options,
        tr_ms=header.tr_ms or own.tr_ms,
        te_ms=header.te_ms or own.te_ms,
        ti_ms=header.ti_ms or own.ti_ms,
        b_value=header.b_value or own.b_value,
        is_diffusion=header.is_diffusion or is_diffusion(converted),
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
