"""External validation: figures of the ensemble on labelled images of one's own.

A case is a patient, or a group of near-duplicate slices where no patient is named; intervals
resample cases.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from asemble.core.labels import PATTERNS, Pattern
from asemble.core.results import ABSTAIN
from asemble.metrics.confusion import (
    accuracy,
    as_counts,
    binary_confusion,
    confusion,
    f1,
    over_tables,
    precision,
    sensitivity,
    specificity,
)
from asemble.metrics.discrimination import auc_over_cases
from asemble.metrics.estimates import Estimate
from asemble.metrics.resampling import ratio_over_cases

Floats64 = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
_INFLAMMATORY = PATTERNS.index(Pattern.INFLAMMATORY)


@dataclass(frozen=True, slots=True, eq=False)
class ExternalCase:
    """What was found in one case.

    Args:
        label: of the case: inflammatory if anything in it is, else mechanical if anything is.
        labels: `(n,)` of its judged slices, index into `PATTERNS`.
        slices: `(n, 3)` probabilities of its judged slices.
        probabilities: `(3,)` of the case; None where it was not judged or no patient is named.
        decision: a class name, or `ABSTAIN`; None where no patient is named.
        pointing: hits and slices of the pointing game by method; empty without masks.
        site: where it comes from, or empty.
    """

    label: Pattern
    labels: Indices
    slices: Floats64
    probabilities: Floats64 | None
    decision: str | None
    pointing: Mapping[str, tuple[int, int]]
    site: str = ""

    @property
    def as_one(self) -> tuple[Indices, Floats64]:
        """Label `(k,)` and probabilities `(k, 3)` of the case as a whole; k is 0 or 1."""
        if self.probabilities is None:
            return np.empty(0, np.int64), np.empty((0, 3))
        return np.array([PATTERNS.index(self.label)]), self.probabilities[None]


Level = Callable[[ExternalCase], tuple[Indices, Floats64]]
"""Labels `(k,)` and probabilities `(k, 3)` that a case adds: its slices, or itself."""


def slice_level(case: ExternalCase) -> tuple[Indices, Floats64]:
    """Every judged slice of a case."""
    return case.labels, case.slices


def case_level(case: ExternalCase) -> tuple[Indices, Floats64]:
    """A judged case as one."""
    return case.as_one


def figures(
    cases: Sequence[ExternalCase], level: Level, *, threshold: float
) -> dict[str, Estimate | None]:
    """Figures with their intervals over cases; a figure that cannot be is None.

    Args:
        cases: all of them; those not judged add nothing.
        level: `slice_level` or `case_level`.
        threshold: P(inflammatory) from which on the shipped ensemble calls it.
    """
    judged = [level(case) for case in cases if len(level(case)[0])]
    binary = [
        binary_confusion(truth == _INFLAMMATORY, p[:, _INFLAMMATORY] >= threshold)
        for truth, p in judged
    ]
    return {
        "AUC": auc_over_cases(
            [(truth == _INFLAMMATORY, p[:, _INFLAMMATORY]) for truth, p in judged]
        ),
        "sensitivity": over_tables(binary, sensitivity),
        "specificity": over_tables(binary, specificity),
        "precision": over_tables(binary, precision),
        "F1": over_tables(binary, f1),
        "accuracy": over_tables(binary, accuracy),
        "accuracy, three classes": over_tables([_most_probable(*one) for one in judged], accuracy),
    }


def decided(cases: Sequence[ExternalCase]) -> Estimate | None:
    """Share of cases with the right decision; an abstention is not right."""
    return ratio_over_cases([(case.decision == case.label, 1) for case in cases])


def pointing(cases: Sequence[ExternalCase], method: str) -> Estimate | None:
    """Share of inflammatory slices with a mask whose hottest place is in or at it."""
    return ratio_over_cases([case.pointing.get(method, (0, 0)) for case in cases])


def confusion_of(cases: Sequence[ExternalCase], level: Level) -> dict[str, dict[str, int]]:
    """Counts by truth, then by most probable class, of what was judged."""
    return as_counts(
        np.sum([confusion([], []), *(_most_probable(*level(c)) for c in cases)], axis=0)
    )


def abstained(cases: Sequence[ExternalCase]) -> int:
    """Cases that the ensemble declined."""
    return sum(case.decision == ABSTAIN for case in cases)


def pooled(cases: Sequence[ExternalCase], level: Level) -> tuple[npt.NDArray[np.bool_], Floats64]:
    """Whether inflammatory, and P(inflammatory), of all that was judged."""
    parts = [level(case) for case in cases]
    labels = np.concatenate([np.empty(0, np.int64), *(part[0] for part in parts)])
    probabilities = np.concatenate([np.empty((0, 3)), *(part[1] for part in parts)])
    return labels == _INFLAMMATORY, probabilities[:, _INFLAMMATORY]


def _most_probable(truth: Indices, probabilities: Floats64) -> Indices:
    """The confusion table of the most probable class of each."""
    called = probabilities.argmax(axis=1)
    return confusion([PATTERNS[k] for k in truth], [PATTERNS[k] for k in called])
