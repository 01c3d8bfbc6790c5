"""Timing in turns, and what is said of repeated times: a median and the quartiles around it."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import linregress, t

from asemble.metrics.estimates import interval

CONFIDENCE = 0.95
"""Of the interval around a fitted exponent."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Repeated figures in short.

    Args:
        median: of them.
        low: first quartile.
        high: third quartile.
        count: how many there were.

    >>> Spread.of([1, 2, 3, 4, 5]).words()
    '3.00 (2.00 to 4.00)'
    """

    median: float
    low: float
    high: float
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """The spread of some figures.

        Raises:
            ValueError: there are none.
        """
        if not values:
            raise ValueError("a spread needs at least one figure")
        low, median, high = np.percentile(values, [25, 50, 75])
        return cls(float(median), float(low), float(high), len(values))

    def words(self, digits: int = 2) -> str:
        """Median and quartiles for a table."""
        return interval(self.median, self.low, self.high, f",.{digits}f")

    def as_dict(self) -> dict[str, float]:
        """For JSON."""
        return {"median": self.median, "low": self.low, "high": self.high, "count": self.count}


def in_turns(
    contenders: Mapping[str, Callable[[], object]], *, turns: int, warmups: int = 1
) -> dict[str, list[float]]:
    """Seconds of each contender, turn by turn.

    Args:
        contenders: in the order of a turn.
        turns: that are timed.
        warmups: turns before them that are not.

    >>> sorted(in_turns({"a": list, "b": dict}, turns=3))
    ['a', 'b']
    """
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(warmups + turns):
        for name, run in contenders.items():
            started = time.perf_counter()
            run()
            spent = time.perf_counter() - started
            if turn >= warmups:
                seconds[name].append(spent)
    return seconds


def ratio(numerators: Sequence[float], denominators: Sequence[float]) -> Spread:
    """The spread of the ratios of each turn.

    >>> ratio([2.0, 6.0], [1.0, 2.0]).median
    2.5
    """
    return Spread.of([a / b for a, b in zip(numerators, denominators, strict=True)])


@dataclass(frozen=True, slots=True)
class Exponent:
    """How time grows with size: as size to this power, by a straight line through the logarithms.

    Args:
        value: 1 where time grows evenly with size.
        low: of its 95% interval.
        high: of the same.
    """

    value: float
    low: float
    high: float

    @classmethod
    def fit(cls, sizes: Sequence[float], seconds: Sequence[float]) -> "Exponent":
        """Fitted to every timed turn.

        Raises:
            ValueError: there are fewer than three points or fewer than two sizes.

        >>> Exponent.fit([1, 10, 100], [2, 20, 200]).words()
        '1.00 (1.00 to 1.00)'
        """
        if len(sizes) < 3 or len(set(sizes)) < 2:
            raise ValueError("an exponent needs three times of two sizes or more")
        line: Any = linregress(np.log(sizes), np.log(seconds))
        wide = float(t.ppf((1 + CONFIDENCE) / 2, len(sizes) - 2)) * float(line.stderr)
        return cls(float(line.slope), float(line.slope) - wide, float(line.slope) + wide)

    def words(self) -> str:
        """The exponent and its interval for a table."""
        return interval(self.value, self.low, self.high)

    def as_dict(self) -> dict[str, float]:
        """For JSON."""
        return {"value": self.value, "low": self.low, "high": self.high}
