"""Scores and definitions of a study, as far as its marking goes: no mark is not a score of 0.

A score, and that a definition is not met, need a reader who says that everything is marked on the
series that it is read on. That a definition is met needs nobody to say so: more marks change
nothing of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from asemble.clinical import sparcc
from asemble.clinical.definitions import (
    Verdict,
    asas_active_2009,
    asas_definite_active_2021,
    asas_definite_structural_2021,
)
from asemble.clinical.marks import Mark
from asemble.core.geometry import slice_normal
from asemble.core.labels import Plane, Weighting
from asemble.core.study import Series, Study
from asemble.reading.joint_lines import lines_of
from asemble.reading.marking import counted
from asemble.reading.reading import Reading

INFLAMMATION = "SPARCC inflammation"
STRUCTURAL = "SPARCC SSS"
NOT_SCORED = "not scored"
NOT_COMPLETE = "marking is not called complete"
NO_LINES = "marks count once joint lines are drawn"
VERDICTS: Mapping[bool | None, str] = {True: "met", False: "not met", None: "not decided"}


@dataclass(frozen=True, slots=True)
class Score:
    """One score of a study.

    Args:
        title: which one.
        value: None where it is not scored.
        most: what it can be.
        so_far: what is marked counts for so much, also where nobody says that this is all.
        why_not: why it is not scored; empty where it is.
        parts: what it adds up from, or which slices it is read on; for people.
        series_id: of the series that it is read on; None without one.
    """

    title: str
    value: int | None
    most: int
    so_far: int = 0
    why_not: str = ""
    parts: str = ""
    series_id: str | None = None

    @property
    def words(self) -> str:
        """The value, or that there is none.

        >>> Score("SPARCC inflammation", 0, 72).words, Score("SPARCC inflammation", None, 72).words
        ('0 of 72', 'not scored')
        """
        return NOT_SCORED if self.value is None else f"{self.value} of {self.most}"


@dataclass(frozen=True, slots=True)
class Decided:
    """A definition, as far as it is decided.

    Args:
        verdict: on what is marked so far.
        is_met: None where it is not met by that, and nobody says that everything is marked.
        why_not: why it is not decided; empty where it is.
    """

    verdict: Verdict
    is_met: bool | None
    why_not: str = ""

    @property
    def words(self) -> str:
        """Whether it is met."""
        return VERDICTS[self.is_met]


@dataclass(frozen=True, slots=True)
class Scores:
    """What a study is scored on.

    Args:
        scores: SPARCC inflammation, then the parts of SPARCC SSS.
        definitions: those of ASAS, active before structural.
    """

    scores: tuple[Score, ...]
    definitions: tuple[Decided, ...]


def scores_of(reading: Reading, study: Study) -> Scores:
    """The scores of what a reader marked, on the first coronal series of each weighting."""
    fluid, t1 = series_of(study, Weighting.FLUID), series_of(study, Weighting.T1)
    return Scores(
        (_inflammation(reading, fluid), *_structural(reading, t1)),
        (*_active(reading, fluid), *_structure(reading, t1)),
    )


def series_of(study: Study, weighting: Weighting) -> Series | None:
    """The series that lesions are counted on: oedema on fluid-sensitive images, others on T1."""
    coronal = (series for series in study.series if series.plane is Plane.CORONAL)
    return next((series for series in coronal if series.weighting is weighting), None)


def counted_on(reading: Reading, series: Series) -> tuple[Mark, ...]:
    """The marks of a series that definitions and scores count."""
    lines = lines_of(reading.joint_lines, series)
    return counted(reading.marks.get(series.id, ()), lines, series.volume.affine_lps)


def first_scored(reading: Reading, series: Series) -> int:
    """First of the six slices of SPARCC: the reader's choice, or those with the greatest score."""
    chosen = reading.first_scored.get(series.id)
    marks, slices = counted_on(reading, series), series.volume.shape[0]
    return sparcc.fullest_slices(marks, slices) if chosen is None else chosen


def transitional(reading: Reading, series: Series) -> int:
    """The transitional slice of SPARCC SSS: the reader's choice, or the middle slice."""
    return reading.transitional.get(series.id, series.volume.shape[0] // 2)


def inflammation_of(reading: Reading, series: Series) -> sparcc.InflammationScore:
    """SPARCC inflammation of what is marked so far."""
    return sparcc.inflammation(counted_on(reading, series), first_scored(reading, series))


def structural_of(reading: Reading, series: Series) -> sparcc.StructuralScore:
    """SPARCC SSS of what is marked so far."""
    marks, slice_ = counted_on(reading, series), transitional(reading, series)
    return sparcc.structural(marks, slice_, step_to_front=_step_to_front(series))


def definitions_of(reading: Reading, series: Series) -> tuple[Decided, ...]:
    """The definitions that are decided on a series."""
    of_series = _active if series.weighting is Weighting.FLUID else _structure
    return of_series(reading, series)


def inflammation_sentence(found: Scores) -> str:
    """For a report: the score and what it adds up from, or why there is none."""
    score = found.scores[0]
    if score.value is None:
        return _not_scored(INFLAMMATION, score.why_not, score.so_far)
    return f"{INFLAMMATION} {score.words}: {score.parts}."


def structural_sentence(found: Scores) -> str:
    """As `inflammation_sentence`, of SPARCC SSS."""
    first, *_ = parts = found.scores[1:]
    if first.value is None:
        return _not_scored(STRUCTURAL, first.why_not, sum(part.so_far for part in parts))
    said = ", ".join(
        f"{part.title.removeprefix(STRUCTURAL).strip()} {part.words}" for part in parts
    )
    return f"{STRUCTURAL}: {said}, {first.parts}."


def _not_scored(title: str, why_not: str, so_far: int) -> str:
    counts = f"; what is marked so far counts {so_far}" if so_far else ""
    return f"{title}: {NOT_SCORED} ({why_not}{counts})."


def definition_sentence(decided: Decided) -> str:
    """For a report: whether it is met, and how far it is from that."""
    verdict = decided.verdict
    said = [condition.sentence for condition in verdict.conditions]
    if not verdict.is_plausible:
        said.append("the whole picture was not called highly suggestive")
    if decided.why_not:
        said.append(decided.why_not)
    return f"{verdict.title}: {decided.words} ({'; '.join(said)})."


def _inflammation(reading: Reading, series: Series | None) -> Score:
    most = sparcc.INFLAMMATION_MAX
    if series is None:
        return Score(INFLAMMATION, None, most, why_not="no coronal fluid-sensitive series")
    score = inflammation_of(reading, series)
    last = score.first_slice + sparcc.INFLAMMATION_SLICES
    parts = (
        f"oedema {score.oedema}, depth {score.depth}, intensity {score.intensity}, on slices "
        f"{score.first_slice + 1} to {last}"
    )
    why_not, total = _why_not(reading, series), score.total
    value = None if why_not else total
    return Score(INFLAMMATION, value, most, total, why_not, parts, series.id)


def _structural(reading: Reading, series: Series | None) -> tuple[Score, ...]:
    if series is None:
        return tuple(
            Score(f"{STRUCTURAL} {lesion}", None, most, why_not="no coronal T1 series")
            for lesion, most in sparcc.STRUCTURAL_MAX.items()
        )
    found, why_not = structural_of(reading, series).scores, _why_not(reading, series)
    chosen = "" if series.id in reading.transitional else " as offered"
    parts = f"from transitional slice {transitional(reading, series) + 1}{chosen}"
    return tuple(
        Score(
            f"{STRUCTURAL} {lesion}",
            None if why_not else found[lesion],
            most,
            found[lesion],
            why_not,
            parts,
            series.id,
        )
        for lesion, most in sparcc.STRUCTURAL_MAX.items()
    )


def _why_not(reading: Reading, series: Series | None) -> str:
    """Why what is marked is not all; empty where the reader says that it is."""
    if series is None:
        return "no series to read it on"
    if reading.marks.get(series.id) and not counted_on(reading, series):
        return NO_LINES
    return "" if series.id in reading.completed else NOT_COMPLETE


def _active(reading: Reading, series: Series | None) -> tuple[Decided, ...]:
    marks = () if series is None else counted_on(reading, series)
    return _decided(
        reading,
        series,
        asas_active_2009(marks, is_suggestive=reading.is_suggestive),
        asas_definite_active_2021(marks),
    )


def _structure(reading: Reading, series: Series | None) -> tuple[Decided, ...]:
    marks = () if series is None else counted_on(reading, series)
    return _decided(reading, series, asas_definite_structural_2021(marks))


def _decided(reading: Reading, series: Series | None, *verdicts: Verdict) -> tuple[Decided, ...]:
    why_not = _why_not(reading, series)
    return tuple(
        Decided(verdict, True)
        if verdict.is_met
        else Decided(verdict, None if why_not else False, why_not)
        for verdict in verdicts
    )


def _step_to_front(series: Series) -> int:
    """1 where higher slices lie further in front; the front is towards -y in LPS."""
    affine = series.volume.affine_lps
    if affine is None:
        return 1
    return 1 if np.sign(slice_normal(affine)[1]) < 0 else -1
