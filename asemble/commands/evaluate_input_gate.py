"""`asemble evaluate scope`: the input gate measured, and fitted with `--fit`."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import torch

from asemble.commands.evaluate_studies import keep
from asemble.commands.terminal import progress, writing
from asemble.evaluation.input_gate_fit import Budget, fit
from asemble.evaluation.input_gate_groups import (
    Sample,
    file_samples,
    foreign_samples,
    joint_samples,
    pydicom_samples,
    simulated_samples,
)
from asemble.evaluation.input_gate_metrics import gate_groups, outcomes
from asemble.models import load_ensemble
from asemble.models.input_gate import save_input_gate
from asemble.models.signing import SHIPPED_DIRECTORY
from asemble.performance.pages import scope_parts
from asemble.performance.records import InputGateMetrics


def fit_scope(*, weights: Path | None) -> None:
    """Fit the scope and write `scope.json` beside the weights.

    Raises:
        InputError: it cannot be written.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums in another order would give other last digits
    try:
        scope = fit(Budget(), progress("fitting", "steps"))
    finally:
        torch.set_num_threads(threads)
    with writing():
        path = save_input_gate(weights or SHIPPED_DIRECTORY, scope)
    print(json.dumps({plane.value: str(limits) for plane, limits in scope.limits.items()}))
    print(f"Wrote {path.name}.", file=sys.stderr)


def evaluate_scope(
    count: int, *, weights: Path | None, joints: Path | None, files: Path | None, docs: Path
) -> None:
    """Print how often the ensemble abstains by group, and write it below `docs`.

    Args:
        count: samples of each group that is drawn.
        weights: folder of the weights.
        joints: folder of real series that show the joints, a file or a folder each.
        files: folder of folders of real series that do not show the joints.
        docs: folder of the documents.

    Raises:
        AsembleError: the scope cannot be read, or nothing can be written.
    """
    ensemble = load_ensemble(weights)
    tell = progress("measuring", "samples")

    def samples() -> Iterator[Sample]:
        for index in range(count):
            yield from simulated_samples(index)
            yield from foreign_samples(index)
            if tell is not None:
                tell(index + 1, count)
        yield from pydicom_samples()
        if joints is not None:
            yield from joint_samples(joints)
        if files is not None:
            yield from file_samples(files)

    measured = InputGateMetrics(count, gate_groups(outcomes(samples(), ensemble)))
    with writing():
        print(keep("scope", measured, scope_parts, weights, docs))
