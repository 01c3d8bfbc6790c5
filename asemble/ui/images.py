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
from asemble.imaging.intensity import percentile_window, to_bytes
from asemble.imaging.orientation import AS_STORED, Turn

Bytes = npt.NDArray[np.uint8]
"""An array of eight-bit values."""

RANGE_PERCENT = (0.0, 99.9)
"""Percentiles of the series that the eight bits span; the window is chosen within them."""
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
        uris: one grey PNG a slice. Its bytes hold the square root of the grey value, so that the
            dark tissue beside bright fluid keeps its steps.
        window: what the first window shows as black and as white, as shares of `RANGE_PERCENT`.
    """

    uris: tuple[str, ...]
    window: tuple[float, float]


def grey_stack(volume: Volume) -> Stack:
    """The slices of `volume` on one scale for the whole series.

    >>> stack = grey_stack(Volume(np.arange(30.0).reshape(2, 3, 5), None))
    >>> len(stack.uris), stack.uris[0][:22]
    (2, 'data:image/png;base64,')
    """
    low, high = percentile_window(volume.voxels, *RANGE_PERCENT)
    share = np.clip((volume.voxels - low) / (high - low), 0, 1)
    return Stack(
        uris=tuple(_uri(to_bytes(np.sqrt(image), (0, 1))) for image in share),
        window=percentile_window(share, *WINDOW_PERCENT),
    )


def shown_bytes(volume: Volume, index: int) -> Bytes:
    """`(row, column)`, slice `index` as the first window shows it."""
    return to_bytes(volume.voxels[index], percentile_window(volume.voxels, *WINDOW_PERCENT))


def heat_uris(heatmap: Heatmap, turn: Turn = AS_STORED) -> tuple[str, ...]:
    """One grey PNG a slice, 0 for none and 255 for the study's strongest; empty where none.

    Args:
        heatmap: on the series' own grid.
        turn: from slices as stored to slices as shown.

    >>> values = np.zeros((2, 4, 4)); values[1, 2, 2] = 1
    >>> [uri[:10] for uri in heat_uris(Heatmap("s01", values, "gradcam", "ensemble"))]
    ['', 'data:image']
    """
    shown = turn.apply(heatmap.values)
    shrink = max(1.0, max(shown.shape[1:]) / HEAT_PIXELS)
    rows, columns = (max(1, round(n / shrink)) for n in shown.shape[1:])
    uris = []
    for index, values in enumerate(shown):
        if heatmap.is_empty(index):
            uris.append("")
            continue
        small = Image.fromarray(values).resize((columns, rows), Image.Resampling.BILINEAR)
        uris.append(_uri(to_bytes(np.asarray(small), (0, 1))))
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
