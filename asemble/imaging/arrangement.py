"""Whether the bones on a slice lie as those of a pelvis do: what slices of the joints alone show.

Networks name bone on anything, on clouds and on slices that stand on their heads too. What they
do not do there is to lay a sacrum between two ilia with a joint on either side, and be sure of it.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage, stats

from asemble.core.geometry import possible_planes, slice_normal, slice_positions_mm
from asemble.core.labels import Plane, Tissue
from asemble.core.results import Level, Remark
from asemble.core.volume import Affine, Floats
from asemble.imaging.bones import FACING_MM, LEAST_JOINT_MM2, bone_labels
from asemble.imaging.slices import FIELD_MM

Bools = npt.NDArray[np.bool_]

LEAST_SACRUM_MM2 = 400.0
"""Of sacrum on a slice through both joints; a tenth of what it shows in the middle."""
LEAST_ILIUM_MM2 = 200.0
"""The same of each ilium."""
ASIDE_MM = 12.0
"""A joint lies at least so far from the middle of the sacrum."""
APART_MM = (50.0, 150.0)
"""From the middle of one joint to that of the other: 70 to 140 mm in people, some tilted."""
LEVEL_MM = 30.0
"""How much higher one joint may lie than the other: a pelvis tilted by 17 degrees."""
SURE = 0.72
"""Mean share of the likeliest tissue over all bone: 0.8 and more on slices of the joints, 0.6 on
turned ones and on pictures of other things."""

OTHER_PLANE, REVERSED = "other-plane", "slices-reversed"
"""Codes of what the bones say against the file."""
TALL = 0.58
"""Height of the sacrum by its width that parts the planes: semicoronal slices show it 0.75 to 1.2
times as high as wide (one of four real stacks 0.54), axial ones 0.4 to 0.55."""
NARROWING, WIDENING = -0.25, 0.05
"""Cells that it widens a row downwards: -0.3 to -0.7 on simulated coronal slices, -0.3 to 0 on real
ones, 0.1 to 0.8 on axial ones."""
FEWEST_SHOWN = 2
"""Slices that have to show a pelvis before their shape tells a plane."""
FEWEST_IN_ORDER, LEAST_DEPTH_MM = 6, 25.0
"""Slices that show a pelvis, and how far apart the outermost lie, before they tell an order."""
LEAST_SLOPE = 0.25
"""How much further apart, in mm a mm, the joints lie towards the front, or the top: 0.1 to 0.8 on
real coronal stacks. The other way round is an alarm from here on."""


@dataclass(frozen=True, slots=True)
class Joint:
    """One joint on one slice, in mm from the middle of the square.

    Args:
        x_mm: of its middle, to the right.
        y_mm: of its middle, downwards.
        area_mm2: where sacrum and ilium face each other.
    """

    x_mm: float
    y_mm: float
    area_mm2: float


def joints_of(labels: npt.NDArray[np.uint8]) -> dict[Tissue, Joint]:
    """By ilium the joint that it makes with the sacrum, of one slice `(row, column)` of labels."""
    cell_mm = FIELD_MM / len(labels)
    sacrum = labels == Tissue.SACRUM
    if not sacrum.any():
        return {}
    from_sacrum = ndimage.distance_transform_edt(~sacrum) * cell_mm
    found = {}
    for ilium in (Tissue.RIGHT_ILIUM, Tissue.LEFT_ILIUM):
        bone = labels == ilium
        if not bone.any():
            continue
        far = np.maximum(from_sacrum, ndimage.distance_transform_edt(~bone) * cell_mm)
        rows, columns = np.nonzero(far <= FACING_MM)
        if len(rows) * cell_mm**2 >= LEAST_JOINT_MM2:
            x_mm, y_mm = ((at.mean() - (len(labels) - 1) / 2) * cell_mm for at in (columns, rows))
            found[ilium] = Joint(float(x_mm), float(y_mm), len(rows) * cell_mm**2)
    return found


def pelvis_shown(tissue: Floats) -> Bools:
    """`(slice,)`: whether a sacrum lies between both ilia with a joint on either side, for sure.

    Args:
        tissue: `(slice, 6, row, column)`, how likely each place is each `Tissue`.
    """
    labels = bone_labels(tissue)
    return np.array(
        [_is_pelvis(*each) for each in zip(labels, tissue, strict=True)], dtype=np.bool_
    )


def _is_pelvis(labels: npt.NDArray[np.uint8], shares: Floats) -> bool:
    cell_mm2 = (FIELD_MM / len(labels)) ** 2
    sacrum, right, left = (
        float((labels == bone).sum()) * cell_mm2
        for bone in (Tissue.SACRUM, Tissue.RIGHT_ILIUM, Tissue.LEFT_ILIUM)
    )
    if sacrum < LEAST_SACRUM_MM2 or min(right, left) < LEAST_ILIUM_MM2:
        return False
    if float(shares.max(axis=0)[labels > 0].mean()) < SURE:
        return False
    joints = joints_of(labels)
    if len(joints) < 2:
        return False
    right_joint, left_joint = joints[Tissue.RIGHT_ILIUM], joints[Tissue.LEFT_ILIUM]
    columns = np.nonzero(labels == Tissue.SACRUM)[1]
    middle_mm = (float(columns.mean()) - (len(labels) - 1) / 2) * FIELD_MM / len(labels)
    return (
        right_joint.x_mm < middle_mm - ASIDE_MM
        and left_joint.x_mm > middle_mm + ASIDE_MM
        and APART_MM[0] < left_joint.x_mm - right_joint.x_mm < APART_MM[1]
        and abs(left_joint.y_mm - right_joint.y_mm) < LEVEL_MM
    )


def against_the_file(
    plane: Plane, tissue: Floats, shown: Bools, affine_lps: Affine | None
) -> tuple[Remark, ...]:
    """What the bones on the slices of a stack say against its plane or its geometry.

    Left and right are not among it: networks name ilia by where they lie on the slice, and a
    pelvis is as good as its mirror image.

    Args:
        plane: that is stated.
        tissue: `(slice, 6, row, column)`.
        shown: `(slice,)`, which show a pelvis.
        affine_lps: of the volume; None where the file says nothing.
    """
    labels = bone_labels(tissue[shown])
    found = (_other_plane(plane, labels, affine_lps), _reversed(plane, labels, shown, affine_lps))
    return tuple(remark for remark in found if remark is not None)


def is_word_alone(plane: Plane, affine_lps: Affine | None) -> bool:
    """Whether a plane rests on somebody's word, or on an affine such as programs make up."""
    if affine_lps is None or plane not in possible_planes(affine_lps):
        return True
    cosines = np.abs(affine_lps[:3, :3]) / np.linalg.norm(affine_lps[:3, :3], axis=0)
    return plane is Plane.AXIAL and bool(np.allclose(cosines.max(axis=0), 1, atol=1e-6))


def _other_plane(
    plane: Plane, labels: npt.NDArray[np.uint8], affine_lps: Affine | None
) -> Remark | None:
    if len(labels) < FEWEST_SHOWN or not is_word_alone(plane, affine_lps):
        return None
    tall, widening = np.median([_shape_of_sacrum(of_slice) for of_slice in labels], axis=0)
    # In doubt the plane is what was stated.
    is_coronal = tall > TALL or widening < (WIDENING if plane is Plane.CORONAL else NARROWING)
    if is_coronal == (plane is Plane.CORONAL):
        return None
    other = Plane.CORONAL if is_coronal else Plane.AXIAL
    return Remark(
        OTHER_PLANE,
        f"By the shape of the sacrum the slices look {other.value}, not {plane.value}: check the "
        "plane.",
        Level.NOTE,
    )


def _shape_of_sacrum(labels: npt.NDArray[np.uint8]) -> tuple[float, float]:
    """Its height by its width, and the cells that it widens a row."""
    sacrum = labels == Tissue.SACRUM
    rows, columns = np.nonzero(sacrum)
    high, wide = (float(np.ptp(np.percentile(at, [5, 95]))) for at in (rows, columns))
    widths = sacrum.sum(axis=1)
    at = np.flatnonzero(widths)
    slope = float(np.polyfit(at, widths[at], 1)[0]) if len(at) > 1 else 0.0
    return high / max(wide, 1.0), slope


def _reversed(
    plane: Plane, labels: npt.NDArray[np.uint8], shown: Bools, affine_lps: Affine | None
) -> Remark | None:
    """The joints of people lie further apart in front than behind, and above than below."""
    if affine_lps is None or is_word_alone(plane, affine_lps) or len(labels) < FEWEST_IN_ORDER:
        return None
    axis, places = (
        (1, ("front", "back")) if plane is Plane.CORONAL else (2, ("lower end", "upper end"))
    )
    sign = np.sign(slice_normal(affine_lps)[axis])
    at = sign * slice_positions_mm(affine_lps, len(shown))[shown]
    if np.ptp(at) < LEAST_DEPTH_MM:
        return None
    apart = []
    for of_slice in labels:
        joints = joints_of(of_slice)
        apart.append(joints[Tissue.LEFT_ILIUM].x_mm - joints[Tissue.RIGHT_ILIUM].x_mm)
    slope = float(stats.theilslopes(apart, at).slope)
    wrong = slope if plane is Plane.CORONAL else -slope
    if wrong < LEAST_SLOPE:
        return None
    return Remark(
        REVERSED,
        f"By the distance between the joints the slices lie the other way round: the {places[0]} "
        f"of the pelvis is where the file says its {places[1]} is. Positions and directions of "
        "this series may be wrong.",
        Level.NOTE,
    )
