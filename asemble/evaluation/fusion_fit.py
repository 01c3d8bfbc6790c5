"""Records of simulated validation studies to a fitted fusion."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from asemble.core.labels import JUDGED_PLANES, PATTERNS, Pattern, Plane
from asemble.core.results import ENSEMBLE
from asemble.evaluation.calibration_fit import (
    PULLS,
    cross_validated,
    fit_interval,
    fit_slices,
    fit_study,
)
from asemble.evaluation.study_records import class_indices
from asemble.evaluation.study_types import FusionRecord
from asemble.metrics.calibration_error import expected_calibration_error
from asemble.models.calibration import Floats64, SliceCalibration
from asemble.models.counting import AtJoints, Rule
from asemble.models.fusion import (
    METHODS,
    PLANE_SETS,
    FittedOn,
    Fusion,
    answers_of_slices,
    plane_features,
)

SMALLEST_REFERENCE = 0.5
"""Strong heat in logits where a network finds less than this in inflammatory studies."""

LOST = 0.05
"""One in so many slices that show a lesion, and that the ensemble sees, may be lost by the limit on
the evidence at the joints."""

MOST_ASKED = 0.3
"""Never is a greater share asked for: evidence on real slices is more scattered than on simulated
ones, and a stricter limit lost slices that show a lesion (docs/decisions/0025)."""

SEEN = 0.5
"""P of its own class from which on a slice with a lesion is seen."""

Looks = Mapping[str, Mapping[str, Any]]
"""One examination: by plane what `study_records.look_of` writes down."""

_INFLAMMATORY = PATTERNS.index(Pattern.INFLAMMATORY)


def fit_fusion(
    records: Sequence[FusionRecord],
    weights: Mapping[str, str],
    members: Mapping[Plane, Sequence[str]],
    *,
    first_seed: int,
) -> Fusion:
    """Everything that `ensemble.json` holds, from records of `measure_for_fusion`."""
    counting = {plane.value: least_share(records, plane) for plane in JUDGED_PLANES}
    coefficients = {key: _coefficients(records, key.split("+"), counting) for key in PLANE_SETS}
    fitted = Fusion(dict(weights), coefficients, references={}, counting=counting)
    pairs = [pair for record in records for pair in _examinations(record, fitted)]
    return replace(
        fitted,
        references={
            method: {
                plane.value: {
                    name: _reference(records, f"{method}/{plane}/{name}") for name in names
                }
                for plane, names in members.items()
            }
            for method in METHODS
        },
        fitted_on=FittedOn(
            studies=len(records),
            held_out=sum(r["appearance"] is not None for r in records),
            twice=sum(r["again"] is not None for r in records),
            first_seed=first_seed,
        ),
        slices={plane.value: _slices(records, plane) for plane in JUDGED_PLANES},
        interval=fit_interval(pairs),
    )


def features(looks: Looks, who: str, counting: Rule) -> dict[Plane, Floats64]:
    """Features by plane of a member, or of `ENSEMBLE`, from the slices that count.

    A plane without any is left out.
    """
    found = {}
    for plane, look in looks.items():
        counts = counting_slices(look, counting[plane])
        if counts.any() and who in look["probabilities"]:
            smoothed = answers_of_slices(np.array(look["probabilities"][who]), counts)
            found[Plane(plane)] = plane_features([smoothed[counts]])
    return found


def counting_slices(look: Mapping[str, Any], least: float) -> npt.NDArray[np.bool_]:
    """`(slice,)`: which slices of one plane count."""
    return np.array([found.why_not(least) is None for found in _at_joints(look)], dtype=np.bool_)


def _at_joints(look: Mapping[str, Any]) -> list[AtJoints]:
    pairs = zip(look["share"], look["expected"], strict=True)
    return [AtJoints(share, expected) for share, expected in pairs]


def least_share(records: Sequence[FusionRecord], plane: Plane) -> float:
    """Below it lie at most `LOST` of the slices with a lesion on which a joint is expected."""
    seen = []
    for record in records:
        look, labels = record["looks"][plane], np.array(record["labels"][plane])
        own = answers_of_slices(np.array(look["probabilities"][ENSEMBLE]))[
            np.arange(len(labels)), labels
        ]
        for found, label, said in zip(_at_joints(look), labels, own, strict=True):
            is_seen = PATTERNS[label] is not Pattern.NORMAL and said >= SEEN
            if is_seen and found.expected and found.share is not None:
                seen.append(found.share)
    least = math.floor(100 * float(np.quantile(seen, LOST))) / 100 if seen else 0.0
    return min(least, MOST_ASKED)


def _coefficients(
    records: Sequence[FusionRecord], planes: Sequence[str], counting: Rule
) -> Floats64:
    found, labels, _ = _every_examination(records, planes, counting)
    return fit_study(found, labels)


def _every_examination(
    records: Sequence[FusionRecord], planes: Sequence[str], counting: Rule
) -> tuple[Floats64, list[int], list[int]]:
    """Features, label and number of the person, of every examination with slices that count."""
    labels, found, people = [], [], []
    for person, (record, label) in enumerate(zip(records, class_indices(records), strict=True)):
        for visit in (record["looks"], record["again"]):
            of_visit = {} if visit is None else {plane: visit[plane] for plane in planes}
            by_plane = features(of_visit, ENSEMBLE, counting)
            if by_plane:
                labels.append(int(label))
                found.append(np.mean(list(by_plane.values()), axis=0))
                people.append(person)
    return np.array(found), labels, people


def pulls(records: Sequence[FusionRecord], counting: Rule) -> list[list[str]]:
    """Each of `PULLS` by cross-validation: rows of words, for people.

    Loss, then the share of each pattern that is called so, then the calibration error of
    P(inflammatory).
    """
    found, labels, people = _every_examination(records, [str(p) for p in JUDGED_PLANES], counting)
    truth = np.array(labels)
    rows = []
    for pull in PULLS:
        said = cross_validated(found, labels, people, pull=pull)
        loss = -np.log(np.maximum(said[np.arange(len(truth)), truth], 1e-12)).mean()
        error = expected_calibration_error(said[:, _INFLAMMATORY], truth == _INFLAMMATORY)
        right = [
            f"{np.mean(said[truth == k].argmax(axis=1) == k):.2f}" for k in range(len(PATTERNS))
        ]
        rows.append([f"{pull:g}", f"{loss:.3f}", ", ".join(right), f"{error:.3f}"])
    return rows


def _slices(records: Sequence[FusionRecord], plane: Plane) -> SliceCalibration:
    """Of all slices and all their neighbours, whether they count or not."""
    looks = [record["looks"][plane]["probabilities"][ENSEMBLE] for record in records]
    labels = [record["labels"][plane] for record in records]
    return fit_slices(
        np.concatenate([answers_of_slices(np.array(p)) for p in looks]), np.concatenate(labels)
    )


def _examinations(
    record: FusionRecord, fusion: Fusion
) -> Iterator[tuple[float, Sequence[float], float]]:
    """Either examination of a person who was examined twice, with the other one's answer."""
    if record["again"] is None:
        return
    visits = [_answers(visit, fusion) for visit in (record["looks"], record["again"])]
    for one, other in (visits, visits[::-1]):
        if one is not None and other is not None:
            yield one[0], one[1], other[0]


def _answers(looks: Looks, fusion: Fusion) -> tuple[float, list[float]] | None:
    """P(inflammatory) of the ensemble, and of each member; None where no slice counts."""
    names = dict.fromkeys(name for look in looks.values() for name in look["probabilities"])
    found = {name: features(looks, name, fusion.counting) for name in names}
    said = {
        name: float(fusion.probabilities(of)[_INFLAMMATORY]) for name, of in found.items() if of
    }
    if ENSEMBLE not in said:
        return None
    return said.pop(ENSEMBLE), list(said.values())


def _reference(records: Sequence[FusionRecord], key: str) -> float:
    inflammatory = [r["hottest"][key] for r in records if r["kind"] == Pattern.INFLAMMATORY]
    return round(max(float(np.median(inflammatory)), SMALLEST_REFERENCE), 4)
