"""Heatmaps of a study: two methods, each member and the ensemble, on one scale a study.

*Grad-CAM* is read at the 128x128 map before the evidence; the *evidence map* is the inflammatory
channel of the head itself, from `FAINTEST` to `SUREST`, weighed by how bright the marrow is
(`asemble.models.seeing`). Both are in logits. An explanation is of the slice itself, without its
neighbours.

The scale, so that heat means the same everywhere in a study and a little means little:

1. A member's map in a plane is divided by the strength that counts as strong for it: the median,
   over simulated inflammatory studies, of the hottest place in the study (`models.fusion`).
2. One number a study, method and member then divides all series: the hottest place of the study,
   or 1 where the study does not reach it. A study without strong evidence is never scaled up.
3. The ensemble's map is the mean of the members' maps, each counted by its skill
   (`Ensemble.shares`).
"""

from collections.abc import Callable, Collection, Mapping
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from asemble.core.labels import PATTERNS, Pattern, Plane
from asemble.core.results import ENSEMBLE, Heatmap, StudyPrediction
from asemble.core.study import Series, Study
from asemble.core.volume import Floats
from asemble.explain.bones import SeriesBones
from asemble.imaging.slices import Grid, PreparedStack, prepare
from asemble.models import Ensemble, Member
from asemble.models.counting import for_disease
from asemble.models.ensemble import sum_of_shares
from asemble.models.evidence import IMAGE_SIDE, EvidenceNetwork
from asemble.models.fusion import EVIDENCE, GRADCAM, METHODS, Fusion
from asemble.models.seeing import oedema_share, seen
from asemble.models.turns import Arrays

FAINTEST = -1.5
"""Logits from which on evidence is shown. Lesions weigh eightfold in training, so that a logit of 0
is one chance in nine; real oedema is fainter than simulated oedema, and lies about there."""
SUREST = 4.5
"""Logits beyond which evidence is shown no hotter: sure is sure, and simulated oedema, which
networks know by heart, would leave real oedema pale."""

Progress = Callable[[int, int], None]
"""Called with slices done and slices in all."""


@dataclass(frozen=True, slots=True, eq=False)
class SeriesHeatmaps:
    """The heatmaps of one series, kept as small as the networks make them.

    Args:
        series_id: whose they are.
        grid: the way back to the series' own grid.
        maps: `(slice, 128, 128)` on the scale of the study, by method and member, `ENSEMBLE` among
            the members.
        full_heat: logits that are shown as 1, by method and member.
        tissue: `(slice, 6, 128, 128)` float16, the ensemble's: how likely each place is what; with
            what T1 says of it, where there is one beside the series.
        small_oedema: `(slice, 128, 128)` float32, the ensemble's: how likely oedema is, 0..1.
        t1: bones of the T1 series that was looked at beside this one; None without.
    """

    series_id: str
    grid: Grid
    maps: Mapping[tuple[str, str], Floats]
    full_heat: Mapping[tuple[str, str], float]
    tissue: npt.NDArray[np.float16]
    small_oedema: Floats
    t1: SeriesBones | None = None

    @property
    def bones(self) -> npt.NDArray[np.uint8]:
        """On the series' grid: 0, 1 sacrum, 2 right ilium, 3 left ilium, by the patient's side."""
        return self._bones.bones

    def bones_on(self, index: int) -> npt.NDArray[np.uint8]:
        """`(row, column)`: `bones` of one slice."""
        return self._bones.bones_on(index)

    @property
    def oedema(self) -> Floats:
        """On the series' grid: how likely each place is oedema, 0..1."""
        # To a thousandth: finer steps say nothing and do not compress.
        return self.grid.from_square(self.small_oedema).clip(0, 1).round(3)

    def get(self, method: str, member: str) -> Heatmap:
        """The heatmap of `method` ("gradcam" or "evidence") and a member's name or `ENSEMBLE`.

        Raises:
            ValueError: there is none.
        """
        try:
            small = self.maps[method, member]
        except KeyError:
            raise ValueError(f"no heatmap {method!r} of {member!r}") from None
        return Heatmap(self.series_id, self.grid.from_square(small).clip(0, 1), method, member)

    @property
    def _bones(self) -> SeriesBones:
        return SeriesBones(self.series_id, self.grid, self.tissue)


@dataclass(frozen=True, slots=True, eq=False)
class RawMaps:
    """One series after the networks, before scaling.

    Args:
        plane: of the series.
        grid: the way back to the series' grid.
        probabilities: `(slice, 3)` calibrated, by member.
        maps: `(slice, 128, 128)` float32 in logits, by method and member.
        disease: `(slice, 128, 128)` float32 in logits, from 0, by member: evidence for any disease.
        tissue: `(slice, 6, 128, 128)` float16, the ensemble's: how likely each place is what.
        oedema: `(slice, 128, 128)` float32, the ensemble's: how likely oedema is, 0..1.
    """

    plane: Plane
    grid: Grid
    probabilities: Mapping[str, npt.NDArray[np.float64]]
    maps: Mapping[tuple[str, str], Floats]
    disease: Mapping[str, Floats]
    tissue: npt.NDArray[np.float16]
    oedema: Floats


def explain(
    study: Study,
    prediction: StudyPrediction,
    ensemble: Ensemble,
    *,
    progress: Progress | None = None,
) -> Mapping[str, SeriesHeatmaps]:
    """Heatmaps for `inflammatory` of every series that was used, keyed by series id.

    Args:
        study: that was predicted.
        prediction: says which series were used.
        ensemble: that predicted it.
        progress: told how many slices are done.
    """
    used = [study.series_by_id(s.series_id) for s in prediction.series if s.used]
    return on_one_scale(all_raw_maps(used, ensemble, progress=progress), ensemble)


def all_raw_maps(
    series: Collection[Series], ensemble: Ensemble, *, progress: Progress | None = None
) -> dict[str, RawMaps]:
    """`raw_maps` of each series, by its id.

    Raises:
        ValueError: a series has no plane, or one that has no ensemble.
    """
    total = sum(one.volume.shape[0] for one in series)
    found: dict[str, RawMaps] = {}
    done = 0

    def count(slices: int) -> None:
        nonlocal done
        done += slices
        if progress is not None:
            progress(done, total)

    for one in series:
        found[one.id] = raw_maps(one, ensemble, count=count)
    return found


def raw_maps(
    series: Series, ensemble: Ensemble, *, count: Callable[[int], None] = lambda _: None
) -> RawMaps:
    """Probabilities and both methods' maps by every member of the series' plane, of one pass.

    Args:
        series: to look at.
        ensemble: whose members of its plane look.
        count: told after each piece how many slices it had.

    Raises:
        ValueError: the series has no plane, or one that has no ensemble.
    """
    if series.plane is None or series.plane not in ensemble.planes:
        raise ValueError(f"no ensemble for series {series.id} of plane {series.plane}")
    stack = prepare(series.volume, series.plane)
    return looks(series.plane, stack, ensemble, count=count)


def warm_up(ensemble: Ensemble) -> None:
    """Look at an empty slice in each plane: imports, and networks made ready, for all who follow.

    Raises:
        WeightsError: what belongs to the weights is missing, damaged, or of others.
    """
    _ = ensemble.fusion, ensemble.scope
    side = (IMAGE_SIDE, IMAGE_SIDE)
    empty = PreparedStack(np.zeros((1, *side), dtype=np.float32), Grid.of_whole(side))
    for plane in ensemble.planes:
        looks(plane, empty, ensemble)


def looks(
    plane: Plane,
    stack: PreparedStack,
    ensemble: Ensemble,
    *,
    count: Callable[[int], None] = lambda _: None,
) -> RawMaps:
    """As `raw_maps`, of prepared slices."""
    pieces: list[Mapping[str, Arrays]] = []
    shares = ensemble.shares(plane)
    tissue, oedema = [], []
    with closing(ensemble.each(plane, stack.images, looking)) as each:
        for piece in each:
            # Of bone only the ensemble's maps are kept: they are the largest.
            tissue.append(sum_of_shares({n: of[4] for n, of in piece.items()}, shares))
            oedema.append(sum_of_shares({n: of[5] for n, of in piece.items()}, shares))
            pieces.append({name: of[:4] for name, of in piece.items()})
            count(len(tissue[-1]))
    probabilities: dict[str, npt.NDArray[np.float64]] = {}
    maps: dict[tuple[str, str], Floats] = {}
    disease: dict[str, Floats] = {}
    for member in ensemble.planes[plane]:
        said, heat, evidence, disease[member.name] = (
            np.concatenate(parts)
            for parts in zip(*(piece[member.name] for piece in pieces), strict=True)
        )
        probabilities[member.name] = said
        maps[GRADCAM, member.name] = heat
        maps[EVIDENCE, member.name] = evidence
    return RawMaps(
        plane,
        stack.grid,
        probabilities,
        maps,
        disease,
        np.concatenate(tissue).astype(np.float16),
        oedema_share(np.concatenate(oedema)),
    )


def looking(member: Member, network: EvidenceNetwork, images: Floats) -> Arrays:
    """A step of `Ensemble.each`: probabilities, Grad-CAM, evidence, tissue and oedema, `(n, ...)`.

    Evidence twice: for `inflammatory`, which is shown, and for any disease.
    """
    # Here, because the grad-cam package imports so much that a prediction alone would wait for it.
    from asemble.explain.gradcam import look  # noqa: PLC0415

    looked = look(network, member.inputs(images))
    found = seen(network, looked.features, images)
    inflammatory = PATTERNS.index(Pattern.INFLAMMATORY)
    evidence = np.clip(found.evidence[:, inflammatory], FAINTEST, SUREST) - np.float32(FAINTEST)
    return (
        member.calibrated(found.logits),
        looked.heat,
        evidence,
        for_disease(found.evidence),
        found.tissue,
        found.oedema,
    )


def on_one_scale(raw: Mapping[str, RawMaps], ensemble: Ensemble) -> dict[str, SeriesHeatmaps]:
    """The heatmaps of a study from what the networks made of its series, by series id."""
    relative = {id_: _relative(maps, ensemble.fusion) for id_, maps in raw.items()}
    scales = study_scales(relative.values())
    return {id_: _heatmaps(id_, maps, scales, ensemble) for id_, maps in relative.items()}


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
    full_heat = {
        (method, member): scales[method, member]
        * ensemble.fusion.reference(method, relative.plane, member)
        for method, member in relative.maps
    }
    return SeriesHeatmaps(
        series_id, relative.grid, scaled, full_heat, relative.tissue, relative.oedema
    )
