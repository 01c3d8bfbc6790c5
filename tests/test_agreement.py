"""Figures of reliability, against published worked examples."""

import numpy as np
import pytest

from asemble.metrics.agreement import dice, icc, limits_of_agreement

SHROUT_FLEISS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
)
"""Six cases by four raters: their table 2."""


def test_icc_is_that_of_shrout_and_fleiss() -> None:
    assert icc(SHROUT_FLEISS) == pytest.approx(0.2898, abs=5e-5)  # ICC(2,1) of their table 4: .29


def test_a_rater_who_is_always_higher_does_not_agree() -> None:
    ratings = np.array([[0, 0], [5, 5], [9, 9]])
    assert icc(ratings) == 1
    raised = icc(np.add(ratings, [0, 4]))
    assert raised is not None and raised < 0.8


def test_icc_needs_cases_that_differ() -> None:
    assert icc([[3, 3], [3, 3]]) is None
    assert icc([[3, 4]]) is None


def test_limits_of_agreement_hold_the_mean_and_two_standard_deviations() -> None:
    found = limits_of_agreement([-1.0, 1.0])
    assert found is not None
    assert found.mean == 0
    assert found.high == -found.low == round(1.96 * np.sqrt(2), 2)
    assert limits_of_agreement([1.0]) is None


def test_dice_of_nothing_is_unknown() -> None:
    assert dice([(0, 0, 0)]) is None
    assert dice([(2, 4, 4), (0, 2, 0)]) == pytest.approx(0.4)
