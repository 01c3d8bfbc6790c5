"""Figures of merit, with intervals that resample cases (patients), never slices."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from asemble.core.labels import PATTERNS, Pattern

RESAMPLES = 1000
"""Bootstrap resamples; the ends of a 95% interval then move by less than its second decimal."""


Case = TypeVar("Case")


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95% interval over cases.

    >>> str(Estimate(0.912, 0.87, 0.95, 200))
    '0.912 (95% interval 0.870 to 0.950, 200 cases)'
    """

    value: float
    low: float
    high: float
    cases: int

    def __str__(self) -> str:
        interval = f"95% interval {self.low:.3f} to {self.high:.3f}"
        return f"{self.value:.3f} ({interval}, {self.cases} cases)"

    def as_dict(self) -> dict[str, float | int]:
        """For JSON, to four decimals."""
        return {
            "value": round(self.value, 4),
            "low": round(self.low, 4),
            "high": round(self.high, 4),
            "cases": self.cases,
        }


def auc(positive: npt.ArrayLike, scores: npt.ArrayLike) -> float | None:
    """Area under the receiver operating characteristic; None where one class is absent.

    The chance that a positive scores higher than a negative, ties counted half (Mann-Whitney).

    >>> auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    is_positive = np.asarray(positive, dtype=bool)
    positives = int(is_positive.sum())
    negatives = len(is_positive) - positives
    if positives == 0 or negatives == 0:
        return None
    ranks = rankdata(np.asarray(scores, dtype=np.float64))
    above = ranks[is_positive].sum() - positives * (positives + 1) / 2
    return float(above / (positives * negatives))


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


def pooled_auc(cases: Sequence[tuple[npt.ArrayLike, npt.ArrayLike]]) -> float | None:
    """AUC of the slices of all cases together, each case as (positive, scores)."""
    if not cases:
        return None
    return auc(*(np.concatenate([np.asarray(case[i]) for case in cases]) for i in (0, 1)))


def ratio(parts: Sequence[tuple[float, float]]) -> float | None:
    """Sum of the first over sum of the second; None where the second is 0.

    >>> ratio([(1, 2), (2, 2)])
    0.75
    """
    if not parts:
        return None
    above, below = np.asarray(parts, dtype=np.float64).sum(axis=0)
    return float(above / below) if below else None


def mean(values: Sequence[float]) -> float | None:
    """The mean, or None of nothing."""
    return float(np.mean(values)) if len(values) else None


def over_cases(
    cases: Sequence[Case], figure: Callable[[Sequence[Case]], float | None], *, seed: int = 0
) -> Estimate | None:
    """A figure of a set of cases, with the percentile interval of a bootstrap over cases.

    A resample for which the figure does not exist (one class drawn alone) is left out.

    Args:
        cases: one value a case, holding whatever the figure needs, all its slices together.
        figure: the figure of a set of cases.
        seed: of the resampling.

    Returns:
        None where the figure does not exist for all cases.
    """
    value = figure(cases)
    if value is None:
        return None
    rng = np.random.default_rng(seed)
    draws = rng.integers(0, len(cases), size=(RESAMPLES, len(cases)))
    resampled = [figure([cases[i] for i in draw]) for draw in draws.tolist()]
    low, high = np.percentile([r for r in resampled if r is not None], [2.5, 97.5])
    return Estimate(value, float(low), float(high), len(cases))


def confusion(truth: Sequence[Pattern], decision: Sequence[str]) -> dict[str, dict[str, int]]:
    """Counts by truth, then by decision, `abstain` among the decisions.

    >>> confusion([Pattern.NORMAL], ["abstain"])["normal"]
    {'normal': 0, 'inflammatory': 0, 'mechanical': 0, 'abstain': 1}
    """
    decisions = [*(p.value for p in PATTERNS), "abstain"]
    table = {p.value: dict.fromkeys(decisions, 0) for p in PATTERNS}
    for true, decided in zip(truth, decision, strict=True):
        table[true][decided] += 1
    return table


def accuracy(truth: Sequence[Pattern], decision: Sequence[str]) -> float | None:
    """Share of right decisions; an abstention is not right."""
    return mean([float(t == d) for t, d in zip(truth, decision, strict=True)])


def sensitivity(truth: Sequence[Pattern], decision: Sequence[str]) -> float | None:
    """Share of inflammatory cases that were called inflammatory."""
    return mean([float(d == t) for t, d in _pairs(truth, decision) if t == Pattern.INFLAMMATORY])


def specificity(truth: Sequence[Pattern], decision: Sequence[str]) -> float | None:
    """Share of the other cases that were not called inflammatory."""
    called = Pattern.INFLAMMATORY
    return mean([float(d != called) for t, d in _pairs(truth, decision) if t != called])


def _pairs(truth: Sequence[Pattern], decision: Sequence[str]) -> list[tuple[Pattern, str]]:
    return list(zip(truth, decision, strict=True))


def points_at(heat: npt.NDArray[np.float32], mask: npt.NDArray[np.bool_], *, margin: int) -> bool:
    """Pointing game: whether the hottest pixel lies within `margin` pixels of the lesion.

    Args:
        heat: `(row, column)`. A map without heat points nowhere.
        mask: `(row, column)`, the lesion.
        margin: distance in pixels, Euclidean.
    """
    place = peak(heat)
    if place is None or not mask.any():
        return False
    rows, columns = np.nonzero(mask)
    return bool(np.min((rows - place[0]) ** 2 + (columns - place[1]) ** 2) <= margin**2)


def peak(heat: npt.NDArray[np.float32]) -> tuple[int, int] | None:
    """Row and column of the hottest pixel; None for a map without heat."""
    if heat.max() <= 0:
        return None
    row, column = np.unravel_index(int(np.argmax(heat)), heat.shape)
    return int(row), int(column)


def energy_in(heat: npt.NDArray[np.float32], mask: npt.NDArray[np.bool_]) -> float:
    """Share of the heat of a slice that lies in the mask; 0 for a map without heat.

    Wang 2020, arXiv:1910.01279.

    >>> energy_in(np.float32([[3, 1]]), np.array([[True, False]]))
    0.75
    """
    total = float(heat.sum())
    return float(heat[mask].sum()) / total if total > 0 else 0.0


def average_precision(heat: npt.NDArray[np.float32], mask: npt.NDArray[np.bool_]) -> float:
    """How well heat tells the pixels of the mask from the others; 0 for an empty mask.

    The mean, over the pixels of the mask, of the precision of a threshold at their heat. Pixels of
    equal heat are found together.

    >>> heat, mask = np.float32([[3, 2], [1, 0]]), np.array([[True, False], [True, False]])
    >>> round(average_precision(heat, mask), 3)
    0.833
    """
    order = np.argsort(-heat, axis=None, kind="stable")
    values, right = heat.ravel()[order], np.cumsum(mask.ravel()[order])
    last = np.append(np.nonzero(np.diff(values))[0], len(values) - 1)  # of pixels of equal heat
    found = right[last]
    if found[-1] == 0:
        return 0.0
    gained = np.diff(found, prepend=0)
    return float((gained * found / (last + 1)).sum() / found[-1])


def rank_correlation(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> float:
    """Spearman's correlation of two maps, -1 to 1; 0 where one of them is the same everywhere.

    >>> heat = np.float32([[0, 1], [2, 3]])
    >>> rank_correlation(heat, heat**2), rank_correlation(heat, np.zeros_like(heat))
    (1.0, 0.0)
    """
    ranks = np.stack([rankdata(heat) for heat in (one, other)])
    ranks -= ranks.mean(axis=1, keepdims=True)
    size = float(np.linalg.norm(ranks[0]) * np.linalg.norm(ranks[1]))
    return round(float(ranks[0] @ ranks[1]) / size, 12) if size else 0.0


def structural_similarity(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> float:
    """SSIM of two maps `(row, column)`, each divided by its hottest; 1 where they are alike.

    Wang et al. 2004, doi:10.1109/TIP.2003.819861, with its window and constants.

    >>> heat = np.eye(32, dtype=np.float32)
    >>> round(structural_similarity(heat, 2 * heat), 6)
    1.0
    """

    def blur(image: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.asarray(cv2.GaussianBlur(image, (11, 11), 1.5), dtype=np.float64)

    a, b = (heat.astype(np.float64) / max(float(heat.max()), 1e-12) for heat in (one, other))
    mean_a, mean_b = blur(a), blur(b)
    var_a, var_b = blur(a * a) - mean_a**2, blur(b * b) - mean_b**2
    shared = blur(a * b) - mean_a * mean_b
    small, smaller = 0.01**2, 0.03**2
    alike = (2 * mean_a * mean_b + small) * (2 * shared + smaller)
    return float((alike / ((mean_a**2 + mean_b**2 + small) * (var_a + var_b + smaller))).mean())
