"""From slices to a study: how the ensemble's answers are put together.

    slices of a series   those that count (`asemble.models.counting`), with the pattern of the
                         series, smoothed over neighbours
    series               for each disease class, mean log-odds of its strongest slices
    plane                mean of its series, each counted by the slices that it could offer
    study                mean of its planes, then a small multinomial calibration

Beside that, the slices are calibrated plane by plane for those who read them one by one, and the
interval around the study's answer has a width that was fitted (`asemble.models.calibration`).
All of it, and the strength of heat that counts as strong, is fitted on simulated studies
that no network has seen (`asemble evaluate calibrate`) and stored beside the weights in
`ensemble.json`, with the SHA-256 of every weight file that they were fitted for. The limits of the
heatmap checks stand there too (`asemble evaluate trust`).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from asemble.core.errors import WeightsError
from asemble.core.labels import JUDGED_PLANES, Plane
from asemble.models.calibration import (
    Floats64,
    IntervalRule,
    SliceCalibration,
    logit,
)
from asemble.models.counting import Rule
from asemble.models.signing import OTHER_FORMAT, sign

Bools = npt.NDArray[np.bool_]

FUSION_FILE = "ensemble.json"
"""Stands beside the weights."""

FORMAT = 2
"""Raised when a field changes its meaning; 1 held the limits among measured figures."""

SMOOTHING = (0.25, 0.5, 0.25)
"""Weights of the slice before, the slice itself and the slice after.

Raised the slice AUC on real stacks by 0.02-0.03: lesions reach over neighbouring slices.
"""

NOTHING_FOUND = (1.0, 0.0, 0.0)
"""Of a neighbour that does not count. Oedema counts when it is seen on consecutive slices: a slice
alone between such neighbours is to stand out less, not more."""

PATTERN_OF_SERIES = 0.75
"""Share of the series in the pattern of each of its slices."""

TOP_SLICES = 3
"""A series is judged by so many of its strongest slices.

Oedema counts when it is seen on consecutive slices, and a study with three strong slices among
twenty must not be averaged away.
"""

SMALLEST_PROBABILITY = 1e-4
"""Log-odds are bounded at this probability, so that one sure slice cannot decide alone."""

GRADCAM, EVIDENCE = "gradcam", "evidence"
METHODS = (GRADCAM, EVIDENCE)
"""The kinds of heatmap."""

PLANE_SETS = ("axial", "axial+coronal", "coronal")
"""The planes that a study may be judged from; each has its own calibration."""

IDENTITY = ((0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
"""Coefficients that leave the log-odds as they are."""

_HINT = "Fit it with: asemble evaluate calibrate"


@dataclass(frozen=True, slots=True)
class FittedOn:
    """The simulated studies of a fit, that no network was trained on.

    Args:
        studies: how many.
        held_out: of them in held-out appearances.
        twice: of them examined twice.
        first_seed: of them.
    """

    studies: int
    held_out: int
    twice: int
    first_seed: int


@dataclass(frozen=True, slots=True, eq=False)
class Fusion:
    """What `ensemble.json` holds.

    Args:
        weights: SHA-256 by file name of the weights that it was fitted for.
        coefficients: by plane set, `(2, 3)`: rows inflammatory and mechanical; columns intercept,
            weight of the inflammatory and of the mechanical log-odds.
        references: strong heat by method, plane and member, in logits: the median, over simulated
            inflammatory studies, of the strongest place in the study.
        fitted_on: which simulated studies; None where it was not fitted.
        slices: calibration of the slices by plane; a plane without one is left as it is.
        interval: how wide the interval around the study's answer is.
        counting: by plane the least share of its evidence at the joints for a slice to count; in
            a plane without one every slice counts.
        limits: by heatmap check, the figure below which it speaks against a map, by
            `asemble evaluate trust`; None where no map was right, empty where not measured.
    """

    weights: Mapping[str, str]
    coefficients: Mapping[str, Floats64]
    references: Mapping[str, Mapping[str, Mapping[str, float]]]
    fitted_on: FittedOn | None = None
    slices: Mapping[str, SliceCalibration] = field(default_factory=dict)
    interval: IntervalRule = field(default_factory=IntervalRule)
    counting: Rule = field(default_factory=dict)
    limits: Mapping[str, float | None] = field(default_factory=dict)

    def probabilities(self, features: Mapping[Plane, Floats64]) -> Floats64:
        """Study probabilities `(3,)` from the features `(2,)` of each plane."""
        mean = np.mean([features[plane] for plane in sorted(features)], axis=0)
        return calibrated(mean, self.coefficients[plane_set(features)])

    def slice_probabilities(self, plane: Plane, smoothed: Floats64) -> Floats64:
        """Calibrated `(slice, 3)` from the ensemble's smoothed `(slice, 3)` of that plane."""
        return self.slices.get(plane, SliceCalibration()).apply(smoothed)

    def reference(self, method: str, plane: Plane, member: str) -> float:
        """Strong heat in logits."""
        return self.references[method][plane][member]


def uncalibrated(weights: Mapping[str, str], members: Mapping[Plane, Sequence[str]]) -> Fusion:
    """A fusion that leaves the log-odds as they are and calls one logit strong heat."""
    return Fusion(
        weights=dict(weights),
        coefficients={key: np.array(IDENTITY) for key in PLANE_SETS},
        references={
            method: {plane.value: dict.fromkeys(names, 1.0) for plane, names in members.items()}
            for method in METHODS
        },
    )


def plane_set(planes: Mapping[Plane, object] | Sequence[Plane]) -> str:
    """Name of the calibration for these planes.

    >>> plane_set([Plane.CORONAL, Plane.AXIAL])
    'axial+coronal'
    """
    return "+".join(sorted(planes))


def answers_of_slices(probabilities: Floats64, counts: Bools | None = None) -> Floats64:
    """`(slice, 3)` with the pattern of the series, smoothed over the neighbours that count."""
    every = np.ones(len(probabilities), dtype=np.bool_)
    of_series = with_pattern_of_series(probabilities, every if counts is None else counts)
    return smooth(of_series, counts)


def with_pattern_of_series(probabilities: Floats64, counts: Bools) -> Floats64:
    """Whether a slice shows a lesion is its own answer; which pattern, mostly that of its series.

    One slice tells inflammatory from mechanical lesions badly; how they spread tells it better.

    Args:
        probabilities: `(slice, 3)`.
        counts: `(slice,)`, which of them count.

    >>> with_pattern_of_series(np.array([[0, 1, 0], [0.5, 0, 0.5]]), np.array([True, False]))
    array([[0.   , 1.   , 0.   ],
           [0.5  , 0.375, 0.125]])
    """
    lesion = probabilities[:, 1:].sum(axis=1)
    weight = lesion[counts].sum()
    if weight <= 0:
        return probabilities
    shares = probabilities[counts, 1:].sum(axis=0) / weight
    mixed = PATTERN_OF_SERIES * lesion[:, None] * shares
    mixed += (1 - PATTERN_OF_SERIES) * probabilities[:, 1:]
    return np.concatenate([probabilities[:, :1], mixed], axis=1)


def smooth(probabilities: Floats64, counts: Bools | None = None) -> Floats64:
    """Average `(slice, 3)` over neighbouring slices; the first and last have one neighbour.

    Args:
        probabilities: `(slice, 3)`.
        counts: `(slice,)`, which slices count; those see nothing found on a neighbour that does
            not. None where all do.

    >>> smooth(np.array([[1.0, 0, 0], [0, 1.0, 0]])).round(2).tolist()
    [[0.67, 0.33, 0.0], [0.33, 0.67, 0.0]]
    >>> both = np.array([[0, 1.0, 0], [0, 1.0, 0]])
    >>> smooth(both, np.array([False, True])).round(2).tolist()
    [[0.0, 1.0, 0.0], [0.33, 0.67, 0.0]]
    """
    if counts is not None and not counts.all():
        own = counts[:, None]
        without = smooth(np.where(own, probabilities, NOTHING_FOUND))
        return np.where(own, without, smooth(probabilities))
    before, centre, after = SMOOTHING
    total = centre * probabilities
    weight = np.full((len(probabilities), 1), centre)
    total[1:] += before * probabilities[:-1]
    weight[1:] += before
    total[:-1] += after * probabilities[1:]
    weight[:-1] += after
    return np.asarray(total / weight)


def series_features(smoothed: Floats64) -> Floats64:
    """Mean log-odds of the strongest slices for each disease class.

    Args:
        smoothed: `(slice, 3)` in the order of `PATTERNS`.

    Returns:
        `(2,)`: inflammatory, mechanical.
    """
    bounded = np.clip(smoothed[:, 1:], SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
    strongest = np.sort(logit(bounded), axis=0)[-TOP_SLICES:]
    return np.asarray(strongest.mean(axis=0))


def plane_features(series: Sequence[Floats64]) -> Floats64:
    """Features `(2,)` of a plane from the smoothed `(slice, 3)` of each of its series.

    A series of one image counts a third of a series of three or more.
    """
    counts = [min(len(smoothed), TOP_SLICES) for smoothed in series]
    return np.asarray(np.average([series_features(s) for s in series], axis=0, weights=counts))


def calibrated(features: Floats64, coefficients: Floats64) -> Floats64:
    """Probabilities `(..., 3)` from features `(..., 2)`; the normal class has logit 0."""
    disease = coefficients[:, 0] + features @ coefficients[:, 1:].T
    logits = np.concatenate([np.zeros_like(disease[..., :1]), disease], axis=-1)
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def save_fusion(directory: Path, fusion: Fusion) -> Path:
    """Write `ensemble.json` into the folder of the weights, and sign it."""
    content = {
        "weights": dict(fusion.weights),
        "coefficients": {key: fusion.coefficients[key].tolist() for key in PLANE_SETS},
        "references": fusion.references,
        "fitted_on": None if fusion.fitted_on is None else asdict(fusion.fitted_on),
        "slices": {plane: asdict(values) for plane, values in fusion.slices.items()},
        "interval": asdict(fusion.interval),
        "counting": dict(fusion.counting),
        "limits": dict(fusion.limits),
        "format": FORMAT,
    }
    path = directory / FUSION_FILE
    path.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    sign(path)
    return path


def load_fusion(
    directory: Path,
    weights: Mapping[str, str],
    members: Mapping[Plane, Sequence[str]],
    read: Callable[[Path], bytes] = Path.read_bytes,
) -> Fusion:
    """Read `ensemble.json` and hold it against the weights that were loaded.

    Args:
        directory: folder of the weights.
        weights: SHA-256 by file name, as loaded.
        members: names of the members by plane, as loaded.
        read: gives the content of a file; `Signed.read` where it has to be the signed one.

    Raises:
        WeightsError: the file is absent, damaged, incomplete, or fitted for other weights.
    """
    path = directory / FUSION_FILE
    if not path.is_file():
        raise WeightsError(f"{FUSION_FILE} is missing beside the weights.", hint=_HINT)
    try:
        content = json.loads(read(path))
        form = content.pop("format", 1)
        if form != FORMAT:
            wrong = f"{FUSION_FILE} has format {form}, not {FORMAT}."
            raise WeightsError(wrong, hint=_HINT, code=OTHER_FORMAT)
        stored = _Stored.model_validate_json(json.dumps(content), strict=True)
        fusion = Fusion(
            weights=stored.weights,
            coefficients={key: _coefficients(stored.coefficients[key]) for key in PLANE_SETS},
            references={
                method: {
                    plane.value: {
                        name: stored.references[method][plane.value][name]
                        for name in members.get(plane, ())
                    }
                    for plane in JUDGED_PLANES
                }
                for method in METHODS
            },
            fitted_on=stored.fitted_on,
            slices=stored.slices,
            interval=stored.interval,
            counting=stored.counting,
            limits=stored.limits,
        )
    except (OSError, ValueError, AttributeError, KeyError) as error:
        raise WeightsError(f"{FUSION_FILE} is damaged or incomplete.", hint=_HINT) from error
    if fusion.weights != dict(weights):
        raise WeightsError(f"{FUSION_FILE} was fitted for other weights than these.", hint=_HINT)
    return fusion


def _whole(rule: type[SliceCalibration | IntervalRule]) -> BeforeValidator:
    """Every number of a rule is stored: none is left to its default."""
    names = {each.name for each in fields(rule)}

    def check(values: Any) -> Any:
        if isinstance(values, dict) and set(values) != names:
            raise ValueError(f"it must have {', '.join(sorted(names))}")
        return values

    return BeforeValidator(check)


Row = tuple[float, float, float]


class _Stored(BaseModel):
    """`ensemble.json` as `save_fusion` writes it; every number is finite."""

    model_config = ConfigDict(allow_inf_nan=False)

    weights: dict[str, str]
    coefficients: dict[str, tuple[Row, Row]]
    references: dict[str, dict[str, dict[str, Annotated[float, Field(gt=0)]]]]
    fitted_on: FittedOn | None = None
    slices: dict[str, Annotated[SliceCalibration, _whole(SliceCalibration)]] = {}
    interval: Annotated[IntervalRule, _whole(IntervalRule)] = IntervalRule()
    counting: dict[str, Annotated[float, Field(ge=0, le=1)]] = {}
    limits: dict[str, float | None] = {}


def _coefficients(rows: tuple[Row, Row]) -> Floats64:
    array = np.array(rows, dtype=np.float64)
    array.setflags(write=False)
    return array
