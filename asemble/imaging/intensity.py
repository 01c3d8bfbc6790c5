"""Grey values: on one scale for the networks, windowed for people."""

from collections.abc import Sequence
from enum import StrEnum

import cv2
import numpy as np
import numpy.typing as npt

from asemble.core.volume import Floats
from asemble.imaging.ranks import median_above, percentiles

SQUASH = 1.6
"""Where the squash has used up half of its range, in foreground medians.

Normal marrow lies near 1 and oedema at 1.3-4.5 of it, so both lie on the steep part of the curve,
while fluid and vessels (4-8) stay apart without setting the scale.
"""
SQUASH_GAIN = 1 / 0.8
"""Brings 4 squash constants, brighter than nearly all oedema, to 1."""
RATIO_MAX = 20.0
"""Brightest ratio to the median that is kept: beyond any tissue, a hot pixel."""
FOREGROUND_SHARE = 0.4
"""Pixels above this share of the mean of the positive ones are foreground.

Air and cortex (0.12-0.35 of marrow) fall below it, muscle and suppressed fat (0.35-1.1) above.
"""
CLAHE_CLIP = 2.0
"""Clip limit of the contrast equalisation, OpenCV's usual choice."""
CLAHE_TILES = 8
"""Tiles along a side: 25 mm each in a field of 200 mm, about one joint wide."""
BORDER = 10
"""Pixels cut from each side of 256 by the abstract's recipe: 8 mm, where wrap-around lies."""


class Preprocessing(StrEnum):
    """How prepared slices are changed before a network reads them."""

    PLAIN = "plain"
    """As prepared."""
    ABSTRACT = "abstract"
    """Cut artefact borders, then CLAHE, as the abstract of ASembleNet describes."""


def foreground_median(image: npt.NDArray[np.floating]) -> float:
    """Median of the tissue in `image`, any shape; 0 where the image holds nothing.

    >>> foreground_median(np.array([0.0, 0.0, 0.1, 2.0, 3.0, 4.0]))
    3.0
    """
    positive = image[image > 0]
    if positive.size == 0:
        return 0.0
    return float(np.median(positive[positive > FOREGROUND_SHARE * positive.mean()]))


def stack_median(stack: Floats) -> float:
    """As `foreground_median`, of a stack `(slice, row, column)`, without a copy of it."""
    total, count = 0.0, 0
    for image in stack:
        total += float(image.sum(where=image > 0, dtype=np.float64))
        count += int((image > 0).sum())
    return median_above(stack, max(0.0, FOREGROUND_SHARE * total / count)) if count else 0.0


def median_ratio(image: npt.NDArray[np.floating]) -> Floats:
    """`image` divided by its foreground median, clipped to 0..`RATIO_MAX`; zeros if empty."""
    median = foreground_median(image)
    if median == 0:
        return np.zeros(image.shape, dtype=np.float32)
    return np.asarray(np.clip(image / median, 0, RATIO_MAX), dtype=np.float32)


def squash(ratio: npt.NDArray[np.floating], constant: float = SQUASH) -> Floats:
    """Ratios to the foreground median to 0..1.25, compressing what is bright.

    >>> float(squash(np.array([6.4]))[0])
    1.0
    """
    return (ratio / (ratio + constant) * SQUASH_GAIN).astype(np.float32)


def percentile_window(
    image: npt.NDArray[np.floating], low: float = 1.0, high: float = 99.5
) -> tuple[float, float]:
    """Lowest and highest grey value to show, from percentiles of `image`, any shape.

    Vessels and fluid are few and very bright; the upper percentile keeps them from darkening
    the bone. A constant image gets a window of width 1 around its value.
    """
    bottom, top = (float(v) for v in np.percentile(image, [low, high]))
    return _window(bottom, top)


def stack_windows(
    stack: Floats, wanted: Sequence[tuple[float, float]]
) -> list[tuple[float, float]]:
    """`percentile_window` of a stack `(slice, row, column)` for each pair of percentiles.

    It takes the memory of some slices, whatever the stack has.
    """
    found = percentiles(stack, [end for ends in wanted for end in ends])
    return [_window(bottom, top) for bottom, top in zip(found[::2], found[1::2], strict=True)]


def _window(bottom: float, top: float) -> tuple[float, float]:
    return (bottom, top) if top > bottom else (bottom - 0.5, bottom + 0.5)


def to_bytes(image: npt.NDArray[np.floating], window: tuple[float, float]) -> npt.NDArray[np.uint8]:
    """Grey values 0..255 of `image`, any shape, between the two ends of `window`.

    >>> to_bytes(np.array([0.0, 5.0, 20.0]), (0, 10)).tolist()
    [0, 128, 255]
    """
    bottom, top = window
    scaled = np.clip((image - bottom) / (top - bottom), 0, 1)
    return np.asarray(np.rint(scaled * 255), dtype=np.uint8)


def equalise(image: npt.NDArray[np.floating]) -> Floats:
    """Contrast-limited adaptive equalisation (CLAHE) of one slice `(row, column)`, 0..1 out.

    Never applied by default: put in at test time only, it lowered the position-matched AUC on
    real slices from 0.83 to 0.61.
    """
    levels = 65535  # 16 bits, because 8 merge close greys before they are spread
    window = percentile_window(image, 0, 100)
    scaled = np.clip((image - window[0]) / (window[1] - window[0]), 0, 1)
    clahe = cv2.createCLAHE(clipLimit=CLAHE_CLIP, tileGridSize=(CLAHE_TILES, CLAHE_TILES))
    spread = clahe.apply((scaled * levels).astype(np.uint16))
    return np.asarray(spread / levels, dtype=np.float32)


def preprocess(images: Floats, how: Preprocessing) -> Floats:
    """Prepared slices `(slice, 256, 256)` as the network of that preprocessing reads them.

    The borders are blanked, not cropped and enlarged, so that evidence keeps its place.
    """
    if how is Preprocessing.PLAIN:
        return images
    changed = np.zeros_like(images, dtype=np.float32)
    inside = slice(BORDER, -BORDER)
    for image, target in zip(images, changed, strict=True):
        target[inside, inside] = equalise(image[inside, inside])
    return changed
