"""Slices and heatmaps as PNG data URIs, small enough to send a whole series to the browser."""

from base64 import b64encode
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image
from plotly.colors import sample_colorscale, unlabel_rgb

from asemble.core.results import NO_EVIDENCE, Heatmap
from asemble.core.volume import Volume

Bytes = npt.NDArray[np.uint8]
"""An array of eight-bit values."""

RANGE_PERCENT = (0.1, 99.9)
"""Percentiles of the series that eight bits span; the window is chosen within them."""
WINDOW_PERCENT = (2.0, 99.3)
"""Percentiles of the series that the first window shows from black to white."""
HEAT_PIXELS = 160
"""Longest side of a heatmap sent to the browser; the networks' own maps are coarser."""
COLOURS = "Inferno"
"""Perceptually uniform and safe for colour-blind readers."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A series for the browser.

    Args:
        uris: one eight-bit grey PNG a slice.
        window: the grey values, 0 to 255, that the first window shows as black and as white.
    """

    uris: tuple[str, ...]
    window: tuple[int, int]


def grey_stack(volume: Volume) -> Stack:
    """The slices of `volume` on one eight-bit scale for the whole series, without loss beyond it.

    >>> stack = grey_stack(Volume(np.arange(30.0).reshape(2, 3, 5), None))
    >>> len(stack.uris), stack.uris[0][:22]
    (2, 'data:image/png;base64,')
    """
    grey = grey_bytes(volume)
    return Stack(tuple(_uri(image) for image in grey), initial_window(grey))


def grey_bytes(volume: Volume) -> Bytes:
    """`(slice, row, column)`, the series on one eight-bit scale between `RANGE_PERCENT`."""
    low, high = (float(v) for v in np.percentile(volume.voxels, RANGE_PERCENT))
    span = max(high - low, float(np.finfo(np.float32).tiny))
    return np.clip((volume.voxels - low) / span * 255, 0, 255).astype(np.uint8)


def initial_window(grey: Bytes) -> tuple[int, int]:
    """The grey values shown first as black and as white, from `WINDOW_PERCENT`."""
    black, white = (int(v) for v in np.percentile(grey, WINDOW_PERCENT))
    return black, max(white, black + 1)


def heat_uris(heatmap: Heatmap) -> tuple[str, ...]:
    """One grey PNG a slice, 0 for none and 255 for the study's strongest; empty where none.

    >>> values = np.zeros((2, 4, 4)); values[1, 2, 2] = 1
    >>> [uri[:10] for uri in heat_uris(Heatmap("s01", values, "gradcam", "ensemble"))]
    ['', 'data:image']
    """
    shrink = max(1.0, max(heatmap.values.shape[1:]) / HEAT_PIXELS)
    rows, columns = (max(1, round(n / shrink)) for n in heatmap.values.shape[1:])
    uris = []
    for index, values in enumerate(heatmap.values):
        if heatmap.is_empty(index):
            uris.append("")
            continue
        small = Image.fromarray(values).resize((columns, rows), Image.Resampling.BILINEAR)
        uris.append(_uri(np.clip(np.asarray(small) * 255, 0, 255).astype(np.uint8)))
    return tuple(uris)


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


def _uri(grey: Bytes) -> str:
    buffer = BytesIO()
    Image.fromarray(grey).save(buffer, "PNG", compress_level=6)
    return "data:image/png;base64," + b64encode(buffer.getvalue()).decode("ascii")
