"""The evidence head that every member ends in: maps of evidence, pooled into logits.

A logit is the mean of the strongest cells of its class's map, so a prediction is made of places
that can be shown, and lesion masks can teach the same numbers that the label does.
"""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from asemble.core.labels import PATTERNS

STRIDES = (4, 8, 16)
"""Of the three feature maps that a body hands to the head."""
IMAGE_SIDE = 256
"""Pixels along a side of the square that every network reads."""
EVIDENCE_SIDE = IMAGE_SIDE // STRIDES[0]
"""Cells along a side of an evidence map: 64, or 3.1 mm a cell in a field of 200 mm.

Grad-CAM read at 8x8 points at 0.02-0.16 of lesions of 50 mm²; 32x32 is the coarsest that serves.
"""
TOP_CELLS = 6
"""Cells averaged into a logit: about 60 mm², the size of a typical small lesion (50-200 mm²)."""
FEATURES = 48
"""Channels of the fused map."""


class EvidenceHead(nn.Module):
    """Feature maps at strides 4, 8 and 16 to three evidence maps and three logits.

    `fuse` is the module that Grad-CAM reads: `(n, FEATURES, 64, 64)`.

    Args:
        channels: of the maps at strides 4, 8 and 16, in that order.
        features: of the fused map.

    Raises:
        ValueError: there are not three maps.

    >>> head = EvidenceHead((8, 16, 32))
    >>> maps = [torch.zeros(2, c, s, s) for c, s in ((8, 64), (16, 32), (32, 16))]
    >>> tuple(head(maps)[1].shape)
    (2, 3, 64, 64)
    """

    def __init__(self, channels: Sequence[int], features: int = FEATURES) -> None:
        super().__init__()
        if len(channels) != len(STRIDES):
            raise ValueError(f"channels must be one for each of {STRIDES}, got {channels}")
        self.laterals = nn.ModuleList(nn.Conv2d(c, features, kernel_size=1) for c in channels)
        self.norm = nn.BatchNorm2d(features)
        self.fuse = nn.Sequential(
            nn.Conv2d(features, features, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(features),
            nn.ReLU(),
        )
        self.evidence = nn.Conv2d(features, len(PATTERNS), kernel_size=1)
        self.scale = nn.Parameter(torch.ones(len(PATTERNS)))
        self.bias = nn.Parameter(torch.zeros(len(PATTERNS)))
        # Lesions cover about one cell in a hundred; starting there spares the first steps.
        nn.init.constant_(cast(Tensor, self.evidence.bias), -3.0)

    def forward(self, maps: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Logits `(n, 3)` and raw evidence `(n, 3, 64, 64)`, both in the order of `PATTERNS`."""
        return self.answer(self.features(maps))

    def features(self, maps: Sequence[Tensor]) -> Tensor:
        """The fused map `(n, features, 64, 64)`, which Grad-CAM reads."""
        fine, *coarser = (lateral(m) for lateral, m in zip(self.laterals, maps, strict=True))
        total = coarser.pop()  # from stride 16 up, adding at each scale
        for lateral in (*reversed(coarser), fine):
            total = lateral + functional.interpolate(
                total, size=lateral.shape[-2:], mode="bilinear", align_corners=False
            )
        fused: Tensor = self.fuse(functional.relu(self.norm(total)))
        return fused

    def answer(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and evidence, as of `forward`, from the fused map."""
        evidence = self.evidence(features).float()
        strongest = evidence.flatten(2).topk(TOP_CELLS, dim=2).values  # (n, 3, TOP_CELLS)
        return strongest.mean(dim=2) * self.scale + self.bias, evidence


class EvidenceNetwork(nn.Module):
    """A body that makes feature maps, ending in an `EvidenceHead`.

    Args:
        body: `(n, 1, 256, 256)` to three maps at strides 4, 8 and 16.
        channels: of those maps.
    """

    def __init__(self, body: nn.Module, channels: Sequence[int]) -> None:
        super().__init__()
        self.body = body
        self.head = EvidenceHead(channels)

    def forward(self, images: Tensor) -> Tensor:
        """Logits `(n, 3)`: the one tensor that Grad-CAM asks of a network."""
        return self.with_evidence(images)[0]

    def with_evidence(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Logits `(n, 3)` and raw evidence `(n, 3, 64, 64)` from images `(n, 1, 256, 256)`."""
        logits, evidence = self.head(self.body(images))
        return logits, evidence

    def features(self, images: Tensor) -> Tensor:
        """The fused map `(n, FEATURES, 64, 64)` from images `(n, 1, 256, 256)`."""
        return self.head.features(self.body(images))
