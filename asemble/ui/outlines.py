"""Bones and oedema as the networks found them, as outlines for the viewer."""

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from asemble.explain import SeriesHeatmaps
from asemble.imaging.bones import BONES
from asemble.imaging.orientation import AS_STORED, Turn
from asemble.measurements.cells import OEDEMA_FROM
from asemble.ui.stacks import packed

LAYERS = (*(bone.name.lower() for bone in BONES), "oedema")
"""What is outlined, in the viewer's order; `drawing.js` has a line for each."""
LEAST_POINTS = 10
"""An outline of fewer pixels is a speck."""
FINEST = 300
"""Points around an outline, about; more do not show."""
SMOOTHED = 5
"""Points along the outline over which the steps between pixels are smoothed away."""

Outlines = list[dict[str, list[list[list[float]]]]]
"""For each slice, closed lines of (row, column) by layer."""


def outlines(heatmaps: SeriesHeatmaps, turn: Turn = AS_STORED) -> Outlines:
    """Outlines on the slices as shown; a layer without any is left out.

    Args:
        heatmaps: of the series; its maps of bones and oedema are read, no network is asked.
        turn: from slices as stored to slices as shown.
    """
    labels, oedema = turn.apply(heatmaps.bones), turn.apply(heatmaps.oedema)
    found: Outlines = []
    for bones, share in zip(labels, oedema, strict=True):
        masks = [*(bones == number for number in range(1, len(BONES) + 1)), share >= OEDEMA_FROM]
        lines = {layer: _around(mask) for layer, mask in zip(LAYERS, masks, strict=True)}
        found.append({layer: each for layer, each in lines.items() if each})
    return found


def outline_bytes(heatmaps: SeriesHeatmaps, key: str, turn: Turn = AS_STORED) -> bytes:
    """`outlines` for the browser.

    Args:
        heatmaps: of the series.
        key: under which the viewer finds them.
        turn: from slices as stored to slices as shown.
    """
    header = {"key": key, "bits": 8, "shape": [0], "outlines": outlines(heatmaps, turn)}
    return packed(header, b"")


def _around(mask: npt.NDArray[np.bool_]) -> list[list[list[float]]]:
    edges, _ = cv2.findContours(
        np.ascontiguousarray(mask, dtype=np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    lines = []
    for edge in edges:
        if len(edge) < LEAST_POINTS:
            continue
        points = edge[:, 0, ::-1].astype(np.float64)  # x, y to row, column
        smooth = ndimage.uniform_filter1d(points, SMOOTHED, axis=0, mode="wrap")
        lines.append(smooth[:: max(1, len(smooth) // FINEST)].round(1).tolist())
    return lines
