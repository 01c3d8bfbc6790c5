"""What the ensemble returns: predictions for a slice, a series and a study, and heatmaps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from asemble.core.labels import PATTERNS, Pattern
from asemble.core.measurements import Measurements
from asemble.core.volume import Floats

ENSEMBLE = "ensemble"
"""The name under which the fused result stands beside the members."""

ABSTAIN = "abstain"
"""The decision of an ensemble that declines to judge."""

MEMBERS_DISAGREE, HEATMAP_FAILS = "members-disagree", "heatmap-fails"
"""Codes of two of the reasons why it declines."""


class Level(StrEnum):
    """What a remark is about, and what it means for that."""

    NOT_JUDGED = "not judged"
    """A series is not judged."""
    NOTE = "note"
    """A series is judged, and this is said of it."""
    REASON = "reason"
    """Why the ensemble abstains from a study, or what limits its answer."""


@dataclass(frozen=True, slots=True)
class Remark:
    """A sentence for people, and a name of it for programs; `docs/codes.md` lists all.

    Args:
        code: stays when the sentence is worded anew.
        sentence: what is so, and what to do about it.
        level: what it is about.
    """

    code: str
    sentence: str
    level: Level = Level.NOT_JUDGED


@dataclass(frozen=True, slots=True)
class Probabilities:
    """Three probabilities that sum to one.

    >>> Probabilities(0.2, 0.7, 0.1).top
    <Pattern.INFLAMMATORY: 'inflammatory'>
    """

    normal: float
    inflammatory: float
    mechanical: float

    @classmethod
    def from_array(cls, values: npt.ArrayLike) -> "Probabilities":
        """From `(3,)` in the order of `PATTERNS`."""
        normal, inflammatory, mechanical = (float(v) for v in np.asarray(values))
        return cls(normal, inflammatory, mechanical)

    def as_array(self) -> npt.NDArray[np.float64]:
        """`(3,)` in the order of `PATTERNS`."""
        return np.array([self.normal, self.inflammatory, self.mechanical])

    def as_dict(self) -> dict[str, float]:
        """By class name, for JSON."""
        return {p.value: float(v) for p, v in zip(PATTERNS, self.as_array(), strict=True)}

    @property
    def top(self) -> Pattern:
        """The most probable class."""
        return PATTERNS[int(np.argmax(self.as_array()))]


@dataclass(frozen=True, slots=True)
class SlicePrediction:
    """One slice.

    Args:
        index: number in the order of the series' volume, from 0.
        position_mm: along the slice normal; None where the geometry is unknown.
        probabilities: of the ensemble, calibrated and smoothed over the neighbours.
        members: calibrated probabilities by member name, not smoothed.
        why_not: one sentence why it does not count in the study's answer; None where it counts.
    """

    index: int
    position_mm: float | None
    probabilities: Probabilities
    members: Mapping[str, Probabilities]
    why_not: str | None = None

    @property
    def counts(self) -> bool:
        """Whether it counts in the study's answer."""
        return self.why_not is None


@dataclass(frozen=True, slots=True)
class CheckVerdict:
    """The verdict of one heatmap check, as people read it.

    Args:
        question: in words.
        figure: its figure with a unit, short; empty where there is none.
        sentence: what the figure says of this slice.
        speaks_for: whether it speaks for the heatmap; None where it says nothing.
        limit: of the figure, in its words; empty where none was held against it.
    """

    question: str
    figure: str
    sentence: str
    speaks_for: bool | None
    limit: str = ""


@dataclass(frozen=True, slots=True)
class DecidingSlice:
    """The slice that weighs most: of those that count, the one of the highest P(inflammatory).

    Args:
        series_id: of its series.
        index: of the slice in it.
        checks: what the four questions to its Grad-CAM heatmap found; empty where the decision does
            not rest on it.
    """

    series_id: str
    index: int
    checks: Sequence[CheckVerdict] = ()

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "series": self.series_id,
            "index": self.index,
            "heatmap_test": [
                {"question": one.question, "figure": one.figure, "speaks_for": one.speaks_for}
                for one in self.checks
            ],
        }


@dataclass(frozen=True, slots=True)
class SeriesPrediction:
    """One series.

    Args:
        series_id: of the series.
        used: whether it was judged.
        why_not: one sentence why it was not; None where it was.
        slices: in the order of its volume; empty where it was not judged.
        measurements: of its oedema; None where it was not judged, or its geometry is not known.
        code: names `why_not` for programs.
        notes: what the bones on its slices say against what its file says.
        bones_from: ids of the series on which its bones were found: its own, and that of the T1
            beside it where one helped; empty where it was not judged.
    """

    series_id: str
    used: bool
    why_not: str | None
    slices: Sequence[SlicePrediction] = ()
    measurements: Measurements | None = None
    code: str | None = None
    notes: Sequence[Remark] = ()
    bones_from: Sequence[str] = ()

    @property
    def strongest(self) -> SlicePrediction | None:
        """Of the slices that count, the one of the highest P(inflammatory); None without any."""
        counting = [one for one in self.slices if one.counts]
        return max(counting, key=lambda one: one.probabilities.inflammatory, default=None)


@dataclass(frozen=True, slots=True)
class StudyPrediction:
    """The whole study.

    Args:
        probabilities: None where no series could be judged, or no slice counts.
        members: study probabilities by member name.
        interval_inflammatory: P(inflammatory), low and high, by how far the members disagree.
        decision: a class name, or `ABSTAIN`.
        reasons: why it abstained, or what limits the answer.
        series: one for each series of the study, in its order.
        weights: SHA-256 by weight file that was used.
        device: where the networks ran.
        seconds: time spent, by step.
        deciding: the slice that weighs most; None where no slice counts.
        weights_list: SHA-256 of the list that signs for the weights and for the calibration.
        are_shipped: whether it is the list that asemble ships.
    """

    probabilities: Probabilities | None
    members: Mapping[str, Probabilities]
    interval_inflammatory: tuple[float, float] | None
    decision: str
    reasons: Sequence[Remark]
    series: Sequence[SeriesPrediction]
    weights: Mapping[str, str]
    device: str
    seconds: Mapping[str, float]
    deciding: DecidingSlice | None = None
    weights_list: str = ""
    are_shipped: bool = False

    @property
    def why_abstains(self) -> str | None:
        """The first reason where the ensemble abstains, None where it decides."""
        return self.reasons[0].sentence if self.decision == ABSTAIN and self.reasons else None

    @property
    def further_reasons(self) -> Sequence[str]:
        """The other reasons where it abstains, all where it decides."""
        return [one.sentence for one in self.reasons[self.decision == ABSTAIN :]]

    @property
    def decision_heading(self) -> str:
        """The decision for people.

        >>> StudyPrediction(None, {}, None, "abstain", (), (), {}, "cpu", {}).decision_heading
        'The ensemble abstains'
        """
        if self.decision == ABSTAIN:
            return "The ensemble abstains"
        return Pattern(self.decision).heading

    def series_by_id(self, series_id: str) -> SeriesPrediction:
        """The prediction of the series of that id.

        Raises:
            ValueError: no series has that id.
        """
        for series in self.series:
            if series.series_id == series_id:
                return series
        raise ValueError(f"no prediction for series {series_id!r}")


@dataclass(frozen=True, slots=True, eq=False)
class Heatmap:
    """Positive evidence for `inflammatory`, voxel by voxel, on one scale for the whole study.

    Args:
        series_id: the series whose grid this is on.
        values: `(slice, row, column)` float32, 0 to 1; 1 is the strongest evidence of this method
            and member anywhere in the study, 0 is none. Read-only.
        method: "gradcam" or "evidence".
        member: a member's name or `ENSEMBLE`.
    """

    series_id: str
    values: Floats
    method: str
    member: str

    def __post_init__(self) -> None:
        values = np.asarray(self.values, dtype=np.float32)
        if values.ndim != 3:
            raise ValueError(f"values must be (slice, row, column), got shape {values.shape}")
        values.setflags(write=False)
        object.__setattr__(self, "values", values)

    def is_empty(self, index: int) -> bool:
        """Whether slice `index` shows no positive evidence."""
        return not bool((self.values[index] > NO_EVIDENCE).any())


NO_EVIDENCE = 0.02
"""Evidence below this share of the study's strongest is said in words to be none."""
