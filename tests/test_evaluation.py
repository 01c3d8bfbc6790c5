"""Figures of merit, their intervals, the fitted fusion and resumable records."""

import base64
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from small_records import RECORDS, record

from asemble.core.labels import PATTERNS, Plane
from asemble.core.results import ENSEMBLE
from asemble.core.volume import Volume
from asemble.datasets import seeds
from asemble.evaluation.calibration_fit import (
    cross_validated,
    fit_interval,
    fit_slices,
    fit_study,
)
from asemble.evaluation.calibration_metrics import calibration_metrics
from asemble.evaluation.fusion_fit import features, fit_fusion, least_share
from asemble.evaluation.gallery import failure, worst, write_strip
from asemble.evaluation.heatmap_metrics import heatmap_metrics
from asemble.evaluation.heatmap_records import measure_for_explanations, untrained_draws
from asemble.evaluation.retest import second_visit
from asemble.evaluation.simulated_studies import (
    PlannedCase,
    SeriesTruth,
    SimulatedStudy,
    plan,
    run_digest,
    run_studies,
)
from asemble.evaluation.study_metrics import by_appearance, studies_measured, study_metrics
from asemble.evaluation.study_records import (
    figures_record,
    map_record,
    measure_for_figures,
    shown_maps,
)
from asemble.metrics.estimates import Estimate
from asemble.metrics.heatmaps import (
    energy_in,
)
from asemble.models import MEMBERS, Ensemble
from asemble.models.calibration import IntervalRule, SliceCalibration, log_odds, logistic
from asemble.models.fusion import (
    FittedOn,
    calibrated,
    load_fusion,
    save_fusion,
)
from asemble.performance.pages import (
    as_markdown,
    best_method,
    calibration_parts,
    explanations_parts,
    studies_parts,
)
from asemble.performance.records import NOTICE, Appearances, Performance, Studies, StudyMetrics
from asemble.performance.tables import (
    MAPS,
    MISMATCHED,
    command_of,
    is_within,
    member_rows,
    what_went_wrong,
)
from asemble.phantom import HELD_OUT, sample_case
from asemble.predict import assess, predict

NORMAL, INFLAMMATORY, MECHANICAL = PATTERNS


def test_pointing_is_played_where_there_is_a_lesion_to_point_at() -> None:
    oedema = np.zeros((3, 8, 9), bool)
    oedema[0, 2, 3] = oedema[2, 2, 3] = True
    truth = SeriesTruth([INFLAMMATORY, INFLAMMATORY, NORMAL], oedema)
    assert truth.played == [0]


def test_a_map_is_scored_by_its_peak_and_by_where_its_heat_lies() -> None:
    masks = np.zeros((3, 20, 30), bool)
    masks[:, 10, 4:6] = True
    heat = np.zeros((3, 20, 30), np.float32)
    heat[0, 10, 4], heat[0, 10, 8], heat[0, 10, 25] = 2, 1, 1
    heat[1, 2, 25] = 1  # far away; the third map has no heat at all
    found = map_record(heat, masks, (0.5, 0.7))
    assert (found["hits"], found["energy"], found["near"]) == (1, 0.5, 0.75)
    assert found["peaks_mm"][1] == pytest.approx([(2 - 9.5) * 0.5, (25 - 14.5) * 0.7], abs=0.06)
    assert found["peaks_mm"][2] is None
    assert energy_in(heat[2], masks[2]) == 0


def test_slice_calibration_is_fitted_and_keeps_the_order_of_slices() -> None:
    rng = np.random.default_rng(5)
    said = rng.dirichlet([1, 1, 1], size=6000)
    truth = SliceCalibration(0.5, -1.0, 0.7, 0.4).apply(said)
    labels = [rng.choice(3, p=p) for p in truth]
    found = fit_slices(said, labels)
    assert np.abs(found.apply(said) - truth).max() < 0.08
    assert found.apply(said).sum(axis=1) == pytest.approx(1)
    order = np.argsort(said[:, 1])
    assert (np.diff(found.apply(said)[order, 1]) >= 0).all()
    assert SliceCalibration().apply(said) == pytest.approx(said)


def test_the_interval_holds_the_second_answer_at_its_nominal_rate() -> None:
    rng = np.random.default_rng(6)

    def examinations(count: int) -> list[tuple[float, list[float], float]]:
        found = []
        for _ in range(count):
            truth, unsure = rng.normal(0, 2), rng.uniform(0.2, 1.5)
            first, second, *members = logistic(truth + unsure * rng.normal(size=5))
            found.append((float(first), [float(m) for m in members], float(second)))
        return found

    rule = fit_interval(examinations(400))
    assert rule.nominal == 0.9
    held = []
    for first, members, second in examinations(2000):
        low, high = rule.around(first, members)
        held.append(low <= second <= high)
    assert np.mean(held) == pytest.approx(0.9, abs=0.035)
    assert fit_interval([]) == IntervalRule()
    agreed, torn = rule.around(0.5, [0.5, 0.5, 0.5]), rule.around(0.5, [0.1, 0.5, 0.9])
    assert torn[0] < agreed[0] < 0.5 < agreed[1] < torn[1]
    assert log_odds(agreed[1]) == pytest.approx(rule.multiplier * rule.floor)


def test_the_study_fit_corrects_log_odds_that_are_too_bold() -> None:
    rng = np.random.default_rng(1)
    features = rng.normal(0, 2, size=(3000, 2))
    chances = calibrated(features, np.array([[-0.5, 1, 0], [0.3, 0, 1]]))
    labels = [rng.choice(3, p=p) for p in chances]
    found = calibrated(3 * features, fit_study(3 * features, labels))
    assert np.abs(found - chances).mean() < 0.05


def test_cross_validation_learns_nothing_of_a_person_from_the_other_examination() -> None:
    rng = np.random.default_rng(3)
    of_person, labels = rng.normal(0, 1, size=(90, 2)), rng.integers(0, 3, 90)
    twice = np.concatenate([of_person, of_person])
    said = cross_validated(twice, [*labels, *labels], [*range(90), *range(90)], pull=0.0)
    assert (said[:90] == said[90:]).all()
    right = said[np.arange(90), labels]
    assert np.mean(right) == pytest.approx(1 / 3, abs=0.05)  # nothing but chance was to be learned


def test_every_held_out_appearance_meets_every_kind_equally_often() -> None:
    names = list(HELD_OUT)
    cases = plan(3 * len(names), seeds.HELD_OUT_TEST, appearances=names, again=4)
    assert {(c.kind, c.appearance) for c in cases} == {(k, n) for k in PATTERNS for n in names}
    assert [c.again for c in cases[:6]] == [True] * 4 + [False] * 2
    assert len({c.name for c in cases}) == len(cases)


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


SAID = ([180, 10, 10], [10, 180, 10], [10, 10, 180])
"""Of Dirichlet distributions: nine in ten for one class, about the same for every member."""


def test_a_fitted_fusion_survives_its_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)

    def look(i: int) -> dict[str, Any]:
        """Three slices a plane: no evidence, at the joints, and beside them."""
        return {
            plane: {
                "probabilities": {
                    who: [rng.dirichlet(said).tolist() for said in (SAID[0], SAID[i % 3], SAID[1])]
                    for who in (ENSEMBLE, "pvt", "efficientnet")
                },
                "share": [None, 0.2 + 0.01 * i, 0.1],
                "expected": [True, True, i % 2 == 0],
            }
            for plane in ("coronal", "axial")
        }

    records = [
        {
            "kind": PATTERNS[i % 3].value,
            "appearance": None,
            "looks": look(i),
            "again": look(i) if i < 6 else None,
            "labels": {plane: [0, i % 3, 0] for plane in ("coronal", "axial")},
            "hottest": {
                f"{method}/{plane}/pvt": 4.0 + i
                for method in ("gradcam", "evidence")
                for plane in ("coronal", "axial")
                if i % 3 == 1
            },
        }
        for i in range(9)
    ]
    members = {Plane.CORONAL: ["pvt"], Plane.AXIAL: ["pvt"]}
    fusion = fit_fusion(records, {"a": "1"}, members, first_seed=9)
    assert fusion.reference("gradcam", Plane.AXIAL, "pvt") == 8.0  # of the cases 1, 4 and 7
    assert fusion.interval.multiplier > 0 and fusion.interval.nominal == 0.9
    # Of the slices that show a lesion, at 0.21, 0.22, 0.24, ... of their evidence at the joints.
    assert fusion.counting == {"coronal": 0.21, "axial": 0.21}
    # The third slice, as inflammatory in every study, does not count; else all would look alike.
    said = [features(record["looks"], ENSEMBLE, fusion.counting) for record in records]
    assert [int(fusion.probabilities(of).argmax()) for of in said] == [0, 1, 2] * 3
    save_fusion(tmp_path, fusion)
    loaded = load_fusion(tmp_path, {"a": "1"}, members)
    coronal = {Plane.CORONAL: np.array([1.0, -2.0])}
    assert loaded.probabilities(coronal) == pytest.approx(fusion.probabilities(coronal))
    assert (loaded.slices, loaded.interval) == (fusion.slices, fusion.interval)
    assert loaded.counting == fusion.counting
    assert loaded.fitted_on == fusion.fitted_on == FittedOn(9, 0, 6, 9)


def test_no_slice_needs_more_than_three_tenths_of_its_evidence_at_the_joints() -> None:
    look = {
        "probabilities": {ENSEMBLE: [[0.05, 0.9, 0.05]] * 3},
        "share": [0.95, 0.97, 0.99],
        "expected": [True] * 3,
    }
    records = [{"looks": {"coronal": look}, "labels": {"coronal": [1, 1, 1]}}]
    assert least_share(records, Plane.CORONAL) == 0.3


FINISHED = PlannedCase(INFLAMMATORY, seeds.TEST.first + 1)
MISSING = PlannedCase(INFLAMMATORY, seeds.TEST.first + 1, "noise", again=True)


@dataclass
class StoppedRun:
    """A run whose records hold one of its two cases, gone on with twice."""

    records: Path
    measured: list[SimulatedStudy]
    values: list[list[int]]


@pytest.fixture(scope="module")
def stopped_run(tmp_path_factory: pytest.TempPathFactory) -> StoppedRun:
    records = tmp_path_factory.mktemp("stopped") / "records.jsonl"
    digest = run_digest({"a": "1"})
    finished = {"name": FINISHED.name, "digest": digest, "record": {"value": 5}}
    foreign = {**finished, "digest": "other weights", "record": {"value": 6}}
    lines = [json.dumps(finished), json.dumps(foreign), '{"name": "cut off']
    records.write_text("\n".join(lines))
    run = StoppedRun(records, [], [])

    def measure(study: SimulatedStudy) -> dict[str, Any]:
        run.measured.append(study)
        return {"value": len(study.study.series)}

    for _ in range(2):
        done = run_studies(
            [MISSING, FINISHED], measure, records=records, digest=digest, workers=1, keep=True
        )
        run.values.append([record["value"] for record in done])
    return run


def test_a_stopped_run_goes_on_where_it_stopped(stopped_run: StoppedRun) -> None:
    assert stopped_run.values == [[2, 5], [2, 5]]
    assert [study.case.name for study in stopped_run.measured] == [MISSING.name]


def test_other_weights_are_measured_on_studies_that_were_kept(stopped_run: StoppedRun) -> None:
    files = {path: path.stat().st_mtime_ns for path in stopped_run.records.parent.rglob("*")}
    other = run_studies(
        [MISSING],
        lambda study: {"value": float(study.study.series[0].volume.voxels.sum())},
        records=stopped_run.records,
        digest=run_digest({"a": "2"}),
        workers=1,
        keep=True,
    )
    first = stopped_run.measured[0].study.series[0].volume.voxels
    assert other[0]["value"] == float(first.sum())
    del files[stopped_run.records]
    assert all(path.stat().st_mtime_ns == at for path, at in files.items())


@pytest.fixture(scope="module")
def simulated(stopped_run: StoppedRun) -> SimulatedStudy:
    return stopped_run.measured[0]


def test_a_second_examination_is_of_the_same_person_elsewhere_in_the_scanner(
    simulated: SimulatedStudy,
) -> None:
    case = simulated.case
    facts = {"kind": case.kind, "seed": case.seed, "appearance": case.appearance}
    person = sample_case(case.seed, kind=case.kind, appearance=case.appearance)
    again = second_visit(**facts)  # type: ignore[arg-type]
    assert again.person.lesions == person.person.lesions
    assert again.placement.tilt_deg != person.placement.tilt_deg
    assert again.scanner != person.scanner
    assert simulated.again is not None
    assert [series.plane for series in simulated.again.series] == [Plane.CORONAL, Plane.AXIAL]


def shortened(simulated: SimulatedStudy) -> SimulatedStudy:
    """Three slices of each series, the first of them one to point at."""
    assert simulated.again is not None
    truth = {}
    study = simulated.study
    for series in study.series:
        full = simulated.truth[series.id]
        kept = slice(full.played[0], full.played[0] + 3)
        truth[series.id] = SeriesTruth(full.labels[kept], full.oedema[kept])
        volume = Volume(series.volume.voxels[kept], series.volume.affine_lps)
        study = study.with_series(replace(series, volume=volume))
    again = simulated.again
    for series in again.series:
        volume = Volume(series.volume.voxels[:3], series.volume.affine_lps)
        again = again.with_series(replace(series, volume=volume))
    return SimulatedStudy(simulated.case, study, truth, again)


def test_a_study_is_written_down_once_for_every_command(
    simulated: SimulatedStudy, random_ensemble: Ensemble
) -> None:
    found = measure_for_figures(shortened(simulated), random_ensemble)
    found = json.loads(json.dumps(found))
    assert len(found["again"]["interval"]) == 2
    for series in found["series"]:
        assert series["played"] > 0
        assert {f"gradcam/{who}" for who in (ENSEMBLE, *MEMBERS)} <= set(series["maps"])
        for scores in series["maps"].values():
            assert 0 <= scores["energy"] <= scores["near"] <= series["played"]
            assert len(scores["peaks_mm"]) == series["played"] == len(series["lesions_mm"])
    strip = cv2.imdecode(
        np.frombuffer(base64.b64decode(found["picture"]), np.uint8), cv2.IMREAD_COLOR
    )
    assert strip is not None and strip.shape == (192, 384, 3)


def test_one_pass_writes_down_what_an_answer_and_its_explanation_apart_would(
    simulated: SimulatedStudy, random_ensemble: Ensemble
) -> None:
    short = shortened(simulated)
    prediction = predict(short.study, random_ensemble)
    _, heatmaps = assess(short.study, random_ensemble)
    apart = figures_record(short, prediction, shown_maps(heatmaps, short.truth))
    found = measure_for_figures(short, random_ensemble)
    assert found | {"again": None, "without_rules": None} == apart


def test_explanations_are_written_down_with_other_methods_controls_and_the_cascade(
    simulated: SimulatedStudy, random_ensemble: Ensemble
) -> None:
    draws = untrained_draws(random_ensemble)
    found = measure_for_explanations(shortened(simulated), random_ensemble, draws)
    found = json.loads(json.dumps(found))
    for series in found["series"]:
        assert {name.split("/")[0] for name in series["maps"]} == {*MAPS}
        for name in MEMBERS:
            cascade = series["cascade"][name]
            assert next(iter(cascade)) == "head.evidence"
            assert all(-1 <= v <= 1 for layer in cascade.values() for v in layer.values())
    written = heatmap_metrics([found])
    assert best_method(written) in MAPS
    layers = [row.layer for row in written.cascade if row.who == "efficientnet"]
    assert layers[-1].startswith("body.")


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
