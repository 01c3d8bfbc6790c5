"""The body of ASembleNet: wide residual, then ConvNeXt, then ViT encoder.

Each stage works where it is cheapest: convolution where the map is large and detail is local
(stride 4), attention where every token can see every other for little (stride 16, 256 tokens).
About 0.6 GMAC for a slice of 256x256.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from asemble.imaging.slices import SIDE
from asemble.models.evidence_head import STRIDES

STEM = 16
"""Channels at stride 2."""
WIDTHS = (40, 96, 128)
"""Channels at strides 4 (wide residual), 8 (ConvNeXt) and 16 (ViT)."""
DEPTHS = (2, 2, 2)
"""Blocks at strides 4, 8 and 16."""
HEADS = 4
"""Attention heads of the ViT encoder."""
EXPANSION = 4
"""Widening inside ConvNeXt and ViT blocks, as both were published with."""


class SqueezeExcite(nn.Module):
    """Reweighs channels by what the whole map holds (Hu 2018, doi:10.1109/CVPR.2018.00745)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = max(8, channels // 4)
        self.squeeze = nn.Linear(channels, hidden)
        self.excite = nn.Linear(hidden, channels)

    def forward(self, x: Tensor) -> Tensor:
        """`(n, c, h, w)` to the same shape."""
        weights = torch.sigmoid(self.excite(functional.relu(self.squeeze(x.mean(dim=(2, 3))))))
        return x * weights[:, :, None, None]


class WideResidual(nn.Module):
    """Two 3x3 convolutions with squeeze-and-excitation (Zagoruyko 2016, arXiv:1605.07146)."""

    def __init__(self, inside: int, outside: int, *, stride: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(inside, outside, kernel_size=3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(outside),
            nn.ReLU(),
            nn.Conv2d(outside, outside, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(outside),
            SqueezeExcite(outside),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inside != outside:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inside, outside, kernel_size=1, stride=stride, bias=False),
                nn.BatchNorm2d(outside),
            )

    def forward(self, x: Tensor) -> Tensor:
        """`(n, inside, h, w)` to `(n, outside, h / stride, w / stride)`."""
        total: Tensor = self.branch(x) + self.shortcut(x)
        return functional.relu(total)


class ConvNeXt(nn.Module):
    """7x7 depthwise convolution and a pointwise network (Liu 2022, arXiv:2201.03545)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, kernel_size=7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels)
        self.widen = nn.Linear(channels, EXPANSION * channels)
        self.narrow = nn.Linear(EXPANSION * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """`(n, c, h, w)` to the same shape."""
        y = self.depthwise(x).permute(0, 2, 3, 1)  # (n, h, w, c), where linear layers act
        y = self.narrow(functional.gelu(self.widen(self.norm(y))))
        changed: Tensor = x + y.permute(0, 3, 1, 2)
        return changed


class Encoder(nn.Module):
    """One pre-norm ViT block (Dosovitskiy 2021, arXiv:2010.11929)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm_attention = nn.LayerNorm(channels)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.project = nn.Linear(channels, channels)
        self.norm_network = nn.LayerNorm(channels)
        self.widen = nn.Linear(channels, EXPANSION * channels)
        self.narrow = nn.Linear(EXPANSION * channels, channels)

    def forward(self, tokens: Tensor) -> Tensor:
        """`(n, tokens, c)` to the same shape."""
        n, length, channels = tokens.shape
        qkv = self.qkv(self.norm_attention(tokens)).view(n, length, 3, HEADS, channels // HEADS)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # each (n, head, token, c / head)
        seen = functional.scaled_dot_product_attention(query, key, value)
        tokens = tokens + self.project(seen.transpose(1, 2).reshape(n, length, channels))
        inner = functional.gelu(self.widen(self.norm_network(tokens)))
        changed: Tensor = tokens + self.narrow(inner)
        return changed


class ASembleBody(nn.Module):
    """Images `(n, seen, 256, 256)` to maps at strides 2, 4, 8 and 16.

    Args:
        seen: channels of the images.

    >>> [tuple(m.shape[1:]) for m in ASembleBody()(torch.zeros(1, 1, 256, 256))]
    [(16, 128, 128), (40, 64, 64), (96, 32, 32), (128, 16, 16)]
    """

    channels = (STEM, *WIDTHS)

    def __init__(self, seen: int = 1) -> None:
        super().__init__()
        wide, middle, deep = WIDTHS
        self.stem = nn.Sequential(
            nn.Conv2d(seen, STEM, kernel_size=3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(STEM),
            nn.ReLU(),
        )
        self.residual = nn.Sequential(
            WideResidual(STEM, wide, stride=2),
            *(WideResidual(wide, wide, stride=1) for _ in range(DEPTHS[0] - 1)),
        )
        self.to_convnext = nn.Sequential(
            nn.Conv2d(wide, middle, kernel_size=2, stride=2, bias=False), nn.BatchNorm2d(middle)
        )
        self.convnext = nn.Sequential(*(ConvNeXt(middle) for _ in range(DEPTHS[1])))
        self.to_tokens = nn.Conv2d(middle, deep, kernel_size=2, stride=2)
        side = SIDE // STRIDES[-1]
        self.position = nn.Parameter(0.02 * torch.randn(1, side * side, deep))
        self.encoder = nn.Sequential(*(Encoder(deep) for _ in range(DEPTHS[2])))
        self.norm = nn.LayerNorm(deep)
        self.excite = SqueezeExcite(deep)

    def forward(self, images: Tensor) -> list[Tensor]:
        """The four maps, finest first."""
        finest = self.stem(images)
        fine = self.residual(finest)
        middle = self.convnext(self.to_convnext(fine))
        patches = self.to_tokens(middle)  # (n, c, 16, 16)
        tokens = self.encoder(patches.flatten(2).transpose(1, 2) + self.position)
        deep = self.norm(tokens).transpose(1, 2).reshape(patches.shape)
        return [finest, fine, middle, self.excite(deep)]
