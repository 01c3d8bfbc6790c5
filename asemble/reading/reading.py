"""`Reading`: all that the reader says of one study, kept apart from what the ensemble predicted.

It is frozen: an edit makes a new one (`asemble.reading.edits`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from asemble.clinical import Answer, ChecklistSummary, summarise
from asemble.clinical.likelihood import SETTINGS
from asemble.clinical.marks import Mark
from asemble.clinical.three_valued import Truth
from asemble.core.labels import PATTERN_TITLES, Pattern, Plane, Weighting
from asemble.reading.follow_up import FollowUp
from asemble.reading.joint_lines import JointLines
from asemble.reading.measures import Measure

COMMENT_WARNING = (
    "Do not type names, dates of birth, record numbers or anything else that identifies a person: "
    "comments are exported as they stand."
)
"""Belongs beside the field for comments."""

MAX_COMMENT_CHARACTERS = 2000
"""More than a page of report can show; the JSON carries all of it."""

NOT_CHOSEN = "not chosen"
"""Stands for a conclusion or a confidence that the reader has not chosen."""

_SETTING_TITLES = frozenset(setting.title for setting in SETTINGS)

Place = tuple[str, int]
"""A series id and the index of a slice in it."""


class Conclusion(StrEnum):
    """What a reader may conclude; a reader who has concluded nothing yet has None instead.

    >>> Conclusion.UNSURE.heading
    'Unsure'
    """

    NORMAL = Pattern.NORMAL.value
    INFLAMMATORY = Pattern.INFLAMMATORY.value
    MECHANICAL = Pattern.MECHANICAL.value
    UNSURE = "unsure"

    @property
    def heading(self) -> str:
        """A heading for people."""
        if self is Conclusion.UNSURE:
            return self.value.capitalize()
        return PATTERN_TITLES[Pattern(self.value)]


class Confidence(StrEnum):
    """The reader's confidence in a conclusion."""

    LOW = "low"
    MODERATE = "moderate"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class Impression:
    """A conclusion, the reader's confidence in it, and what the reader adds in words.

    Args:
        conclusion: None until it is chosen.
        confidence: None until it is chosen.
        comments: free text of the reader, exported as it stands (see `COMMENT_WARNING`).

    Raises:
        ValueError: the comments are too long.

    >>> Impression(Conclusion.NORMAL, Confidence.HIGH).sentence
    'Normal, high confidence'
    >>> Impression(Conclusion.UNSURE).sentence
    'Unsure, confidence not chosen'
    """

    conclusion: Conclusion | None = None
    confidence: Confidence | None = None
    comments: str = ""

    def __post_init__(self) -> None:
        if len(self.comments) > MAX_COMMENT_CHARACTERS:
            raise ValueError(
                f"comments have {len(self.comments)} characters, at most {MAX_COMMENT_CHARACTERS}"
            )

    @property
    def heading(self) -> str:
        """The conclusion for people."""
        return f"Conclusion {NOT_CHOSEN}" if self.conclusion is None else self.conclusion.heading

    @property
    def sentence(self) -> str:
        """The conclusion and its confidence, for people."""
        if self.confidence is None:
            return f"{self.heading}, confidence {NOT_CHOSEN}"
        return f"{self.heading}, {self.confidence} confidence"


@dataclass(frozen=True, slots=True)
class Correction:
    """What the reader states about a series; None where the file's own word stands."""

    plane: Plane | None = None
    weighting: Weighting | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What the reader says of one study. Series go by their ids, slices by their indices.

    Args:
        study: the study's fingerprint, empty before a study is opened.
        impression: the conclusion, last of all.
        draft: what stands under "Read first" and is not recorded yet.
        first: what was concluded before the prediction was shown; None where that was not asked.
        prediction_was_shown: whether any prediction of this study was shown to the reader.
        answers: to the checklist, by item id; one that is missing is unknown.
        sacroiliitis: whether the reader finds active sacroiliitis on the MRI; None before.
        setting: title of the clinic whose prevalence is assumed; None for the usual one.
        is_suggestive: whether the whole picture is called highly suggestive.
        marks: lesions, by series.
        joint_lines: where the joints lie, by frame of reference.
        accepted: marks that the ensemble proposed and the reader accepted, by series, as they were
            proposed. Those that are not among `marks` the reader changed or took away since.
        accepted_answers: ids of items to which the networks proposed a yes that was accepted.
            Where the answer is another by now the reader changed it since.
        completed: series of which the reader says that every lesion is marked. Without that nothing
            is scored on them: what is not marked may not have been looked for.
        measures: rulers, angles, arrows, regions and outlines, by series.
        first_scored: first of the six slices that SPARCC scores, by series, where it was chosen.
        transitional: the transitional slice of SPARCC SSS, by series, where it was chosen.
        key_images: slices for the report; None where the reader left the choice as offered.
        corrections: planes and weightings that the reader stated, by series.
        slices: where the reader left each series; no part of what is said (`short_hash`).
        follow_up: that it is read beside a prior, whose series and lines have names of their own
            (`p01`) in all of the above; None where it is not.

    Raises:
        ValueError: an answer belongs to no item, or the setting is none of `likelihood.SETTINGS`.

    >>> Reading().impression.conclusion is None
    True
    """

    study: str = ""
    impression: Impression = Impression()
    draft: Impression = Impression()
    first: Impression | None = None
    prediction_was_shown: bool = False
    answers: Mapping[str, Answer] = field(default_factory=dict)
    sacroiliitis: Truth = None
    setting: str | None = None
    is_suggestive: bool = False
    marks: Mapping[str, tuple[Mark, ...]] = field(default_factory=dict)
    joint_lines: tuple[JointLines, ...] = ()
    accepted: Mapping[str, tuple[Mark, ...]] = field(default_factory=dict)
    accepted_answers: tuple[str, ...] = ()
    completed: tuple[str, ...] = ()
    measures: Mapping[str, tuple[Measure, ...]] = field(default_factory=dict)
    first_scored: Mapping[str, int] = field(default_factory=dict)
    transitional: Mapping[str, int] = field(default_factory=dict)
    key_images: tuple[Place, ...] | None = None
    corrections: Mapping[str, Correction] = field(default_factory=dict)
    slices: Mapping[str, int] = field(default_factory=dict)
    follow_up: FollowUp | None = None

    def __post_init__(self) -> None:
        summarise({**dict.fromkeys(self.accepted_answers, Answer.YES), **self.answers})
        object.__setattr__(self, "accepted_answers", tuple(sorted(set(self.accepted_answers))))
        if self.setting is not None and self.setting not in _SETTING_TITLES:
            raise ValueError("the setting is none of those to choose from")
        given = {id_: said for id_, said in self.answers.items() if said is not Answer.UNKNOWN}
        stated = {id_: each for id_, each in self.corrections.items() if each != Correction()}
        self._freeze("answers", given)
        for name in ("marks", "accepted", "measures"):
            by_series = getattr(self, name).items()
            self._freeze(name, {id_: tuple(marks) for id_, marks in by_series if marks})
        self._freeze("corrections", stated)
        object.__setattr__(self, "completed", tuple(sorted(set(self.completed))))
        for name in ("first_scored", "transitional", "slices"):
            self._freeze(name, getattr(self, name))

    def _freeze(self, name: str, values: Mapping[str, Any]) -> None:
        """Keep a read-only copy in the order of its keys: equal readings are written alike."""
        object.__setattr__(self, name, MappingProxyType(dict(sorted(values.items()))))

    @property
    def checklist(self) -> ChecklistSummary:
        """What the answers add up to."""
        return summarise(self.answers)

    @property
    def is_blank(self) -> bool:
        """Whether nothing was said yet; where a reader looks and what is proposed are no words."""
        blank = Reading(
            study=self.study,
            slices=self.slices,
            prediction_was_shown=self.prediction_was_shown,
            joint_lines=tuple(each for each in self.joint_lines if not each.by_hand),
            follow_up=self.follow_up,
        )
        return self == blank

    @property
    def so_far(self) -> str:
        """The conclusion, or how far the reader has come towards one; and whether with comments.

        >>> Reading(draft=Impression(Conclusion.NORMAL, comments="thin slices")).so_far
        'Normal, confidence not chosen (under "Read first", not recorded yet), with comments'
        """
        last, first, draft = self.impression, self.first, self.draft
        said = last.sentence
        if last.conclusion is None and first is not None:
            said = f"{first.sentence} (before the prediction was shown)"
        elif last.conclusion is None and draft != Impression():
            said = f'{draft.sentence} (under "Read first", not recorded yet)'
        comments = last.comments or ("" if first else draft.comments)
        return f"{said}, with comments" if comments else said

    @property
    def before_and_after(self) -> str:
        """What was concluded before the prediction was shown, and whether that changed."""
        if self.first is None:
            return "No conclusion was recorded before the prediction was shown."
        first, last = self.first, self.impression
        kept = (first.conclusion, first.confidence) == (last.conclusion, last.confidence)
        after = "unchanged since" if kept else "changed since"
        return f"Before the prediction was shown: {first.sentence}; {after}."
