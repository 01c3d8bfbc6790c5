"""A follow-up: marks of two examinations stay apart, and the change is that of a hand."""

import json
from dataclasses import replace

import numpy as np
import pytest

from asemble.clinical.change import INFLAMMATION_THRESHOLDS, STRUCTURAL_UNKNOWN
from asemble.clinical.marks import QUADRANTS, Lesion, Mark
from asemble.core.errors import ReadingError
from asemble.core.labels import Plane, Weighting
from asemble.core.study import Prior, Series, Study
from asemble.core.volume import Volume
from asemble.predict.level_by_bones import agreement_of, best_level
from asemble.reading import Reading, as_document, check_fits, edits, fingerprint, from_document
from asemble.reading.change import (
    BLINDED,
    KNEW,
    LIFTED,
    SINCE,
    are_scored,
    changes_of,
    sheet_of,
    values_of,
)
from asemble.reading.follow_up import Blinding

SLICES = 10
NOWHERE = None


def series(id_: str, weighting: Weighting) -> Series:
    """Without geometry, so that marks by words count."""
    return Series(id_, "", Volume(np.zeros((SLICES, 4, 5)), NOWHERE), Plane.CORONAL, weighting)


def study() -> Study:
    before = Study((series("p01", Weighting.T1), series("p02", Weighting.FLUID)), (), "b" * 64)
    return Study(
        (series("s01", Weighting.T1), series("s02", Weighting.FLUID)),
        (),
        "a" * 64,
        prior=Prior(before, 84, True),
    )


def started(blinding: Blinding | None = None) -> Reading:
    both = study()
    assert both.prior is not None
    reading = Reading(study=fingerprint(both))
    return edits.follow_up(reading, fingerprint(both.prior.study), blinding)


def marked() -> Reading:
    """Then: oedema in 5 quadrants of one slice and 2 of the next, 1 deep; now: 2, none deep."""
    reading = started()
    for slice_, count in ((3, 5), (4, 2)):
        for quadrant in QUADRANTS[:count]:
            deep = (slice_, quadrant) == (3, QUADRANTS[0])
            mark = Mark(Lesion.OEDEMA, slice_, quadrant, is_deep=deep)
            reading = edits.toggle_mark(reading, "p02", mark)
    for quadrant in QUADRANTS[:2]:
        reading = edits.toggle_mark(reading, "s02", Mark(Lesion.OEDEMA, 5, quadrant))
    reading = edits.toggle_mark(reading, "s01", Mark(Lesion.EROSION, 5, QUADRANTS[0]))
    for id_ in ("p01", "p02", "s01", "s02"):
        reading = edits.call_complete(reading, id_, True)
    return edits.level(reading, {"p01": 4.5, "p02": 4.5})


def test_the_change_is_that_of_a_pair_scored_by_hand() -> None:
    inflammation, fat, erosion, backfill, ankylosis = changes_of(marked(), study())
    # Then 5 + 2 quadrants and 1 for depth, now 2 quadrants.
    assert (inflammation.then.value, inflammation.now.value, inflammation.value) == (8, 2, -6)
    assert (erosion.then.value, erosion.now.value, erosion.value) == (0, 1, 1)
    assert [each.value for each in (fat, backfill, ankylosis)] == [0, 0, 0]
    assert inflammation.words == "\N{MINUS SIGN}6" and erosion.words == "+1"
    assert "6 is more than the minimally important change, 2.5" in inflammation.sentence
    assert "6 is more than the smallest detectable change, 3.4" in inflammation.sentence


def test_what_is_not_scored_has_no_change_and_is_not_0() -> None:
    reading = edits.call_complete(marked(), "p02", False)
    change = changes_of(reading, study())[0]
    assert (change.value, change.words, change.then.words) == (None, "not scored", "not scored")
    assert not are_scored(changes_of(reading, study()))
    assert are_scored(changes_of(marked(), study()))


def test_thresholds_name_their_source_and_what_nobody_verified_says_so() -> None:
    labels = " ".join(each.label for each in INFLAMMATION_THRESHOLDS)
    assert "2.5" in labels and "3.4" in labels and "10.3899/jrheum.140806" in labels
    assert "unverified" in STRUCTURAL_UNKNOWN


def test_a_follow_up_that_is_saved_closed_and_opened_elsewhere_equals_itself() -> None:
    reading = replace(marked(), slices={"p01": 3, "s01": 2})
    again = from_document(json.dumps(as_document(reading)))
    assert again == reading
    check_fits(again, study())
    assert changes_of(again, study()) == changes_of(reading, study())


def test_a_follow_up_opens_beside_its_own_prior_alone() -> None:
    both = study()
    assert both.prior is not None
    other = replace(both.prior, study=replace(both.prior.study, key="c" * 64))
    for wrong in (replace(both, prior=None), replace(both, prior=other)):
        with pytest.raises(ReadingError) as caught:
            check_fits(marked(), wrong)
        assert caught.value.code == "reading-of-another-prior"
    with pytest.raises(ReadingError):  # marks of a prior without one
        check_fits(replace(marked(), follow_up=None), both)


def test_a_reading_without_a_prior_is_written_as_ever() -> None:
    document = as_document(Reading(study="a" * 12))
    assert "follow_up" not in document["reading"]
    assert sheet_of(Reading(study="a" * 12), replace(study(), prior=None)) is None


def test_series_that_are_given_other_names_take_along_what_was_said_of_them() -> None:
    names = {"s01": "s02", "s02": "s03"}
    moved = edits.rename(marked(), names)
    assert set(moved.marks) == {"s02", "s03", "p02"}
    assert moved.marks["s03"] == marked().marks["s02"]
    assert moved.completed == ("p01", "p02", "s02", "s03")


def test_the_bones_give_the_level_whatever_the_patient_was_moved_by_in_the_slice() -> None:
    rows, columns = np.mgrid[:48, :48]
    radii = np.array([4, 9, 12, 14, 11, 7, 5])
    bones = [(np.hypot(rows - 20, columns - 24) < radius).astype(np.uint8) for radius in radii]
    moved = [np.roll(each, (7, -5), axis=(0, 1)) for each in bones[1:]]  # and a slice is missing
    own_mm = np.arange(7) * 4.0
    level = best_level(agreement_of(np.stack(bones), np.stack(moved)), own_mm, own_mm[1:] + 31)
    assert level.offset_mm == -31 and level.agreement > 0.98


def test_the_sheet_says_what_the_reader_knew_of_the_order() -> None:
    blinded = replace(marked(), follow_up=started(Blinding("B")).follow_up)
    assert sheet_of(blinded, study()) is None
    scored = values_of(changes_of(blinded, study()))
    shown = edits.show_order(blinded, scored)
    changed = edits.toggle_mark(shown, "s02", Mark(Lesion.OEDEMA, 5, QUADRANTS[4]))
    for reading, order in (
        (marked(), KNEW),
        (edits.show_order(blinded, {}), LIFTED),
        (shown, BLINDED),
        (changed, SINCE),
    ):
        sheet = sheet_of(reading, study())
        assert sheet is not None and sheet.order == order
        again = from_document(json.dumps(as_document(reading)))
        assert again == reading
    with pytest.raises(ValueError, match="not hidden"):
        edits.show_order(shown, {})
