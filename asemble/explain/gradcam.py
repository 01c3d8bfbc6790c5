"""Grad-CAM of one network by the grad-cam package, in logits instead of the package's scale.

The package divides every map by its own maximum, so that negligible evidence looks as hot as
strong evidence. Here the map is taken from it before that division and multiplied by its number
of cells: a cell then says how much the logit would gain if the whole map looked like that cell,
which compares between slices, series and studies.

Grad-CAM: Selvaraju et al., ICCV 2017, doi:10.1109/ICCV.2017.74.
"""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import torch
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import Tensor, nn

from asemble.core.labels import PATTERNS, Pattern
from asemble.core.volume import Floats
from asemble.models.evidence import EvidenceNetwork


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


class _HeadWithGradients(nn.Module):
    """A network whose body runs without gradients: Grad-CAM reads a layer of the head.

    Going back through the body as well would cost twice the forward pass and change nothing.
    """

    def __init__(self, network: EvidenceNetwork) -> None:
        super().__init__()
        self.network = network
        self.seen = torch.empty(0)

    def forward(self, images: Tensor) -> Tensor:
        """Logits `(n, 3)`; keeps the evidence of the same pass in `seen`."""
        with torch.no_grad():
            maps = self.network.body(images)
        # Where weights are frozen, gradients still flow, because the maps ask for them.
        logits, evidence = self.network.head([m.detach().requires_grad_() for m in maps])
        self.seen = evidence.detach()
        return cast(Tensor, logits)


def gradcam(network: EvidenceNetwork, layer: nn.Module, images: Tensor) -> tuple[Floats, Floats]:
    """Where the inflammatory logit is sensitive, and the raw evidence of the same pass.

    Hooks sit on the network while this runs: hold the ensemble's lock.

    Args:
        network: in evaluation mode and float32.
        layer: a module of its head whose output is `(n, channel, h, w)`.
        images: `(n, 1, 256, 256)` on the network's device.

    Returns:
        Heat `(n, h, w)` float32 in logits, at least 0, and evidence `(n, 3, 64, 64)`.

    Raises:
        ValueError: the layer is not in the head.
    """
    if all(layer is not module for module in network.head.modules()):
        raise ValueError("Grad-CAM must read a layer of the head")
    target = ClassifierOutputTarget(PATTERNS.index(Pattern.INFLAMMATORY))
    head = _HeadWithGradients(network).eval()
    # Not as a context manager: on leaving, the package's own swallows an IndexError.
    cam = UnscaledGradCAM(head, [layer])
    try:
        with torch.enable_grad():
            heat = cam(images, targets=[target] * len(images))
    finally:
        cam.activations_and_grads.release()
        cam.outputs = None  # the graph hangs on it
        network.zero_grad(set_to_none=True)
    return np.asarray(heat, dtype=np.float32), head.seen.float().cpu().numpy()
