"""Studies of a manifest as the ensemble reads them, and what it found in each."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from asemble.core.labels import PATTERNS, Pattern
from asemble.core.results import ENSEMBLE, StudyPrediction
from asemble.core.study import Study
from asemble.core.volume import Volume
from asemble.datasets.manifest import Row
from asemble.datasets.own_data import LabelledSeries
from asemble.datasets.splits import case_labels
from asemble.evaluation.external_metrics import ExternalCase, Indices
from asemble.explain import SeriesHeatmaps
from asemble.io.formats.raster import natural_key
from asemble.metrics.localisation import POINTING_MARGIN, points_at
from asemble.models import Ensemble
from asemble.models.fusion import METHODS
from asemble.predict import assess, predict


def stacked(labelled: Sequence[LabelledSeries]) -> list[LabelledSeries]:
    """Single pictures of one folder, plane, weighting and size as one stack, in order of names.

    So they are read when they are uploaded together; other series stay as they are.
    """
    groups: defaultdict[object, list[LabelledSeries]] = defaultdict(list)
    for number, one in enumerate(labelled):
        volume = one.series.volume
        is_picture = volume.affine_lps is None and volume.shape[0] == 1
        row = one.row
        alike = (row.path.parent, row.plane, row.weighting, volume.shape)
        groups[alike if is_picture else number].append(one)
    return [_stack(group) if len(group) > 1 else group[0] for group in groups.values()]


def _stack(pictures: list[LabelledSeries]) -> LabelledSeries:
    pictures = sorted(pictures, key=lambda one: natural_key(one.row.path.name))
    first = pictures[0]
    voxels = np.concatenate([one.series.volume.voxels for one in pictures])
    lesions = None
    if any(one.lesions is not None for one in pictures):
        empty = np.zeros(first.series.volume.shape, dtype=bool)
        lesions = np.concatenate([empty if p.lesions is None else p.lesions for p in pictures])
    return LabelledSeries(
        first.row,
        replace(first.series, volume=Volume(voxels, None)),
        np.concatenate([one.labels for one in pictures]),
        lesions,
    )


def study_case(
    study: Study,
    rows: Sequence[Row],
    truth: Mapping[str, LabelledSeries],
    ensemble: Ensemble,
) -> tuple[StudyPrediction, ExternalCase]:
    """What the ensemble says of one study, held against its labels.

    Args:
        study: whose series have a plane and a weighting.
        rows: that the study was read from, at least one.
        truth: of each series, by its id.
        ensemble: that is asked; where a mask can be pointed at, in one pass for the maps too.
    """
    played = {id_: slices for id_, one in truth.items() if len(slices := _played(one))}
    if played:
        prediction, heatmaps = assess(study, ensemble)
    else:
        prediction, heatmaps = predict(study, ensemble), {}
    has_patient = bool(rows[0].patient)
    used = [series for series in prediction.series if series.used]
    found = prediction.probabilities
    case = ExternalCase(
        label=case_labels(rows, np.zeros(len(rows), np.int64))[0],
        labels=np.concatenate([np.empty(0, np.int64), *(truth[s.series_id].labels for s in used)]),
        slices=np.array(
            [one.probabilities.as_array() for s in used for one in s.slices], dtype=np.float64
        ).reshape(-1, len(PATTERNS)),
        probabilities=found.as_array() if has_patient and found is not None else None,
        decision=prediction.decision if has_patient else None,
        pointing=_pointing(played, truth, heatmaps),
        site=rows[0].site,
    )
    return prediction, case


def _played(one: LabelledSeries) -> Indices:
    """The inflammatory slices with a mask."""
    if one.lesions is None:
        return np.empty(0, np.int64)
    inflammatory = PATTERNS.index(Pattern.INFLAMMATORY)
    return np.flatnonzero(one.lesions.any(axis=(1, 2)) & (one.labels == inflammatory))


def _pointing(
    played: Mapping[str, Indices],
    truth: Mapping[str, LabelledSeries],
    heatmaps: Mapping[str, SeriesHeatmaps],
) -> dict[str, tuple[int, int]]:
    """Hits and slices by method, over the slices that are played on and were judged."""
    games = {
        method: [
            points_at(heat[index], lesions[index], margin=POINTING_MARGIN)
            for id_, indices in played.items()
            for lesions in [truth[id_].lesions]
            if lesions is not None and id_ in heatmaps
            for heat in [heatmaps[id_].get(method, ENSEMBLE).values]
            for index in indices
        ]
        for method in METHODS
    }
    return {method: (sum(hits), len(hits)) for method, hits in games.items() if hits}
