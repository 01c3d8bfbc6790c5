"""`Item`: a question of the checklist, which way it points, where that comes from; `Answer`."""

from dataclasses import dataclass
from enum import StrEnum

from asemble.clinical.sources import Certainty, Source, cite


class Side(StrEnum):
    """Which way a `yes` points."""

    INFLAMMATORY = "inflammatory"
    MECHANICAL = "mechanical"
    NEITHER = "neither"
    RED_FLAG = "red_flag"

    @property
    def heading(self) -> str:
        """A heading for people."""
        return _SIDE_HEADINGS[self]


class Answer(StrEnum):
    """What the reader says to an item; nobody has to know."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Domain(StrEnum):
    """Where the answer comes from."""

    HISTORY = "history"
    LABORATORY = "laboratory"
    IMAGE = "image"


_SIDE_HEADINGS = {
    Side.INFLAMMATORY: "Towards inflammatory",
    Side.MECHANICAL: "Towards mechanical",
    Side.NEITHER: "Asked by the rules",
    Side.RED_FLAG: "Stop and escalate",
}


@dataclass(frozen=True, slots=True)
class Item:
    """One question.

    Args:
        id: stable name, used in exports.
        side: which way a yes points.
        domain: history, laboratory or image.
        text: the finding, as a statement that can be true.
        why: one sentence with the figures that it rests on, as sensitivity/specificity in
            per cent unless it says otherwise; LR+ is the positive likelihood ratio.
        sources: keys of the sources of those figures.
        excludes: ids that cannot be true at the same time.

    >>> item = Item("fever", Side.RED_FLAG, Domain.HISTORY, "Fever", "It burns.", ("knowledge",))
    >>> item.side.heading, item.verified
    ('Stop and escalate', False)
    """

    id: str
    side: Side
    domain: Domain
    text: str
    why: str
    sources: tuple[str, ...]
    excludes: tuple[str, ...] = ()

    @property
    def citations(self) -> tuple[Source, ...]:
        """Its sources."""
        return tuple(cite(key) for key in self.sources)

    @property
    def verified(self) -> bool:
        """Whether every source of it was looked up."""
        return all(source.certainty is Certainty.LOOKED_UP for source in self.citations)

    @property
    def hover(self) -> str:
        """Why, then the sources, for a tooltip; a source that was not looked up says so."""
        return f"{self.why} Source: {'; '.join(source.label for source in self.citations)}."
