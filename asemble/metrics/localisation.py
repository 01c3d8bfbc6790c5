"""How well a heatmap points at a lesion, and how alike two heatmaps are."""

# ruff: noqa: PLC0415  scikit-learn takes a second to import, and pages that show figures compute none

import cv2
import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr

POINTING_MARGIN = 5
"""Pixels of the series' grid, 4-5 mm: as the pointing game on real scans was scored."""


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
    from sklearn.metrics import average_precision_score

    if not mask.any():
        return 0.0
    return float(average_precision_score(mask.ravel(), heat.ravel()))


def rank_correlation(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> float:
    """Spearman's correlation of two maps, -1 to 1; 0 where one of them is the same everywhere.

    >>> heat = np.float32([[0, 1], [2, 3]])
    >>> rank_correlation(heat, heat**2), rank_correlation(heat, np.zeros_like(heat))
    (1.0, 0.0)
    """
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return round(float(spearmanr(one, other, axis=None).statistic), 12)


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
