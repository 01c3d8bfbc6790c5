"""The metrics of records of studies, and the pages that show them."""

from pathlib import Path

import cv2
import pytest
from small_records import INFLAMMATORY, RECORDS, record

from asemble.core.labels import Plane
from asemble.core.results import ENSEMBLE
from asemble.evaluation.calibration_metrics import calibration_metrics
from asemble.evaluation.gallery import failure, worst, write_strip
from asemble.evaluation.heatmap_metrics import heatmap_metrics
from asemble.evaluation.study_metrics import by_appearance, studies_measured, study_metrics
from asemble.metrics.estimates import Estimate
from asemble.performance.pages import (
    as_markdown,
    calibration_parts,
    explanations_parts,
    studies_parts,
)
from asemble.performance.records import NOTICE, Appearances, Performance, Studies, StudyMetrics
from asemble.performance.tables import (
    MISMATCHED,
    command_of,
    is_within,
    member_rows,
    what_went_wrong,
)


@pytest.fixture(scope="module")
def found() -> StudyMetrics:
    return study_metrics(RECORDS, first_seed=1)


def value(found: Estimate | None) -> float:
    assert found is not None
    return found.value


def test_the_metrics_are_those_of_the_records(found: StudyMetrics) -> None:
    assert value(found.answers.auc) == pytest.approx(10 / 12, abs=1e-4)
    assert value(found.answers.sensitivity) == pytest.approx(2 / 3, abs=1e-4)
    axial = found.planes[Plane.AXIAL]
    assert value(axial.scores[ENSEMBLE].within) == 1
    assert value(axial.scores["brightness"].within) == 0
    assert value(axial.scores[ENSEMBLE].neighbours) == 1
    game = found.planes[Plane.CORONAL].maps["gradcam"][ENSEMBLE].pointing
    heat = axial.maps["gradcam"][ENSEMBLE].energy
    assert (value(game), value(heat)) == pytest.approx((2 / 3, 1 / 3), abs=1e-4)


def test_metrics_of_an_appearance_are_of_its_studies_alone() -> None:
    some = by_appearance([*RECORDS, record(INFLAMMATORY, 0.5, appearance="noise")])
    noise, plain = some["noise"], some[Appearances.TRAINING.words]
    assert (value(noise.auc), noise.studies) == (0, 2)
    assert (value(plain.auc), plain.studies) == (1, 6)


def test_a_members_card_gets_its_own_slices_and_the_ensembles_studies(
    found: StudyMetrics,
) -> None:
    performance = Performance(studies=Studies({Appearances.HELD_OUT: found}, ()))
    rows = dict(member_rows(performance, Plane.CORONAL, "pvt"))
    prefix = "simulated test, held-out appearances:"
    coronal = found.planes[Plane.CORONAL]
    assert rows[f"{prefix} slice AUC"] == coronal.members["pvt"] != coronal.scores[ENSEMBLE].auc
    assert rows[f"{prefix} study AUC of ensemble"] == found.answers.auc


def test_a_study_that_was_not_judged_counts_as_abstained_and_not_as_wrong_order(
    found: StudyMetrics,
) -> None:
    refused = {
        **RECORDS[0],
        "probabilities": None,
        "interval": None,
        "members": {},
        "again": {"probabilities": None, "interval": None},
        "decision": "abstain",
        "series": [],
    }
    after = study_metrics([refused, *RECORDS], first_seed=1)
    assert value(after.answers.auc) == value(found.answers.auc)
    assert value(after.abstained) == 1 / 8
    assert value(after.answers.sensitivity) == 2 / 4
    assert calibration_metrics([refused, *RECORDS]).errors[0].cases == len(RECORDS)
    assert heatmap_metrics([refused, *RECORDS]) == heatmap_metrics(RECORDS)
    assert refused not in worst([refused, *RECORDS])


def test_maps_are_compared_with_each_other_and_with_controls() -> None:
    measured = heatmap_metrics(RECORDS)
    rows = {(row.plane, row.method, row.who): value(row.pointing) for row in measured.maps}
    assert rows[Plane.CORONAL, "gradcam", "pvt"] == pytest.approx(2 / 3, abs=1e-4)
    assert rows[Plane.CORONAL, "evidence", ENSEMBLE] == 1
    assert rows[Plane.AXIAL, "random weights", "pvt"] == 0
    # The peak at (10, 20) mm is 2 mm from the second study's lesion and 30 mm from the third's.
    assert rows[Plane.CORONAL, MISMATCHED, ENSEMBLE] == pytest.approx(2 / 3, abs=1e-4)
    (difference,) = (
        row.difference
        for row in measured.differences
        if (row.plane, row.who) == (Plane.AXIAL, "pvt")
    )
    assert value(difference) == pytest.approx(-1 / 3, abs=1e-4)
    assert not is_within(difference)


def test_coverage_counts_both_examinations_of_a_person() -> None:
    interval = calibration_metrics(RECORDS).interval
    # The first interval reaches 0.1 up; six answers moved by 0.1 and one by 0.05, all inside;
    # the second reaches 0.1 down from the first answer, which it always holds.
    assert value(interval.held) == 1
    moved = {**RECORDS[0], "again": {**RECORDS[0]["again"], "probabilities": [0, 0.2, 0.8]}}
    assert value(calibration_metrics([moved]).interval.held) == 0.5


def test_the_gallery_shows_the_worst_first_and_how_to_make_them_again(tmp_path: Path) -> None:
    failures = worst(RECORDS, 2)
    assert [each["seed"] for each in failures] == [6, 7]
    shown = failure(failures[0])
    assert command_of(shown) == (
        'asemble sample OUT --kind mechanical --seed 6 --appearance "noise"'
    )
    assert "the decision was inflammatory" in what_went_wrong(shown)
    assert "on 0 of 2 slices" in what_went_wrong(failure(RECORDS[1]))
    write_strip(tmp_path / "strip.jpg", failures)
    assert cv2.imread(str(tmp_path / "strip.jpg")).shape == (384, 384, 3)


def test_pages_say_that_they_are_simulated_and_show_what_was_measured() -> None:
    records = {Appearances.TRAINING: RECORDS, Appearances.HELD_OUT: RECORDS}
    pages = (
        studies_parts(studies_measured(records, dict.fromkeys(Appearances, 1)), {}),
        explanations_parts(dict.fromkeys(Appearances, heatmap_metrics(RECORDS))),
        calibration_parts(dict.fromkeys(Appearances, calibration_metrics(RECORDS))),
    )
    for parts in pages:
        text = as_markdown(parts)
        assert NOTICE in text
        headings = [line for line in text.splitlines() if line.startswith("#")]
        assert headings and all("imulated" in heading for heading in headings)
        widths = [line.count("|") for line in text.splitlines() if line.startswith("|")]
        assert widths and min(widths) > 2
    assert "0.83 (" in as_markdown(pages[0])  # the study AUC


def test_the_same_records_give_the_same_metrics(found: StudyMetrics) -> None:
    assert found == study_metrics(RECORDS, first_seed=1)
    assert (found.studies, found.confusion["normal"]["normal"]) == (7, 2)
