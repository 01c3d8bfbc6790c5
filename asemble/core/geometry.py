"""Spacing, orientation and plane, all read from an affine.

Every affine here maps `(slice, row, column, 1)` to LPS millimetres: +x left, +y posterior,
+z superior.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from asemble.core.labels import Plane
from asemble.core.volume import Affine

AXIS_CERTAIN_DEG = 15.0
"""Within this angle of a body axis the axis decides the plane."""
SEMICORONAL_TO_DEG = 60.0
"""Tilt from true coronal up to which a semicoronal stack is one without a question. In 24 real
sacroiliac stacks of 12 patients it was 25-51 degrees: a nearest-axis rule calls the steepest of
them axial. Simulated ones reach 55."""
SEMIAXIAL_FROM_DEG = 90 - SEMICORONAL_TO_DEG
"""Tilt from true coronal, the other way, from which a stack is semiaxial without a question: what
is perpendicular to the sacrum."""
SAGITTAL_TO_DEG, SAGITTAL_FROM_DEG = 35.0, 55.0
"""Angle of the normal from the left-right axis up to which a stack is sagittal without a question,
and from which it is not."""

_LETTERS = (("R", "L"), ("A", "P"), ("I", "S"))


def spacing_mm(affine: Affine) -> tuple[float, float, float]:
    """Distance between slices, rows and columns in mm.

    >>> spacing_mm(np.diag([4.0, 0.5, 0.7, 1.0]))
    (4.0, 0.5, 0.7)
    """
    slice_mm, row_mm, column_mm = (float(v) for v in np.linalg.norm(affine[:3, :3], axis=0))
    return slice_mm, row_mm, column_mm


def slice_normal(affine: Affine) -> npt.NDArray[np.float64]:
    """Unit vector `(3,)` perpendicular to the slices, pointing from the first to the last."""
    normal = np.cross(affine[:3, 2], affine[:3, 1])
    normal /= np.linalg.norm(normal)
    return np.asarray(normal if normal @ affine[:3, 0] >= 0 else -normal, dtype=np.float64)


def slice_positions_mm(affine: Affine, slices: int) -> npt.NDArray[np.float64]:
    """Position of each slice along the normal in mm, `(slice,)`, in the patient's frame."""
    normal = slice_normal(affine)
    starts = affine[:3, 3][None] + np.arange(slices)[:, None] * affine[:3, 0][None]
    return np.asarray(starts @ normal, dtype=np.float64)


def slice_middle_mm(affine: Affine, shape: Sequence[int], index: int) -> npt.NDArray[np.float64]:
    """Where the middle of a slice lies in the patient, `(3,)` in mm.

    >>> slice_middle_mm(np.diag([4.0, 1.0, 1.0, 1.0]), (9, 5, 3), 2).tolist()
    [8.0, 2.0, 1.0]
    """
    _, rows, columns = shape
    return np.asarray((affine @ (index, (rows - 1) / 2, (columns - 1) / 2, 1))[:3])


def slice_axis(affine: Affine) -> npt.NDArray[np.float64]:
    """The normal `(3,)` towards left, posterior or superior, whichever is nearest to it.

    So stacks compare whatever way they were taken.
    """
    normal = slice_normal(affine)
    return normal if normal[np.abs(normal).argmax()] > 0 else -normal


def plane_of(affine: Affine) -> Plane:
    """The plane that a stack of slices most likely has: the first of `possible_planes`.

    >>> coronal = np.array([[0, 0, 1, 0], [1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 0, 1.0]])
    >>> plane_of(coronal)
    <Plane.CORONAL: 'coronal'>
    """
    return possible_planes(affine)[0]


def possible_planes(affine: Affine) -> tuple[Plane, ...]:
    """The plane of a stack where its geometry settles it, else two, the likelier first.

    Between the anterior and the superior axis a sign tells the planes apart: the normal of a
    semicoronal stack, taken to point anterior, points inferior (it is perpendicular to the sacrum,
    whose top leans forward), that of a semiaxial stack superior. An axial stack may be tilted
    either way, and so may a coronal one: what lies between the angles that such stacks have is
    left open. Angles are rounded to a tenth of a degree, so that nothing hangs on the last bit.
    """
    x, y, z = slice_normal(affine)
    aside = round(float(np.degrees(np.arctan2(np.hypot(y, z), abs(x)))), 1)  # 0 is true sagittal
    if aside <= SAGITTAL_TO_DEG:
        return (Plane.SAGITTAL,)
    planes = _coronal_or_axial(round(float(np.degrees(np.arctan2(abs(z), abs(y)))), 1), y * z > 0)
    if aside >= SAGITTAL_FROM_DEG:
        return planes
    if abs(x) >= max(abs(y), abs(z)):
        return (Plane.SAGITTAL, planes[0])
    return (planes[0], Plane.SAGITTAL)


def _coronal_or_axial(tilt_deg: float, points_inferior: bool) -> tuple[Plane, ...]:
    """By the tilt from true coronal, 0 to 90, and where the normal points, taken anterior."""
    if tilt_deg >= 90 - AXIS_CERTAIN_DEG:
        return (Plane.AXIAL,)
    if points_inferior:
        coronal_to, axial_from = SEMICORONAL_TO_DEG, 90 - AXIS_CERTAIN_DEG
    else:
        coronal_to, axial_from = AXIS_CERTAIN_DEG, SEMIAXIAL_FROM_DEG
    if tilt_deg <= coronal_to:
        return (Plane.CORONAL,)
    if tilt_deg >= axial_from:
        return (Plane.AXIAL,)
    if tilt_deg < (coronal_to + axial_from) / 2:
        return (Plane.CORONAL, Plane.AXIAL)
    return (Plane.AXIAL, Plane.CORONAL)


def is_near_axis(affine: Affine) -> bool:
    """Whether the slices face along a body axis, within `AXIS_CERTAIN_DEG`.

    >>> is_near_axis(np.eye(4))
    True
    """
    away = np.degrees(np.arccos(min(float(np.abs(slice_normal(affine)).max()), 1.0)))
    return bool(round(float(away), 1) <= AXIS_CERTAIN_DEG)


def edge_letters(affine: Affine) -> tuple[str, str, str, str]:
    """Patient directions at the left, right, top and bottom edge of a slice as displayed.

    Two letters where the edge is oblique by more than 20 degrees, the nearer one first.

    >>> edge_letters(np.array([[0, 0, 1, 0], [1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 0, 1.0]]))
    ('R', 'L', 'S', 'I')
    """
    right, down = affine[:3, 2], affine[:3, 1]
    return _letters(-right), _letters(right), _letters(-down), _letters(down)


def _letters(direction: npt.NDArray[np.float64]) -> str:
    unit = (direction / np.linalg.norm(direction)).round(6)
    order = np.argsort(-np.abs(unit), kind="stable")
    return "".join(
        _LETTERS[axis][int(unit[axis] > 0)]
        for rank, axis in enumerate(order[:2])
        if rank == 0 or abs(unit[axis]) > np.sin(np.radians(20))
    )


def ras_affine(affine_lps: Affine) -> Affine:
    """The NIfTI affine, `(column, row, slice, 1)` to RAS mm, for voxels transposed to match.

    It is its own inverse: the LPS affine of a NIfTI affine is `ras_affine(affine_ras)` too.

    >>> np.diag(ras_affine(np.eye(4)[[2, 1, 0, 3]])).tolist()
    [-1.0, -1.0, 1.0, 1.0]
    """
    flipped = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine_lps
    return np.asarray(flipped[:, [2, 1, 0, 3]], dtype=np.float64)
