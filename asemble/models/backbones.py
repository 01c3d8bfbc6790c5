"""Bodies of the members that come from timm: one channel in, maps at strides 2 to 16 out."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

import timm
from torch import Tensor, nn

from asemble.models.evidence_head import STRIDES, EvidenceNetwork

PVT_CHANGES: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {"depths": (1, 1, 2, 1), "mlp_ratios": (4, 4, 4, 4)}
)
"""PVTv2-B0 made shallower: it runs in little more than half of the time."""
EFFICIENTNET_STAGES = 5
"""Stages of EfficientNet down to stride 16."""


class Centred(nn.Module):
    """A body that was trained on images of -1..1, fed with squashed ones of 0..1."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, images: Tensor) -> list[Tensor]:
        """As of the body."""
        maps: list[Tensor] = self.body((images - 0.5) / 0.5)
        return maps


class WithDetail(nn.Module):
    """A body that begins at stride 4, and two convolutions at stride 2 beside it."""

    channels = 16

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.detail = nn.Sequential(
            nn.Conv2d(1, self.channels, kernel_size=3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(self.channels),
            nn.ReLU(),
            nn.Conv2d(self.channels, self.channels, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(self.channels),
            nn.ReLU(),
        )
        self.body = body

    def forward(self, images: Tensor) -> list[Tensor]:
        """Four maps, finest first."""
        return [self.detail(images), *self.body(images)]


def efficientnet() -> EvidenceNetwork:
    """EfficientNet-lite0 (arXiv:1905.11946) to stride 16; `models.imagenet` can fill it."""
    body, channels = _timm_body("tf_efficientnet_lite0", STRIDES, {})
    body.blocks = body.blocks[:EFFICIENTNET_STAGES]  # timm leaves those that nothing reads
    return EvidenceNetwork(Centred(body), channels)


def pvt() -> EvidenceNetwork:
    """PVTv2-B0 (arXiv:2106.13797) to stride 16."""
    body, channels = _timm_body("pvt_v2_b0", STRIDES[1:], PVT_CHANGES)
    return EvidenceNetwork(WithDetail(body), (WithDetail.channels, *channels))


def _timm_body(
    name: str, strides: Sequence[int], changes: Mapping[str, Any]
) -> tuple[Any, list[int]]:
    """A timm network of one channel without its last stage, and the channels of its maps."""
    make: Callable[..., Any] = partial(
        timm.create_model, name, features_only=True, in_chans=1, pretrained=False, **changes
    )
    reductions = make().feature_info.reduction()
    body = make(out_indices=[reductions.index(stride) for stride in strides])
    return body, body.feature_info.channels()
