"""What `asemble evaluate` measured of a set of weights, a record for each of its verbs.

One `Estimate` stands for a metric with its interval; None for a metric that does not exist, as an
AUC of one class. Names of metrics for people stand in `asemble.performance.tables`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from asemble.core.labels import Pattern, Plane
from asemble.imaging.joint_bands import JointBand
from asemble.metrics.agreement import Limits
from asemble.metrics.calibration_error import Bin
from asemble.metrics.estimates import Estimate
from asemble.metrics.slice_metrics import Cell, SliceMetrics

FORMAT = 1
"""Raised when a field changes its meaning."""

NOTICE = "Simulated figures: measured on simulated MRI only; they say nothing about patients."

HIGH = 0.5
"""P(inflammatory) of a slice from which on a wrong map would mislead."""

CheckName = Literal["agreement", "joint", "stability", "deletion", "probability"]
"""Of a figure of a heatmap check; the last is the slice's own, for comparison."""

Maybe = Estimate | None
Counts = Mapping[str, Mapping[str, int]]
"""A confusion table: by truth, then by decision."""
Percentiles = tuple[float, float, float]


class Appearances(StrEnum):
    """The two test sets: cases that look as in training, and cases that look as none of those."""

    TRAINING = "training"
    HELD_OUT = "held_out"

    @property
    def words(self) -> str:
        """For people.

        >>> Appearances.HELD_OUT.words
        'held-out appearances'
        """
        return f"{self.value.replace('_', '-')} appearances"


# By `asemble evaluate studies`


@dataclass(frozen=True, slots=True)
class Answers:
    """How right the answers to studies are; an abstention is not right."""

    auc: Maybe  # of P(inflammatory), against the rest; sensitivity and specificity likewise
    accuracy: Maybe
    sensitivity: Maybe
    specificity: Maybe
    shows_oedema: Maybe  # the deciding slice, of inflammatory studies
    pointing: Maybe  # of Grad-CAM on that slice, of inflammatory studies


@dataclass(frozen=True, slots=True)
class SliceAucs:
    """How well a score tells inflammatory slices from the others."""

    auc: Maybe
    within: Maybe  # mean of the AUCs of single studies
    neighbours: Maybe  # over pairs of neighbouring slices of which one is inflammatory


@dataclass(frozen=True, slots=True)
class MapMetrics:
    """How well a heatmap points: share of slices, and share of the heat that lies in the lesion."""

    pointing: Maybe
    energy: Maybe


@dataclass(frozen=True, slots=True)
class PlaneMetrics:
    """Slices of one plane; the first two are shares of slices that count."""

    counting: Maybe
    oedema_counting: Maybe
    scores: Mapping[str, SliceAucs]  # by "ensemble", and the baselines "position", "brightness"
    members: Mapping[str, Maybe]  # AUC of each by itself
    maps: Mapping[str, Mapping[str, MapMetrics]]  # by method, then by ensemble and member


@dataclass(frozen=True, slots=True)
class AppearanceMetrics:
    """AUC of studies, and of slices by plane, of one held-out appearance."""

    studies: int
    auc: Maybe
    slices: Mapping[Plane, Maybe]


@dataclass(frozen=True, slots=True)
class StudyMetrics:
    """One test set."""

    studies: int
    first_seed: int
    answers: Answers
    without_rules: Answers | None  # as if every slice counted and it never abstained
    members: Mapping[str, Maybe]  # AUC of each by itself
    brightness: Maybe  # AUC of the brightest slice, the baseline
    abstained: Maybe
    disagree: Maybe  # abstained because the members disagree
    heatmap_fails: Maybe  # abstained because the heatmap fails its test
    decided: Maybe  # accuracy where it decides
    planes: Mapping[Plane, PlaneMetrics]
    confusion: Counts  # with a column for abstentions
    appearances: Mapping[str, AppearanceMetrics] = field(default_factory=dict)  # held-out ones


@dataclass(frozen=True, slots=True)
class Failure:
    """A study that went wrong; `sample` makes it again from kind, seed and appearance."""

    kind: Pattern
    seed: int
    appearance: str | None  # None for one of training
    decision: str
    probabilities: Mapping[Pattern, float]
    plane: Plane  # of its most inflammatory slice
    index: int  # of that slice
    score: float  # P(inflammatory) of that slice
    hits: int  # slices on which Grad-CAM points at the oedema
    played: int  # slices with oedema to point at


@dataclass(frozen=True, slots=True)
class Studies:
    """Both sets, and the worst held-out studies, the worst first."""

    sets: Mapping[Appearances, StudyMetrics]
    gallery: tuple[Failure, ...]
    limits: Mapping[str, float | None] = field(default_factory=dict)  # of the heatmap checks then


# By `asemble evaluate calibration`


@dataclass(frozen=True, slots=True)
class CalibrationError:
    """How far probabilities are from frequencies."""

    plane: Plane | None  # of the slices; None for studies
    pattern: Pattern | None  # whose probability; None for whichever class is likeliest
    cases: int  # studies or slices
    error: Maybe
    if_perfect: float  # of a model whose probabilities are true
    unlikely: float  # what one in twenty such models exceeds
    bins: tuple[Bin, ...]


@dataclass(frozen=True, slots=True)
class Coverage:
    """How often the interval holds the answer to another examination of the same person."""

    nominal: float  # how often it is made to
    held: Maybe
    people: int  # examined twice
    width: float | None  # its mean


@dataclass(frozen=True, slots=True)
class CalibrationMetrics:
    """One test set."""

    studies: int
    errors: tuple[CalibrationError, ...]
    interval: Coverage


# By `asemble evaluate explanations`


@dataclass(frozen=True, slots=True)
class MapRow:
    """How well the maps of one method point; the control with another's oedema has peaks alone."""

    plane: Plane
    who: str  # the ensemble or a member
    method: str
    pointing: Maybe
    precision: Maybe = None
    energy: Maybe = None
    near: Maybe = None


@dataclass(frozen=True, slots=True)
class MapDifference:
    """Grad-CAM's pointing rate less that of the evidence map, on the same slices."""

    plane: Plane
    who: str
    difference: Maybe


@dataclass(frozen=True, slots=True)
class CascadeRow:
    """How alike Grad-CAM stays when the layers down to `layer` lose what they learned."""

    plane: Plane
    who: str
    layer: str
    rank: Maybe
    ssim: Maybe


@dataclass(frozen=True, slots=True)
class HeatmapMetrics:
    """The inflammatory studies of one test set that have oedema to point at."""

    studies: int
    slices: Mapping[Plane, int]
    maps: tuple[MapRow, ...]
    differences: tuple[MapDifference, ...]
    cascade: tuple[CascadeRow, ...]


# By `asemble evaluate trust`


@dataclass(frozen=True, slots=True)
class CheckMetrics:
    """How well one heatmap check tells right maps from wrong ones."""

    auc: Maybe
    auc_high: Maybe  # on slices whose P(inflammatory) is `HIGH`
    right_below: Maybe  # share of right maps below the limit
    wrong_below: Maybe


@dataclass(frozen=True, slots=True)
class JointRegion:
    """What the joint region of one plane holds."""

    oedema: Maybe  # share of the inflammatory oedema
    area: float  # share of the prepared slice
    fitted: JointBand  # the band, fitted again
    in_use: JointBand


@dataclass(frozen=True, slots=True)
class ChecksAccuracy:
    """Accuracy of the limits, which themselves stand with the fusion."""

    validation: int  # studies that the limits are from
    test: int  # studies that the rest was measured on
    right: int  # maps whose hottest pixel lies on oedema
    wrong: int
    wrong_high: int  # those on slices whose P(inflammatory) is `HIGH`
    checks: Mapping[CheckName, CheckMetrics]
    regions: Mapping[Plane, JointRegion]
    joint_cases: int  # that the bands were fitted on


# By `asemble evaluate measurements`


@dataclass(frozen=True, slots=True)
class Agreement:
    """Found against true: intraclass correlation, and limits of agreement of found less true."""

    icc: Maybe
    limits: Limits | None
    cases: int


@dataclass(frozen=True, slots=True)
class OedemaAgreement:
    """One test set."""

    studies: int
    not_proposed: int  # without a proposed SPARCC
    sparcc: Agreement
    sparcc_with_oedema: Agreement  # the same of studies with oedema
    oedema: Agreement  # quadrants
    depth: Agreement
    intensity: Agreement
    volume_ml: Agreement
    dice: Maybe  # of cells of oedema, all studies together
    true: int  # quadrants with oedema, on all slices
    found: int
    both: int
    healthy: int  # studies whose true score is 0
    healthy_positive: int  # that are proposed a positive one


@dataclass(frozen=True, slots=True)
class RulesIcc:
    """ICC of the proposed SPARCC by other rules of what counts as oedema."""

    sure: float
    quadrant_mm2: float
    icc: float | None


@dataclass(frozen=True, slots=True)
class OedemaMeasurements:
    """Both sets, and other rules on validation studies."""

    sets: Mapping[Appearances, OedemaAgreement]
    rules: tuple[RulesIcc, ...]


# By `asemble evaluate scope`


@dataclass(frozen=True, slots=True)
class GateGroup:
    """What the input gate makes of one group of studies."""

    name: str
    must_judge: bool
    studies: int
    abstained: int
    share: Estimate  # of those, with its exact interval
    pelvis: Percentiles | None  # share of slices with one: least, middle, most
    margin_shown: Percentiles | None  # score of showing the joints above its limit: 1, 50, 99%
    margin_upright: Percentiles | None
    noted: int  # studies of which the bones said something against the file
    codes: Mapping[str, int]  # of what they said
    reasons: Mapping[str, int]  # why it abstained, the commonest first


@dataclass(frozen=True, slots=True)
class InputGateMetrics:
    """Samples of each group that is drawn, and the groups."""

    count: int
    groups: tuple[GateGroup, ...]


# By `asemble evaluate table` and `ablations`


@dataclass(frozen=True, slots=True)
class Network:
    """A row of the comparison; passes and parameters of all its networks."""

    name: str
    title: str
    taught_by: str  # "labels" or "masks"
    passes: tuple[int, ...]
    parameters: int
    metrics: Mapping[Appearances, SliceMetrics]
    confusion: Mapping[Appearances, Mapping[Pattern, Mapping[Pattern, Cell | None]]]


@dataclass(frozen=True, slots=True)
class AskedSlices:
    """The slices that the networks were asked about."""

    slices: int
    cases: int
    labels: Mapping[Pattern, int]


@dataclass(frozen=True, slots=True)
class PlaneComparison:
    """The networks on slices of one plane."""

    sets: Mapping[Appearances, AskedSlices]
    rows: tuple[Network, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was the same for every network but the ensemble, and the rows."""

    passes: int
    batch: int
    learning_rate: float
    test_cases: int  # of each kind of appearance
    start: str
    weights: Mapping[str, str]  # SHA-256 of the ensemble's
    planes: Mapping[Plane, PlaneComparison]


@dataclass(frozen=True, slots=True)
class Compared:
    """A metric, and how much higher it is than that of the first row."""

    value: Maybe
    difference: Maybe


@dataclass(frozen=True, slots=True)
class Ablation:
    """A network that learned without one part of the simulator, or saw more."""

    name: str
    title: str
    auc: Mapping[Appearances, Compared]
    pointing: Mapping[Appearances, Compared]


@dataclass(frozen=True, slots=True)
class Ablations:
    """What was the same for all, and the rows."""

    passes: int
    training_cases: int
    test_cases: int
    planes: Mapping[Plane, tuple[Ablation, ...]]


@dataclass(frozen=True, slots=True)
class Performance:
    """All that was measured of one set of weights, by the verb of `asemble evaluate`."""

    studies: Studies | None = None
    calibration: Mapping[Appearances, CalibrationMetrics] | None = None
    explanations: Mapping[Appearances, HeatmapMetrics] | None = None
    trust: ChecksAccuracy | None = None
    measurements: OedemaMeasurements | None = None
    scope: InputGateMetrics | None = None
    table: Comparison | None = None
    notice: str = NOTICE
    format: int = FORMAT
