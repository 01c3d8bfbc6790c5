"""Grey pictures that were stored in colour: RGB, YBR or a palette."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.pixels.processing import apply_color_lut

from asemble.core.errors import FileError
from asemble.io.header import text
from asemble.io.raster import COLOUR_DIFFERENCE, COLOUR_SHARE

_PALETTE = "PALETTE COLOR"


def grey_of(decoded: npt.NDArray[Any], dataset: pydicom.Dataset) -> npt.NDArray[Any]:
    """The grey values `(frame, row, column)` of decoded pixels.

    Args:
        decoded: `(frame, row, column, sample)`; three samples are red, green and blue.
        dataset: says how the samples are meant, and holds the palette.

    Raises:
        FileError: the picture is in colour.
    """
    frames, rows, columns, samples = decoded.shape
    if text(dataset, "PhotometricInterpretation").upper() == _PALETTE:
        channels = apply_color_lut(decoded[..., 0].reshape(-1, columns), dataset)
        # pydicom gives the values of the palette in 8 or 16 bits.
        largest = np.iinfo(channels.dtype).max
    elif samples == 1:
        return decoded[..., 0]
    else:
        channels = decoded.reshape(-1, columns, samples)
        largest = 2 ** int(dataset.BitsStored) - 1
    wide: npt.NDArray[np.float32] = channels[..., :3].astype(np.float32)
    spread = wide.max(axis=-1) - wide.min(axis=-1)
    if float((spread > COLOUR_DIFFERENCE / 255 * largest).mean()) > COLOUR_SHARE:
        raise FileError(
            "This is a colour picture, not an MR slice.", hint="Upload the original MR series."
        )
    grey: npt.NDArray[np.float32] = wide.mean(axis=-1, dtype=np.float32)
    return grey.reshape(frames, rows, columns)
