"""The slices that go on the report, with and without their heatmaps."""

from collections.abc import Sequence

import numpy as np
import streamlit as st
from PIL import Image

from asemble.core.labels import JUDGED_PLANES, Weighting
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
WIDTH_PIXELS = 720
"""Columns of a picture on the page, 205 to the inch there; rows follow from the pixel spacing."""
NO_PAIR = "No slice of the other weighting has millimetres that may be compared with these."


def ask_places(study: Study, assessed: Assessment | None) -> None:
    """Ask for the slices that the reader wants on the report."""
    # A dictionary, not a function of the study: Streamlit keeps it after the study is closed.
    titles = {
        (series.id, index): _title(series, index)
        for series in study.all_series
        for index in range(series.volume.shape[0])
    }
    key = f"key_images:{state.study_token()}"
    st.multiselect(
        "Key images",
        list(titles),
        format_func=titles.__getitem__,
        max_selections=MAX_IMAGES,
        help="The first stands on the first page, with the slice of the other weighting at the "
        "same place and with the heatmap, where the ensemble was run and judged the series.",
        key=state.shown(key, places(state.reading(), study, assessed)),
        on_change=state.keep,
        args=(key, edits.choose_key_images),
    )


def key_images(
    study: Study, assessed: Assessment | None, places: Sequence[Place]
) -> list[KeyImage]:
    """The chosen slices as pictures."""
    return [_key_image(study, study.series_by_id(id_), index, assessed) for id_, index in places]


def places(reading: Reading, study: Study, assessed: Assessment | None) -> list[Place]:
    """The reader's choice, or the most suspicious slices, or those where most is marked."""
    if reading.key_images is not None:
        return list(reading.key_images)
    if assessed is None:
        return _most_marked(reading, study)
    return _most_suspicious(study, assessed)


def _most_marked(reading: Reading, study: Study) -> list[Place]:
    """For each judged plane the slice with the most marks, or where the reader left the series."""
    found = []
    for plane in JUDGED_PLANES:
        fluid = [
            each
            for each in study.series
            if each.plane is plane and each.weighting is Weighting.FLUID
        ]
        for series in fluid[:1]:
            marked = [mark.slice for mark in reading.marks.get(series.id, ())]
            left_at = reading.slices.get(series.id, series.volume.shape[0] // 2)
            found.append((series.id, max(marked, key=marked.count, default=left_at)))
    return found


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


def _key_image(study: Study, series: Series, index: int, assessed: Assessment | None) -> KeyImage:
    caption, told, counts = _title(series, index), "", True
    of_all = () if assessed is None else assessed.prediction.series  # the prior is not judged
    judged = next((one.slices for one in of_all if one.series_id == series.id), ())
    for each in judged:
        if each.index == index:
            told = f"P(inflammatory) {each.probabilities.inflammatory:.2f}. "
            counts = each.counts
    turn = Turn.to_display(series.volume.affine_lps, series.plane)
    plain = _picture(turn.apply_to_volume(series.volume), index)
    pair, pair_caption = _pair(study, series, index)
    heatmaps = None if assessed is None else assessed.heatmaps.get(series.id)
    if heatmaps is None:
        why = "" if assessed is None else "The models did not judge this series."
        return KeyImage(caption, plain, None, why, pair, pair_caption)
    heatmap = heatmaps.get(METHOD, ENSEMBLE)
    first = ("" if counts else DOES_NOT_COUNT) + told
    if heatmap.is_empty(index):
        note = f"{first}No positive evidence on this slice."
        return KeyImage(caption, plain, None, note, pair, pair_caption)
    note = f"{first}Grad-CAM of the ensemble; 1 is the study's strongest."
    overlay = _overlay(plain, turn.apply(heatmap.values[index]))
    return KeyImage(caption, plain, overlay, note, pair, pair_caption)


def _pair(study: Study, series: Series, index: int) -> tuple[Bytes | None, str]:
    """The slice of the other weighting at the same place, and which that is."""
    wanted = Weighting.FLUID if series.weighting is Weighting.T1 else Weighting.T1
    for other in study.all_series:
        if other.plane is not series.plane or other.weighting is not wanted:
            continue
        if found := other.nearest_slice(series, index):
            nearest, away_mm = found
            turn = Turn.to_display(other.volume.affine_lps, other.plane)
            shown = _picture(turn.apply_to_volume(other.volume), nearest)
            return shown, f"{_title(other, nearest)}, {away_mm:.1f} mm away"
    return None, NO_PAIR


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
