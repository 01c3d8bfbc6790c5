"""What a network is taught: where lesions are, and what each slice is.

Masks and labels together: with labels alone a network of this size hardly begins to learn at this
budget (pointing 0.05-0.07 instead of 0.57-0.71 on real slices).
"""

import torch
from torch import Tensor
from torch.nn import functional

from asemble.core.labels import PATTERNS, Pattern
from asemble.training.config import TrainingConfig

LESION_CHANNELS = (PATTERNS.index(Pattern.INFLAMMATORY), PATTERNS.index(Pattern.MECHANICAL))
"""The evidence maps that have masks, in the order of `SliceSet.lesions`."""


def total_loss(
    logits: Tensor, evidence: Tensor, lesions: Tensor, labels: Tensor, config: TrainingConfig
) -> Tensor:
    """The weighted sum of the three losses, a scalar.

    Args:
        logits: `(n, 3)`.
        evidence: `(n, 3, 64, 64)`.
        lesions: `(n, 2, 64, 64)`, share of each cell that a lesion covers, 0..1.
        labels: `(n,)`, index into `PATTERNS`.
        config: the three weights, and the weight of a lesion cell.
    """
    lesion_evidence = evidence[:, LESION_CHANNELS]  # (n, 2, 64, 64)
    return (
        config.heatmap_weight * heatmap_loss(lesion_evidence, lesions, config.positive_weight)
        + config.dice_weight * dice_loss(lesion_evidence, lesions)
        + config.label_weight * functional.cross_entropy(logits, labels)
    )


def heatmap_loss(evidence: Tensor, lesions: Tensor, positive_weight: float) -> Tensor:
    """Cross entropy of every cell; lesion cells, about one in a hundred, weigh more."""
    weight = torch.tensor(positive_weight, device=evidence.device)
    return functional.binary_cross_entropy_with_logits(evidence, lesions, pos_weight=weight)


def dice_loss(evidence: Tensor, lesions: Tensor) -> Tensor:
    """One minus the soft Dice overlap of each lesion type over the whole batch.

    Over the batch, because most slices have no lesion and their own overlap is undefined.
    """
    shares = torch.sigmoid(evidence)
    overlap = (shares * lesions).sum(dim=(0, 2, 3))
    size = shares.sum(dim=(0, 2, 3)) + lesions.sum(dim=(0, 2, 3))
    return (1 - (2 * overlap + 1) / (size + 1)).mean()
