"""What is measured of asemble itself: the one place to change when its engine does."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from asemble.core.labels import Plane
from asemble.core.study import Study
from asemble.core.volume import Floats
from asemble.explain import explain
from asemble.models import Ensemble, MemberSpec
from asemble.predict import predict


@dataclass(frozen=True, slots=True)
class Forward:
    """The forward pass of one member, as the ensemble runs it.

    Args:
        spec: which member.
        network: the same in torch, to count its operations.
        precision: in which it multiplies.
        run: on all images once.
    """

    spec: MemberSpec
    network: nn.Module
    precision: str
    run: Callable[[], object]


def assess(study: Study, ensemble: Ensemble) -> None:
    """Prediction and heatmaps of one study."""
    prediction = predict(study, ensemble)
    explain(study, prediction, ensemble)


def forwards(ensemble: Ensemble, plane: Plane, images: Floats, threads: int) -> Sequence[Forward]:
    """The members of one plane on prepared slices `(n, 256, 256)`, on so many threads."""

    def forward_of(network: nn.Module, batch: torch.Tensor) -> Callable[[], object]:
        def run() -> None:
            torch.set_num_threads(threads)
            with ensemble.lock, torch.inference_mode():
                network(batch)

        return run

    return [
        Forward(
            member.spec,
            member.network,
            "float32",
            forward_of(member.network, member.inputs(images)),
        )
        for member in ensemble.planes[plane]
    ]
