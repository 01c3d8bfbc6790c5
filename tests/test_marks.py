"""What the reading holds after what the viewer says, however a file stores its slices."""

from typing import Any

import numpy as np
import pytest

from asemble.core.labels import Plane, Weighting
from asemble.core.study import Series, Study
from asemble.core.volume import Volume
from asemble.reading import edits, scoring
from asemble.ui import marking, scores, state
from asemble.ui.viewer import news

ROWS, COLUMNS = 80, 160
ROW_MM, COLUMN_MM = 2.0, 1.0
STORED = {
    "as shown": ((0, 0, -1), (1, 0, 0)),
    "bottom up": ((0, 0, 1), (1, 0, 0)),
    "mirrored": ((0, 0, -1), (-1, 0, 0)),
    "rows as columns": ((1, 0, 0), (0, 0, 1)),
}
"""Where a step down and a step to the right lead on the stored slice, LPS."""


def a_series(stored: str = "as shown") -> Series:
    """Five slices from front to back, 4 mm apart, around the middle of the patient."""
    down, right = (np.array(way, dtype=np.float64) for way in STORED[stored])
    affine = np.eye(4)
    affine[:3, 0] = [0, 4, 0]
    affine[:3, 1] = down * (COLUMN_MM if down[0] else ROW_MM)
    affine[:3, 2] = right * (COLUMN_MM if right[0] else ROW_MM)
    shape = (5, COLUMNS, ROWS) if down[0] else (5, ROWS, COLUMNS)
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    volume = Volume(np.zeros(shape, np.float32), affine)
    return Series("s01", "", volume, Plane.CORONAL, Weighting.FLUID)


def opened(series: Series) -> Study:
    study = Study((series,), (), "ab" * 32)
    state.open_study(study, "")
    return study


def at(x: float, y: float) -> list[float]:
    """Row and column on the slice as shown: mm to the patient's left and down from its middle."""
    return [(ROWS - 1) / 2 + y / ROW_MM, (COLUMNS - 1) / 2 + x / COLUMN_MM]


def lay(*, left_out_mm: float = 0.0) -> None:
    for joint, ends in (
        ("right", [at(-60, -24), at(-44, 20)]),
        ("left", [at(56 + left_out_mm, -20), at(40 + left_out_mm, 24)]),
    ):
        marking.hear({"what": "lay", "series": "s01", "slice": 2, "joint": joint, "points": ends})


def click(x: float, y: float, **more: Any) -> None:
    said = {"what": "mark", "series": "s01", "slice": 2, "place": at(x, y), "of": None}
    lesion = {"lesion": "bone marrow oedema", "is_deep": False, "is_intense": False}
    marking.hear(said | lesion | more)


def quadrants() -> list[str]:
    return [str(mark.quadrant) for mark in state.marks("s01")]


@pytest.mark.parametrize("stored", STORED)
def test_a_click_counts_where_it_is_seen_however_the_slices_are_stored(stored: str) -> None:
    series = a_series(stored)
    opened(series)
    lay()
    for place in ((58, -10), (-40, -10), (-60, 10), (30, 10)):
        click(*place)
    wanted = ["left upper iliac", "right upper sacral", "right lower iliac", "left lower sacral"]
    assert quadrants() == wanted
    shown = marking.shown(series)
    assert shown is not None
    assert shown["slices"][2]["left"] == pytest.approx(
        np.array([at(56, -20), at(48, 2), at(40, 24)]), abs=0.01
    )
    assert shown["marks"][0]["place"] == pytest.approx(at(58, -10), abs=0.01)


def test_nothing_is_heard_of_a_mark_before_both_joints_are_laid() -> None:
    opened(a_series())
    click(58, -10)
    assert quadrants() == []
    lay()
    click(58, -10)
    assert quadrants() == ["left upper iliac"]


def test_what_is_asked_about_far_clicks_waits_in_order() -> None:
    series = a_series()
    opened(series)
    lay()
    for place in ((10, -16), (-12, -26)):
        click(*place)
    assert quadrants() == []
    for answer, after in (("leave", []), ("record", ["right upper sacral"])):
        shown = marking.shown(series)
        assert shown is not None
        number = shown["question"]["number"]
        marking.hear({"what": answer, "series": "s01", "question": number})
        assert quadrants() == after
    shown = marking.shown(series)
    assert shown is not None
    assert shown["question"] is None


def test_the_report_counts_a_mark_as_made_and_says_that_its_line_moved() -> None:
    study = opened(a_series())
    lay()
    click(58, -10)
    state.edit(edits.call_complete, "s01", True)
    before = scores.sentences(study)
    assert any(words.startswith("SPARCC inflammation 1 of 72") for words in before)
    lay(left_out_mm=12)
    assert scores.sentences(study) == (
        *before,
        "1 mark is counted as it was made; a joint line has moved since.",
    )
    marking.hear({"what": "lift", "series": "s01", "slice": 2})
    assert not any("1 of 72" in words for words in scores.sentences(study))


def test_no_mark_is_not_a_score_of_0_until_the_reader_says_that_this_is_all() -> None:
    study = opened(a_series())
    assert scores.sentences(study) == ()
    lay()
    click(58, -10)
    decided, _, _, score, of_t1 = scores.sentences(study)
    assert "(2009, kept in 2016): not decided" in decided
    assert score == (
        "SPARCC inflammation: not scored (marking is not called complete; what is marked so far "
        "counts 1)."
    )
    assert of_t1 == "SPARCC SSS: not scored (no coronal T1 series)."
    state.clear_marks("s01")
    assert scoring.scores_of(state.reading(), study).scores[0].value is None
    state.edit(edits.call_complete, "s01", True)
    found = scoring.scores_of(state.reading(), study)
    assert found.scores[0].value == 0 and [each.is_met for each in found.definitions[:2]] == [
        False,
        False,
    ]
    state.edit(edits.call_complete, "s01", False)
    assert scoring.scores_of(state.reading(), study).scores[0].words == "not scored"


def test_a_definition_that_is_met_is_met_before_everything_is_marked() -> None:
    study = opened(a_series())
    lay()
    for row in (35, 58):
        click(row, -10)
    state.edit(edits.call_suggestive, True)
    first = scoring.scores_of(state.reading(), study).definitions[0]
    assert first.words == "met" and not first.why_not


def test_what_the_browser_repeats_is_heard_once() -> None:
    queue = [{"number": 1}, {"number": 2}]
    assert news("pane", {"viewer": "a", "queue": queue[:1]}) == queue[:1]
    assert news("pane", {"viewer": "a", "queue": queue}) == queue[1:]
    assert news("pane", {"viewer": "a", "queue": queue}) == []
    assert news("pane", {"viewer": "b", "queue": queue[:1]}) == queue[:1]  # a new tab
