"""The output of one network: bone, oedema, and evidence weighed by how bright marrow is."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from asemble.core.volume import Floats
from asemble.imaging.bones import brighter_than_marrow
from asemble.models.evidence_head import LESIONS, EvidenceNetwork

BRIGHTNESS = 4.0
"""Logits that a place gains where it is e times as bright as the marrow of its bone."""
OEDEMA_FROM = -1.1
"""Logits of the edge of oedema: networks are surer of simulated oedema than of real oedema, which
is fainter. Chosen with `BRIGHTNESS` on real stacks, and coarse (docs/decisions/0025)."""


@dataclass(frozen=True, slots=True, eq=False)
class NetworkOutput:
    """What one network makes of some slices.

    Args:
        logits: `(n, 3)`.
        evidence: `(n, 3, 128, 128)` float32 in logits.
        tissue: `(n, 6, 128, 128)` float32, how likely each place is each `Tissue`.
        oedema: `(n, 128, 128)` float32 in logits.
    """

    logits: Tensor
    evidence: Floats
    tissue: Floats
    oedema: Floats


def output_of(network: EvidenceNetwork, features: Tensor, images: Floats) -> NetworkOutput:
    """What the head reads off the fused map, lesions weighed by how bright they are.

    Oedema is marrow brighter than the marrow of the same bone. Networks know this of simulated
    slices; measured on the slice itself it holds on real ones better (docs/decisions/0025).

    Args:
        network: in evaluation mode.
        features: `(n, FEATURES, 128, 128)` that it made of these slices.
        images: prepared slices `(n, 256, 256)`.
    """
    with torch.inference_mode():
        tissue, oedema = network.head.places(features)
        shares = torch.softmax(tissue, dim=1).cpu().numpy()
        evidence = network.head.evidence_where(features, tissue)
        brighter = BRIGHTNESS * brighter_than_marrow(images, shares)
        more = torch.from_numpy(brighter)[:, None].to(evidence.device)
        evidence = torch.cat([evidence[:, : LESIONS.start], evidence[:, LESIONS] + more], dim=1)
        logits = network.head.pool(evidence)
    return NetworkOutput(
        logits, evidence.cpu().numpy(), shares, oedema[:, 0].float().cpu().numpy() + brighter
    )


def forward(network: EvidenceNetwork, inputs: Tensor, images: Floats) -> NetworkOutput:
    """The output for prepared slices `(n, 256, 256)`, of which the network reads `inputs`."""
    with torch.inference_mode():
        return output_of(network, network.features(inputs), images)


def oedema_share(logits: Floats) -> Floats:
    """How likely oedema is, 0..1, from logits of the ensemble; 0.5 is where a reader would draw it.

    >>> float(oedema_share(np.float32([OEDEMA_FROM]))[0])
    0.5
    """
    return np.asarray(1 / (1 + np.exp(OEDEMA_FROM - logits)), dtype=np.float32)
