"""What the networks propose and the reader's hand decides: joint lines and SPARCC marks."""

import json
from dataclasses import replace

import pytest
from test_joint_lines import STIR, T1, drawn

from asemble.clinical.marks import QUADRANTS, Bone, Joint, Lesion, Mark
from asemble.reading import (
    JointLines,
    Reading,
    as_document,
    edits,
    from_document,
    short_hash,
)
from asemble.reading.joint_lines import Laid, Slice, lay, line_at, without
from asemble.reading.marking import Clicked, line_words, mark_of, moved

FRAME, SERIES, STUDY = "f01", "s02", "0123456789ab"
SLICES = range(2, 10)


def lines_on(slices=SLICES, *, joints=tuple(Joint), out_mm=0.0):
    """Lines of both joints on each slice."""
    lines = JointLines(FRAME)
    for index in slices:
        for joint in joints:
            place = drawn(STIR, index, joint, out_mm=out_mm)
            lines = lay(lines, joint, place, Slice.of(STIR, index))
    return lines.lines


def proposed(reading=None, lines=None):
    blank = Reading(study=STUDY) if reading is None else reading
    return edits.propose_joint_lines(blank, FRAME, lines_on() if lines is None else lines)


def laid(reading):
    return reading.joint_lines[0]


def test_proposed_lines_hold_and_say_so_until_a_hand_corrects_one() -> None:
    reading = proposed()
    at, other = Slice.of(STIR, 4), Slice.of(STIR, 5)
    here = line_at(laid(reading), Joint.LEFT, at)
    assert here.laid is Laid.HERE
    assert line_words(here) == "proposed by the networks"

    moved_out = drawn(STIR, 4, Joint.LEFT, out_mm=3)
    corrected = edits.lay_joint_lines(reading, lay(laid(reading), Joint.LEFT, moved_out, at))
    assert line_words(line_at(laid(corrected), Joint.LEFT, at)) == "drawn here"
    assert line_at(laid(corrected), Joint.LEFT, other).is_proposed
    assert line_at(laid(corrected), Joint.RIGHT, at).is_proposed
    (by_hand,) = laid(corrected).by_hand
    assert by_hand.joint is Joint.LEFT
    assert laid(corrected).proposed == laid(reading).lines  # what was proposed stays on record


def test_what_lies_between_proposed_lines_is_proposed_and_beside_one_by_hand_is_not() -> None:
    lines, between = laid(proposed()), Slice.of(T1, 4)
    assert line_at(lines, Joint.LEFT, between).is_proposed
    for index in SLICES:
        place = drawn(STIR, index, Joint.LEFT, out_mm=2)
        lines = lay(lines, Joint.LEFT, place, Slice.of(STIR, index))
    assert not line_at(lines, Joint.LEFT, between).is_proposed
    assert line_at(lines, Joint.RIGHT, between).is_proposed


def test_a_joint_that_a_hand_has_laid_is_never_proposed_over() -> None:
    at = Slice.of(STIR, 4)
    own = lay(JointLines(FRAME), Joint.LEFT, drawn(STIR, 4, Joint.LEFT, out_mm=5), at)
    before = edits.lay_joint_lines(Reading(study=STUDY), own)
    after = proposed(before)
    assert laid(after).of(Joint.LEFT) == laid(before).of(Joint.LEFT)
    assert {line.joint for line in laid(after).proposed} == {Joint.RIGHT}
    again = proposed(after, lines_on(out_mm=1))
    assert laid(again).of(Joint.LEFT) == laid(before).of(Joint.LEFT)
    assert laid(again).of(Joint.RIGHT) != laid(after).of(Joint.RIGHT)  # a new proposal for an old


def test_proposed_lines_are_no_word_of_the_reader_and_a_removed_one_is() -> None:
    reading = proposed()
    assert reading.is_blank
    lines = without(laid(reading), Slice.of(STIR, 4))
    assert len(lines.proposed) - len(lines.lines) == 2
    assert not lines.by_hand


def test_the_bone_that_was_found_counts_beside_a_proposed_line_and_not_beside_a_drawn_one() -> None:
    reading, at = proposed(), Slice.of(STIR, 4)
    place = tuple(line_at(laid(reading), Joint.LEFT, at).points[1] + [1.0, 0, 0])
    clicked = Clicked(Lesion.OEDEMA, 4, place)
    mark = mark_of(clicked, laid(reading), at, bone=Bone.SACRAL)
    assert mark.quadrant.bone is Bone.SACRAL
    assert mark_of(clicked, laid(reading), at).quadrant.bone is Bone.ILIAC
    assert moved(mark, laid(reading), at) == ""
    drawn_there = lay(laid(reading), Joint.LEFT, drawn(STIR, 4, Joint.LEFT), at)
    by_hand = replace(drawn_there, proposed=())
    assert mark_of(clicked, by_hand, at, bone=Bone.SACRAL).quadrant.bone is Bone.ILIAC


OFFERED = tuple(
    Mark(Lesion.OEDEMA, index, quadrant, is_deep=index == 5)
    for index in (4, 5, 6)
    for quadrant in QUADRANTS[:2]
)


def test_accepted_marks_are_the_readers_and_are_on_record_as_they_were_proposed() -> None:
    own = replace(OFFERED[0], is_intense=True)
    before = edits.toggle_mark(Reading(study=STUDY), SERIES, own)
    after = edits.accept_marks(before, SERIES, OFFERED)
    assert after.marks[SERIES] == (own, *OFFERED[1:])  # what the reader marked stands
    assert after.accepted[SERIES] == OFFERED[1:]


def test_accepting_is_undone_but_for_what_the_reader_has_changed_since() -> None:
    own = Mark(Lesion.EROSION, 4, QUADRANTS[7])
    before = edits.toggle_mark(Reading(study=STUDY), SERIES, own)
    after = edits.accept_marks(before, SERIES, OFFERED)
    assert edits.undo_accepted(after, SERIES) == before
    changed = replace(OFFERED[2], is_intense=True)
    edited = edits.toggle_mark(after, SERIES, changed)
    undone = edits.undo_accepted(edited, SERIES)
    assert set(undone.marks[SERIES]) == {own, changed}
    assert SERIES not in undone.accepted


def test_accepting_twice_changes_nothing_the_second_time() -> None:
    once = edits.accept_marks(Reading(study=STUDY), SERIES, OFFERED)
    assert edits.accept_marks(once, SERIES, OFFERED) == once


def test_proposals_and_what_became_of_them_survive_a_file() -> None:
    reading = edits.accept_marks(proposed(), SERIES, OFFERED)
    reading = edits.toggle_mark(reading, SERIES, OFFERED[0])
    again = from_document(json.dumps(as_document(reading)))
    assert again == reading
    assert short_hash(again) == short_hash(reading)


@pytest.mark.parametrize("field", ["accepted", "accepted_answers", "proposed"])
def test_a_reading_without_proposals_is_written_as_it_always_was(field: str) -> None:
    lines = replace(JointLines(FRAME), lines=lines_on())
    reading = edits.lay_joint_lines(Reading(study=STUDY), lines)
    reading = edits.toggle_mark(reading, SERIES, OFFERED[0])
    reading = edits.accept_answer(reading, "deep_oedema", from_networks=False)
    assert f'"{field}"' not in json.dumps(as_document(reading))
