"""Measurements on hand-made bones: two joints, the sacrum between them, lesions of known size."""

from dataclasses import replace

import numpy as np
import pytest

from asemble.clinical.sparcc import inflammation
from asemble.core.joints import Bone, Half, Joint, JointLine, Quadrant
from asemble.core.labels import Plane, Tissue, Weighting
from asemble.core.measurements import Measurements
from asemble.core.study import Series
from asemble.core.volume import Affine, Floats, Volume
from asemble.imaging.slices import FIELD_MM
from asemble.measurements import cells_of, measure, proposed_marks
from asemble.measurements.cells import HALF_SPACE_MM, SURE, oedema_at
from asemble.measurements.formatting import as_json, in_words
from asemble.measurements.marrow import NO_JOINT, TOO_LITTLE
from asemble.measurements.measuring import NO_LINES, NOT_CORONAL
from asemble.reading.joint_lines import JointLines, Slice
from asemble.reading.quadrants import hit

SLICES, SIDE = 8, 128
CELL_MM = FIELD_MM / SIDE
STEP_MM = 4.0
RIGHT_AT, LEFT_AT = 35, 93
"""First column of the sacrum, and of the left ilium: the joints lie 58 cells, 91 mm, apart."""
TOP, BOTTOM = 44, 76
"""Rows of the joints: 32 cells, 50 mm."""
MARROW, FLUID, OEDEMA = 100.0, 400.0, 250.0

CORONAL = np.array([[0, 0, 0.8, -80], [STEP_MM, 0, 0, 7], [0, -0.5, 0, 60], [0, 0, 0, 1.0]])
AXIAL = np.array([[0, 0, 0.8, -80], [0, 0.5, 0, -60], [STEP_MM, 0, 0, 7], [0, 0, 0, 1.0]])


def bones() -> Floats:
    """`(slice, 6, row, column)`: the same two joints on slices 1 to 6, nothing on the outer two."""
    tissue = np.zeros((SLICES, len(Tissue), SIDE, SIDE), np.float32)
    for what, columns in (
        (Tissue.RIGHT_ILIUM, slice(15, RIGHT_AT)),
        (Tissue.SACRUM, slice(RIGHT_AT, LEFT_AT)),
        (Tissue.LEFT_ILIUM, slice(LEFT_AT, 113)),
    ):
        tissue[1:7, what, TOP:BOTTOM, columns] = 1
    tissue[1:7, Tissue.BRIGHT, BOTTOM + 2 : BOTTOM + 8, 50:70] = 1
    tissue[:, Tissue.REST] = 1 - tissue[:, 1:].sum(axis=1)
    return tissue


def nothing() -> Floats:
    return np.zeros((SLICES, SIDE, SIDE), np.float32)


def lesion(rows: slice, columns: slice, on: slice = slice(2, 4)) -> Floats:
    found = nothing()
    found[on, rows, columns] = SURE
    return found


def series(
    suspected: Floats, affine: Affine | None = CORONAL, *, plane: Plane = Plane.CORONAL
) -> Series:
    """Marrow, fluid and oedema on the grid of the series: 250 rows of 0.8 mm, 400 of 0.5 mm."""
    grey = np.where(bones()[:, Tissue.BRIGHT] > 0, FLUID, MARROW)
    grey = np.where(suspected > 0.5, OEDEMA, grey)
    rows = ((np.arange(400) + 0.5) * 0.5 / CELL_MM).astype(int)
    columns = ((np.arange(250) + 0.5) * 0.8 / CELL_MM).astype(int)
    voxels = grey[:, rows][:, :, columns].astype(np.float32)
    return Series("s01", "", Volume(voxels, affine), plane, Weighting.FLUID)


def measured(suspected: Floats, tissue: Floats | None = None) -> Measurements:
    found = measure(series(suspected), bones() if tissue is None else tissue, suspected)
    assert found is not None
    return found


def test_volume_is_area_times_the_distance_between_slices() -> None:
    found = measured(lesion(slice(50, 54), slice(LEFT_AT + 1, LEFT_AT + 4)))
    left = next(one for one in found.joints if one.joint is Joint.LEFT)
    assert left.volume_ml == pytest.approx(2 * 12 * CELL_MM**2 * STEP_MM / 1000)
    assert found.volume_ml == left.volume_ml
    areas = {one.index: one.area_mm2 for one in found.slices}
    assert areas[2] == areas[3] == pytest.approx(12 * CELL_MM**2)
    assert areas[1] == 0 and set(areas) == {1, 2, 3, 4, 5, 6}


def test_oedema_belongs_to_the_bone_and_the_joint_it_lies_in() -> None:
    found = measured(lesion(slice(50, 54), slice(RIGHT_AT - 3, RIGHT_AT + 4)))
    (on_slice,) = (one for one in found.slices if one.index == 2)
    areas = {(one.joint, one.bone): one.area_mm2 for one in on_slice.bones}
    assert areas == {
        (Joint.RIGHT, Bone.ILIAC): pytest.approx(12 * CELL_MM**2),
        (Joint.RIGHT, Bone.SACRAL): pytest.approx(16 * CELL_MM**2),
    }


def test_oedema_is_held_against_the_marrow_between_the_foramina() -> None:
    found = measured(lesion(slice(50, 56), slice(LEFT_AT + 1, LEFT_AT + 7)))
    assert found.reference.slices == (1, 2, 3, 4, 5, 6) and found.reference.why_not is None
    bone = found.slices[1].bones[0]
    assert bone.ratio == pytest.approx(OEDEMA / MARROW, rel=0.06)  # cells at its edge hold both
    assert found.fluid_ratio == pytest.approx(FLUID / MARROW, rel=0.05)


def test_a_lesion_in_the_reference_marrow_does_not_change_the_reference() -> None:
    small = lesion(slice(50, 60), slice(58, 66))
    cells = cells_of(series(small), bones(), small)
    found = measured(small)
    assert cells is not None
    assert found.reference.area_mm2 < measured(nothing()).reference.area_mm2
    assert found.fluid_ratio == pytest.approx(FLUID / MARROW, rel=0.05)


def test_no_reference_is_guessed_where_too_little_marrow_is_seen() -> None:
    tissue = bones()
    tissue[:, Tissue.SACRUM, :, 46:82] = 0
    tissue[:, Tissue.REST] = 1 - tissue[:, 1:].sum(axis=1)
    found = measured(lesion(slice(50, 54), slice(LEFT_AT + 1, LEFT_AT + 4)), tissue)
    assert found.reference.why_not == TOO_LITTLE and found.fluid_ratio is None
    bone = found.slices[1].bones[0]
    assert bone.ratio is None and bone.is_intense is None and bone.area_mm2 > 0


def test_depth_is_counted_from_the_joint_surface() -> None:
    shallow = measured(lesion(slice(50, 60), slice(LEFT_AT, LEFT_AT + 3)))
    deep = measured(lesion(slice(50, 60), slice(LEFT_AT, LEFT_AT + 9)))
    assert shallow.joints[1].depth_mm == pytest.approx(2 * CELL_MM - HALF_SPACE_MM)
    assert deep.joints[1].depth_mm == pytest.approx(8 * CELL_MM - HALF_SPACE_MM)
    assert not shallow.slices[1].bones[0].is_deep and deep.slices[1].bones[0].is_deep


def test_oedema_that_never_comes_near_the_joint_is_not_counted() -> None:
    far = lesion(slice(50, 60), slice(LEFT_AT + 10, LEFT_AT + 16))
    reaching = far + lesion(slice(50, 60), slice(LEFT_AT + 2, LEFT_AT + 10))
    assert measured(far).volume_ml == 0
    assert measured(reaching).slices[1].area_mm2 == pytest.approx(140 * CELL_MM**2)


def test_oedema_outside_bone_is_not_counted() -> None:
    assert (
        measured(lesion(slice(BOTTOM + 1, BOTTOM + 9), slice(LEFT_AT - 9, LEFT_AT + 9))).volume_ml
        == 0
    )


def test_faint_patches_do_not_count_but_the_faint_rim_of_a_sure_one_does() -> None:
    rows, columns = slice(50, 54), slice(LEFT_AT + 1, LEFT_AT + 4)
    faint = np.minimum(lesion(rows, columns), np.float32(0.7))
    assert measured(faint).volume_ml == 0
    rimmed = faint.copy()
    rimmed[2:4, 51, LEFT_AT + 2] = 1
    assert measured(rimmed).slices[1].area_mm2 == pytest.approx(12 * CELL_MM**2)


def test_joint_lines_lie_where_the_bones_meet() -> None:
    lines = measured(nothing()).joint_lines
    assert sorted((line.joint, round(line.upper[1])) for line in lines) == [
        (joint, 7 + 4 * k) for joint in sorted(Joint) for k in range(1, 7)
    ]
    middle = -80 + 0.8 * (250 - 1) / 2
    for line in lines:
        column = RIGHT_AT if line.joint is Joint.RIGHT else LEFT_AT
        assert line.points[:, 0] == pytest.approx(middle + (column - 64) * CELL_MM, abs=CELL_MM / 2)
        assert line.upper[2] - line.lower[2] == pytest.approx((BOTTOM - TOP) * CELL_MM, abs=5)


def test_a_proposed_line_bends_with_the_joint() -> None:
    tissue = np.zeros((SLICES, len(Tissue), SIDE, SIDE), np.float32)
    for row in range(TOP, BOTTOM):
        seam = LEFT_AT - abs(row - (TOP + BOTTOM) // 2) // 2
        tissue[3, Tissue.SACRUM, row, 60:seam] = 1
        tissue[3, Tissue.LEFT_ILIUM, row, seam:113] = 1
    tissue[:, Tissue.REST] = 1 - tissue[:, 1:].sum(axis=1)
    (line,) = measured(nothing(), tissue).joint_lines
    ends = (line.upper[0] + line.lower[0]) / 2
    assert line.bend[0] - ends == pytest.approx(8 * CELL_MM, abs=CELL_MM)


def test_every_quadrant_with_oedema_is_proposed_as_a_reader_marks_it() -> None:
    upper = lesion(slice(TOP + 2, TOP + 8), slice(LEFT_AT, LEFT_AT + 4))
    lower = lesion(slice(BOTTOM - 8, BOTTOM - 2), slice(RIGHT_AT, RIGHT_AT + 4), slice(3, 5))
    found = measured(upper + lower)
    assert [(mark.slice, str(mark.quadrant)) for mark in found.marks] == [
        (2, "left upper iliac"),
        (3, "left upper iliac"),
        (3, "right lower sacral"),
        (4, "right lower sacral"),
    ]
    lines = JointLines("", tuple(found.joint_lines))
    for mark in found.marks:
        at = Slice.of(CORONAL, mark.slice)
        assert hit(lines, at, np.array(mark.place_mm)).quadrant == mark.quadrant
    assert found.first_scored is not None
    assert inflammation(found.marks, found.first_scored).total == 4


def test_a_mark_is_deep_and_intense_by_the_definitions_of_sparcc() -> None:
    deep = lesion(slice(TOP + 2, TOP + 8), slice(LEFT_AT, LEFT_AT + 9))
    (mark, _) = measured(deep).marks
    assert mark.is_deep and not mark.is_intense  # 2.5 times marrow, fluid is 4 times
    bright = series(deep)
    voxels = np.where(bright.volume.voxels == OEDEMA, FLUID + 50, bright.volume.voxels)
    found = measure(replace(bright, volume=Volume(voxels, CORONAL)), bones(), deep)
    assert found is not None and found.marks[0].is_intense


def test_a_speck_of_oedema_is_no_quadrant() -> None:
    found = measured(lesion(slice(50, 52), slice(LEFT_AT, LEFT_AT + 2)))
    assert found.marks == () and found.slices[1].area_mm2 > 0


def test_a_joint_below_three_centimetres_has_upper_quadrants_alone() -> None:
    tissue = bones()
    tissue[:, 1:, TOP + 14 :] = 0
    tissue[:, Tissue.REST] = 1 - tissue[:, 1:].sum(axis=1)
    found = measured(lesion(slice(TOP + 9, TOP + 13), slice(LEFT_AT, LEFT_AT + 4)), tissue)
    assert {mark.quadrant for mark in found.marks} == {Quadrant(Joint.LEFT, Half.UPPER, Bone.ILIAC)}


def test_marks_follow_the_lines_that_a_reader_corrects() -> None:
    oedema = lesion(slice(60, 66), slice(LEFT_AT, LEFT_AT + 5))  # just below the middle
    cells = cells_of(series(oedema), bones(), oedema)
    found = measured(oedema)
    assert cells is not None
    moved = [
        JointLine(line.joint, line.upper, line.bend, (*line.lower[:2], line.lower[2] - 20))
        for line in found.joint_lines
    ]
    marks = proposed_marks(cells, oedema_at(cells), moved)
    assert {mark.quadrant.half for mark in found.marks} == {Half.LOWER}
    assert {mark.quadrant.half for mark in marks} == {Half.UPPER}


def test_a_slice_without_joint_is_not_measured() -> None:
    found = measured(nothing() + 1, np.stack([bones()[0]] * SLICES))
    assert found.slices == () and found.joints == () and found.volume_ml == 0
    assert found.reference.why_not == NO_JOINT
    assert found.first_scored is None and found.why_no_sparcc == NO_LINES


def test_axial_slices_are_measured_but_never_scored() -> None:
    suspected = lesion(slice(50, 54), slice(LEFT_AT + 1, LEFT_AT + 4))
    found = measure(series(suspected, AXIAL, plane=Plane.AXIAL), bones(), suspected)
    assert found is not None
    assert found.volume_ml > 0 and found.joint_lines == () and found.marks == ()
    assert found.why_no_sparcc == NOT_CORONAL


def test_no_sparcc_is_proposed_on_slices_so_thin_that_six_cover_little_of_a_joint() -> None:
    thin = CORONAL @ np.diag([0.2, 1, 1, 1])
    suspected = lesion(slice(50, 54), slice(LEFT_AT + 1, LEFT_AT + 4))
    found = measure(series(suspected, thin), bones(), suspected)
    assert found is not None and found.volume_ml > 0
    assert found.first_scored is None
    assert "these lie 0.8 mm apart" in (found.why_no_sparcc or "")


def test_nothing_is_measured_without_geometry() -> None:
    suspected = lesion(slice(50, 54), slice(LEFT_AT + 1, LEFT_AT + 4))
    assert measure(series(suspected, None), bones(), suspected) is None


def test_how_a_slice_is_stored_changes_no_measurement() -> None:
    suspected = lesion(slice(TOP + 2, TOP + 8), slice(LEFT_AT, LEFT_AT + 9))
    stored = series(suspected)
    upside_down = CORONAL.copy()
    upside_down[:3, 3] += 399 * upside_down[:3, 1]
    upside_down[:3, 1] *= -1
    turned = replace(stored, volume=Volume(stored.volume.voxels[:, ::-1], upside_down))
    found = [measure(one, bones(), suspected) for one in (stored, turned)]
    assert found[0] is not None and found[1] is not None
    assert as_json(found[0]) == as_json(found[1])


def test_json_says_that_sparcc_is_a_proposal_and_counts_it_as_a_readers_sheet() -> None:
    found = measured(lesion(slice(TOP + 2, TOP + 8), slice(LEFT_AT, LEFT_AT + 9)))
    content = as_json(found)
    assert content["sparcc"]["is_proposal"] and content["sparcc"]["total"] == 4
    assert content["sparcc"]["slices"] == [0, 1, 2, 3, 4, 5]
    assert [one["slice"] for one in content["sparcc"]["quadrants"]] == [2, 3]
    assert len(content["joint_lines"]) == 12
    assert "proposed to the reader" in in_words(found)
