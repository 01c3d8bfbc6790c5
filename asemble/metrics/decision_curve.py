"""Decision curves: the net benefit of acting on a probability, beside acting on all or on none.

Net benefit counts true positives, less false positives weighed by the odds of the probability from
which on one would act (Vickers and Elkin 2006, Med Decis Making 26:565-574).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(1, 20))
"""Probabilities from which on one would act: 5% to 95%."""


@dataclass(frozen=True, slots=True)
class NetBenefit:
    """Net benefit at one threshold probability, for each of those judged; nobody is always 0."""

    threshold: float
    model: float
    everybody: float

    def as_dict(self) -> dict[str, float]:
        """For JSON, to four decimals."""
        return {
            "threshold": self.threshold,
            "model": round(self.model, 4),
            "treat_all": round(self.everybody, 4),
            "treat_none": 0.0,
        }


def decision_curve(
    positive: npt.NDArray[np.bool_], probability: npt.NDArray[np.float64]
) -> list[NetBenefit]:
    """Net benefit at each of `THRESHOLDS`; empty where there is nothing to judge.

    Args:
        positive: `(n,)`.
        probability: `(n,)` of being positive.

    >>> curve = decision_curve(np.array([True, False]), np.array([0.9, 0.1]))
    >>> curve[9].threshold, curve[9].model, curve[9].everybody
    (0.5, 0.5, 0.0)
    """
    if len(positive) == 0:
        return []
    curve = []
    for threshold in THRESHOLDS:
        odds = threshold / (1 - threshold)
        acted = probability >= threshold
        right = float((acted & positive).mean())
        wrong = float((acted & ~positive).mean())
        share = float(positive.mean())
        curve.append(NetBenefit(threshold, right - wrong * odds, share - (1 - share) * odds))
    return curve
