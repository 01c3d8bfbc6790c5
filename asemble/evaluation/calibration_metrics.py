"""How far probabilities are from frequencies, and how often the interval holds."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from asemble.core.labels import JUDGED_PLANES, PATTERNS, Pattern, Plane
from asemble.evaluation.calibration_fit import NOMINAL
from asemble.evaluation.simulated_studies import Record
from asemble.evaluation.study_metrics import NOTICE
from asemble.evaluation.study_records import class_indices
from asemble.metrics.calibration_error import (
    error_if_perfect,
    expected_calibration_error,
    reliability,
)
from asemble.metrics.resampling import mean, over_cases, ratio_over_cases

AIM = 0.03
"""Expected calibration error that was aimed at on training appearances."""

EXPLAINED = f"""\
**ECE** is the expected calibration error: the mean gap between probability and frequency over bins
of equal numbers of cases (5 to 15 bins of at least twenty cases where there are so many). Such an
error is never zero: *if perfect* is what a model whose probabilities are true would show from as
many cases, and in brackets what one in twenty such models exceeds; it takes slices to be
independent, which they are not, so for slices it is a lower bound. The aim on training appearances
is {AIM:.2f}. *Inflammatory* is the probability of that class, *top class* that of whichever class
is likeliest.

The **interval** around a study's P(inflammatory) is fitted to hold the P(inflammatory) of a second
examination of the same simulated person in {NOMINAL:.0%}
([decision 9](decisions/0009-the-interval-covers-a-second-examination.md)); *held* is how often it
did.

Everything was fitted on validation studies of training and of held-out appearances; the studies
here took no part in that, and no network was trained on a held-out appearance.
"""


def calibration_figures(records: Sequence[Record]) -> dict[str, Any]:
    """Every figure of one set."""
    return {
        "notice": NOTICE,
        "studies": len(records),
        "errors": [_error(records, *each) for each in _levels()],
        "interval": _coverage(records),
    }


Level = Callable[[Record], tuple[list[list[float]], list[int]]]
"""Probabilities `(case, 3)` and true classes of one study."""


def _levels() -> Iterator[tuple[str, Level, Pattern | None]]:
    levels: list[tuple[str, Level]] = [("studies", _studies)]
    levels += [(f"{plane} slices", _slices_of(plane)) for plane in JUDGED_PLANES]
    for name, level in levels:
        yield name, level, Pattern.INFLAMMATORY
        yield name, level, None


def _error(
    records: Sequence[Record], level: str, of: Level, pattern: Pattern | None
) -> dict[str, Any]:
    def pairs(record: Record) -> tuple[list[float], list[bool]]:
        probabilities, classes = of(record)
        if pattern is not None:
            index = PATTERNS.index(pattern)
            return [row[index] for row in probabilities], [true == index for true in classes]
        tops = [int(np.argmax(row)) for row in probabilities]
        right = [top == true for top, true in zip(tops, classes, strict=True)]
        return [max(row) for row in probabilities], right

    def error(parts: Sequence[tuple[list[float], list[bool]]]) -> float | None:
        values = np.concatenate([np.array(p) for p, _ in parts])
        return expected_calibration_error(values, np.concatenate([np.array(t) for _, t in parts]))

    parts = [pairs(record) for record in records]
    values = [value for some, _ in parts for value in some]
    outcomes = [outcome for _, some in parts for outcome in some]
    estimate = over_cases(parts, error)
    typical, unlikely = error_if_perfect(values)
    return {
        "level": level,
        "of": "top class" if pattern is None else pattern.value,
        "cases": len(values),
        "error": None if estimate is None else estimate.as_dict(),
        "error if perfect": round(typical, 4),
        "one in twenty perfect models exceeds": round(unlikely, 4),
        "bins": [
            {key: round(value, 4) for key, value in asdict(one).items()}
            for one in reliability(values, outcomes)
        ],
    }


def _coverage(records: Sequence[Record]) -> dict[str, Any]:
    """Both ways: the interval of either examination, and the answer of the other."""
    twice = [r for r in records if r["again"] and r["interval"] and r["again"]["interval"]]
    index = PATTERNS.index(Pattern.INFLAMMATORY)

    def held(record: Record) -> tuple[int, int]:
        visits = (record, record["again"])
        inside = (
            one["interval"][0] <= other["probabilities"][index] <= one["interval"][1]
            for one, other in (visits, visits[::-1])
        )
        return sum(inside), len(visits)

    held_share = ratio_over_cases([held(r) for r in twice])
    width = mean([r["interval"][1] - r["interval"][0] for r in records if r["interval"]])
    return {
        "nominal": NOMINAL,
        "held": None if held_share is None else held_share.as_dict(),
        "people examined twice": len(twice),
        "mean width": None if width is None else round(width, 4),
    }


def _studies(record: Record) -> tuple[list[list[float]], list[int]]:
    if record["probabilities"] is None:
        return [], []
    return [record["probabilities"]], class_indices([record])


def _slices_of(plane: Plane) -> Level:
    def slices(record: Record) -> tuple[list[list[float]], list[int]]:
        series = [s for s in record["series"] if s["plane"] == plane]
        rows = [row for s in series for row in s["probabilities"]]
        return rows, [label for s in series for label in s["labels"]]

    return slices
