"""Random changes to a batch: place, then intensity, then the squash that networks read.

The simulator varies anatomy, lesions and acquisition; this keeps a slice that is seen twice from
being the same slice. Ranges are those that carried over to real slices.
"""

import math

import torch
from torch import Generator, Tensor
from torch.nn import functional

from asemble.imaging.intensity import SQUASH_GAIN

ROTATION_DEG = 8.0
"""Positioning of a patient beyond what the simulator tilts."""
SCALE = 0.10
"""Body size and field of view, as a share."""
SHIFT = 0.06
"""Of the field: 12 mm, because the middle of a slice is not the middle of the sacrum."""
SQUASH_RANGE = (1.0, 2.4)
"""Around 1.6: bends the grey scale as another contrast would."""
MEDIAN_RANGE = (0.75, 1.3)
"""The foreground median moves so much with how much fat and muscle a slice holds."""
NOISE = 0.06
"""Largest added noise, in foreground medians."""
BLUR_SHARE = 0.3
"""Share of slices that lose sharpness."""


def augment(images: Tensor, lesions: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """Randomly changed copies of a batch.

    Args:
        images: `(n, 256, 256)` or `(n, channel, 256, 256)`, ratio to the foreground median, not
            squashed; the channels of a slice are changed alike.
        lesions: `(n, 2, 128, 128)`, 0..1; moved with the images.
        generator: of the random numbers, on the CPU.

    Returns:
        Squashed images `(n, channel, 256, 256)` and lesions `(n, 2, 128, 128)`.
    """
    n = len(images)
    place = random_places(n, generator).to(images.device)
    moved = move(images if images.ndim == 4 else images[:, None], place)
    moved = _blur(moved, uniform(n, 0, 1, generator).to(images.device))
    noise = torch.randn(moved.shape, generator=generator).to(images.device)
    noise = noise * uniform(n, 0, NOISE, generator).to(images.device)
    brightness = torch.exp(
        uniform(n, math.log(MEDIAN_RANGE[0]), math.log(MEDIAN_RANGE[1]), generator)
    ).to(images.device)
    ratios = (moved * brightness + noise * (moved > 0)).clamp_min(0)
    constant = uniform(n, *SQUASH_RANGE, generator).to(images.device)
    return ratios / (ratios + constant) * SQUASH_GAIN, move(lesions, place)


def random_places(n: int, generator: Generator) -> Tensor:
    """`(n, 2, 3)`: from places in the new image to places in the old, both -1..1; on the CPU."""
    angle = torch.deg2rad(uniform(n, -ROTATION_DEG, ROTATION_DEG, generator)).flatten()
    scale = 1 + uniform(n, -SCALE, SCALE, generator).flatten()
    mirror = torch.where(torch.rand(n, generator=generator) < 0.5, -1.0, 1.0)
    shift = uniform(2 * n, -2 * SHIFT, 2 * SHIFT, generator).view(n, 2)
    cosine, sine = torch.cos(angle) * scale, torch.sin(angle) * scale
    right = torch.stack([cosine * mirror, -sine, shift[:, 0]], dim=1)
    down = torch.stack([sine * mirror, cosine, shift[:, 1]], dim=1)
    return torch.stack([right, down], dim=1)


def move(images: Tensor, place: Tensor) -> Tensor:
    """Images `(n, c, h, w)` as `random_places` puts them, empty where nothing was."""
    grid = functional.affine_grid(place, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, align_corners=False)


def _blur(images: Tensor, chance: Tensor) -> Tensor:
    """Blends a share of the slices with their 3x3 mean, by a random amount."""
    smooth = functional.avg_pool2d(images, kernel_size=3, stride=1, padding=1)
    amount = ((BLUR_SHARE - chance) / BLUR_SHARE).clamp_min(0)
    return images + amount * (smooth - images)


def uniform(n: int, low: float, high: float, generator: Generator) -> Tensor:
    """`(n, 1, 1, 1)` numbers from `low` to `high`, on the CPU."""
    return low + (high - low) * torch.rand(n, 1, 1, 1, generator=generator)
