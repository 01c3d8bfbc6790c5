"""The abstract's comparison, made again on simulated slices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from asemble.core.labels import PATTERNS, Plane
from asemble.metrics.slice_metrics import ScoredSlices, confusion_shares, slice_metrics
from asemble.performance.records import Appearances, AskedSlices, Network, PlaneComparison


@dataclass(frozen=True, slots=True)
class NetworkAnswers:
    """What one row of the table is made of.

    Args:
        name: in files.
        title: for people.
        taught_by: "labels", "masks", or what the ensemble was taught by.
        passes: images seen in training, of each network of the row.
        parameters: of all networks of the row.
        scored: its answers by test set.
    """

    name: str
    title: str
    taught_by: str
    passes: tuple[int, ...]
    parameters: int
    scored: Mapping[Appearances, ScoredSlices]


def compared(
    answers: Mapping[Plane, Sequence[NetworkAnswers]],
) -> dict[Plane, PlaneComparison]:
    """The comparison of each plane; the same answers give the same.

    Args:
        answers: rows by plane, in the order in which they are shown.
    """
    return {
        plane: PlaneComparison(
            {which: _test_slices(scored) for which, scored in rows[0].scored.items()},
            tuple(_row(row) for row in rows),
        )
        for plane, rows in answers.items()
    }


def _test_slices(scored: ScoredSlices) -> AskedSlices:
    counts = {pattern: int((scored.labels == i).sum()) for i, pattern in enumerate(PATTERNS)}
    return AskedSlices(len(scored.labels), len(np.unique(scored.cases)), counts)


def _row(answers: NetworkAnswers) -> Network:
    return Network(
        name=answers.name,
        title=answers.title,
        taught_by=answers.taught_by,
        passes=answers.passes,
        parameters=answers.parameters,
        metrics={which: slice_metrics(scored) for which, scored in answers.scored.items()},
        confusion={which: confusion_shares(scored) for which, scored in answers.scored.items()},
    )
