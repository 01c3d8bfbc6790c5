"""From which change on a score is said to have changed, and by whose figures."""

from dataclasses import dataclass

from asemble.clinical.sources import Certainty, cite


@dataclass(frozen=True, slots=True)
class Threshold:
    """A change that a paper gives a meaning to.

    Args:
        title: what it is called.
        value: greater changes count.
        source: key of `sources`.
        of: whose scores it was found on.
    """

    title: str
    value: float
    source: str
    of: str

    def sentence(self, change: int) -> str:
        """Where a change lies against it.

        >>> INFLAMMATION_THRESHOLDS[0].sentence(-3)
        'A change by 3 is more than the minimally important change, 2.5.'
        """
        more = "is" if abs(change) > self.value else "is not"
        return f"A change by {abs(change)} {more} more than the {self.title}, {self.value:g}."

    @property
    def label(self) -> str:
        """The figure, whose it is, and how far that was checked."""
        source = cite(self.source)
        looked_up = source.certainty is Certainty.LOOKED_UP
        seen = f"from its {source.seen}" if looked_up else "unverified"
        return f"{self.title.capitalize()} {self.value:g} ({self.of}): {source.label}; {seen}."


INFLAMMATION_THRESHOLDS = (
    Threshold(
        "minimally important change",
        2.5,
        "sparcc_mic",
        "ankylosing spondylitis, against readers' global impression of change",
    ),
    Threshold(
        "smallest detectable change",
        3.4,
        "sparcc_asas",
        "mean of two readers, over 3 months, early back pain",
    ),
)
"""Of SPARCC inflammation."""
STRUCTURAL_UNKNOWN = (
    "No minimally important and no smallest detectable change of SPARCC SSS is given: its paper "
    "measured the latter, and the values were not readable (unverified)."
)
ONE_READER = (
    "Both figures are of groups of readers; how much one reader's scores change from one day to "
    "the next is not known here."
)
