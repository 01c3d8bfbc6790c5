"""The confusion table, and every metric of decisions that follows from it.

A table counts by truth, then by decision: `(..., truth, decision)`, decisions in the order of the
truths. A decision that is right for no truth, as an abstention, comes last. Leading axes are cases
or resamples.
"""

# ruff: noqa: PLC0415  scikit-learn takes a second to import, and pages that show figures compute none

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from asemble.core.labels import PATTERNS, Pattern
from asemble.metrics.estimates import Estimate
from asemble.metrics.resampling import (
    Floats64,
    Values,
    divided,
    from_resamples,
    resample_weights,
)

Table = npt.NDArray[Any]
"""Of counts, whole or as weights."""
Metric = Callable[[Table], Values]
"""From tables `(..., truth, decision)` to a metric `(...)`, NaN where it does not exist."""

_INFLAMMATORY = PATTERNS.index(Pattern.INFLAMMATORY)


def confusion(
    truth: Sequence[str], decision: Sequence[str], *, decisions: Sequence[str] = PATTERNS
) -> npt.NDArray[np.int64]:
    """The table of some cases, its rows in the order of `PATTERNS`.

    Args:
        truth: the true pattern of each.
        decision: what was decided of each.
        decisions: names of the columns, those of the patterns first.

    Raises:
        ValueError: a truth or a decision has no place in the table.

    >>> confusion(["normal"], ["abstain"], decisions=[*PATTERNS, "abstain"])[0].tolist()
    [0, 0, 0, 1]
    """
    from sklearn.metrics import confusion_matrix

    if not len(truth):
        return np.zeros((len(PATTERNS), len(decisions)), np.int64)
    counted = confusion_matrix(truth, decision, labels=list(decisions))[: len(PATTERNS)]
    if counted.sum() != len(truth):
        raise ValueError(f"{counted.sum()} of {len(truth)} cases have a truth and a decision here")
    return np.asarray(counted, dtype=np.int64)


def binary_confusion(
    positive: npt.NDArray[np.bool_], called: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int64]:
    """The table `(2, 2)` of inflammatory against the rest, inflammatory last.

    >>> binary_confusion(np.array([True, True, False]), np.array([True, False, False])).tolist()
    [[1, 0], [1, 1]]
    """
    from sklearn.metrics import confusion_matrix

    if not len(positive):
        return np.zeros((2, 2), np.int64)
    return np.asarray(confusion_matrix(positive, called, labels=[False, True]), dtype=np.int64)


def over_tables(tables: Sequence[Table], metric: Metric, *, seed: int = 0) -> Estimate | None:
    """A metric of the tables of all cases together, with its interval over cases.

    Args:
        tables: one a case.
        metric: of a table.
        seed: of the resampling.
    """
    if not len(tables):
        return None
    weights, cases = resample_weights(np.arange(len(tables)), seed=seed)
    return from_resamples(metric(resampled(np.array(tables), weights)), cases)


def resampled(tables: Table, weights: Floats64) -> Floats64:
    """`(resample, truth, decision)` from tables `(case, truth, decision)`."""
    return np.asarray(np.tensordot(weights, tables, axes=1))


def accuracy(table: Table) -> Values:
    """Share of right decisions; an abstention is not right."""
    return divided(np.trace(table, axis1=-2, axis2=-1), table.sum(axis=(-2, -1)))


def sensitivity(table: Table) -> Values:
    """Share of inflammatory cases that were called inflammatory; recall is another name of it."""
    return divided(table[..., _INFLAMMATORY, _INFLAMMATORY], _positive(table))


def specificity(table: Table) -> Values:
    """Share of the other cases that were not called inflammatory."""
    others = table.sum(axis=(-2, -1)) - _positive(table)
    wrong = _called(table) - table[..., _INFLAMMATORY, _INFLAMMATORY]
    return divided(others - wrong, others)


def precision(table: Table) -> Values:
    """Share of the cases called inflammatory that are."""
    return divided(table[..., _INFLAMMATORY, _INFLAMMATORY], _called(table))


def f1(table: Table) -> Values:
    """Twice those rightly called inflammatory among the inflammatory and the called together."""
    right = table[..., _INFLAMMATORY, _INFLAMMATORY]
    return divided(2 * right, _positive(table) + _called(table))


def shares(table: Table) -> Values:
    """`(..., truth, decision)`: which share of each truth was decided how."""
    return divided(table, np.broadcast_to(table.sum(axis=-1, keepdims=True), table.shape))


def as_counts(table: Table, decisions: Sequence[str] = PATTERNS) -> dict[str, dict[str, int]]:
    """Counts by truth, then by decision, for JSON and for people."""
    return {
        truth.value: {str(name): int(n) for name, n in zip(decisions, row, strict=True)}
        for truth, row in zip(PATTERNS, table, strict=True)
    }


def _positive(table: Table) -> Table:
    return np.asarray(table[..., _INFLAMMATORY, :].sum(axis=-1))


def _called(table: Table) -> Table:
    return np.asarray(table[..., _INFLAMMATORY].sum(axis=-1))
