"""How far two measurements of the same cases agree: the figures of reliability studies."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Limits:
    """Bland and Altman's limits of agreement, 10.1016/S0140-6736(86)90837-8, to two decimals.

    Args:
        mean: of the differences.
        low: mean less 1.96 standard deviations of the differences.
        high: mean and 1.96 of them.
    """

    mean: float
    low: float
    high: float


def icc(ratings: npt.ArrayLike) -> float | None:
    """Intraclass correlation, two-way random, absolute agreement, single rater: ICC(2,1).

    Shrout and Fleiss 1979, 10.1037/0033-2909.86.2.420.

    Args:
        ratings: `(case, rater)`.

    Returns:
        None for fewer than two cases, or where nothing varies.

    >>> round(icc([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9],
    ...            [6, 2, 4, 7]]), 2)
    0.29
    """
    values = np.asarray(ratings, dtype=np.float64)
    cases, raters = values.shape
    if cases < 2 or np.ptp(values) == 0:
        return None
    grand = values.mean()
    of_cases = raters * np.square(values.mean(axis=1) - grand).sum() / (cases - 1)
    of_raters = cases * np.square(values.mean(axis=0) - grand).sum() / (raters - 1)
    rest = values - values.mean(axis=1, keepdims=True) - values.mean(axis=0) + grand
    error = np.square(rest).sum() / ((cases - 1) * (raters - 1))
    between = of_cases + (raters - 1) * error + raters * (of_raters - error) / cases
    return float((of_cases - error) / between) if between > 0 else None


def limits_of_agreement(differences: Sequence[float]) -> Limits | None:
    """Of the differences between two measurements; None for fewer than two.

    >>> limits_of_agreement([0.0, 2.0, 1.0])
    Limits(mean=1.0, low=-0.96, high=2.96)
    """
    if len(differences) < 2:
        return None
    mean, spread = float(np.mean(differences)), float(np.std(differences, ddof=1))
    ends = (mean, mean - 1.96 * spread, mean + 1.96 * spread)
    return Limits(*(round(end, 2) for end in ends))


def dice(pairs: Sequence[tuple[int, int, int]]) -> float | None:
    """Dice of the cells of all cases together: of both, of the first, of the second.

    >>> dice([(1, 2, 2), (0, 0, 0)])
    0.5
    """
    both, one, other = (sum(pair[k] for pair in pairs) for k in range(3))
    return 2 * both / (one + other) if one + other else None
