"""Records of simulated test studies to metrics with intervals."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt

from asemble.core.labels import JUDGED_PLANES, PATTERNS, Pattern, Plane
from asemble.core.results import ABSTAIN, ENSEMBLE, HEATMAP_FAILS, MEMBERS_DISAGREE
from asemble.evaluation.gallery import failure, worst
from asemble.evaluation.study_records import member_names
from asemble.evaluation.study_types import SeriesRecord, StudyRecord
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
from asemble.metrics.resampling import ratio_over_cases
from asemble.models.fusion import METHODS
from asemble.performance.records import (
    Answers,
    AppearanceMetrics,
    Appearances,
    MapMetrics,
    Maybe,
    PlaneMetrics,
    SliceAucs,
    Studies,
    StudyMetrics,
)

DECISIONS = (*PATTERNS, ABSTAIN)
"""Columns of the confusion table."""

Values = Callable[[SeriesRecord], Sequence[float]]
"""One value for each slice of a series."""

_INFLAMMATORY = PATTERNS.index(Pattern.INFLAMMATORY)


def study_metrics(records: Sequence[StudyRecord], *, first_seed: int) -> StudyMetrics:
    """Every metric of one set of studies, with intervals over studies."""
    names = member_names(records)
    plain = [_without_rules(record) for record in records]
    return StudyMetrics(
        studies=len(records),
        first_seed=first_seed,
        answers=_answers(records),
        without_rules=_answers(plain) if any(r["without_rules"] for r in records) else None,
        members={name: _auc(records, partial(_of_member, name)) for name in names},
        brightness=_auc(records, _brightest),
        abstained=ratio_over_cases([(r["decision"] not in list(Pattern), 1) for r in records]),
        disagree=_abstained(records, MEMBERS_DISAGREE),
        heatmap_fails=_abstained(records, HEATMAP_FAILS),
        decided=ratio_over_cases([_decided_rightly(r) for r in records]),
        planes={plane: _plane_metrics(records, plane, names) for plane in JUDGED_PLANES},
        confusion=as_counts(_table(records), DECISIONS),
    )


def studies_measured(
    records: Mapping[Appearances, Sequence[StudyRecord]], first_seeds: Mapping[Appearances, int]
) -> Studies:
    """What `asemble evaluate studies` keeps of the records of both sets."""
    sets = {
        which: study_metrics(some, first_seed=first_seeds[which]) for which, some in records.items()
    }
    held_out = records[Appearances.HELD_OUT]
    appearances = by_appearance(held_out)
    sets[Appearances.HELD_OUT] = replace(sets[Appearances.HELD_OUT], appearances=appearances)
    return Studies(sets, tuple(failure(record) for record in worst(held_out)))


def by_appearance(records: Sequence[StudyRecord]) -> dict[str, AppearanceMetrics]:
    """The main metrics of each held-out appearance, by its name."""
    groups: dict[str, list[StudyRecord]] = {}
    for record in records:
        groups.setdefault(record["appearance"] or Appearances.TRAINING.words, []).append(record)
    return {
        name: AppearanceMetrics(
            len(some),
            _auc(some, _probability),
            {plane: _slice_auc(some, plane, _scores) for plane in JUDGED_PLANES},
        )
        for name, some in groups.items()
    }


def _without_rules(record: StudyRecord) -> StudyRecord:
    plain = record["without_rules"]
    return record if plain is None else {**record, **plain}


def _answers(records: Sequence[StudyRecord]) -> Answers:
    return Answers(
        auc=_auc(records, _probability),
        accuracy=_of_decisions(records, accuracy),
        sensitivity=_of_decisions(records, sensitivity),
        specificity=_of_decisions(records, specificity),
        shows_oedema=ratio_over_cases([_deciding("shows_oedema", r) for r in records]),
        pointing=ratio_over_cases([_deciding("points", r) for r in records]),
    )


def _plane_metrics(
    records: Sequence[StudyRecord], plane: Plane, members: Sequence[str]
) -> PlaneMetrics:
    def of_map(name: str) -> MapMetrics:
        hits, energy = (
            ratio_over_cases([map_sums(plane, name, what, r) for r in records])
            for what in ("hits", "energy")
        )
        return MapMetrics(hits, energy)

    return PlaneMetrics(
        counting=ratio_over_cases([_counting(plane, False, r) for r in records]),
        oedema_counting=ratio_over_cases([_counting(plane, True, r) for r in records]),
        scores={name: _slice_aucs(records, plane, values) for name, values in _SCORES.items()},
        members={
            name: _slice_auc(records, plane, partial(_member_scores, name)) for name in members
        },
        maps={
            method: {who: of_map(f"{method}/{who}") for who in (ENSEMBLE, *members)}
            for method in METHODS
        },
    )


def _slice_aucs(records: Sequence[StudyRecord], plane: Plane, values: Values) -> SliceAucs:
    within, beside = (
        ratio_over_cases([_sum_of_series(plane, partial(part, values), r) for r in records])
        for part in (_within, _adjacent)
    )
    return SliceAucs(_slice_auc(records, plane, values), within, beside)


def map_sums(
    plane: Plane,
    name: str,
    what: Literal["hits", "energy", "near", "precision"],
    record: StudyRecord,
) -> tuple[float, int]:
    """`what` summed over the slices that the map of that name was scored on, and their number."""
    played = [s for s in _of_plane(record, plane) if name in s["maps"]]
    return sum(s["maps"][name][what] for s in played), sum(s["played"] for s in played)


def _abstained(records: Sequence[StudyRecord], code: str) -> Maybe:
    return ratio_over_cases([(r["abstains_for"] == code, 1) for r in records])


def _decided_rightly(record: StudyRecord) -> tuple[int, int]:
    decided = record["decision"] in list(Pattern)
    return int(record["decision"] == record["kind"]), int(decided)


def _deciding(what: Literal["shows_oedema", "points"], record: StudyRecord) -> tuple[int, int]:
    """Of inflammatory studies, those without such a slice too."""
    if record["kind"] != Pattern.INFLAMMATORY:
        return 0, 0
    found = record["deciding"]
    return int(found is not None and found[what]), 1


def _counting(plane: Plane, with_oedema: bool, record: StudyRecord) -> tuple[int, int]:
    counts = [
        counts
        for series in _of_plane(record, plane)
        for counts, positive in zip(series["counts"], _positive(series), strict=True)
        if positive or not with_oedema
    ]
    return sum(counts), len(counts)


def _of_decisions(records: Sequence[StudyRecord], metric: Metric) -> Maybe:
    return over_tables([_table([record]) for record in records], metric)


def _table(records: Sequence[StudyRecord]) -> npt.NDArray[np.int64]:
    """The confusion table, with a column for abstentions."""
    return confusion(
        [record["kind"] for record in records],
        [record["decision"] for record in records],
        decisions=DECISIONS,
    )


def _auc(records: Sequence[StudyRecord], score: Callable[[StudyRecord], float]) -> Maybe:
    """Of those that the ensemble judged: a study without an answer adds nothing."""
    return auc_over_cases(
        [
            ([], [])
            if record["probabilities"] is None
            else ([record["kind"] == Pattern.INFLAMMATORY], [score(record)])
            for record in records
        ]
    )


def _probability(record: StudyRecord) -> float:
    said = record["probabilities"]
    return 0.0 if said is None else said[_INFLAMMATORY]


def _of_member(name: str, record: StudyRecord) -> float:
    return float(record["members"][name][_INFLAMMATORY])


def _brightest(record: StudyRecord) -> float:
    return max(float(max(series["brightness"])) for series in record["series"])


def _of_plane(record: StudyRecord, plane: Plane) -> list[SeriesRecord]:
    return [series for series in record["series"] if series["plane"] == plane]


def _slice_auc(records: Sequence[StudyRecord], plane: Plane, values: Values) -> Maybe:
    return auc_over_cases([_slices(plane, values, record) for record in records])


def _slices(
    plane: Plane, values: Values, record: StudyRecord
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]]:
    series = _of_plane(record, plane)
    positive = [p for s in series for p in _positive(s)]
    scores = [v for s in series for v in values(s)]
    return np.array(positive, dtype=np.bool_), np.array(scores, dtype=np.float64)


def _sum_of_series(
    plane: Plane, part: Callable[[SeriesRecord], tuple[float, int]], record: StudyRecord
) -> tuple[float, int]:
    parts = [part(series) for series in _of_plane(record, plane)]
    return sum(above for above, _ in parts), sum(below for _, below in parts)


def _within(values: Values, series: SeriesRecord) -> tuple[float, int]:
    own = auc(_positive(series), values(series))
    return (0.0, 0) if own is None else (own, 1)


def _adjacent(values: Values, series: SeriesRecord) -> tuple[float, int]:
    return adjacent_wins(_positive(series), values(series))


def _positive(series: SeriesRecord) -> list[bool]:
    return [label == _INFLAMMATORY for label in series["labels"]]


def _scores(series: SeriesRecord) -> list[float]:
    return [row[_INFLAMMATORY] for row in series["probabilities"]]


def _member_scores(name: str, series: SeriesRecord) -> list[float]:
    return list(series["members"][name])


_SCORES: Mapping[str, Values] = {
    ENSEMBLE: _scores,
    "position": lambda series: list(series["position"]),
    "brightness": lambda series: list(series["brightness"]),
}
