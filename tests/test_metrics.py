"""Metrics against scikit-learn and worked examples; intervals resample cases."""

from typing import Any

import numpy as np
import pytest
import sklearn.metrics

from asemble.core.labels import PATTERNS
from asemble.metrics.calibration_error import (
    error_if_perfect,
    expected_calibration_error,
    reliability,
)
from asemble.metrics.confusion import (
    accuracy,
    as_counts,
    binary_confusion,
    confusion,
    f1,
    over_tables,
    precision,
    sensitivity,
    specificity,
)
from asemble.metrics.discrimination import adjacent_wins, auc, auc_of_resamples, auc_over_cases
from asemble.metrics.estimates import NOT_MEASURABLE, Estimate, with_interval
from asemble.metrics.localisation import (
    average_precision,
    points_at,
    rank_correlation,
    structural_similarity,
)
from asemble.metrics.resampling import over_cases, ratio, resample_weights

NORMAL, INFLAMMATORY, MECHANICAL = PATTERNS
DECISIONS = [*PATTERNS, "abstain"]


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
    table = confusion(truth, decided, decisions=DECISIONS)
    assert accuracy(table) == 0.25
    assert sensitivity(table) == 0.5
    assert specificity(table) == 0.5
    assert as_counts(table, DECISIONS)["inflammatory"]["abstain"] == 1


def test_the_pointing_game_allows_the_margin_and_no_more() -> None:
    mask = np.zeros((20, 30), bool)
    mask[10, 4] = True
    heat = np.zeros((20, 30), np.float32)
    heat[10, 9] = 1
    assert points_at(heat, mask, margin=5)
    assert not points_at(heat, mask, margin=4)
    assert not points_at(np.zeros_like(heat), mask, margin=50)


def test_neighbouring_slices_are_compared_where_their_labels_differ() -> None:
    # The AUC over all pairs is 0.75; beside the lesion, one of two pairs is the right way round.
    assert adjacent_wins([False, True, True, False], [0.3, 0.5, 0.1, 0.2]) == (1.0, 2)
    assert adjacent_wins([False, False], [0.1, 0.2]) == (0, 0)


def test_calibration_error_is_the_gap_between_probability_and_frequency() -> None:
    assert expected_calibration_error([0.8] * 10, [1] * 8 + [0] * 2) > 0  # bins of two
    sure = np.repeat([0.8, 0.3], 400)
    honest = np.tile([1, 1, 1, 1, 0], 80).tolist() + np.tile([1, 1, 1] + [0] * 7, 40).tolist()
    assert expected_calibration_error(sure, honest) < 0.02
    assert expected_calibration_error(sure, np.ones(800)) == pytest.approx(0.45)


def test_bins_hold_equal_numbers_of_cases_in_the_order_of_probability() -> None:
    bins = reliability(np.linspace(1, 0, 230), np.linspace(1, 0, 230) > 0.5)
    assert {b.cases for b in bins} <= {20, 21}
    assert [b.predicted for b in bins] == sorted(b.predicted for b in bins)
    assert (bins[0].observed, bins[-1].observed) == (0, 1)


def test_a_perfect_model_shows_a_calibration_error_that_shrinks_with_cases() -> None:
    rng = np.random.default_rng(4)
    few, many = rng.random(60), rng.random(6000)
    typical, unlikely = error_if_perfect(few)
    assert 0.03 < typical < unlikely < 0.3
    assert error_if_perfect(many)[0] < typical / 3
    drawn = [expected_calibration_error(few, rng.random(60) < few) for _ in range(200)]
    assert np.mean(drawn) == pytest.approx(typical, abs=0.01)


def test_average_precision_falls_with_heat_elsewhere_and_with_oedema_that_stays_cold() -> None:
    mask = np.zeros((4, 4), dtype=bool)
    mask[1, :2] = True
    heat = mask.astype(np.float32)
    assert average_precision(heat, mask) == 1
    half, wide = heat.copy(), np.full_like(heat, 0.5)
    half[1, 1] = 0
    assert 0.5 < average_precision(half, mask) < 0.6  # the rest is found last, with all others
    assert average_precision(wide, mask) == pytest.approx(2 / 16)
    assert average_precision(wide + heat[::-1], mask) == pytest.approx(2 / 16)


def test_maps_are_alike_by_the_order_of_their_heat_and_by_their_structure() -> None:
    heat = np.random.default_rng(5).random((32, 32), dtype=np.float32)
    assert rank_correlation(heat, 3 * heat) == 1
    assert structural_similarity(heat, 3 * heat) == pytest.approx(1)
    assert rank_correlation(heat, -heat) == -1
    other = heat.T.copy()
    assert abs(rank_correlation(heat, other)) < 0.2 > structural_similarity(heat, other)


def test_the_auc_of_every_resample_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(2)
    positive, scores = rng.random(60) < 0.3, rng.random(60).round(1)  # with many ties
    weights = rng.integers(0, 3, (20, 60)).astype(np.float64)
    found = auc_of_resamples(positive, scores, weights)
    expected = [sklearn.metrics.roc_auc_score(positive, scores, sample_weight=w) for w in weights]
    assert found == pytest.approx(expected, abs=1e-12)
    assert np.isnan(auc_of_resamples(positive, scores, np.zeros((1, 60)))).all()


def test_the_auc_over_cases_draws_whole_cases_and_those_without_an_answer_too() -> None:
    rng = np.random.default_rng(3)
    cases = [(rng.random(n) < 0.4, rng.random(n)) for n in rng.integers(0, 6, 30)]

    def one_by_one(some: Any) -> float | None:
        return auc(*(np.concatenate([case[i] for case in some]) for i in (0, 1)))

    expected, found = over_cases(cases, one_by_one), auc_over_cases(cases)
    assert expected is not None and found is not None
    assert found == expected
    assert found.cases == 30
    assert auc_over_cases([]) is None
    assert auc_over_cases([([True], [0.4])]) is None


def test_metrics_of_the_confusion_table_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(4)
    positive, called = rng.random(50) < 0.4, rng.random(50) < 0.5
    table = binary_confusion(positive, called)
    assert accuracy(table) == sklearn.metrics.accuracy_score(positive, called)
    assert sensitivity(table) == sklearn.metrics.recall_score(positive, called)
    assert specificity(table) == sklearn.metrics.recall_score(~positive, ~called)
    assert precision(table) == sklearn.metrics.precision_score(positive, called)
    assert f1(table) == pytest.approx(sklearn.metrics.f1_score(positive, called))
    assert np.isnan(precision(binary_confusion(positive, np.zeros(50, bool))))


def test_a_metric_over_tables_has_the_interval_of_one_over_cases() -> None:
    rng = np.random.default_rng(5)
    truth, decided = rng.choice(PATTERNS, 40), rng.choice(DECISIONS, 40)
    tables = [confusion([t], [d], decisions=DECISIONS) for t, d in zip(truth, decided, strict=True)]
    parts = [(t == d, 1) for t, d in zip(truth, decided, strict=True)]
    assert over_tables(tables, accuracy) == over_cases(parts, ratio)


def test_a_decision_without_a_column_is_a_programmers_mistake() -> None:
    with pytest.raises(ValueError, match="1 of 2 cases"):
        confusion([NORMAL, NORMAL], ["normal", "abstain"])


def test_every_resample_draws_as_many_cases_with_all_their_slices() -> None:
    weights, cases = resample_weights(np.array([7, 7, 9, 7, 3]))
    assert cases == 3
    assert weights[0].tolist() == [1] * 5
    assert (weights[:, 0] == weights[:, 1]).all() and (weights[:, 0] == weights[:, 3]).all()
    assert set(weights[:, [0, 2, 4]].sum(axis=1)) == {3}


def test_an_interval_is_written_in_one_way() -> None:
    found = Estimate(0.95175, 0.9, 0.98, 12)
    assert with_interval(found) == "0.95 (0.90 to 0.98)"
    assert str(found) == "0.952 (95% interval 0.900 to 0.980, 12 cases)"
    assert with_interval(Estimate(-1, -2, 0.5, 3), "+.1f") == "-1.0 (-2.0 to +0.5)"
    assert with_interval(None) == NOT_MEASURABLE
