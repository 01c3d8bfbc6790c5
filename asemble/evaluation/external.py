"""External validation: figures of the ensemble on labelled images of one's own.

A case is a patient, or a group of near-duplicate slices where no patient is named; intervals
resample cases.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from asemble.core.labels import PATTERNS, Pattern
from asemble.core.results import ABSTAIN
from asemble.evaluation.metrics import Estimate, auc, over_cases

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
    judged = [case for case in cases if len(level(case)[0])]
    named: dict[str, Callable[[Indices, Floats64], float | None]] = {
        "AUC": lambda truth, p: auc(truth == _INFLAMMATORY, p[:, _INFLAMMATORY]),
        "sensitivity": partial(_share, threshold, of="positive"),
        "specificity": partial(_share, threshold, of="negative"),
        "precision": partial(_share, threshold, of="called"),
        "F1": partial(_f1, threshold),
        "accuracy": partial(_share, threshold, of="all"),
        "accuracy, three classes": _three_classes,
    }
    if not judged:
        return dict.fromkeys(named)

    def over(figure: Callable[[Indices, Floats64], float | None]) -> Estimate | None:
        def of_some(some: Sequence[ExternalCase]) -> float | None:
            labels, probabilities = zip(*map(level, some), strict=True)
            return figure(np.concatenate(labels), np.concatenate(probabilities))

        return over_cases(judged, of_some)

    return {name: over(figure) for name, figure in named.items()}


def decided(cases: Sequence[ExternalCase]) -> Estimate | None:
    """Share of cases with the right decision; an abstention is not right."""
    return over_cases(cases, lambda some: float(np.mean([c.decision == c.label for c in some])))


def pointing(cases: Sequence[ExternalCase], method: str) -> Estimate | None:
    """Share of inflammatory slices with a mask whose hottest place is in or at it."""

    def of_some(some: Sequence[ExternalCase]) -> float | None:
        games = [case.pointing.get(method, (0, 0)) for case in some]
        played = sum(slices for _, slices in games)
        return sum(hits for hits, _ in games) / played if played else None

    return over_cases(cases, of_some)


def confusion_of(cases: Sequence[ExternalCase], level: Level) -> dict[str, dict[str, int]]:
    """Counts by truth, then by most probable class, of what was judged."""
    table = {truth.value: dict.fromkeys((p.value for p in PATTERNS), 0) for truth in PATTERNS}
    for case in cases:
        labels, probabilities = level(case)
        for truth, called in zip(labels, probabilities.argmax(axis=1), strict=True):
            table[PATTERNS[truth].value][PATTERNS[called].value] += 1
    return table


def abstained(cases: Sequence[ExternalCase]) -> int:
    """Cases that the ensemble declined."""
    return sum(case.decision == ABSTAIN for case in cases)


def pooled(cases: Sequence[ExternalCase], level: Level) -> tuple[npt.NDArray[np.bool_], Floats64]:
    """Whether inflammatory, and P(inflammatory), of all that was judged."""
    parts = [level(case) for case in cases]
    labels = np.concatenate([np.empty(0, np.int64), *(part[0] for part in parts)])
    probabilities = np.concatenate([np.empty((0, 3)), *(part[1] for part in parts)])
    return labels == _INFLAMMATORY, probabilities[:, _INFLAMMATORY]


def _share(threshold: float, truth: Indices, p: Floats64, *, of: str) -> float | None:
    """Share of right calls, inflammatory or not, among some; None of none."""
    positive, called = truth == _INFLAMMATORY, p[:, _INFLAMMATORY] >= threshold
    chosen = {
        "positive": positive,
        "negative": ~positive,
        "called": called,
        "all": np.ones_like(called),
    }[of]
    return float((positive == called)[chosen].mean()) if chosen.any() else None


def _f1(threshold: float, truth: Indices, p: Floats64) -> float | None:
    """Twice the true positives among positives and calls together; None without either."""
    positive, called = truth == _INFLAMMATORY, p[:, _INFLAMMATORY] >= threshold
    total = int(positive.sum() + called.sum())
    return 2 * int((positive & called).sum()) / total if total else None


def _three_classes(truth: Indices, p: Floats64) -> float | None:
    return float((p.argmax(axis=1) == truth).mean())
