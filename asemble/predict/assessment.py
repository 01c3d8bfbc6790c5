"""The engine: one study through the gate, the networks and the checks, to one answer.

A series is prepared once (`Gate.stacks`). Every slice of every series that may be judged goes
through the members of its plane once. A slice's answer is made of the members' calibrated
probabilities, each counted by its skill (`Ensemble.shares`), smoothed over its neighbours and
calibrated for its plane; how slices make a study, and which of them count, is told in
`asemble.models.fusion` and `asemble.models.counting`. A member's own answer for the study is found
in the same way from that member alone.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from asemble.core import memory_budget
from asemble.core.geometry import slice_positions_mm
from asemble.core.labels import Pattern
from asemble.core.results import (
    ABSTAIN,
    ENSEMBLE,
    Level,
    Probabilities,
    Remark,
    SeriesPrediction,
    SlicePrediction,
    StudyPrediction,
)
from asemble.core.study import Study
from asemble.explain import SeriesHeatmaps, SeriesOutput
from asemble.explain.heatmaps import on_one_scale
from asemble.imaging.quality import MAX_SLICES
from asemble.models import Ensemble
from asemble.models.fusion import Fusion
from asemble.predict.bones_of_t1 import partners_of, slices_of
from asemble.predict.decision import decide, interval, open_planes
from asemble.predict.gate import Gate
from asemble.predict.heatmap_verdict import check_slice, deciding_slice, why_heatmap_fails
from asemble.predict.inference import (
    InferredSeries,
    Progress,
    infer_study,
    member_probabilities,
    study_features,
)

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
        InputError: the process has no room for what the networks find, nor after waiting.
    """
    return _assess(study, ensemble, progress, with_cam=False)[0]


def assess(
    study: Study, ensemble: Ensemble, *, progress: Progress | None = None
) -> tuple[StudyPrediction, dict[str, SeriesHeatmaps]]:
    """What `predict` says of a study, and heatmaps of every series that was used, by its id.

    All of one pass through the networks. Arguments and errors are those of `predict`.
    """
    return _assess(study, ensemble, progress, with_cam=True)


def _assess(
    study: Study, ensemble: Ensemble, progress: Progress | None, *, with_cam: bool
) -> tuple[StudyPrediction, dict[str, SeriesHeatmaps]]:
    started = time.perf_counter()
    gate = Gate(study, ensemble.input_gate)
    t1 = partners_of(gate.passed, study.series)
    slices = min(sum(one.volume.shape[0] for one in gate.passed), MAX_SLICES) + slices_of(t1)
    with memory_budget.shared().reserve(SLICE_BYTES * slices) as held:
        try:
            gate.ask_slices()
            used = gate.passed
            outputs, inferred = infer_study(
                used,
                ensemble,
                with_cam=with_cam,
                stacks=gate.stacks,
                t1={one.id: t1[one.id] for one in used if one.id in t1},
                progress=progress,
            )
            gate.ask_bones(inferred, ensemble)
            prediction = _conclude(gate, inferred, outputs, ensemble, started=started)
            if not with_cam:
                return prediction, {}
            heatmaps = _heatmaps(prediction, inferred, outputs, ensemble)
        except (MemoryError, RuntimeError) as error:
            if memory_budget.is_out_of_memory(error):
                raise memory_budget.out_of_memory() from error
            raise
        found = [maps.tissue for maps in heatmaps.values()]
        found += [maps.t1.tissue for maps in heatmaps.values() if maps.t1 is not None]
        held.keep((KEPT_SLICE_BYTES * len(tissue), tissue) for tissue in found)
    return prediction, heatmaps


def _heatmaps(
    prediction: StudyPrediction,
    inferred: Sequence[InferredSeries],
    outputs: Mapping[str, SeriesOutput],
    ensemble: Ensemble,
) -> dict[str, SeriesHeatmaps]:
    """Those of the series that were used, with the bones that T1 series helped to find."""
    used = {one.series_id: outputs[one.series_id] for one in prediction.series if one.used}
    bones = {one.series.id: one.bones for one in inferred}
    return {
        id_: maps if (of := bones[id_]) is None else replace(maps, tissue=of.tissue, t1=of.t1)
        for id_, maps in on_one_scale(used, ensemble).items()
    }


def _conclude(
    gate: Gate,
    inferred: Sequence[InferredSeries],
    outputs: Mapping[str, SeriesOutput],
    ensemble: Ensemble,
    *,
    started: float,
) -> StudyPrediction:
    refusals, fusion = gate.refusals, ensemble.fusion
    judged = [one for one in inferred if refusals[one.series.id] is None]
    by_id = {one.series.id: one for one in judged}
    members = member_probabilities(judged, fusion)
    fused = study_features(judged, ENSEMBLE)
    probabilities = Probabilities.from_array(fusion.probabilities(fused)) if fused else None
    series = tuple(
        SeriesPrediction(id_, used=False, why_not=remark.sentence, code=remark.code)
        if remark is not None
        else _series_prediction(by_id[id_], fusion)
        for id_, remark in refusals.items()
    )
    decision, reasons = decide(judged, probabilities, members)
    deciding = deciding_slice(series)
    if deciding is not None and decision == Pattern.INFLAMMATORY:
        id_, index = deciding.series_id, deciding.index
        checks = check_slice(by_id[id_], index, outputs[id_], gate.stacks[id_], ensemble)
        deciding = replace(deciding, checks=checks)
        failed = why_heatmap_fails(checks)
        if failed is not None:
            decision, reasons = ABSTAIN, [failed, *reasons]
    notes = [(one.series.id, note) for one in judged for note in one.notes]
    said = [Remark(note.code, f"{id_}: {note.sentence}", Level.REASON) for id_, note in notes]
    reasons = [*reasons, *open_planes(gate.study, refusals), *said]
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


def _series_prediction(judged: InferredSeries, fusion: Fusion) -> SeriesPrediction:
    return SeriesPrediction(
        judged.series.id,
        used=True,
        why_not=None,
        slices=slice_predictions(judged, fusion),
        measurements=judged.measurements,
        notes=judged.notes,
        bones_from=() if judged.bones is None else judged.bones.series_ids,
    )


def slice_predictions(judged: InferredSeries, fusion: Fusion) -> tuple[SlicePrediction, ...]:
    """What is said of each slice of a series."""
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
