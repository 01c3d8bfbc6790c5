"""What is measured of asemble itself: the one place to change when its engine does."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from asemble import predict
from asemble.core.labels import Plane
from asemble.core.results import StudyPrediction
from asemble.core.study import Study
from asemble.core.volume import Floats
from asemble.explain import SeriesHeatmaps
from asemble.models import Ensemble
from asemble.models.evidence_head import EvidenceNetwork
from asemble.models.members import Kind
from asemble.models.optimised import optimised_for_inference

AS_TRAINED = ", as trained"
"""After the name of a member whose network was not made ready."""


@dataclass(frozen=True, slots=True)
class Forward:
    """The forward pass of one member, as the ensemble runs it.

    Args:
        title: which member, and how.
        kind: of network.
        network: the same in torch, to count its operations.
        precision: in which it multiplies.
        run: on all images once.
    """

    title: str
    kind: Kind
    network: nn.Module
    precision: str
    run: Callable[[], object]


def assess(
    study: Study, ensemble: Ensemble
) -> tuple[StudyPrediction, Mapping[str, SeriesHeatmaps]]:
    """Prediction and heatmaps of one study."""
    return predict.assess(study, ensemble)


def forwards(ensemble: Ensemble, plane: Plane, images: Floats, threads: int) -> Sequence[Forward]:
    """The members of one plane on prepared slices `(n, 256, 256)`, on so many threads."""

    def forward_of(network: EvidenceNetwork, batch: torch.Tensor) -> Callable[[], object]:
        def run() -> None:
            torch.set_num_threads(threads)
            with torch.inference_mode():
                network.with_evidence(batch)

        return run

    return [
        Forward(
            member.spec.title + how,
            member.spec.kind,
            network,
            "float32",
            forward_of(network, member.inputs(images)),
        )
        for member in ensemble.planes[plane]
        for how, network in (
            ("", optimised_for_inference(member.network)),
            (AS_TRAINED, member.network),
        )
    ]
