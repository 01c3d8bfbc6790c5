"""Grey pictures that were stored in colour: RGB, YBR or a palette."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.pixels.processing import apply_color_lut

from asemble.core.errors import FileError
from asemble.io import hints
from asemble.io.decode.worker import COLOUR_DIFFERENCE, COLOUR_SHARE

_TABLES = tuple(
    f"{colour}PaletteColorLookupTable{part}"
    for colour in ("Red", "Green", "Blue")
    for part in ("Descriptor", "Data")
)
"""Segmented tables are not read: a few bytes of them may ask for gigabytes."""


def palette_of(dataset: pydicom.Dataset) -> pydicom.Dataset:
    """The tables of a palette alone, so that nothing else is kept with the pixels."""
    palette = pydicom.Dataset()
    for keyword in _TABLES:
        if keyword in dataset:
            palette[keyword] = dataset[keyword]
    return palette


def grey_of_palette(indices: npt.NDArray[Any], palette: pydicom.Dataset) -> npt.NDArray[np.float32]:
    """The grey values that a palette gives to pixels.

    Raises:
        FileError: the palette makes colours of them.
    """
    looked_up = (apply_color_lut(frame, palette) for frame in indices)
    return _greys(looked_up, indices.shape)


def grey_of_colour(values: npt.NDArray[Any], *, largest: float) -> npt.NDArray[np.float32]:
    """The grey values of pixels in red, green and blue.

    Args:
        values: the last axis holds the colours.
        largest: the value of white.

    Raises:
        FileError: the picture is in colour.
    """
    return _greys(values, values.shape[:-1], largest)


def _greys(
    frames: Iterable[npt.NDArray[Any]], shape: tuple[int, ...], largest: float | None = None
) -> npt.NDArray[np.float32]:
    """Frame by frame, which in float32 takes four times the memory of its greys."""
    greys: npt.NDArray[np.float32] = np.empty(shape, dtype=np.float32)
    coloured = 0
    for frame, grey in zip(frames, greys, strict=True):
        white = np.iinfo(frame.dtype).max if largest is None else largest
        channels = frame[..., :3].astype(np.float32)
        spread = channels.max(axis=-1) - channels.min(axis=-1)
        coloured += int((spread > COLOUR_DIFFERENCE / 255 * white).sum())
        grey[...] = channels.mean(axis=-1, dtype=np.float32)
    if coloured > COLOUR_SHARE * greys.size:
        raise FileError(
            "This is a colour picture, not an MR slice.",
            hint=hints.UPLOAD_ORIGINAL,
            code="colour-picture",
        )
    return greys
