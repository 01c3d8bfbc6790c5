"""Clinical knowledge as data and pure functions; every figure names its source."""

from asemble.clinical.checklist import (
    ITEMS,
    NO_WEIGHT_NOTICE,
    RED_FLAG_NOTICE,
    ChecklistSummary,
    answer_to,
    summarise,
)
from asemble.clinical.item import Answer, Domain, Item, Side
from asemble.clinical.mimics import ENTITIES, Entity
from asemble.clinical.sources import SOURCES, Certainty, Source, cite

__all__ = [
    "ENTITIES",
    "ITEMS",
    "NO_WEIGHT_NOTICE",
    "RED_FLAG_NOTICE",
    "SOURCES",
    "Answer",
    "Certainty",
    "ChecklistSummary",
    "Domain",
    "Entity",
    "Item",
    "Side",
    "Source",
    "answer_to",
    "cite",
    "summarise",
]
