"""Nothing of a file's meaning hangs on the last bit, which depends on the processor."""

from itertools import product

import numpy as np
import pytest

from asemble.core.geometry import edge_letters, is_near_axis, possible_planes
from asemble.core.labels import Plane, Weighting
from asemble.core.study import Series
from asemble.core.volume import Volume
from asemble.imaging.quality import why_not_judged

NOISE = (0.0, 2.0**-52, -(2.0**-52), 2.0**-49, -(2.0**-49))
"""What kernels differ by: a few units of the last of 53 bits."""


def coronal(tilt_deg: float, pixel_mm: float = 0.8, *, noise: float = 0.0) -> np.ndarray:
    """A coronal stack tipped about the left-right axis, each number off by `noise` of itself."""
    s, c = np.sin(np.radians(tilt_deg)), np.cos(np.radians(tilt_deg))
    affine = np.eye(4)
    affine[:3, 0] = 4.0 * np.array([0, c, s])
    affine[:3, 1] = pixel_mm * np.array([0, s, -c])
    affine[:3, 2] = [pixel_mm, 0, 0]
    signs = np.resize([1, -1, -1], affine.shape)
    return affine * (1 + noise * signs)


@pytest.mark.parametrize("tilt_deg", [15, 20, 45, 60, 70, 75, -15, -20, -30, -45])
def test_plane_and_letters_on_their_limits_are_the_same(tilt_deg: int) -> None:
    told = {
        (possible_planes(affine), edge_letters(affine), is_near_axis(affine))
        for affine in (coronal(tilt_deg, noise=noise) for noise in NOISE)
    }
    assert len(told) == 1


@pytest.mark.parametrize(("pixel_mm", "pixels"), [(2.0, 100), (1.0, 120), (1.0, 550)])
def test_a_size_on_its_limit_is_within_it(pixel_mm: float, pixels: int) -> None:
    voxels = np.random.default_rng(2).integers(100, 900, (2, pixels, pixels)).astype(np.float32)
    for tilt_deg, noise in product((17, 35, 51), NOISE):
        volume = Volume(voxels, coronal(tilt_deg, pixel_mm, noise=noise))
        why_not = why_not_judged(Series("s01", "", volume, Plane.CORONAL, Weighting.FLUID)) or ""
        assert "mm" not in why_not
