"""`asemble evaluate trust`: limits of the four questions to a heatmap, and what they are worth."""

from pathlib import Path

import numpy as np

from asemble.commands.evaluation import Run, digest_of, keep
from asemble.commands.terminal import progress, writing
from asemble.core.labels import JUDGED_PLANES, Plane
from asemble.core.results import ENSEMBLE, SeriesPrediction
from asemble.core.study import Series
from asemble.datasets import seeds
from asemble.evaluation.joints import fit_band
from asemble.evaluation.measures import POINTING_MARGIN
from asemble.evaluation.studies import (
    Record,
    SeriesTruth,
    SimulatedStudy,
    plan,
    run_studies,
)
from asemble.evaluation.trust import Bands, trust_figures, trust_parts
from asemble.explain import SeriesHeatmaps, explain
from asemble.explain.trust import Trust, joint_region_on, trust_in
from asemble.imaging.joints import joint_region
from asemble.metrics.heatmaps import points_at
from asemble.models import Ensemble, load_ensemble
from asemble.models.fusion import GRADCAM
from asemble.phantom import HELD_OUT
from asemble.predict import predict

JOINT_CASES = 60
"""Cases on which a band is fitted; twice as many move its ends by less than a millimetre."""

MEASURED = {"looks": 1}
"""What a record here depends on beside the ensemble; raise it when a measure changes."""


def measure_trust(count: int, run: Run, *, docs: Path) -> None:
    """Find the limits on validation studies and what they are worth on test studies.

    Args:
        count: studies in each of the two sets.
        run: where from and how.
        docs: folder for the page and its numbers.

    Raises:
        AsembleError: the weights are not right, or nothing can be written.
    """
    ensemble = load_ensemble(run.weights)
    names = list(HELD_OUT)
    validation = plan(count, seeds.CALIBRATION, appearances=[None, *names])
    test = plan(count, seeds.HELD_OUT_TEST, appearances=names)
    with writing():
        records = run_studies(
            [*validation, *test],
            lambda simulated: look_at(simulated, ensemble),
            records=run.records / "trust.jsonl",
            digest=digest_of(ensemble, trust=MEASURED),
            workers=run.workers,
            keep=run.keep,
            progress=progress("looking", "studies"),
        )
        bands = Bands(
            {plane: fit_band(plane, JOINT_CASES) for plane in JUDGED_PLANES},
            JOINT_CASES,
            {plane: float(joint_region(plane).mean()) for plane in JUDGED_PLANES},
        )
        measured = trust_figures(records[:count], records[count:], bands)
        parts = trust_parts(measured)
        keep("trust", parts, measured, run, docs)
    print("\n\n".join(parts))


def look_at(simulated: SimulatedStudy, ensemble: Ensemble) -> Record:
    """The figures of two slices a series, and how much oedema the joint region holds."""
    study = simulated.study
    prediction = predict(study, ensemble)
    heatmaps = explain(study, prediction, ensemble)
    looks: list[Record] = []
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
            trust = trust_in(series, index, ensemble, heatmaps[series.id])
            looks.append(_look(series, trust, heatmaps[series.id], truth))
    return {"looks": looks, "oedema": oedema}


def _slices(judged: SeriesPrediction, rng: np.random.Generator) -> list[int]:
    """The slice of the highest P(inflammatory), and another one."""
    first = max(judged.slices, key=lambda s: s.probabilities.inflammatory).index
    others = [s.index for s in judged.slices if s.index != first]
    return [first, int(rng.choice(others))] if others else [first]


def _look(series: Series, trust: Trust, heatmaps: SeriesHeatmaps, truth: SeriesTruth) -> Record:
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
