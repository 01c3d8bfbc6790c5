"""Cascading randomisation: a network forgets layer after layer; its heatmap must forget with it.

From the head downwards each layer gets the values of a fresh initialisation, on top of those before
it. A map that stays the same shows the image, not what was learned: Adebayo et al., NeurIPS 2018,
arXiv:1810.03292.
"""

from collections.abc import Iterator, Sequence
from copy import deepcopy

from torch import nn

from asemble.core.volume import Floats
from asemble.explain.gradcam import grad_cam
from asemble.models import Member
from asemble.models.evidence_head import EvidenceNetwork

HEAD_LAYERS = (
    ("head.evidence", ("head.evidence.", "head.scale", "head.bias")),
    ("head.tissue", ("head.tissue.", "head.oedema.")),
    ("head.fuse", ("head.fuse.",)),
    ("head.laterals", ("head.laterals.", "head.middle.", "head.fine.", "head.norm.")),
)
"""Layers of the head from the top, each with how the names of its values begin."""


def cascade_layers(network: EvidenceNetwork) -> list[tuple[str, Sequence[str]]]:
    """Layers from the head downwards, each with how the names of its values begin."""
    own = [f"body.{name}" for name, _ in network.body.named_parameters(recurse=False)]
    parts = reversed(list(_parts(network.body, "body")))
    return [
        *HEAD_LAYERS,
        *((name, (name,)) for name in own),
        *((name, (f"{name}.",)) for name in parts),
    ]


def _parts(module: nn.Module, path: str) -> Iterator[str]:
    """Names of what a body is made of, in order; a wrapper and a row of stages are looked into."""
    for name, child in module.named_children():
        if name in ("body", "blocks"):
            yield from _parts(child, f"{path}.{name}")
        elif any(True for _ in child.parameters()):
            yield f"{path}.{name}"


def cascade_maps(member: Member, fresh: Member, images: Floats) -> dict[str, Floats]:
    """Grad-CAM `(n, 128, 128)` in logits by the layer down to which the network is randomised.

    Args:
        member: as trained; its own network is not touched.
        fresh: the same member as it was before training.
        images: prepared slices `(n, 256, 256)`.
    """
    network = deepcopy(member.network)
    values = fresh.network.state_dict()
    inputs = member.inputs(images)
    maps = {}
    for layer, beginnings in cascade_layers(network):
        chosen = {k: v for k, v in values.items() if k.startswith(tuple(beginnings))}
        network.load_state_dict(chosen, strict=False)
        maps[layer] = grad_cam(network, inputs)[0]
    return maps
