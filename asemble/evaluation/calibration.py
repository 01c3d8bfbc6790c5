"""Fitting study probabilities to outcomes, and how far probabilities are from them.

The temperature of each member is fitted where its slices are, in `asemble.training.validation`.
"""

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from asemble.models.fusion import IDENTITY, Floats64, calibrated

PRIOR_STRENGTH = 0.02
"""Pull of each study coefficient towards the identity, beside the mean loss of a study.

Sixty studies must not buy a sign change that the next sixty take back.
"""


def expected_calibration_error(
    probabilities: npt.ArrayLike, labels: npt.ArrayLike, *, bins: int = 10
) -> float:
    """Mean gap between confidence and accuracy over equal bins of confidence, by their size.

    Args:
        probabilities: `(case, 3)`.
        labels: `(case,)` index into `PATTERNS`.
        bins: of equal width in confidence.

    >>> expected_calibration_error([[1.0, 0, 0], [1.0, 0, 0]], [0, 1])
    0.5
    """
    values = np.asarray(probabilities, dtype=np.float64)
    classes = np.asarray(labels, dtype=np.intp)
    confidence = values.max(axis=1)
    right = values.argmax(axis=1) == classes
    bin_of = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        abs(right[bin_of == b].mean() - confidence[bin_of == b].mean()) * (bin_of == b).mean()
        for b in np.unique(bin_of)
    ]
    return float(np.sum(gaps))


def fit_study(features: npt.ArrayLike, labels: npt.ArrayLike) -> Floats64:
    """Coefficients `(2, 3)` of the study's multinomial calibration (`models.fusion`).

    Args:
        features: `(study, 2)`, inflammatory and mechanical log-odds.
        labels: `(study,)` index into `PATTERNS`.
    """
    values = np.asarray(features, dtype=np.float64)
    classes = np.asarray(labels, dtype=np.intp)
    start = np.array(IDENTITY).ravel()

    def loss(flat: Floats64) -> float:
        pull = PRIOR_STRENGTH * float(((flat - start) ** 2).sum())
        return _negative_log_likelihood(calibrated(values, flat.reshape(2, 3)), classes) + pull

    return np.asarray(minimize(loss, start, method="BFGS").x.reshape(2, 3))


def _negative_log_likelihood(probabilities: Floats64, classes: npt.NDArray[np.intp]) -> float:
    likelihood = probabilities[np.arange(len(classes)), classes]
    return float(-np.log(np.maximum(likelihood, 1e-12)).mean())
