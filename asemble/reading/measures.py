"""What a reader draws on slices besides marks: rulers, angles, arrows, regions, outlines.

It is kept in millimetres of the patient, so that it lies where it was drawn whichever way a slice
is shown. Nothing is scored from it.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from asemble.core.joints import FURTHEST_MM, Point
from asemble.core.volume import Volume

MOST_POINTS = 64
"""Of an outline."""
MOST_MEASURES = 100
"""Of one series."""
MOST_CHARACTERS = 80
"""Beside an arrow."""

Places = npt.NDArray[np.float64]
"""`(n, 2)`: rows and columns of a slice as shown; whole numbers are the middles of its pixels."""


class MeasureKind(StrEnum):
    """What was drawn."""

    RULER = "ruler"
    ANGLE = "angle"
    ARROW = "arrow"
    REGION = "region"
    OUTLINE = "outline"
    REFERENCE = "reference"


_POINTS = {MeasureKind.ANGLE: (3, 3), MeasureKind.OUTLINE: (3, MOST_POINTS)}


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing that was drawn.

    Args:
        number: names it among those of its series.
        kind: what it is.
        slice: where it was drawn.
        points_mm: LPS. A ruler's ends; an angle's end, vertex and other end; an arrow's tail and
            tip; middle and edge of a round region; corners of an outline. Of a series without
            geometry column, row and slice, in pixels.
        text: of the reader, beside an arrow; exported as it stands.

    Raises:
        ValueError: too few or too many points, a text that is too long, a place too far.
    """

    number: int
    kind: MeasureKind
    slice: int
    points_mm: tuple[Point, ...]
    text: str = ""

    def __post_init__(self) -> None:
        least, most = _POINTS.get(self.kind, (2, 2))
        if not least <= len(self.points_mm) <= most:
            raise ValueError(f"{self.kind} has {len(self.points_mm)} points")
        if len(self.text) > MOST_CHARACTERS:
            raise ValueError(f"a text of {len(self.text)} characters")
        if not (np.abs(self.points_mm) < FURTHEST_MM).all():
            raise ValueError("a place outside any scanner")


@dataclass(frozen=True, slots=True)
class Pixels:
    """Values of the series in an area."""

    count: int
    mean: float
    sd: float


def length_mm(points: npt.ArrayLike) -> float:
    """Of a ruler.

    >>> length_mm([(0, 0, 0), (0, 3, 4)])
    5.0
    """
    one, other = np.asarray(points, dtype=np.float64)
    return float(np.linalg.norm(one - other))


def angle_degrees(points: npt.ArrayLike) -> float:
    """Between both arms; the point in the middle is the vertex.

    >>> round(angle_degrees([(0, 2, 0), (0, 0, 0), (0, 1, 1)]), 3)
    45.0
    """
    one, vertex, other = np.asarray(points, dtype=np.float64)
    a, b = one - vertex, other - vertex
    cosine = a @ b / (np.linalg.norm(a) * np.linalg.norm(b) or 1.0)
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def area_mm2(points: npt.ArrayLike) -> float:
    """What a closed line encloses, in the plane of the slice.

    >>> area_mm2([(0, 0, 5), (4, 0, 5), (4, 3, 5), (0, 3, 5)])
    12.0
    """
    line = np.asarray(points, dtype=np.float64)
    line = line - line[0]
    return float(np.linalg.norm(np.cross(line, np.roll(line, -1, axis=0)).sum(axis=0)) / 2)


def read_pixels(volume: Volume, measure: Measure, places: Places) -> Pixels | None:
    """The pixels of an area whose middles lie in it; None where there are none.

    Args:
        volume: with its slices as shown.
        measure: a region, an outline or a reference.
        places: its points on the slice.
    """
    _, rows, columns = volume.shape
    _, row_mm, column_mm = volume.spacing_mm or (1.0, 1.0, 1.0)
    row, column = np.mgrid[:rows, :columns]
    if measure.kind is MeasureKind.OUTLINE:
        inside = np.zeros((rows, columns), dtype=bool)
        for (r, c), (r0, c0) in zip(places, np.roll(places, 1, axis=0), strict=True):
            if r != r0:
                crossing = c + (row - r) * (c0 - c) / (r0 - r)
                inside ^= ((r > row) != (r0 > row)) & (column < crossing)
    else:
        scale = np.array([row_mm, column_mm])
        (middle_row, middle_column), edge = places
        radius = np.linalg.norm((edge - places[0]) * scale)
        away = np.hypot((row - middle_row) * row_mm, (column - middle_column) * column_mm)
        inside = away <= radius
    values = volume.voxels[measure.slice][inside].astype(np.float64)
    return Pixels(len(values), float(values.mean()), float(values.std())) if len(values) else None
