"""Where simulated joints lie on slices, and how well a region from geometry holds their oedema."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from asemble.core.labels import PATTERNS, Pattern, Plane, Weighting
from asemble.imaging.joints import JointBand, joint_region
from asemble.phantom import Case, LesionType, sample_case, sample_stack
from asemble.phantom.acquisition import Stack, slice_points
from asemble.phantom.scene import render

FIRST_JOINT_SEED = 500_000
"""The bands are fitted on cases of the early stopping: in appearances that training samples."""

JOINT_QUANTILE = 0.95
"""Share of the joint spaces' area that a band holds, across it and along it."""

VISIBLE_OEDEMA = 0.5
"""Share of a voxel that oedema must fill to belong to its mask, as in `asemble.phantom.export`."""

Floats64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RegionFigures:
    """How well the region of one plane measures.

    Args:
        lesion_share: share of the area of inflammatory oedema that lies in it, a value a case.
        image_share: share of the prepared slice's area that it takes.
    """

    lesion_share: Sequence[float]
    image_share: float


def fit_band(plane: Plane, cases: int, *, first_seed: int = FIRST_JOINT_SEED) -> JointBand:
    """The band of one plane from the joint spaces of so many simulated cases.

    A line is laid through the joint spaces of both sides by least squares; the band is as wide and
    as long as holds `JOINT_QUANTILE` of their area.
    """
    places = [_joint_places(*_stack_of(n, plane)) for n in range(first_seed, first_seed + cases)]
    x, y = np.concatenate(places).T
    slope, beside = np.polyfit(y, np.abs(x), 1)
    tail = (1 - JOINT_QUANTILE) / 2
    top, bottom = np.quantile(y, [tail, 1 - tail])
    half = np.quantile(np.abs(np.abs(x) - beside - slope * y), JOINT_QUANTILE)
    return JointBand(*(round(float(v), 2) for v in (top, bottom, beside, slope, half)))


def region_figures(plane: Plane, cases: int, *, first_seed: int) -> RegionFigures:
    """How much of the oedema of other, inflammatory cases lies in the region of the plane."""
    region = joint_region(plane)
    shares = []
    for number in range(first_seed, first_seed + cases):
        case, stack = _stack_of(number, plane, Pattern.INFLAMMATORY)
        x, y = _oedema_places(case, stack).T
        if len(x):
            shares.append(float(_holds(plane, x, y).mean()))
    return RegionFigures(shares, float(region.mean()))


def _holds(plane: Plane, x: Floats64, y: Floats64) -> npt.NDArray[np.bool_]:
    from asemble.imaging.joints import JOINT_BANDS  # noqa: PLC0415

    return JOINT_BANDS[plane].holds(x, y)


def _stack_of(number: int, plane: Plane, kind: Pattern | None = None) -> tuple[Case, Stack]:
    """A case and one fluid-sensitive stack of it; the kinds in turn unless one is asked for."""
    case = sample_case(number, kind=kind or PATTERNS[number % len(PATTERNS)])
    rng = np.random.default_rng([number, list(Plane).index(plane)])
    return case, sample_stack(rng, case, plane=plane, weighting=Weighting.FLUID)


def _joint_places(case: Case, stack: Stack) -> Floats64:
    """`(n, 2)` mm right of and below the middle of the slice, of voxels in a joint space."""
    anatomy, places = case.scene.anatomy, []
    for index in range(0, stack.shape[0], 2):  # neighbours look alike
        points = anatomy.warped(slice_points(stack, case.placement, index))
        relief = anatomy.relief(points)
        in_space = np.abs(relief.au - relief.joint) < relief.gap / 2
        places.append(_places(in_space & (anatomy.in_joint(points.v, points.w) < 0), stack))
    return np.concatenate(places)


def _oedema_places(case: Case, stack: Stack) -> Floats64:
    places = [np.empty((0, 2))]
    for index in range(stack.shape[0]):
        canvas = render(case.scene, slice_points(stack, case.placement, index), (stack.weighting,))
        mask = canvas.masks.get((LesionType.OEDEMA, Pattern.INFLAMMATORY))
        if mask is not None:
            places.append(_places(mask >= VISIBLE_OEDEMA, stack))
    return np.concatenate(places)


def _places(mask: npt.NDArray[np.bool_], stack: Stack) -> Floats64:
    spacing = np.linalg.norm(stack.affine_lps[:3, 1:3], axis=0)
    at = (np.argwhere(mask) - (np.array(mask.shape) - 1) / 2) * spacing
    return np.asarray(at[:, ::-1], dtype=np.float64)
