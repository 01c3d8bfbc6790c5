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


class Confidence(StrEnum):
    """How sure the reader is."""

    LOW = "low"
    MODERATE = "moderate"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class Reading:
    """What the reader concluded.

    Args:
        conclusion: a pattern, or None where the reader is unsure.
        confidence: how sure the reader is of it.
        comments: free text of the reader, exported as it stands (see `COMMENT_WARNING`).
        answers: checklist answers by item id; an item that is missing is unknown.

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

    def __post_init__(self) -> None:
        if len(self.comments) > MAX_COMMENT_CHARACTERS:
            raise ValueError(
                f"comments have {len(self.comments)} characters, at most {MAX_COMMENT_CHARACTERS}"
            )
        object.__setattr__(self, "answers", dict(self.answers))
        summarise(self.answers)

    @property
    def conclusion_name(self) -> str:
        """The class name, or `UNSURE`, for JSON."""
        return UNSURE if self.conclusion is None else self.conclusion.value

    @property
    def conclusion_heading(self) -> str:
        """The conclusion for people."""
        return conclusion_heading(self.conclusion)

    @property
    def checklist(self) -> ChecklistSummary:
        """What the answers add up to."""
        return summarise(self.answers)
