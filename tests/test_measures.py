"""What the reader draws besides marks: kept in millimetres, read as the viewer reads it."""

import json
from dataclasses import replace

import numpy as np
import pytest

from asemble.core.labels import Plane, Weighting
from asemble.core.study import Prior, Series, Study
from asemble.core.volume import Volume
from asemble.imaging.orientation import as_shown
from asemble.reading import Reading, as_document, edits, from_document
from asemble.ui import measuring, state

ROW_MM, COLUMN_MM = 2.0, 1.0
DRAWN = {
    "ruler": ([[2, 3], [5, 7]], "7.2 mm"),
    "angle": ([[2, 7], [2, 3], [5, 3]], "90.0°"),
    "arrow": ([[2, 3], [5, 7]], "erosion?"),
    "outline": ([[1.5, 1.5], [1.5, 6.5], [4.5, 6.5], [4.5, 1.5]], "30 mm²"),
    "region": ([[4, 4], [4, 7]], "17 pixels"),
}


def a_series(*, is_bottom_up: bool = False, has_geometry: bool = True) -> Series:
    """Three coronal slices of 8x10 pixels, as shown or with the last row first."""
    voxels = np.random.default_rng(3).integers(0, 900, (3, 8, 10)).astype(np.float32)
    affine = np.array([[0, 0, COLUMN_MM, -5], [4, 0, 0, 0], [0, -ROW_MM, 0, 9], [0, 0, 0, 1.0]])
    if is_bottom_up:
        affine[2, 1], affine[2, 3] = ROW_MM, 9 - 7 * ROW_MM
        voxels = voxels[:, ::-1]
    volume = Volume(voxels, affine if has_geometry else None)
    return Series("s01", "", volume, Plane.CORONAL, Weighting.FLUID)


def draw(series: Series) -> Study:
    study = Study((series,), (), "ab" * 32)
    state.open_study(study, "")
    for number, (kind, (points, _)) in enumerate(DRAWN.items(), 1):
        text = "erosion?" if kind == "arrow" else ""
        said = {"measure": number, "kind": kind, "slice": 1, "points": points, "text": text}
        measuring.hear({"what": "measure", "series": "s01", **said})
    return study


@pytest.mark.parametrize("is_bottom_up", [False, True])
def test_what_is_drawn_lies_where_it_was_seen_and_reads_the_same(is_bottom_up: bool) -> None:
    series = a_series(is_bottom_up=is_bottom_up)
    draw(series)
    for told, (kind, (points, reads)) in zip(measuring.shown(series), DRAWN.items(), strict=True):
        assert told["kind"] == kind
        assert told["points"] == pytest.approx(np.array(points), abs=0.01)
        measure = state.reading().measures["s01"][told["number"] - 1]
        assert reads in measuring.words(series, measure)
    outline = measuring.words(series, state.reading().measures["s01"][3])
    inside = as_shown(series.volume, series.plane).voxels[1, 2:5, 2:7]
    assert f"mean {inside.mean():.4g}, SD {inside.std():.3g}, 15 pixels" in outline


def test_without_geometry_it_is_kept_in_pixels_and_says_so() -> None:
    series = a_series(has_geometry=False)
    draw(series)
    assert measuring.shown(series)[0]["points"] == [[2, 3], [5, 7]]
    assert measuring.words(series, state.reading().measures["s01"][0]) == "5.0 pixels"


def test_a_reading_with_measures_saved_and_opened_again_equals_itself() -> None:
    draw(a_series())
    reading = state.reading()
    assert from_document(json.dumps(as_document(reading))) == reading
    assert not reading.is_blank
    measuring.hear({"what": "unmeasure", "series": "s01", "gone": [2]})
    assert [each.kind for each in state.reading().measures["s01"]] == [
        kind for kind in DRAWN if kind != "angle"
    ]


def test_what_is_drawn_on_the_prior_is_kept_and_told_with_its_examination() -> None:
    current, prior = a_series(), replace(a_series(), id="p01")
    before = Prior(Study((prior,), (), "cd" * 32), 84, True)
    state.open_study(Study((current,), (), "ab" * 32, prior=before), "")
    said = {"measure": 1, "kind": "ruler", "slice": 1, "points": [[2, 3], [5, 7]], "text": ""}
    measuring.hear({"what": "measure", "series": "p01", **said})
    assert measuring.sentences() == (
        "Ruler on Prior: Coronal, Fluid-sensitive (01), slice 2: 7.2 mm.",
    )


def test_a_series_has_one_reference_and_the_report_six_slices_of_the_readers_choice() -> None:
    draw(a_series())
    for column in (3, 5):
        points = [[2, 2], [2, column]]
        said = {
            "measure": 3 + column,
            "kind": "reference",
            "slice": 0,
            "points": points,
            "text": "",
        }
        measuring.hear({"what": "measure", "series": "s01", **said})
    references = [m for m in state.reading().measures["s01"] if m.kind == "reference"]
    assert len(references) == 1
    reading = Reading()
    for index in range(8):
        reading = edits.toggle_key_image(reading, ("s01", index), 6)
    assert reading.key_images == tuple(("s01", index) for index in range(2, 8))
    for index in range(2, 8):
        reading = edits.toggle_key_image(reading, ("s01", index), 6)
    assert reading.key_images is None
