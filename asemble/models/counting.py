"""Which slices count in a study's answer: those whose evidence lies at the joints.

Networks find evidence on slices that show no joint at all: bladder, bowel and pelvic veins are as
bright as oedema. Such a slice keeps its own answer, but it does not count in the study's, nobody
is sent to it, and it is no key image unless the reader chooses it (docs/decisions/0022).

Where the joints are is handed in, slice by slice: those that are seen (`imaging.bones`), else those
that are expected (`imaging.joint_bands`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from asemble.core.volume import Floats

FAINT = 0.25
"""Logits. Where no cell is stronger, a slice shows no evidence that could lie at a wrong place."""

NO_JOINT = "No joint is expected on this slice."
"""Why a slice does not count where none is."""

Rule = Mapping[str, float]
"""By plane, the least share of a slice's evidence that has to lie at the joints."""


@dataclass(frozen=True, slots=True)
class AtJoints:
    """Where the evidence of one slice lies.

    Args:
        share: 0 to 1 of it at the joints; None where the slice shows no evidence.
        expected: whether a joint is expected on this slice at all.
    """

    share: float | None
    expected: bool

    def why_not(self, least: float) -> str | None:
        """One sentence why the slice does not count, or None where it does.

        Args:
            least: share of its evidence that has to lie at the joints.

        >>> AtJoints(0.456, expected=True).why_not(0.8)
        'Only 45% of its evidence lies at the joints; it needs 80% to count.'
        >>> AtJoints(None, expected=True).why_not(0.8)
        """
        if not self.expected:
            return NO_JOINT
        if self.share is None or self.share >= least:
            return None
        return (
            f"Only {int(100 * self.share)}% of its evidence lies at the joints; it needs "
            f"{least:.0%} to count."
        )


def at_joints(evidence: Floats, regions: npt.NDArray[np.bool_]) -> tuple[AtJoints, ...]:
    """For each slice where its evidence lies.

    Args:
        evidence: `(slice, row, column)` in logits, from 0: what speaks for any disease.
        regions: the same shape; true where joints are and the marrow beside them, empty on a slice
            without joints.

    Raises:
        ValueError: the shapes differ.

    >>> evidence = np.float32([[[3, 1]], [[0, 0]], [[0, 2]]])
    >>> regions = np.array([[[True, False]]] * 2 + [[[False, False]]])
    >>> [(found.share, found.expected) for found in at_joints(evidence, regions)]
    [(0.75, True), (None, True), (0.0, False)]
    """
    if evidence.shape != regions.shape:
        raise ValueError(f"evidence is {evidence.shape}, regions are {regions.shape}")
    return tuple(
        AtJoints(_share(of_slice, region), bool(region.any()))
        for of_slice, region in zip(evidence, regions, strict=True)
    )


def for_disease(evidence: Floats) -> Floats:
    """`(n, row, column)`: what speaks for any disease, from `(n, 3, row, column)` by class."""
    return np.asarray(np.maximum(evidence[:, 1:], 0).sum(axis=1))


def _share(evidence: Floats, region: npt.NDArray[np.bool_]) -> float | None:
    if float(evidence.max()) <= FAINT:
        return None
    # To four digits, so that no slice counts or not by the last bit of a sum.
    share = evidence[region].sum(dtype=np.float64) / evidence.sum(dtype=np.float64)
    return round(float(share), 4)
