"""Ablations: parts of the simulator left out, and further channels of input."""

from collections.abc import Mapping, Sequence

from asemble.core.labels import Plane
from asemble.evaluation.comparison_table import NetworkAnswers
from asemble.metrics.slice_metrics import slice_differences, slice_metrics
from asemble.performance.records import Ablation, Appearances, Compared


def ablated(
    answers: Mapping[Plane, Sequence[NetworkAnswers]],
) -> dict[Plane, tuple[Ablation, ...]]:
    """Metrics of each row and how they differ from the first row's.

    Only AUC and pointing are kept: the others depend on where a small budget leaves the threshold.

    Args:
        answers: rows by plane; the first is what the others are set against.
    """
    return {plane: tuple(_row(row, rows[0]) for row in rows) for plane, rows in answers.items()}


def _row(row: NetworkAnswers, first: NetworkAnswers) -> Ablation:
    auc: dict[Appearances, Compared] = {}
    pointing: dict[Appearances, Compared] = {}
    for which, scored in row.scored.items():
        found, differences = slice_metrics(scored), slice_differences(scored, first.scored[which])
        auc[which] = Compared(found.auc, differences.auc)
        pointing[which] = Compared(found.pointing, differences.pointing)
    return Ablation(row.name, row.title, auc, pointing)
