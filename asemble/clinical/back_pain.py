"""The three rules for inflammatory back pain.

They measure agreement with experts who call a back pain inflammatory, not the disease: in referred
patients every one of them raises the odds of axSpA by a tenth to a fifth only.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from asemble.clinical.item import Answer
from asemble.clinical.sources import Source, cite
from asemble.clinical.three_valued import Truth, at_least

_TRUTHS = {Answer.YES: True, Answer.NO: False, Answer.UNKNOWN: None}


@dataclass(frozen=True, slots=True)
class Rule:
    """So many of these items.

    Args:
        title: its name.
        items: ids of the items that count when answered yes.
        denied: ids of the items that count when answered no.
        needed: how many must count.
        figures: what was measured of it, sensitivity/specificity in per cent.
        sources: keys of the sources.
    """

    title: str
    items: tuple[str, ...]
    denied: tuple[str, ...]
    needed: int
    figures: str
    sources: tuple[str, ...]

    @property
    def citations(self) -> tuple[Source, ...]:
        """Where the rule and its figures come from."""
        return tuple(cite(key) for key in self.sources)

    def counted(self, answers: Mapping[str, Answer]) -> list[Truth]:
        """What each item says, in the order of `items` and then `denied`."""
        return [
            *(truth_of(id_, answers) for id_ in self.items),
            *(denial_of(id_, answers) for id_ in self.denied),
        ]

    def is_met(self, answers: Mapping[str, Answer]) -> Truth:
        """Whether enough items count; None while unanswered ones could decide it."""
        return at_least(self.needed, self.counted(answers))


CALIN = Rule(
    "Calin 1977",
    (
        "onset_under_40",
        "insidious_onset",
        "over_three_months",
        "stiff_in_the_morning",
        "better_with_exercise",
    ),
    (),
    4,
    "95/85 in the first report, 89.9/52.5 in the ASAS cohort against expert opinion; in referred "
    "patients 79.4/25.1 for axSpA (LR+ 1.1, LR- 0.8).",
    ("calin_1977", "sieper_2009", "poddubnyy_2018"),
)
BERLIN = Rule(
    "Berlin 2006",
    ("morning_stiffness", "better_with_exercise_not_rest", "woken_late", "alternating_buttocks"),
    (),
    2,
    "70.3/81.2 for 101 with AS against 112 with mechanical pain; in referred patients 81.1/32.3 "
    "for axSpA (LR+ 1.2, LR- 0.6).",
    ("rudwaleit_2006", "poddubnyy_2018"),
)
ASAS_EXPERTS = Rule(
    "ASAS experts 2009",
    ("onset_under_40", "insidious_onset", "better_with_exercise", "night_pain"),
    ("relieved_by_rest",),
    4,
    "77.0/91.7 in derivation and 79.6/72.4 in validation against expert opinion; in referred "
    "patients 74.4/39.5 for axSpA (LR+ 1.2, LR- 0.6).",
    ("sieper_2009", "poddubnyy_2018"),
)
RULES = (CALIN, BERLIN, ASAS_EXPERTS)
"""Oldest first."""


def truth_of(id_: str, answers: Mapping[str, Answer]) -> Truth:
    """What the answers say of an item, from what they say of others where that settles it."""
    if id_ == "better_with_exercise_not_rest":
        parts = [truth_of("better_with_exercise", answers), denial_of("relieved_by_rest", answers)]
        return at_least(2, parts)
    given = _TRUTHS[answers.get(id_, Answer.UNKNOWN)]
    if given is None and any(_is_yes(narrower, answers) for narrower in _FOLLOWS_FROM.get(id_, ())):
        return True
    return given


def denial_of(id_: str, answers: Mapping[str, Answer]) -> Truth:
    """Whether an item was answered no."""
    given = truth_of(id_, answers)
    return None if given is None else not given


_FOLLOWS_FROM = {
    "stiff_in_the_morning": ("morning_stiffness",),
    "onset_under_45": ("onset_under_40",),
}
"""A yes to one of these is a yes to the item."""


def _is_yes(id_: str, answers: Mapping[str, Answer]) -> bool:
    return answers.get(id_) is Answer.YES
