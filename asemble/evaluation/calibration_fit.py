"""Fitting studies, slices and the interval to outcomes.

The temperature of each member is fitted where its slices are, in `asemble.training.validation`.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from asemble.models.calibration import (
    NOMINAL,
    Floats64,
    IntervalRule,
    SliceCalibration,
    log_odds,
    spread,
)
from asemble.models.fusion import IDENTITY, calibrated

PRIOR_STRENGTH = 0.002
"""Pull of each study coefficient towards the identity, beside the mean loss of a study.

Chosen by cross-validation on the validation studies (docs/decisions/0025): ten times as much holds
mechanical studies back, a tenth of it gains nothing.
"""

PULLS = (0.05, 0.02, 0.005, 0.002, 0.001, 0.0)
"""Strengths that `asemble evaluate calibrate` holds against each other."""

PARTS = 10
"""Of a cross-validation."""

SLICE_PRIOR_STRENGTH = 0.001
"""The same for slices, of which there are a thousand."""


def fit_study(
    features: npt.ArrayLike, labels: npt.ArrayLike, *, pull: float = PRIOR_STRENGTH
) -> Floats64:
    """Coefficients `(2, 3)` of the study's multinomial calibration (`models.fusion`).

    Args:
        features: `(study, 2)`, inflammatory and mechanical log-odds.
        labels: `(study,)` index into `PATTERNS`.
        pull: of each coefficient towards the identity.
    """
    values = np.asarray(features, dtype=np.float64)
    start = np.array(IDENTITY).ravel()
    found = _fit(lambda flat: calibrated(values, flat.reshape(2, 3)), labels, start, pull)
    return found.reshape(2, 3)


def cross_validated(
    features: npt.ArrayLike, labels: npt.ArrayLike, people: npt.ArrayLike, *, pull: float
) -> Floats64:
    """Probabilities `(study, 3)`, each from a calibration fitted without that person.

    Args:
        features: `(study, 2)`.
        labels: `(study,)`.
        people: `(study,)` numbers, two at least; examinations of one person stay together.
        pull: of each coefficient towards the identity.
    """
    from sklearn.model_selection import GroupKFold  # noqa: PLC0415  a second to import

    values, classes = np.asarray(features, np.float64), np.asarray(labels, np.intp)
    groups = np.asarray(people, np.intp)
    found = np.zeros((len(values), len(IDENTITY) + 1))
    folds = GroupKFold(min(PARTS, len(np.unique(groups))))
    for rest, part in folds.split(values, groups=groups):
        found[part] = calibrated(values[part], fit_study(values[rest], classes[rest], pull=pull))
    return found


def fit_slices(probabilities: npt.ArrayLike, labels: npt.ArrayLike) -> SliceCalibration:
    """The calibration of a plane's slices.

    Args:
        probabilities: `(slice, 3)`, smoothed, of the ensemble.
        labels: `(slice,)` index into `PATTERNS`.
    """
    values = np.asarray(probabilities, dtype=np.float64)

    def rule(flat: Floats64) -> SliceCalibration:
        slope, shift, rest_slope, rest_shift = (float(number) for number in flat)
        return SliceCalibration(math.exp(slope), shift, math.exp(rest_slope), rest_shift)

    found = _fit(lambda flat: rule(flat).apply(values), labels, np.zeros(4), SLICE_PRIOR_STRENGTH)
    return rule(found)


def fit_interval(
    examinations: Sequence[tuple[float, Sequence[float], float]], *, nominal: float = NOMINAL
) -> IntervalRule:
    """The narrowest rule that holds the second answer in `nominal` of the examinations.

    A conformal quantile (Lei 2018, arXiv:1604.04173) of how far the second answer is from the
    first, in units of the width that the members' spread gives.

    Args:
        examinations: P(inflammatory) of the ensemble and of each member in one examination, and
            of the ensemble in another examination of the same person.
        nominal: share to hold.
    """
    if not examinations:
        return IntervalRule()
    floor = float(np.median([spread(members) for _, members, _ in examinations]))
    unit = IntervalRule(1.0, floor, nominal)
    away = sorted(
        abs(float(log_odds(second) - log_odds(first))) / unit.width(members)
        for first, members, second in examinations
    )
    rank = min(math.ceil((len(away) + 1) * nominal), len(away))
    return IntervalRule(round(away[rank - 1], 4), round(floor, 4), nominal)


def _fit(
    model: Callable[[Floats64], Floats64], labels: npt.ArrayLike, start: Floats64, pull: float
) -> Floats64:
    """The parameters with the least mean negative log-likelihood, pulled towards `start`."""
    classes = np.asarray(labels, dtype=np.intp)

    def loss(flat: Floats64) -> float:
        likelihood = model(flat)[np.arange(len(classes)), classes]
        fit = float(-np.log(np.maximum(likelihood, 1e-12)).mean())
        return fit + pull * float(((flat - start) ** 2).sum())

    return np.asarray(minimize(loss, start, method="BFGS").x)
