"""Bones and oedema as the networks found them, as outlines for the viewer."""

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from asemble.explain import SeriesBones, SeriesHeatmaps
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


def outlines(found: SeriesBones, turn: Turn = AS_STORED) -> Outlines:
    """Outlines on the slices as shown; a layer without any is left out.

    Args:
        found: on the series; its maps of bones, and of oedema where that was looked for, are read,
            no network is asked.
        turn: from slices as stored to slices as shown.
    """
    labels = turn.apply(found.bones)
    layers = {layer: labels == number for number, layer in enumerate(LAYERS[:-1], start=1)}
    if isinstance(found, SeriesHeatmaps):
        layers[LAYERS[-1]] = turn.apply(found.oedema) >= OEDEMA_FROM
    of_slices: Outlines = []
    for index in range(len(labels)):
        lines = {layer: _around(masks[index]) for layer, masks in layers.items()}
        of_slices.append({layer: each for layer, each in lines.items() if each})
    return of_slices


def outline_bytes(found: SeriesBones, key: str, turn: Turn = AS_STORED) -> bytes:
    """`outlines` for the browser.

    Args:
        found: on the series.
        key: under which the viewer finds them.
        turn: from slices as stored to slices as shown.
    """
    header = {"key": key, "bits": 8, "shape": [0], "outlines": outlines(found, turn)}
    header["has_oedema"] = isinstance(found, SeriesHeatmaps)
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
