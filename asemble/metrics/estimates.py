"""A metric with its interval, and the one way in which both are written."""

from dataclasses import dataclass

NOT_MEASURABLE = "not measurable"
"""Stands for a metric that does not exist, as an AUC of one class."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A metric with its 95% interval over cases, to four decimals where it was resampled.

    >>> str(Estimate(0.912, 0.87, 0.95, 200))
    '0.912 (95% interval 0.870 to 0.950, 200 cases)'
    >>> f"{Estimate(-0.012, -0.05, 0.02, 200):+.1%}"
    '-1.2% (-5.0% to +2.0%)'
    """

    value: float
    low: float
    high: float
    cases: int

    def __str__(self) -> str:
        value, low, high = (f"{number:.3f}" for number in (self.value, self.low, self.high))
        return f"{value} (95% interval {low} to {high}, {self.cases} cases)"

    def __format__(self, spec: str) -> str:
        return interval(self.value, self.low, self.high, spec or ".2f")


def with_interval(found: Estimate | None, spec: str = ".2f") -> str:
    """A metric and the ends of its interval, or that it does not exist."""
    return NOT_MEASURABLE if found is None else format(found, spec)


def interval(value: float, low: float, high: float, spec: str = ".2f") -> str:
    """A value and the ends of its interval.

    >>> interval(0.9123, 0.87, 0.95)
    '0.91 (0.87 to 0.95)'
    """
    return f"{value:{spec}} ({low:{spec}} to {high:{spec}})"
