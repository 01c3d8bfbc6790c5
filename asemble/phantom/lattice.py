"""Smooth noise in space, the same at a point whichever slice asks."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Array = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Lattice:
    """Smooth noise in space, about normal; the same point always has the same value.

    Args:
        values: `(channel, n, n, n)`; it repeats beyond.
        step_mm: between neighbours.
    """

    values: npt.NDArray[np.float32]
    step_mm: float

    def at(self, points: Array) -> npt.NDArray[np.float32]:
        """`(channel, ...)` at `(..., 3)` points in mm."""
        where = np.moveaxis(np.asarray(points, np.float32) / np.float32(self.step_mm), -1, 0)
        return np.stack(
            [
                ndimage.map_coordinates(one, where, order=1, mode="grid-wrap", output=np.float32)
                for one in self.values
            ]
        )


def lattice(rng: np.random.Generator, scale_mm: float, channels: int = 1, n: int = 12) -> Lattice:
    """Noise whose bumps are about `scale_mm` wide: cubic B-splines over white noise."""
    values = rng.standard_normal((channels, n, n, n), dtype=np.float32)
    spline = _spline(n)
    for axis in (1, 2, 3):
        values = np.moveaxis(np.tensordot(spline, values, axes=(1, axis)), 0, axis)
    values /= values.std(axis=(1, 2, 3), keepdims=True)
    return Lattice(np.ascontiguousarray(values), scale_mm / _FINER)


_FINER = 3
"""Points of a lattice between two of its random values, so that linear interpolation is smooth."""


@cache
def _spline(n: int) -> npt.NDArray[np.float32]:
    """`(3 n, n)`: weights of the cubic B-splines, periodic."""
    away = np.abs((np.arange(_FINER * n)[:, None] / _FINER - np.arange(n) + n / 2) % n - n / 2)
    near = 2 / 3 - away**2 + away**3 / 2
    far = np.clip(2 - away, 0, None) ** 3 / 6
    return np.where(away < 1, near, far).astype(np.float32)
