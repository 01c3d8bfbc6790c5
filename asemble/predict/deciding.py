"""The slice that weighs most, and the test of its heatmap that an answer has to pass.

Only `inflammatory` rests on a heatmap, which shows evidence for that class alone: for another
decision there is nothing to test. One slice a study is tested, so that the cost does not grow.
"""

from collections.abc import Sequence
from dataclasses import replace

from asemble.core.results import HEATMAP_FAILS, DecidingSlice, SeriesPrediction, Told
from asemble.core.volume import Volume
from asemble.explain.heatmaps import on_one_scale, raw_maps
from asemble.explain.telling import tell
from asemble.explain.trust import trust_in
from asemble.models import Ensemble
from asemble.predict.judging import Judged

FAILED = 3
"""So many of the four questions speaking against it fail a heatmap (docs/decisions/0022)."""

QUESTIONS = (
    "agreement of networks",
    "evidence at the joints",
    "staying in place",
    "effect of covering",
)
"""What was asked, in few words, in the order of `tell`."""


def deciding_slice(series: Sequence[SeriesPrediction]) -> DecidingSlice | None:
    """Of the slices that count, the one of the highest P(inflammatory); None without any."""
    strongest = [(each, each.strongest) for each in series]
    counting = [(each.series_id, one) for each, one in strongest if one is not None]
    if not counting:
        return None
    series_id, one = max(counting, key=lambda found: found[1].probabilities.inflammatory)
    return DecidingSlice(series_id, one.index)


def heatmap_test(judged: Judged, index: int, ensemble: Ensemble) -> tuple[Told, ...]:
    """The four questions to the Grad-CAM heatmap of one slice, looked at as if it stood alone.

    So `predict`, which draws no heatmaps, and `assess` find the same. Its joints lie where they
    were found with the T1 beside the series, if there was one.
    """
    series = judged.series
    voxels = series.volume.voxels[index : index + 1]
    alone = replace(series, volume=Volume(voxels, series.volume.affine_lps))
    maps = on_one_scale({alone.id: raw_maps(alone, ensemble)}, ensemble)[alone.id]
    if judged.bones is not None and judged.bones.t1 is not None:
        maps = replace(maps, tissue=judged.bones.tissue[index : index + 1])
    return tell(trust_in(alone, 0, ensemble, maps), ensemble.fusion.limits)


def why_heatmap_fails(told: Sequence[Told]) -> str | None:
    """One sentence with the figures that speak against it, or None where the test is passed."""
    against = [
        f"{question} {one.figure}".strip()
        for question, one in zip(QUESTIONS, told, strict=True)
        if one.speaks_for is False
    ]
    if len(against) < FAILED:
        return None
    return f"{HEATMAP_FAILS} on {len(against)} of {len(told)} questions: {', '.join(against)}."
