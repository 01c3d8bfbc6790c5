"""What the networks propose on its way into the reading: joint lines, bones, SPARCC marks."""

from functools import partial

import numpy as np
import pytest
from small_reports import schema_check, text_of
from test_marks import STORED, a_series, click, lay, opened, quadrants

from asemble.clinical import Answer
from asemble.clinical.marks import Bone, Half, Joint, Lesion, Mark, Quadrant
from asemble.core.labels import Tissue
from asemble.core.measurements import JointOedema, Measurements, Reference
from asemble.core.results import SeriesPrediction, StudyPrediction
from asemble.core.study import Study
from asemble.explain import SeriesHeatmaps
from asemble.imaging.orientation import Turn
from asemble.imaging.slices import Grid
from asemble.reading import JointLines, edits
from asemble.reading.joint_lines import Slice
from asemble.reading.joint_lines import lay as laid
from asemble.report import reading_json, reading_pdf, reading_text
from asemble.ui import marking, proposal, reasoning, scores, state

FIRST = Mark(Lesion.OEDEMA, 2, Quadrant(Joint.LEFT, Half.UPPER, Bone.ILIAC), is_deep=True)
SECOND = Mark(Lesion.OEDEMA, 3, Quadrant(Joint.RIGHT, Half.LOWER, Bone.SACRAL))
ENDS = {Joint.RIGHT: [(-61, -24), (-45, 20)], Joint.LEFT: [(57, -20), (41, 24)]}
"""Of the proposed lines: 1 mm outside those of `lay`."""


def found_on_every_slice() -> tuple[JointLines, np.ndarray]:
    """Lines of both joints on the five slices, 4 mm apart."""
    series, lines = a_series(), JointLines("s01")
    affine = series.volume.affine_lps
    assert affine is not None
    for index in range(5):
        for joint, ends in ENDS.items():
            drawn = [(x, 4.0 * (index - 2), -y) for x, y in ends]
            lines = laid(lines, joint, drawn, Slice.of(affine, index))
    return lines, affine


def heatmaps(stored: str = "as shown") -> SeriesHeatmaps:
    """A sacrum in the middle 64 mm of every slice, the left ilium beside it."""
    series = a_series(stored)
    turn = Turn.to_display(series.volume.affine_lps, series.plane)
    spacing = series.volume.spacing_mm
    assert spacing is not None
    rows, columns = series.volume.shape[1:]
    tissue = np.zeros((5, len(Tissue), 128, 128), np.float16)
    x = (np.arange(128) - 63.5) * 200 / 128  # mm to the patient's left
    tissue[..., Tissue.SACRUM, :, :] = np.abs(x) < 32
    tissue[..., Tissue.LEFT_ILIUM, :, :] = (x > 32) & (x < 60)
    tissue[:, Tissue.REST] = 1 - tissue[:, 1:].sum(axis=1)
    grid = Grid.of_spacing((rows, columns), spacing[1:], turn)
    return SeriesHeatmaps("s01", grid, tissue, {}, {}, np.zeros((5, 128, 128), np.float32))


def ask(study: Study, *, stored: str = "as shown") -> StudyPrediction:
    """As if the ensemble had been asked: both joints found, two quadrants proposed."""
    lines, _ = found_on_every_slice()
    measured = Measurements(
        reference=Reference((2,), 300.0),
        fluid_ratio=4.0,
        slices=(),
        joints=(JointOedema(Joint.LEFT, 0.4, 2.1, 11.0),),
        joint_lines=lines.lines,
        marks=(FIRST, SECOND),
        first_scored=0,
    )
    prediction = StudyPrediction(
        probabilities=None,
        members={},
        interval_inflammatory=None,
        decision="abstain",
        reasons=(),
        series=(SeriesPrediction("s01", True, None, (), measured),),
        weights={},
        weights_list="0" * 64,
        device="cpu",
        seconds={},
    )
    state.keep_assessment(prediction, {"s01": heatmaps(stored)})
    marking.propose_lines(study, prediction)
    return prediction


def words() -> str:
    shown = marking.shown(a_series())
    assert shown is not None
    return str(shown["slices"][2]["words"])


def test_lines_are_proposed_when_the_ensemble_was_asked_and_a_hand_overrules_them() -> None:
    study = opened(a_series())
    assert not state.joint_lines()
    ask(study)
    assert words() == "Both joints: proposed by the networks."
    lay()
    assert words() == "Both joints: drawn here."
    click(58, -10)
    assert "joint lines were proposed by the networks, 2 of them" in scores.sentences(study)[-1]


def test_lines_that_a_hand_has_laid_before_stay_when_the_ensemble_is_asked() -> None:
    study = opened(a_series())
    lay()
    before = state.joint_lines()
    ask(study)
    assert state.joint_lines() == before


@pytest.mark.parametrize("stored", STORED)
def test_a_mark_beside_a_proposed_line_lies_in_the_bone_that_was_found(stored: str) -> None:
    study = opened(a_series(stored))
    ask(study, stored=stored)
    click(35, -14)  # medial of the line, in what the networks call ilium
    click(29, -10, lesion="erosion")
    assert quadrants() == ["left upper iliac", "left upper sacral"]
    assert all(not marking.moved(study.series[0], mark) for mark in state.marks("s01"))
    lay()
    click(35, -14, lesion="sclerosis")
    assert quadrants()[-1] == "left upper sacral"  # the reader's line says so


def test_nothing_is_accepted_by_itself_and_accepting_is_the_readers_word_and_undoable() -> None:
    study = opened(a_series())
    prediction = ask(study)
    assert not state.marks("s01") and state.reading().is_blank
    before = state.reading()
    state.accept_proposed("s01")
    assert state.marks("s01") == (FIRST, SECOND)
    said = "2 quadrants were proposed by the ensemble and accepted by the reader."
    assert any(said in sentence for sentence in scores.sentences(study))
    state.toggle_mark("s01", SECOND)
    changed = "accepted by the reader; 1 of them changed or removed since."
    told = scores.sentences(study)
    assert any(changed in sentence for sentence in told)
    assert changed in reading_text(state.reading(), prediction, study, findings=told)
    document = reading_json(state.reading(), prediction, study, findings=told)
    schema_check().validate(document)
    assert [mark["slice"] for mark in document["reading"]["accepted"]["s01"]] == [2, 3]
    assert document["series"][0]["measurements"]["sparcc"]["is_proposal"] is True
    printed = text_of(reading_pdf(state.reading(), prediction, study, images=(), findings=told))
    assert changed in printed
    assert "They propose a SPARCC of 3 of 72 on slices 1 to 6" in printed
    state.toggle_mark("s01", SECOND)
    state.undo_accepted("s01")
    assert state.reading() == before


def test_image_items_are_proposed_and_answered_once_the_reader_accepts_them() -> None:
    study = opened(a_series())
    assert not proposal.offered_items(study)
    ask(study)
    offered = proposal.offered_items(study)
    assert set(offered) == {"small_oedema", "deep_oedema"}
    assert all(each.from_networks for each in offered.values())
    assert not state.reading().answers
    state.edit(partial(edits.accept_answer, from_networks=True), "deep_oedema")
    assert state.reading().answers == {"deep_oedema": Answer.YES}
    (said,) = reasoning.accepted_sentences()
    assert "the networks proposed and the reader accepted: Oedema reaching 1 cm" in said
    state.edit(edits.answer, "deep_oedema", Answer.NO)
    assert reasoning.accepted_sentences()[0].endswith("1 of them changed since.")
    state.accept_proposed("s01")
    assert not proposal.offered_items(study)["deep_oedema"].from_networks  # the marks are one's own
