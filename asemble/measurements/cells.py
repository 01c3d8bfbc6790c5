"""One series on the cells of the networks' maps: bones, joints, oedema and grey values."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from asemble.core.joints import Bone, Joint
from asemble.core.labels import Tissue
from asemble.core.study import Series
from asemble.core.volume import Affine, Floats
from asemble.imaging.bones import FACING_MM, LEAST_JOINT_MM2, bone_labels
from asemble.imaging.joint_bands import SUBCHONDRAL_MM
from asemble.imaging.slices import FIELD_MM, Grid, grid_of, squares

Bools = npt.NDArray[np.bool_]

ILIUM = {Joint.RIGHT: Tissue.RIGHT_ILIUM, Joint.LEFT: Tissue.LEFT_ILIUM}
OEDEMA_FROM = 0.5
"""How likely oedema has to be: where a reader would draw it (`models.output.oedema_share`)."""
SURE = 0.9
"""How likely the surest place of a patch has to be for any of it to count. Networks find faint
patches in healthy simulated marrow, too, and more is better there; real oedema is fainter, and is
lost from 0.95 on (docs/decisions/0030)."""
FURTHEST_MM = 25.0
"""Oedema further from the joint than this is not counted: lesions reach 20.4 mm (decision 24)."""
HALF_SPACE_MM = 1.0
"""From the middle of a joint to its surface: joint spaces are 1.5 to 2.5 mm wide (CT)."""


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """One series, `(slice, row, column)` each, on the square of its slices as shown.

    Args:
        values: raw grey values, means of each cell.
        labels: 0, or the number of the bone (`imaging.bones.BONES`).
        bright: vessel, fluid or disc.
        suspected: how likely oedema is, 0..1.
        depth_mm: by joint, how far each place is from its surface; infinite where it is not seen.
        seam: by joint, where its two bones meet.
        affine: of the slices as shown, LPS; see `core.volume`.
        grid: where the square lies on them.
        cell_mm: side of a cell.
        step_mm: from slice to slice.
    """

    values: Floats
    labels: npt.NDArray[np.uint8]
    bright: Bools
    suspected: Floats
    depth_mm: Mapping[Joint, Floats]
    seam: Mapping[Joint, Bools]
    affine: Affine
    grid: Grid
    cell_mm: float
    step_mm: float

    @property
    def area_mm2(self) -> float:
        """Of one cell."""
        return self.cell_mm**2

    def seen(self, joint: Joint) -> list[int]:
        """The slices that show a joint."""
        return [int(k) for k in np.flatnonzero(self.seam[joint].any(axis=(1, 2)))]

    @property
    def with_joint(self) -> list[int]:
        """The slices that show either joint."""
        return sorted({*self.seen(Joint.RIGHT), *self.seen(Joint.LEFT)})

    def of_bone(self, joint: Joint, bone: Bone) -> Bools:
        """A bone as far as it belongs to a joint: of the sacrum, what is nearer to it."""
        if bone is Bone.ILIAC:
            return np.asarray(self.labels == ILIUM[joint])
        other = Joint.LEFT if joint is Joint.RIGHT else Joint.RIGHT
        mine, others = self.depth_mm[joint], self.depth_mm[other]
        nearer = mine <= others if joint is Joint.RIGHT else mine < others
        return np.asarray((self.labels == Tissue.SACRUM) & nearer)

    def places_mm(self, index: int, cells: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """`(n, 2)` row and column of cells of one slice to `(n, 3)` mm LPS."""
        shown = self.grid.places_shown(cells, self.labels.shape[-1])
        indices = np.full((len(shown), 1), index)
        ones = np.ones((len(shown), 1))
        return np.asarray((np.hstack([indices, shown, ones]) @ self.affine.T)[:, :3])


def cells_of(series: Series, tissue: Floats, suspected: Floats) -> Cells | None:
    """A series on the cells of its maps; None where its geometry is not known.

    Args:
        series: with a plane.
        tissue: `(slice, 6, side, side)`, how likely each place is each `Tissue`.
        suspected: `(slice, side, side)`, how likely oedema is, 0..1.
    """
    volume, plane = series.volume, series.plane
    if volume.affine_lps is None or plane is None:
        return None
    grid = grid_of(volume, plane)
    affine = grid.turn.affine_of(volume)
    if affine is None:
        return None
    side = tissue.shape[-1]
    cell_mm = FIELD_MM / side
    labels = bone_labels(tissue)
    seam = {joint: seams(labels, joint) for joint in Joint}
    return Cells(
        values=np.stack(list(squares(volume, grid, side))),
        labels=labels,
        bright=np.asarray(tissue.argmax(axis=1) == Tissue.BRIGHT),
        suspected=suspected,
        depth_mm={joint: _depth_mm(each, cell_mm) for joint, each in seam.items()},
        seam=seam,
        affine=affine,
        grid=grid,
        cell_mm=cell_mm,
        step_mm=float(np.linalg.norm(affine[:3, 0])),
    )


def oedema_at(cells: Cells, sure: float = SURE) -> Bools:
    """`(slice, row, column)`: oedema in bone at a joint.

    A patch counts as a whole where part of it lies within `SUBCHONDRAL_MM` of the joint, and some
    place of it is oedema as surely as `sure`.
    """
    near = np.minimum(*cells.depth_mm.values())
    found = (cells.suspected >= OEDEMA_FROM) & (cells.labels > 0) & (near <= FURTHEST_MM)
    patches, count = ndimage.label(found, structure=_IN_SLICE)
    counts = np.isin(np.arange(count + 1), patches[near <= SUBCHONDRAL_MM])
    counts &= np.isin(np.arange(count + 1), patches[cells.suspected >= sure])
    counts[0] = False
    return np.asarray(counts[patches])


_IN_SLICE = np.zeros((3, 3, 3), dtype=np.bool_)
_IN_SLICE[1] = True
"""Neighbours on the same slice, corners too."""


def seams(labels: npt.NDArray[np.uint8], joint: Joint) -> Bools:
    """`(slice, row, column)`: the cells where the two bones of a joint meet.

    Args:
        labels: the same shape, numbers of bones.
        joint: the patient's side.
    """
    cell_mm = FIELD_MM / labels.shape[-1]
    found = np.zeros(labels.shape, dtype=np.bool_)
    for seam, of_slice in zip(found, labels, strict=True):
        sacrum, ilium = of_slice == Tissue.SACRUM, of_slice == ILIUM[joint]
        if not (sacrum.any() and ilium.any()):
            continue
        to_sacrum, to_ilium = (
            ndimage.distance_transform_edt(~one) * cell_mm for one in (sacrum, ilium)
        )
        facing = np.maximum(to_sacrum, to_ilium) <= FACING_MM
        parts, count = ndimage.label(facing, structure=np.ones((3, 3)))
        sizes = ndimage.sum_labels(facing, parts, np.arange(1, count + 1)) * cell_mm**2
        large = np.isin(parts, 1 + np.flatnonzero(sizes >= LEAST_JOINT_MM2))
        between = (of_slice > 0) | (to_sacrum + to_ilium <= FACING_MM)  # not above or below both
        seam[...] = large & between & (np.abs(to_sacrum - to_ilium) <= cell_mm)
    return found


def _depth_mm(seam: Bools, cell_mm: float) -> Floats:
    depth = np.full(seam.shape, np.inf, dtype=np.float32)
    for found, of_slice in zip(depth, seam, strict=True):
        if of_slice.any():
            far = ndimage.distance_transform_edt(~of_slice) * cell_mm
            found[...] = np.maximum(far - HALF_SPACE_MM, 0)
    return depth
