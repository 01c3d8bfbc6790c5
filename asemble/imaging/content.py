"""What the pixels of a stack say about themselves: few plain figures, each with wide margins.

They are asked of the stack as a whole, so that one bad slice refuses nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from asemble.core.volume import Floats, Volume
from asemble.imaging.intensity import SQUASH, SQUASH_GAIN

VOID_RATIO = 0.1
"""Below this share of the tissue's median a pixel gives no signal; cortex gives 0.12-0.35."""
DETAIL_PIXELS = 3.0
"""Detail is what a blur of this standard deviation removes: 2.3 mm."""
GHOST_SHIFT = 24
"""Copies nearer than this are anatomy: 19 mm."""
MOST_GREYS = 2**16
"""Sixteen bits hold no more; of an image of floats nearly every pixel has its own."""
COARSE = 32
"""Pixels along a side at which neighbouring slices are compared: 6 mm each, beyond noise."""


@dataclass(frozen=True, slots=True)
class Content:
    """Figures of one stack.

    Args:
        greys: different values in the file, counted up to `MOST_GREYS`.
        saturated: share of the tissue at the one greatest value.
        void: share of the middle of the field without signal, median over the slices.
        detail: standard deviation of what is finer than 5 mm, in tissue medians; the median.
        ghost: correlation of the fine detail with itself moved far along rows or columns; median.
        continuity: correlation of neighbouring slices, coarsely; median. None with one slice.
    """

    greys: int
    saturated: float
    void: float
    detail: float
    ghost: float
    continuity: float | None


def content_of(volume: Volume, images: Iterable[Floats]) -> Content:
    """The figures of a stack whose values are finite and not all alike.

    Args:
        volume: as it was read.
        images: its slices, prepared (`imaging.slices`); one is looked at after the other.
    """
    figures = _Figures(images)
    return Content(
        greys=_greys(volume.voxels),
        saturated=_saturated(volume.voxels),
        void=float(np.median(figures.void)),
        detail=float(np.median(figures.detail)),
        ghost=float(np.median(figures.ghost)),
        continuity=_continuity(np.stack(figures.coarse)),
    )


class _Figures:
    """Those of each slice."""

    def __init__(self, images: Iterable[Floats]) -> None:
        self.void: list[float] = []
        self.detail: list[float] = []
        self.ghost: list[float] = []
        self.coarse: list[Floats] = []
        for image in images:
            fine = _fine(image)
            self.void.append(_void(image))
            self.detail.append(_detail(fine, image))
            self.ghost.append(_ghost(fine))
            coarse = cv2.resize(image, (COARSE, COARSE), interpolation=cv2.INTER_AREA)
            self.coarse.append(np.asarray(coarse.ravel(), dtype=np.float32))


def _greys(voxels: Floats) -> int:
    found: npt.NDArray[np.float32] = np.empty(0, dtype=np.float32)
    for image in voxels:
        found = np.union1d(found, image)
        if len(found) >= MOST_GREYS:
            return MOST_GREYS
    return len(found)


def _saturated(voxels: Floats) -> float:
    """Share of the tissue at the one greatest value."""
    greatest = voxels.max()
    at_it = sum(int((image == greatest).sum()) for image in voxels)
    return at_it / sum(int((image > 0).sum()) for image in voxels)


def _void(square: Floats) -> float:
    quarter = len(square) // 4
    middle = square[quarter:-quarter, quarter:-quarter]
    return float((middle < VOID_RATIO / (VOID_RATIO + SQUASH) * SQUASH_GAIN).mean())


def _fine(square: Floats) -> Floats:
    """What is finer than about 5 mm, in the middle three quarters; zero outside the slice."""
    blurred = cv2.GaussianBlur(square, (0, 0), DETAIL_PIXELS)
    edge = len(square) // 8
    return np.asarray((square - blurred)[edge:-edge, edge:-edge], dtype=np.float32)


def _detail(fine: Floats, square: Floats) -> float:
    return float(fine.std() / max(float(square.mean()), 1e-6))


def _ghost(fine: Floats) -> float:
    """Greatest correlation with itself moved along rows or along columns by `GHOST_SHIFT` on."""
    # Strong edges must not decide alone: a ghost doubles everything.
    limit = 2 * float(fine.std())
    flat = np.clip(fine, -limit, limit)
    if limit == 0:
        return 0.0
    spectrum = np.abs(np.fft.rfft2(flat - flat.mean(), s=(2 * len(flat),) * 2)) ** 2
    moved: npt.NDArray[np.float64] = np.fft.irfft2(spectrum)
    rows, columns = moved[:, 0], moved[0]
    if moved[0, 0] == 0:  # so little detail that nothing is left of its square
        return 0.0
    far = slice(GHOST_SHIFT, len(flat) * 2 // 3)
    overlap = 1 - np.arange(2 * len(flat))[far] / len(flat)
    best = max((line[far] / overlap).max() for line in (rows, columns))
    return float(best / moved[0, 0])


def _continuity(coarse: Floats) -> float | None:
    if len(coarse) < 2:
        return None
    centred = coarse - coarse.mean(axis=1, keepdims=True)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True) + 1e-9
    return float(np.median((centred[1:] * centred[:-1]).sum(axis=1)))
