"""What is written down of one simulated study: for fitting the fusion, and for measuring it."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from asemble.core.labels import PATTERNS, Pattern, Plane
from asemble.core.results import ENSEMBLE, Heatmap, SeriesPrediction, StudyPrediction
from asemble.core.study import Series, Study
from asemble.core.volume import Floats
from asemble.evaluation.metrics import points_at
from asemble.evaluation.studies import Record, SeriesTruth, SimulatedStudy
from asemble.imaging.slices import prepare
from asemble.models.fusion import METHODS, plane_features

POINTING_MARGIN = 5
"""Pixels of the series' grid, 4-5 mm: as the pointing game on real scans was scored."""

BRIGHT_PERCENTILE = 99.5
"""Of a prepared slice: how bright its brightest half per cent is."""

Predict = Callable[[Study], StudyPrediction]
"""Predicts a study."""
Heat = Callable[[Series], Mapping[tuple[str, str], Floats]]
"""Raw maps of a series by method and member, in logits."""
Explain = Callable[[Study, StudyPrediction], Mapping[str, Mapping[str, Heatmap]]]
"""Ensemble heatmaps by series id, then by method."""


def measure_for_fusion(simulated: SimulatedStudy, predict: Predict, heat: Heat) -> Record:
    """Features of each plane, and the hottest place of each method, plane and member."""
    prediction = predict(simulated.study)
    by_plane: defaultdict[Plane, list[SeriesPrediction]] = defaultdict(list)
    hottest: dict[str, float] = {}
    for judged in (s for s in prediction.series if s.used):
        series = simulated.study.series_by_id(judged.series_id)
        if series.plane is None:
            raise ValueError(f"series {series.id} was judged without a plane")
        by_plane[series.plane].append(judged)
        for (method, member), maps in heat(series).items():
            key = f"{method}/{series.plane}/{member}"
            hottest[key] = max(hottest.get(key, 0.0), float(maps.max()))
    return {
        "features": {
            plane.value: plane_features([_probabilities(s) for s in series]).tolist()
            for plane, series in by_plane.items()
        },
        "hottest": hottest,
    }


def measure_for_figures(simulated: SimulatedStudy, predict: Predict, explain: Explain) -> Record:
    """The study's answer, and for each series scores, truth, baselines and pointing."""
    prediction = predict(simulated.study)
    # Heatmaps are scored on slices with oedema alone; without any, none are made.
    diseased = any(truth.oedema.any() for truth in simulated.truth.values())
    heatmaps = explain(simulated.study, prediction) if diseased else {}
    if prediction.probabilities is None:
        raise ValueError(f"{simulated.case.name}: no series of a simulated study was judged")
    return {
        "probabilities": prediction.probabilities.as_array().tolist(),
        "members": {
            name: values.as_array().tolist() for name, values in prediction.members.items()
        },
        "interval": prediction.interval_inflammatory,
        "decision": prediction.decision,
        "series": [
            _series_record(
                simulated.study.series_by_id(judged.series_id),
                judged,
                simulated.truth[judged.series_id],
                heatmaps.get(judged.series_id, {}),
            )
            for judged in prediction.series
            if judged.used
        ],
    }


def _series_record(
    series: Series, judged: SeriesPrediction, truth: SeriesTruth, heatmaps: Mapping[str, Heatmap]
) -> Record:
    brightness = np.percentile(prepare(series.volume).images, BRIGHT_PERCENTILE, axis=(1, 2))
    middle = (len(truth.labels) - 1) / 2
    return {
        "plane": str(series.plane),
        "positive": [label == Pattern.INFLAMMATORY for label in truth.labels],
        "scores": [round(s.probabilities.inflammatory, 6) for s in judged.slices],
        "members": {
            name: [round(s.members[name].inflammatory, 6) for s in judged.slices]
            for name in judged.slices[0].members
        },
        "position": [-abs(index - middle) for index in range(len(truth.labels))],
        "brightness": [round(float(value), 6) for value in brightness],
        "pointing": {
            method: pointing(heatmaps[method], truth) if heatmaps else [0, 0] for method in METHODS
        },
    }


def pointing(heatmap: Heatmap, truth: SeriesTruth) -> list[int]:
    """Hits and slices of the pointing game, over slices labelled inflammatory.

    The mask is of voxels at least half full of oedema; a slice labelled for thin partial oedema
    alone has none, and nothing to point at.
    """
    played = [
        index
        for index, label in enumerate(truth.labels)
        if label == Pattern.INFLAMMATORY and truth.oedema[index].any()
    ]
    hits = [
        points_at(heatmap.values[index], truth.oedema[index], margin=POINTING_MARGIN)
        for index in played
    ]
    return [sum(hits), len(played)]


def ensemble_maps(
    by_series: Mapping[str, Callable[[str, str], Heatmap]],
) -> dict[str, dict[str, Heatmap]]:
    """The ensemble's heatmaps by series id, then by method, from each series' `get`."""
    return {
        series_id: {method: get(method, ENSEMBLE) for method in METHODS}
        for series_id, get in by_series.items()
    }


def _probabilities(judged: SeriesPrediction) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.array([s.probabilities.as_array() for s in judged.slices])


def class_indices(records: Sequence[Record]) -> list[int]:
    """The true class of each study as an index into `PATTERNS`."""
    return [PATTERNS.index(Pattern(record["kind"])) for record in records]
