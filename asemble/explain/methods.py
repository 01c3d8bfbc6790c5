"""Other methods of the grad-cam package at the layer that Grad-CAM is read at, to compare them.

Only where such a map is hot can be compared, not how hot: each method has a scale of its own.

HiResCAM: Draelos and Carin 2020, arXiv:2011.08891. Grad-CAM++: Chattopadhay et al. 2018,
arXiv:1710.11063. LayerCAM: Jiang et al. 2021, doi:10.1109/TIP.2021.3089943. XGrad-CAM: Fu et al.
2020, arXiv:2008.02312.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from pytorch_grad_cam import GradCAMPlusPlus, HiResCAM, LayerCAM, XGradCAM
from pytorch_grad_cam.base_cam import BaseCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import Tensor, nn

from asemble.core.labels import PATTERNS, Pattern
from asemble.core.volume import Floats
from asemble.models import Member
from asemble.models.evidence import EvidenceNetwork

OTHER_METHODS: Mapping[str, type[BaseCAM]] = MappingProxyType(
    {"hirescam": HiResCAM, "gradcam++": GradCAMPlusPlus, "layercam": LayerCAM, "xgradcam": XGradCAM}
)
"""Classes of the package by the name of the method in records."""


def other_maps(member: Member, images: Floats) -> dict[str, Floats]:
    """What each other method makes of prepared slices: `(n, 128, 128)` float32, at least 0.

    Args:
        member: whose network nobody else runs meanwhile.
        images: prepared slices `(n, 256, 256)`.
    """
    inputs = member.inputs(images)
    head = _HeadOnMaps(member.network, inputs)
    target = ClassifierOutputTarget(PATTERNS.index(Pattern.INFLAMMATORY))
    maps = {}
    for name, method in OTHER_METHODS.items():
        cam = _unscaled(method)(head, [member.cam_module])
        try:
            with torch.enable_grad():
                maps[name] = np.asarray(cam(inputs, targets=[target] * len(images)))
        finally:
            cam.activations_and_grads.release()
            cam.outputs = None  # the graph hangs on it
            member.network.zero_grad(set_to_none=True)
    return maps


class _HeadOnMaps(nn.Module):
    """A network that has read its images already: every method asks its head alone."""

    def __init__(self, network: EvidenceNetwork, images: Tensor) -> None:
        super().__init__()
        self.head = network.head
        with torch.no_grad():
            self._maps = network.body(images)

    def forward(self, images: Tensor) -> Tensor:
        """Logits `(n, 3)` of the images that were read, which `images` must be."""
        logits: Tensor = self.head([m.detach().requires_grad_() for m in self._maps])[0]
        return logits


def _unscaled(method: type[BaseCAM]) -> type[BaseCAM]:
    """The method without the package's division by each map's maximum and without resizing."""

    class Unscaled(method):  # type: ignore[misc]  # the package ships no types
        def compute_cam_per_layer(
            self, input_tensor: Tensor, targets: list[Any], eigen_smooth: bool
        ) -> list[Floats]:
            """One `(n, h, w)` array a layer."""
            seen = self.activations_and_grads
            layers = zip(self.target_layers, seen.activations, seen.gradients, strict=True)
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
