"""Leakage: by how much a split of single images flatters; the same classifier measured both ways.

The classifier is the plainest there is: a slice gets the label of the slice whose perceptual hash
is most alike. It learns nothing of disease, so what it gains when images of one patient lie on
both sides of a split is recognition of patients, and a network can gain it too.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from asemble.imaging.fingerprints import Bits, nearest
from asemble.metrics.estimates import Estimate
from asemble.metrics.resampling import mean, over_cases

FOLDS = 5


@dataclass(frozen=True, slots=True)
class Inflation:
    """Accuracy of the nearest neighbour in 5-fold cross-validation.

    Args:
        by_image: every image is put into a fold by itself.
        by_case: all images of a patient, or of a group of near-duplicates, go together.
    """

    by_image: Estimate
    by_case: Estimate

    def __str__(self) -> str:
        found = (
            f"nearest neighbour by perceptual hash reaches {self.by_image.value:.3f} when images "
            f"are split one by one, {self.by_case.value:.3f} when near-duplicates and patients "
            "stay together."
        )
        if self.by_image.value > self.by_case.value:
            return f"Image-level splits inflate accuracy: on these images, {found}"
        return f"Image-level splits can inflate accuracy, though not here: {found}"


def measure_inflation(
    bits: Bits, labels: npt.NDArray[np.int64], cases: npt.NDArray[np.int64], *, seed: int = 0
) -> Inflation | None:
    """The accuracy both ways, with intervals over cases; None with fewer than two cases.

    Args:
        bits: perceptual hashes of the slices.
        labels: `(n,)`.
        cases: `(n,)` number of the patient or group.
        seed: of the folds.
    """
    numbers, of_slice = np.unique(cases, return_inverse=True)
    if len(numbers) < 2:
        return None
    rng = np.random.default_rng(seed)
    by_image = _right(bits, labels, _folds(len(labels), rng))
    by_case = _right(bits, labels, _folds(len(numbers), rng)[of_slice])
    return Inflation(_estimate(by_image, of_slice), _estimate(by_case, of_slice))


def _folds(count: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """A fold for each of `count` things; folds differ in size by one at most."""
    return rng.permutation(np.arange(count) % FOLDS)


def _right(
    bits: Bits, labels: npt.NDArray[np.int64], folds: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    right = np.zeros(len(labels), dtype=bool)
    for fold in np.unique(folds):
        inside, outside = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        found = outside[nearest(bits[inside], bits[outside])]
        right[inside] = labels[found] == labels[inside]
    return right


def _estimate(right: npt.NDArray[np.bool_], of_slice: npt.NDArray[np.int64]) -> Estimate:
    by_case = [right[of_slice == case] for case in range(int(of_slice.max()) + 1)]
    found = over_cases(by_case, lambda some: mean(np.concatenate(some).tolist()))
    if found is None:
        raise ValueError("there are no slices")
    return found
