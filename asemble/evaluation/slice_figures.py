"""Figures of slices, with intervals over their cases: all resamples at once, as weights.

A resample of cases is a count a case, so a figure of a thousand resamples is a product of a
matrix of counts and the slices. The intervals are those of `metrics.over_cases`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from asemble.core.labels import PATTERNS, Pattern
from asemble.evaluation.metrics import RESAMPLES, Estimate

Floats64 = npt.NDArray[np.float64]
"""An array of float64."""

FIGURES = ("accuracy", "precision", "recall", "f1", "auc", "pointing")
"""Names of the figures; precision, recall and F1 are of inflammatory slices."""

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


def slice_figures(scored: ScoredSlices, *, seed: int = 0) -> dict[str, Estimate | None]:
    """Each of `FIGURES` with its interval; None where it does not exist.

    The decision on a slice is its most probable class.

    >>> one = np.array([[0.9, 0.1, 0.0], [0.2, 0.7, 0.1]])
    >>> scored = ScoredSlices(np.array([0, 1]), np.array([5, 6]), one, np.array([np.nan, 1.0]))
    >>> slice_figures(scored)["accuracy"].value
    1.0
    """
    counts, cases = _resamples(scored.cases, seed)
    return {name: _estimate(figure(counts), cases) for name, figure in _figures(scored).items()}


def slice_differences(
    scored: ScoredSlices, other: ScoredSlices, *, seed: int = 0
) -> dict[str, Estimate | None]:
    """How much higher each of `FIGURES` is for `scored` than for `other`, over the same resamples.

    Raises:
        ValueError: the two are not of the same slices.
    """
    if not (
        np.array_equal(scored.cases, other.cases) and np.array_equal(scored.labels, other.labels)
    ):
        raise ValueError("differences are between answers about the same slices")
    counts, cases = _resamples(scored.cases, seed)
    ours, theirs = _figures(scored), _figures(other)
    return {name: _estimate(ours[name](counts) - theirs[name](counts), cases) for name in FIGURES}


def _figures(scored: ScoredSlices) -> Mapping[str, Callable[[Floats64], Floats64]]:
    """Each of `FIGURES` as a function of how often each slice counts, `(resample, n)`."""
    called = scored.probabilities.argmax(axis=1) == _INFLAMMATORY
    positive = scored.labels == _INFLAMMATORY
    both = called & positive
    pointed = ~np.isnan(scored.hits)
    right = scored.probabilities.argmax(axis=1) == scored.labels
    score = scored.probabilities[:, _INFLAMMATORY]
    return {
        "accuracy": lambda w: _ratio(w @ right, w.sum(axis=1)),
        "precision": lambda w: _ratio(w @ both, w @ called),
        "recall": lambda w: _ratio(w @ both, w @ positive),
        "f1": lambda w: _ratio(2 * (w @ both), w @ called + w @ positive),
        "auc": lambda w: weighted_auc(positive, score, w),
        "pointing": lambda w: _ratio(w @ np.nan_to_num(scored.hits), w @ pointed),
    }


def confusion_shares(
    scored: ScoredSlices, *, seed: int = 0
) -> dict[str, dict[str, dict[str, float | int] | None]]:
    """By truth, then by decision: how many slices, and which share of the truth, with interval."""
    counts, cases = _resamples(scored.cases, seed)
    decided = scored.probabilities.argmax(axis=1)
    table: dict[str, dict[str, dict[str, float | int] | None]] = {}
    for row, truth in enumerate(PATTERNS):
        of_truth = scored.labels == row
        table[truth.value] = {}
        for column, decision in enumerate(PATTERNS):
            here = of_truth & (decided == column)
            share = _estimate(_ratio(counts @ here, counts @ of_truth), cases)
            cell = None if share is None else {"slices": int(here.sum()), **share.as_dict()}
            table[truth.value][decision.value] = cell
    return table


def weighted_auc(positive: npt.NDArray[np.bool_], scores: Floats64, weights: Floats64) -> Floats64:
    """Area under the curve for each row of weights; NaN where one class has none.

    Args:
        positive: `(n,)`.
        scores: `(n,)`.
        weights: `(resample, n)`, how often each slice counts.

    >>> positive, scores = np.array([False, False, True, True]), np.array([0.1, 0.4, 0.35, 0.8])
    >>> weighted_auc(positive, scores, np.ones((1, 4))).tolist()
    [0.75]
    """
    _, tie = np.unique(scores, return_inverse=True)
    # Weight of each class at each distinct score, lowest first: (resample, score).
    at = np.zeros((len(scores), int(tie.max()) + 1))
    at[np.arange(len(scores)), tie] = 1
    positives, negatives = (weights * positive) @ at, (weights * ~positive) @ at
    below = np.cumsum(negatives, axis=1) - negatives
    won = (positives * (below + negatives / 2)).sum(axis=1)  # ties count half
    return _ratio(won, positives.sum(axis=1) * negatives.sum(axis=1))


def _resamples(cases: npt.NDArray[np.int64], seed: int) -> tuple[Floats64, int]:
    """`(1 + RESAMPLES, n)` how often each slice counts, first as it is; and how many cases."""
    names, case = np.unique(cases, return_inverse=True)
    draws = np.random.default_rng(seed).integers(0, len(names), size=(RESAMPLES, len(names)))
    counts = np.ones((1 + RESAMPLES, len(names)))
    for row, draw in enumerate(draws, start=1):
        counts[row] = np.bincount(draw, minlength=len(names))
    return counts[:, case], len(names)


def _estimate(values: Floats64, cases: int) -> Estimate | None:
    """From the figure of all cases, then of the resamples."""
    if np.isnan(values[0]):
        return None
    low, high = np.nanpercentile(values[1:], [2.5, 97.5])
    return Estimate(float(values[0]), float(low), float(high), cases)


def _ratio(part: Floats64, whole: Floats64) -> Floats64:
    out: Floats64 = np.full(len(whole), np.nan)
    return np.divide(part, whole, out=out, where=whole > 0)
