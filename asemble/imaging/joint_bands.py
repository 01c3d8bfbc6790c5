"""Where the joints lie in a stack, from geometry alone: a slanting band on each side of a slice.

The bands are where the joints of simulated people lie, on slices laid as protocols lay them; the
figures come from `asemble evaluate trust`, which measures them again, and a test holds the two
against each other. They are of people who do not exist, lying straight: a patient who lies askew,
or a stack that is not centred on the joints, puts joints outside. Slices far from the middle of
the stack pass in front of the joints or behind them, and have no region.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from asemble.core.geometry import slice_positions_mm
from asemble.core.labels import Plane
from asemble.core.volume import Affine
from asemble.imaging.slices import FIELD_MM, MASK_SIDE

SUBCHONDRAL_MM = 10.0
"""Marrow beside the joint space that belongs to the region: bone marrow oedema lies there."""

LONGEST_STACK_MM = 120.0
"""From the first slice to the last. A longer stack was not laid over the joints alone, and its
middle does not say where they are; simulated protocols reach 105 mm."""

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
        depth_mm: how far from the middle of the stack, across its slices, they lie at most.

    >>> band = JointBand(-30, 30, beside_mm=50, slope=0.0, half_mm=10, depth_mm=28)
    >>> band.holds(np.array([50, 50, -50, 0, 50]), np.array([0, 39, 0, 0, 41])).tolist()
    [True, True, True, False, False]
    """

    top_mm: float
    bottom_mm: float
    beside_mm: float
    slope: float
    half_mm: float
    depth_mm: float

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
        Plane.CORONAL: JointBand(-35.85, 32.7, 49.67, -0.18, 15.33, 31.35),
        Plane.AXIAL: JointBand(-19.44, 40.17, 52.32, -0.23, 15.62, 37.46),
    }
)
"""By plane: the line through simulated joint spaces, with 95% of them across and along it, and 99%
of them within the depth."""


def joint_region(plane: Plane, side: int = MASK_SIDE) -> Bools:
    """`(side, side)`: the joints with the marrow beside them, on the square of a prepared slice.

    Raises:
        ValueError: the plane has no bands.

    >>> region = joint_region(Plane.CORONAL)
    >>> bool((region == region[:, ::-1]).all()), bool(region[:, 64].any())
    (True, False)
    """
    if plane not in JOINT_BANDS:
        raise ValueError(f"where the joints lie on a {plane} slice was not measured")
    at = (np.arange(side) - (side - 1) / 2) * FIELD_MM / side
    x, y = np.meshgrid(at, at)
    return JOINT_BANDS[plane].holds(x, y)


def joint_regions(
    plane: Plane, affine_lps: Affine | None, slices: int, side: int = MASK_SIDE
) -> Bools | None:
    """`(slice, side, side)`: `joint_region` on the slices of a stack, empty where none is expected.

    Args:
        plane: of the stack.
        affine_lps: of its volume; without geometry there is no region, and None is returned.
        slices: how many it has.
        side: cells along a side of a prepared slice.

    Raises:
        ValueError: the plane has no bands.
    """
    region = joint_region(plane, side)
    if affine_lps is None:
        return None
    at = slice_positions_mm(affine_lps, slices)
    is_within = np.abs(at - at.mean()) <= JOINT_BANDS[plane].depth_mm
    if np.ptp(at) > LONGEST_STACK_MM:
        is_within[:] = True
    return np.asarray(is_within[:, None, None] & region)
