"""What a part of the benchmark finds, for people and for programs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from asemble.core.text_table import Table


@dataclass(frozen=True, slots=True)
class Settings:
    """How long to measure.

    Args:
        turns: timed repetitions of each contender.
        is_quick: smaller inputs, to see that everything runs; its figures mean nothing.
    """

    turns: int
    is_quick: bool

    @property
    def warmups(self) -> int:
        """Turns before those that are timed."""
        return 0 if self.is_quick else 1


@dataclass(frozen=True, slots=True)
class Found:
    """One part of the benchmark.

    Args:
        heading: of its section.
        how: what was run and how, in sentences.
        columns: of its table.
        rows: of its table.
        verdict: the aim, and what came of it.
        measured: every figure, for JSON.
    """

    heading: str
    how: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    verdict: str
    measured: Mapping[str, Any]

    def as_text(self) -> str:
        """For a terminal: the table with its columns aligned."""
        table = Table(self.columns, self.rows).text()
        return f"{self.heading}\n\n{table}\n\n{self.verdict}\n"

    def as_markdown(self) -> str:
        """For a page."""
        table = Table(self.columns, self.rows).markdown()
        return f"## {self.heading}\n\n{self.how}\n\n{table}\n\n{self.verdict}"


def met(is_met: bool) -> str:
    """Whether an aim was met, in one word.

    >>> met(True), met(False)
    ('Met', 'Missed')
    """
    return "Met" if is_met else "Missed"
