"""Other methods of the grad-cam package at the layer that Grad-CAM is read at, to compare them.

Only where such a map is hot can be compared, not how hot: each method has a scale of its own.

HiResCAM: Draelos and Carin 2020, arXiv:2011.08891. Grad-CAM++: Chattopadhay et al. 2018,
arXiv:1710.11063. LayerCAM: Jiang et al. 2021, doi:10.1109/TIP.2021.3089943. XGrad-CAM: Fu et al.
2020, arXiv:2008.02312.
"""

from collections.abc import Mapping
from types import MappingProxyType

import torch
from pytorch_grad_cam import GradCAMPlusPlus, HiResCAM, LayerCAM, XGradCAM
from pytorch_grad_cam.base_cam import BaseCAM
from torch import Tensor, nn

from asemble.core.volume import Floats
from asemble.explain.gradcam import unscaled_map
from asemble.models import Member
from asemble.models.evidence_head import EvidenceNetwork

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
    maps = {}
    for name, method in OTHER_METHODS.items():
        maps[name] = unscaled_map(method, head, head.head.fuse, inputs)
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
