"""Simulated studies, and what is written down of each for the metrics."""

import base64
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from asemble.core.labels import PATTERNS, Plane
from asemble.core.results import ENSEMBLE
from asemble.core.volume import Volume
from asemble.datasets import seeds
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
from asemble.evaluation.study_records import (
    figures_record,
    map_record,
    measure_for_figures,
    shown_maps,
)
from asemble.metrics.localisation import energy_in
from asemble.models import MEMBERS, Ensemble
from asemble.performance.pages import best_method
from asemble.performance.tables import MAPS
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


def test_every_held_out_appearance_meets_every_kind_equally_often() -> None:
    names = list(HELD_OUT)
    cases = plan(3 * len(names), seeds.HELD_OUT_TEST, appearances=names, retest=4)
    assert {(c.kind, c.appearance) for c in cases} == {(k, n) for k in PATTERNS for n in names}
    assert [c.retest for c in cases[:6]] == [True] * 4 + [False] * 2
    assert len({c.name for c in cases}) == len(cases)


FINISHED = PlannedCase(INFLAMMATORY, seeds.TEST.first + 1)
MISSING = PlannedCase(INFLAMMATORY, seeds.TEST.first + 1, "noise", retest=True)


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
    retest = second_visit(**facts)  # type: ignore[arg-type]
    assert retest.person.lesions == person.person.lesions
    assert retest.placement.tilt_deg != person.placement.tilt_deg
    assert retest.scanner != person.scanner
    assert simulated.retest is not None
    assert [series.plane for series in simulated.retest.series] == [Plane.CORONAL, Plane.AXIAL]


def shortened(simulated: SimulatedStudy) -> SimulatedStudy:
    """Three slices of each series, the first of them one to point at."""
    assert simulated.retest is not None
    truth = {}
    study = simulated.study
    for series in study.series:
        full = simulated.truth[series.id]
        kept = slice(full.played[0], full.played[0] + 3)
        truth[series.id] = SeriesTruth(full.labels[kept], full.oedema[kept])
        volume = Volume(series.volume.voxels[kept], series.volume.affine_lps)
        study = study.with_series(replace(series, volume=volume))
    retest = simulated.retest
    for series in retest.series:
        volume = Volume(series.volume.voxels[:3], series.volume.affine_lps)
        retest = retest.with_series(replace(series, volume=volume))
    return SimulatedStudy(simulated.case, study, truth, retest)


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
