"""The adapter to the grad-cam package: maps in logits, instead of the package's scale.

The package divides every map by its own maximum, so that negligible evidence looks as hot as
strong evidence. Here the map is taken from it before that division. Grad-CAM's is multiplied by its
number of cells: a cell then says how much the logit would gain if the whole map looked like that
cell, which compares between slices, series and studies.

Grad-CAM: Selvaraju et al., ICCV 2017, doi:10.1109/ICCV.2017.74.
"""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.base_cam import BaseCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import Tensor, nn

from asemble.core.labels import PATTERNS, Pattern
from asemble.core.volume import Floats
from asemble.models.evidence_head import EvidenceHead, EvidenceNetwork


def grad_cam(network: EvidenceNetwork, images: Tensor) -> tuple[Floats, Tensor]:
    """Grad-CAM of one pass; only the head's last stage needs a gradient.

    Grad-CAM reads the fused map; going back through the body would change nothing.

    Args:
        network: in evaluation mode and float32.
        images: `(n, 1, 256, 256)` on the network's device.

    Returns:
        Heat `(n, 128, 128)` float32 in logits, at least 0, and the fused map `(n, c, 128, 128)`
        that it was read from.
    """
    with torch.no_grad():
        features = network.features(images)
    stage = _LastStage(network.head).eval()
    heat = unscaled_map(GradCAM, stage, stage.read, features.requires_grad_())
    return heat * np.float32(heat[0].size), features.detach()


def unscaled_map(
    method: type[BaseCAM], network: nn.Module, layer: nn.Module, images: Tensor
) -> Floats:
    """What a method of the package makes of `inflammatory` at a layer: `(n, h, w)`, at least 0.

    Args:
        method: of the package.
        network: whose logits are explained; no hook is left on it.
        layer: of the network, that is read at.
        images: what the network reads.
    """
    target = ClassifierOutputTarget(PATTERNS.index(Pattern.INFLAMMATORY))
    # Not as a context manager: on leaving, the package's own swallows an IndexError.
    cam = _unscaled(method)(network, [layer])
    try:
        with torch.enable_grad():
            return np.asarray(cam(images, targets=[target] * len(images)), dtype=np.float32)
    finally:
        cam.activations_and_grads.release()
        cam.outputs = None  # the graph hangs on it


def _unscaled(method: type[BaseCAM]) -> type[BaseCAM]:
    """The method without the package's division by each map's maximum and without resizing."""

    class Unscaled(method):  # type: ignore[misc]  # the package ships no types
        def compute_cam_per_layer(
            self, input_tensor: Tensor, targets: list[Any], eigen_smooth: bool
        ) -> list[Floats]:
            """One `(n, h, w)` array a layer."""
            read = self.activations_and_grads
            layers = zip(self.target_layers, read.activations, read.gradients, strict=True)
            return [
                np.maximum(
                    self.get_cam_image(
                        input_tensor, layer, targets, active.numpy(), slope.numpy(), eigen_smooth
                    ),
                    0,
                ).astype(np.float32)
                for layer, active, slope in layers
            ]

        def aggregate_multi_layers(self, cam_per_target_layer: Sequence[Floats]) -> Floats:
            """The map of the one layer, `(n, h, w)`."""
            (heat,) = cam_per_target_layer
            return heat

    return Unscaled


class _LastStage(nn.Module):
    """The head from the fused map on: all of a network that Grad-CAM needs a gradient through.

    A copy, so that neither a hook nor a gradient is left on what others use.
    """

    def __init__(self, head: EvidenceHead) -> None:
        super().__init__()
        self.read = nn.Identity()
        self.head = deepcopy(head).requires_grad_(False)

    def forward(self, features: Tensor) -> Tensor:
        """Logits `(n, 3)`."""
        return self.head.answer(self.read(features))[0]
