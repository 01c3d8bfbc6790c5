"""The losses: where lesions are, and what each slice is.

Masks and labels together: with labels alone a network of this size hardly begins to learn at this
budget (pointing 0.05-0.07 instead of 0.57-0.71 on real slices).
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from asemble.core.labels import PATTERNS, Pattern
from asemble.training.config import TrainingConfig

LESION_CHANNELS = (PATTERNS.index(Pattern.INFLAMMATORY), PATTERNS.index(Pattern.MECHANICAL))
"""The evidence maps that have masks, in the order of `SliceSet.lesions`."""


def total_loss(
    logits: Tensor,
    evidence: Tensor,
    lesions: Tensor,
    labels: Tensor,
    config: TrainingConfig,
    *,
    masked: Tensor | None = None,
    absent: Sequence[int] = (),
) -> Tensor:
    """The weighted sum of the three losses, a scalar.

    Args:
        logits: `(n, 3)`.
        evidence: `(n, 3, 128, 128)`.
        lesions: `(n, 2, 128, 128)`, share of each cell that a lesion covers, 0..1.
        labels: `(n,)`, index into `PATTERNS`.
        config: the three weights, and the weight of a lesion cell.
        masked: `(n,)` bool, slices whose lesions are known; the others teach their label alone.
            None knows them all.
        absent: classes that the training set does not have: nothing is learned about them, for or
            against. An index into `PATTERNS` each; no label is one of them.
    """
    if absent:
        logits = logits.index_fill(1, torch.tensor(absent, device=logits.device), -torch.inf)
    label_term = config.label_weight * functional.cross_entropy(logits, labels)
    known = [c for c in LESION_CHANNELS if c not in absent]
    if not known or (masked is not None and not bool(masked.any())):
        return label_term
    lesion_evidence = evidence[:, known]  # (n, 2, 128, 128) with every class
    lesions = lesions[:, [LESION_CHANNELS.index(c) for c in known]]
    if masked is not None:
        lesion_evidence, lesions = lesion_evidence[masked], lesions[masked]
    heatmap = config.heatmap_weight * heatmap_loss(lesion_evidence, lesions, config.positive_weight)
    dice = config.dice_weight * dice_loss(lesion_evidence, lesions)
    if masked is not None:  # a slice with a mask weighs the same, however many others have one
        share = masked.float().mean()
        heatmap, dice = heatmap * share, dice * share
    return heatmap + dice + label_term


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
