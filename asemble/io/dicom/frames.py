"""`Frame`: one slice as a file holds it, before slices are put together to volumes."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom

from asemble.core.errors import FileError
from asemble.io import hints
from asemble.io.dicom.header import Header, number, numbers, positive

Vector = npt.NDArray[np.float64]
"""`(3,)` in LPS millimetres, or a direction."""

DIRECTION_TOLERANCE = 0.01
"""How far ImageOrientationPatient may be from two perpendicular unit vectors; some exports keep
two decimals."""

SENSIBLE_MM = (0.01, 100.0)
"""Distances between pixels or slices that a scanner for people can mean."""

FARTHEST_MM = 1e5
"""A patient lies within metres of the scanner's origin; far beyond it millimetres are lost."""

LARGEST_SCALING = 1e9
"""A slope or intercept beyond it takes stored values out of float32."""


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Where a slice lies.

    Args:
        origin_mm: centre of the first voxel.
        along_row: direction in which the column index grows.
        along_column: direction in which the row index grows.
        row_mm, column_mm: distance between rows and between columns.
        spacing_mm: SpacingBetweenSlices, None where the header does not say.
        thickness_mm: SliceThickness, None where the header does not say.
    """

    origin_mm: Vector
    along_row: Vector
    along_column: Vector
    row_mm: float
    column_mm: float
    spacing_mm: float | None
    thickness_mm: float | None

    @property
    def normal(self) -> Vector:
        """Right-handed normal of row and column direction."""
        return np.cross(self.along_row, self.along_column)

    @property
    def slice_mm(self) -> float | None:
        """Depth that one slice stands for: its spacing, else its thickness."""
        return self.spacing_mm or self.thickness_mm


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One slice.

    Args:
        name: file that it came from, for messages.
        file: digest of the pixels of that file: keeps the frames of one file together.
        index: number of the slice in its file.
        is_single: whether the file holds this slice only.
        pixels: `(row, column)` as stored.
        slope, intercept: from stored values to signal.
        place: where it lies.
        header: what the file says about it.
        rank: further numbers that tell volumes apart (dimension indices), the most telling first.
        notes: sentences about how its pixels were read, for the user.
    """

    name: str
    file: str
    index: int
    is_single: bool
    pixels: npt.NDArray[Any]
    slope: float
    intercept: float
    place: Place
    header: Header
    rank: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def volume_key(self) -> tuple[object, ...]:
        """What volumes of one series differ in: kind of picture, echo, diffusion, time."""
        h = self.header
        te_ms = round(h.te_ms or 0.0, 1)  # some scanners call every echo the first
        return (h.stack, h.kind, h.echo, te_ms, h.b_value, h.temporal, self.rank)

    @property
    def order_key(self) -> tuple[object, ...]:
        """`volume_key`, then the order of acquisition."""
        return (*self.volume_key, self.header.acquisition, self.header.number)


def pixel_digest(pixels: npt.NDArray[Any]) -> str:
    """SHA-256 of stored values, whatever their byte order, in hex."""
    native = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
    return hashlib.sha256(np.ascontiguousarray(native).data).hexdigest()


WHOLE = (slice(None), slice(None))
"""The window of a slot that is a whole frame."""


@dataclass(frozen=True, slots=True, eq=False)
class Slot:
    """Which part of the stored pixels of a file is one slice.

    Args:
        frame: number of the stored frame, from 0.
        window: rows and columns of that frame.
        place, slope, intercept, header, rank, notes: as in `Frame`.
    """

    frame: int
    window: tuple[slice, slice]
    place: Place
    slope: float
    intercept: float
    header: Header
    rank: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()

    def cut(
        self, pixels: npt.NDArray[Any], *, name: str, file: str, index: int, is_single: bool
    ) -> Frame:
        """The slice out of `pixels`, `(frame, row, column)`; the other arguments as in `Frame`."""
        return Frame(
            name=name,
            file=file,
            index=index,
            is_single=is_single,
            pixels=pixels[self.frame][self.window],
            slope=self.slope,
            intercept=self.intercept,
            place=self.place,
            header=self.header,
            rank=self.rank,
            notes=self.notes,
        )


def read_scaling(dataset: pydicom.Dataset) -> tuple[float, float]:
    """RescaleSlope and RescaleIntercept, 1 and 0 where absent (PS3.3 C.11.1).

    Where a Modality LUT stands in their place, it was applied to the stored values; where neither
    is there, a real world value mapping counts.

    Raises:
        FileError: they make no sense.
    """
    if dataset.get("ModalityLUTSequence"):
        return 1.0, 0.0
    slope, intercept = number(dataset, "RescaleSlope"), number(dataset, "RescaleIntercept")
    if slope is None and intercept is None:
        slope, intercept = real_world_scaling(dataset) or (1.0, 0.0)
    scaling = slope or 1.0, intercept or 0.0
    if max(abs(value) for value in scaling) > LARGEST_SCALING:
        raise FileError(
            "RescaleSlope or RescaleIntercept makes no sense.",
            hint=hints.EXPORT_AGAIN,
            code="rescale-invalid",
        )
    return scaling


def real_world_scaling(dataset: pydicom.Dataset) -> tuple[float, float] | None:
    """Slope and intercept of the only real world value mapping (PS3.3 C.7.6.16.2.11), if any."""
    items = dataset.get("RealWorldValueMappingSequence") or []
    if len(items) != 1:
        return None
    slope = number(items[0], "RealWorldValueSlope")
    return None if not slope else (slope, number(items[0], "RealWorldValueIntercept") or 0.0)


REAL_WORLD = "The file states no rescale but a real world value mapping, which was applied."


def notes_on_scaling(dataset: pydicom.Dataset) -> tuple[str, ...]:
    """A sentence where the scaling is that of a real world value mapping."""
    others = ("RescaleSlope", "RescaleIntercept", "ModalityLUTSequence")
    is_mapped = real_world_scaling(dataset) is not None and not any(k in dataset for k in others)
    return (REAL_WORLD,) if is_mapped else ()


def read_place(
    position: pydicom.Dataset, orientation: pydicom.Dataset, measures: pydicom.Dataset
) -> Place:
    """The place of a slice from the data sets that hold its position, orientation and spacing.

    Raises:
        FileError: an attribute is missing or makes no sense.
    """
    pixel_mm = numbers(measures, "PixelSpacing")
    if len(pixel_mm) != 2:
        raise FileError(
            "PixelSpacing is missing or holds no two numbers, so sizes in mm are unknown.",
            hint=hints.EXPORT_AGAIN,
            code="pixel-spacing-missing",
        )
    if not all(_is_sensible(mm) for mm in pixel_mm):
        low, high = SENSIBLE_MM
        raise FileError(
            f"PixelSpacing is not within {low:g} and {high:g} mm.",
            hint=hints.EXPORT_AGAIN,
            code="pixel-spacing-invalid",
        )
    origin = numbers(position, "ImagePositionPatient")
    cosines = numbers(orientation, "ImageOrientationPatient")
    if len(origin) != 3 or len(cosines) != 6:
        raise FileError(
            "ImagePositionPatient or ImageOrientationPatient is missing or holds no numbers, "
            "so the slice cannot be placed in the patient.",
            hint=hints.EXPORT_AGAIN,
            code="position-missing",
        )
    require_near(origin)
    along_row, along_column = _directions(cosines)
    return Place(
        origin_mm=np.array(origin),
        along_row=along_row,
        along_column=along_column,
        row_mm=pixel_mm[0],
        column_mm=pixel_mm[1],
        spacing_mm=_depth(measures, "SpacingBetweenSlices"),
        thickness_mm=_depth(measures, "SliceThickness"),
    )


def require_near(origin: Sequence[float] | Vector) -> None:
    """Refuse a position that no scanner for people can mean.

    Raises:
        FileError: it is too far away.
    """
    if max(abs(value) for value in origin) > FARTHEST_MM:
        raise FileError(
            f"ImagePositionPatient lies more than {FARTHEST_MM / 1000:g} m from the scanner.",
            hint=hints.EXPORT_AGAIN,
            code="position-invalid",
        )


def _is_sensible(distance_mm: float) -> bool:
    low, high = SENSIBLE_MM
    return low <= distance_mm <= high


def _depth(measures: pydicom.Dataset, keyword: str) -> float | None:
    value = positive(measures, keyword)
    return value if value is not None and _is_sensible(value) else None


def _directions(cosines: tuple[float, ...]) -> tuple[Vector, Vector]:
    along_row, along_column = np.array(cosines[:3]), np.array(cosines[3:])
    lengths = np.linalg.norm(along_row), np.linalg.norm(along_column)
    off = max(abs(lengths[0] - 1), abs(lengths[1] - 1), abs(along_row @ along_column))
    if round(float(off), 9) > DIRECTION_TOLERANCE:  # not by the last bit
        raise FileError(
            "ImageOrientationPatient does not hold two perpendicular directions.",
            hint=hints.EXPORT_AGAIN,
            code="orientation-invalid",
        )
    return along_row / lengths[0], along_column / lengths[1]
