"""What a reader says of two examinations beside each other; marks and lines stand with the rest."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

A, B = "A", "B"
"""The examinations while their order is not shown."""


@dataclass(frozen=True, slots=True)
class Blinding:
    """The reader is not told which of two examinations is the earlier one.

    Args:
        prior_is: `A` or `B`.
        is_lifted: whether the order is shown by now.
        scored: by title of the score then and now, as they stood when the order was shown because
            both were scored; empty before, and where the order was shown earlier than that.

    Raises:
        ValueError: there is no such examination, or scores stand there before the order was shown.
    """

    prior_is: str
    is_lifted: bool = False
    scored: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.prior_is not in (A, B):
            raise ValueError("the prior is A or B")
        if self.scored and not self.is_lifted:
            raise ValueError("scores are recorded when the order is shown")
        pairs = {title: (int(then), int(now)) for title, (then, now) in self.scored.items()}
        object.__setattr__(self, "scored", MappingProxyType(dict(sorted(pairs.items()))))


@dataclass(frozen=True, slots=True)
class FollowUp:
    """That a study is read beside its prior.

    Args:
        prior: the prior's fingerprint.
        offsets_mm: by series, what is added along the slice axis where slices of both are compared;
            no part of what is said (`serialisation.digest`).
        blinding: None where the reader knew the order from the beginning.
    """

    prior: str
    offsets_mm: Mapping[str, float] = field(default_factory=dict)
    blinding: Blinding | None = None

    def __post_init__(self) -> None:
        ordered = {id_: float(mm) for id_, mm in sorted(self.offsets_mm.items())}
        object.__setattr__(self, "offsets_mm", MappingProxyType(ordered))

    @property
    def is_blinded(self) -> bool:
        """Whether the order is not to be shown now."""
        return self.blinding is not None and not self.blinding.is_lifted


def as_json(said: FollowUp) -> dict[str, Any]:
    """For the file of a reading; `from_json` is the way back."""
    blinding = said.blinding
    return {
        "prior": said.prior,
        "offsets_mm": dict(said.offsets_mm),
        "blinding": blinding
        and {
            "prior_is": blinding.prior_is,
            "is_lifted": blinding.is_lifted,
            "scored": {title: list(pair) for title, pair in blinding.scored.items()},
        },
    }


def from_json(said: Mapping[str, Any]) -> FollowUp:
    """What a file that has passed the schema says."""
    blinding = said["blinding"]
    return FollowUp(said["prior"], said["offsets_mm"], blinding and Blinding(**blinding))
