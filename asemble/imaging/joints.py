"""Where the joints lie on a prepared slice, from geometry alone: a slanting band on each side.

The bands are where the joints of simulated people lie, on slices laid as protocols lay them; the
figures come from `asemble evaluate trust`, which measures them again, and a test holds the two
against each other. They are of people who do not exist, lying straight: a patient who lies askew,
or a stack that is not centred on the joints, puts joints outside.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from asemble.core.labels import Plane
from asemble.imaging.slices import FIELD_MM, MASK_SIDE

SUBCHONDRAL_MM = 10.0
"""Marrow beside the joint space that belongs to the region: bone marrow oedema lies there."""

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class JointBand:
    """Where the joint spaces of one plane lie, in mm from the middle of the slice as shown.

    Args:
        top_mm: the upper end; upwards is negative, as rows count.
        bottom_mm: the lower end.
        beside_mm: distance of the band's middle from the midline, at the middle of the slice.
        slope: how much further from the midline it lies a millimetre further down.
        half_mm: half of its width.

    >>> band = JointBand(top_mm=-30, bottom_mm=30, beside_mm=50, slope=0.0, half_mm=10)
    >>> band.holds(np.array([50, 50, -50, 0, 50]), np.array([0, 39, 0, 0, 41])).tolist()
    [True, True, True, False, False]
    """

    top_mm: float
    bottom_mm: float
    beside_mm: float
    slope: float
    half_mm: float

    def holds(self, x_mm: npt.ArrayLike, y_mm: npt.ArrayLike) -> Bools:
        """Whether places lie in the region: in the band, or at most `SUBCHONDRAL_MM` beside it.

        Args:
            x_mm: to the right of the midline of the slice as shown; any shape.
            y_mm: below the middle of the slice; the same shape.
        """
        x, y = np.asarray(x_mm), np.asarray(y_mm)
        across = np.abs(np.abs(x) - (self.beside_mm + self.slope * y))
        along = np.maximum(self.top_mm - y, y - self.bottom_mm)
        return np.asarray((across <= self.half_mm + SUBCHONDRAL_MM) & (along <= SUBCHONDRAL_MM))


JOINT_BANDS: Mapping[Plane, JointBand] = MappingProxyType(
    {
        Plane.CORONAL: JointBand(-35.16, 40.04, 53.31, -0.26, 12.73),
        Plane.AXIAL: JointBand(-16.95, 45.25, 59.05, -0.3, 14.66),
    }
)
"""By plane: the line through simulated joint spaces, with 95% of them across and along it."""


def joint_region(plane: Plane, side: int = MASK_SIDE) -> Bools:
    """`(side, side)`: the joints with the marrow beside them, on the square of a prepared slice.

    Raises:
        ValueError: the plane has no bands.

    >>> region = joint_region(Plane.CORONAL)
    >>> bool((region == region[:, ::-1]).all()), bool(region[:, 32].any())
    (True, False)
    """
    if plane not in JOINT_BANDS:
        raise ValueError(f"where the joints lie on a {plane} slice was not measured")
    at = (np.arange(side) - (side - 1) / 2) * FIELD_MM / side
    x, y = np.meshgrid(at, at)
    return JOINT_BANDS[plane].holds(x, y)
