"""`asemble predict`: a study to JSON and heatmaps, in the form that other programs read."""

import json
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from asemble import __version__, io
from asemble.commands.output_files import place_file, placing, refuse_existing
from asemble.commands.terminal import progress, tell_prior, tell_refusals, tell_series, writing
from asemble.core.labels import Plane, Weighting
from asemble.core.results import ENSEMBLE, SeriesPrediction, SlicePrediction, StudyPrediction
from asemble.core.study import Series, Study, grouped_by_reason
from asemble.explain import SeriesHeatmaps
from asemble.measurements.formatting import as_json as measurements_as_json
from asemble.measurements.formatting import in_words
from asemble.models import load_ensemble
from asemble.models.fusion import EVIDENCE, GRADCAM
from asemble.predict import assess, predict

OVERRULED = "The file says {read}; --{option} {stated} holds for every series and was taken."
SECONDS_DIGITS = 3
"""Milliseconds."""


def predict_to_files(
    source: Path,
    json_file: Path,
    *,
    heatmaps_folder: Path | None,
    plane: Plane | None,
    weighting: Weighting | None,
    force: bool = False,
) -> None:
    """Read, predict, explain where asked, and write.

    Args:
        source: file, folder or archive.
        json_file: the answer.
        heatmaps_folder: for `<id>.nii.gz` (Grad-CAM), `<id>-evidence.nii.gz`, `<id>-bones.nii.gz`
            (1 sacrum, 2 right ilium, 3 left ilium) and `<id>-oedema.nii.gz` (0..1), of the
            ensemble; None explains nothing.
        plane: of every series, whatever its file says; None trusts the files.
        weighting: the same.
        force: replace files that are there.

    Raises:
        AsembleError: nothing could be read, the weights are not right, or nothing can be written.
    """
    refuse_existing(json_file, force=force)
    started = time.perf_counter()
    study = io.read_study(source, progress=progress("reading", "files"))
    study = stated(study, plane=plane, weighting=weighting)
    tell_refusals(study.refused)
    tell_prior(study)
    seconds = {"read": time.perf_counter() - started}
    ensemble = load_ensemble()
    started = time.perf_counter()
    tell = progress("predicting", "slices")
    heatmaps: Mapping[str, SeriesHeatmaps] = {}
    if heatmaps_folder is None:
        prediction = predict(study, ensemble, progress=tell)
    else:
        prediction, heatmaps = assess(study, ensemble, progress=tell)
    seconds["predict"] = prediction.seconds["predict"]
    seconds["explain"] = time.perf_counter() - started - seconds["predict"]
    with writing():
        names = {}
        if heatmaps_folder is not None:
            with placing(heatmaps_folder, force=force) as folder:
                names = _write_maps(study, heatmaps, folder)
        content = as_json(study, prediction, heatmap_names=names, seconds=seconds)
        text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
        place_file(f"{text}\n".encode(), json_file, force=force)
    tell_series(study, prediction.series)
    for one in prediction.series:
        if one.measurements is not None:
            print(f"asemble: {one.series_id}: {in_words(one.measurements)}", file=sys.stderr)


def stated(study: Study, *, plane: Plane | None, weighting: Weighting | None) -> Study:
    """The study with what the user states of all its series, and a note where a file says else."""
    series = tuple(_stated(each, plane=plane, weighting=weighting) for each in study.series)
    return replace(study, series=series)


def _stated(series: Series, *, plane: Plane | None, weighting: Weighting | None) -> Series:
    corrected = series.corrected(plane=plane, weighting=weighting)
    said = []
    if series.plane is not None and corrected.plane not in (None, series.plane):
        said.append(OVERRULED.format(read=series.plane, option="plane", stated=plane))
    if series.weighting not in (Weighting.OTHER, corrected.weighting):
        said.append(OVERRULED.format(read=series.weighting, option="weighting", stated=weighting))
    return replace(corrected, notes=(*corrected.notes, *said))


def as_json(
    study: Study,
    prediction: StudyPrediction,
    *,
    heatmap_names: Mapping[str, str],
    seconds: Mapping[str, float],
) -> dict[str, Any]:
    """The contract of `asemble predict --json`.

    `probabilities` and `interval_inflammatory` of the study are null where nothing could be
    judged; `plane` and `position_mm` where the file does not say; `measurements` of a series that
    was not judged, or whose geometry is not known. `bones_from` names the series on which the
    bones of a judged series were found: itself, and after it the T1 beside it where one helped; it
    is empty where the series was not judged. `attribution` is there where images are published
    ones, `left_out` where something was: without names of files, which may name a person.
    """
    fused = prediction.probabilities
    interval = prediction.interval_inflammatory
    deciding = prediction.deciding
    return {
        "study": {
            "probabilities": None if fused is None else fused.as_dict(),
            "interval_inflammatory": None if interval is None else list(interval),
            "decision": prediction.decision,
            "reasons": [one.sentence for one in prediction.reasons],
            "deciding_slice": None if deciding is None else deciding.as_dict(),
        },
        "series": [_series(study, judged, heatmap_names) for judged in prediction.series],
        **({"left_out": _left_out(study)} if study.refused else {}),
        **({"attribution": list(study.attribution)} if study.attribution else {}),
        "weights": dict(prediction.weights),
        "weights_list": {"sha256": prediction.weights_list, "shipped": prediction.are_shipped},
        "version": __version__,
        "seconds": {name: round(value, SECONDS_DIGITS) for name, value in seconds.items()},
    }


def _left_out(study: Study) -> list[dict[str, Any]]:
    return [
        {"code": each.code, "sentence": " ".join(each.reason.split()), "files": each.files}
        for each in grouped_by_reason(study.refused)
    ]


def _series(
    study: Study, judged: SeriesPrediction, heatmap_names: Mapping[str, str]
) -> dict[str, Any]:
    series = study.series_by_id(judged.series_id)
    measured = judged.measurements
    return {
        "id": series.id,
        "description": series.description,
        "plane": series.plane,
        "weighting": series.weighting,
        "shape": list(series.volume.shape),
        "used": judged.used,
        "why_not": judged.why_not,
        "code": judged.code,
        "notes": [{"code": each.code, "sentence": each.sentence} for each in judged.notes],
        "heatmap": heatmap_names.get(series.id),
        "slices": [_slice(one) for one in judged.slices],
        "bones_from": list(judged.bones_from),
        "measurements": None if measured is None else measurements_as_json(measured),
    }


def _slice(one: SlicePrediction) -> dict[str, Any]:
    return {
        "index": one.index,
        "position_mm": one.position_mm,
        "probabilities": one.probabilities.as_dict(),
        "members": {name: values.as_dict() for name, values in one.members.items()},
        "counts": one.counts,
        "why_not": one.why_not,
    }


def _write_maps(
    study: Study, heatmaps: Mapping[str, SeriesHeatmaps], folder: Path
) -> dict[str, str]:
    """Write the ensemble's maps; returns the name of the file of oedema by series id."""
    names = {}
    for series_id, maps in heatmaps.items():
        lies = study.series_by_id(series_id).volume
        names[series_id] = f"{series_id}-oedema.nii.gz"
        for name, values in (
            (f"{series_id}.nii.gz", maps.get(GRADCAM, ENSEMBLE).values),
            (f"{series_id}-evidence.nii.gz", maps.get(EVIDENCE, ENSEMBLE).values),
            (f"{series_id}-bones.nii.gz", maps.bones),
            (names[series_id], maps.oedema),
        ):
            io.write_nifti(folder / name, values, lies.affine_lps, sizes_mm=lies.sizes_mm)
    return names
