"""INTERFACE (being filled in): slices to train on, with the truth of every pixel.

simulate_slice(rng, *, plane=Plane.CORONAL, pattern=Pattern.NORMAL, weighting=None) -> SimulatedSlice
simulate_case(rng, *, pattern, ...) -> SimulatedCase (stacks of one anatomy)
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from asemble.core.labels import Pattern, Plane, Weighting
from asemble.core.volume import Floats


class Tissue(IntEnum):
    """What a pixel shows, as the networks learn it."""

    REST = 0
    SACRUM = 1
    RIGHT_ILIUM = 2
    LEFT_ILIUM = 3
    JOINT_SPACE = 4
    BRIGHT = 5
    """Vessel, fluid, disc, bowel, bladder: bright, and no oedema."""


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedSlice:
    """One acquired slice on the networks' square and its truth.

    Args:
        image: `(256, 256)` float32, arbitrary units as acquired (not yet divided or squashed);
            the field is 200 mm as `imaging.slices` prepares it, shown as a reader sees it
            (patient's right at the left edge).
        plane: coronal or axial.
        weighting: fluid or t1.
        tissue: `(256, 256)` uint8, a `Tissue` each.
        oedema: `(256, 256)` float32, share of the pixel that is oedema, 0..1.
        lesion_kind: `(256, 256)` uint8, 0 none, 1 inflammatory, 2 mechanical (index of Pattern).
        pattern: of this slice: that of the oedema in it where it covers >= 12 mm2, else normal.
        has_joint: whether cartilaginous or ligamentous joint is in the slice.
    """

    image: Floats
    plane: Plane
    weighting: Weighting
    tissue: npt.NDArray[np.uint8]
    oedema: Floats
    lesion_kind: npt.NDArray[np.uint8]
    pattern: Pattern
    has_joint: bool


def simulate_slice(
    rng: np.random.Generator,
    *,
    plane: Plane,
    pattern: Pattern,
    weighting: Weighting | None = None,
    side: int = 256,
) -> SimulatedSlice:
    """One slice of a fresh person; `weighting` None draws T1-like contrast for a quarter.

    `pattern` is that of the person; the slice's own `pattern` may be normal where no lesion lies.
    """
    raise NotImplementedError
