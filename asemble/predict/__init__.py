"""`predict(study) -> StudyPrediction` and `assess`, which draws the heatmaps in the same pass.

The verbs that the pages and the command line share. Every slice of every series that may be judged
goes through the members of its plane. A slice's answer is made of the members' calibrated
probabilities, each counted by its skill (`Ensemble.shares`), smoothed over its neighbours and
calibrated for its plane; how slices make a study, and which of them count, is told in
`asemble.models.fusion` and `asemble.models.counting`. A member's own answer for the study is found
in the same way from that member alone.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from asemble.core import room
from asemble.core.geometry import slice_positions_mm
from asemble.core.labels import Pattern, Plane
from asemble.core.results import (
    ABSTAIN,
    ENSEMBLE,
    Probabilities,
    SeriesPrediction,
    SlicePrediction,
    StudyPrediction,
)
from asemble.core.study import Series, Study
from asemble.explain import SeriesHeatmaps
from asemble.explain.heatmaps import Progress, RawMaps, on_one_scale, raw_maps
from asemble.models import Ensemble
from asemble.models.fusion import Fusion
from asemble.predict.deciding import deciding_slice, heatmap_test, why_heatmap_fails
from asemble.predict.decision import (
    CLOSE_CALL,
    LookedAt,
    decide,
    interval,
    look_for_joints,
    open_planes,
)
from asemble.predict.in_scope import Refusals, refused_seen, refused_unseen
from asemble.predict.judging import (
    Counted,
    Judged,
    judge,
    judged_series,
    member_probabilities,
    study_features,
)
from asemble.predict.t1 import BesideT1, partners_of, slices_of

__all__ = [
    "CLOSE_CALL",
    "Judged",
    "LookedAt",
    "Progress",
    "assess",
    "decide",
    "interval",
    "judge",
    "judge_with_maps",
    "look_for_joints",
    "predict",
    "refused_seen",
    "refused_unseen",
    "without_rules",
]


SLICE_BYTES = 2 * 1024**2
"""Memory that judging a slice takes with heatmaps, and `KEPT_SLICE_BYTES` what is kept of it."""
KEPT_SLICE_BYTES = 1024**2


def predict(
    study: Study, ensemble: Ensemble, *, progress: Progress | None = None
) -> StudyPrediction:
    """What the ensemble says of a study.

    Args:
        study: as `asemble.io` reads it.
        ensemble: as `asemble.models.load_ensemble` loads it.
        progress: told how many slices are done.

    Raises:
        WeightsError: the study calibration does not belong to these weights.
    """
    started = time.perf_counter()
    refusals = refused_unseen(study, ensemble.scope)
    used = [series for series in study.series if refusals[series.id] is None]
    judged = judge(used, ensemble, progress, t1=partners_of(used, study.series))
    return _conclude(study, refusals, judged, ensemble, started=started)


def assess(
    study: Study, ensemble: Ensemble, *, progress: Progress | None = None
) -> tuple[StudyPrediction, dict[str, SeriesHeatmaps]]:
    """What `predict` and `asemble.explain.explain` return, of one pass through the networks.

    Bones are those of `predict`, with what T1 says; `explain` alone asks no T1.

    Raises:
        WeightsError: the study calibration does not belong to these weights.
        InputError: the process has no room for what the networks find, nor after waiting.
    """
    started = time.perf_counter()
    refusals = refused_unseen(study, ensemble.scope)
    used = [series for series in study.series if refusals[series.id] is None]
    t1 = partners_of(used, study.series)
    slices = sum(series.volume.shape[0] for series in used) + slices_of(t1)
    with room.shared().enter(SLICE_BYTES * slices) as held:
        try:
            raw, judged = judge_with_maps(used, ensemble, progress, t1=t1)
            prediction = _conclude(study, refusals, judged, ensemble, started=started)
            kept = {one.series_id: raw[one.series_id] for one in prediction.series if one.used}
            heatmaps = _with_t1(on_one_scale(kept, ensemble), judged)
        except (MemoryError, RuntimeError) as error:
            if room.is_out_of_memory(error):
                raise room.out_of_memory() from error
            raise
        found = [maps.tissue for maps in heatmaps.values()]
        found += [maps.t1.tissue for maps in heatmaps.values() if maps.t1 is not None]
        held.keep((KEPT_SLICE_BYTES * len(tissue), tissue) for tissue in found)
    return prediction, heatmaps


def judge_with_maps(
    used: Sequence[Series],
    ensemble: Ensemble,
    progress: Progress | None = None,
    *,
    t1: Mapping[str, Series] = MappingProxyType({}),
) -> tuple[dict[str, RawMaps], list[Judged]]:
    """What `judge` and `asemble.explain.raw_maps` return, of one pass through the networks."""
    slices = sum(series.volume.shape[0] for series in used)
    count = Counted(slices + slices_of(t1), progress)
    raw = {one.id: raw_maps(one, ensemble, count=count) for one in used}
    bones = BesideT1(t1, ensemble, count)
    judged = [
        judged_series(
            one,
            raw[one.id].probabilities,
            raw[one.id].disease,
            ensemble,
            tissue=raw[one.id].tissue.astype(np.float32),
            oedema=raw[one.id].oedema,
            bones=bones,
        )
        for one in used
    ]
    return raw, judged


def _with_t1(
    heatmaps: Mapping[str, SeriesHeatmaps], judged: Sequence[Judged]
) -> dict[str, SeriesHeatmaps]:
    """The heatmaps with the bones that T1 series helped to find."""
    found = {one.series.id: one.bones for one in judged}
    return {
        id_: maps if (of := found[id_]) is None else replace(maps, tissue=of.tissue, t1=of.t1)
        for id_, maps in heatmaps.items()
    }


def without_rules(study: Study, prediction: StudyPrediction, ensemble: Ensemble) -> StudyPrediction:
    """What would be predicted if every slice counted and nothing made the ensemble abstain.

    To measure what the rules are worth; the networks are not asked again.
    """
    judged = {
        each.series_id: Judged(
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
        replace(each, slices=_slices(judged[each.series_id], ensemble.fusion))
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


def _conclude(
    study: Study,
    unseen: Refusals,
    looked_at: Sequence[Judged],
    ensemble: Ensemble,
    *,
    started: float,
) -> StudyPrediction:
    fusion = ensemble.fusion
    refusals = refused_seen(looked_at, unseen, study, ensemble)
    judged = [one for one in looked_at if refusals[one.series.id] is None]
    by_id = {one.series.id: one for one in judged}
    members = member_probabilities(judged, fusion)
    fused = study_features(judged, ENSEMBLE)
    probabilities = Probabilities.from_array(fusion.probabilities(fused)) if fused else None
    series = tuple(
        SeriesPrediction(
            series_id=one.id,
            used=one.id in by_id,
            why_not=None if (remark := refusals[one.id]) is None else remark.sentence,
            code=None if remark is None else remark.code,
            notes=by_id[one.id].notes if one.id in by_id else (),
            slices=_slices(by_id[one.id], fusion) if one.id in by_id else (),
            measurements=by_id[one.id].measurements if one.id in by_id else None,
            bones_from=_bones_from(by_id[one.id]) if one.id in by_id else (),
        )
        for one in study.series
    )
    decision, reasons = decide(judged, probabilities, members)
    deciding = deciding_slice(series)
    if deciding is not None and decision == Pattern.INFLAMMATORY:
        told = heatmap_test(by_id[deciding.series_id], deciding.index, ensemble)
        deciding = replace(deciding, told=told)
        failed = why_heatmap_fails(told)
        if failed is not None:
            decision, reasons = ABSTAIN, [failed, *reasons]
    said = [f"{one.series.id}: {note.sentence}" for one in judged for note in one.notes]
    reasons = [*reasons, *open_planes(study, refusals), *said]
    return StudyPrediction(
        probabilities=probabilities,
        members=members,
        interval_inflammatory=interval(probabilities, list(members.values()), fusion.interval),
        decision=decision,
        reasons=reasons,
        series=series,
        weights=dict(ensemble.weights),
        device=ensemble.device,
        seconds={"predict": time.perf_counter() - started},
        deciding=deciding,
        weights_list=ensemble.signed.digest,
        are_shipped=ensemble.signed.is_shipped,
    )


def _bones_from(judged: Judged) -> tuple[str, ...]:
    return () if judged.bones is None else judged.bones.series_ids


def _slices(judged: Judged, fusion: Fusion) -> tuple[SlicePrediction, ...]:
    volume = judged.series.volume
    count = volume.shape[0]
    fused = fusion.slice_probabilities(judged.plane, judged.smoothed(ENSEMBLE))
    positions: list[float | None] = [None] * count
    if volume.affine_lps is not None:
        positions = [float(p) for p in slice_positions_mm(volume.affine_lps, count)]
    return tuple(
        SlicePrediction(
            index=index,
            position_mm=positions[index],
            probabilities=Probabilities.from_array(fused[index]),
            members={
                name: Probabilities.from_array(values[index])
                for name, values in judged.members.items()
            },
            why_not=judged.why_not[index],
        )
        for index in range(count)
    )
