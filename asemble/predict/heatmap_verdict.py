"""The slice that weighs most, and the verdict on its heatmap that an answer has to pass.

Only `inflammatory` rests on a heatmap, which shows evidence for that class alone: for another
decision there is nothing to check. One slice a study is checked, so that the cost does not grow.
"""

from collections.abc import Sequence
from dataclasses import replace

from asemble.core.results import (
    HEATMAP_FAILS,
    CheckVerdict,
    DecidingSlice,
    Level,
    Remark,
    SeriesPrediction,
)
from asemble.explain import SeriesOutput, infer
from asemble.explain.check_texts import verdicts
from asemble.explain.checks import PlaneEnsemble, SliceOutput, check_heatmap
from asemble.explain.heatmaps import on_one_scale
from asemble.imaging.slices import PreparedStack
from asemble.models import Ensemble
from asemble.models.fusion import GRADCAM
from asemble.predict.inference import InferredSeries

FAILED = 3
"""So many of the four questions speaking against it fail a heatmap (docs/decisions/0022)."""

QUESTIONS = (
    "agreement of networks",
    "evidence at the joints",
    "staying in place",
    "effect of covering",
)
"""What was asked, in few words, in the order of `verdicts`."""


def deciding_slice(series: Sequence[SeriesPrediction]) -> DecidingSlice | None:
    """Of the slices that count, the one of the highest P(inflammatory); None without any."""
    strongest = [(each, each.strongest) for each in series]
    counting = [(each.series_id, one) for each, one in strongest if one is not None]
    if not counting:
        return None
    series_id, one = max(counting, key=lambda found: found[1].probabilities.inflammatory)
    return DecidingSlice(series_id, one.index)


def check_slice(
    one: InferredSeries, index: int, output: SeriesOutput, stack: PreparedStack, ensemble: Ensemble
) -> tuple[CheckVerdict, ...]:
    """The four questions to the Grad-CAM heatmap of one slice, explained as if it stood alone.

    So `predict`, which draws no heatmaps, and `assess` find the same. Its joints lie where they
    were found with the T1 beside the series, if there was one.

    Args:
        one: its series.
        index: of the slice.
        output: of the networks for its series, with Grad-CAM or without.
        stack: its series, prepared.
        ensemble: whose networks look.
    """
    only = slice(index, index + 1)
    if any(method == GRADCAM for method, _ in output.maps):
        output = output.of_slice(index)
    else:
        output = infer(one.plane, PreparedStack(stack.images[only], stack.grid), ensemble)
    volume = replace(one.series.volume, voxels=one.series.volume.voxels[only])
    alone = replace(one.series, volume=volume)
    maps = on_one_scale({alone.id: output}, ensemble)[alone.id]
    if one.bones is not None and one.bones.t1 is not None:
        maps = replace(maps, tissue=one.bones.tissue[only])
    probabilities, heat = PlaneEnsemble(ensemble, one.plane, GRADCAM, maps).read(output)
    plain = SliceOutput(stack.images[index], float(probabilities[0]), heat[0])
    checks = check_heatmap(alone, 0, ensemble, maps, plain=plain)
    return verdicts(checks, ensemble.fusion.limits)


def why_heatmap_fails(checks: Sequence[CheckVerdict]) -> Remark | None:
    """A remark with the figures that speak against it, or None where the checks are passed."""
    against = [
        f"{question} {one.figure}".strip()
        for question, one in zip(QUESTIONS, checks, strict=True)
        if one.speaks_for is False
    ]
    if len(against) < FAILED:
        return None
    return Remark(
        HEATMAP_FAILS,
        f"The heatmap of the slice that weighs most fails its test on {len(against)} of "
        f"{len(checks)} questions: {', '.join(against)}.",
        Level.REASON,
    )
