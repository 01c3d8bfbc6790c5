"""Inflammatory or mechanical: the questions a reader answers, and what the answers add up to.

Teaching only. No composite weight of these items has been validated, so answers are counted and
never turned into a score or a probability. Items on the image describe the same image that the
networks judge: the two must not be multiplied into one likelihood.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from asemble.clinical.for_inflammatory import FOR_INFLAMMATORY
from asemble.clinical.for_mechanical import FOR_MECHANICAL
from asemble.clinical.for_rules import FOR_RULES
from asemble.clinical.item import Answer, Item, Side
from asemble.clinical.red_flags import RED_FLAGS

ITEMS: tuple[Item, ...] = (*FOR_INFLAMMATORY, *FOR_MECHANICAL, *FOR_RULES, *RED_FLAGS)
"""Every item: towards inflammatory, towards mechanical, neither, red flags."""
_BY_ID = {item.id: item for item in ITEMS}

NO_WEIGHT_NOTICE = (
    "For teaching only: no composite weight of these items has been validated, so they are counted,"
    " not scored. Items on the image and the models' prediction describe the same image; do not"
    " multiply them."
)
"""Stands beside every summary of the checklist."""

_NEVER_TOGETHER = (
    (("onset_under_40", Answer.NO), ("onset_later", Answer.NO)),
    (("onset_under_40", Answer.YES), ("onset_under_45", Answer.NO)),
    (("onset_later", Answer.NO), ("onset_under_45", Answer.NO)),
    (("morning_stiffness", Answer.YES), ("stiff_in_the_morning", Answer.NO)),
)
"""Pairs of answers that contradict each other, besides a yes to both of two items of which one
excludes the other."""

RED_FLAG_NOTICE = "Stop and seek urgent clinical review before going on."
"""What any red flag asks for (clinical specification, section 9, string 6)."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two answers of which one must be wrong.

    Args:
        one: an item.
        other: another.
        answers: to the one and to the other.
    """

    one: Item
    other: Item
    answers: tuple[Answer, Answer]

    @property
    def words(self) -> str:
        """Both items, with the answers where they are not both yes."""
        if self.answers == (Answer.YES, Answer.YES):
            return f"{self.one.text} / {self.other.text}"
        said, said_too = self.answers
        return f"{self.one.text}: {said} / {self.other.text}: {said_too}"


@dataclass(frozen=True, slots=True)
class ChecklistSummary:
    """What points which way; only a `yes` points anywhere, a `no` is not evidence for the other.

    Args:
        inflammatory: items answered yes that point towards inflammatory, in the table's order.
        mechanical: items answered yes that point towards mechanical.
        red_flags: items answered yes that ask to stop.
        red_flags_open: red flags neither confirmed nor ruled out.
        conflicts: answers that exclude each other.
        answered: how many items have a yes or a no.
        unknown: how many have neither.
    """

    inflammatory: tuple[Item, ...]
    mechanical: tuple[Item, ...]
    red_flags: tuple[Item, ...]
    red_flags_open: tuple[Item, ...]
    conflicts: tuple[Conflict, ...]
    answered: int
    unknown: int

    @property
    def sentences(self) -> tuple[str, ...]:
        """The summary in words, red flags first."""
        lines = []
        if self.red_flags:
            flags = "; ".join(item.text for item in self.red_flags)
            lines.append(f"RED FLAG: {flags}. {RED_FLAG_NOTICE}")
        if self.red_flags_open:
            lines.append(f"{_count(self.red_flags_open, 'red flag')} not ruled out.")
        lines.append(
            f"{_count(self.inflammatory, 'item')} towards inflammatory and "
            f"{_count(self.mechanical, 'item')} towards mechanical; {self.unknown} unknown."
        )
        lines.extend(
            f"These answers exclude each other: {conflict.words}." for conflict in self.conflicts
        )
        return tuple(lines)


def summarise(answers: Mapping[str, Answer]) -> ChecklistSummary:
    """Count what points which way and raise red flags.

    Args:
        answers: by item id; an item that is missing is unknown.

    Raises:
        ValueError: an answer belongs to no item.

    >>> summary = summarise({"erosion": Answer.YES, "athlete": Answer.NO})
    >>> [item.id for item in summary.inflammatory], summary.mechanical, summary.answered
    (['erosion'], (), 2)
    """
    unmatched = sorted(set(answers) - {item.id for item in ITEMS})
    if unmatched:
        raise ValueError(f"no checklist item {', '.join(map(repr, unmatched))}")
    yes = [item for item in ITEMS if answer_to(item, answers) is Answer.YES]
    unknown = [item for item in ITEMS if answer_to(item, answers) is Answer.UNKNOWN]
    return ChecklistSummary(
        inflammatory=_on(Side.INFLAMMATORY, yes),
        mechanical=_on(Side.MECHANICAL, yes),
        red_flags=_on(Side.RED_FLAG, yes),
        red_flags_open=_on(Side.RED_FLAG, unknown),
        conflicts=tuple(_conflicts(answers, yes)),
        answered=len(ITEMS) - len(unknown),
        unknown=len(unknown),
    )


def answer_to(item: Item, answers: Mapping[str, Answer]) -> Answer:
    """The answer to an item, unknown where none was given."""
    return answers.get(item.id, Answer.UNKNOWN)


def _conflicts(answers: Mapping[str, Answer], yes: Sequence[Item]) -> Iterator[Conflict]:
    for item in _on(Side.INFLAMMATORY, yes):
        for other in yes:
            if other.id in item.excludes:
                yield Conflict(item, other, (Answer.YES, Answer.YES))
    for (one, said), (other_id, said_too) in _NEVER_TOGETHER:
        if answers.get(one) is said and answers.get(other_id) is said_too:
            yield Conflict(_BY_ID[one], _BY_ID[other_id], (said, said_too))


def _on(side: Side, items: Sequence[Item]) -> tuple[Item, ...]:
    return tuple(item for item in items if item.side is side)


def _count(items: Sequence[Item], noun: str) -> str:
    return f"{len(items)} {noun}{'' if len(items) == 1 else 's'}"
