"""Padding: pixels that stand for no signal, as outside the field of a corrected image.

PS3.3 C.7.5.1.1.2: PixelPaddingValue, or all values from it to PixelPaddingRangeLimit. What is
padded becomes as dark as the darkest signal, so that it sets neither a window nor what the
networks see, and is written so by `convert` too.
"""

from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.dataelem import RawDataElement

from asemble.io.dicom.header import number

Mask = npt.NDArray[np.bool_]
"""Where there is padding, in the shape of the pixels."""

AMONG_THE_GREYS = (
    "PixelPaddingValue is a grey of the picture itself: only what reaches the edge was taken as "
    "background."
)


@dataclass(frozen=True, slots=True)
class Padding:
    """Stored values from `low` to `high` stand for no signal."""

    low: int
    high: int


def padding_of(dataset: pydicom.Dataset, *, bits: int, is_signed: bool) -> Padding | None:
    """The padding that a header states; its values count as pixels do, whatever their VR."""
    stated = [
        _as_pixel(dataset, keyword, bits=bits, is_signed=is_signed)
        for keyword in ("PixelPaddingValue", "PixelPaddingRangeLimit")
    ]
    values = [value for value in stated if value is not None]
    return Padding(min(values), max(values)) if values else None


def _as_pixel(dataset: pydicom.Dataset, keyword: str, *, bits: int, is_signed: bool) -> int | None:
    element = dataset.get_item(keyword)
    if element is None or not element.value:
        return None
    pattern: int
    if isinstance(element, RawDataElement) and len(element.value or b"") in (2, 4):
        order: Literal["little", "big"] = "little" if element.is_little_endian else "big"
        pattern = int.from_bytes(element.value or b"", order)
    else:
        value = number(dataset, keyword)
        if value is None:
            return None
        pattern = int(value)
    pattern &= 2**bits - 1
    return pattern - 2**bits if is_signed and pattern >> (bits - 1) else pattern


def mask_of(values: npt.NDArray[Any], padding: Padding) -> tuple[Mask | None, bool]:
    """Where `values`, `(frame, row, column)`, are padding; None where nothing is.

    And whether the padding lies among the greys of the picture, which the standard excludes: then
    only areas that reach the edge of their frame count.
    """
    mask: Mask = (values >= padding.low) & (values <= padding.high)
    if not mask.any():
        return None, False
    if mask.all():  # a frame outside the field; or a range that holds every grey, and says none
        return (mask, False) if values.min() == values.max() else (None, False)
    low, high = ends_of(values, ~mask)
    if low < padding.low and padding.high < high:
        mask = np.stack([_reaching_the_edge(frame) for frame in mask])
        return (mask if mask.any() else None), True
    return mask, False


def ends_of(values: npt.NDArray[Any], where: Mask) -> tuple[Any, Any]:
    """The lowest and the highest value at some places, of which there is one, without a copy."""
    any_of_them = values[np.unravel_index(int(where.argmax()), where.shape)]
    return (
        values.min(where=where, initial=any_of_them),
        values.max(where=where, initial=any_of_them),
    )


def as_background(
    pixels: npt.NDArray[Any], mask: Mask, darkest: tuple[float, float], *, slope: float, zero: float
) -> npt.NDArray[Any]:
    """`pixels` with what is padded as dark as the darkest signal.

    What is as dark already, and no less than no signal, stays: scanners blank with 0.

    Args:
        pixels: `(row, column)`.
        mask: where they are padding.
        darkest: lowest and highest value of the pixels of the file that are no padding.
        slope: of the signal; where it is negative, high values are dark.
        zero: the value of no signal.
    """
    padded = pixels[mask]
    if not padded.size:
        return pixels
    fill = darkest[0] if slope > 0 else darkest[1]
    low, high = sorted((zero, fill))
    is_dark = (zero <= fill) == (slope > 0) and low <= padded.min() and padded.max() <= high
    if is_dark:
        return pixels
    filled = pixels.copy()
    filled[mask] = fill
    return filled


def _reaching_the_edge(mask: Mask) -> Mask:
    """The connected areas of a mask, `(row, column)`, that reach its edge."""
    _, areas = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    edge = np.concatenate([areas[0], areas[-1], areas[:, 0], areas[:, -1]])
    return np.isin(areas, edge[edge > 0])
