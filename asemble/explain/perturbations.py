"""Perturbations of a prepared slice, to see whether the answer and its heatmap follow them."""

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from asemble.core.volume import Floats
from asemble.imaging.slices import SIDE

Bools = npt.NDArray[np.bool_]

SURROUNDINGS_PIXELS = 6.0
"""Standard deviation of the blur that fills a covered place from around it: 5 mm, half a lesion."""

BODY_SHARE = 0.15
"""Of the slice's own 90th percentile: darker than that is air around the body."""

BODY_PIXELS = 8.0
"""Blur before air is told from body, so that cortex and gas inside it do not count as air."""

TRIES = 400
"""Places tried for a covered area before there is held to be no room for it."""


def moved(image: Floats, down: int, right: int) -> Floats:
    """The slice `(row, column)` moved by whole pixels; its edge is repeated where nothing comes.

    >>> moved(np.arange(6.0, dtype=np.float32).reshape(2, 3), 0, 1).tolist()
    [[0.0, 0.0, 1.0], [3.0, 3.0, 4.0]]
    """
    rows, columns = (
        np.clip(np.arange(n) - by, 0, n - 1)
        for n, by in zip(image.shape, (down, right), strict=True)
    )
    return image[np.ix_(rows, columns)]


def covered(image: Floats, mask: Bools) -> Floats:
    """The slice with the masked pixels filled from their surroundings, smoothly.

    Args:
        image: `(row, column)`.
        mask: the same shape; true where the slice is to be covered.
    """
    outside = (~mask).astype(np.float32)
    fill = np.zeros_like(image)
    missing = mask.copy()
    reach = SURROUNDINGS_PIXELS
    while missing.any() and reach < max(image.shape):  # wider where a place is too far inside
        weight = cv2.GaussianBlur(outside, (0, 0), reach)
        near = missing & (weight > 0.05)
        fill[near] = (cv2.GaussianBlur(image * outside, (0, 0), reach) / (weight + 1e-9))[near]
        missing &= ~near
        reach *= 2
    return np.where(mask, fill, image).astype(np.float32)


def body(image: Floats) -> Bools:
    """`(row, column)`: where a prepared slice shows the body and not the air around it."""
    blurred = cv2.GaussianBlur(image, (0, 0), BODY_PIXELS)
    return np.asarray(blurred > BODY_SHARE * float(np.percentile(blurred, 90)))


def elsewhere(mask: Bools, inside: Bools, rng: np.random.Generator) -> Bools | None:
    """The same area somewhere else: each connected part moved to a place of its own.

    Args:
        mask: `(row, column)`, what is covered.
        inside: the same shape; parts are put there alone, and never onto the mask.
        rng: draws the places.

    Returns:
        None where no room is found.
    """
    parts, count = ndimage.label(mask)
    free = inside & ~mask
    placed = np.zeros_like(mask)
    for part in range(1, count + 1):
        found = _place(np.argwhere(parts == part), free, rng)
        if found is None:
            return None
        placed[found] = True
        free[found] = False
    return placed


def _place(
    pixels: npt.NDArray[np.intp], free: Bools, rng: np.random.Generator
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]] | None:
    """Rows and columns of the pixels moved to where all is free."""
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    room = np.array(free.shape) - (high - low)
    for _ in range(TRIES):
        rows, columns = (pixels - low + rng.integers(0, room)).T
        if free[rows, columns].all():
            return rows, columns
    return None


def enlarged(cells: Bools, by: int = 1) -> Bools:
    """Cells `(128, 128)` and those beside them, as pixels `(256, 256)` of a prepared slice.

    >>> enlarged(np.eye(64, dtype=bool), by=0).sum() == 64 * 16
    np.True_
    """
    wide = ndimage.binary_dilation(cells, iterations=by) if by else cells
    times = SIDE // len(cells)
    return np.asarray(np.kron(wide, np.ones((times, times), dtype=np.bool_)))
