"""Inference: series through the networks, the output of each member, and its features."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from asemble.core.labels import Plane
from asemble.core.measurements import Measurements
from asemble.core.results import ENSEMBLE, Probabilities, Remark
from asemble.core.study import Series
from asemble.explain import SeriesOutput, infer
from asemble.imaging.arrangement import against_the_file, pelvis_shown
from asemble.imaging.bones import joints_seen
from asemble.imaging.joint_bands import joint_regions
from asemble.imaging.slices import PreparedStack, prepare
from asemble.measurements import measure
from asemble.models import Ensemble
from asemble.models.calibration import Floats64
from asemble.models.counting import AtJoints, at_joints
from asemble.models.ensemble import sum_of_shares
from asemble.models.fusion import Bools, Fusion, answers_of_slices, plane_features
from asemble.predict.bones_of_t1 import BesideT1, Found, slices_of

Progress = Callable[[int, int], None]
"""Called with slices done and slices in all."""


@dataclass(frozen=True, slots=True, eq=False)
class InferredSeries:
    """One series after the networks, and where the evidence of its slices lies.

    Args:
        series: as it was read.
        members: `(slice, 3)` calibrated probabilities by member name.
        shares: how much each member counts.
        at_joints: for each slice where its evidence lies; empty where geometry says nothing.
        least: share of its evidence that has to lie there for a slice to count; None counts all.
        measurements: of its oedema; None where its geometry is not known.
        shown: `(slice,)`, which slices show a pelvis by its bones; None where nobody asked.
        notes: what the bones say against what the file says.
        bones: where they were found; None where nobody looked.
    """

    series: Series
    members: Mapping[str, Floats64]
    shares: Mapping[str, float]
    at_joints: Sequence[AtJoints] = ()
    least: float | None = None
    measurements: Measurements | None = None
    shown: Bools | None = None
    notes: Sequence[Remark] = ()
    bones: Found | None = None

    @property
    def plane(self) -> Plane:
        """The plane, known for every series that went through the networks."""
        return plane_of_series(self.series)

    @property
    def why_not(self) -> tuple[str | None, ...]:
        """For each slice one sentence why it does not count, or None where it does."""
        least = self.least
        if least is None or not self.at_joints:
            return (None,) * self.series.volume.shape[0]
        return tuple(found.why_not(least) for found in self.at_joints)

    @property
    def counts(self) -> Bools:
        """`(slice,)`: which slices count in the study's answer."""
        return np.array([why is None for why in self.why_not], dtype=np.bool_)

    def smoothed(self, member: str) -> Floats64:
        """`(slice, 3)` of a member or of `ENSEMBLE`, smoothed over the neighbours that count."""
        if member == ENSEMBLE:
            return answers_of_slices(sum_of_shares(self.members, self.shares), self.counts)
        return answers_of_slices(self.members[member], self.counts)


def infer_study(
    series: Sequence[Series],
    ensemble: Ensemble,
    *,
    with_cam: bool = False,
    stacks: Mapping[str, PreparedStack] | None = None,
    t1: Mapping[str, Series] = MappingProxyType({}),
    progress: Progress | None = None,
) -> tuple[dict[str, SeriesOutput], list[InferredSeries]]:
    """Each series through the members of its plane, in one pass.

    Args:
        series: of planes that are judged.
        ensemble: whose members look.
        with_cam: whether Grad-CAM is wanted.
        stacks: the series prepared, by id; None prepares them.
        t1: that is looked at beside a series, by the id of this (`partners_of`).
        progress: told how many slices are done.

    Returns:
        What the networks made of each series, by id, and what follows from it.
    """
    total, done = sum(one.volume.shape[0] for one in series) + slices_of(t1), 0

    def count(slices: int) -> None:
        nonlocal done
        done += slices
        if progress is not None:
            progress(done, total)

    outputs = {}
    for one in series:
        plane = plane_of_series(one)
        stack = prepare(one.volume, plane) if stacks is None else stacks[one.id]
        outputs[one.id] = infer(plane, stack, ensemble, with_cam=with_cam, count=count)
    bones = BesideT1(t1, ensemble, count)
    return outputs, [inferred(one, outputs[one.id], ensemble, bones=bones) for one in series]


def inferred(
    series: Series, output: SeriesOutput, ensemble: Ensemble, *, bones: BesideT1 | None = None
) -> InferredSeries:
    """What follows from the output of the networks for one series.

    Whether it is in scope its own bones say; where its joints lie, and what is measured, those of
    the T1 beside it say too.

    Args:
        series: of a plane that is judged.
        output: of the networks for it.
        ensemble: whose rule says which slices count.
        bones: the T1 series of the study; None without any.
    """
    plane, shares, affine = output.plane, ensemble.shares(output.plane), series.volume.affine_lps
    own = output.tissue.astype(np.float32)
    alone = Found(output.tissue, (series.id,))
    found = alone if bones is None else bones.beside(series, output.tissue)
    tissue = found.tissue.astype(np.float32)
    regions: Bools | None = joints_seen(tissue)
    if regions is not None and not regions.any():  # then geometry says where they are expected
        regions = joint_regions(plane, affine, series.volume.shape[0])
    evidence = sum_of_shares(output.disease, shares)
    lies = () if regions is None else at_joints(evidence, regions)
    measured = measure(series, tissue, output.oedema, [each.share for each in lies])
    least = ensemble.fusion.counting.get(plane)
    shown = pelvis_shown(own)
    notes = (*against_the_file(plane, own, shown, affine), *found.notes)
    return InferredSeries(
        series, output.probabilities, shares, lies, least, measured, shown, notes, found
    )


def plane_of_series(series: Series) -> Plane:
    """The plane of a series that has one.

    Raises:
        ValueError: it has none.
    """
    if series.plane is None:
        raise ValueError(f"series {series.id} has no plane")
    return series.plane


def study_features(series: Sequence[InferredSeries], member: str) -> dict[Plane, Floats64]:
    """Features by plane, of `ENSEMBLE` or of one member in the planes that it reads.

    Of the slices that count alone; a plane without any is left out.
    """
    by_plane: defaultdict[Plane, list[Floats64]] = defaultdict(list)
    for one in series:
        if one.counts.any() and (member == ENSEMBLE or member in one.members):
            by_plane[one.plane].append(one.smoothed(member)[one.counts])
    return {plane: plane_features(smoothed) for plane, smoothed in by_plane.items()}


def member_probabilities(
    series: Sequence[InferredSeries], fusion: Fusion
) -> dict[str, Probabilities]:
    """Study probabilities of each member alone, in the order of the members."""
    names = dict.fromkeys(name for one in series for name in one.members)
    features = {name: study_features(series, name) for name in names}
    return {
        name: Probabilities.from_array(fusion.probabilities(found))
        for name, found in features.items()
        if found
    }
