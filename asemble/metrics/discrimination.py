"""How well scores tell positives from negatives."""

# ruff: noqa: PLC0415  scikit-learn takes a second to import, and pages that show figures compute none

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from asemble.metrics.estimates import Estimate
from asemble.metrics.resampling import (
    Floats64,
    Values,
    divided,
    from_resamples,
    resample_weights,
)

Bools = npt.NDArray[np.bool_]
Scored = tuple[npt.ArrayLike, npt.ArrayLike]
"""Of one case: which slices are positive, and their scores."""


def auc(positive: npt.ArrayLike, scores: npt.ArrayLike) -> float | None:
    """Area under the receiver operating characteristic; None where one class is absent.

    The chance that a positive scores higher than a negative, ties counted half (Mann-Whitney), to
    twelve decimals: the order of a sum decides nothing.

    >>> auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    from sklearn.metrics import roc_auc_score

    labels = np.asarray(positive, dtype=bool)
    if labels.all() or not labels.any():
        return None
    return round(float(roc_auc_score(labels, np.asarray(scores, dtype=np.float64))), 12)


def auc_over_cases(cases: Sequence[Scored], *, seed: int = 0) -> Estimate | None:
    """AUC of the slices of all cases together, with its interval over cases.

    Args:
        cases: each as (positive, scores), of any length.
        seed: of the resampling.

    >>> auc_over_cases([([0, 1], [0.1, 0.9]), ([0, 0], [0.2, 0.3])]).value
    1.0
    """
    if not cases:
        return None
    labels, scores = (
        np.concatenate([np.asarray(case[i], dtype=np.float64) for case in cases]) for i in (0, 1)
    )
    positive = labels.astype(bool)
    value = auc(positive, scores)
    if value is None:
        return None
    # A case without slices is drawn too: it is one of the cases that might have been measured.
    weights, count = resample_weights(np.arange(len(cases)), seed=seed)
    sizes = [np.size(case[0]) for case in cases]
    of_slice = np.repeat(weights, sizes, axis=1)
    values = auc_of_resamples(positive, scores, of_slice)
    return from_resamples(np.concatenate([[value], values[1:]]), count)


def auc_of_resamples(positive: Bools, scores: Floats64, weights: Floats64) -> Values:
    """`auc` for each row of weights; NaN where one class has none.

    `roc_auc_score` of a thousand resamples takes seconds, this takes milliseconds; both count the
    same pairs.

    Args:
        positive: `(n,)`.
        scores: `(n,)`.
        weights: `(resample, n)`, how often each slice counts.

    >>> positive, scores = np.array([False, False, True, True]), np.array([0.1, 0.4, 0.35, 0.8])
    >>> auc_of_resamples(positive, scores, np.ones((1, 4))).tolist()
    [0.75]
    """
    order = np.argsort(scores, kind="stable")
    ties = np.flatnonzero(np.diff(scores[order], prepend=-np.inf))  # where a new score begins
    # Weight of each class at each distinct score, lowest first: (resample, score).
    positives, negatives = (
        np.add.reduceat((weights * of_class)[:, order], ties, axis=1)
        for of_class in (positive, ~positive)
    )
    below = np.cumsum(negatives, axis=1) - negatives
    won = (positives * (below + negatives / 2)).sum(axis=1)  # ties count half
    pairs = positives.sum(axis=1) * negatives.sum(axis=1)
    return divided(won, pairs)


def adjacent_wins(positive: npt.ArrayLike, scores: npt.ArrayLike) -> tuple[float, int]:
    """How often the positive of two neighbouring slices scores higher, and of how many pairs.

    Neighbours share place, coil and anatomy, so that only the lesion tells them apart.

    >>> adjacent_wins([False, True, True, False], [0.1, 0.5, 0.4, 0.4])
    (1.5, 2)
    """
    labels, values = np.asarray(positive, dtype=bool), np.asarray(scores, dtype=np.float64)
    differ = labels[1:] != labels[:-1]
    rise = (np.diff(values) * np.where(labels[1:], 1, -1))[differ]
    return float((rise > 0).sum() + (rise == 0).sum() / 2), int(differ.sum())
