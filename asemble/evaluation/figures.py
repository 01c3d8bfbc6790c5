"""Records of simulated test studies to figures with intervals, for a terminal, cards and docs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from asemble.core.labels import JUDGED_PLANES, PATTERNS, Pattern, Plane
from asemble.core.results import ENSEMBLE, HEATMAP_FAILS, MEMBERS_DISAGREE
from asemble.evaluation.measures import POINTING_MARGIN, member_names
from asemble.evaluation.metrics import (
    Estimate,
    accuracy,
    adjacent_wins,
    auc,
    confusion,
    over_cases,
    pooled_auc,
    ratio,
    sensitivity,
    specificity,
)
from asemble.evaluation.studies import Record
from asemble.models.fusion import METHODS

NOTICE = "Simulated figures: measured on simulated MRI only; they say nothing about patients."

IN_DISTRIBUTION, SHIFTED = "training appearances", "held-out appearances"
SETS = (IN_DISTRIBUTION, SHIFTED)
"""The two test sets: new cases as training draws them, and cases that look as none of those."""

Part = Callable[[Record], Any]
"""What of one study a figure needs."""
Values = Callable[[Record], Sequence[float]]
"""One value for each slice of a series."""
Measured = Mapping[str, Estimate | None]
"""Figures by name; None where a figure does not exist."""

_INFLAMMATORY = PATTERNS.index(Pattern.INFLAMMATORY)


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of a set of studies, in two steps so that resampling repeats only the second.

    Args:
        part: what of one study it needs.
        whole: from these to the figure.
    """

    part: Part
    whole: Callable[[Sequence[Any]], float | None]

    def of(self, records: Sequence[Record]) -> Estimate | None:
        """Its value with the interval over studies."""
        return over_cases([self.part(record) for record in records], self.whole)


def figures(records: Sequence[Record]) -> dict[str, Estimate | None]:
    """Every figure by its name, with its interval over studies."""
    return {name: figure.of(records) for name, figure in _figures(records)}


def by_appearance(records: Sequence[Record]) -> dict[str, dict[str, Estimate | None]]:
    """The main figures of each held-out appearance, by its name."""
    named = {
        "study AUC": Figure(partial(_study, _probability), _study_auc),
        **{
            f"slice AUC, {plane}": Figure(partial(_slices, plane, _scores), pooled_auc)
            for plane in JUDGED_PLANES
        },
    }
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(record["appearance"] or IN_DISTRIBUTION, []).append(record)
    return {
        appearance: {name: figure.of(some) for name, figure in named.items()}
        for appearance, some in groups.items()
    }


def _figures(records: Sequence[Record]) -> Iterator[tuple[str, Figure]]:
    names = member_names(records)
    yield "study AUC", Figure(partial(_study, _probability), _study_auc)
    for name in names:
        of_member = partial(_of_member, name)
        yield f"study AUC, {name} alone", Figure(partial(_study, of_member), _study_auc)
    yield "study AUC, brightness baseline", Figure(partial(_study, _brightest), _study_auc)
    yield "accuracy", _of_decisions(accuracy)
    yield "sensitivity", _of_decisions(sensitivity)
    yield "specificity", _of_decisions(specificity)
    yield "abstained", Figure(lambda r: (r["decision"] not in list(Pattern), 1), ratio)
    for reason in (MEMBERS_DISAGREE, HEATMAP_FAILS):
        yield f"abstained: {reason.lower()}", Figure(partial(_abstained, reason), ratio)
    yield "accuracy where it decides", Figure(_decided_rightly, ratio)
    yield "deciding slice shows oedema", Figure(partial(_deciding, "shows oedema"), ratio)
    yield "pointing, deciding slice", Figure(partial(_deciding, "points"), ratio)
    if any(record["without rules"] for record in records):
        yield from _without_rules()
    for plane in JUDGED_PLANES:
        yield f"slices that count, {plane}", Figure(partial(_counting, plane, False), ratio)
        oedema = Figure(partial(_counting, plane, True), ratio)
        yield f"slices with oedema that count, {plane}", oedema
        for label, values in _SCORES.items():
            yield f"slice AUC, {plane}{label}", Figure(partial(_slices, plane, values), pooled_auc)
            within = partial(_sum_of_series, plane, partial(_within, values))
            yield f"slice AUC within a study, {plane}{label}", Figure(within, ratio)
            beside = partial(_sum_of_series, plane, partial(_adjacent, values))
            yield f"slice AUC of neighbouring slices, {plane}{label}", Figure(beside, ratio)
        for name in names:
            own = partial(_slices, plane, partial(_member_scores, name))
            yield f"slice AUC, {plane}, {name} alone", Figure(own, pooled_auc)
        for method in METHODS:
            for who in (ENSEMBLE, *names):
                label = "" if who == ENSEMBLE else f", {who} alone"
                for what, sums in (("pointing", "hits"), ("energy in the lesion", "energy")):
                    part = partial(map_sums, plane, f"{method}/{who}", sums)
                    yield f"{what}, {plane}, {method}{label}", Figure(part, ratio)


def table(records: Sequence[Record], measured: Measured) -> str:
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
    records: Sequence[Record], measured: Measured, *, first_seed: int
) -> dict[str, Any]:
    """The figures of one set as files keep them; the same records give the same card."""
    return {
        "notice": NOTICE,
        "studies": len(records),
        "first_seed": first_seed,
        "figures": as_dicts(measured),
        "confusion": confusion(*_outcomes(records)),
    }


def as_dicts(measured: Measured) -> dict[str, Any]:
    """Figures for JSON."""
    return {name: None if e is None else e.as_dict() for name, e in measured.items()}


def member_metrics(sets: Mapping[str, Measured], plane: Plane, member: str) -> dict[str, Any]:
    """What of the figures of each set belongs into the card of one member."""
    names = {
        "slice AUC": f"slice AUC, {plane}, {member} alone",
        "study AUC alone": f"study AUC, {member} alone",
        "study AUC of ensemble": "study AUC",
        "pointing by Grad-CAM": f"pointing, {plane}, gradcam, {member} alone",
        "pointing by evidence": f"pointing, {plane}, evidence, {member} alone",
    }
    return {
        f"simulated test, {which}: {key}": as_dicts(measured)[name]
        for which, measured in sets.items()
        for key, name in names.items()
    }


def map_sums(plane: Plane, name: str, what: str, record: Record) -> tuple[float, int]:
    """`what` summed over the slices that the map of that name was scored on, and their number."""
    played = [s for s in _of_plane(record, plane) if name in s["maps"]]
    return sum(s["maps"][name][what] for s in played), sum(s["played"] for s in played)


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


def _abstained(reason: str, record: Record) -> tuple[int, int]:
    return int((record["why"] or "").startswith(reason)), 1


def _decided_rightly(record: Record) -> tuple[int, int]:
    decided = record["decision"] in list(Pattern)
    return int(record["decision"] == record["kind"]), int(decided)


def _deciding(what: str, record: Record) -> tuple[int, int]:
    """Of inflammatory studies, those without such a slice too."""
    if record["kind"] != Pattern.INFLAMMATORY:
        return 0, 0
    found = record["deciding"]
    return int(found is not None and found[what]), 1


def _without_rules() -> Iterator[tuple[str, Figure]]:
    """The figures of answers if every slice counted and the ensemble never abstained."""
    figures_of = {
        "study AUC": Figure(partial(_study, _probability), _study_auc),
        "accuracy": _of_decisions(accuracy),
        "sensitivity": _of_decisions(sensitivity),
        "specificity": _of_decisions(specificity),
        "deciding slice shows oedema": Figure(partial(_deciding, "shows oedema"), ratio),
        "pointing, deciding slice": Figure(partial(_deciding, "points"), ratio),
    }
    for name, figure in figures_of.items():
        part = figure.part
        yield f"{name}, without the rules", Figure(partial(_plain, part), figure.whole)


def _plain(part: Part, record: Record) -> Any:
    return part(record | (record["without rules"] or {}))


def _counting(plane: Plane, with_oedema: bool, record: Record) -> tuple[int, int]:
    counts = [
        counts
        for series in _of_plane(record, plane)
        for counts, positive in zip(series["counts"], _positive(series), strict=True)
        if positive or not with_oedema
    ]
    return sum(counts), len(counts)


def _of_decisions(
    metric: Callable[[Sequence[Pattern], Sequence[str]], float | None],
) -> Figure:
    return Figure(
        lambda r: (Pattern(r["kind"]), r["decision"]),
        lambda pairs: metric([kind for kind, _ in pairs], [decision for _, decision in pairs]),
    )


def _study(score: Callable[[Record], float], record: Record) -> tuple[bool, float] | None:
    """None where the ensemble gave no answer: AUC is of those that it judged."""
    if record["probabilities"] is None:
        return None
    return record["kind"] == Pattern.INFLAMMATORY, score(record)


def _study_auc(parts: Sequence[tuple[bool, float] | None]) -> float | None:
    answered = [part for part in parts if part is not None]
    return auc([positive for positive, _ in answered], [score for _, score in answered])


def _probability(record: Record) -> float:
    return float(record["probabilities"][_INFLAMMATORY])


def _of_member(name: str, record: Record) -> float:
    return float(record["members"][name][_INFLAMMATORY])


def _brightest(record: Record) -> float:
    return max(float(max(series["brightness"])) for series in record["series"])


def _of_plane(record: Record, plane: Plane) -> list[Record]:
    return [series for series in record["series"] if series["plane"] == plane]


def _slices(
    plane: Plane, values: Values, record: Record
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]]:
    series = _of_plane(record, plane)
    positive = [p for s in series for p in _positive(s)]
    scores = [v for s in series for v in values(s)]
    return np.array(positive, dtype=np.bool_), np.array(scores, dtype=np.float64)


def _sum_of_series(
    plane: Plane, part: Callable[[Record], tuple[float, int]], record: Record
) -> tuple[float, int]:
    parts = [part(series) for series in _of_plane(record, plane)]
    return sum(above for above, _ in parts), sum(below for _, below in parts)


def _within(values: Values, series: Record) -> tuple[float, int]:
    own = auc(_positive(series), values(series))
    return (0.0, 0) if own is None else (own, 1)


def _adjacent(values: Values, series: Record) -> tuple[float, int]:
    return adjacent_wins(_positive(series), values(series))


def _positive(series: Record) -> list[bool]:
    return [label == _INFLAMMATORY for label in series["labels"]]


def _scores(series: Record) -> list[float]:
    return [row[_INFLAMMATORY] for row in series["probabilities"]]


def _member_scores(name: str, series: Record) -> list[float]:
    return list(series["members"][name])


_SCORES: Mapping[str, Values] = {
    "": _scores,
    ", position baseline": lambda series: list(series["position"]),
    ", brightness baseline": lambda series: list(series["brightness"]),
}
