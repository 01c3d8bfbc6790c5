"""Stacks as bytes for the browser: a header in JSON, then one number a voxel.

A series travels with 16 bits a voxel and the line back to its own values, a heatmap with 8 bits.
"""

import io
import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from PIL import Image

from asemble.core.results import Heatmap
from asemble.core.study import Series
from asemble.core.volume import Volume
from asemble.imaging.intensity import stack_windows, to_bytes
from asemble.imaging.orientation import AS_STORED, Turn
from asemble.ui.images import WINDOW_PERCENT

PRESETS = {
    "Standard": WINDOW_PERCENT,
    "Whole range": (0.0, 100.0),
    "Dark tissue": (0.5, 85.0),
    "Bright tissue": (50.0, 99.9),
}
"""Percentiles of the series from black to white; the first is where the viewer starts. MRI has no
units of its own, so that a window is a matter of the series."""
HEAT_PIXELS = 160
"""Longest side of a heatmap sent to the browser; the networks' own maps are coarser."""
SHELF_PIXELS = 96
"""Side of the small picture of a series."""
_STEPS = 2**16 - 1
PIECE_BYTES = 32 * 2**20
"""Of a larger stack the browser is sent so much at a time: what is larger than
`server.maxMessageSize` (200 MB) would not be sent at all."""
MAX_SHOWN_VOXELS = 2**26
"""Of a series that is sent to a browser, which holds it several times. 64 coronal slices of 1,024 x
1,024 are as much; an examination of the sacroiliac joints has a tenth."""


def stack_bytes(volume: Volume, key: str, turn: Turn = AS_STORED) -> bytes:
    """A series with 16 bits a voxel.

    Whole numbers that fit are sent as they are; other values are put on 65,536 steps between the
    least and the greatest.

    Args:
        volume: `(slice, row, column)`; besides what is sent, one slice is copied at a time.
        key: under which the viewer finds it.
        turn: from slices as stored to slices as shown.

    >>> header, values = unpack(stack_bytes(Volume(np.arange(6.0).reshape(1, 2, 3) - 2, None), "a"))
    >>> header["intercept"], header["slope"], values.ravel().tolist()
    (-2.0, 1.0, [0, 1, 2, 3, 4, 5])
    """
    voxels = volume.voxels
    low, high = float(voxels.min()), float(voxels.max())
    is_whole = high - low <= _STEPS and all(bool((v == np.rint(v)).all()) for v in voxels)
    slope = 1.0 if is_whole else (high - low) / _STEPS
    slices, rows, columns = volume.shape
    header = {
        "key": key,
        "bits": 16,
        "shape": (slices, columns, rows) if turn.is_transposed else (slices, rows, columns),
        "intercept": low,
        "slope": slope,
        "windows": dict(zip(PRESETS, stack_windows(voxels, list(PRESETS.values())), strict=True)),
    }
    sent = io.BytesIO()
    sent.write(packed(header, b""))
    for image in voxels:
        steps = np.rint((image - low) / (slope or 1.0)).astype("<u2")
        sent.write(turn.apply(steps).tobytes())
    return sent.getvalue()


def why_not_shown(volume: Volume) -> str:
    """Why a series is not sent to the browser, empty where it is.

    >>> why_not_shown(Volume(np.zeros((1, 2, 3)), None))
    ''
    """
    voxels = math.prod(volume.shape)
    if voxels <= MAX_SHOWN_VOXELS:
        return ""
    return (
        f"This series has {voxels:,} voxels; up to {MAX_SHOWN_VOXELS:,} of one are shown. "
        "Export it with fewer slices or a smaller matrix."
    )


def pieces(packed_stack: bytes, most_bytes: int | None = None) -> Iterator[bytes]:
    """A packed stack in pieces that `courier.js` puts together; one that is small is one.

    >>> whole = stack_bytes(Volume(np.arange(6.0).reshape(1, 2, 3), None), "a")
    >>> list(pieces(whole)) == [whole]
    True
    >>> cut = list(pieces(whole, 8))
    >>> b"".join(each[4 + int.from_bytes(each[:4], "little") :] for each in cut) == whole[-12:]
    True
    """
    most_bytes = most_bytes or PIECE_BYTES
    start = 4 + int.from_bytes(packed_stack[:4], "little")
    if len(packed_stack) - start <= most_bytes:
        yield packed_stack
        return
    header = json.loads(packed_stack[4:start])
    values = memoryview(packed_stack)[start:]
    each = header["bits"] // 8
    for at in range(0, len(values), most_bytes):
        part = {**header, "from": at // each, "values": len(values) // each}
        yield packed(part, bytes(values[at : at + most_bytes]))


def heat_bytes(heatmap: Heatmap, key: str, turn: Turn = AS_STORED) -> bytes:
    """A heatmap with 8 bits a pixel: 0 for none, 255 for the study's strongest.

    Args:
        heatmap: on the series' own grid.
        key: under which the viewer finds it.
        turn: from slices as stored to slices as shown.

    >>> values = np.ones((2, 320, 240), dtype=np.float32)
    >>> unpack(heat_bytes(Heatmap("1", values, "gradcam", "ensemble"), "h"))[1].shape
    (2, 160, 120)
    """
    shown = turn.apply(heatmap.values)
    shrink = max(1.0, max(shown.shape[1:]) / HEAT_PIXELS)
    rows, columns = (max(1, round(n / shrink)) for n in shown.shape[1:])
    small = [
        np.asarray(Image.fromarray(each).resize((columns, rows), Image.Resampling.BILINEAR))
        for each in shown
    ]
    bytes_ = to_bytes(np.stack(small), (0, 1))
    empty = [heatmap.is_empty(index) for index in range(len(shown))]
    header = {"key": key, "bits": 8, "shape": bytes_.shape, "empty": empty}
    return packed(header, bytes_.tobytes())


def shelf_key(study_key: str, shelf: Sequence[Series]) -> str:
    """Under which the viewer finds the small pictures: a stated plane turns one."""
    return ":".join([study_key, "shelf", *(f"{series.id}/{series.plane}" for series in shelf)])


def shelf_bytes(shelf: Sequence[Series], key: str) -> bytes:
    """The middle slice of each series, small and square, with 8 bits a pixel.

    >>> from asemble.core.labels import Weighting
    >>> volume = Volume(np.arange(24.0).reshape(1, 4, 6), None)
    >>> series = Series("s01", "", volume, None, Weighting.OTHER)
    >>> unpack(shelf_bytes([series], "p"))[1].shape
    (1, 96, 96)
    """
    pictures = [_small(series) for series in shelf]
    header = {"key": key, "bits": 8, "shape": (len(pictures), SHELF_PIXELS, SHELF_PIXELS)}
    return packed(header, b"".join(picture.tobytes() for picture in pictures))


def _small(series: Series) -> Image.Image:
    turn = Turn.to_display(series.volume.affine_lps, series.plane)
    middle = series.volume.voxels[series.volume.shape[0] // 2]
    _, row_mm, column_mm = series.volume.spacing_mm or (1.0, 1.0, 1.0)
    high, wide = middle.shape[0] * row_mm, middle.shape[1] * column_mm
    scale = SHELF_PIXELS / max(high, wide)
    window = tuple(np.percentile(middle, WINDOW_PERCENT))
    size = (max(1, round(wide * scale)), max(1, round(high * scale)))
    grey = Image.fromarray(to_bytes(middle, window)).resize(size, Image.Resampling.BILINEAR)
    turned = Image.fromarray(np.ascontiguousarray(turn.apply(np.asarray(grey))))
    square = Image.new("L", (SHELF_PIXELS, SHELF_PIXELS))
    left, top = ((SHELF_PIXELS - n) // 2 for n in turned.size)
    square.paste(turned, (left, top))
    return square


def unpack(packed: bytes) -> tuple[dict[str, Any], np.ndarray[Any, Any]]:
    """The header and the numbers `(slice, row, column)`, as the browser reads them."""
    start = 4 + int.from_bytes(packed[:4], "little")
    header = json.loads(packed[4:start])
    kind = "<u2" if header["bits"] == 16 else np.uint8
    return header, np.frombuffer(packed, kind, offset=start).reshape(header["shape"])


def packed(header: dict[str, Any], values: bytes) -> bytes:
    """What `courier.js` reads: the length of the header, the header in JSON, the numbers."""
    words = json.dumps(header).encode()
    return len(words).to_bytes(4, "little") + words + values
