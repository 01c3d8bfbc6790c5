"""Rulers, angles, arrows, regions and outlines between the viewer and the reading."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st

from asemble.core.joints import Point
from asemble.core.study import Series
from asemble.core.volume import Affine
from asemble.imaging.orientation import Turn
from asemble.reading import COMMENT_WARNING, Measure, MeasureKind, edits
from asemble.reading.marking import place_of, rows_and_columns
from asemble.reading.measures import Places, angle_degrees, area_mm2, length_mm, read_pixels
from asemble.report import MAX_IMAGES
from asemble.ui import series_choice, state

_PIXELS = np.array([[0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1.0]])
"""Of a series without geometry: column, row and slice stand for millimetres."""
NOT_SCORED = "Nothing is scored from these."


def shown(series: Series) -> list[dict[str, Any]]:
    """What the viewer draws on a series, in rows and columns of its slices as shown."""
    return [
        {
            "number": each.number,
            "kind": each.kind,
            "slice": each.slice,
            "points": _places(series, each).tolist(),
            "text": each.text,
        }
        for each in state.reading().measures.get(series.id, ())
    ]


def key_slices(series: Series) -> list[int]:
    """The slices of a series that the reader chose for the report."""
    return [index for id_, index in state.reading().key_images or () if id_ == series.id]


def hear(said: Mapping[str, Any]) -> None:
    """Keep, or take away, what the reader drew in the viewer of the open study.

    Args:
        said: one word of the browser (`measuring.js`, `tools.js`).
    """
    study = state.study()
    all_series = () if study is None else study.all_series
    series = next((each for each in all_series if each.id == said["series"]), None)
    if series is None:
        return
    match said["what"]:
        case "measure":
            affine, index = _affine(series), int(said["slice"])
            points = [place_of(affine, index, row, column) for row, column in said["points"]]
            kind = MeasureKind(said["kind"])
            drawn = Measure(
                int(said["measure"]), kind, index, tuple(map(_rounded, points)), str(said["text"])
            )
            state.edit(edits.add_measure, series.id, drawn)
        case "unmeasure":
            for number in said["gone"]:
                state.edit(edits.remove_measure, series.id, int(number))
        case "key":
            state.edit(edits.toggle_key_image, (series.id, int(said["slice"])), MAX_IMAGES)


def show_measures() -> None:
    """List what was drawn; nothing where nothing was."""
    measures = _measures()
    if not measures:
        return
    with st.expander(f"Measurements: {len(measures)}", key="measurements"):
        st.caption(f"{NOT_SCORED} {COMMENT_WARNING}")
        st.table(
            {
                "series": [series_choice.series_label(series) for series, _ in measures],
                "slice": [str(each.slice + 1) for _, each in measures],
                "what": [each.kind.capitalize() for _, each in measures],
                "reads": [words(series, each) for series, each in measures],
            },
            border="horizontal",
        )
        st.button("Clear all measurements", on_click=_clear)


def sentences() -> tuple[str, ...]:
    """What was drawn, for the report."""
    return tuple(
        f"{each.kind.capitalize()} on {series_choice.series_label(series)}, slice "
        f"{each.slice + 1}: {words(series, each) or 'no text'}."
        for series, each in _measures()
    )


def words(series: Series, measure: Measure) -> str:
    """What a measure reads, in values of the series."""
    unit = "pixels" if series.volume.spacing_mm is None else "mm"
    match measure.kind:
        case MeasureKind.RULER:
            return f"{length_mm(measure.points_mm):.1f} {unit}"
        case MeasureKind.ANGLE:
            return f"{angle_degrees(measure.points_mm):.1f}°"
        case MeasureKind.ARROW:
            return measure.text
    said = []
    if measure.kind is MeasureKind.OUTLINE:
        said.append(f"{area_mm2(measure.points_mm):.0f} {unit}²")
    turn = Turn.to_display(series.volume.affine_lps, series.plane)
    volume = turn.apply_to_volume(series.volume)
    pixels = read_pixels(volume, measure, _places(series, measure))
    if pixels is not None:
        said.append(f"mean {pixels.mean:.4g}, SD {pixels.sd:.3g}, {pixels.count} pixels")
    return ", ".join(said)


def _measures() -> Sequence[tuple[Series, Measure]]:
    """With their series, in the order in which examinations are shown."""
    drawn = state.reading().measures
    all_series = [series for _, each in state.examinations() for series in each.series]
    return [(series, each) for series in all_series for each in drawn.get(series.id, ())]


def _clear() -> None:
    for id_, drawn in state.reading().measures.items():
        for each in drawn:
            state.edit(edits.remove_measure, id_, each.number)


def _places(series: Series, measure: Measure) -> Places:
    """As the viewer is told, so that both read the same pixels."""
    return rows_and_columns(_affine(series), measure.points_mm).round(4)


def _rounded(place: Point) -> Point:
    x, y, z = (round(mm, 4) for mm in place)
    return (x, y, z)


def _affine(series: Series) -> Affine:
    turn = Turn.to_display(series.volume.affine_lps, series.plane)
    affine = turn.affine_of(series.volume)
    return _PIXELS if affine is None else affine
