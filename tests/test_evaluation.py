"""Figures of merit, their intervals, the fitted fusion and resumable records."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asemble.core.labels import PATTERNS, Pattern, Plane
from asemble.core.results import Heatmap
from asemble.evaluation.calibration import expected_calibration_error, fit_study
from asemble.evaluation.figures import (
    NOTICE,
    evaluation_card,
    figures,
    fit_fusion,
    member_metrics,
    table,
)
from asemble.evaluation.measures import pointing
from asemble.evaluation.metrics import (
    Estimate,
    accuracy,
    auc,
    confusion,
    over_cases,
    points_at,
    sensitivity,
    specificity,
)
from asemble.evaluation.studies import (
    FIRST_TEST_SEED,
    FIRST_VALIDATION_SEED,
    PlannedCase,
    SeriesTruth,
    SimulatedStudy,
    plan,
    read_simulated,
    run_digest,
    run_studies,
    write_case,
)
from asemble.models.fusion import calibrated, load_fusion, save_fusion
from asemble.training.data import FIRST_CASE

NORMAL, INFLAMMATORY, MECHANICAL = PATTERNS


def record(kind: Pattern, probability: float, *, hits: int = 1) -> dict[str, Any]:
    rest = (1 - probability) / 2
    positive = kind is INFLAMMATORY
    return {
        "kind": kind.value,
        "probabilities": [rest, probability, rest],
        "members": {"pvt": [rest, probability, rest]},
        "decision": "inflammatory" if probability > 0.5 else "normal",
        "series": [
            {
                "plane": plane,
                "positive": [False, positive, False],
                "scores": [0.1, probability, 0.2],
                "members": {"pvt": [0.5, probability, 0.2]},
                "position": [-1, 0, -1],
                "brightness": [1.0, 0.9, 1.1],
                "pointing": {"gradcam": [hits, 1], "evidence": [1, 1]},
            }
            for plane in ("coronal", "axial")
        ],
    }


RECORDS = [
    record(INFLAMMATORY, 0.9),
    record(INFLAMMATORY, 0.6, hits=0),
    record(INFLAMMATORY, 0.4),
    record(NORMAL, 0.1),
    record(NORMAL, 0.2),
    record(MECHANICAL, 0.7),
    record(MECHANICAL, 0.3),
]


def test_auc_counts_ties_half_and_needs_both_classes() -> None:
    assert auc([True, False], [0.5, 0.5]) == 0.5
    assert auc([True, True, False], [3, 1, 2]) == 0.5
    assert auc([True, True], [1, 2]) is None


def test_the_interval_resamples_cases_and_not_their_slices() -> None:
    # Two slices that always agree hold no more than one: doubling them changes nothing.
    rng = np.random.default_rng(0)
    cases = [(i % 2 == 0, float(rng.normal(i % 2 == 0))) for i in range(40)]

    def once(some: Any) -> float | None:
        return auc([c[0] for c in some], [c[1] for c in some])

    def twice(some: Any) -> float | None:
        return auc([c[0] for c in some] * 2, [c[1] for c in some] * 2)

    single, doubled = over_cases(cases, once, seed=3), over_cases(cases, twice, seed=3)
    assert single is not None
    assert single == doubled
    assert single.low < single.value < single.high
    assert over_cases(cases, once, seed=3) == single
    fewer = over_cases(cases[:12], once, seed=3)
    assert fewer is not None
    assert fewer.high - fewer.low > single.high - single.low


def test_an_abstention_is_neither_right_nor_a_call() -> None:
    truth = [INFLAMMATORY, INFLAMMATORY, NORMAL, MECHANICAL]
    decided = ["inflammatory", "abstain", "abstain", "inflammatory"]
    assert accuracy(truth, decided) == 0.25
    assert sensitivity(truth, decided) == 0.5
    assert specificity(truth, decided) == 0.5
    assert confusion(truth, decided)["inflammatory"]["abstain"] == 1


def test_the_pointing_game_allows_the_margin_and_no_more() -> None:
    mask = np.zeros((20, 30), bool)
    mask[10, 4] = True
    heat = np.zeros((20, 30), np.float32)
    heat[10, 9] = 1
    assert points_at(heat, mask, margin=5)
    assert not points_at(heat, mask, margin=4)
    assert not points_at(np.zeros_like(heat), mask, margin=50)


def test_pointing_is_played_where_there_is_a_lesion_to_point_at() -> None:
    oedema = np.zeros((3, 8, 9), bool)
    oedema[0, 2, 3] = oedema[2, 2, 3] = True
    heat = np.zeros((3, 8, 9), np.float32)
    heat[0, 2, 3], heat[2, 7, 8] = 1, 1
    truth = SeriesTruth([INFLAMMATORY, INFLAMMATORY, INFLAMMATORY], oedema)
    assert pointing(Heatmap("s01", heat, "gradcam", "ensemble"), truth) == [1, 2]


def test_calibration_error_is_the_gap_between_confidence_and_accuracy() -> None:
    sure = np.tile([0.8, 0.1, 0.1], (10, 1))
    assert expected_calibration_error(sure, [0] * 8 + [1] * 2) == pytest.approx(0)
    assert expected_calibration_error(sure, [1] * 10) == pytest.approx(0.8)


def test_the_study_fit_corrects_log_odds_that_are_too_bold() -> None:
    rng = np.random.default_rng(1)
    features = rng.normal(0, 2, size=(3000, 2))
    chances = calibrated(features, np.array([[-0.5, 1, 0], [0.3, 0, 1]]))
    labels = [rng.choice(3, p=p) for p in chances]
    found = calibrated(3 * features, fit_study(3 * features, labels))
    assert np.abs(found - chances).mean() < 0.05


def test_seeds_of_training_calibration_and_test_never_meet() -> None:
    calibration = {case.seed for case in plan(300, FIRST_VALIDATION_SEED)}
    test = {case.seed for case in plan(300, FIRST_TEST_SEED)}
    assert not calibration & test
    assert min(calibration) - FIRST_CASE["validation"] >= 100_000
    assert max(calibration) < FIRST_CASE["test"]
    assert {case.kind for case in plan(3, 5)} == set(PATTERNS)


@pytest.fixture(scope="module")
def found() -> dict[str, Estimate | None]:
    return figures(RECORDS)


def test_the_figures_are_those_of_the_records(found: dict[str, Estimate | None]) -> None:
    assert found["study AUC"] is not None
    assert found["study AUC"].value == pytest.approx(10 / 12)
    assert found["sensitivity"] is not None
    assert found["sensitivity"].value == pytest.approx(2 / 3)
    within = found["slice AUC within a study, axial"]
    assert within is not None
    assert within.value == 1
    bright = found["slice AUC within a study, axial, brightness baseline"]
    assert bright is not None
    assert bright.value == 0
    game = found["pointing, coronal, gradcam"]
    assert game is not None
    assert game.value == pytest.approx(6 / 7)


def test_a_members_card_gets_its_own_slices_and_the_ensembles_studies(
    found: dict[str, Estimate | None],
) -> None:
    metrics = member_metrics(found, Plane.CORONAL, "pvt")
    slices, study = found["slice AUC, coronal, pvt alone"], found["study AUC"]
    assert slices is not None and study is not None
    assert metrics["test_slice_auc"] == slices.as_dict()
    assert metrics["test_study_auc_of_ensemble"] == study.as_dict()
    assert slices.value != found["slice AUC, coronal"].value  # type: ignore[union-attr]


def test_the_table_says_that_it_is_simulated_and_the_card_repeats_itself(
    found: dict[str, Estimate | None],
) -> None:
    text = table(RECORDS, found)
    assert NOTICE in text
    assert "2 normal, 3 inflammatory, 2 mechanical" in text
    card = evaluation_card(RECORDS, found, first_seed=1)
    again = evaluation_card(RECORDS, figures(RECORDS), first_seed=1)
    assert json.dumps(card) == json.dumps(again)


def test_a_fitted_fusion_survives_its_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    records = [
        {
            "kind": PATTERNS[i % 3].value,
            "features": {p: rng.normal(i % 3, 1, 2).tolist() for p in ("coronal", "axial")},
            "hottest": {f"{m}/{p}/pvt": 4.0 + i for m in ("gradcam", "evidence")
                        for p in ("coronal", "axial")},
        }
        for i in range(9)
    ]  # fmt: skip
    members = {Plane.CORONAL: ["pvt"], Plane.AXIAL: ["pvt"]}
    fusion = fit_fusion(records, {"a": "1"}, members, first_seed=9)
    assert fusion.reference("gradcam", Plane.AXIAL, "pvt") == 8.0  # of the cases 1, 4 and 7
    save_fusion(tmp_path, fusion)
    loaded = load_fusion(tmp_path, {"a": "1"}, members)
    features = {Plane.CORONAL: np.array([1.0, -2.0])}
    assert loaded.probabilities(features) == pytest.approx(fusion.probabilities(features))


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> SimulatedStudy:
    case = PlannedCase(INFLAMMATORY, FIRST_TEST_SEED + 1)
    out = tmp_path_factory.mktemp("simulated")
    write_case(case, out)
    return read_simulated(case, out)


def test_the_truth_lies_on_the_grid_that_was_read(simulated: SimulatedStudy) -> None:
    assert len(simulated.study.series) == 2
    for series in simulated.study.series:
        truth = simulated.truth[series.id]
        assert len(truth.labels) == series.volume.shape[0]
        assert truth.oedema.shape == series.volume.shape
    truths = simulated.truth.values()
    assert any(t.oedema[i].any() for t in truths for i, p in enumerate(t.labels) if p != NORMAL)
    for series in simulated.study.series:
        oedema, voxels = simulated.truth[series.id].oedema, series.volume.voxels
        if oedema.any():  # oedema is bright; what lies there in a mirrored slice is not
            assert voxels[oedema].mean() > 1.1 * voxels[oedema[:, ::-1]].mean()


def test_a_stopped_run_goes_on_where_it_stopped(tmp_path: Path, simulated: SimulatedStudy) -> None:
    records = tmp_path / "records.jsonl"
    case = simulated.case
    digest = run_digest({"a": "1"})
    finished = {"name": case.name, "kind": case.kind.value, "digest": digest, "value": 5}
    foreign = {**finished, "digest": "other weights", "value": 6}
    lines = [json.dumps(finished), json.dumps(foreign), '{"name": "cut off']
    records.write_text("\n".join(lines))
    measured: list[str] = []
    other = PlannedCase(NORMAL, FIRST_TEST_SEED)

    def measure(study: SimulatedStudy) -> dict[str, Any]:
        measured.append(study.case.name)
        return {"value": len(study.study.series)}

    def run() -> list[int]:
        asked = [other, case]
        done = run_studies(asked, measure, records=records, digest=digest, workers=1)
        return [record["value"] for record in done]

    assert run() == [2, 5]
    assert run() == [2, 5]
    assert measured == [other.name]
