"""A metric with its interval, and the one way in which both are written."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

NOT_MEASURABLE = "not measurable"
"""Stands for a metric that does not exist, as an AUC of one class."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A metric with its 95% interval over cases.

    >>> str(Estimate(0.912, 0.87, 0.95, 200))
    '0.912 (95% interval 0.870 to 0.950, 200 cases)'
    """

    value: float
    low: float
    high: float
    cases: int

    def __str__(self) -> str:
        return with_interval(asdict(self), ".3f", named=True)

    def as_dict(self) -> dict[str, float | int]:
        """For JSON, to four decimals."""
        return {
            "value": round(self.value, 4),
            "low": round(self.low, 4),
            "high": round(self.high, 4),
            "cases": self.cases,
        }


def with_interval(
    found: Mapping[str, Any] | None,
    spec: str = ".2f",
    *,
    named: bool = False,
    absent: str = NOT_MEASURABLE,
) -> str:
    """A value and the ends of its interval.

    Args:
        found: `value`, `low` and `high`, and `cases` where they are known, as `Estimate.as_dict`
            keeps them; None where the metric does not exist.
        spec: format of each number.
        named: say what the interval is, and of how many cases.
        absent: stands for None.

    >>> with_interval({"value": 0.9123, "low": 0.87, "high": 0.95, "cases": 200})
    '0.91 (0.87 to 0.95)'
    >>> with_interval({"value": -0.012, "low": -0.05, "high": 0.02}, "+.1%")
    '-1.2% (-5.0% to +2.0%)'
    """
    if found is None:
        return absent
    value, low, high = (format(found[name], spec) for name in ("value", "low", "high"))
    if not named:
        return f"{value} ({low} to {high})"
    cases = f", {found['cases']} cases" if "cases" in found else ""
    return f"{value} (95% interval {low} to {high}{cases})"
