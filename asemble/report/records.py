"""Who signs a report, and when it was read."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Signature:
    """Who read the study, and when; as typed, kept for the session only.

    Args:
        reader: name or initials, empty where nobody typed any.
        opened: when the study was opened; times have their offset from UTC.
        changed: when the reading last changed, None where nothing was said.
        made: when the report was made.
    """

    reader: str = ""
    opened: datetime | None = None
    changed: datetime | None = None
    made: datetime | None = None

    @property
    def read_on(self) -> str:
        """When the reading was last changed, else when the study was opened; for people."""
        return time_words(self.changed or self.opened)


def time_words(at: datetime | None) -> str:
    """A time for people.

    >>> time_words(None)
    'not stated'
    """
    return "not stated" if at is None else at.strftime("%d %B %Y, %H:%M %Z").strip()


UNSIGNED = Signature()
"""Nobody says who read it, or when."""
