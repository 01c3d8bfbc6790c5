"""Where soft tissue goes: maps of one pelvis over its grid."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from asemble.phantom.pelvis import GRID_MM, LOW_MM, STEP_MM, USUAL_SPREAD, Pelvis, pelvis_of_seed

Array = npt.NDArray[np.floating[Any]]

SIDES = (-1, 1)
"""Right and left, as the sign of x."""
BACKWARDS = np.array([0, 0.77, 0.64])
"""From the front of the sacrum to its back, in the model's posture."""


@dataclass(frozen=True, slots=True, eq=False)
class Landmarks:
    """Maps of one pelvis over its grid, from which soft tissue is placed.

    Args:
        pelvis: distances to the bones.
        blade_x: `(side, y, z)` |x| of the middle of the hip bone, carried on where there is none.
        blade: `(side, y, z)` share of a 15 mm neighbourhood where there is hip bone, 0..1.
        sacrum_y: `(x, z)` y of the middle of the sacrum, carried on.
        front_y: `(x, z)` y of its front.
        joint: two arrays `(n, 3)`: points in the joint space, right and left, mm.
        ligament: the same, behind the joint, where ligaments join the bones.
    """

    pelvis: Pelvis
    blade_x: Array
    blade: Array
    sacrum_y: Array
    front_y: Array
    joint: tuple[Array, Array]
    ligament: tuple[Array, Array]


@cache
def landmarks_of_seed(seed: int, spread: float = USUAL_SPREAD) -> Landmarks:
    """Maps of the pelvis of a seed, worked out once in a process."""
    return _landmarks(pelvis_of_seed(seed, spread))


def _landmarks(pelvis: Pelvis) -> Landmarks:
    sacrum, hips = pelvis.fields
    x, y = (LOW_MM[k] + GRID_MM * np.arange(hips.shape[k]) for k in range(2))
    blade_x, blade = [], []
    for side in SIDES:
        mine = (hips < 0) & (side * x > 8)[:, None, None]
        count = mine.sum(axis=0).astype(np.float32)
        place = np.einsum("xyz,x->yz", mine, np.abs(x)).astype(np.float32)
        blade_x.append(_carried_on(place, count))
        blade.append(ndimage.gaussian_filter((count > 0).astype(np.float32), 8.0 / GRID_MM))
    bone = sacrum < 0
    count = bone.sum(axis=1).astype(np.float32)
    place = np.einsum("xyz,y->xz", bone, y).astype(np.float32)
    first = np.where(count > 0, y[bone.argmax(axis=1)], 0) * (count > 0)
    gap = (sacrum.astype(np.int16) + hips) * STEP_MM
    near = (sacrum > -4) & (hips > -4) & (gap < 3.5)
    points = np.argwhere(near) * GRID_MM + LOW_MM
    apart = (gap > 5) & (gap < 14) & (sacrum * STEP_MM > 1) & (hips * STEP_MM > 1)
    apart &= (sacrum * STEP_MM < 8) & (hips * STEP_MM < 8)
    behind = np.argwhere(apart) * GRID_MM + LOW_MM
    behind = behind[behind @ BACKWARDS > np.quantile(points @ BACKWARDS, 0.6)]
    return Landmarks(
        pelvis,
        np.stack(blade_x),
        np.stack(blade),
        _carried_on(place, count),
        _carried_on(first.astype(np.float32), (count > 0).astype(np.float32)),
        (points[points[:, 0] < 0], points[points[:, 0] > 0]),
        (behind[behind[:, 0] < 0], behind[behind[:, 0] > 0]),
    )


def _carried_on(total: Array, count: Array) -> Array:
    """Means where there is something, smoothly continued by wider and wider neighbourhoods."""
    known = np.zeros_like(total)
    weight = np.zeros_like(total)
    for scale in (1.5, 4, 10, 25):
        t, c = (ndimage.gaussian_filter(one, scale) for one in (total, count))
        more = (1 - weight) * np.clip(c / 0.02, 0, 1)
        known += more * t / np.maximum(c, 1e-6)
        weight += more
    everywhere = total.sum() / max(1.0, float(count.sum()))
    return np.asarray(known + (1 - weight) * everywhere, dtype=np.float32)


def value_at(values: Array, first: Any, second: Any, axes: tuple[int, int]) -> Array:
    """A map of `Landmarks` at some mm."""
    a = (np.asarray(first) - LOW_MM[axes[0]]) / GRID_MM
    b = (np.asarray(second) - LOW_MM[axes[1]]) / GRID_MM
    return np.asarray(ndimage.map_coordinates(values, [a, b], order=1, mode="nearest"))


def sacral_canal(land: Landmarks) -> Array:
    """`(n, 3)` mm: middle of the canal from L4 down to S5, behind the vertebral bodies."""
    z = np.array([84.0, 62, 45, 30, 18, 4, -12, -28, -46, -62])
    y = np.array([-22.0, -20, -14, -6, 4, 17, 29, 38, 44, 47])
    middle = value_at(land.sacrum_y, np.zeros(10), z, (0, 2))
    mean = np.array([0, 0, 0, 3.0, 8.0, 14, 25, 36, 44, 48])
    shift = np.where(z < 25, np.clip(middle - mean, -10, 10), 0)
    shift[:4] = shift[4] * np.array([0.4, 0.5, 0.7, 0.9])
    return np.stack([np.zeros(10), y + shift, z], axis=1)
