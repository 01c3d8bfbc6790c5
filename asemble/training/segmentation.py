"""Segmentation of bone and oedema: batches of slices, their augmentation, and the losses.

Tissue everywhere, under oedema too; oedema and its pattern on fluid-sensitive slices alone, since
T1 shows it hardly. Ranges are those that carried over to real slices.
"""

import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import functional

from asemble.core.labels import Tissue
from asemble.datasets.slice_set import OUTSIDE, UNKNOWN
from asemble.imaging.intensity import SQUASH_GAIN
from asemble.models.evidence_head import LESIONS, EvidenceNetwork
from asemble.training.augment import MEDIAN_RANGE, SQUASH_RANGE, move, random_places, uniform

NOISE = 0.10
"""Largest added noise, in foreground medians."""
COIL = 0.2
"""Standard deviation of log brightness across a slice beyond the simulator's coils."""
CURVE_SHARE = 0.4
"""Share of the slices whose grey scale is bent by a random curve."""
GAMMA, WAVE = 0.45, 0.05
"""Largest log exponent and largest sine of that curve: it may bend, hardly turn."""
SHARPNESS = (-0.8, 1.0)
"""From nearly the 3x3 mean to once more the difference from it."""
FILTER_NOISE = 0.03
"""Standard deviation of each weight of a random filter."""
TISSUE_WEIGHT, TISSUE_DICE = 1.0, 0.5
OEDEMA_WEIGHT, OEDEMA_POSITIVE, OEDEMA_DICE = 8.0, 4.0, 1.0
EVIDENCE_WEIGHT, EVIDENCE_POSITIVE, EVIDENCE_DICE = 6.0, 8.0, 0.5
LABEL_WEIGHT = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Slices and their truth.

    Args:
        images: `(n, 1, 256, 256)`: ratios to the foreground median, or squashed after `changed`.
        tissue: `(n, 128, 128)` int64, a `Tissue` each, or `OUTSIDE` or `UNKNOWN`.
        lesions: `(n, 2, 128, 128)`, share of inflammatory and of mechanical oedema, 0..1.
        labels: `(n,)` int64, index into `PATTERNS`.
        fluid: `(n,)` bool, whether the slice is fluid-sensitive.
    """

    images: Tensor
    tissue: Tensor
    lesions: Tensor
    labels: Tensor
    fluid: Tensor


def changed(batch: Batch, generator: Generator) -> Batch:
    """Randomly placed, lit and squashed copies; `generator` is on the CPU."""
    n, device = len(batch.images), batch.images.device
    place = random_places(n, generator).to(device)
    ratios = _filtered(move(batch.images.float(), place), generator)
    noise = torch.randn(ratios.shape, generator=_on(device, generator), device=device)
    noise = noise * uniform(n, 0, NOISE, generator).to(device)
    low, high = (math.log(edge) for edge in MEDIAN_RANGE)
    coil = torch.randn(n, 1, 4, 4, generator=generator) * COIL
    coil = coil * uniform(n, 0, 1, generator) + uniform(n, low, high, generator)
    lit = functional.interpolate(
        coil.to(device), size=ratios.shape[-2:], mode="bicubic", align_corners=False
    )
    ratios = (ratios * torch.exp(lit) + noise * (ratios > 0)).clamp_min(0)
    constant = uniform(n, *SQUASH_RANGE, generator).to(device)
    images = _bent(ratios / (ratios + constant) * SQUASH_GAIN, generator)
    grid = functional.affine_grid(place, [n, 1, *batch.tissue.shape[-2:]], align_corners=False)
    tissue = functional.grid_sample(
        batch.tissue[:, None].float(), grid, mode="nearest", align_corners=False
    )[:, 0].long()
    mirrored = torch.linalg.det(place[:, :, :2]) < 0
    swapped = torch.arange(UNKNOWN + 1, device=device)
    swapped[[Tissue.RIGHT_ILIUM, Tissue.LEFT_ILIUM]] = swapped[
        [Tissue.LEFT_ILIUM, Tissue.RIGHT_ILIUM]
    ]
    tissue = torch.where(mirrored[:, None, None], swapped[tissue], tissue)
    return Batch(images, tissue, move(batch.lesions, place), batch.labels, batch.fluid)


def _on(device: torch.device, generator: Generator) -> Generator:
    """A generator on the device, begun by that on the CPU: millions of numbers are made there."""
    seed = int(torch.randint(2**62, (1,), generator=generator))
    return Generator(device).manual_seed(seed)


def _filtered(images: Tensor, generator: Generator) -> Tensor:
    """Each slice through a random 3x3 filter: blurred, sharpened, or a little of neither.

    What is left of fine texture differs between scanners; a network must not live by it.
    """
    n = len(images)
    blur = torch.full((1, 1, 3, 3), 1 / 9)
    delta = torch.zeros(1, 1, 3, 3)
    delta[..., 1, 1] = 1
    amount = uniform(n, *SHARPNESS, generator)
    kernels = delta + amount * (delta - blur)
    kernels = kernels + FILTER_NOISE * torch.randn(n, 1, 3, 3, generator=generator)
    kernels = (kernels / kernels.sum(dim=(2, 3), keepdim=True)).to(images.device)
    padded = functional.pad(images.transpose(0, 1), (1, 1, 1, 1), mode="replicate")
    return functional.conv2d(padded, kernels, groups=n).transpose(0, 1).clamp_min(0)


def _bent(images: Tensor, generator: Generator) -> Tensor:
    """A random curve through the grey scale of a share of the slices, 0 and 1 in place."""
    n, device = len(images), images.device
    chosen = torch.rand(n, 1, 1, 1, generator=generator).to(device) < CURVE_SHARE
    exponent = torch.exp(uniform(n, -GAMMA, GAMMA, generator)).to(device)
    wave = uniform(n, -WAVE, WAVE, generator).to(device)
    curve = images.clamp_min(1e-6) ** exponent + wave * torch.sin(2 * math.pi * images)
    return torch.where(chosen, curve.clamp_min(0), images)


def bone_loss(
    network: EvidenceNetwork, batch: Batch, *, label_weight: float = LABEL_WEIGHT
) -> tuple[Tensor, dict[str, Tensor]]:
    """The weighted sum of all losses, and its parts by name, detached.

    Nothing here waits for the device or changes shape with the batch, so a step can be recorded
    once and replayed.
    """
    features = network.features(batch.images)
    tissue, oedema = network.head.places(features)
    logits, evidence = network.head.answer(features)
    counts = batch.fluid.float()  # (n,): T1 teaches bones alone
    any_lesion = batch.lesions.amax(dim=1, keepdim=True)
    shown = evidence[:, LESIONS]
    labels = functional.cross_entropy(logits, batch.labels, reduction="none")
    parts = {
        "tissue": TISSUE_WEIGHT * tissue_loss(tissue, batch.tissue),
        "tissue dice": TISSUE_DICE * tissue_dice_loss(tissue, batch.tissue),
        "oedema": OEDEMA_WEIGHT * cell_loss(oedema, any_lesion, counts, OEDEMA_POSITIVE),
        "oedema dice": OEDEMA_DICE * overlap_loss(torch.sigmoid(oedema), any_lesion, counts),
        "evidence": EVIDENCE_WEIGHT * cell_loss(shown, batch.lesions, counts, EVIDENCE_POSITIVE),
        "evidence dice": EVIDENCE_DICE * overlap_loss(torch.sigmoid(shown), batch.lesions, counts),
        "label": label_weight * (labels * counts).sum() / counts.sum().clamp_min(1),
    }
    total = torch.stack(list(parts.values())).sum()
    return total, {name: value.detach() for name, value in parts.items()}


def cell_loss(logits: Tensor, wanted: Tensor, counts: Tensor, positive: float) -> Tensor:
    """Cross entropy of every cell of the slices that count; lesion cells weigh `positive`."""
    each = positive * wanted * functional.softplus(-logits) + (1 - wanted) * functional.softplus(
        logits
    )
    of_slice = each.mean(dim=(1, 2, 3))
    return (of_slice * counts).sum() / counts.sum().clamp_min(1)


def overlap_loss(shares: Tensor, wanted: Tensor, counts: Tensor) -> Tensor:
    """One minus the soft Dice overlap over the batch, mean of the channels.

    Over the batch, because most slices have no lesion and their own overlap is undefined.
    """
    which = counts[:, None, None, None]
    overlap = (shares * wanted * which).sum(dim=(0, 2, 3))
    size = ((shares + wanted) * which).sum(dim=(0, 2, 3))
    return (1 - (2 * overlap + 1) / (size + 1)).mean()


def tissue_loss(tissue: Tensor, truth: Tensor) -> Tensor:
    """Cross entropy of every place; `OUTSIDE` may be rest or bright, `UNKNOWN` costs nothing."""
    logs = torch.log_softmax(tissue, dim=1)
    outside = torch.logaddexp(logs[:, Tissue.REST], logs[:, Tissue.BRIGHT])
    logs = torch.cat([logs, outside[:, None], torch.zeros_like(outside)[:, None]], dim=1)
    return functional.nll_loss(logs, truth)


def tissue_dice_loss(tissue: Tensor, truth: Tensor) -> Tensor:
    """One minus the soft Dice overlap over the batch, of each tissue but the rest."""
    names = torch.arange(1, len(Tissue), device=truth.device)[None, :, None, None]
    wanted = (truth[:, None] == names).float()
    known = (truth != UNKNOWN)[:, None] & ((names != Tissue.BRIGHT) | (truth != OUTSIDE)[:, None])
    shares = torch.softmax(tissue, dim=1)[:, 1:] * known
    return overlap_loss(shares, wanted, torch.ones(len(truth), device=truth.device))
