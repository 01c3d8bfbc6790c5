"""Joint lines in and across stacks, quadrants of clicks, and what a moved line does."""

import numpy as np
import pytest

from asemble.clinical import sparcc
from asemble.clinical.marks import QUADRANTS, Bone, Half, Joint, Lesion, Mark, toggled
from asemble.core.errors import LineError
from asemble.core.joints import FURTHEST_MM, JointLine
from asemble.core.labels import Plane, Weighting
from asemble.core.study import Series
from asemble.core.volume import Volume
from asemble.reading import marking
from asemble.reading.joint_lines import (
    HOLD_MM,
    JointLines,
    Laid,
    Slice,
    frame_name,
    lay,
    line_at,
    lines_of,
    without,
)
from asemble.reading.quadrants import hit


def stack(tilt_deg, step_mm, *, pixel_mm=(0.5, 0.7), start_mm=0.0, askew_deg=0.0):
    """The affine of a semicoronal stack; `tilt_deg` from true coronal, a negative step from behind.

    `askew_deg` turns it about the body's long axis: the patient lay askew.
    """
    tilt, askew = np.radians([tilt_deg, askew_deg])
    right = np.array([np.cos(askew), np.sin(askew), 0])
    down = np.array([0, np.sin(tilt), -np.cos(tilt)])
    down -= (down @ right) * right
    down /= np.linalg.norm(down)
    normal = np.cross(right, down)
    normal *= np.sign(step_mm) * np.sign(normal[1])
    affine = np.eye(4)
    affine[:3, 0] = abs(step_mm) * normal
    affine[:3, 1], affine[:3, 2] = pixel_mm[0] * down, pixel_mm[1] * right
    affine[:3, 3] = np.array([-90, 20, 60]) + start_mm * normal
    return affine


STIR = stack(35, 4.4)
T1 = stack(35, -3.7, pixel_mm=(0.6, 0.4), start_mm=-50)
"""From behind; it meets no slice of the STIR."""
TILTED_T1 = stack(29, 3.1, start_mm=6, askew_deg=4)
FIRST, LAST = 2, 9


def drawn(affine, index, joint, *, out_mm=0.0):
    """A joint on a slice: 40 mm high, further back nearer to the middle, the left one lower."""
    at = Slice.of(affine, index)
    side = 1 if joint is Joint.LEFT else -1
    beside = 52 - 0.9 * index + out_mm
    upper = [side * beside, -18.0 + 2 * side]
    lower = [side * (beside - 14), 22.0 + 2 * side]
    left, down = plane_axes(at)
    origin = at.position_mm * at.normal
    return np.array([origin + x * left + y * down for x, y in (upper, lower)])


def plane_axes(at):
    """Unit vectors of the plane, to the left and downwards, found another way than in `Slice`."""
    down = np.array([0, 0, -1.0]) - (np.array([0, 0, -1.0]) @ at.normal) * at.normal
    left = np.array([1.0, 0, 0]) - at.normal[0] * at.normal
    left /= np.linalg.norm(left)
    down -= (down @ left) * left
    return left, down / np.linalg.norm(down)


def laid(affine=STIR, slices=(FIRST, LAST)):
    lines = JointLines("F1")
    for index in slices:
        for joint in Joint:
            lines = lay(lines, joint, drawn(affine, index, joint), Slice.of(affine, index))
    return lines


def beside(lines, at, joint, *, share, lateral_mm):
    """A place beside a joint line: so far along it, so far away from the sacrum."""
    upper, _, lower = line_at(lines, joint, at).points
    along = (lower - upper) / np.linalg.norm(lower - upper)
    left, _ = plane_axes(at)
    outwards = (left if joint is Joint.LEFT else -left).copy()
    outwards -= (outwards @ along) * along
    outwards /= np.linalg.norm(outwards)
    return upper + share * (lower - upper) + lateral_mm * outwards


@pytest.mark.parametrize("joint", Joint)
def test_between_two_slices_a_line_is_interpolated_by_millimetres(joint):
    lines = laid()
    share = (5 - FIRST) / (LAST - FIRST)
    first, last = drawn(STIR, FIRST, joint), drawn(STIR, LAST, joint)
    here = line_at(lines, joint, Slice.of(STIR, 5))
    assert here.laid is Laid.BETWEEN
    assert here.points[[0, 2]] == pytest.approx(first + share * (last - first), abs=0.01)
    assert here.points[1] == pytest.approx(here.points[[0, 2]].mean(axis=0), abs=0.01)
    assert line_at(lines, joint, Slice.of(STIR, LAST)).points[2] == pytest.approx(last[1], abs=0.01)


@pytest.mark.parametrize("t1", [T1, TILTED_T1], ids=["from behind", "tilted and askew"])
@pytest.mark.parametrize("joint", Joint)
def test_lines_laid_on_stir_serve_a_t1_of_other_slices(joint, t1):
    lines = laid()
    ends = [drawn(STIR, index, joint) for index in (FIRST, LAST)]
    found = 0
    for index in range(16):
        at = Slice.of(t1, index)
        here = line_at(lines, joint, at)
        if here is None or here.laid is not Laid.BETWEEN:
            continue
        found += 1
        assert at.away_mm(here.points) == pytest.approx(0, abs=0.01)
        for end, place in enumerate(here.points[[0, 2]]):
            path = ends[1][end] - ends[0][end]
            share = (place - ends[0][end]) @ path / (path @ path)
            assert 0 <= share <= 1
            assert place == pytest.approx(ends[0][end] + share * path, abs=0.01)
    assert found >= 5


def test_a_line_laid_on_t1_is_seen_on_stir_between_its_slices():
    lines = lay(laid(), Joint.LEFT, drawn(STIR, 5, Joint.LEFT, out_mm=6), Slice.of(STIR, 5))
    t1 = stack(35, 4.4, start_mm=4.4 * 5)  # its first slice is the sixth of the STIR
    there = line_at(lines, Joint.LEFT, Slice.of(t1, 0))
    assert there.laid is Laid.HERE
    assert there.points[0] == pytest.approx(drawn(STIR, 5, Joint.LEFT, out_mm=6)[0], abs=0.01)
    # The other joint keeps what lies around it.
    assert line_at(lines, Joint.RIGHT, Slice.of(t1, 0)).laid is Laid.BETWEEN


def test_beyond_the_outer_lines_a_line_is_held_for_9_mm_and_no_further():
    lines = laid()
    last = drawn(STIR, LAST, Joint.RIGHT)
    normal = Slice.of(STIR, 0).normal
    held = line_at(lines, Joint.RIGHT, Slice.of(STIR, LAST + 2))
    assert held.laid is Laid.HELD
    assert held.away_mm == pytest.approx(8.8)
    assert held.points[[0, 2]] == pytest.approx(last + 8.8 * normal, abs=0.01)
    assert line_at(lines, Joint.RIGHT, Slice.of(STIR, LAST + 3)) is None
    assert line_at(lines, Joint.RIGHT, Slice.of(STIR, FIRST - 2)).laid is Laid.HELD
    assert HOLD_MM == 9


@pytest.mark.parametrize("affine", [STIR, T1, TILTED_T1], ids=["STIR", "T1", "tilted T1"])
@pytest.mark.parametrize("quadrant", QUADRANTS, ids=str)
def test_a_click_has_the_quadrant_and_the_distance_of_its_place(quadrant, affine):
    lines = laid()
    index = next(
        k for k in range(4, 16) if line_at(lines, Joint.LEFT, Slice.of(affine, k)) is not None
    )
    at = Slice.of(affine, index)
    share = 0.4 if quadrant.half is Half.UPPER else 0.6
    lateral = 7.25 if quadrant.bone is Bone.ILIAC else -7.25
    found = hit(lines, at, beside(lines, at, quadrant.joint, share=share, lateral_mm=lateral))
    assert found.quadrant == quadrant
    assert found.line_mm == pytest.approx(7.25, abs=0.05)


def test_above_and_below_a_joint_its_line_goes_on():
    lines, at = laid(), Slice.of(STIR, 5)
    for share, half in ((-0.3, Half.UPPER), (1.3, Half.LOWER)):
        for lateral, bone in ((5, Bone.ILIAC), (-5, Bone.SACRAL)):
            place = beside(lines, at, Joint.RIGHT, share=share, lateral_mm=lateral)
            found = hit(lines, at, place)
            assert (found.quadrant.half, found.quadrant.bone) == (half, bone)
            assert found.line_mm == pytest.approx(np.hypot(0.3 * np.hypot(14, 40), 5), abs=0.3)


def test_a_bend_moves_bone_from_one_side_to_the_other():
    at = Slice.of(STIR, 5)
    straight = laid()
    place = beside(straight, at, Joint.LEFT, share=0.5, lateral_mm=3)
    assert hit(straight, at, place).quadrant.bone is Bone.ILIAC
    left, _ = plane_axes(at)
    upper, lower = drawn(STIR, 5, Joint.LEFT)
    bent = lay(straight, Joint.LEFT, [upper, (upper + lower) / 2 + 8 * left, lower], at)
    found = hit(bent, at, place)
    assert found.quadrant.bone is Bone.SACRAL
    assert 3 < found.line_mm < 5
    tip = (upper + lower) / 2 + 10 * left  # beside the bend itself, where both parts are nearest
    assert hit(bent, at, tip).quadrant.bone is Bone.ILIAC
    assert hit(bent, at, tip).line_mm == pytest.approx(2, abs=0.2)


def test_ends_may_be_clicked_in_either_order():
    at = Slice.of(STIR, 4)
    ends = drawn(STIR, 4, Joint.RIGHT)
    assert lay(JointLines("F1"), Joint.RIGHT, ends, at) == lay(
        JointLines("F1"), Joint.RIGHT, ends[::-1], at
    )


def test_the_order_in_which_joints_are_laid_does_not_tell():
    assert laid(slices=(FIRST, LAST)) == laid(slices=(LAST, FIRST))


def test_a_slice_has_one_line_a_joint_and_can_be_freed_of_it():
    lines = laid()
    again = lay(lines, Joint.LEFT, drawn(STIR, LAST, Joint.LEFT, out_mm=5), Slice.of(STIR, LAST))
    assert len(again.lines) == len(lines.lines) == 4
    moved = line_at(again, Joint.LEFT, Slice.of(STIR, LAST)).points[0]
    assert moved == pytest.approx(drawn(STIR, LAST, Joint.LEFT, out_mm=5)[0], abs=0.01)
    freed = without(again, Slice.of(STIR, LAST))
    assert len(freed.lines) == 2
    assert line_at(freed, Joint.LEFT, Slice.of(STIR, LAST)) is None


def test_what_is_no_joint_line_is_refused_with_what_to_do():
    at = Slice.of(STIR, FIRST)
    upper, lower = drawn(STIR, FIRST, Joint.LEFT)
    left, down = plane_axes(at)
    empty, right_laid = JointLines("F1"), without(laid(), Slice.of(STIR, LAST))
    for lines, joint, points, words in (
        (empty, Joint.LEFT, [upper, upper + 3 * down], "3 mm long"),
        (empty, Joint.LEFT, [upper, upper + 30 * left + 2 * down], "lie flat"),
        (empty, Joint.LEFT, [upper, lower + 30 * down, lower], "turn back"),
        (right_laid, Joint.LEFT, drawn(STIR, FIRST, Joint.RIGHT, out_mm=9), "wrong side of the r"),
        (right_laid, Joint.RIGHT, drawn(STIR, FIRST, Joint.LEFT, out_mm=-20), "only 20 mm beside"),
    ):
        with pytest.raises(LineError, match=words) as refused:
            lay(lines, joint, points, at)
        assert refused.value.hint


def test_no_line_of_a_file_can_be_without_length_or_out_of_the_world():
    here = (0.0, 0.0, 0.0)
    with pytest.raises(ValueError, match="apart"):
        JointLine(Joint.LEFT, here, here, (0.0, 0.0, -20.0))
    with pytest.raises(ValueError, match="within"):
        JointLine(Joint.LEFT, here, (0.0, 0.0, -9.0), (0.0, 0.0, -2 * FURTHEST_MM))


def test_a_series_shares_lines_within_its_frame_of_reference_alone():
    def series(id_, frame):
        volume = Volume(np.zeros((3, 4, 5), np.float32), STIR)
        return Series(id_, "", volume, Plane.CORONAL, Weighting.T1, frame_of_reference=frame)

    kept = [laid()]
    assert lines_of(kept, series("s01", "F1")) == kept[0]
    for other in (series("s02", "F2"), series("s03", None)):
        assert lines_of(kept, other).lines == ()
    assert frame_name(series("s03", None)) == "s03"


def clicked(lines, at, joint=Joint.LEFT, *, share=0.3, lateral_mm=6.0, index=5):
    place = tuple(map(float, beside(lines, at, joint, share=share, lateral_mm=lateral_mm)))
    return marking.mark_of(marking.Clicked(Lesion.EROSION, index, place), lines, at)


def test_nothing_is_marked_before_both_joints_are_laid():
    at = Slice.of(STIR, 5)
    assert marking.refusal(JointLines("F1"), at) == marking.LAY_FIRST
    only = lay(JointLines("F1"), Joint.RIGHT, drawn(STIR, 5, Joint.RIGHT), at)
    assert "the left joint has no line" in marking.refusal(only, at)
    with pytest.raises(ValueError, match="left joint"):
        marking.mark_of(marking.Clicked(Lesion.FAT, 5, (0.0, 0.0, 0.0)), only, at)
    assert marking.refusal(laid(), at) == ""
    assert "right and left joints have no line" in marking.refusal(laid(), Slice.of(STIR, 14))


def test_a_click_further_from_the_joint_than_lesions_lie_asks():
    lines, at = laid(), Slice.of(STIR, 5)
    assert marking.question(clicked(lines, at, lateral_mm=-24.5)) == ""
    far = marking.question(clicked(lines, at, lateral_mm=-27.2))
    assert far == (
        "This click is 27 mm from the left joint, the nearer one; lesions are expected within "
        "25 mm. "
        "Record erosion, left upper sacral?"
    )


def test_a_mark_stays_what_it_was_and_says_that_its_line_has_moved():
    lines, at = laid(), Slice.of(STIR, 5)
    mark = clicked(lines, at)
    assert str(mark.quadrant) == "left upper iliac"
    assert mark.line_mm == 6
    assert marking.moved(mark, lines, at) == ""
    for out, words in (
        (0.5, ""),
        (3, "made as left upper iliac; the line has moved from 6 to 3 mm away"),
        (9, "made as left upper iliac; the line has moved, and the place is now left upper sacral"),
    ):
        moved = lay(lines, Joint.LEFT, drawn(STIR, 5, Joint.LEFT, out_mm=out), at)
        assert marking.moved(mark, moved, at) == words
    gone = marking.moved(mark, JointLines("F1"), at)
    assert gone == "made as left upper iliac; the line was removed since"
    left_only = JointLines("F1", tuple(lines.of(Joint.LEFT)))
    assert marking.moved(mark, left_only, at) == ""  # the other joint's line is none of its own
    by_words = Mark(Lesion.FAT, 5, QUADRANTS[0])
    assert marking.moved(by_words, JointLines("F1"), at) == ""


def test_a_second_click_in_the_quadrant_takes_the_mark_away():
    lines, at = laid(), Slice.of(STIR, 5)
    first, second = clicked(lines, at), clicked(lines, at, share=0.1, lateral_mm=9)
    assert first.place_mm != second.place_mm
    assert toggled((first,), second) == ()


def test_marks_of_a_series_without_lines_are_not_scored():
    marks = [Mark(Lesion.OEDEMA, 4, quadrant) for quadrant in QUADRANTS[:3]]
    assert marking.counted(marks, JointLines("F1"), STIR) == ()
    scored = marking.counted(marks, laid(), STIR)
    assert sparcc.inflammation(scored, 2).total == 3
    # Pictures have no millimetres to lay a line in: what is marked there is said in words.
    assert len(marking.counted(marks, JointLines("s01"), None)) == 3


def test_a_place_comes_back_to_its_row_and_column():
    for affine in (STIR, T1, TILTED_T1):
        place = marking.place_of(affine, 3, 40.25, 17.5)
        assert Slice.of(affine, 3).away_mm(place) == pytest.approx(0, abs=0.002)
        assert marking.rows_and_columns(affine, place) == pytest.approx([40.25, 17.5], abs=0.01)


def test_slices_that_show_no_quadrants_are_told():
    assert marking.shows_quadrants(STIR)
    assert marking.shows_quadrants(stack(58, 4))
    axial = np.array([[0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1.0]])
    sagittal = np.array([[1, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1.0]])
    assert not marking.shows_quadrants(axial)
    assert not marking.shows_quadrants(sagittal)
