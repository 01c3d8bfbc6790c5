"""The slices that go on the report: one a plane, with and without its heatmap."""

import numpy as np
from PIL import Image

from asemble.core.geometry import spacing_mm
from asemble.core.labels import JUDGED_PLANES, Plane
from asemble.core.results import ENSEMBLE
from asemble.core.study import Study
from asemble.core.volume import Floats, Volume
from asemble.imaging.intensity import to_bytes
from asemble.imaging.orientation import Turn
from asemble.report import KeyImage
from asemble.ui import choose
from asemble.ui.images import Bytes, heat_colours, shown_bytes
from asemble.ui.state import Assessment

METHOD = "gradcam"
OPACITY = 0.6
WIDTH_PIXELS = 480
"""Columns of a picture on the page; rows follow from the pixel spacing."""


def key_images(study: Study, assessed: Assessment) -> list[KeyImage]:
    """For each judged plane, the slice with the highest P(inflammatory)."""
    images = (_key_image(study, assessed, plane) for plane in JUDGED_PLANES)
    return [image for image in images if image is not None]


def _key_image(study: Study, assessed: Assessment, plane: Plane) -> KeyImage | None:
    judged = [
        (each.probabilities.inflammatory, series, each.index)
        for series in study.series
        if series.plane is plane
        for each in assessed.prediction.series_by_id(series.id).slices
    ]
    if not judged:
        return None
    probability, series, index = max(judged, key=lambda found: found[0])
    caption = (
        f"{choose.series_label(series)}, slice {index + 1} of {series.volume.shape[0]},"
        f" P(inflammatory) {probability:.2f}"
    )
    turn = Turn.to_display(series.volume.affine_lps, series.plane)
    plain = _picture(turn.apply_to_volume(series.volume), index)
    heatmaps = assessed.heatmaps.get(series.id)
    if heatmaps is None:
        return KeyImage(caption, plain)
    heatmap = heatmaps.get(METHOD, ENSEMBLE)
    if heatmap.is_empty(index):
        return KeyImage(caption, plain, None, "No positive evidence on this slice.")
    note = "Grad-CAM of the ensemble; 1 is the study's strongest."
    return KeyImage(caption, plain, _overlay(plain, turn.apply(heatmap.values[index])), note)


def _picture(volume: Volume, index: int) -> Bytes:
    """`(row, column, 3)`, on square pixels, at the first window of the viewer."""
    _, rows, columns = volume.shape
    affine = volume.affine_lps
    row_mm, column_mm = (1.0, 1.0) if affine is None else spacing_mm(affine)[1:]
    high = max(1, round(WIDTH_PIXELS * rows * row_mm / (columns * column_mm)))
    size = (WIDTH_PIXELS, high)
    shown = Image.fromarray(shown_bytes(volume, index))
    image = shown.resize(size, Image.Resampling.BICUBIC)
    return np.repeat(np.asarray(image)[..., None], 3, axis=2)


def _overlay(plain: Bytes, heat: Floats) -> Bytes:
    rows, columns, _ = plain.shape
    image = Image.fromarray(heat).resize((columns, rows), Image.Resampling.BILINEAR)
    step = to_bytes(np.asarray(image), (0, 1))
    colours = np.asarray(heat_colours(), dtype=np.float32)[step]
    alpha = colours[..., 3:] / 255 * OPACITY
    return np.asarray(plain * (1 - alpha) + colours[..., :3] * alpha, dtype=np.uint8)
