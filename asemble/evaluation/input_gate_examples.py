"""Coarse simulated slices to fit the input gate on, and the ways in which they are corrupted.

A field of 300 mm is drawn, so that a slice can be turned, moved and cropped without showing where
the simulator stops.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from asemble.core.labels import JUDGED_PLANES, PATTERNS, Plane, Weighting
from asemble.core.volume import Floats
from asemble.evaluation.out_of_distribution import FAMILIES
from asemble.imaging.intensity import median_ratio
from asemble.phantom import Case, render_slice, sample_case, sample_stack
from asemble.phantom.acquisition import Stack

FIELD_MM = 300.0
"""Millimetres along a side of an example."""
SIDE = 128
"""Pixels along a side of an example, 2.3 mm each."""
SLICES = 5
"""Slices drawn of each simulated stack, over its whole depth."""


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Slices to fit on.

    Args:
        images: `(n, 128, 128)` float16, ratios to tissue.
        planes: `(n,)` index into `JUDGED_PLANES`; -1 where a picture belongs to neither.
        is_shown: `(n,)` whether it shows the joints.
    """

    images: np.ndarray
    planes: np.ndarray
    is_shown: np.ndarray

    def joined(self, other: "Examples") -> "Examples":
        """Both, one after the other."""
        return Examples(
            np.concatenate([self.images, other.images]),
            np.concatenate([self.planes, other.planes]),
            np.concatenate([self.is_shown, other.is_shown]),
        )


def simulated(seed: int) -> Examples:
    """Slices of one simulated person: coronal, axial and sagittal, in one weighting.

    T1 too: it paints the same anatomy in other greys, as other scanners might.
    """
    rng = np.random.default_rng([seed, 5])
    case = sample_case(seed, kind=PATTERNS[seed % len(PATTERNS)])
    weighting = Weighting.T1 if rng.random() < 0.3 else Weighting.FLUID
    images, planes, is_shown = [], [], []
    for number, plane in enumerate(JUDGED_PLANES):
        stack = wide(sample_stack(rng, case, plane=plane, weighting=weighting))
        images.append(drawn(case, stack, rng))
        planes += [number] * SLICES
        is_shown += [True] * SLICES
    side = sagittal(sample_stack(rng, case, plane=Plane.CORONAL, weighting=weighting))
    images.append(drawn(case, wide(side), rng))
    planes += [-1] * SLICES
    is_shown += [False] * SLICES
    return Examples(np.concatenate(images), np.array(planes), np.array(is_shown))


def out_of_distribution(seed: int) -> Examples:
    """Slices of something else; the family changes with the seed."""
    rng = np.random.default_rng([seed, 6])
    names = list(FAMILIES)
    weights = np.array([0.14, 0.3, 0.26, 0.16, 0.06, 0.08])
    draw = FAMILIES[names[int(rng.choice(len(names), p=weights))]]
    shrunk = (cv2.resize(s, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for s in draw(rng, SLICES))
    images = np.stack([median_ratio(image) for image in shrunk]).astype(np.float16)
    return Examples(images, np.full(SLICES, -1), np.zeros(SLICES, bool))


def wide(stack: Stack) -> Stack:
    """The same slices over `FIELD_MM` on `SIDE` pixels about the same middle."""
    return _regridded(stack, FIELD_MM, SIDE)


def sagittal(stack: Stack) -> Stack:
    """A semicoronal stack turned about its rows: from the side, through the same middle."""
    affine = stack.affine_lps.copy()
    normal, column = affine[:3, 0].copy(), affine[:3, 2].copy()
    middle = affine @ np.array([*((np.array(stack.shape) - 1) / 2), 1])
    affine[:3, 0] = column / np.linalg.norm(column) * np.linalg.norm(normal)
    affine[:3, 2] = -normal / np.linalg.norm(normal) * np.linalg.norm(column)
    affine[:3, 3] = middle[:3] - affine[:3, :3] @ ((np.array(stack.shape) - 1) / 2)
    return replace(stack, affine_lps=affine)


def drawn(case: Case, stack: Stack, rng: np.random.Generator) -> Floats:
    """`SLICES` slices of a stack, as ratios to tissue."""
    places = np.linspace(1, stack.shape[0] - 2, SLICES)
    images = [median_ratio(render_slice(case, stack, float(at), rng).image) for at in places]
    return np.stack(images).astype(np.float16)


def _regridded(stack: Stack, field_mm: float, side: int) -> Stack:
    affine = stack.affine_lps.copy()
    shape = (stack.shape[0], side, side)
    middle = affine[:3, 1:3] @ ((np.array(stack.shape[1:]) - 1) / 2) + affine[:3, 3]
    for axis in (1, 2):
        affine[:3, axis] *= field_mm / side / np.linalg.norm(affine[:3, axis])
    affine[:3, 3] = middle - affine[:3, 1:3] @ np.full(2, (side - 1) / 2)
    return replace(stack, affine_lps=affine, shape=shape)
