"""Where simulated joints lie on slices: the bands of `asemble.imaging.joint_bands`, fitted."""

import numpy as np
import numpy.typing as npt

from asemble.core.labels import PATTERNS, Plane, Weighting
from asemble.datasets import seeds
from asemble.imaging.joint_bands import JointBand
from asemble.phantom import Case, sample_case, sample_stack
from asemble.phantom.acquisition import Stack

JOINT_QUANTILE = 0.95
"""Share of the joint spaces' area that a band holds, across it and along it."""

DEPTH_QUANTILE = 0.99
"""Share of it within the depth: what lies on slices beyond does not count in any answer."""

Floats64 = npt.NDArray[np.float64]


def fit_band(plane: Plane, cases: int) -> JointBand:
    """The band of one plane from the joint spaces of so many cases of the early stopping.

    A line is laid through the joint spaces of both sides by least squares; the band is as wide and
    as long as holds `JOINT_QUANTILE` of their area.
    """
    places = [_joint_places(*_stack_of(n, plane)) for n in seeds.VALIDATION.numbers(cases)]
    x, y, depth = np.concatenate(places).T
    slope, beside = np.polyfit(y, np.abs(x), 1)
    tail = (1 - JOINT_QUANTILE) / 2
    top, bottom = np.quantile(y, [tail, 1 - tail])
    half = np.quantile(np.abs(np.abs(x) - beside - slope * y), JOINT_QUANTILE)
    deep = np.quantile(np.abs(depth), DEPTH_QUANTILE)
    return JointBand(*(round(float(v), 2) for v in (top, bottom, beside, slope, half, deep)))


def _stack_of(number: int, plane: Plane) -> tuple[Case, Stack]:
    """A case, the kinds in turn, and one fluid-sensitive stack of it."""
    case = sample_case(number, kind=PATTERNS[number % len(PATTERNS)])
    rng = np.random.default_rng([number, list(Plane).index(plane)])
    return case, sample_stack(rng, case, plane=plane, weighting=Weighting.FLUID)


def _joint_places(case: Case, stack: Stack) -> Floats64:
    """`(n, 3)` mm, of places in a joint space that the stack covers.

    Right of and below the middle of the slice, and across the slices from that of the stack.
    """
    points = np.concatenate([case.person.to_scanner(one) for one in case.person.land.joint])
    lps = points + case.placement.origin_lps
    inverse = np.linalg.inv(stack.affine_lps)
    voxels = (inverse[:3, :3] @ lps.T + inverse[:3, 3:]).T
    covered = (voxels[:, 0] > -0.5) & (voxels[:, 0] < stack.shape[0] - 0.5)
    spacing = np.linalg.norm(stack.affine_lps[:3, :3], axis=0)
    at = (voxels[covered] - (np.array(stack.shape) - 1) / 2) * spacing
    return np.asarray(at[:, ::-1], dtype=np.float64)
