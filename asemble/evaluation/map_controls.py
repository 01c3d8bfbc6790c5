"""Maps to hold the shown ones against: other layers of Grad-CAM, and networks that know nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch

from asemble.core.labels import PATTERNS, Pattern, Plane
from asemble.core.study import Series
from asemble.core.volume import Floats
from asemble.explain.gradcam import grad_cam
from asemble.imaging.slices import prepare
from asemble.models import Ensemble, Member
from asemble.models.evidence_head import STRIDES

UNTRAINED_SEED = 20_000
"""Of the fresh initialisations; any other would do."""


def untrained(ensemble: Ensemble, *, draw: int = 0) -> Mapping[Plane, tuple[Member, ...]]:
    """The same members as they were before training, or as another draw would have been."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(UNTRAINED_SEED + draw)
        return {
            plane: tuple(
                replace(m, network=m.spec.build().eval().to(ensemble.device)) for m in members
            )
            for plane, members in ensemble.planes.items()
        }


def control_maps(
    series: Series,
    slices: Sequence[int],
    ensemble: Ensemble,
    untrained: Mapping[Plane, tuple[Member, ...]],
) -> dict[str, Floats]:
    """Maps `(slice, row, column)` of some slices on the series' grid, by `method/member`.

    Raises:
        ValueError: the series has no plane.
    """
    if series.plane is None:
        raise ValueError(f"series {series.id} has no plane")
    stack = prepare(series.volume, series.plane)
    images = stack.images[list(slices)]
    maps: dict[str, Floats] = {}
    for member, fresh in zip(ensemble.planes[series.plane], untrained[series.plane], strict=True):
        for stride, heat in zip(STRIDES, body_maps(member, images), strict=True):
            maps[f"body at stride {stride}/{member.name}"] = heat
        maps[f"random weights/{member.name}"] = grad_cam(fresh.network, fresh.inputs(images))[0]
    return {name: stack.grid.from_square(heat) for name, heat in maps.items()}


def body_maps(member: Member, images: Floats) -> list[Floats]:
    """Grad-CAM `(n, h, w)` at each map that the body hands to the head, finest first, in logits.

    Args:
        member: whose network nobody else runs meanwhile.
        images: prepared slices `(n, 256, 256)`.
    """
    with torch.no_grad():
        maps = member.network.body(member.inputs(images))
    with torch.enable_grad():
        read = [m.detach().requires_grad_() for m in maps]
        logits, _ = member.network.head(read)
        inflammatory = logits[:, PATTERNS.index(Pattern.INFLAMMATORY)].sum()
        slopes = torch.autograd.grad(inflammatory, read)
    heats = []
    for active, slope in zip(maps, slopes, strict=True):
        weights = slope.sum(dim=(2, 3), keepdim=True)  # a mean, times the number of cells
        heat = (weights * active).sum(dim=1).clamp(min=0)
        heats.append(np.asarray(heat.float().cpu().numpy(), dtype=np.float32))
    return heats
