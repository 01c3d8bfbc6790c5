"""How far probabilities are from frequencies, and how far they would be by chance."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

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
