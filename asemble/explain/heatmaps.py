"""Heatmaps of a study: two methods, each member and the ensemble, on one scale a study.

*Grad-CAM* is read at the 128x128 map before the evidence; the *evidence map* is the inflammatory
channel of the head itself, from `FAINTEST` to `SUREST`, weighed by how bright the marrow is
(`asemble.models.output`). Both are in logits. An explanation is of the slice itself, without its
neighbours.

The scale, so that heat means the same everywhere in a study and a little means little:

1. A member's map in a plane is divided by the strength that counts as strong for it: the median,
   over simulated inflammatory studies, of the hottest place in the study (`models.fusion`).
2. One number a study, method and member then divides all series: the hottest place of the study,
   or 1 where the study does not reach it. A study without strong evidence is never scaled up.
3. The ensemble's map is the mean of the members' maps, each counted by its skill
   (`Ensemble.shares`).
"""

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from asemble.core.labels import PATTERNS, Pattern, Plane
from asemble.core.results import ENSEMBLE, Heatmap
from asemble.core.volume import Floats
from asemble.explain.series_bones import SeriesBones
from asemble.imaging.slices import SIDE, Grid, PreparedStack
from asemble.models import Ensemble, Member
from asemble.models.batch_scheduler import Arrays
from asemble.models.counting import for_disease
from asemble.models.ensemble import sum_of_shares
from asemble.models.evidence_head import EvidenceNetwork
from asemble.models.fusion import EVIDENCE, GRADCAM, METHODS
from asemble.models.output import NetworkOutput, forward, oedema_share, output_of

FAINTEST = -1.5
"""Logits from which on evidence is shown. Lesions weigh eightfold in training, so that a logit of 0
is one chance in nine; real oedema is fainter than simulated oedema, and lies about there."""
SUREST = 4.5
"""Logits beyond which evidence is shown no hotter: sure is sure, and simulated oedema, which
networks know by heart, would leave real oedema pale."""

INFLAMMATORY = PATTERNS.index(Pattern.INFLAMMATORY)

Count = Callable[[int], None]
"""Called after some slices with how many they were."""


@dataclass(frozen=True, slots=True, eq=False)
class SeriesHeatmaps(SeriesBones):
    """The heatmaps and the bones of one series, kept as small as the networks make them.

    Bones are the ensemble's, with what T1 says of them, where there is one beside the series.

    Args:
        maps: `(slice, 128, 128)` on the scale of the study, by method and member, `ENSEMBLE` among
            the members.
        full_heat: logits that are shown as 1, by method and member.
        small_oedema: `(slice, 128, 128)` float32, the ensemble's: how likely oedema is, 0..1.
        t1: bones of the T1 series that was looked at beside this one; None without.
    """

    maps: Mapping[tuple[str, str], Floats]
    full_heat: Mapping[tuple[str, str], float]
    small_oedema: Floats
    t1: SeriesBones | None = None

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


@dataclass(frozen=True, slots=True, eq=False)
class SeriesOutput:
    """What the networks make of one series, or of some prepared slices, before scaling.

    Args:
        plane: of the series.
        grid: the way back to the series' grid.
        probabilities: `(slice, 3)` calibrated, by member.
        maps: `(slice, 128, 128)` float32 in logits, by method and member; without Grad-CAM where
            that was not asked for.
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

    def of_slice(self, index: int) -> "SeriesOutput":
        """What was made of one slice alone: no slice knows of its neighbours."""
        only = slice(index, index + 1)
        return replace(
            self,
            probabilities={name: values[only] for name, values in self.probabilities.items()},
            maps={key: values[only] for key, values in self.maps.items()},
            disease={name: values[only] for name, values in self.disease.items()},
            tissue=self.tissue[only],
            oedema=self.oedema[only],
        )


def infer(
    plane: Plane,
    stack: PreparedStack,
    ensemble: Ensemble,
    *,
    with_cam: bool = True,
    count: Count = lambda _: None,
) -> SeriesOutput:
    """What every member of a plane makes of prepared slices, in one pass.

    Args:
        plane: of the slices.
        stack: to look at.
        ensemble: whose members look.
        with_cam: whether Grad-CAM is wanted; the evidence map costs nothing.
        count: told after each piece how many slices it had.

    Raises:
        ValueError: the plane has no members.
    """
    shares = ensemble.shares(plane)
    found: dict[str, list[Arrays]] = {name: [] for name in shares}
    tissue, oedema = [], []
    step = forward_with_cam if with_cam else forward_without_cam
    with closing(ensemble.each(plane, stack.images, step)) as pieces:
        for piece in pieces:
            # Of bone only the ensemble's maps are kept: they are the largest.
            tissue.append(sum_of_shares({n: of[0] for n, of in piece.items()}, shares))
            oedema.append(sum_of_shares({n: of[1] for n, of in piece.items()}, shares))
            for name, of in piece.items():
                found[name].append(of[2:])
            count(len(tissue[-1]))
    whole = {
        name: [np.concatenate(parts) for parts in zip(*of, strict=True)]
        for name, of in found.items()
    }
    shown = {EVIDENCE: 2, GRADCAM: 3} if with_cam else {EVIDENCE: 2}
    return SeriesOutput(
        plane,
        stack.grid,
        probabilities={name: of[0] for name, of in whole.items()},
        maps={(method, name): of[at] for method, at in shown.items() for name, of in whole.items()},
        disease={name: of[1] for name, of in whole.items()},
        tissue=np.concatenate(tissue).astype(np.float16),
        oedema=oedema_share(np.concatenate(oedema)),
    )


def forward_with_cam(member: Member, network: EvidenceNetwork, images: Floats) -> Arrays:
    """A step of `Ensemble.each`: what `forward_without_cam` returns, and Grad-CAM."""
    # Here, because the grad-cam package imports so much that a prediction alone would wait for it.
    from asemble.explain.gradcam import grad_cam  # noqa: PLC0415

    heat, features = grad_cam(network, member.inputs(images))
    return (*_arrays(member, output_of(network, features, images)), heat)


def forward_without_cam(member: Member, network: EvidenceNetwork, images: Floats) -> Arrays:
    """A step of `Ensemble.each`: tissue, oedema, probabilities and evidence, each `(n, ...)`.

    Evidence twice: for any disease, and for `inflammatory`, which is shown.
    """
    return _arrays(member, forward(network, member.inputs(images), images))


def _arrays(member: Member, output: NetworkOutput) -> Arrays:
    shown = np.clip(output.evidence[:, INFLAMMATORY], FAINTEST, SUREST) - np.float32(FAINTEST)
    return (
        output.tissue,
        output.oedema,
        member.calibrated(output.logits),
        for_disease(output.evidence),
        shown,
    )


def warm_up(ensemble: Ensemble) -> None:
    """Look at an empty slice in each plane: imports, and networks made ready, for all who follow.

    Raises:
        WeightsError: what belongs to the weights is missing, damaged, or of others.
    """
    _ = ensemble.fusion, ensemble.input_gate
    side = (SIDE, SIDE)
    empty = PreparedStack(np.zeros((1, *side), dtype=np.float32), Grid.of_whole(side))
    for plane in ensemble.planes:
        infer(plane, empty, ensemble)


def on_one_scale(
    outputs: Mapping[str, SeriesOutput], ensemble: Ensemble
) -> dict[str, SeriesHeatmaps]:
    """The heatmaps of a study from what the networks made of its series, by series id."""
    hottest: dict[tuple[str, str], float] = {}  # in the study, but at least 1: strong heat
    for one in outputs.values():
        for key, values in one.maps.items():
            relative = float(values.max() / _strong_heat(one, key, ensemble))
            hottest[key] = max(hottest.get(key, 1.0), relative)
    return {id_: _heatmaps(id_, one, hottest, ensemble) for id_, one in outputs.items()}


def _strong_heat(output: SeriesOutput, key: tuple[str, str], ensemble: Ensemble) -> np.float32:
    method, member = key
    return np.float32(ensemble.fusion.reference(method, output.plane, member))


def _heatmaps(
    series_id: str,
    output: SeriesOutput,
    hottest: Mapping[tuple[str, str], float],
    ensemble: Ensemble,
) -> SeriesHeatmaps:
    shares = ensemble.shares(output.plane)
    scaled = {
        key: values / _strong_heat(output, key, ensemble) / np.float32(hottest[key])
        for key, values in output.maps.items()
    }
    for method in METHODS:
        of_members = {name: scaled[method, name] for name in shares}
        scaled[method, ENSEMBLE] = sum_of_shares(of_members, shares)
    full_heat = {
        key: hottest[key] * ensemble.fusion.reference(key[0], output.plane, key[1])
        for key in output.maps
    }
    return SeriesHeatmaps(series_id, output.grid, output.tissue, scaled, full_heat, output.oedema)
