"""What the reader says as one frozen object, its edits, and its file."""

import json
from dataclasses import FrozenInstanceError, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from asemble.clinical import ITEMS, Answer
from asemble.clinical.likelihood import SETTINGS
from asemble.clinical.marks import QUADRANTS, Joint, Lesion, Mark
from asemble.clinical.onset import Onset
from asemble.core.errors import ReadingError
from asemble.core.labels import Plane, Weighting
from asemble.core.study import Prior, Series, Study
from asemble.core.volume import Volume
from asemble.reading import (
    MAX_COMMENT_CHARACTERS,
    SCHEMA,
    Conclusion,
    Confidence,
    Impression,
    JointLine,
    JointLines,
    Measure,
    MeasureKind,
    Reading,
    as_document,
    check_fits,
    edits,
    from_document,
    short_hash,
)
from asemble.reading.serialisation import schema

STUDY = "0123456789ab"
OEDEMA = Mark(
    Lesion.OEDEMA, 3, QUADRANTS[0], is_deep=True, place_mm=(-50.5, -3.0, 11.25), line_mm=9.5
)
LINES = JointLines(
    "F1", (JointLine(Joint.LEFT, (41.5, -3.0, 20.0), (37.0, -3.0, 2.5), (30.0, -3.0, -22.0)),)
)

ARROW = Measure(3, MeasureKind.ARROW, 2, ((1.0, 2.0, 3.0), (4.0, 5.0, 6.0)), "erosion?")
EDITS = (
    lambda r: edits.answer(r, "erosion", Answer.YES),
    lambda r: edits.answer(r, "fever", Answer.NO),
    lambda r: edits.conclude(r, Conclusion.UNSURE),
    lambda r: edits.state_confidence(r, Confidence.MODERATE),
    lambda r: edits.comment(r, 'Line one\nline "two" \N{GREEK SMALL LETTER MU}'),
    lambda r: edits.draft_conclusion(r, Conclusion.NORMAL),
    lambda r: edits.draft_confidence(r, Confidence.HIGH),
    lambda r: edits.draft_comment(r, "before it"),
    lambda r: edits.record_first(edits.draft_conclusion(r, Conclusion.MECHANICAL)),
    lambda r: edits.judge_sacroiliitis(r, False),
    lambda r: edits.choose_setting(r, SETTINGS[1].title),
    lambda r: edits.call_suggestive(r, True),
    lambda r: edits.toggle_mark(r, "s02", OEDEMA),
    lambda r: edits.lay_joint_lines(r, LINES),
    lambda r: edits.choose_first_scored(r, "s02", 1),
    lambda r: edits.choose_transitional(r, "s01", 2),
    lambda r: edits.choose_key_images(r, [("s02", 3), ("s01", 0)]),
    lambda r: edits.correct_series(r, "s01", plane=Plane.AXIAL, weighting=None),
    lambda r: edits.accept_marks(r, "s02", [replace(OEDEMA, slice=4)]),
    lambda r: edits.state_onset(r, Onset.BEFORE_45),
    lambda r: edits.accept_answer(r, "deep_oedema", from_networks=True),
    lambda r: edits.call_complete(r, "s02", True),
    lambda r: edits.add_measure(r, "s01", ARROW),
)
"""One edit of each field that is part of what is said."""

PRIOR = "c" * 12


def everything() -> Reading:
    reading = Reading(study=STUDY)
    for edit in EDITS:
        reading = edit(reading)
    return edits.rest_on(edits.follow_up(reading, PRIOR), "s01", 4)


def written(reading: Reading) -> str:
    return json.dumps(as_document(reading), allow_nan=False)


def changed(path: str, value: object) -> str:
    """A full document with one value replaced, or a key added."""
    document = as_document(everything())
    *parents, last = path.split(".")
    part: Any = document
    for name in parents:
        part = part[int(name) if isinstance(part, list) else name]
    part[int(last) if isinstance(part, list) else last] = value
    return json.dumps(document)


def a_study(key: str = STUDY + "0" * 52, slices: int = 6) -> Study:
    series = tuple(
        Series(id_, "", Volume(np.zeros((slices, 2, 3)), None), None, Weighting.FLUID)
        for id_ in ("s01", "s02")
    )
    return Study(series, (), key, prior=Prior(Study((), (), PRIOR + "0" * 52), None, False))


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_leaves_the_reading_before_it_as_it_was_and_changes_its_hash(edit: Any) -> None:
    before = Reading(study=STUDY)
    after = edit(before)
    assert before == Reading(study=STUDY)
    assert before.is_blank and not after.is_blank
    assert short_hash(after) != short_hash(before)


def test_what_is_left_of_a_reading_says_how_far_its_reader_had_come() -> None:
    reading = Reading(study=STUDY)
    assert reading.so_far == "Conclusion not chosen, confidence not chosen"
    reading = edits.draft_conclusion(reading, Conclusion.MECHANICAL)
    assert reading.so_far.startswith(
        'Mechanical or other mimic, confidence not chosen (under "Read first", not'
    )
    reading = edits.record_first(reading)
    assert reading.so_far == "Mechanical or other mimic, confidence not chosen"
    assert edits.conclude(reading, None).so_far.endswith("(before the prediction was shown)")
    reading = edits.comment(edits.conclude(reading, Conclusion.NORMAL), "thin")
    assert reading.so_far == "Normal, confidence not chosen, with comments"


def test_nothing_of_a_reading_can_be_changed_in_place() -> None:
    reading = everything()
    with pytest.raises(FrozenInstanceError):
        reading.study = "other"  # type: ignore[misc]
    for mapping in (reading.answers, reading.marks, reading.slices, reading.corrections):
        with pytest.raises(TypeError):
            mapping["s01"] = None  # type: ignore[index]
    given = {"erosion": Answer.YES}
    kept = Reading(answers=given)
    given["fever"] = Answer.YES
    assert dict(kept.answers) == {"erosion": Answer.YES}


def test_a_reader_who_chose_nothing_is_not_taken_for_one_who_is_unsure_or_of_low_confidence() -> (
    None
):
    blank, unsure = Impression(), Impression(Conclusion.UNSURE, Confidence.LOW)
    assert (blank.conclusion, blank.confidence) == (None, None)
    assert blank.sentence == "Conclusion not chosen, confidence not chosen"
    assert unsure.sentence == "Unsure, low confidence"


def test_taking_an_edit_back_gives_the_same_reading_and_the_same_hash() -> None:
    before = Reading(study=STUDY)
    for there, back in (
        (EDITS[0], lambda r: edits.answer(r, "erosion", Answer.UNKNOWN)),
        (EDITS[2], lambda r: edits.conclude(r, None)),
        (EDITS[12], lambda r: edits.toggle_mark(r, "s02", OEDEMA)),
        (EDITS[12], lambda r: edits.clear_marks(r, "s02")),
        (EDITS[16], lambda r: edits.choose_key_images(r, None)),
        (EDITS[17], lambda r: edits.correct_series(r, "s01", plane=None, weighting=None)),
    ):
        after = back(there(before))
        assert after == before
        assert short_hash(after) == short_hash(before)


def test_where_a_reader_looks_is_kept_and_no_part_of_what_is_said() -> None:
    reading = Reading(study=STUDY)
    looked = edits.rest_on(reading, "s01", 4)
    assert looked.slices["s01"] == 4
    assert looked.is_blank
    assert short_hash(looked) == short_hash(reading)


def test_the_hash_does_not_depend_on_the_order_of_the_edits_and_does_on_the_study() -> None:
    one = edits.answer(edits.answer(Reading(), "erosion", Answer.YES), "fever", Answer.NO)
    other = edits.answer(edits.answer(Reading(), "fever", Answer.NO), "erosion", Answer.YES)
    assert short_hash(one) == short_hash(other)
    assert short_hash(replace(one, study=STUDY)) != short_hash(one)


def test_a_first_reading_is_recorded_once_and_is_where_the_last_begins() -> None:
    with pytest.raises(ValueError, match="needs a conclusion"):
        edits.record_first(Reading())
    first = edits.record_first(edits.draft_conclusion(Reading(), Conclusion.UNSURE))
    assert first.impression.conclusion is Conclusion.UNSURE
    later = edits.conclude(edits.draft_comment(first, "later"), Conclusion.NORMAL)
    assert later.first == Impression(Conclusion.UNSURE)
    assert later.before_and_after.endswith("changed since.")
    with pytest.raises(ValueError, match="recorded once"):
        edits.record_first(later)


def test_a_reading_refuses_unknown_items_settings_and_endless_comments() -> None:
    with pytest.raises(ValueError, match="no checklist item"):
        edits.answer(Reading(), "horoscope", Answer.YES)
    with pytest.raises(ValueError, match="none of those"):
        edits.choose_setting(Reading(), "At the fair")
    with pytest.raises(ValueError, match="2001 characters"):
        edits.comment(Reading(), "x" * (MAX_COMMENT_CHARACTERS + 1))


def test_the_file_of_a_reading_gives_the_same_reading_back() -> None:
    for reading in (Reading(study=STUDY), everything()):
        back = from_document(written(reading))
        assert back == reading
        assert short_hash(back) == short_hash(reading)
        assert from_document(written(reading).encode()) == reading


@given(
    comments=st.text(max_size=MAX_COMMENT_CHARACTERS),
    answers=st.dictionaries(
        st.sampled_from([item.id for item in ITEMS]), st.sampled_from([Answer.YES, Answer.NO])
    ),
)
def test_any_text_and_any_answers_survive_the_file(
    comments: str, answers: dict[str, Answer]
) -> None:
    reading = Reading(study=STUDY, impression=Impression(comments=comments), answers=answers)
    assert from_document(written(reading)) == reading


def test_the_file_keeps_to_its_schema_and_names_every_field_of_a_reading() -> None:
    check = Draft202012Validator(schema())
    Draft202012Validator.check_schema(schema())
    document = as_document(everything())
    check.validate(document)
    check.validate(as_document(Reading(study=STUDY)))
    assert document["schema"] == SCHEMA == schema()["title"]
    fields = set(Reading.__dataclass_fields__) - {"study", "impression", "first"}
    assert fields <= set(document["reading"])


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x00\xff\xfe", "reading-not-json"),
        ("[" * 100_000, "reading-not-json"),
        ('{"schema": NaN}', "reading-not-json"),
        (" " * (2**20 + 1), "reading-too-large"),
        ("[]", "reading-of-another-kind"),
        ('{"schema": "asemble-report/1"}', "reading-of-another-kind"),
        ('{"schema": "asemble-reading/1"}', "reading-of-another-version"),
        ('{"schema": "asemble-reading/3"}', "reading-of-another-version"),
        ('{"schema": "asemble-reading/2"}', "reading-invalid"),
        (changed("study.fingerprint", "1.2.840.113619"), "reading-invalid"),
        (changed("reading.comments", "x" * 2001), "reading-invalid"),
        (changed("reading.conclusion", "cured"), "reading-invalid"),
        (changed("reading.patient", "Canary^Jane"), "reading-invalid"),
        (changed("reading.answers.horoscope", "yes"), "reading-invalid"),
        (changed("reading.answers.erosion", "unknown"), "reading-invalid"),
        (changed("reading.setting", "At the fair"), "reading-invalid"),
        (changed("reading.marks.s02.0.slice", -1), "reading-invalid"),
        (changed("reading.marks.Canary^Jane", [{"slice": "Canary^Jane"}]), "reading-invalid"),
        (changed("reading.slices.s01", True), "reading-invalid"),
        (changed("reading.key_images", [["s01", 0]] * 5), "reading-invalid"),
        (changed("reading.key_images", [["s01", 0]] * 2), "reading-invalid"),
        (changed("reading.joint_lines.0.frame", "1.2.840.113619.2"), "reading-invalid"),
        (changed("reading.joint_lines.0.lines.0.upper", [0, 0, 1e9]), "reading-invalid"),
        (changed("reading.joint_lines.0.lines.0.bend", [30, -3, -22]), "reading-invalid"),
        (changed("reading.marks.s02.0.place_mm", [1.5, 2.5]), "reading-invalid"),
    ],
)
def test_a_file_that_no_reading_comes_from_is_refused_in_a_sentence(
    data: str | bytes, code: str
) -> None:
    with pytest.raises(ReadingError) as refused:
        from_document(data)
    assert refused.value.code == code
    assert refused.value.message.endswith(".")
    assert refused.value.hint
    assert "Canary" not in str(refused.value)


def test_a_reading_opens_only_on_its_own_study_and_within_its_series() -> None:
    reading = everything()
    check_fits(reading, a_study())
    with pytest.raises(ReadingError, match="is of study 0123456789ab") as other:
        check_fits(reading, a_study(key="f" * 64))
    assert other.value.code == "reading-of-another-study"
    for edit in (
        lambda r: edits.toggle_mark(r, "s01", Mark(Lesion.FAT, 6, QUADRANTS[0])),
        lambda r: edits.rest_on(r, "s09", 0),
        lambda r: edits.choose_key_images(r, [("s01", 6)]),
        lambda r: edits.correct_series(r, "s09", plane=Plane.AXIAL, weighting=None),
    ):
        with pytest.raises(ReadingError) as refused:
            check_fits(edit(reading), a_study())
        assert refused.value.code == "reading-does-not-fit"
