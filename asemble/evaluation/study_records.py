"""The record of one simulated study: for fitting the fusion, and for measuring it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt

from asemble.core.geometry import spacing_mm
from asemble.core.labels import PATTERNS, Pattern, Plane
from asemble.core.results import ENSEMBLE, Probabilities, SeriesPrediction, StudyPrediction
from asemble.core.study import Series, Study
from asemble.core.volume import Floats
from asemble.evaluation.gallery import picture
from asemble.evaluation.simulated_studies import SeriesTruth, SimulatedStudy
from asemble.evaluation.study_types import (
    AnswerRecord,
    Deciding,
    DecisionRecord,
    FusionRecord,
    MapRecord,
    SeriesRecord,
    SlicesRecord,
    StudyRecord,
    Written,
)
from asemble.explain import SeriesHeatmaps
from asemble.imaging.slices import prepare
from asemble.metrics.localisation import (
    POINTING_MARGIN,
    average_precision,
    energy_in,
    peak,
    points_at,
)
from asemble.models import Ensemble
from asemble.models.calibration import Floats64
from asemble.models.ensemble import sum_of_shares
from asemble.models.fusion import GRADCAM, METHODS
from asemble.predict import assess, predict
from asemble.predict.assessment import slice_predictions
from asemble.predict.heatmap_verdict import deciding_slice
from asemble.predict.inference import InferredSeries, infer_study, study_features

BRIGHT_PERCENTILE = 99.5
"""Of a prepared slice: how bright its brightest half per cent is."""

Maps = Mapping[str, Mapping[str, Floats]]
"""Maps `(slice, row, column)` by series id, then by name, for example `gradcam/ensemble`."""


def measure_for_fusion(simulated: SimulatedStudy, ensemble: Ensemble) -> FusionRecord:
    """What the networks say of each slice, its label, and the hottest places of each member.

    Heat is asked for in inflammatory studies alone, which say what strong heat is.
    """
    series = simulated.study.series
    hottest: dict[str, float] = {}
    is_asked = simulated.case.kind is Pattern.INFLAMMATORY
    outputs, inferred = infer_study(series, ensemble, with_cam=is_asked)
    for found in outputs.values() if is_asked else ():
        for (method, member), maps in found.maps.items():
            key = f"{method}/{found.plane}/{member}"
            hottest[key] = max(hottest.get(key, 0.0), float(maps.max()))
    retest = simulated.retest
    return {
        **simulated.case.written,
        "looks": look_of(inferred),
        "again": None if retest is None else look_of(infer_study(retest.series, ensemble)[1]),
        "labels": {
            str(one.plane): [PATTERNS.index(name) for name in simulated.truth[one.id].labels]
            for one in series
        },
        "hottest": hottest,
    }


def look_of(inferred: Sequence[InferredSeries]) -> dict[str, SlicesRecord]:
    """What is said of each slice of an examination, by plane; one series per plane."""
    return {
        str(one.plane): {
            "probabilities": {
                name: values.round(7).tolist()
                for name, values in (
                    (ENSEMBLE, sum_of_shares(one.members, one.shares)),
                    *one.members.items(),
                )
            },
            "share": [found.share for found in one.at_joints],
            "expected": [found.expected for found in one.at_joints],
        }
        for one in inferred
    }


def measure_for_figures(simulated: SimulatedStudy, ensemble: Ensemble) -> StudyRecord:
    """The study's answer, and for each series scores, truth, baselines and where maps point.

    Maps are asked for where there is oedema to point at, of the same pass as the answer.
    """
    study, retest = simulated.study, simulated.retest
    if any(truth.played for truth in simulated.truth.values()):
        prediction, heatmaps = assess(study, ensemble)
    else:
        prediction, heatmaps = predict(study, ensemble), {}
    maps = shown_maps(heatmaps, simulated.truth)
    judged_any = any(series.used for series in prediction.series)
    return {
        **figures_record(simulated, prediction, maps),
        "without_rules": _without_rules(simulated, prediction, maps, ensemble)
        if judged_any
        else None,
        "again": None if retest is None else _answer(predict(retest, ensemble)),
    }


def figures_record(
    simulated: SimulatedStudy, prediction: StudyPrediction, maps: Maps
) -> StudyRecord:
    """What `measure_for_figures` writes down of an answer and its maps alone.

    Args:
        simulated: the study.
        prediction: of it.
        maps: of the slices with oedema.
    """
    return {
        **simulated.case.written,
        **_answer(prediction),
        "members": {
            name: values.as_array().round(6).tolist() for name, values in prediction.members.items()
        },
        "decision": prediction.decision,
        "abstains_for": prediction.reasons[0].code if prediction.why_abstains else None,
        "against_heatmap": None
        if prediction.deciding is None or not prediction.deciding.checks
        else sum(one.speaks_for is False for one in prediction.deciding.checks),
        "deciding": _deciding(simulated, prediction, maps),
        "without_rules": None,
        "again": None,
        "picture": picture(simulated),
        "series": [
            _series_record(
                simulated.study.series_by_id(judged.series_id),
                judged,
                simulated.truth[judged.series_id],
                maps.get(judged.series_id, {}),
            )
            for judged in prediction.series
            if judged.used
        ],
    }


def without_rules(study: Study, prediction: StudyPrediction, ensemble: Ensemble) -> StudyPrediction:
    """What would be predicted if every slice counted and nothing made the ensemble abstain.

    To measure the accuracy of the rules; the networks do not run again.
    """
    judged = {
        each.series_id: InferredSeries(
            study.series_by_id(each.series_id),
            {
                name: np.array([one.members[name].as_array() for one in each.slices])
                for name in each.slices[0].members
            },
            ensemble.shares(Plane(str(study.series_by_id(each.series_id).plane))),
        )
        for each in prediction.series
        if each.used
    }
    features = study_features(list(judged.values()), ENSEMBLE)
    probabilities = Probabilities.from_array(ensemble.fusion.probabilities(features))
    series = tuple(
        replace(each, slices=slice_predictions(judged[each.series_id], ensemble.fusion))
        if each.used
        else each
        for each in prediction.series
    )
    return replace(
        prediction,
        probabilities=probabilities,
        decision=probabilities.top.value,
        reasons=(),
        series=series,
        deciding=deciding_slice(series),
    )


def shown_maps(
    heatmaps: Mapping[str, SeriesHeatmaps], truth: Mapping[str, SeriesTruth]
) -> dict[str, dict[str, Floats]]:
    """The maps that the app shows, of every member and the ensemble, on the slices with oedema."""
    return {
        id_: {
            f"{method}/{who}": of_series.get(method, who).values[truth[id_].played]
            for method in METHODS
            for who in dict.fromkeys((ENSEMBLE, *(member for _, member in of_series.maps)))
        }
        for id_, of_series in heatmaps.items()
        if truth[id_].played
    }


def _without_rules(
    simulated: SimulatedStudy,
    prediction: StudyPrediction,
    maps: Maps,
    ensemble: Ensemble,
) -> DecisionRecord:
    """The answer if every slice counted and nothing made the ensemble abstain."""
    plain = without_rules(simulated.study, prediction, ensemble)
    return {
        **_answer(plain),
        "decision": plain.decision,
        "deciding": _deciding(simulated, plain, maps),
    }


def _deciding(
    simulated: SimulatedStudy,
    prediction: StudyPrediction,
    heat: Maps,
) -> Deciding | None:
    """Whether the slice that weighs most shows oedema, and Grad-CAM points at it there."""
    if prediction.deciding is None:
        return None
    id_, index = prediction.deciding.series_id, prediction.deciding.index
    truth = simulated.truth[id_]
    shows = index in truth.played
    of_series = heat.get(id_, {}).get(f"{GRADCAM}/{ENSEMBLE}")
    points = (
        shows
        and of_series is not None
        and points_at(
            of_series[truth.played.index(index)], truth.oedema[index], margin=POINTING_MARGIN
        )
    )
    plane = simulated.study.series_by_id(id_).plane
    return {"plane": str(plane), "index": index, "shows_oedema": shows, "points": bool(points)}


def _answer(prediction: StudyPrediction) -> AnswerRecord:
    """Without probabilities where no series was judged, as out of scope."""
    found = prediction.probabilities
    return {
        "probabilities": None if found is None else found.as_array().round(6).tolist(),
        "interval": prediction.interval_inflammatory,
    }


def _series_record(
    series: Series, judged: SeriesPrediction, truth: SeriesTruth, maps: Mapping[str, Floats]
) -> SeriesRecord:
    images = prepare(series.volume, series.plane).images
    brightness = np.percentile(images, BRIGHT_PERCENTILE, axis=(1, 2))
    middle = (len(truth.labels) - 1) / 2
    pixel_mm = pixels_mm(series)
    masks = truth.oedema[truth.played]
    return {
        "plane": str(series.plane),
        "labels": [PATTERNS.index(name) for name in truth.labels],
        "probabilities": _probabilities(judged).round(6).tolist(),
        "counts": [one.counts for one in judged.slices],
        "members": {
            name: [round(s.members[name].inflammatory, 6) for s in judged.slices]
            for name in judged.slices[0].members
        },
        "position": [-abs(index - middle) for index in range(len(truth.labels))],
        "brightness": [round(float(value), 6) for value in brightness],
        "played": len(truth.played),
        "margin_mm": round(POINTING_MARGIN * float(np.mean(pixel_mm)), 3),
        "lesions_mm": [_places_mm(mask, pixel_mm) for mask in masks],
        "maps": {name: map_record(values, masks, pixel_mm) for name, values in maps.items()},
    }


def map_record(
    maps: Floats, masks: npt.NDArray[np.bool_], pixel_mm: tuple[float, float]
) -> MapRecord:
    """How well maps `(slice, row, column)` point at the lesions of the same slices."""
    near = [distance_transform_edt(~mask) <= POINTING_MARGIN for mask in masks]
    middle = (np.array(maps.shape[1:]) - 1) / 2
    peaks = [peak(heat) for heat in maps]
    pairs = list(zip(maps, masks, strict=True))
    return {
        "hits": sum(points_at(heat, mask, margin=POINTING_MARGIN) for heat, mask in pairs),
        "energy": round(sum(energy_in(heat, mask) for heat, mask in pairs), 5),
        "near": round(sum(energy_in(h, m) for h, m in zip(maps, near, strict=True)), 5),
        "precision": round(
            sum(average_precision(h, m) for h, m in zip(maps, near, strict=True)), 5
        ),
        "peaks_mm": [
            None if p is None else ((np.array(p) - middle) * pixel_mm).round(1).tolist()
            for p in peaks
        ],
    }  # fmt: skip


def pixels_mm(series: Series) -> tuple[float, float]:
    """Spacing of rows and of columns; every simulated series has one.

    Raises:
        ValueError: it has none.
    """
    if series.volume.affine_lps is None:
        raise ValueError(f"series {series.id} has no geometry")
    _, row_mm, column_mm = spacing_mm(series.volume.affine_lps)
    return float(row_mm), float(column_mm)


def member_names(records: Sequence[StudyRecord]) -> list[str]:
    """Names of the members, from the studies that they judged."""
    return list(dict.fromkeys(name for record in records for name in record["members"]))


def class_indices(records: Sequence[Written]) -> list[int]:
    """The true class of each study as an index into `PATTERNS`."""
    return [PATTERNS.index(Pattern(record["kind"])) for record in records]


def _places_mm(mask: npt.NDArray[np.bool_], pixel_mm: tuple[float, float]) -> list[list[int]]:
    """Where the mask is, in whole millimetres from the middle of the slice, each place once."""
    places = (np.argwhere(mask) - (np.array(mask.shape) - 1) / 2) * pixel_mm
    return [[int(y), int(x)] for y, x in np.unique(places.round(), axis=0)]


def _probabilities(judged: SeriesPrediction) -> Floats64:
    return np.array([s.probabilities.as_array() for s in judged.slices])
