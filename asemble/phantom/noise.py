"""Smooth noise in three dimensions, so that slices of one case in different planes agree."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from asemble.core.volume import Floats

Field = npt.NDArray[np.floating[Any]]
"""Values at the points of a slice, `(row, column)`."""

SIZE = 128
"""Edge of the periodic lattice, a power of two so that wrapping is a bit mask."""
CORRELATION = 8
"""Standard deviation of the lattice's smoothing, in lattice steps."""
STEP = 1 / 31
"""Of the lattice's values: one byte each, so that it stays in the processor's cache."""
LIMIT = 127 * STEP
"""No value lies farther from 0."""
TEXTURES = 20
"""Independent textures of a case."""


@lru_cache(maxsize=1)
def _lattice() -> npt.NDArray[np.int8]:
    white = np.random.default_rng(20261123).standard_normal((SIZE, SIZE, SIZE)).astype(np.float32)
    smooth = gaussian_filter(white, CORRELATION, mode="wrap")
    return np.asarray(np.clip(smooth / smooth.std() / STEP, -127, 127), dtype=np.int8).ravel()


@dataclass(frozen=True, slots=True, eq=False)
class Noise:
    """One case's view of the lattice.

    Args:
        offset: `(TEXTURES, 3)` lattice steps, a start for each independent texture.
    """

    offset: Floats

    @classmethod
    def sample(cls, rng: np.random.Generator) -> "Noise":
        """Draw a view."""
        return cls(rng.uniform(0, SIZE, size=(TEXTURES, 3)).astype(np.float32))

    def at(self, u: Field, v: Field, w: Field, *, scale_mm: float, texture: int) -> Field:
        """Standard normal values, correlated over about `scale_mm`, at points in mm."""
        step = np.float32(CORRELATION / scale_mm)
        a, b, c = self.offset[texture]
        # Adding a multiple of the period keeps the truncation to integers away from zero.
        far = np.float32(64 * SIZE)
        i = (u * step + (a + far)).astype(np.int32) & (SIZE - 1)
        j = (v * step + (b + far)).astype(np.int32) & (SIZE - 1)
        k = (w * step + (c + far)).astype(np.int32) & (SIZE - 1)
        values: Field = _lattice().take((i * SIZE + j) * SIZE + k) * np.float32(STEP)
        return values
