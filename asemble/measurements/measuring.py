"""`measure`: from the maps of one series to its measurements."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from asemble.clinical.sparcc import fullest_slices
from asemble.core.joints import Bone, Joint
from asemble.core.labels import Plane
from asemble.core.measurements import BoneOedema, JointOedema, Measurements, SliceOedema
from asemble.core.study import Series
from asemble.core.volume import Floats
from asemble.measurements.cells import SURE, Bools, Cells, cells_of, oedema_at
from asemble.measurements.marrow import fluid_ratio, ratios, reference_marrow
from asemble.measurements.proposing import (
    DEEP_MM,
    LEAST_QUADRANT_MM2,
    is_intense,
    proposed_lines,
    proposed_marks,
    reach_mm,
)
from asemble.reading.marking import shows_quadrants

Oedema = Mapping[tuple[Joint, Bone], Bools]
"""`(slice, row, column)` by joint and bone."""

NOT_CORONAL = "SPARCC is scored on semicoronal slices."
NO_LINES = "No slice shows enough of a joint to lay a line along it."
LEAST_STEP_MM = 2.0
"""Half of the 4 mm for which SPARCC was made: six slices nearer than this cover too little."""

ML_PER_MM3 = 1e-3
LEAST_MM2 = 5.0
"""Oedema in a bone on a slice from which it is told: two cells."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What counts as oedema.

    Args:
        sure: how likely it has to be at the surest place of a patch.
        quadrant_mm2: of it in a quadrant, for it to be marked.
    """

    sure: float = SURE
    quadrant_mm2: float = LEAST_QUADRANT_MM2


RULES = Rules()
"""As measured and proposed."""


def measure(
    series: Series,
    tissue: Floats,
    suspected: Floats,
    at_joints: Sequence[float | None] = (),
    *,
    rules: Rules = RULES,
) -> Measurements | None:
    """What the maps of a fluid-sensitive series that was judged make measurable.

    Args:
        series: of a plane that is judged.
        tissue: `(slice, 6, side, side)`, how likely each place is each `Tissue`.
        suspected: `(slice, side, side)`, how likely oedema is, 0..1.
        at_joints: for each slice the share of its evidence in bone at the joints, if known.
        rules: what counts; others to measure the truth, or the accuracy of the rules.

    Returns:
        None where the geometry of the series is not known.
    """
    cells = cells_of(series, tissue, suspected)
    if cells is None:
        return None
    marrow = reference_marrow(cells)
    ratio = ratios(cells, marrow)
    fluid = None if ratio is None else fluid_ratio(cells, ratio)
    oedema = oedema_at(cells, rules.sure)
    is_scored = series.plane is Plane.CORONAL and shows_quadrants(series.volume.affine_lps)
    lines = proposed_lines(cells) if is_scored else ()
    marks = proposed_marks(
        cells, oedema, lines, ratio=ratio, fluid_ratio=fluid, least_mm2=rules.quadrant_mm2
    )
    why_not = _why_no_sparcc(cells.step_mm, is_scored=is_scored, has_lines=bool(lines))
    bones = {(j, b): oedema & cells.of_bone(j, b) for j in Joint for b in Bone}
    return Measurements(
        reference=marrow.reference,
        fluid_ratio=fluid,
        slices=tuple(
            SliceOedema(
                k,
                _bones(cells, bones, k, ratio, fluid),
                at_joints[k] if len(at_joints) else None,
            )
            for k in cells.with_joint
        ),
        joints=tuple(_joint(cells, bones, j, ratio) for j in Joint if cells.seen(j)),
        joint_lines=lines,
        marks=marks,
        first_scored=None if why_not else fullest_slices(marks, len(cells.labels)),
        why_no_sparcc=why_not,
    )


def _why_no_sparcc(step_mm: float, *, is_scored: bool, has_lines: bool) -> str | None:
    if not is_scored:
        return NOT_CORONAL
    if step_mm < LEAST_STEP_MM:
        return (
            f"SPARCC is scored on slices some 4 mm apart; these lie {step_mm:.1f} mm apart, "
            "and six of them cover too little of the joints."
        )
    return None if has_lines else NO_LINES


def _bones(
    cells: Cells, bones: Oedema, index: int, ratio: Floats | None, fluid: float | None
) -> tuple[BoneOedema, ...]:
    found = []
    for (joint, bone), everywhere in bones.items():
        mine = everywhere[index]
        area = float(mine.sum()) * cells.area_mm2
        if area < LEAST_MM2:
            continue
        values = None if ratio is None else ratio[index][mine]
        depth = reach_mm(cells.depth_mm[joint][index][mine])
        found.append(
            BoneOedema(
                joint,
                bone,
                area_mm2=area,
                ratio=None if values is None else float(np.median(values)),
                depth_mm=depth,
                is_deep=depth >= DEEP_MM,
                is_intense=is_intense(cells, values, fluid),
            )
        )
    return tuple(found)


def _joint(cells: Cells, bones: Oedema, joint: Joint, ratio: Floats | None) -> JointOedema:
    mine = bones[joint, Bone.SACRAL] | bones[joint, Bone.ILIAC]
    volume = float(mine.sum()) * cells.area_mm2 * cells.step_mm * ML_PER_MM3
    depths = [reach_mm(cells.depth_mm[joint][k][mine[k]]) for k in cells.seen(joint)]
    return JointOedema(
        joint,
        volume_ml=volume,
        ratio=float(ratio[mine].mean()) if ratio is not None and mine.any() else None,
        depth_mm=max(depths, default=0.0),
    )
