"""Heatmaps of a study: two methods, each member and the ensemble, on one scale a study.

*Grad-CAM* is read at the 64x64 map before the evidence; the *evidence map* is the inflammatory
channel of the head itself, where it is positive (a cell more likely lesion than not). Both are in
logits. An explanation is of the slice itself, without its neighbours.

The scale, so that heat means the same everywhere in a study and a little means little:

1. A member's map in a plane is divided by the strength that counts as strong for it: the median,
   over simulated inflammatory studies, of the hottest place in the study (`models.fusion`).
2. One number a study, method and member then divides all series: the hottest place of the study,
   or 1 where the study does not reach it. A study without strong evidence is never scaled up.
3. The ensemble's map is the mean of the members' maps, each counted by its skill
   (`Ensemble.shares`).
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np

from asemble.core.labels import PATTERNS, Pattern, Plane
from asemble.core.results import ENSEMBLE, Heatmap, StudyPrediction
from asemble.core.study import Series, Study
from asemble.core.volume import Floats
from asemble.explain.gradcam import gradcam
from asemble.imaging.slices import PreparedStack, prepare
from asemble.models import Ensemble, Member
from asemble.models.ensemble import sum_of_shares
from asemble.models.fusion import EVIDENCE, GRADCAM, METHODS, Fusion

BATCH = 8
"""Slices a backward pass."""


@dataclass(frozen=True, slots=True, eq=False)
class SeriesHeatmaps:
    """The heatmaps of one series.

    Args:
        series_id: whose they are.
        maps: by method and member, `ENSEMBLE` among the members.
        full_heat: logits that are shown as 1, by method and member.
    """

    series_id: str
    maps: Mapping[tuple[str, str], Heatmap]
    full_heat: Mapping[tuple[str, str], float]

    def get(self, method: str, member: str) -> Heatmap:
        """The heatmap of `method` ("gradcam" or "evidence") and a member's name or `ENSEMBLE`.

        Raises:
            ValueError: there is none.
        """
        try:
            return self.maps[method, member]
        except KeyError:
            raise ValueError(f"no heatmap {method!r} of {member!r}") from None


@dataclass(frozen=True, slots=True, eq=False)
class RawMaps:
    """One series before scaling.

    Args:
        plane: of the series.
        stack: knows the way back to the series' grid.
        maps: `(slice, 64, 64)` float32 in logits, by method and member.
    """

    plane: Plane
    stack: PreparedStack
    maps: Mapping[tuple[str, str], Floats]


def explain(
    study: Study,
    prediction: StudyPrediction,
    ensemble: Ensemble,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Mapping[str, SeriesHeatmaps]:
    """Heatmaps for `inflammatory` of every series that was used, keyed by series id.

    Args:
        study: that was predicted.
        prediction: says which series were used.
        ensemble: that predicted it.
        progress: told how many slices are done.
    """
    used = [study.series_by_id(s.series_id) for s in prediction.series if s.used]
    total = sum(series.volume.shape[0] for series in used)
    relative: dict[str, RawMaps] = {}
    done = 0
    for series in used:
        relative[series.id] = _relative(raw_maps(series, ensemble), ensemble.fusion)
        done += series.volume.shape[0]
        if progress is not None:
            progress(done, total)
    scales = study_scales(relative.values())
    return {id_: _heatmaps(id_, maps, scales, ensemble) for id_, maps in relative.items()}


def raw_maps(series: Series, ensemble: Ensemble) -> RawMaps:
    """Both methods for every member of the series' plane, in logits.

    Raises:
        ValueError: the series has no plane, or one that has no ensemble.
    """
    if series.plane is None or series.plane not in ensemble.planes:
        raise ValueError(f"no ensemble for series {series.id} of plane {series.plane}")
    stack = prepare(series.volume, series.plane)
    maps: dict[tuple[str, str], Floats] = {}
    for member in ensemble.planes[series.plane]:
        heat, evidence = member_maps(member, stack.images, ensemble)
        maps[GRADCAM, member.name] = heat
        maps[EVIDENCE, member.name] = evidence
    return RawMaps(series.plane, stack, maps)


def study_scales(maps: Collection[RawMaps]) -> dict[tuple[str, str], float]:
    """By method and member, the hottest place in the study, but at least 1 (strong heat).

    Args:
        maps: of every series, relative to strong heat.
    """
    scales: dict[tuple[str, str], float] = {}
    for one in maps:
        for key, values in one.maps.items():
            scales[key] = max(scales.get(key, 1.0), float(values.max()))
    return scales


def _relative(raw: RawMaps, fusion: Fusion) -> RawMaps:
    maps = {
        (method, member): values / np.float32(fusion.reference(method, raw.plane, member))
        for (method, member), values in raw.maps.items()
    }
    return replace(raw, maps=maps)


def _heatmaps(
    series_id: str,
    relative: RawMaps,
    scales: Mapping[tuple[str, str], float],
    ensemble: Ensemble,
) -> SeriesHeatmaps:
    shares = ensemble.shares(relative.plane)
    scaled = {key: values / np.float32(scales[key]) for key, values in relative.maps.items()}
    for method in METHODS:
        of_members = {name: scaled[method, name] for name in shares}
        scaled[method, ENSEMBLE] = sum_of_shares(of_members, shares)
    return SeriesHeatmaps(
        series_id,
        {
            (method, member): Heatmap(
                series_id, relative.stack.to_grid(values).clip(0, 1), method, member
            )
            for (method, member), values in scaled.items()
        },
        {
            (method, member): scales[method, member]
            * ensemble.fusion.reference(method, relative.plane, member)
            for method, member in relative.maps
        },
    )


def member_maps(member: Member, images: Floats, ensemble: Ensemble) -> tuple[Floats, Floats]:
    """Grad-CAM and positive evidence of one member on prepared slices, each `(slice, 64, 64)`."""
    heats, evidences = [], []
    inflammatory = PATTERNS.index(Pattern.INFLAMMATORY)
    for start in range(0, len(images), BATCH):
        batch = member.inputs(images[start : start + BATCH])
        with ensemble.lock:
            heat, evidence = gradcam(member.network, member.cam_module, batch)
        heats.append(heat)
        evidences.append(np.maximum(evidence[:, inflammatory], 0))
    return np.concatenate(heats), np.concatenate(evidences)
