"""The slices that go on the report, with and without their heatmaps."""

from collections.abc import Sequence

import numpy as np
import streamlit as st
from PIL import Image

from asemble.core.labels import JUDGED_PLANES
from asemble.core.results import ENSEMBLE
from asemble.core.study import Series, Study
from asemble.core.volume import Floats, Volume
from asemble.imaging.intensity import to_bytes
from asemble.imaging.orientation import Turn
from asemble.reading import Place, Reading, edits
from asemble.report import MAX_IMAGES, KeyImage
from asemble.ui import series_choice, state
from asemble.ui.images import Bytes, heat_colours, shown_bytes
from asemble.ui.state import Assessment

METHOD = "gradcam"
OPACITY = 0.6
DOES_NOT_COUNT = "Does not count in the answer. "
"""Said of a slice first, before what its heatmap is."""
WIDTH_PIXELS = 480
"""Columns of a picture on the page; rows follow from the pixel spacing."""


def ask_places(study: Study, assessed: Assessment) -> None:
    """Ask for the slices that the reader wants on the report."""
    # A dictionary, not a function of the study: Streamlit keeps it after the study is closed.
    titles = {
        (series.id, index): _title(series, index)
        for series in study.series
        for index in range(series.volume.shape[0])
    }
    key = f"key_images:{state.study_token()}"
    st.multiselect(
        "Key images",
        list(titles),
        format_func=titles.__getitem__,
        max_selections=MAX_IMAGES,
        help="With and without the heatmap; slices of a series that was not judged have none.",
        key=state.shown(key, places(state.reading(), study, assessed)),
        on_change=state.keep,
        args=(key, edits.choose_key_images),
    )


def key_images(study: Study, assessed: Assessment, places: Sequence[Place]) -> list[KeyImage]:
    """The chosen slices as pictures."""
    return [_key_image(study.series_by_id(id_), index, assessed) for id_, index in places]


def places(reading: Reading, study: Study, assessed: Assessment) -> list[Place]:
    """The reader's choice, or the most suspicious slices."""
    if reading.key_images is not None:
        return list(reading.key_images)
    return _most_suspicious(study, assessed)


def _most_suspicious(study: Study, assessed: Assessment) -> list[Place]:
    """For each judged plane, of the slices that count the one of the highest P(inflammatory)."""
    found = []
    for plane in JUDGED_PLANES:
        judged = [
            (each.probabilities.inflammatory, series.id, each.index)
            for series in study.series
            if series.plane is plane
            for each in assessed.prediction.series_by_id(series.id).slices
            if each.counts
        ]
        if judged:
            _, id_, index = max(judged)
            found.append((id_, index))
    return found


def _title(series: Series, index: int) -> str:
    return f"{series_choice.series_label(series)}, slice {index + 1} of {series.volume.shape[0]}"


def _key_image(series: Series, index: int, assessed: Assessment) -> KeyImage:
    caption, counts = _title(series, index), True
    for each in assessed.prediction.series_by_id(series.id).slices:
        if each.index == index:
            caption += f", P(inflammatory) {each.probabilities.inflammatory:.2f}"
            counts = each.counts
    turn = Turn.to_display(series.volume.affine_lps, series.plane)
    plain = _picture(turn.apply_to_volume(series.volume), index)
    heatmaps = assessed.heatmaps.get(series.id)
    if heatmaps is None:
        return KeyImage(caption, plain, None, "The models did not judge this series.")
    heatmap = heatmaps.get(METHOD, ENSEMBLE)
    first = "" if counts else DOES_NOT_COUNT  # first, where a line that is too long is shortened
    if heatmap.is_empty(index):
        return KeyImage(caption, plain, None, f"{first}No positive evidence on this slice.")
    note = f"{first}Grad-CAM of the ensemble; 1 is the study's strongest."
    return KeyImage(caption, plain, _overlay(plain, turn.apply(heatmap.values[index])), note)


def _picture(volume: Volume, index: int) -> Bytes:
    """`(row, column, 3)`, on square pixels, at the first window of the viewer."""
    _, rows, columns = volume.shape
    _, row_mm, column_mm = volume.spacing_mm or (1.0, 1.0, 1.0)
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
