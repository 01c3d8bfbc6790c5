"""Slices and their truth, wherever they come from."""

import hashlib
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from asemble.core.labels import Tissue

OUTSIDE, UNKNOWN = len(Tissue), len(Tissue) + 1
"""Beside the tissues, where nobody drew them: no bone, bright or not; and what may be anything."""


@dataclass(frozen=True, slots=True, eq=False)
class SliceSet:
    """Slices of one plane.

    Args:
        images: `(n, 256, 256)` float16, ratio to the foreground median, 0 to `RATIO_MAX`, not
            squashed; `(n, channel, 256, 256)` where something is shown beside the slices.
        lesions: `(n, 2, 128, 128)` uint8, how much inflammatory and mechanical oedema is in each
            cell, 255 in full ones.
        labels: `(n,)` int64, index into `PATTERNS`.
        cases: `(n,)` int64, number of the patient or simulated person; splits are by case.
        tissue: `(n, 128, 128)` uint8, a `Tissue` each, or `OUTSIDE` or `UNKNOWN`; None where bones
            are not taught.
        fluid: `(n,)` bool, which slices are fluid-sensitive; None where all are.
        masked: `(n,)` bool, of which slices the lesions are known, as somebody drew them; None
            where they are simulated, and all are known.
    """

    images: npt.NDArray[np.float16]
    lesions: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    cases: npt.NDArray[np.int64]
    tissue: npt.NDArray[np.uint8] | None = None
    fluid: npt.NDArray[np.bool_] | None = None
    masked: npt.NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def joined(self, other: "SliceSet") -> "SliceSet":
        """Both sets as one, in memory.

        Raises:
            ValueError: one of them has a field that the other lacks.
        """
        both: dict[str, Any] = {}
        for name in (field.name for field in fields(self)):
            one, two = getattr(self, name), getattr(other, name)
            if (one is None) is not (two is None):
                raise ValueError(f"only one of the sets has {name}")
            both[name] = None if one is None else np.concatenate([one, two])
        return SliceSet(**both)

    @property
    def digest(self) -> str:
        """SHA-256 of all of it, in hex."""
        digest = hashlib.sha256()
        arrays = (
            self.images,
            self.lesions,
            self.labels,
            self.cases,
            self.tissue,
            self.fluid,
            self.masked,
        )
        for array in arrays:
            if array is not None:
                digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()
