"""Where maps point: every member and the ensemble, other layers, and controls that must fail."""

from collections.abc import Iterator, Sequence

import numpy as np

from asemble.core.labels import JUDGED_PLANES, Plane
from asemble.core.results import ENSEMBLE
from asemble.evaluation.study_metrics import map_sums
from asemble.evaluation.study_records import member_names
from asemble.evaluation.study_types import SeriesRecord, StudyRecord
from asemble.metrics.resampling import ratio_over_cases
from asemble.models.fusion import EVIDENCE, GRADCAM
from asemble.performance.records import (
    CascadeRow,
    HeatmapMetrics,
    MapDifference,
    MapRow,
    Maybe,
)
from asemble.performance.tables import MAPS, MISMATCHED


def heatmap_metrics(records: Sequence[StudyRecord]) -> HeatmapMetrics:
    """Every row and every difference of one set."""
    members = member_names(records)
    everybody = (ENSEMBLE, *members)
    played = [r for r in records if any(s["played"] for s in r["series"])]
    return HeatmapMetrics(
        studies=len(played),
        slices={
            plane: sum(map_sums(plane, f"{GRADCAM}/{ENSEMBLE}", "hits", r)[1] for r in played)
            for plane in JUDGED_PLANES
        },
        maps=tuple(row for plane in JUDGED_PLANES for row in _rows(played, plane, everybody)),
        differences=tuple(
            MapDifference(plane, who, _difference(played, plane, who))
            for plane in JUDGED_PLANES
            for who in everybody
        ),
        cascade=tuple(
            row
            for plane in JUDGED_PLANES
            for who in members
            for row in _cascade(played, plane, who)
        ),
    )


def _rows(
    records: Sequence[StudyRecord], plane: Plane, everybody: Sequence[str]
) -> Iterator[MapRow]:
    for method in MAPS:
        for who in everybody:
            name = f"{method}/{who}"
            if any(name in s["maps"] for r in records for s in r["series"]):
                found = [
                    ratio_over_cases([map_sums(plane, name, what, r) for r in records])
                    for what in ("hits", "precision", "energy", "near")
                ]
                yield MapRow(plane, who, method, *found)
    for who in everybody:
        hits = mismatched(records, plane, f"{GRADCAM}/{who}")
        yield MapRow(plane, who, MISMATCHED, ratio_over_cases(hits))


def _difference(records: Sequence[StudyRecord], plane: Plane, who: str) -> Maybe:
    """Grad-CAM's pointing rate less the evidence map's, on the same slices."""

    def part(record: StudyRecord) -> tuple[float, int]:
        heat, played = map_sums(plane, f"{GRADCAM}/{who}", "hits", record)
        evidence, _ = map_sums(plane, f"{EVIDENCE}/{who}", "hits", record)
        return heat - evidence, played

    return ratio_over_cases([part(record) for record in records])


def _cascade(records: Sequence[StudyRecord], plane: Plane, who: str) -> Iterator[CascadeRow]:
    """How alike the map of one member stays, layer by layer from the head downwards."""
    cascades = [
        [
            s["cascade"][who]
            for s in r["series"]
            if s["plane"] == plane and who in s.get("cascade", {})
        ]
        for r in records
    ]
    layers = [list(cascade) for of_study in cascades for cascade in of_study]
    for layer in layers[0] if layers else ():
        rank, ssim = (
            ratio_over_cases(
                [(sum(c[layer][name] for c in of_study), len(of_study)) for of_study in cascades]
            )
            for name in ("rank", "ssim")
        )
        yield CascadeRow(plane, who, layer, rank, ssim)


def mismatched(records: Sequence[StudyRecord], plane: Plane, name: str) -> list[tuple[float, int]]:
    """Hits and slices of each study, its peaks held against the oedema of the next study."""
    series = [s for r in records for s in r["series"] if s["plane"] == plane and s["played"]]
    if len(series) < 2:
        return []
    return [
        _mismatched(one, other, name)
        for one, other in zip(series, [*series[1:], *series[:1]], strict=True)
    ]


def _mismatched(one: SeriesRecord, other: SeriesRecord, name: str) -> tuple[float, int]:
    peaks = one["maps"][name]["peaks_mm"]
    hits = 0
    for index, place in enumerate(peaks):
        mismatched = other["lesions_mm"][index * len(other["lesions_mm"]) // len(peaks)]
        if place is not None and mismatched:
            away = np.hypot(*(np.array(mismatched, dtype=np.float64) - place).T)
            hits += bool(away.min() <= one["margin_mm"])
    return hits, len(peaks)
