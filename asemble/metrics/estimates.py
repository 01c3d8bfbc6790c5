"""A metric with its interval, and the one way in which both are written."""

from dataclasses import dataclass

NOT_MEASURABLE = "not measurable"
"""Stands for a metric that does not exist, as an AUC of one class."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A metric with its 95% interval over cases, to four decimals where it was resampled.

    >>> str(Estimate(0.912, 0.87, 0.95, 200))
    '0.912 (95% interval 0.870 to 0.950, 200 cases)'
    """

    value: float
    low: float
    high: float
    cases: int

    def __str__(self) -> str:
        value, low, high = (f"{number:.3f}" for number in (self.value, self.low, self.high))
        return f"{value} (95% interval {low} to {high}, {self.cases} cases)"


def with_interval(found: Estimate | None, spec: str = ".2f") -> str:
    """A metric and the ends of its interval.

    Args:
        found: None where the metric does not exist.
        spec: format of each number.

    >>> with_interval(Estimate(-0.012, -0.05, 0.02, 200), "+.1%")
    '-1.2% (-5.0% to +2.0%)'
    """
    if found is None:
        return NOT_MEASURABLE
    return interval(found.value, found.low, found.high, spec)


def interval(value: float, low: float, high: float, spec: str = ".2f") -> str:
    """A value and the ends of its interval.

    >>> interval(0.9123, 0.87, 0.95)
    '0.91 (0.87 to 0.95)'
    """
    value_words, low_words, high_words = (format(number, spec) for number in (value, low, high))
    return f"{value_words} ({low_words} to {high_words})"
