"""Records of simulated validation studies to a fitted fusion."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from asemble.core.labels import JUDGED_PLANES, PATTERNS, Pattern, Plane
from asemble.core.results import ENSEMBLE
from asemble.evaluation.calibration import fit_interval, fit_slices, fit_study
from asemble.evaluation.measures import class_indices
from asemble.evaluation.studies import Record
from asemble.models.calibration import Floats64, SliceCalibration
from asemble.models.fusion import METHODS, PLANE_SETS, Fusion

SMALLEST_REFERENCE = 0.5
"""Strong heat in logits where a network finds less than this in inflammatory studies."""

Features = Mapping[str, Mapping[str, Sequence[float]]]
"""By plane, then by member."""

_INFLAMMATORY = PATTERNS.index(Pattern.INFLAMMATORY)


def fit_fusion(
    records: Sequence[Record],
    weights: Mapping[str, str],
    members: Mapping[Plane, Sequence[str]],
    *,
    first_seed: int,
) -> Fusion:
    """Everything that `ensemble.json` holds, from records of `measure_for_fusion`."""
    coefficients = {key: _coefficients(records, key.split("+")) for key in PLANE_SETS}
    fitted = Fusion(weights=dict(weights), coefficients=coefficients, references={})
    pairs = [pair for record in records for pair in _examinations(record, fitted)]
    return Fusion(
        weights=dict(weights),
        coefficients=coefficients,
        references={
            method: {
                plane.value: {
                    name: _reference(records, f"{method}/{plane}/{name}") for name in names
                }
                for plane, names in members.items()
            }
            for method in METHODS
        },
        fitted_on={
            "what": "simulated studies that no network was trained on",
            "studies": len(records),
            "of them in held-out appearances": sum(r["appearance"] is not None for r in records),
            "of them examined twice": sum(r["again"] is not None for r in records),
            "first_seed": first_seed,
        },
        slices={plane.value: _slices(records, plane) for plane in JUDGED_PLANES},
        interval=fit_interval(pairs),
    )


def _coefficients(records: Sequence[Record], planes: Sequence[str]) -> Floats64:
    """Of every examination, a second one of the same person too."""
    labels, features = [], []
    for record, label in zip(records, class_indices(records), strict=True):
        for visit in (record["features"], record["again"]):
            if visit is not None:
                labels.append(label)
                features.append(np.mean([visit[plane][ENSEMBLE] for plane in planes], axis=0))
    return fit_study(np.array(features), labels)


def _slices(records: Sequence[Record], plane: Plane) -> SliceCalibration:
    of_plane = [record["slices"][plane] for record in records]
    return fit_slices(
        np.concatenate([s["probabilities"] for s in of_plane]),
        np.concatenate([s["labels"] for s in of_plane]),
    )


def _examinations(record: Record, fusion: Fusion) -> Iterator[tuple[float, Sequence[float], float]]:
    """Either examination of a person who was examined twice, with the other one's answer."""
    if record["again"] is None:
        return
    visits = [_answers(visit, fusion) for visit in (record["features"], record["again"])]
    for (first, members), (second, _) in (visits, visits[::-1]):
        yield first, members, second


def _answers(features: Features, fusion: Fusion) -> tuple[float, list[float]]:
    """P(inflammatory) of the ensemble, and of each member in the planes that it reads."""

    def answer(who: str) -> float:
        of = {Plane(p): np.asarray(f[who]) for p, f in features.items() if who in f}
        return float(fusion.probabilities(of)[_INFLAMMATORY])

    names = dict.fromkeys(name for members in features.values() for name in members)
    return answer(ENSEMBLE), [answer(name) for name in names if name != ENSEMBLE]


def _reference(records: Sequence[Record], key: str) -> float:
    inflammatory = [r["hottest"][key] for r in records if r["kind"] == Pattern.INFLAMMATORY]
    return round(max(float(np.median(inflammatory)), SMALLEST_REFERENCE), 4)
