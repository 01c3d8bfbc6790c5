"""The head that every member ends in: what each place is, and evidence, pooled into logits.

A logit is the mean of the strongest cells of its class's map, so a prediction is made of places
that can be shown, and lesion masks can teach the same numbers that the label does. The decoder
works its way up to 128x128, 1.6 mm a cell in a field of 200 mm, since a thin lesion is 2-3 mm deep.
It names the tissue of each place, bone under oedema too, and a lesion counts as evidence where
there is bone or joint.
"""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from asemble.core.labels import PATTERNS, Pattern, Tissue

STRIDES = (2, 4, 8, 16)
"""Of the four feature maps that a body hands to the head."""
TOP_CELLS = 24
"""Cells averaged into a logit: about 60 mm², the size of a typical small lesion (50-200 mm²)."""
WIDTH, FEATURES = 64, 32
"""Channels of the decoder at strides 16 to 4, and of the fused map at stride 2."""
SMALLEST_LOG_SHARE = -6.0
"""Evidence in a place that is surely no bone loses so many logits and no more."""
AT_JOINT = slice(Tissue.SACRUM, Tissue.JOINT_SPACE + 1)
"""Tissue maps of where oedema and what comes of it can be: sacrum, ilia, joint space."""
LESIONS = slice(PATTERNS.index(Pattern.INFLAMMATORY), PATTERNS.index(Pattern.MECHANICAL) + 1)
"""Evidence maps that show lesions."""


def share_of_bone(tissue: Tensor) -> Tensor:
    """`(n, 1, h, w)`: how likely each place is bone or joint, from tissue logits `(n, 6, h, w)`."""
    return torch.softmax(tissue, dim=1)[:, AT_JOINT].sum(dim=1, keepdim=True)


class EvidenceHead(nn.Module):
    """Feature maps at strides 2, 4, 8 and 16 to tissue, oedema, evidence and logits.

    `fuse` is the module that Grad-CAM reads: `(n, FEATURES, 128, 128)`.

    Args:
        channels: of the maps at strides 2, 4, 8 and 16, in that order.

    Raises:
        ValueError: there are not four maps.

    >>> head = EvidenceHead((8, 8, 16, 32))
    >>> maps = [torch.zeros(2, c, s, s) for c, s in ((8, 128), (8, 64), (16, 32), (32, 16))]
    >>> tuple(head(maps)[1].shape)
    (2, 3, 128, 128)
    """

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        if len(channels) != len(STRIDES):
            raise ValueError(f"channels must be one for each of {STRIDES}, got {channels}")
        widths = (FEATURES, WIDTH, WIDTH, WIDTH)
        self.laterals = nn.ModuleList(
            nn.Conv2d(c, width, kernel_size=1) for c, width in zip(channels, widths, strict=True)
        )
        self.middle = _refine(WIDTH, WIDTH)
        self.fine = _refine(WIDTH, FEATURES)
        self.norm = nn.BatchNorm2d(FEATURES)
        self.fuse = _refine(FEATURES, FEATURES)
        self.evidence = nn.Conv2d(FEATURES, len(PATTERNS), kernel_size=1)
        self.tissue = nn.Conv2d(FEATURES, len(Tissue), kernel_size=1)
        self.oedema = nn.Conv2d(FEATURES, 1, kernel_size=1)
        self.scale = nn.Parameter(torch.ones(len(PATTERNS)))
        self.bias = nn.Parameter(torch.zeros(len(PATTERNS)))
        # Lesions cover about one cell in a hundred; starting there spares the first steps.
        for lesions in (self.evidence, self.oedema):
            nn.init.constant_(cast(Tensor, lesions.bias), -3.0)

    def forward(self, maps: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Logits `(n, 3)` and evidence `(n, 3, 128, 128)`, both in the order of `PATTERNS`."""
        return self.answer(self.features(maps))

    def features(self, maps: Sequence[Tensor]) -> Tensor:
        """The fused map `(n, FEATURES, 128, 128)`, which Grad-CAM reads."""
        # Channels last, whichever way the body laid them: a fifth of the decoder's time.
        finest, fine, middle, deep = (
            lateral(m.contiguous(memory_format=torch.channels_last))
            for lateral, m in zip(self.laterals, maps, strict=True)
        )
        total = self.middle(functional.relu(middle + _twice(deep)))
        total = self.fine(functional.relu(fine + _twice(total)))
        fused: Tensor = self.fuse(functional.relu(self.norm(finest + _twice(total))))
        return fused

    def places(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Tissue `(n, 6, 128, 128)` and oedema `(n, 1, 128, 128)` in logits, from the fused map."""
        return self.tissue(features).float(), self.oedema(features).float()

    def answer(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and evidence, as of `forward`, from the fused map."""
        evidence = self.evidence_where(features, self.tissue(features).float())
        return self.pool(evidence), evidence

    def evidence_where(self, features: Tensor, tissue: Tensor) -> Tensor:
        """Evidence, as of `forward`, from the fused map and the tissue in logits."""
        bone = share_of_bone(tissue).detach()  # says where, learns nothing
        within = torch.log(bone).clamp_min(SMALLEST_LOG_SHARE)
        raw = self.evidence(features).float()
        normal, *lesions = raw.split(1, dim=1)
        return torch.cat([normal, *(one + within for one in lesions)], dim=1)

    def pool(self, evidence: Tensor) -> Tensor:
        """Logits `(n, 3)`: of each class the mean of its strongest cells, scaled and shifted."""
        strongest = evidence.flatten(2).topk(TOP_CELLS, dim=2).values
        logits: Tensor = strongest.mean(dim=2) * self.scale + self.bias
        return logits


class EvidenceNetwork(nn.Module):
    """A body that makes feature maps, ending in a `EvidenceHead`.

    Args:
        body: `(n, 1, 256, 256)` to four maps at strides 2, 4, 8 and 16.
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
        """Logits `(n, 3)` and evidence `(n, 3, 128, 128)` from images `(n, 1, 256, 256)`."""
        logits, evidence = self.head(self.body(images))
        return logits, evidence

    def features(self, images: Tensor) -> Tensor:
        """The fused map `(n, FEATURES, 128, 128)` from images `(n, 1, 256, 256)`."""
        return self.head.features(self.body(images))


def _refine(inside: int, outside: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inside, outside, kernel_size=3, padding=1, bias=False),
        nn.BatchNorm2d(outside),
        nn.ReLU(),
    )


def _twice(maps: Tensor) -> Tensor:
    return functional.interpolate(maps, scale_factor=2, mode="bilinear", align_corners=False)
