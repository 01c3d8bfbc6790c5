"""Grad-CAM of one network by the grad-cam package, in logits instead of the package's scale.

The package divides every map by its own maximum, so that negligible evidence looks as hot as
strong evidence. Here the map is taken from it before that division and multiplied by its number
of cells: a cell then says how much the logit would gain if the whole map looked like that cell,
which compares between slices, series and studies.

Grad-CAM: Selvaraju et al., ICCV 2017, doi:10.1109/ICCV.2017.74.
"""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import Tensor, nn

from asemble.core.labels import PATTERNS, Pattern
from asemble.core.volume import Floats
from asemble.models.evidence import EvidenceHead, EvidenceNetwork


class UnscaledGradCAM(GradCAM):  # type: ignore[misc]  # the package ships no types
    """Grad-CAM whose result is the rectified map in logits, at the layer's own size."""

    def compute_cam_per_layer(
        self, input_tensor: Tensor, targets: list[Any], eigen_smooth: bool
    ) -> list[Floats]:
        """One `(n, 1, h, w)` array a layer, without the package's scaling and resizing."""
        activations = self.activations_and_grads.activations
        gradients = self.activations_and_grads.gradients
        maps = []
        for layer, active, gradient in zip(self.target_layers, activations, gradients, strict=True):
            cam = self.get_cam_image(
                input_tensor, layer, targets, active.numpy(), gradient.numpy(), eigen_smooth
            )
            cells = cam.shape[-2] * cam.shape[-1]
            maps.append(np.maximum(cam, 0).astype(np.float32)[:, None] * np.float32(cells))
        return maps

    def aggregate_multi_layers(self, cam_per_target_layer: Sequence[Floats]) -> Floats:
        """`(n, h, w)`: the mean over layers, without the package's second scaling."""
        return np.asarray(np.concatenate(cam_per_target_layer, axis=1).mean(axis=1))


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


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """Where one network found `inflammatory` on some slices.

    Args:
        heat: `(n, 128, 128)` float32, Grad-CAM in logits, at least 0.
        features: `(n, c, 128, 128)`, the fused map that it was read from.
    """

    heat: Floats
    features: Tensor


def look(network: EvidenceNetwork, images: Tensor) -> Look:
    """Grad-CAM of one pass; only the head's last stage needs a gradient.

    Grad-CAM reads the fused map; going back through the body would change nothing.

    Args:
        network: in evaluation mode and float32.
        images: `(n, 1, 256, 256)` on the network's device.
    """
    with torch.no_grad():
        features = network.features(images)
    target = ClassifierOutputTarget(PATTERNS.index(Pattern.INFLAMMATORY))
    stage = _LastStage(network.head).eval()
    # Not as a context manager: on leaving, the package's own swallows an IndexError.
    cam = UnscaledGradCAM(stage, [stage.read])
    try:
        with torch.enable_grad():
            heat = cam(features.requires_grad_(), targets=[target] * len(images))
    finally:
        cam.activations_and_grads.release()
        cam.outputs = None  # the graph hangs on it
    return Look(np.asarray(heat, dtype=np.float32), features.detach())
