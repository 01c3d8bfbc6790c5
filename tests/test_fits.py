"""What evaluation fits: calibration, intervals and the fusion."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asemble.core.labels import PATTERNS, Plane
from asemble.core.results import ENSEMBLE
from asemble.evaluation.calibration_fit import cross_validated, fit_interval, fit_slices, fit_study
from asemble.evaluation.fusion_fit import features, fit_fusion, least_share
from asemble.models.calibration import IntervalRule, SliceCalibration, log_odds, logistic
from asemble.models.fusion import FittedOn, calibrated, load_fusion, save_fusion


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
