"""Records of simulated studies to a fitted fusion, to figures, and to a table for people."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from asemble.core.labels import JUDGED_PLANES, PATTERNS, Pattern, Plane
from asemble.evaluation.calibration import expected_calibration_error, fit_study
from asemble.evaluation.measures import POINTING_MARGIN, class_indices
from asemble.evaluation.metrics import (
    Estimate,
    accuracy,
    auc,
    confusion,
    mean,
    over_cases,
    sensitivity,
    specificity,
)
from asemble.evaluation.studies import Record
from asemble.models.fusion import METHODS, PLANE_SETS, Fusion

SMALLEST_REFERENCE = 0.5
"""Strong heat in logits where a network finds less than this in inflammatory studies."""

NOTICE = "Simulated figures: measured on simulated MRI only; they say nothing about patients."

_SCORES = {
    "scores": "",
    "position": ", position baseline",
    "brightness": ", brightness baseline",
}
_INFLAMMATORY = PATTERNS.index(Pattern.INFLAMMATORY)


def fit_fusion(
    records: Sequence[Record],
    weights: Mapping[str, str],
    members: Mapping[Plane, Sequence[str]],
    *,
    first_seed: int,
) -> Fusion:
    """The study calibration and the strength of heat, from records of `measure_for_fusion`."""
    labels = class_indices(records)
    coefficients = {}
    for key in PLANE_SETS:
        planes = key.split("+")
        features = [np.mean([r["features"][p] for p in planes], axis=0) for r in records]
        coefficients[key] = fit_study(np.array(features), labels)
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
            "first_seed": first_seed,
        },
    )


def _reference(records: Sequence[Record], key: str) -> float:
    inflammatory = [r["hottest"][key] for r in records if r["kind"] == Pattern.INFLAMMATORY]
    return round(max(float(np.median(inflammatory)), SMALLEST_REFERENCE), 4)


def figures(records: Sequence[Record]) -> dict[str, Estimate | None]:
    """Every figure by its name, with its interval over cases."""
    named: dict[str, Callable[[Sequence[Record]], float | None]] = {
        "study AUC": partial(_study_auc, _probability),
        **{
            f"study AUC, {name} alone": partial(_study_auc, partial(_of_member, name))
            for name in records[0]["members"]
        },
        "study AUC, brightness baseline": partial(_study_auc, _brightest),
        "accuracy": lambda some: accuracy(*_outcomes(some)),
        "sensitivity": lambda some: sensitivity(*_outcomes(some)),
        "specificity": lambda some: specificity(*_outcomes(some)),
        "expected calibration error": _calibration_error,
    }
    for plane in JUDGED_PLANES:
        for score, label in _SCORES.items():
            named[f"slice AUC, {plane}{label}"] = partial(_pooled, plane, score)
            named[f"slice AUC within a study, {plane}{label}"] = partial(_within, plane, score)
        for name in records[0]["members"]:
            named[f"slice AUC, {plane}, {name} alone"] = partial(_member_slices, plane, name)
        for method in METHODS:
            named[f"pointing, {plane}, {method}"] = partial(_pointing, plane, method)
    return {name: over_cases(records, figure) for name, figure in named.items()}


def table(records: Sequence[Record], measured: Mapping[str, Estimate | None]) -> str:
    """The figures for a terminal."""
    counts = {p.value: sum(r["kind"] == p for r in records) for p in PATTERNS}
    width = max(len(name) for name in measured) + 2
    lines = [
        NOTICE,
        f"{len(records)} studies: " + ", ".join(f"{n} {kind}" for kind, n in counts.items()),
        "AUC is for inflammatory against the rest; intervals resample studies.",
        f"Pointing: hottest pixel within {POINTING_MARGIN} pixels of inflammatory oedema.",
        "",
        *(f"{name:<{width}}{'not measurable' if e is None else e}" for name, e in measured.items()),
        "",
        *_confusion_lines(records),
    ]
    return "\n".join(lines)


def evaluation_card(
    records: Sequence[Record], measured: Mapping[str, Estimate | None], *, first_seed: int
) -> dict[str, Any]:
    """The figures as `ensemble.json` keeps them; the same records give the same card."""
    return {
        "notice": NOTICE,
        "studies": len(records),
        "first_seed": first_seed,
        "figures": {name: None if e is None else e.as_dict() for name, e in measured.items()},
        "confusion": confusion(*_outcomes(records)),
    }


def member_metrics(
    measured: Mapping[str, Estimate | None], plane: Plane, member: str
) -> dict[str, Any]:
    """What of the figures belongs into the card of one member."""
    names = {
        "test_slice_auc": f"slice AUC, {plane}, {member} alone",
        "test_study_auc_alone": f"study AUC, {member} alone",
        "test_study_auc_of_ensemble": "study AUC",
    }
    estimates = {key: measured[name] for key, name in names.items()}
    return {key: None if e is None else e.as_dict() for key, e in estimates.items()}


def _confusion_lines(records: Sequence[Record]) -> list[str]:
    counts = confusion(*_outcomes(records))
    decisions = list(next(iter(counts.values())))
    head = f"{'truth, then decision':<22}" + "".join(f"{d:>14}" for d in decisions)
    rows = (
        f"{truth:<22}" + "".join(f"{row[d]:>14}" for d in decisions)
        for truth, row in counts.items()
    )
    return [head, *rows]


def _outcomes(records: Sequence[Record]) -> tuple[list[Pattern], list[str]]:
    return [Pattern(r["kind"]) for r in records], [r["decision"] for r in records]


def _study_auc(score: Callable[[Record], float], records: Sequence[Record]) -> float | None:
    return auc([r["kind"] == Pattern.INFLAMMATORY for r in records], [score(r) for r in records])


def _probability(record: Record) -> float:
    return float(record["probabilities"][_INFLAMMATORY])


def _of_member(name: str, record: Record) -> float:
    return float(record["members"][name][_INFLAMMATORY])


def _brightest(record: Record) -> float:
    return max(float(max(series["brightness"])) for series in record["series"])


def _calibration_error(records: Sequence[Record]) -> float:
    return expected_calibration_error([r["probabilities"] for r in records], class_indices(records))


def _of_plane(records: Sequence[Record], plane: Plane) -> list[Record]:
    return [s for r in records for s in r["series"] if s["plane"] == plane]


def _pooled(plane: Plane, score: str, records: Sequence[Record]) -> float | None:
    series = _of_plane(records, plane)
    positive = [p for s in series for p in s["positive"]]
    return auc(positive, [v for s in series for v in s[score]])


def _member_slices(plane: Plane, member: str, records: Sequence[Record]) -> float | None:
    series = _of_plane(records, plane)
    positive = [p for s in series for p in s["positive"]]
    return auc(positive, [v for s in series for v in s["members"][member]])


def _within(plane: Plane, score: str, records: Sequence[Record]) -> float | None:
    each = [auc(s["positive"], s[score]) for s in _of_plane(records, plane)]
    return mean([value for value in each if value is not None])


def _pointing(plane: Plane, method: str, records: Sequence[Record]) -> float | None:
    games = [s["pointing"][method] for s in _of_plane(records, plane)]
    played = sum(slices for _, slices in games)
    return sum(hits for hits, _ in games) / played if played else None
