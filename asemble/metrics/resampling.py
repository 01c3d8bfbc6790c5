"""The bootstrap over cases, and the exact interval of a share.

A case is drawn with all that belongs to it: slices of a patient look alike, and an interval that
drew them one by one would be too narrow.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest

from asemble.metrics.estimates import Estimate

RESAMPLES = 1000
"""Bootstrap resamples; the ends of a 95% interval then move by less than its second decimal."""

ENDS = (2.5, 97.5)
"""Percentiles at the ends of a 95% interval."""

Case = TypeVar("Case")
Floats64 = npt.NDArray[np.float64]
Values = npt.NDArray[np.float64]
"""A metric of all cases, then of each resample; NaN where it does not exist."""


def over_cases(
    cases: Sequence[Case], metric: Callable[[Sequence[Case]], float | None], *, seed: int = 0
) -> Estimate | None:
    """A metric of a set of cases, with the percentile interval of a bootstrap over cases.

    A resample for which the metric does not exist (one class drawn alone) is left out.

    Args:
        cases: one value a case, holding whatever the metric needs, all its slices together.
        metric: of a set of cases.
        seed: of the resampling.

    Returns:
        None where the metric does not exist for all cases.
    """
    value = metric(cases)
    if value is None:
        return None
    resampled = [metric([cases[i] for i in draw]) for draw in _draws(len(cases), seed).tolist()]
    return _estimate(value, [r for r in resampled if r is not None], len(cases))


def resample_weights(cases: npt.NDArray[np.int64], *, seed: int = 0) -> tuple[Floats64, int]:
    """The same resamples as weights, for metrics that take all of them at once.

    Args:
        cases: `(n,)` number of the case of each slice.
        seed: of the resampling.

    Returns:
        `(1 + RESAMPLES, n)` how often each slice counts, first as it is; and how many cases.
    """
    names, case = np.unique(cases, return_inverse=True)
    counts = np.ones((1 + RESAMPLES, len(names)))
    for row, draw in enumerate(_draws(len(names), seed), start=1):
        counts[row] = np.bincount(draw, minlength=len(names))
    return counts[:, case], len(names)


def from_resamples(values: Values, cases: int) -> Estimate | None:
    """The estimate of a metric of `resample_weights`."""
    if np.isnan(values[0]):
        return None
    return _estimate(float(values[0]), values[1:][~np.isnan(values[1:])], cases)


def share(part: int, whole: int) -> Estimate:
    """A share of independent cases with its exact 95% interval (Clopper and Pearson 1934).

    >>> share(0, 20).high < 0.17
    True
    """
    exact = binomtest(part, whole).proportion_ci(0.95, "exact")
    return _rounded(part / whole, exact.low, exact.high, whole)


def ratio(parts: Sequence[tuple[float, float]]) -> float | None:
    """Sum of the first over sum of the second; None where the second is 0.

    >>> ratio([(1, 2), (2, 2)])
    0.75
    """
    if not parts:
        return None
    above, below = np.asarray(parts, dtype=np.float64).sum(axis=0)
    return float(above / below) if below else None


def ratio_over_cases(parts: Sequence[tuple[float, float]], *, seed: int = 0) -> Estimate | None:
    """`ratio` with its interval over cases, each with a part of both sums."""
    return over_cases(parts, ratio, seed=seed)


def divided(part: npt.ArrayLike, whole: npt.ArrayLike) -> Values:
    """The quotient, NaN where there is nothing to divide by."""
    above, below = np.asarray(part, dtype=np.float64), np.asarray(whole, dtype=np.float64)
    out: Values = np.full(below.shape, np.nan)
    return np.divide(above, below, out=out, where=below > 0)


def mean(values: Sequence[float]) -> float | None:
    """The mean, or None of nothing."""
    return float(np.mean(values)) if len(values) else None


def _draws(cases: int, seed: int) -> npt.NDArray[np.int64]:
    """`(RESAMPLES, cases)`: which cases each resample holds."""
    return np.random.default_rng(seed).integers(0, cases, size=(RESAMPLES, cases))


def _estimate(value: float, resampled: npt.ArrayLike, cases: int) -> Estimate:
    low, high = np.percentile(np.asarray(resampled), ENDS)
    return _rounded(value, low, high, cases)


def _rounded(value: float, low: float, high: float, cases: int) -> Estimate:
    """To four decimals: no interval is surer, and what is shown is what is stored."""
    shown, lower, upper = (round(float(number), 4) for number in (value, low, high))
    return Estimate(shown, lower, upper, cases)
