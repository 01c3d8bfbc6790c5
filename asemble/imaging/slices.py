"""Slices to the square that every network reads, and maps on that square back to the slices.

Resampling is a weighted mean along rows and along columns, so both are matrices: a slice becomes
`rows @ slice @ columns.T`. The weights form a triangle as wide as the coarser of the two grids,
which keeps a reduced slice free of aliasing. Before that a slice is turned to how it is shown
(`imaging.orientation`), and a map on its way back is turned to how the slice is stored.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from asemble.core.interruption import checkpoint
from asemble.core.labels import Plane
from asemble.core.volume import Floats, Volume
from asemble.imaging.intensity import median_ratio, squash
from asemble.imaging.orientation import AS_STORED, Turn

SIDE = 256
"""Pixels along a side of the square."""
FIELD_MM = 200.0
"""Millimetres along a side: both joints with the wings beside them, as protocols cover them."""
PIXEL_MM = FIELD_MM / SIDE
"""0.78 mm, between the 0.60 and 0.98 mm of real protocols."""
MASK_SIDE = 128
"""Cells along a side of a lesion mask, as of an evidence map."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Where the square lies on a slice; the two share their centre.

    Args:
        rows: of the slice as shown.
        columns: of the slice as shown.
        row_step: pixels of the slice, down, for one pixel of the square.
        column_step: the same, to the right.
        turn: from the slice as stored to the slice as shown.
    """

    rows: int
    columns: int
    row_step: float
    column_step: float
    turn: Turn = AS_STORED

    @classmethod
    def of_spacing(
        cls, shape: tuple[int, int], pixel_mm: tuple[float, float], turn: Turn = AS_STORED
    ) -> "Grid":
        """A field of `FIELD_MM` on a slice of known shape and pixel spacing in mm, as stored."""
        rows, columns = reversed(shape) if turn.is_transposed else shape
        row_mm, column_mm = reversed(pixel_mm) if turn.is_transposed else pixel_mm
        return cls(rows, columns, PIXEL_MM / row_mm, PIXEL_MM / column_mm, turn)

    @classmethod
    def of_whole(cls, shape: tuple[int, int]) -> "Grid":
        """The whole slice, padded to a square, where the spacing is unknown."""
        step = max(shape) / SIDE
        return cls(shape[0], shape[1], step, step)

    def to_square(self, slices: npt.NDArray[np.floating], side: int = SIDE) -> Floats:
        """`(..., row, column)` as stored to `(..., side, side)`; zero outside the slice."""
        down = _weights(self.rows, side, self.row_step * SIDE / side)
        right = _weights(self.columns, side, self.column_step * SIDE / side)
        return down @ self.turn.apply(slices).astype(np.float32) @ right.T

    def from_square(self, maps: npt.NDArray[np.floating]) -> Floats:
        """`(..., h, w)` over the square to `(..., row, column)` as stored; zero outside it."""
        height, width = maps.shape[-2:]
        down = _weights(height, self.rows, height / (SIDE * self.row_step))
        right = _weights(width, self.columns, width / (SIDE * self.column_step))
        return self.turn.undo(down @ maps.astype(np.float32) @ right.T)

    def places_shown(self, cells: npt.ArrayLike, side: int) -> npt.NDArray[np.float64]:
        """`(..., 2)` row and column on a square of `side` cells to those on the slice as shown.

        >>> Grid.of_whole((256, 256)).places_shown([[0, 127]], 128).tolist()
        [[0.5, 254.5]]
        """
        steps = np.array([self.row_step, self.column_step]) * SIDE / side
        middle = (np.array([self.rows, self.columns]) - 1) / 2
        return np.asarray((np.asarray(cells) - (side - 1) / 2) * steps + middle)


@dataclass(frozen=True, slots=True, eq=False)
class PreparedStack:
    """A series as the networks read it.

    Args:
        images: `(slice, 256, 256)` float32, 0..1.25: ratio to the slice's foreground median,
            squashed.
        grid: where the square lies on the slices.
    """

    images: Floats
    grid: Grid


def prepare(volume: Volume, plane: Plane | None = None) -> PreparedStack:
    """The slices of `volume` ready for a network.

    A field of 200 mm around the middle of each slice, the way up that its plane is shown, where
    their affine is known, and as stored where only sizes are; without either the whole slice as
    stored, padded to a square.

    Args:
        volume: to read.
        plane: as the series has it or the user states it; None takes it from the affine.

    >>> prepare(Volume(np.ones((2, 30, 50)), None)).images.shape
    (2, 256, 256)
    """
    grid = grid_of(volume, plane)
    images = np.empty((volume.shape[0], SIDE, SIDE), dtype=np.float32)
    for index, image in enumerate(prepared(volume, plane)):
        images[index] = image
    images.setflags(write=False)
    return PreparedStack(images, grid)


def prepared(volume: Volume, plane: Plane | None = None) -> Iterator[Floats]:
    """The images of `prepare`, one slice after the other."""
    return (squash(median_ratio(square)) for square in squares(volume, grid_of(volume, plane)))


def squares(volume: Volume, grid: Grid, side: int = SIDE) -> Iterator[Floats]:
    """`(side, side)` of one slice after the other; what is no number counts as 0."""
    for image in volume.voxels:
        checkpoint()
        yield grid.to_square(np.nan_to_num(image, posinf=0, neginf=0), side)


def grid_of(volume: Volume, plane: Plane | None = None) -> Grid:
    """Where the square of `prepare` lies on the slices of a volume."""
    spacing = volume.spacing_mm
    if spacing is None:
        return Grid.of_whole(volume.shape[1:])
    turn = Turn.to_display(volume.affine_lps, plane)
    return Grid.of_spacing(volume.shape[1:], spacing[1:], turn)


def resample_slice(
    image: npt.NDArray[np.floating], pixel_mm: tuple[float, float], turn: Turn = AS_STORED
) -> Floats:
    """One slice `(row, column)` to `(256, 256)` ratios to its foreground median, not squashed.

    Args:
        image: raw intensities.
        pixel_mm: spacing of rows and of columns in mm, as stored.
        turn: from the slice as stored to the slice as shown.
    """
    return median_ratio(Grid.of_spacing(_shape(image), pixel_mm, turn).to_square(image))


def resample_mask(
    mask: npt.NDArray[np.number | np.bool_],
    pixel_mm: tuple[float, float],
    turn: Turn = AS_STORED,
) -> Floats:
    """One lesion mask `(row, column)` to `(128, 128)`: the share of each cell that it covers, 0..1.

    Args:
        mask: true, or above zero, in the lesion.
        pixel_mm: spacing of rows and of columns in mm, as stored.
        turn: from the slice as stored to the slice as shown.
    """
    covered = (mask > 0).astype(np.float32)
    fine = Grid.of_spacing(_shape(mask), pixel_mm, turn).to_square(covered)
    cells = SIDE // MASK_SIDE
    share = fine.reshape(MASK_SIDE, cells, MASK_SIDE, cells).mean(axis=(1, 3))
    return np.asarray(share.clip(0, 1), dtype=np.float32)


def _shape(image: npt.NDArray[np.number | np.bool_]) -> tuple[int, int]:
    rows, columns = image.shape
    return rows, columns


def _weights(source: int, target: int, step: float) -> Floats:
    """`(target, source)`: share of each source sample in each target sample.

    Args:
        source: samples to read.
        target: samples to make, centred on the middle of the source.
        step: source samples for one target sample.
    """
    centres = (np.arange(target) - (target - 1) / 2) * step + (source - 1) / 2
    distance = np.abs(np.arange(source)[None] - centres[:, None])
    # Inside the outermost half sample there is one neighbour only; it counts alone.
    weights = np.clip(1 - distance / max(1.0, step), 0, None)
    total = weights.sum(axis=1, keepdims=True)
    inside = (centres >= -0.5) & (centres <= source - 0.5)
    share = np.where(inside[:, None], weights / np.maximum(total, 1e-9), 0)
    return share.astype(np.float32)
