"""Metrics of slices that a network judged one by one, with intervals over their cases."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from asemble.core.labels import PATTERNS, Pattern
from asemble.metrics import confusion
from asemble.metrics.confusion import resampled
from asemble.metrics.discrimination import auc_of_resamples
from asemble.metrics.estimates import Estimate
from asemble.metrics.resampling import (
    Floats64,
    Values,
    divided,
    from_resamples,
    resample_weights,
)

_INFLAMMATORY = PATTERNS.index(Pattern.INFLAMMATORY)


@dataclass(frozen=True, slots=True, eq=False)
class ScoredSlices:
    """What a network said of slices whose truth is known.

    Args:
        labels: `(n,)` index into `PATTERNS`.
        cases: `(n,)` number of the case of each slice.
        probabilities: `(n, 3)` in the order of `PATTERNS`.
        hits: `(n,)` 1 where the strongest evidence lies in an inflammatory lesion, 0 where not,
            NaN on slices without such a lesion.

    Raises:
        ValueError: the arrays are not of the same slices.
    """

    labels: npt.NDArray[np.int64]
    cases: npt.NDArray[np.int64]
    probabilities: Floats64
    hits: Floats64

    def __post_init__(self) -> None:
        n = len(self.labels)
        shapes = (self.cases.shape, self.probabilities.shape, self.hits.shape)
        if shapes != ((n,), (n, len(PATTERNS)), (n,)):
            raise ValueError(f"cases, probabilities and hits must be of {n} slices, got {shapes}")


@dataclass(frozen=True, slots=True)
class Cell:
    """Of a confusion table: how many slices, and which share of their true class."""

    slices: int
    share: Estimate


@dataclass(frozen=True, slots=True)
class SliceMetrics:
    """Of slices judged one by one; precision, recall and F1 are of inflammatory ones."""

    accuracy: Estimate | None
    precision: Estimate | None
    recall: Estimate | None
    f1: Estimate | None
    auc: Estimate | None
    pointing: Estimate | None


def slice_metrics(scored: ScoredSlices, *, seed: int = 0) -> SliceMetrics:
    """Each metric with its interval; None where it does not exist.

    The decision on a slice is its most probable class.

    >>> one = np.array([[0.9, 0.1, 0.0], [0.2, 0.7, 0.1]])
    >>> scored = ScoredSlices(np.array([0, 1]), np.array([5, 6]), one, np.array([np.nan, 1.0]))
    >>> slice_metrics(scored).accuracy.value
    1.0
    """
    weights, cases = resample_weights(scored.cases, seed=seed)
    found = _metrics(scored)
    return SliceMetrics(
        **{name: from_resamples(metric(weights), cases) for name, metric in found.items()}
    )


def slice_differences(scored: ScoredSlices, other: ScoredSlices, *, seed: int = 0) -> SliceMetrics:
    """How much higher each metric is for `scored` than for `other`, over the same resamples.

    Raises:
        ValueError: the two are not of the same slices.
    """
    if not (
        np.array_equal(scored.cases, other.cases) and np.array_equal(scored.labels, other.labels)
    ):
        raise ValueError("differences are between answers about the same slices")
    weights, cases = resample_weights(scored.cases, seed=seed)
    ours, theirs = _metrics(scored), _metrics(other)
    return SliceMetrics(
        **{
            name: from_resamples(metric(weights) - theirs[name](weights), cases)
            for name, metric in ours.items()
        }
    )


def confusion_shares(
    scored: ScoredSlices, *, seed: int = 0
) -> dict[Pattern, dict[Pattern, Cell | None]]:
    """By truth, then by decision: how many slices, and which share of the truth, with interval."""
    weights, cases = resample_weights(scored.cases, seed=seed)
    counts = _tables(scored, weights)
    shares = confusion.shares(counts)

    def cell(row: int, column: int) -> Cell | None:
        share = from_resamples(shares[:, row, column], cases)
        return None if share is None else Cell(int(counts[0, row, column]), share)

    return {
        truth: {decision: cell(row, column) for column, decision in enumerate(PATTERNS)}
        for row, truth in enumerate(PATTERNS)
    }


def _metrics(scored: ScoredSlices) -> Mapping[str, Callable[[Floats64], Values]]:
    """Each of `SliceMetrics` as a function of how often each slice counts, `(resample, n)`."""
    positive = scored.labels == _INFLAMMATORY
    pointed = ~np.isnan(scored.hits)
    score = scored.probabilities[:, _INFLAMMATORY]
    return {
        "accuracy": lambda w: confusion.accuracy(_tables(scored, w)),
        "precision": lambda w: confusion.precision(_tables(scored, w)),
        "recall": lambda w: confusion.sensitivity(_tables(scored, w)),
        "f1": lambda w: confusion.f1(_tables(scored, w)),
        "auc": lambda w: auc_of_resamples(positive, score, w),
        "pointing": lambda w: divided(w @ np.nan_to_num(scored.hits), w @ pointed),
    }


def _tables(scored: ScoredSlices, weights: Floats64) -> Floats64:
    """`(resample, truth, decision)` of the most probable class of each slice."""
    own = np.zeros((len(scored.labels), len(PATTERNS), len(PATTERNS)))
    own[np.arange(len(own)), scored.labels, scored.probabilities.argmax(axis=1)] = 1
    return resampled(own, weights)
