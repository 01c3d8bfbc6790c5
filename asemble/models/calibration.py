"""Calibration: of slices, and the width of an interval.

Both are fitted on simulated studies that no network has seen (`asemble.evaluation.fusion_fit`) and
kept in `ensemble.json`. Unfitted, slices stay as they are and the interval is two spreads.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import Field

from asemble.core.labels import PATTERNS, Pattern

Floats64 = npt.NDArray[np.float64]
"""An array of float64."""

TINY = 1e-9
"""Probabilities are kept so far from 0 and 1, where log-odds end."""

_NORMAL, _INFLAMMATORY, _MECHANICAL = (PATTERNS.index(pattern) for pattern in Pattern)


@dataclass(frozen=True, slots=True)
class SliceCalibration:
    """Two log-odds of a slice, each stretched and shifted: inflammatory or not; then what else.

    The first depends on P(inflammatory) alone and rises with it, so that the order of slices, and
    with it every AUC for inflammatory against the rest, stays what it was.

    Args:
        slope: of the log-odds of inflammatory, above 0.
        shift: of the same.
        rest_slope: of the log-odds of mechanical against normal.
        rest_shift: of the same.

    >>> SliceCalibration().apply(np.array([0.2, 0.7, 0.1])).round(3).tolist()
    [0.2, 0.7, 0.1]
    """

    slope: Annotated[float, Field(gt=0)] = 1.0
    shift: float = 0.0
    rest_slope: float = 1.0
    rest_shift: float = 0.0

    def apply(self, probabilities: Floats64) -> Floats64:
        """`(..., 3)` in the order of `PATTERNS` to the same shape."""
        values = np.clip(probabilities, TINY, 1)
        inflammatory = logistic(self.slope * log_odds(values[..., _INFLAMMATORY]) + self.shift)
        rest = np.log(values[..., _MECHANICAL]) - np.log(values[..., _NORMAL])
        mechanical = logistic(self.rest_slope * rest + self.rest_shift)
        calibrated = np.empty_like(values)
        calibrated[..., _NORMAL] = (1 - inflammatory) * (1 - mechanical)
        calibrated[..., _INFLAMMATORY] = inflammatory
        calibrated[..., _MECHANICAL] = (1 - inflammatory) * mechanical
        return calibrated


NOMINAL = 0.9
"""Share of second examinations whose P(inflammatory) the interval is made to hold."""


@dataclass(frozen=True, slots=True)
class IntervalRule:
    """How wide the interval around P(inflammatory) is.

    Its half-width, in log-odds, is `multiplier` times the root of spread² + floor², where the
    spread is the standard deviation of the members' log-odds. The floor is there because three
    members agree by chance now and then.

    Args:
        multiplier: of the width.
        floor: spread that is always assumed, in log-odds.
        nominal: share of second examinations of the same person whose probability should lie
            inside; None where the rule was not fitted.

    >>> IntervalRule().around(0.5, [0.5, 0.5])
    (0.5, 0.5)
    """

    multiplier: Annotated[float, Field(ge=0)] = 2.0
    floor: Annotated[float, Field(ge=0)] = 0.0
    nominal: float | None = None

    def around(self, probability: float, members: Sequence[float]) -> tuple[float, float]:
        """Low and high for the P(inflammatory) of the ensemble and of two or more members."""
        centre = float(log_odds(probability))
        half = self.multiplier * self.width(members)
        return float(logistic(centre - half)), float(logistic(centre + half))

    def width(self, members: Sequence[float]) -> float:
        """The root of spread² + floor², in log-odds."""
        return math.hypot(spread(members), self.floor)


def spread(members: Sequence[float]) -> float:
    """Standard deviation of the log-odds of two or more members' P(inflammatory)."""
    return float(np.std(log_odds(members), ddof=1))


def log_odds(probability: npt.ArrayLike) -> Floats64:
    """Log-odds, of probabilities kept `TINY` away from 0 and 1."""
    return logit(np.clip(np.asarray(probability, dtype=np.float64), TINY, 1 - TINY))


def logit(probability: npt.ArrayLike) -> Floats64:
    """Log-odds."""
    values = np.asarray(probability, dtype=np.float64)
    return np.asarray(np.log(values) - np.log1p(-values))


def logistic(values: npt.ArrayLike) -> Floats64:
    """From log-odds to probabilities."""
    return np.asarray(1 / (1 + np.exp(-np.asarray(values, dtype=np.float64))))
