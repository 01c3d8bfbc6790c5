"""What changed between two examinations: each score then, now, and the difference."""

from collections.abc import Sequence
from dataclasses import dataclass

from asemble.clinical.change import INFLAMMATION_THRESHOLDS, Threshold
from asemble.core.study import Study
from asemble.reading.reading import Reading
from asemble.reading.scoring import INFLAMMATION, NOT_SCORED, Score, scores_of


@dataclass(frozen=True, slots=True)
class Change:
    """One score of the prior and of the current examination.

    Args:
        then: of the prior.
        now: of the current one.

    >>> Change(Score("SPARCC inflammation", 9, 72), Score("SPARCC inflammation", 4, 72)).words
    '\N{MINUS SIGN}5'
    """

    then: Score
    now: Score

    @property
    def title(self) -> str:
        """Which score it is."""
        return self.now.title

    @property
    def value(self) -> int | None:
        """How much higher it is now; None where one of both is not scored."""
        if self.then.value is None or self.now.value is None:
            return None
        return self.now.value - self.then.value

    @property
    def words(self) -> str:
        """The difference with its sign, or that there is none."""
        if self.value is None:
            return NOT_SCORED
        return f"{self.value:+d}".replace("-", "\N{MINUS SIGN}") if self.value else "0"

    @property
    def thresholds(self) -> Sequence[Threshold]:
        """Changes that papers give a meaning to; none of SPARCC SSS are known."""
        return INFLAMMATION_THRESHOLDS if self.title == INFLAMMATION else ()

    @property
    def sentence(self) -> str:
        """For a report."""
        said = f"{self.title}: then {self.then.words}, now {self.now.words}"
        change = self.value
        if change is None:
            return f"{said}."
        against = [each.sentence(change) for each in self.thresholds]
        return " ".join([f"{said}, change {self.words}.", *against])


@dataclass(frozen=True, slots=True)
class FollowUpSheet:
    """What a follow-up amounts to, for the screen and for a report.

    Args:
        interval: between both examinations, in words.
        is_checked: whether the files of both say that they are of one patient.
        changes: score by score.
        order: whether the reader knew which one is earlier, in a sentence.
    """

    interval: str
    is_checked: bool
    changes: tuple[Change, ...]
    order: str

    @property
    def sentences(self) -> tuple[str, ...]:
        """For a report that has no place for a table."""
        patient = () if self.is_checked else (NOT_CHECKED,)
        compared = f"Compared with an examination {self.interval} before."
        return (compared, *patient, self.order, *(each.sentence for each in self.changes))


NOT_CHECKED = (
    "The files of one of both examinations do not say whose it is: make sure that it is one "
    "patient."
)
KNEW = "The reader knew which examination is the earlier one."
LIFTED = "The order was hidden at first, and shown before both examinations were scored."
BLINDED = "Both examinations were scored before the reader knew which is the earlier one."
SINCE = "Both examinations were scored before the order was shown; scores were changed since."


def changes_of(reading: Reading, study: Study) -> tuple[Change, ...]:
    """Each score then and now; empty without a prior."""
    if study.prior is None:
        return ()
    then, now = (scores_of(reading, each).scores for each in (study.prior.study, study))
    return tuple(Change(*pair) for pair in zip(then, now, strict=True))


def are_scored(changes: Sequence[Change]) -> bool:
    """Whether each score that has a series in an examination is given there."""
    scores = [score for each in changes for score in (each.then, each.now)]
    read = [score for score in scores if score.series_id is not None]
    return bool(read) and all(score.value is not None for score in read)


def sheet_of(reading: Reading, study: Study) -> FollowUpSheet | None:
    """The sheet of a study that is read beside its prior; None while the order is hidden."""
    said, prior = reading.follow_up, study.prior
    if said is None or prior is None or said.is_blinded:
        return None
    changes = changes_of(reading, study)
    order = KNEW
    if said.blinding is not None:
        before = said.blinding.scored
        order = (BLINDED if before == values_of(changes) else SINCE) if before else LIFTED
    return FollowUpSheet(prior.interval, prior.is_checked, changes, order)


def values_of(changes: Sequence[Change]) -> dict[str, tuple[int, int]]:
    """Each score that both examinations have, then and now, by its title."""
    return {
        each.title: (each.then.value, each.now.value)
        for each in changes
        if each.then.value is not None and each.now.value is not None
    }
