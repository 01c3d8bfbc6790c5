"""How good a network is on slices that it has not learned from."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from asemble.core.labels import PATTERNS, Pattern
from asemble.imaging.slices import FIELD_MM
from asemble.metrics.discrimination import auc
from asemble.training.losses import LESION_CHANNELS

INFLAMMATORY = PATTERNS.index(Pattern.INFLAMMATORY)
POINTING_MM = 3.0
"""Beside a lesion the strongest cell still points at it: readers draw no edge more closely."""
LESION_CELL = 0.5
"""A cell with so much of a lesion, or more, counts as one of the lesion's."""
TEMPERATURES = tuple(float(t) for t in np.geomspace(0.25, 8.0, 61))
"""Tried for calibration: 6% apart, finer than a validation set can tell."""


@dataclass(frozen=True, slots=True)
class Validation:
    """Scores of one validation.

    Args:
        loss: the training loss, without augmentation.
        auc: area under the curve of slices, inflammatory against the rest; None without both.
        pointing: share of slices with inflammatory lesions whose strongest evidence lies in one;
            None without such slices.
        accuracy: share of slices whose most probable class is right.
        temperature: that fits the labels best.
    """

    loss: float
    auc: float | None
    pointing: float | None
    accuracy: float
    temperature: float


def validate(
    logits: Tensor,
    evidence: Tensor,
    lesions: Tensor,
    labels: Tensor,
    loss: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor],
) -> Validation:
    """Score the outputs for a whole validation set.

    Args:
        logits: `(n, 3)`.
        evidence: `(n, 3, 128, 128)`.
        lesions: `(n, 2, 128, 128)`, 0..1.
        labels: `(n,)`.
        loss: of these four.
    """
    temperature = fit_temperature(logits, labels)
    probabilities = torch.softmax(logits / temperature, dim=1)
    return Validation(
        loss=float(loss(logits, evidence, lesions, labels)),
        auc=auc((labels == INFLAMMATORY).numpy(), probabilities[:, INFLAMMATORY].numpy()),
        pointing=pointing_rate(
            evidence[:, INFLAMMATORY], lesions[:, LESION_CHANNELS.index(INFLAMMATORY)]
        ),
        accuracy=float((logits.argmax(dim=1) == labels).float().mean()),
        temperature=temperature,
    )


def pointing_rate(evidence: Tensor, lesions: Tensor) -> float | None:
    """Share of slices with a lesion whose strongest cell lies in it or `POINTING_MM` beside it.

    Args:
        evidence: `(n, h, w)`.
        lesions: `(n, h, w)`, how much of a lesion is in each cell, 0..1.
    """
    cells = (lesions >= LESION_CELL).float()
    present = cells.flatten(1).amax(dim=1) > 0
    if not bool(present.any()):
        return None
    beside = round(POINTING_MM * cells.shape[-1] / FIELD_MM)
    widened = functional.max_pool2d(
        cells[present][:, None], kernel_size=2 * beside + 1, stride=1, padding=beside
    )
    strongest = evidence[present].flatten(1).argmax(dim=1, keepdim=True)
    return float((widened.flatten(1).gather(1, strongest) > 0).float().mean())


def fit_temperature(logits: Tensor, labels: Tensor) -> float:
    """The temperature whose probabilities fit the labels best (Guo 2017, arXiv:1706.04599)."""
    losses = [float(functional.cross_entropy(logits / t, labels)) for t in TEMPERATURES]
    return TEMPERATURES[int(np.argmin(losses))]
