"""`Volume`: a stack of slices and where it lies in the patient."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
"""An array of float32."""
Affine = npt.NDArray[np.float64]
"""A (4, 4) matrix from (slice, row, column, 1) to millimetres in the patient, LPS."""


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """Voxels and their place in the patient.

    Args:
        voxels: `(slice, row, column)` float32, arbitrary units; made read-only.
        affine_lps: `(4, 4)`, from `(slice, row, column, 1)` to mm, +x to the patient's left,
            +y posterior, +z superior (DICOM PS3.3 C.7.6.2). None where the file says nothing
            about how the slices lie, as a PNG does.
        sizes_mm: distance between slices, rows and columns where a file states these and nothing
            else (a NIfTI of two codes 0); None beside an affine, which holds them.

    Raises:
        ValueError: shapes are wrong, the affine is not invertible, or sizes stand beside it.

    >>> volume = Volume(np.zeros((2, 3, 5)), np.diag([4.0, 0.5, 0.7, 1.0]))
    >>> volume.shape
    (2, 3, 5)
    """

    voxels: Floats
    affine_lps: Affine | None
    sizes_mm: tuple[float, float, float] | None = None

    def __post_init__(self) -> None:
        voxels: npt.NDArray[Any] = self.voxels
        # What nobody can change any more is taken as it is; everything else is copied.
        if voxels.dtype != np.float32 or voxels.flags.writeable or not voxels.flags.owndata:
            voxels = np.array(voxels, dtype=np.float32)
        if voxels.ndim != 3 or 0 in voxels.shape:
            raise ValueError(f"voxels must be (slice, row, column), got shape {voxels.shape}")
        voxels.setflags(write=False)
        object.__setattr__(self, "voxels", voxels)
        if self.affine_lps is None:
            return
        if self.sizes_mm is not None:
            raise ValueError("the affine holds the sizes; they must not stand beside it")
        affine: npt.NDArray[Any] = np.array(self.affine_lps, dtype=np.float64)
        if affine.shape != (4, 4):
            raise ValueError(f"affine must be (4, 4), got {affine.shape}")
        if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
            raise ValueError("affine must be finite and invertible")
        affine.setflags(write=False)
        object.__setattr__(self, "affine_lps", affine)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Slices, rows, columns."""
        slices, rows, columns = self.voxels.shape
        return slices, rows, columns

    @property
    def spacing_mm(self) -> tuple[float, float, float] | None:
        """Distance between slices, rows and columns; None where the file does not say."""
        if self.affine_lps is None:
            return self.sizes_mm
        slice_mm, row_mm, column_mm = np.linalg.norm(self.affine_lps[:3, :3], axis=0)
        return float(slice_mm), float(row_mm), float(column_mm)
