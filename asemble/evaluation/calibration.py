"""Fitting studies, slices and the interval to outcomes, and how far probabilities are from them.

The temperature of each member is fitted where its slices are, in `asemble.training.validation`.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from asemble.models.calibration import (
    Floats64,
    IntervalRule,
    SliceCalibration,
    log_odds,
    spread,
)
from asemble.models.fusion import IDENTITY, calibrated

PRIOR_STRENGTH = 0.02
"""Pull of each study coefficient towards the identity, beside the mean loss of a study.

Sixty studies must not buy a sign change that the next sixty take back.
"""

SLICE_PRIOR_STRENGTH = 0.001
"""The same for slices, of which there are a thousand."""

NOMINAL = 0.9
"""Share of second examinations whose P(inflammatory) the interval is made to hold."""

FEWEST_BINS, MOST_BINS, CASES_PER_BIN = 5, 15, 20
"""Bins of the calibration error: as many as hold twenty cases each, within these bounds."""

PERFECT_DRAWS = 400
"""Simulated outcomes of a perfectly calibrated model."""


@dataclass(frozen=True, slots=True)
class Bin:
    """Cases of like probability: how many, their mean probability, and how many it came true of."""

    cases: int
    predicted: float
    observed: float


def reliability(probability: npt.ArrayLike, outcome: npt.ArrayLike) -> list[Bin]:
    """Bins of equal numbers of cases in the order of their probability.

    >>> [b.observed for b in reliability([0.1] * 5 + [0.9] * 5, [0] * 5 + [1] * 5)]
    [0.0, 0.0, 0.5, 1.0, 1.0]
    """
    values, came_true = np.asarray(probability, np.float64), np.asarray(outcome, np.float64)
    order = np.argsort(values, kind="stable")
    return [
        Bin(len(of), float(values[of].mean()), float(came_true[of].mean()))
        for of in np.array_split(order, _bins(len(values)))
        if len(of)
    ]


def expected_calibration_error(probability: npt.ArrayLike, outcome: npt.ArrayLike) -> float:
    """Mean gap between probability and frequency over bins of equal numbers of cases.

    Such bins are less biased than bins of equal width, which leave a few cases in many of them
    (Roelofs 2022, arXiv:2012.08668). What bias is left, `error_if_perfect` says.

    >>> round(expected_calibration_error([0.25] * 5 + [0.75] * 5, [0] * 5 + [1] * 5), 3)
    0.2
    """
    bins = reliability(probability, outcome)
    total = sum(b.cases for b in bins)
    return sum(b.cases * abs(b.predicted - b.observed) for b in bins) / total


def error_if_perfect(probability: npt.ArrayLike, *, seed: int = 0) -> tuple[float, float]:
    """The calibration error of a model whose probabilities are true, from as many cases.

    Its outcomes are drawn from the probabilities, each case by itself.

    Returns:
        The mean, and what one in twenty such draws exceeds.
    """
    values = np.sort(np.asarray(probability, dtype=np.float64))
    rng = np.random.default_rng(seed)
    outcomes = rng.random((PERFECT_DRAWS, len(values))) < values
    sizes = np.array([len(of) for of in np.array_split(values, _bins(len(values))) if len(of)])
    gaps = np.add.reduceat(outcomes - values, np.cumsum([0, *sizes[:-1]]), axis=1)
    errors = np.abs(gaps).sum(axis=1) / len(values)
    return float(errors.mean()), float(np.percentile(errors, 95))


def _bins(cases: int) -> int:
    return int(np.clip(cases // CASES_PER_BIN, FEWEST_BINS, MOST_BINS))


def fit_study(features: npt.ArrayLike, labels: npt.ArrayLike) -> Floats64:
    """Coefficients `(2, 3)` of the study's multinomial calibration (`models.fusion`).

    Args:
        features: `(study, 2)`, inflammatory and mechanical log-odds.
        labels: `(study,)` index into `PATTERNS`.
    """
    values = np.asarray(features, dtype=np.float64)
    start = np.array(IDENTITY).ravel()
    found = _fit(lambda flat: calibrated(values, flat.reshape(2, 3)), labels, start, PRIOR_STRENGTH)
    return found.reshape(2, 3)


def fit_slices(probabilities: npt.ArrayLike, labels: npt.ArrayLike) -> SliceCalibration:
    """The calibration of a plane's slices.

    Args:
        probabilities: `(slice, 3)`, smoothed, of the ensemble.
        labels: `(slice,)` index into `PATTERNS`.
    """
    values = np.asarray(probabilities, dtype=np.float64)

    def rule(flat: Floats64) -> SliceCalibration:
        slope, shift, rest_slope, rest_shift = (float(number) for number in flat)
        return SliceCalibration(math.exp(slope), shift, math.exp(rest_slope), rest_shift)

    found = _fit(lambda flat: rule(flat).apply(values), labels, np.zeros(4), SLICE_PRIOR_STRENGTH)
    return rule(found)


def fit_interval(
    examinations: Sequence[tuple[float, Sequence[float], float]], *, nominal: float = NOMINAL
) -> IntervalRule:
    """The narrowest rule that holds the second answer in `nominal` of the examinations.

    A conformal quantile (Lei 2018, arXiv:1604.04173) of how far the second answer is from the
    first, in units of the width that the members' spread gives.

    Args:
        examinations: P(inflammatory) of the ensemble and of each member in one examination, and
            of the ensemble in another examination of the same person.
        nominal: share to hold.
    """
    if not examinations:
        return IntervalRule()
    floor = float(np.median([spread(members) for _, members, _ in examinations]))
    unit = IntervalRule(1.0, floor, nominal)
    away = sorted(
        abs(float(log_odds(second) - log_odds(first))) / unit.width(members)
        for first, members, second in examinations
    )
    rank = min(math.ceil((len(away) + 1) * nominal), len(away))
    return IntervalRule(round(away[rank - 1], 4), round(floor, 4), nominal)


def _fit(
    model: Callable[[Floats64], Floats64], labels: npt.ArrayLike, start: Floats64, pull: float
) -> Floats64:
    """The parameters with the least mean negative log-likelihood, pulled towards `start`."""
    classes = np.asarray(labels, dtype=np.intp)

    def loss(flat: Floats64) -> float:
        likelihood = model(flat)[np.arange(len(classes)), classes]
        fit = float(-np.log(np.maximum(likelihood, 1e-12)).mean())
        return fit + pull * float(((flat - start) ** 2).sum())

    return np.asarray(minimize(loss, start, method="BFGS").x)
