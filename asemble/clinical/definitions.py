"""When marks on an MRI meet a definition of ASAS, and how far they are from it.

A definition classifies an image for research. People without the disease meet it too (healthy
volunteers, athletes, mothers), so every verdict carries what speaks against relying on it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from asemble.clinical.marks import Lesion, Mark, longest_run, of_lesion, quadrants_of
from asemble.clinical.sources import Source, cite


@dataclass(frozen=True, slots=True)
class Condition:
    """One way to meet a definition.

    Args:
        text: what is asked.
        found: how much of it is marked.
        needed: how much is asked.
    """

    text: str
    found: int
    needed: int

    @property
    def is_met(self) -> bool:
        """Whether enough is marked."""
        return self.found >= self.needed

    @property
    def sentence(self) -> str:
        """What is asked, and what was found.

        >>> Condition("quadrants with oedema", 3, 4).sentence
        'quadrants with oedema: 3 found, 4 needed'
        """
        return f"{self.text}: {self.found} found, {self.needed} needed"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a definition is met.

    Args:
        title: the definition.
        conditions: any one of them is enough.
        caveat: what does not count, or what it is met by otherwise.
        sources: keys of the sources.
        is_plausible: what the definition asks of the whole picture; False where the reader did
            not say so.
    """

    title: str
    conditions: tuple[Condition, ...]
    caveat: str
    sources: tuple[str, ...]
    is_plausible: bool = True

    @property
    def is_met(self) -> bool:
        """Any condition, and the whole picture."""
        return self.is_plausible and any(condition.is_met for condition in self.conditions)

    @property
    def citations(self) -> tuple[Source, ...]:
        """Where the rule comes from."""
        return tuple(cite(key) for key in self.sources)


def asas_active_2009(marks: Iterable[Mark], *, is_suggestive: bool) -> Verdict:
    """Active sacroiliitis as ASAS defined it in 2009 and kept it in 2016 and 2019.

    Each marked quadrant of a slice counts as a lesion: an oedema that crosses from one quadrant
    into the next has to be marked once, in the quadrant that holds most of it.

    Args:
        marks: of one fluid-sensitive series.
        is_suggestive: whether the reader finds the picture highly suggestive of
            spondyloarthritis, without which nothing meets the definition.
    """
    oedema = of_lesion(marks, Lesion.OEDEMA)
    return Verdict(
        title="ASAS active sacroiliitis (2009, kept in 2016)",
        conditions=(
            Condition("oedema lesions on one slice", _most_on_one_slice(oedema), 2),
            Condition("consecutive slices with one oedema lesion", longest_run(oedema), 2),
        ),
        caveat=(
            "Synovitis, capsulitis or enthesitis alone is not enough, and structural lesions are "
            "context only. 23.4% of 47 healthy people met it."
        ),
        sources=("asas_restated", "lambert_2016", "de_winter_2018"),
        is_plausible=is_suggestive,
    )


def asas_definite_active_2021(marks: Iterable[Mark]) -> Verdict:
    """The cut-offs of 2021 for a definite active lesion; quadrants are counted over all slices."""
    oedema = of_lesion(marks, Lesion.OEDEMA)
    return Verdict(
        title="Definite active lesion (ASAS cut-offs of 2021)",
        conditions=(
            Condition("quadrants with oedema", len(quadrants_of(oedema)), 4),
            Condition("consecutive slices with oedema at one place", longest_run(oedema), 3),
        ),
        caveat="21% of 103 mothers met it 12 months after delivery.",
        sources=("maksymowych_2021", "kiil_2023"),
    )


def asas_definite_structural_2021(marks: Iterable[Mark]) -> Verdict:
    """The cut-offs of 2021 for a definite structural lesion, read on T1."""
    marks = list(marks)
    erosion, fat = of_lesion(marks, Lesion.EROSION), of_lesion(marks, Lesion.FAT)
    return Verdict(
        title="Definite structural lesion (ASAS cut-offs of 2021)",
        conditions=(
            Condition("quadrants with erosion", len(quadrants_of(erosion)), 3),
            Condition("quadrants with a fat lesion", len(quadrants_of(fat)), 5),
            Condition("consecutive slices with erosion at one place", longest_run(erosion), 2),
            Condition("consecutive slices with fat at one place", longest_run(fat), 3),
            Condition("fat lesions deeper than 1 cm", sum(mark.is_deep for mark in fat), 1),
        ),
        caveat="14% of 103 mothers met it 12 months after delivery.",
        sources=("maksymowych_2021", "kiil_2023"),
    )


def _most_on_one_slice(marks: Sequence[Mark]) -> int:
    places = {(mark.slice, mark.quadrant) for mark in marks}
    slices = [at for at, _ in places]
    return max((slices.count(at) for at in set(slices)), default=0)
