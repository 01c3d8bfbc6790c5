"""Where a NIfTI file lies in the patient, and along which of its axes its slices lie.

The three methods of nifti1.h: the sform (an affine), the qform (a rotation with voxel sizes), and,
where both codes are 0, voxel sizes alone, which say nothing about sides. All numbers are taken
from the header as it is stored: a rotation that rounding left a last bit too long is a rotation.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from asemble.core.geometry import ras_affine
from asemble.core.volume import Affine
from asemble.io.dicom.frames import SENSIBLE_MM

Sizes = tuple[float, float, float]
"""Distance between voxels along each axis as stored, in mm."""

SAME_PLACE_MM = 1.0
"""How far a corner may lie apart in sform and qform, which rounds, without a word about it."""
LONGEST_ROTATION = 1.01
"""Largest b² + c² + d² of a quaternion: 1 and what float32 and careless writers add. nifti1_io
makes unit length of any; far beyond it the three are no rotation."""
SINGLE_PRECISION = 1e-7
"""What b² + c² + d² may lack of 1 by rounding, as in nifti1_io: a half turn, whose a is 0."""
THICK = 1.85
"""An axis whose voxels are so many times as long as those of both others holds the slices."""
SAME_SIZE = 0.01
"""Relative difference of two voxel sizes that count as equal: pixels of a slice are square."""
CLEARLY_FEWER = 0.9
"""Of the voxels along both other axes: fewer than that share lie along the slices' axis."""

_MM_PER_UNIT = {"meter": 1000.0, "mm": 1.0, "micron": 0.001, "unknown": 1.0}
_ORDINAL = ("first", "second", "third")


@dataclass(frozen=True, slots=True, eq=False)
class Lie:
    """How the stored axes of a file lie.

    Args:
        affine_ras: `(4, 4)`, from `(i, j, k, 1)` as stored to RAS mm; None where the file states
            none that makes sense.
        sizes_mm: voxel sizes along i, j, k where there is no affine; None where they are unknown.
        slice_axis: the axis along which the slices lie, 0 to 2.
        notes: what was chosen, in sentences.
    """

    affine_ras: Affine | None
    sizes_mm: Sizes | None
    slice_axis: int
    notes: tuple[str, ...]

    @property
    def axes(self) -> tuple[int, int, int]:
        """The stored axes that are slice, row and column."""
        column, row = (axis for axis in range(3) if axis != self.slice_axis)
        return self.slice_axis, row, column

    @property
    def affine_lps(self) -> Affine | None:
        """The affine of `(slice, row, column)`."""
        if self.affine_ras is None:
            return None
        slices, rows, columns = self.axes
        return ras_affine(self.affine_ras[:, [columns, rows, slices, 3]])

    @property
    def spacing_mm(self) -> Sizes | None:
        """`sizes_mm` in the order of slices, rows and columns."""
        if self.sizes_mm is None:
            return None
        slices, rows, columns = (self.sizes_mm[axis] for axis in self.axes)
        return slices, rows, columns


def lie_of(header: Any, shape: Sequence[int]) -> Lie:
    """Where the voxels of a NIfTI header lie.

    Args:
        header: of nibabel, as stored (not "fixed").
        shape: voxels along i, j, k, and what further axes there are.
    """
    lie = _forms(header, shape)
    sizes = lie.sizes_mm
    if lie.affine_ras is not None:
        sizes = _as_sizes(_lengths(lie.affine_ras))
    axis, why = slice_axis_of(shape, sizes, stated=(int(header["dim_info"]) >> 4 & 3) - 1)
    notes = [*lie.notes]
    if why:
        notes.append(
            f"The file does not say along which axis its slices lie: {why}, so the "
            f"{_ORDINAL[axis]} was taken. Check the plane."
        )
    elif axis != 2:
        notes.append(f"The slices lie along the {_ORDINAL[axis]} axis of the file.")
    return replace(lie, slice_axis=axis, notes=tuple(notes))


def slice_axis_of(
    shape: Sequence[int], sizes_mm: Sizes | None, *, stated: int = -1
) -> tuple[int, str]:
    """The axis along which the slices lie, and why where only a rule of thumb says so.

    In this order: an axis of a single voxel; one whose voxels are far longer than the others; the
    one that dim_info states; the odd one beside two of equal size; the one with clearly the fewest
    voxels; else the last, as NIfTI is mostly written.

    Args:
        shape: voxels along each axis.
        sizes_mm: voxel sizes, None where they are unknown.
        stated: by dim_info, -1 where it says nothing.

    >>> slice_axis_of((288, 23, 288), (1.02, 3.38, 1.02))
    (1, '')
    >>> slice_axis_of((200, 200, 180), (1.0, 1.0, 1.0))[0]
    2
    """
    single = [axis for axis in range(3) if shape[axis] == 1]
    if single:
        return single[-1], ""
    if sizes_mm is not None:
        longest = int(np.argmax(sizes_mm))
        if sizes_mm[longest] > THICK * max(_without(sizes_mm, longest)):
            return longest, ""
    if stated >= 0:
        return stated, ""
    if sizes_mm is not None:
        odd = [axis for axis in range(3) if _are_equal(*_without(sizes_mm, axis))]
        if len(odd) == 1:
            return odd[0], ""
    fewest = int(np.argmin(shape[:3]))
    if shape[fewest] < CLEARLY_FEWER * min(_without(shape, fewest)):
        return fewest, "it has the fewest voxels"
    return 2, "none has clearly the fewest voxels"


def _without(values: Sequence[float], axis: int) -> tuple[float, float]:
    one, other = (value for k, value in enumerate(values[:3]) if k != axis)
    return one, other


def _are_equal(one: float, other: float) -> bool:
    return abs(one - other) <= SAME_SIZE * max(one, other)


def _forms(header: Any, shape: Sequence[int]) -> Lie:
    """The affine of the file, or its voxel sizes where it has none; the slice axis still open."""
    unit = _unit(header)
    scale = _MM_PER_UNIT[unit]
    stated = [name for name in ("sform", "qform") if int(header[f"{name}_code"]) > 0]
    pixdim, lacks_depth = _pixdim(header, shape, scale)
    read = {"sform": _sform(header), "qform": _qform(header, pixdim)}
    found = {
        name: affine for name in stated if (affine := _sensible(read[name], scale)) is not None
    }
    if not found:
        sizes = _known(pixdim, scale)
        known = (
            "" if sizes is None else " Its voxel sizes were kept; which side is left is unknown."
        )
        if stated:
            said = "The geometry in the file makes no sense and was left out: state the plane."
        elif sizes is None:
            said = "The file says nothing about geometry: state the plane."
        else:
            said = "The file does not say how its slices lie: state the plane."
        return Lie(None, sizes, 2, (said + known,))
    notes = []
    if len(found) < len(stated):
        notes.append("One of the two geometries in the file makes no sense; the other was taken.")
    elif len(found) == 2 and _are_apart(found["sform"], found["qform"], shape):
        notes.append(
            "The file states two geometries that disagree (sform and qform): the sform was taken; "
            "check the sides."
        )
    if lacks_depth and "sform" not in found:
        notes.append("How thick its one slice is, the file does not say.")
    unused = _sensible(read["sform"], scale) if stated == ["qform"] else None
    if unused is not None and _sizes_differ(unused, found["qform"]):
        notes.append(
            "The file holds other voxel sizes in a geometry that it marks as unknown (sform); "
            "those of the qform were taken. Check the size."
        )
    if unit == "unknown":
        notes.append("The file does not name its unit: millimetres were taken.")
    return Lie(next(iter(found.values())), None, 2, tuple(notes))


def _unit(header: Any) -> str:
    try:
        return str(header.get_xyzt_units()[0])
    except KeyError:  # a code that nifti1.h does not define
        return "unknown"


def _sform(header: Any) -> Affine:
    rows = [header[f"srow_{axis}"] for axis in "xyz"]
    return np.array([*rows, [0, 0, 0, 1]], dtype=np.float64)


def _qform(header: Any, sizes: npt.NDArray[np.float64]) -> Affine | None:
    """The rotation and handedness of method 2 with these sizes; None where they are none."""
    b, c, d = (float(header[f"quatern_{name}"]) for name in "bcd")
    length = b * b + c * c + d * d
    if not (length <= LONGEST_ROTATION and np.isfinite(sizes).all()):
        return None
    a = np.sqrt(1 - length) if 1 - length > SINGLE_PRECISION else 0.0
    a, b, c, d = np.array([a, b, c, d]) / np.sqrt(a * a + length)
    rotation = np.array([
        [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
        [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
        [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
    ])  # fmt: skip
    qfac = -1.0 if float(header["pixdim"][0]) < 0 else 1.0  # 0 means 1
    affine = np.eye(4)
    affine[:3, :3] = rotation * sizes * [1, 1, qfac]
    affine[:3, 3] = [float(header[f"qoffset_{axis}"]) for axis in "xyz"]
    return affine


def _pixdim(
    header: Any, shape: Sequence[int], scale: float
) -> tuple[npt.NDArray[np.float64], bool]:
    """The voxel sizes of methods 1 and 2 in the unit of the file, and whether a depth is lacking.

    A single slice of depth 0 gets one of 1 mm: nothing is measured along it.
    """
    sizes = np.abs(np.array(header["pixdim"][1:4], dtype=np.float64))
    lacking = np.array([shape[axis] == 1 and sizes[axis] == 0 for axis in range(3)])
    sizes[lacking] = 1 / scale
    return sizes, bool(lacking.any())


def _known(pixdim: npt.NDArray[np.float64], scale: float) -> Sizes | None:
    """The sizes in mm, None where they make no sense or are 1, 1, 1, as for want of any."""
    sizes = pixdim * scale
    low, high = SENSIBLE_MM
    is_sensible = np.isfinite(sizes).all() and low <= sizes.min() <= sizes.max() <= high
    is_default = np.abs(pixdim - 1).max() < 1e-4
    return _as_sizes(sizes) if is_sensible and not is_default else None


def _as_sizes(sizes: npt.NDArray[np.float64]) -> Sizes:
    i, j, k = (float(size) for size in sizes)
    return i, j, k


def _sensible(stated: Affine | None, scale: float) -> Affine | None:
    """An affine in mm, or None where it makes no sense."""
    if stated is None or not np.isfinite(stated).all():
        return None
    affine = stated.copy()
    affine[:3] *= scale
    lengths_mm = _lengths(affine)
    low, high = SENSIBLE_MM
    is_sensible = low <= lengths_mm.min() and lengths_mm.max() <= high
    is_flat = abs(np.linalg.det(affine[:3, :3])) < 0.1 * lengths_mm.prod()
    return affine if is_sensible and not is_flat else None


def _lengths(affine: Affine) -> npt.NDArray[np.float64]:
    """Of the steps along each axis, rounded, so that no limit is missed by the last bit."""
    return np.asarray(np.linalg.norm(affine[:3, :3], axis=0).round(6))


def _sizes_differ(one: Affine, other: Affine) -> bool:
    mine, others = _lengths(one), _lengths(other)
    return bool((np.abs(mine - others) > SAME_SIZE * others).any())


def _are_apart(sform: Affine, qform: Affine, shape: Sequence[int]) -> bool:
    """Whether the two forms put a corner in two places; a qform cannot hold a shear."""
    sizes = np.linalg.norm(sform[:3, :3], axis=0)
    left, _, right = np.linalg.svd(sform[:3, :3] / sizes)
    apart = sform - qform
    apart[:3, :3] = left @ right * sizes - qform[:3, :3]
    corners = np.array(list(np.ndindex(2, 2, 2))) * (np.array(shape[:3]) - 1)
    off_mm = np.linalg.norm(corners @ apart[:3, :3].T + apart[:3, 3], axis=1)
    return bool(off_mm.max() > SAME_PLACE_MM)
