"""What a reader does, one pure function each: the reading before to the reading after."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from asemble.clinical import Answer
from asemble.clinical.marks import Mark, toggled
from asemble.clinical.onset import ANSWERS, ITEM_IDS, Onset
from asemble.clinical.three_valued import Truth
from asemble.core.joints import JointLine
from asemble.core.labels import Plane, Weighting
from asemble.reading.follow_up import Blinding, FollowUp
from asemble.reading.joint_lines import JointLines, propose
from asemble.reading.measures import MOST_MEASURES, Measure, MeasureKind
from asemble.reading.reading import Conclusion, Confidence, Correction, Place, Reading

Said = TypeVar("Said")


def answer(reading: Reading, item_id: str, said: Answer | None) -> Reading:
    """Answer an item of the checklist; None and `Answer.UNKNOWN` take an answer back.

    >>> answer(Reading(), "erosion", Answer.YES).answers["erosion"]
    <Answer.YES: 'yes'>
    """
    return replace(reading, answers={**reading.answers, item_id: said or Answer.UNKNOWN})


def state_onset(reading: Reading, onset: Onset | None) -> Reading:
    """State at what age back pain began, which answers three items; None takes them back.

    >>> dict(state_onset(Reading(), Onset.LATER).answers)["onset_under_45"]
    <Answer.NO: 'no'>
    """
    said = dict.fromkeys(ITEM_IDS, Answer.UNKNOWN) if onset is None else ANSWERS[onset]
    return replace(reading, answers={**reading.answers, **said})


def accept_answer(reading: Reading, item_id: str, *, from_networks: bool) -> Reading:
    """Answer yes to an item, as it is proposed.

    Args:
        reading: before.
        item_id: of the item.
        from_networks: whether the networks propose it, and not the reader's own marks.
    """
    accepted = (*reading.accepted_answers, item_id) if from_networks else reading.accepted_answers
    return replace(answer(reading, item_id, Answer.YES), accepted_answers=accepted)


def conclude(reading: Reading, conclusion: Conclusion | None) -> Reading:
    """Choose the conclusion."""
    return replace(reading, impression=replace(reading.impression, conclusion=conclusion))


def state_confidence(reading: Reading, confidence: Confidence | None) -> Reading:
    """Set the confidence of the conclusion."""
    return replace(reading, impression=replace(reading.impression, confidence=confidence))


def comment(reading: Reading, comments: str) -> Reading:
    """Write the comments.

    Raises:
        ValueError: they are too long.
    """
    return replace(reading, impression=replace(reading.impression, comments=comments))


def draft_conclusion(reading: Reading, conclusion: Conclusion | None) -> Reading:
    """Choose the conclusion under "Read first"."""
    return replace(reading, draft=replace(reading.draft, conclusion=conclusion))


def draft_confidence(reading: Reading, confidence: Confidence | None) -> Reading:
    """Set the confidence of the conclusion under "Read first"."""
    return replace(reading, draft=replace(reading.draft, confidence=confidence))


def draft_comment(reading: Reading, comments: str) -> Reading:
    """Write the comments under "Read first".

    Raises:
        ValueError: they are too long.
    """
    return replace(reading, draft=replace(reading.draft, comments=comments))


def record_first(reading: Reading) -> Reading:
    """Make the draft the first reading, which never changes again, and where the last begins.

    Raises:
        ValueError: there is one already, no conclusion is chosen, or the prediction was shown.
    """
    if reading.prediction_was_shown:
        raise ValueError("a first reading is recorded before the prediction is shown")
    if reading.first is not None:
        raise ValueError("a first reading is recorded once")
    if reading.draft.conclusion is None:
        raise ValueError("a first reading needs a conclusion")
    return replace(reading, first=reading.draft, impression=reading.draft)


def reveal(reading: Reading) -> Reading:
    """Say that the prediction was shown: no first reading can be recorded any more."""
    return replace(reading, prediction_was_shown=True)


def judge_sacroiliitis(reading: Reading, found: Truth) -> Reading:
    """Say whether the MRI shows active sacroiliitis; None takes it back."""
    return replace(reading, sacroiliitis=found)


def choose_setting(reading: Reading, title: str | None) -> Reading:
    """Choose the clinic whose prevalence is assumed."""
    return replace(reading, setting=title)


def call_suggestive(reading: Reading, is_suggestive: bool) -> Reading:
    """Say whether the whole picture is highly suggestive of spondyloarthritis."""
    return replace(reading, is_suggestive=is_suggestive)


def toggle_mark(reading: Reading, series_id: str, mark: Mark) -> Reading:
    """Mark a lesion, or take it away where it is marked already."""
    marks = toggled(reading.marks.get(series_id, ()), mark)
    return replace(reading, marks={**reading.marks, series_id: marks})


def clear_marks(reading: Reading, series_id: str) -> Reading:
    """Take every mark of a series away."""
    kept = {id_: marks for id_, marks in reading.marks.items() if id_ != series_id}
    return replace(reading, marks=kept)


def lay_joint_lines(reading: Reading, lines: JointLines) -> Reading:
    """Keep the joint lines of a frame of reference in place of those it had."""
    others = [each for each in reading.joint_lines if each.frame != lines.frame]
    laid = sorted([*others, lines], key=lambda each: each.frame)
    return replace(reading, joint_lines=tuple(laid))


def propose_joint_lines(reading: Reading, frame: str, proposed: Sequence[JointLine]) -> Reading:
    """Take the joint lines that the networks propose; what the reader laid by hand stays."""
    before = next((each for each in reading.joint_lines if each.frame == frame), JointLines(frame))
    return lay_joint_lines(reading, propose(before, proposed))


def accept_marks(reading: Reading, series_id: str, proposed: Sequence[Mark]) -> Reading:
    """Take marks that the ensemble proposes as the reader's own.

    Where the reader has marked the same lesion in the same quadrant, that mark stands.
    """
    own = reading.marks.get(series_id, ())
    taken = {(mark.lesion, mark.slice, mark.quadrant) for mark in own}
    added = [mark for mark in proposed if (mark.lesion, mark.slice, mark.quadrant) not in taken]
    before = reading.accepted.get(series_id, ())
    return replace(
        reading,
        marks={**reading.marks, series_id: (*own, *added)},
        accepted={**reading.accepted, series_id: (*before, *added)},
    )


def undo_accepted(reading: Reading, series_id: str) -> Reading:
    """Take accepted marks away again; those that the reader has changed since stay."""
    accepted = reading.accepted.get(series_id, ())
    kept = [mark for mark in reading.marks.get(series_id, ()) if mark not in accepted]
    others = {id_: marks for id_, marks in reading.accepted.items() if id_ != series_id}
    return replace(reading, marks={**reading.marks, series_id: tuple(kept)}, accepted=others)


def call_complete(reading: Reading, series_id: str, is_complete: bool) -> Reading:
    """Say whether every lesion of a series is marked, so that it can be scored.

    >>> call_complete(Reading(), "s01", True).completed
    ('s01',)
    """
    others = [id_ for id_ in reading.completed if id_ != series_id]
    return replace(reading, completed=(*others, series_id) if is_complete else tuple(others))


def add_measure(reading: Reading, series_id: str, measure: Measure) -> Reading:
    """Keep what was drawn; one of its number, or a reference before it, gives way.

    More than `MOST_MEASURES` of a series are not kept.
    """
    before = reading.measures.get(series_id, ())
    drawn = tuple(each for each in before if each.number != measure.number)
    if measure.kind is MeasureKind.REFERENCE:
        drawn = tuple(each for each in drawn if each.kind is not measure.kind)
    if len(drawn) >= MOST_MEASURES:
        return reading
    return replace(reading, measures={**reading.measures, series_id: (*drawn, measure)})


def remove_measure(reading: Reading, series_id: str, number: int) -> Reading:
    """Take what was drawn away."""
    drawn = reading.measures.get(series_id, ())
    kept = tuple(each for each in drawn if each.number != number)
    return replace(reading, measures={**reading.measures, series_id: kept})


def toggle_key_image(reading: Reading, place: Place, most: int) -> Reading:
    """Choose a slice for the report, or not any more; of more than `most` the first goes.

    >>> toggle_key_image(Reading(), ("s01", 4), 6).key_images
    (('s01', 4),)
    """
    chosen = reading.key_images or ()
    if place in chosen:
        left = tuple(each for each in chosen if each != place)
        return replace(reading, key_images=left or None)
    return replace(reading, key_images=(*chosen, place)[-most:])


def choose_first_scored(reading: Reading, series_id: str, index: int) -> Reading:
    """Choose the first of the six slices that SPARCC scores."""
    return replace(reading, first_scored={**reading.first_scored, series_id: index})


def choose_transitional(reading: Reading, series_id: str, index: int) -> Reading:
    """Choose the transitional slice of SPARCC SSS."""
    return replace(reading, transitional={**reading.transitional, series_id: index})


def choose_key_images(reading: Reading, places: Iterable[Place] | None) -> Reading:
    """Choose the slices for the report; None leaves the choice as offered."""
    return replace(reading, key_images=None if places is None else tuple(places))


def correct_series(
    reading: Reading, series_id: str, *, plane: Plane | None, weighting: Weighting | None
) -> Reading:
    """State the plane or the weighting of a series; None where the file's own word stands."""
    stated = Correction(plane, weighting)
    return replace(reading, corrections={**reading.corrections, series_id: stated})


def follow_up(reading: Reading, prior: str, blinding: Blinding | None = None) -> Reading:
    """Read the study beside a prior; what was said of the study stays."""
    return replace(reading, follow_up=FollowUp(prior, blinding=blinding))


def level(reading: Reading, offsets_mm: Mapping[str, float]) -> Reading:
    """Lay slices of two examinations on one level.

    Raises:
        ValueError: there is no prior.
    """
    said = _followed(reading)
    together = {**said.offsets_mm, **offsets_mm}
    return replace(reading, follow_up=replace(said, offsets_mm=together))


def show_order(reading: Reading, scored: Mapping[str, tuple[int, int]]) -> Reading:
    """Show which examination is the earlier one, for good.

    Args:
        reading: as it stands.
        scored: by title, then and now, where both examinations are scored; else empty.

    Raises:
        ValueError: the order is not hidden.
    """
    said = _followed(reading)
    if said.blinding is None or said.blinding.is_lifted:
        raise ValueError("the order is not hidden")
    blinding = Blinding(said.blinding.prior_is, True, scored)
    return replace(reading, follow_up=replace(said, blinding=blinding))


def _followed(reading: Reading) -> FollowUp:
    if reading.follow_up is None:
        raise ValueError("there is no prior")
    return reading.follow_up


def rename(reading: Reading, names: Mapping[str, str]) -> Reading:
    """The same reading where series and frames of reference were given other names.

    Args:
        reading: as it stands.
        names: old to new, of all that changed.

    >>> rename(Reading(slices={"s01": 4, "s02": 7}), {"s01": "s02", "s02": "s01"}).slices["s02"]
    4
    """

    def new(name: str) -> str:
        return names.get(name, name)

    def moved(by_series: Mapping[str, Said]) -> dict[str, Said]:
        return {new(id_): said for id_, said in by_series.items()}

    images = reading.key_images
    lines = [replace(each, frame=new(each.frame)) for each in reading.joint_lines]
    return replace(
        reading,
        marks=moved(reading.marks),
        accepted=moved(reading.accepted),
        measures=moved(reading.measures),
        completed=tuple(map(new, reading.completed)),
        first_scored=moved(reading.first_scored),
        transitional=moved(reading.transitional),
        corrections=moved(reading.corrections),
        slices=moved(reading.slices),
        key_images=None if images is None else tuple((new(id_), at) for id_, at in images),
        joint_lines=tuple(sorted(lines, key=lambda each: each.frame)),
    )


def rest_on(reading: Reading, series_id: str, index: int) -> Reading:
    """Remember the slice that the reader is at."""
    return replace(reading, slices={**reading.slices, series_id: index})
