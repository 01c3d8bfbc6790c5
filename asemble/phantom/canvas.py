"""A slice while it is painted."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from asemble.core.labels import Pattern, Weighting
from asemble.phantom.anatomy import Points
from asemble.phantom.lesions import LesionType
from asemble.phantom.noise import Field


@dataclass(slots=True, eq=False)
class Canvas:
    """A slice being painted, in every weighting at once.

    Args:
        points: where its voxels lie.
        signals: by weighting, `(row, column)` relative to sacral marrow.
        masks: share of each voxel that a lesion covers, by type and cause.
    """

    points: Points
    signals: dict[Weighting, Field]
    masks: dict[tuple[LesionType, Pattern], Field] = field(default_factory=dict)

    def part(self, low_mm: Field, high_mm: Field) -> "Canvas | None":
        """The rows and columns that a box in (u, v, w) may reach, to paint on, without masks."""
        window = self.points.window(low_mm, high_mm)
        if window is None:
            return None
        signals = {weighting: signal[window] for weighting, signal in self.signals.items()}
        return Canvas(self.points.within(window), signals)

    def paint(self, cover: Field, values: Mapping[Weighting, Field | float]) -> None:
        """Lay a tissue over what is there."""
        for weighting, under in self.signals.items():
            np.add(under, cover * (values[weighting] - under), out=under)
