"""Grey and colour scales, the same in the viewer and on the report."""

from base64 import b64encode
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image
from plotly.colors import sample_colorscale, unlabel_rgb

from asemble.core.results import NO_EVIDENCE
from asemble.core.volume import Volume
from asemble.imaging.intensity import stack_windows, to_bytes

Bytes = npt.NDArray[np.uint8]
"""An array of eight-bit values."""

WINDOW_PERCENT = (2.0, 99.3)
"""Percentiles of the series that the first window shows from black to white."""
COLOURS = "Inferno"
"""Perceptually uniform and safe for colour-blind readers."""


def shown_bytes(volume: Volume, index: int) -> Bytes:
    """`(row, column)`, slice `index` as the first window shows it."""
    (window,) = stack_windows(volume.voxels, [WINDOW_PERCENT])
    return to_bytes(volume.voxels[index], window)


def as_address(picture: Image.Image) -> str:
    """A picture as an address that holds it: nothing has to be served for it."""
    file = BytesIO()
    picture.save(file, "PNG")
    return "data:image/png;base64," + b64encode(file.getvalue()).decode()


def heat_colours() -> list[list[int]]:
    """256 colours as red, green, blue, alpha; clear below `NO_EVIDENCE`, denser as evidence grows.

    >>> colours = heat_colours()
    >>> len(colours), colours[0][3], colours[255][3]
    (256, 0, 255)
    """
    evidence = np.linspace(0, 1, 256)
    # The darkest fifth of the scale would darken the greys, which are to stay as they are.
    colours = [unlabel_rgb(c) for c in sample_colorscale(COLOURS, list(0.2 + 0.75 * evidence))]
    alpha = np.where(evidence < NO_EVIDENCE, 0, np.clip(evidence / 0.5, 0, 1) ** 0.7) * 255
    return [
        [*(round(float(v)) for v in colour), round(float(a))]
        for colour, a in zip(colours, alpha, strict=True)
    ]
