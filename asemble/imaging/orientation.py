"""Which way up a slice is shown: DICOM stores it so, NIfTI often does not.

The networks were trained on slices as radiologists look at them: the patient's right on the left
of the image; the head at the top of a coronal slice, the front of the body at the top of an axial
one. A NIfTI stores its rows in either direction, or rows as columns; its affine says which.
"""

from dataclasses import dataclass, replace
from itertools import product
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from asemble.core.geometry import is_near_axis, plane_of
from asemble.core.labels import Plane
from asemble.core.volume import Affine, Volume

_Scalar = TypeVar("_Scalar", bound=np.generic)

SHOWN_LPS = {
    Plane.CORONAL: ((1, 0, 0), (0, 0, -1)),
    Plane.AXIAL: ((1, 0, 0), (0, 1, 0)),
    Plane.SAGITTAL: ((0, 1, 0), (0, 0, -1)),
}
"""Where a step to the right and a step down lead in the patient, on a slice as it is shown."""

TIE_SHARE = 0.1
"""Weight of the plane that the affine shows beside the plane that the user states.

A stated plane far from that of the affine leaves some flips open; the affine then decides them.
"""


@dataclass(frozen=True, slots=True)
class Turn:
    """From a slice as stored to the slice as shown: transposed first, then flipped.

    Args:
        is_transposed: rows become columns.
        flips_rows: the last row comes first.
        flips_columns: the last column comes first.

    >>> Turn(is_transposed=True, flips_rows=True).apply(np.array([[1, 2, 3], [4, 5, 6]])).tolist()
    [[3, 6], [2, 5], [1, 4]]
    """

    is_transposed: bool = False
    flips_rows: bool = False
    flips_columns: bool = False

    @classmethod
    def to_display(cls, affine: Affine | None, plane: Plane | None = None) -> "Turn":
        """The turn that brings stored slices nearest to how their plane is shown.

        Args:
            affine: of the stored slices; without one they are taken as stored.
            plane: as the user states it; None takes it from the affine. Stated against an affine
                along the body's axes, the affine is taken for a placeholder, as programs write
                for pictures without geometry, and the slices as stored.
        """
        if affine is None:
            return AS_STORED
        shown = plane_of(affine)
        if plane not in (None, shown) and is_near_axis(affine):
            return AS_STORED  # it contradicts the user, and says no more than a made-up affine
        aims = np.array(SHOWN_LPS[plane or shown]) + TIE_SHARE * np.array(SHOWN_LPS[shown])
        # The first of equals wins: as stored.
        turns = [cls(*flags) for flags in product((False, True), repeat=3)]
        return max(turns, key=lambda turn: _agreement(turn, affine, aims))

    def apply(self, slices: npt.NDArray[_Scalar]) -> npt.NDArray[_Scalar]:
        """`(..., row, column)` as stored to `(..., row, column)` as shown; a view."""
        return self._flip(slices.swapaxes(-1, -2) if self.is_transposed else slices)

    def undo(self, slices: npt.NDArray[_Scalar]) -> npt.NDArray[_Scalar]:
        """`(..., row, column)` as shown to `(..., row, column)` as stored; a view."""
        flipped = self._flip(slices)
        return flipped.swapaxes(-1, -2) if self.is_transposed else flipped

    def apply_to_volume(self, volume: Volume) -> Volume:
        """The same voxels at the same places in the patient, with slices as shown."""
        if self == AS_STORED:
            return volume  # not a copy of it
        voxels = self.apply(volume.voxels)
        if volume.affine_lps is None:
            sizes = volume.sizes_mm
            if self.is_transposed and sizes is not None:
                sizes = (sizes[0], sizes[2], sizes[1])
            return replace(volume, voxels=voxels, sizes_mm=sizes)
        return Volume(voxels, self.affine_of(volume))

    def affine_of(self, volume: Volume) -> Affine | None:
        """The affine of the volume with its slices as shown, without moving its voxels."""
        if volume.affine_lps is None:
            return None
        _, rows, columns = volume.shape
        affine = volume.affine_lps.copy()
        if self.is_transposed:
            affine = affine[:, [0, 2, 1, 3]]
            rows, columns = columns, rows
        for flips, axis, length in ((self.flips_rows, 1, rows), (self.flips_columns, 2, columns)):
            if flips:
                affine[:3, 3] += (length - 1) * affine[:3, axis]
                affine[:3, axis] *= -1
        return affine

    def _flip(self, slices: npt.NDArray[_Scalar]) -> npt.NDArray[_Scalar]:
        rows, columns = -1 if self.flips_rows else 1, -1 if self.flips_columns else 1
        return slices[..., ::rows, ::columns]


AS_STORED = Turn()
"""Changes nothing: DICOM is shown as it is stored."""


def as_shown(volume: Volume, plane: Plane | None = None) -> Volume:
    """`volume` with its slices as they are shown; slices keep their order.

    >>> bottom_up = np.array([[0, 0, 1, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1.0]])
    >>> as_shown(Volume(np.array([[[1, 2], [3, 4]]]), bottom_up)).voxels.tolist()
    [[[3.0, 4.0], [1.0, 2.0]]]
    """
    return Turn.to_display(volume.affine_lps, plane).apply_to_volume(volume)


def _agreement(turn: Turn, affine: Affine, aims: npt.NDArray[Any]) -> float:
    """Sum of the cosines between where steps lead after `turn` and where they should."""
    units = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    right, down = units[:, 2], units[:, 1]
    if turn.is_transposed:
        right, down = down, right
    signs = [-1 if flips else 1 for flips in (turn.flips_columns, turn.flips_rows)]
    # Rounded, so that noise in the last digits does not decide between equals.
    return round(float(signs[0] * right @ aims[0] + signs[1] * down @ aims[1]), 6)
