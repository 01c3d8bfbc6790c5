"""Bones of a series as the networks name them, on its own grid."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from asemble.core.labels import Tissue
from asemble.imaging.bones import bone_labels
from asemble.imaging.slices import Grid


@dataclass(frozen=True, slots=True, eq=False)
class SeriesBones:
    """The bones of one series, kept as small as the networks make them.

    Args:
        series_id: whose they are.
        grid: the way back to the series' own grid.
        tissue: `(slice, 6, 128, 128)` float16: how likely each place is each `Tissue`.
    """

    series_id: str
    grid: Grid
    tissue: npt.NDArray[np.float16]

    @property
    def bones(self) -> npt.NDArray[np.uint8]:
        """On the series' grid: 0, 1 sacrum, 2 right ilium, 3 left ilium, by the patient's side."""
        return self._bones(slice(None))

    def bones_on(self, index: int) -> npt.NDArray[np.uint8]:
        """`(row, column)`: `bones` of one slice."""
        return np.asarray(self._bones(slice(index, index + 1))[0])

    def _bones(self, which: slice) -> npt.NDArray[np.uint8]:
        # Class by class, because a label between two is neither.
        small = self.tissue[which].astype(np.float32)
        shares = np.stack([self.grid.from_square(small[:, k]) for k in Tissue], axis=1)
        return bone_labels(shares)
