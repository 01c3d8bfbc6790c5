"""Where a slice lies."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A slice in the scanner, in mm from the middle of the joints, LPS.

    Args:
        centre: of the slice.
        row: unit vector downwards in the picture.
        column: unit vector to the right.
        rows: pixels.
        columns: pixels.
        pixel_mm: of both sides.
        thickness_mm: of the slice.
    """

    centre: npt.NDArray[np.float64]
    row: npt.NDArray[np.float64]
    column: npt.NDArray[np.float64]
    rows: int
    columns: int
    pixel_mm: float
    thickness_mm: float = 3.5

    @property
    def normal(self) -> npt.NDArray[np.float64]:
        """Unit vector through the slice."""
        return np.cross(self.column, self.row)

    def points(self, step: int = 1, shift_mm: float = 0.0) -> npt.NDArray[np.float64]:
        """`(row, column, 3)` mm of every pixel, or of every `step`-th block's middle."""
        start = (step - 1) / 2
        r = np.arange(-(-self.rows // step)) * step + start - (self.rows - 1) / 2
        c = np.arange(-(-self.columns // step)) * step + start - (self.columns - 1) / 2
        down = (r * self.pixel_mm)[:, None, None] * self.row
        right = (c * self.pixel_mm)[None, :, None] * self.column
        return np.asarray(self.centre + down + right + shift_mm * self.normal)

    def widen(self, coarse: Floats) -> Floats:
        """A coarse `(row, column)` map to the pixels."""
        step = -(-self.rows // coarse.shape[0])
        shape = (coarse.shape[1] * step, coarse.shape[0] * step)
        wide = cv2.resize(coarse, shape, interpolation=cv2.INTER_LINEAR)
        return np.asarray(wide[: self.rows, : self.columns])
