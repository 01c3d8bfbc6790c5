"""How far probabilities are from frequencies, and how often the interval holds."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from asemble.core.labels import JUDGED_PLANES, PATTERNS, Pattern, Plane
from asemble.evaluation.study_records import class_indices
from asemble.evaluation.study_types import AnswerRecord, StudyRecord
from asemble.metrics.calibration_error import (
    Bin,
    error_if_perfect,
    expected_calibration_error,
    reliability,
)
from asemble.metrics.resampling import mean, over_cases, ratio_over_cases
from asemble.models.calibration import NOMINAL
from asemble.performance.records import CalibrationError, CalibrationMetrics, Coverage


def calibration_metrics(records: Sequence[StudyRecord]) -> CalibrationMetrics:
    """Every metric of one set."""
    errors = tuple(_error(records, *each) for each in _levels())
    return CalibrationMetrics(len(records), errors, _coverage(records))


Level = Callable[[StudyRecord], tuple[list[list[float]], list[int]]]
"""Probabilities `(case, 3)` and true classes of one study."""


def _levels() -> Iterator[tuple[Plane | None, Level, Pattern | None]]:
    levels: list[tuple[Plane | None, Level]] = [(None, _studies)]
    levels += [(plane, _slices_of(plane)) for plane in JUDGED_PLANES]
    for plane, level in levels:
        yield plane, level, Pattern.INFLAMMATORY
        yield plane, level, None


def _error(
    records: Sequence[StudyRecord], plane: Plane | None, of: Level, pattern: Pattern | None
) -> CalibrationError:
    def pairs(record: StudyRecord) -> tuple[list[float], list[bool]]:
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
    typical, unlikely = error_if_perfect(values)
    return CalibrationError(
        plane=plane,
        pattern=pattern,
        cases=len(values),
        error=over_cases(parts, error),
        if_perfect=round(typical, 4),
        unlikely=round(unlikely, 4),
        bins=tuple(
            Bin(one.cases, round(one.predicted, 4), round(one.observed, 4))
            for one in reliability(values, outcomes)
        ),
    )


def _coverage(records: Sequence[StudyRecord]) -> Coverage:
    """Both ways: the interval of either examination, and the answer of the other."""
    first = [_visit(record) for record in records]
    twice = [
        (one, other)
        for one, other in zip(first, (_visit(record["again"]) for record in records), strict=True)
        if one is not None and other is not None
    ]
    held = [_holds(one, other) + _holds(other, one) for one, other in twice]
    width = mean([high - low for low, high, _ in filter(None, first)])
    return Coverage(
        nominal=NOMINAL,
        held=ratio_over_cases([(count, 2) for count in held]),
        people=len(twice),
        width=None if width is None else round(width, 4),
    )


def _visit(answer: AnswerRecord | None) -> tuple[float, float, float] | None:
    """The ends of the interval of an examination, and its P(inflammatory)."""
    if answer is None or answer["interval"] is None or answer["probabilities"] is None:
        return None
    low, high = answer["interval"]
    return low, high, answer["probabilities"][PATTERNS.index(Pattern.INFLAMMATORY)]


def _holds(one: tuple[float, float, float], other: tuple[float, float, float]) -> bool:
    return one[0] <= other[2] <= one[1]


def _studies(record: StudyRecord) -> tuple[list[list[float]], list[int]]:
    if record["probabilities"] is None:
        return [], []
    return [record["probabilities"]], class_indices([record])


def _slices_of(plane: Plane) -> Level:
    def slices(record: StudyRecord) -> tuple[list[list[float]], list[int]]:
        series = [s for s in record["series"] if s["plane"] == plane]
        rows = [row for s in series for row in s["probabilities"]]
        return rows, [label for s in series for label in s["labels"]]

    return slices
