"""The types of the records of simulated studies, by measuring verb, a line of JSON each.

Probabilities are in the order of `PATTERNS`; planes, classes and members stand by their names.
"""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

Figures = Mapping[str, float | None]


class Written(TypedDict):
    """The study."""

    kind: str
    seed: int
    appearance: str | None


class MapRecord(TypedDict):
    """How well the maps of a series point: sums over its slices with oedema, and their peaks."""

    hits: int  # hottest pixel within the margin of the oedema
    energy: float  # share of the heat in the oedema
    near: float  # share of the heat within the margin of it
    precision: float  # average precision for what is within the margin
    peaks_mm: list[list[float] | None]  # hottest place from the middle of the slice


class SeriesRecord(TypedDict):
    """A series, slice by slice."""

    plane: str
    labels: list[int]  # index into `PATTERNS`
    probabilities: list[list[float]]
    counts: list[bool]
    members: dict[str, list[float]]  # P(inflammatory)
    position: list[float]  # the baselines
    brightness: list[float]
    played: int  # slices with oedema to point at
    margin_mm: float
    lesions_mm: list[list[list[int]]]  # of each of them, where its oedema is
    maps: dict[str, MapRecord]  # by method and member, for example `gradcam/ensemble`
    cascade: NotRequired[dict[str, dict[str, dict[str, float]]]]  # by member, layer, measure


class Deciding(TypedDict):
    """The slice that weighs most."""

    plane: str
    index: int
    shows_oedema: bool
    points: bool  # Grad-CAM does, at the oedema


class AnswerRecord(TypedDict):
    """An answer; None where no series was judged."""

    probabilities: list[float] | None
    interval: Sequence[float] | None


class DecisionRecord(AnswerRecord):
    """An answer with its decision."""

    decision: str
    deciding: Deciding | None


class StudyRecord(Written, DecisionRecord):
    """By `asemble evaluate studies`, `calibration` and `explanations`."""

    members: dict[str, list[float]]
    abstains_for: str | None  # a code
    against_heatmap: int | None  # checks that speak against it
    without_rules: DecisionRecord | None
    again: AnswerRecord | None  # of the second examination
    picture: str
    series: list[SeriesRecord]


class SlicesRecord(TypedDict):
    """What is said of each slice of one plane."""

    probabilities: dict[str, list[list[float]]]  # by member and the ensemble, not smoothed
    share: list[float | None]  # of the evidence that lies at the joints, None without any
    expected: list[bool]  # whether a joint is


class FusionRecord(Written):
    """By `asemble evaluate calibrate`."""

    looks: dict[str, SlicesRecord]
    again: dict[str, SlicesRecord] | None
    labels: dict[str, list[int]]
    hottest: dict[str, float]  # by method, plane and member


class CheckRecord(TypedDict):
    """The heatmap checks of one slice."""

    plane: str
    index: int
    shows: bool  # heat
    right: bool  # it points at oedema
    probability: float
    agreement: float | None
    joint: float | None
    stability: float | None
    swing: float | None
    deletion: float | None
    covered: float | None
    elsewhere: list[float]


class ChecksRecord(Written):
    """By `asemble evaluate trust`."""

    looks: list[CheckRecord]
    oedema: dict[str, tuple[int, int]]  # by plane: voxels in the joint region, and all


class OedemaRecord(Written):
    """By `asemble evaluate measurements`; of three numbers: in both, in the truth, as found."""

    truth: Figures
    found: Figures
    cells: tuple[int, int, int]
    quadrants: tuple[int, int, int]
    by_rules: dict[str, int | None]
