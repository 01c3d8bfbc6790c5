"""The record of the heatmap checks of a study."""

import numpy as np

from asemble.core.labels import Plane
from asemble.core.results import ENSEMBLE, SeriesPrediction
from asemble.core.study import Series
from asemble.evaluation.simulated_studies import SeriesTruth, SimulatedStudy
from asemble.evaluation.study_types import CheckRecord, ChecksRecord
from asemble.explain import SeriesHeatmaps
from asemble.explain.checks import HeatmapChecks, check_heatmap, joint_region_on
from asemble.metrics.localisation import POINTING_MARGIN, points_at
from asemble.models import Ensemble
from asemble.models.fusion import GRADCAM
from asemble.predict import assess


def look_at(simulated: SimulatedStudy, ensemble: Ensemble) -> ChecksRecord:
    """The figures of two slices a series, and how much oedema the joint region holds."""
    study = simulated.study
    prediction, heatmaps = assess(study, ensemble)
    looks: list[CheckRecord] = []
    oedema: dict[str, tuple[int, int]] = {}
    for judged in (s for s in prediction.series if s.used):
        series, truth = study.series_by_id(judged.series_id), simulated.truth[judged.series_id]
        region = joint_region_on(series)
        if region is not None:
            oedema[str(series.plane)] = (
                int((truth.oedema & region).sum()),
                int(truth.oedema.sum()),
            )
        rng = np.random.default_rng(simulated.case.seed)
        for index in _slices(judged, rng):
            trust = check_heatmap(series, index, ensemble, heatmaps[series.id])
            looks.append(_look(series, trust, heatmaps[series.id], truth))
    return {**simulated.case.written, "looks": looks, "oedema": oedema}


def _slices(judged: SeriesPrediction, rng: np.random.Generator) -> list[int]:
    """The slice of the highest P(inflammatory), and another one."""
    first = max(judged.slices, key=lambda s: s.probabilities.inflammatory).index
    others = [s.index for s in judged.slices if s.index != first]
    return [first, int(rng.choice(others))] if others else [first]


def _look(
    series: Series, trust: HeatmapChecks, heatmaps: SeriesHeatmaps, truth: SeriesTruth
) -> CheckRecord:
    heatmap = heatmaps.get(GRADCAM, ENSEMBLE)
    heat, mask = heatmap.values[trust.index], truth.oedema[trust.index]
    is_labelled = trust.index in truth.played
    return {
        "plane": str(Plane(str(series.plane))),
        "index": trust.index,
        "shows": not heatmap.is_empty(trust.index),
        "right": is_labelled and points_at(heat, mask, margin=POINTING_MARGIN),
        "probability": round(trust.deletion.probability, 4),
        "agreement": _rounded(trust.agreement.overlap),
        "joint": _rounded(trust.joint.share),
        "stability": _rounded(trust.stability.mean_kept),
        "swing": _rounded(trust.stability.swing),
        "deletion": _rounded(trust.deletion.excess),
        "covered": _rounded(trust.deletion.covered),
        "elsewhere": [round(p, 4) for p in trust.deletion.elsewhere],
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
