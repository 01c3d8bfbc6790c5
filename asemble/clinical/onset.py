"""The age at which back pain began: one question, three items of the checklist.

The rules ask for an age before 40, of 40 or later, and before 45. The reader is asked once; the
three items are answered, stored and exported as ever.
"""

from collections.abc import Mapping
from enum import StrEnum

from asemble.clinical.item import Answer


class Onset(StrEnum):
    """How old the patient was when back pain began."""

    BEFORE_40 = "under 40"
    BEFORE_45 = "40 to 44"
    LATER = "45 or later"


ANSWERS: Mapping[Onset, Mapping[str, Answer]] = {
    onset: dict(zip(("onset_under_40", "onset_under_45", "onset_later"), said, strict=True))
    for onset, said in (
        (Onset.BEFORE_40, (Answer.YES, Answer.YES, Answer.NO)),
        (Onset.BEFORE_45, (Answer.NO, Answer.YES, Answer.YES)),
        (Onset.LATER, (Answer.NO, Answer.NO, Answer.YES)),
    )
}
"""What each age says to the three items."""
ITEM_IDS = frozenset(ANSWERS[Onset.LATER])


def onsets_of(answers: Mapping[str, Answer]) -> tuple[Onset, ...]:
    """The ages that agree with every answer: all three before any is given, none in a conflict.

    >>> onsets_of({"onset_under_40": Answer.YES})
    (<Onset.BEFORE_40: 'under 40'>,)
    >>> onsets_of({"onset_under_40": Answer.NO, "onset_later": Answer.NO})
    ()
    """
    return tuple(
        onset
        for onset, said in ANSWERS.items()
        if all(answers.get(id_, Answer.UNKNOWN) in (Answer.UNKNOWN, said[id_]) for id_ in said)
    )
