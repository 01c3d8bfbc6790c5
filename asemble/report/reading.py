"""`Reading`: what the reader concluded, kept apart from what the ensemble predicted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from asemble.clinical import Answer, ChecklistSummary, summarise
from asemble.core.labels import Pattern

UNSURE = "unsure"
"""The conclusion of a reader who does not commit to a pattern."""

COMMENT_WARNING = (
    "Do not type names, dates of birth, record numbers or anything else that identifies a person: "
    "comments are exported as they stand."
)
"""Belongs beside the field for comments."""

MAX_COMMENT_CHARACTERS = 2000
"""More than a page of report can show; the JSON carries all of it."""


def conclusion_heading(conclusion: Pattern | None) -> str:
    """What people read for a conclusion; None is a reader who is unsure.

    >>> conclusion_heading(None)
    'Unsure'
    """
    return UNSURE.capitalize() if conclusion is None else conclusion.heading


def conclusion_name(conclusion: Pattern | None) -> str:
    """The class name, or `UNSURE`, for JSON."""
    return UNSURE if conclusion is None else conclusion.value


class Confidence(StrEnum):
    """How sure the reader is."""

    LOW = "low"
    MODERATE = "moderate"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class FirstReading:
    """What the reader concluded before the prediction was shown.

    Args:
        conclusion: a pattern, or None where the reader is unsure.
        confidence: how sure the reader is of it.
        comments: free text of the reader, exported as it stands (see `COMMENT_WARNING`).

    Raises:
        ValueError: the comments are too long.

    >>> FirstReading(Pattern.NORMAL, Confidence.HIGH).sentence
    'Normal, high confidence'
    """

    conclusion: Pattern | None = None
    confidence: Confidence = Confidence.LOW
    comments: str = ""

    def __post_init__(self) -> None:
        _check_length(self.comments)

    @property
    def sentence(self) -> str:
        """The conclusion and how sure, for people."""
        return f"{conclusion_heading(self.conclusion)}, {self.confidence} confidence"


@dataclass(frozen=True, slots=True)
class Reading:
    """What the reader concluded.

    Args:
        conclusion: a pattern, or None where the reader is unsure.
        confidence: how sure the reader is of it.
        comments: free text of the reader, exported as it stands (see `COMMENT_WARNING`).
        answers: checklist answers by item id; an item that is missing is unknown.
        first: what the reader concluded before the prediction was shown; None where that was not
            asked.
        findings: sentences on what was marked on the slices: definitions and scores.
        added_up: sentences on what the answers add up to.

    Raises:
        ValueError: an answer belongs to no item, or the comments are too long.

    >>> Reading(conclusion=Pattern.MECHANICAL).conclusion_heading
    'Mechanical or other mimic'
    >>> Reading().conclusion_name
    'unsure'
    """

    conclusion: Pattern | None = None
    confidence: Confidence = Confidence.LOW
    comments: str = ""
    answers: Mapping[str, Answer] = field(default_factory=dict)
    first: FirstReading | None = None
    findings: tuple[str, ...] = ()
    added_up: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_length(self.comments)
        object.__setattr__(self, "answers", dict(self.answers))
        summarise(self.answers)

    @property
    def conclusion_name(self) -> str:
        """The class name, or `UNSURE`, for JSON."""
        return conclusion_name(self.conclusion)

    @property
    def conclusion_heading(self) -> str:
        """The conclusion for people."""
        return conclusion_heading(self.conclusion)

    @property
    def before_and_after(self) -> str:
        """What was concluded before the prediction was shown, and whether that changed."""
        if self.first is None:
            return "No conclusion was recorded before the prediction was shown."
        kept = (self.first.conclusion, self.first.confidence) == (self.conclusion, self.confidence)
        after = "kept after it" if kept else "changed after it"
        return f"Before the prediction was shown: {self.first.sentence}; {after}."

    @property
    def checklist(self) -> ChecklistSummary:
        """What the answers add up to."""
        return summarise(self.answers)


def _check_length(comments: str) -> None:
    if len(comments) > MAX_COMMENT_CHARACTERS:
        raise ValueError(
            f"comments have {len(comments)} characters, at most {MAX_COMMENT_CHARACTERS}"
        )
