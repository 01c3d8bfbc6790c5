"""What is written down of one simulated study: for fitting the fusion, and for measuring it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt

from asemble.core.geometry import spacing_mm
from asemble.core.labels import PATTERNS, Pattern
from asemble.core.results import ENSEMBLE, SeriesPrediction, StudyPrediction
from asemble.core.study import Series, Study
from asemble.core.volume import Floats
from asemble.evaluation.gallery import picture
from asemble.evaluation.studies import Record, SeriesTruth, SimulatedStudy
from asemble.imaging.slices import prepare
from asemble.metrics.heatmaps import average_precision, energy_in, peak, points_at
from asemble.models.calibration import Floats64
from asemble.models.fusion import GRADCAM

POINTING_MARGIN = 5
"""Pixels of the series' grid, 4-5 mm: as the pointing game on real scans was scored."""

BRIGHT_PERCENTILE = 99.5
"""Of a prepared slice: how bright its brightest half per cent is."""

Predict = Callable[[Study], StudyPrediction]
"""Predicts a study."""
Plain = Callable[[Study, StudyPrediction], StudyPrediction | None]
"""From a study and its prediction to the same without the rules of decision 22."""
Look = Callable[[Study], Record]
"""From an examination to what is said of each slice, by plane.

`probabilities` by member, `ENSEMBLE` among them, `(slice, 3)` and not smoothed; `share` of the
evidence of each slice that lies at the joints, None without any; `expected`, whether a joint is.
"""
Heat = Callable[[Series], Mapping[tuple[str, str], Floats]]
"""Raw maps of a series by method and member, in logits."""
Maps = Callable[
    [Study, StudyPrediction, Mapping[str, Sequence[int]]], Mapping[str, Mapping[str, Floats]]
]
"""From slices by series id to maps `(slice, row, column)` by series id, then by name.

Names are `method/member`, for example `gradcam/ensemble`.
"""
Cascade = Callable[[Series, int], Mapping[str, Mapping[str, Mapping[str, float]]]]
"""From a slice to how alike its maps are, by member, then by layer, then by measure."""


def measure_for_fusion(simulated: SimulatedStudy, look: Look, heat: Heat) -> Record:
    """What the networks say of each slice, its label, and the hottest places of each member.

    Args:
        simulated: the study.
        look: what is written down of each examination.
        heat: is asked of inflammatory studies alone, which say what strong heat is.
    """
    hottest: dict[str, float] = {}
    if simulated.case.kind is Pattern.INFLAMMATORY:
        for series in simulated.study.series:
            for (method, member), maps in heat(series).items():
                key = f"{method}/{series.plane}/{member}"
                hottest[key] = max(hottest.get(key, 0.0), float(maps.max()))
    return {
        "looks": look(simulated.study),
        "again": None if simulated.again is None else look(simulated.again),
        "labels": {
            str(series.plane): [PATTERNS.index(name) for name in simulated.truth[series.id].labels]
            for series in simulated.study.series
        },
        "hottest": hottest,
    }


def measure_for_figures(
    simulated: SimulatedStudy, predict: Predict, maps: Maps, without_rules: Plain = lambda *_: None
) -> Record:
    """The study's answer, and for each series scores, truth, baselines and where maps point.

    Args:
        simulated: the study.
        predict: is asked of every examination.
        maps: is asked of the slices with oedema.
        without_rules: what would be predicted if every slice counted and nothing made the ensemble
            abstain; by default that is not measured.
    """
    prediction = predict(simulated.study)
    played = {id_: truth.played for id_, truth in simulated.truth.items() if truth.played}
    heat = maps(simulated.study, prediction, played) if played else {}
    judged_any = any(series.used for series in prediction.series)
    plain = without_rules(simulated.study, prediction) if judged_any else None
    return {
        **_answer(prediction),
        "members": {
            name: values.as_array().round(6).tolist() for name, values in prediction.members.items()
        },
        "decision": prediction.decision,
        "why": prediction.why_abstains,
        "against the heatmap": None
        if prediction.deciding is None or not prediction.deciding.told
        else sum(one.speaks_for is False for one in prediction.deciding.told),
        "deciding": _deciding(simulated, prediction, heat),
        "without rules": None
        if plain is None
        else {
            **_answer(plain),
            "decision": plain.decision,
            "deciding": _deciding(simulated, plain, heat),
        },
        "again": _again(simulated, predict, lambda _, found: _answer(found)),
        "picture": picture(simulated),
        "series": [
            _series_record(
                simulated.study.series_by_id(judged.series_id),
                judged,
                simulated.truth[judged.series_id],
                heat.get(judged.series_id, {}),
            )
            for judged in prediction.series
            if judged.used
        ],
    }


def _deciding(
    simulated: SimulatedStudy,
    prediction: StudyPrediction,
    heat: Mapping[str, Mapping[str, Floats]],
) -> Record | None:
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
    return {"plane": str(plane), "index": index, "shows oedema": shows, "points": bool(points)}


def measure_for_explanations(
    simulated: SimulatedStudy, predict: Predict, maps: Maps, cascade: Cascade
) -> Record:
    """The same of a study without a second examination, and how maps change in the cascade.

    The cascade is run on the slice of each series that holds the most oedema.
    """
    prediction = predict(simulated.study)
    record = measure_for_figures(simulated, lambda _: prediction, maps)
    used = [judged.series_id for judged in prediction.series if judged.used]
    for id_, series in zip(used, record["series"], strict=True):
        truth = simulated.truth[id_]
        if truth.played:
            index = max(truth.played, key=lambda i: int(truth.oedema[i].sum()))
            series["cascade"] = cascade(simulated.study.series_by_id(id_), index)
    return record


def _again(
    simulated: SimulatedStudy, predict: Predict, note: Callable[[Study, StudyPrediction], Any]
) -> Any:
    if simulated.again is None:
        return None
    return note(simulated.again, predict(simulated.again))


def _answer(prediction: StudyPrediction) -> Record:
    """Without probabilities where no series was judged, as out of scope."""
    found = prediction.probabilities
    return {
        "probabilities": None if found is None else found.as_array().round(6).tolist(),
        "interval": prediction.interval_inflammatory,
    }


def _series_record(
    series: Series, judged: SeriesPrediction, truth: SeriesTruth, maps: Mapping[str, Floats]
) -> Record:
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
) -> dict[str, Any]:
    """How well maps `(slice, row, column)` point at the lesions of the same slices.

    Returns:
        `hits`: slices whose hottest pixel is within the margin of the lesion. `energy` and
        `near`: sums over slices of the share of heat in the lesion, and within the margin of it.
        `precision`: the sum of average precisions for what is within the margin. `peaks_mm`: the
        hottest place of each slice from the middle of the slice, or None.
    """
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


def member_names(records: Sequence[Record]) -> list[str]:
    """Names of the members, from the studies that they judged."""
    return list(dict.fromkeys(name for record in records for name in record["members"]))


def class_indices(records: Sequence[Record]) -> list[int]:
    """The true class of each study as an index into `PATTERNS`."""
    return [PATTERNS.index(Pattern(record["kind"])) for record in records]


def _places_mm(mask: npt.NDArray[np.bool_], pixel_mm: tuple[float, float]) -> list[list[int]]:
    """Where the mask is, in whole millimetres from the middle of the slice, each place once."""
    places = (np.argwhere(mask) - (np.array(mask.shape) - 1) / 2) * pixel_mm
    return [[int(y), int(x)] for y, x in np.unique(places.round(), axis=0)]


def _probabilities(judged: SeriesPrediction) -> Floats64:
    return np.array([s.probabilities.as_array() for s in judged.slices])
