"""The heatmap checks: four questions about the map of one slice, each with its figure.

*Agreement*: do a convolutional and a transformer member, which err differently, point at the same
places? *Joint*: does the evidence lie where joints lie? *Stability*: does it stay when the slice
is moved a little and made a little noisier? *Deletion*: does covering the hot region change
the answer more than covering as much elsewhere?

None of them shows that a heatmap is right: networks can agree on a mistake, in the joint, stably.
The accuracy of each on simulated slices is measured by `asemble evaluate trust`, from which the
limits come too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from asemble.core.labels import PATTERNS, Pattern, Plane
from asemble.core.results import ENSEMBLE, NO_EVIDENCE
from asemble.core.study import Series
from asemble.core.volume import Floats
from asemble.explain.heatmaps import SeriesHeatmaps, SeriesOutput, infer
from asemble.explain.perturbations import Bools, body, covered, elsewhere, enlarged, moved
from asemble.imaging.bones import joints_seen
from asemble.imaging.joint_bands import JOINT_BANDS, joint_region
from asemble.imaging.slices import PIXEL_MM, SIDE, PreparedStack, grid_of, prepare
from asemble.models import Ensemble
from asemble.models.ensemble import sum_of_shares
from asemble.models.fusion import GRADCAM, METHODS
from asemble.models.members import Kind

SHIFT_PIXELS = 3
"""Of the prepared slice, 2.3 mm: a cell and a half of the map, less than a person lies still."""
SHIFTS = ((SHIFT_PIXELS, 0), (-SHIFT_PIXELS, 0), (0, SHIFT_PIXELS), (0, -SHIFT_PIXELS))
"""Down and to the right."""
NOISE = 0.015
"""Standard deviation on prepared slices: 0.05 of marrow, in the lower half of simulated noise."""
NOISES = 4
"""Noisy copies of a slice."""
PLACES = 8
"""Places elsewhere that are covered in turn."""
HOT_SHARE = 0.5
"""Cells from this share of the slice's hottest on are the hot region."""
SEED = 40
"""Of noise and of places; any other would do."""

Floats64 = npt.NDArray[np.float64]


class Classifier(Protocol):
    """What is asked of networks about prepared slices `(n, 256, 256)` of one plane."""

    def probability(self, images: Floats) -> Floats64:
        """`(n,)`: P(inflammatory) of each slice alone, without its neighbours."""

    def with_heat(self, images: Floats) -> tuple[Floats64, Floats]:
        """The same, and the map `(n, 128, 128)` of each slice, at least 0."""


@dataclass(frozen=True, slots=True, eq=False)
class SliceOutput:
    """A slice and what the networks say of it.

    Args:
        image: the prepared slice `(256, 256)`.
        probability: P(inflammatory) of the slice alone.
        heat: its map `(128, 128)`.
    """

    image: Floats
    probability: float
    heat: Floats


def slice_output(image: Floats, networks: Classifier) -> SliceOutput:
    """Of a prepared slice `(256, 256)`."""
    probabilities, maps = networks.with_heat(image[None])
    return SliceOutput(image, float(probabilities[0]), maps[0])


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far the evidence of convolutional and transformer members lies at the same places.

    Args:
        overlap: 0 to 1; None where neither kind shows evidence.
        silent: the kind that shows none where the other does, or None.
    """

    overlap: float | None
    silent: Kind | None = None


@dataclass(frozen=True, slots=True)
class JointShare:
    """How much of the positive evidence lies where joints lie.

    Args:
        share: 0 to 1; None without evidence or without geometry.
        area: share of the prepared slice that the region takes; None without geometry.
        is_seen: whether the region is bone at the joints that the networks see on the slice, and
            not where geometry expects them.
    """

    share: float | None
    area: float | None
    is_seen: bool = False


@dataclass(frozen=True, slots=True)
class Stability:
    """What small shifts and mild noise change.

    Args:
        kept: of each changed copy, the share of heat that stays in place; empty without heat.
        probability: P(inflammatory) of the slice alone.
        changed: the same of each changed copy.
    """

    kept: Sequence[float]
    probability: float
    changed: Sequence[float]

    @property
    def mean_kept(self) -> float | None:
        """Mean share of heat that stays in place; None without heat."""
        return float(np.mean(self.kept)) if self.kept else None

    @property
    def swing(self) -> float:
        """The greatest change of P."""
        return max((abs(p - self.probability) for p in self.changed), default=0.0)


@dataclass(frozen=True, slots=True)
class Deletion:
    """What covering the hot region changes.

    Args:
        probability: P(inflammatory) of the slice alone.
        covered: the same with the hot region covered; None without heat.
        elsewhere: the same with as much covered elsewhere, place by place; empty without room.
        area_mm2: of what is covered.
    """

    probability: float
    covered: float | None
    elsewhere: Sequence[float]
    area_mm2: float

    @property
    def drop(self) -> float | None:
        """How much P falls when the hot region is covered."""
        return None if self.covered is None else self.probability - self.covered

    @property
    def drops_elsewhere(self) -> Sequence[float]:
        """How much P falls when another place is covered, place by place."""
        return [self.probability - p for p in self.elsewhere]

    @property
    def excess(self) -> float | None:
        """How much further P falls than at the median of the other places."""
        if self.drop is None or not self.elsewhere:
            return None
        return self.drop - float(np.median(self.drops_elsewhere))


@dataclass(frozen=True, slots=True)
class HeatmapChecks:
    """The four parts for the ensemble's heatmap of one slice.

    Args:
        series_id: of the slice.
        index: of the slice in its series.
        method: of the heatmap.
        agreement: between kinds of members.
        joint: evidence in the joint region.
        stability: under small changes.
        deletion: of the hot region.
    """

    series_id: str
    index: int
    method: str
    agreement: Agreement
    joint: JointShare
    stability: Stability
    deletion: Deletion


def check_heatmap(
    series: Series,
    index: int,
    ensemble: Ensemble,
    heatmaps: SeriesHeatmaps,
    *,
    method: str = GRADCAM,
    plain: SliceOutput | None = None,
) -> HeatmapChecks:
    """Put the four questions to the ensemble's heatmap of one slice; always the same answer.

    Args:
        series: that was explained.
        index: of the slice.
        ensemble: that explained it.
        heatmaps: of the series, from `asemble.predict.assess`.
        method: "gradcam" or "evidence".
        plain: what the networks said of the slice; None asks them.

    Raises:
        ValueError: the series has no ensemble, no such slice, or the method is not known.
    """
    plane = series.plane
    if plane is None or plane not in ensemble.planes:
        raise ValueError(f"no ensemble for series {series.id} of plane {plane}")
    if method not in METHODS or not 0 <= index < series.volume.shape[0]:
        raise ValueError(f"no heatmap {method!r} of slice {index} in series {series.id}")
    shown = heatmaps.get(method, ENSEMBLE).values[index]
    networks = PlaneEnsemble(ensemble, plane, method, heatmaps)
    if plain is None:
        voxels = series.volume.voxels[index : index + 1]
        alone = prepare(replace(series.volume, voxels=voxels), plane)
        plain = slice_output(alone.images[0], networks)
    by_kind = heat_by_kind(heatmaps, ensemble, plane, method, index)
    return HeatmapChecks(
        series.id,
        index,
        method,
        agreement(by_kind[Kind.CONVOLUTIONAL], by_kind[Kind.TRANSFORMER]),
        _joint_share_on(series, index, heatmaps, shown),
        stability(plain, networks),
        deletion(plain, networks),
    )


def _joint_share_on(
    series: Series, index: int, heatmaps: SeriesHeatmaps, shown: Floats
) -> JointShare:
    """By the joints that are seen on the slice, or, where none is, by where they are expected."""
    region = joints_seen(heatmaps.tissue[index : index + 1].astype(np.float32))[0]
    if not region.any():
        return joint_share(shown, joint_region_on(series))
    on_series = heatmaps.grid.from_square(region.astype(np.float32)) > 0.5
    return replace(joint_share(shown, on_series), is_seen=True)


def joint_region_on(series: Series) -> Bools | None:
    """`(row, column)`: the joint region on every slice of the series; None without geometry."""
    plane = series.plane
    if series.volume.affine_lps is None or plane is None or plane not in JOINT_BANDS:
        return None
    square = joint_region(plane, SIDE).astype(np.float32)
    return np.asarray(grid_of(series.volume, plane).from_square(square) > 0.5)


@dataclass(frozen=True, slots=True, eq=False)
class PlaneEnsemble:
    """The ensemble of one plane, asked about slices that are no study.

    Args:
        ensemble: that is asked.
        plane: of the slices.
        method: of the heatmap.
        heatmaps: whose scale, that of the study, is kept.
    """

    ensemble: Ensemble
    plane: Plane
    method: str
    heatmaps: SeriesHeatmaps

    def probability(self, images: Floats) -> Floats64:
        """P(inflammatory) `(n,)`, calibrated for slices of the plane."""
        outputs = self.ensemble.infer(self.plane, images)
        return self._calibrated({name: output.probabilities for name, output in outputs.items()})

    def with_heat(self, images: Floats) -> tuple[Floats64, Floats]:
        """The same, and the ensemble's map `(n, 128, 128)`, 1 where the study is hottest."""
        stack = PreparedStack(images, self.heatmaps.grid)
        with_cam = self.method == GRADCAM
        return self.read(infer(self.plane, stack, self.ensemble, with_cam=with_cam))

    def read(self, output: SeriesOutput) -> tuple[Floats64, Floats]:
        """What `with_heat` returns of slices that the networks were asked about."""
        shares = self.ensemble.shares(self.plane)
        maps = {
            name: output.maps[self.method, name]
            / np.float32(self.heatmaps.full_heat[self.method, name])
            for name in shares
        }
        return self._calibrated(output.probabilities), sum_of_shares(maps, shares)

    def _calibrated(self, members: Mapping[str, Floats64]) -> Floats64:
        fused = sum_of_shares(members, self.ensemble.shares(self.plane))
        calibrated = self.ensemble.fusion.slice_probabilities(self.plane, fused)
        return np.asarray(calibrated[:, PATTERNS.index(Pattern.INFLAMMATORY)])


def heat_by_kind(
    heatmaps: SeriesHeatmaps, ensemble: Ensemble, plane: Plane, method: str, index: int
) -> Mapping[Kind, Floats]:
    """The mean map `(row, column)` of the members of each kind; zeros where there is none."""
    found = {}
    for kind in Kind:
        maps = [
            heatmaps.get(method, member.name).values[index]
            for member in ensemble.planes[plane]
            if member.spec.kind is kind
        ]
        shape = heatmaps.get(method, ENSEMBLE).values.shape[1:]
        found[kind] = np.mean(maps, axis=0) if maps else np.zeros(shape, np.float32)
    return found


def agreement(convolutional: Floats, transformer: Floats) -> Agreement:
    """Agreement of two maps `(row, column)`, each 0 to 1 on the scale of the study.

    >>> one = np.float32([[0, 1], [0, 0]])
    >>> agreement(one, one / 2).overlap, agreement(one, one.T).overlap
    (1.0, 0.0)
    """
    shows = [float(heat.max()) > NO_EVIDENCE for heat in (convolutional, transformer)]
    if not any(shows):
        return Agreement(None)
    if not all(shows):
        return Agreement(0.0, Kind.TRANSFORMER if shows[0] else Kind.CONVOLUTIONAL)
    return Agreement(overlap(convolutional, transformer))


def overlap(one: Floats, other: Floats) -> float:
    """Share of the heat of two maps that lies at the same places, however strong each is.

    1 where one is a multiple of the other, 0 where they share no place.

    >>> overlap(np.float32([3, 1]), np.float32([1, 1]))
    0.75
    """
    sums = [max(float(heat.sum(dtype=np.float64)), 1e-12) for heat in (one, other)]
    return float(np.minimum(one / sums[0], other / sums[1]).sum(dtype=np.float64))


def joint_share(heat: Floats, region: Bools | None) -> JointShare:
    """Share of the heat of a slice `(row, column)` that lies in a region of the same shape.

    >>> joint_share(np.float32([[3, 1], [0, 0]]), np.array([[True, False], [False, False]]))
    JointShare(share=0.75, area=0.25, is_seen=False)
    """
    if region is None:
        return JointShare(None, None)
    area = float(region.mean())
    if float(heat.max()) <= NO_EVIDENCE:
        return JointShare(None, area)
    return JointShare(float(heat[region].sum() / heat.sum()), area)


def stability(plain: SliceOutput, networks: Classifier) -> Stability:
    """Move a slice a little, or add mild noise, and ask again."""
    image, rng = plain.image, np.random.default_rng(SEED)
    noisy = [image + NOISE * rng.standard_normal(image.shape) for _ in range(NOISES)]
    changed = [*(moved(image, *by) for by in SHIFTS), *(n.clip(0) for n in noisy)]
    probabilities, maps = networks.with_heat(np.stack(changed).astype(np.float32))
    first, *others = _on_pixels([plain.heat, *maps])
    kept = []
    if float(first.max()) > NO_EVIDENCE:
        back = [(-down, -right) for down, right in SHIFTS] + [(0, 0)] * NOISES
        kept = [overlap(first, moved(o, *by)) for o, by in zip(others, back, strict=True)]
    return Stability(kept, plain.probability, probabilities.tolist())


def deletion(plain: SliceOutput, networks: Classifier) -> Deletion:
    """Cover the hot region of a slice, then as much elsewhere, in turn."""
    image, heat = plain.image, plain.heat
    if float(heat.max()) <= NO_EVIDENCE:
        return Deletion(plain.probability, None, (), 0.0)
    hot = enlarged(heat >= HOT_SHARE * heat.max())
    rng, inside = np.random.default_rng(SEED), body(image)
    others = [m for m in (elsewhere(hot, inside, rng) for _ in range(PLACES)) if m is not None]
    changed = np.stack([covered(image, mask) for mask in (hot, *others)])
    without, *other = networks.probability(changed).tolist()
    return Deletion(plain.probability, without, other, float(hot.sum()) * PIXEL_MM**2)


def _on_pixels(maps: Sequence[Floats]) -> list[Floats]:
    """Maps `(128, 128)` on the pixels `(256, 256)` of the slice, whose shifts they undo."""
    return [np.asarray(cv2.resize(heat, (SIDE, SIDE)), np.float32) for heat in maps]
