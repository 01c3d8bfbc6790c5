"""Records of simulated test studies to figures with intervals, for a terminal, cards and docs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from asemble.core.labels import JUDGED_PLANES, PATTERNS, Pattern, Plane
from asemble.core.results import ABSTAIN, ENSEMBLE, HEATMAP_FAILS, MEMBERS_DISAGREE
from asemble.evaluation.simulated_studies import Record
from asemble.evaluation.study_records import POINTING_MARGIN, member_names
from asemble.metrics.confusion import (
    Metric,
    accuracy,
    as_counts,
    confusion,
    over_tables,
    sensitivity,
    specificity,
)
from asemble.metrics.discrimination import adjacent_wins, auc, auc_over_cases
from asemble.metrics.estimates import NOT_MEASURABLE, Estimate
from asemble.metrics.resampling import ratio_over_cases
from asemble.models.fusion import METHODS

NOTICE = "Simulated figures: measured on simulated MRI only; they say nothing about patients."

IN_DISTRIBUTION, SHIFTED = "training appearances", "held-out appearances"
SETS = (IN_DISTRIBUTION, SHIFTED)
"""The two test sets: new cases as training draws them, and cases that look as none of those."""

DECISIONS = (*PATTERNS, ABSTAIN)
"""Columns of the confusion table."""

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
        over: from these to the figure, with its interval over studies.
    """

    part: Part
    over: Callable[[Sequence[Any]], Estimate | None]

    def of(self, records: Sequence[Record]) -> Estimate | None:
        """Its value with the interval over studies."""
        return self.over([self.part(record) for record in records])


def figures(records: Sequence[Record]) -> dict[str, Estimate | None]:
    """Every figure by its name, with its interval over studies."""
    return {name: figure.of(records) for name, figure in _figures(records)}


def by_appearance(records: Sequence[Record]) -> dict[str, dict[str, Estimate | None]]:
    """The main figures of each held-out appearance, by its name."""
    named = {
        "study AUC": Figure(partial(_study, _probability), auc_over_cases),
        **{
            f"slice AUC, {plane}": Figure(partial(_slices, plane, _scores), auc_over_cases)
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
    yield "study AUC", Figure(partial(_study, _probability), auc_over_cases)
    for name in names:
        of_member = partial(_of_member, name)
        yield f"study AUC, {name} alone", Figure(partial(_study, of_member), auc_over_cases)
    yield "study AUC, brightness baseline", Figure(partial(_study, _brightest), auc_over_cases)
    yield "accuracy", _of_decisions(accuracy)
    yield "sensitivity", _of_decisions(sensitivity)
    yield "specificity", _of_decisions(specificity)
    yield "abstained", Figure(lambda r: (r["decision"] not in list(Pattern), 1), ratio_over_cases)
    for reason in (MEMBERS_DISAGREE, HEATMAP_FAILS):
        yield f"abstained: {reason.lower()}", Figure(partial(_abstained, reason), ratio_over_cases)
    yield "accuracy where it decides", Figure(_decided_rightly, ratio_over_cases)
    yield (
        "deciding slice shows oedema",
        Figure(partial(_deciding, "shows oedema"), ratio_over_cases),
    )
    yield "pointing, deciding slice", Figure(partial(_deciding, "points"), ratio_over_cases)
    if any(record["without rules"] for record in records):
        yield from _without_rules()
    for plane in JUDGED_PLANES:
        yield (
            f"slices that count, {plane}",
            Figure(partial(_counting, plane, False), ratio_over_cases),
        )
        oedema = Figure(partial(_counting, plane, True), ratio_over_cases)
        yield f"slices with oedema that count, {plane}", oedema
        for label, values in _SCORES.items():
            yield (
                f"slice AUC, {plane}{label}",
                Figure(partial(_slices, plane, values), auc_over_cases),
            )
            within = partial(_sum_of_series, plane, partial(_within, values))
            yield f"slice AUC within a study, {plane}{label}", Figure(within, ratio_over_cases)
            beside = partial(_sum_of_series, plane, partial(_adjacent, values))
            yield (
                f"slice AUC of neighbouring slices, {plane}{label}",
                Figure(beside, ratio_over_cases),
            )
        for name in names:
            own = partial(_slices, plane, partial(_member_scores, name))
            yield f"slice AUC, {plane}, {name} alone", Figure(own, auc_over_cases)
        for method in METHODS:
            for who in (ENSEMBLE, *names):
                label = "" if who == ENSEMBLE else f", {who} alone"
                for what, sums in (("pointing", "hits"), ("energy in the lesion", "energy")):
                    part = partial(map_sums, plane, f"{method}/{who}", sums)
                    yield f"{what}, {plane}, {method}{label}", Figure(part, ratio_over_cases)


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
        *(f"{name:<{width}}{NOT_MEASURABLE if e is None else e}" for name, e in measured.items()),
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
        "confusion": as_counts(_table(records), DECISIONS),
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
    counts = as_counts(_table(records), DECISIONS)
    decisions = list(next(iter(counts.values())))
    head = f"{'truth, then decision':<22}" + "".join(f"{d:>14}" for d in decisions)
    rows = (
        f"{truth:<22}" + "".join(f"{row[d]:>14}" for d in decisions)
        for truth, row in counts.items()
    )
    return [head, *rows]


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
        "study AUC": Figure(partial(_study, _probability), auc_over_cases),
        "accuracy": _of_decisions(accuracy),
        "sensitivity": _of_decisions(sensitivity),
        "specificity": _of_decisions(specificity),
        "deciding slice shows oedema": Figure(partial(_deciding, "shows oedema"), ratio_over_cases),
        "pointing, deciding slice": Figure(partial(_deciding, "points"), ratio_over_cases),
    }
    for name, figure in figures_of.items():
        part = figure.part
        yield f"{name}, without the rules", Figure(partial(_plain, part), figure.over)


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


def _of_decisions(metric: Metric) -> Figure:
    return Figure(lambda record: _table([record]), partial(over_tables, metric=metric))


def _table(records: Sequence[Record]) -> npt.NDArray[np.int64]:
    """The confusion table, with a column for abstentions."""
    return confusion(
        [record["kind"] for record in records],
        [record["decision"] for record in records],
        decisions=DECISIONS,
    )


def _study(
    score: Callable[[Record], float], record: Record
) -> tuple[Sequence[bool], Sequence[float]]:
    """Empty where the ensemble gave no answer: AUC is of those that it judged."""
    if record["probabilities"] is None:
        return [], []
    return [record["kind"] == Pattern.INFLAMMATORY], [score(record)]


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
