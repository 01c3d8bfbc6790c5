"""Series through the networks: what each member says of them, and the features of it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from asemble.core.labels import Plane
from asemble.core.measurements import Measurements
from asemble.core.results import ENSEMBLE, Probabilities, Remark
from asemble.core.study import Series
from asemble.core.volume import Floats
from asemble.explain.heatmaps import Progress
from asemble.imaging.arrangement import against_the_file, pelvis_shown
from asemble.imaging.bones import joints_seen
from asemble.imaging.joints import joint_regions
from asemble.imaging.slices import prepare
from asemble.measurements import measure
from asemble.models import Ensemble
from asemble.models.calibration import Floats64
from asemble.models.counting import AtJoints, at_joints, for_disease
from asemble.models.ensemble import judging, sum_of_shares
from asemble.models.fusion import Bools, Fusion, answers_of_slices, plane_features
from asemble.models.seeing import oedema_share
from asemble.predict.t1 import BesideT1, Found, slices_of


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """One series after the networks.

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
        """The plane, known for every series that was judged."""
        if self.series.plane is None:
            raise ValueError(f"series {self.series.id} was judged without a plane")
        return self.series.plane

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


class Counted:
    """Adds up the slices that are done.

    Args:
        total: of all that are to be looked at.
        progress: told how many of them are done.
    """

    def __init__(self, total: int, progress: Progress | None) -> None:
        self._total, self._progress, self._done = total, progress, 0

    def __call__(self, slices: int) -> None:
        """So many more."""
        self._done += slices
        if self._progress is not None:
            self._progress(self._done, self._total)


def judged_series(
    series: Series,
    members: Mapping[str, Floats64],
    disease: Mapping[str, Floats],
    ensemble: Ensemble,
    *,
    tissue: Floats,
    oedema: Floats,
    bones: BesideT1 | None = None,
) -> Judged:
    """A series after the networks, and where the evidence of its slices lies.

    Whether it is in scope its own bones say; where its joints lie, and what is measured, those of
    the T1 beside it say too.

    Args:
        series: of a plane that is judged.
        members: `(slice, 3)` calibrated probabilities by member name.
        disease: `(slice, 128, 128)` logits from 0 by member name, the evidence for any disease.
        ensemble: whose rule says which slices count.
        tissue: `(slice, 6, 128, 128)` of the ensemble, how likely each place is what.
        oedema: `(slice, 128, 128)` of the ensemble, how likely oedema is, 0..1.
        bones: the T1 series of the study; None without any.
    """
    plane = Plane(str(series.plane))
    shares = ensemble.shares(plane)
    # As finely as heatmaps keep it, so that `predict` and `assess` find the same.
    kept = tissue.astype(np.float16)
    own = kept.astype(np.float32)
    found = Found(kept, (series.id,)) if bones is None else bones.beside(series, kept)
    tissue = found.tissue.astype(np.float32)
    regions: Bools | None = joints_seen(tissue)
    if regions is not None and not regions.any():  # then geometry says where they are expected
        regions = joint_regions(plane, series.volume.affine_lps, series.volume.shape[0])
    evidence = sum_of_shares(disease, shares)
    lies = () if regions is None else at_joints(evidence, regions)
    measured = measure(series, tissue, oedema, [each.share for each in lies])
    least = ensemble.fusion.counting.get(plane)
    shown = pelvis_shown(own)
    notes = (*against_the_file(plane, own, shown, series.volume.affine_lps), *found.notes)
    return Judged(series, members, shares, lies, least, measured, shown, notes, found)


def judge(
    series: Sequence[Series],
    ensemble: Ensemble,
    progress: Progress | None = None,
    *,
    t1: Mapping[str, Series] = MappingProxyType({}),
) -> list[Judged]:
    """Each series through the members of its plane.

    Args:
        series: of planes that are judged.
        ensemble: whose members look.
        progress: told how many slices are done.
        t1: that is looked at beside a series, by the id of this (`predict.t1.partners_of`).
    """
    count = Counted(sum(one.volume.shape[0] for one in series) + slices_of(t1), progress)
    bones = BesideT1(t1, ensemble, count)
    judged = []
    for one in series:
        if one.plane is None:
            raise ValueError(f"series {one.id} has no plane")
        images = prepare(one.volume, one.plane).images
        parts: defaultdict[str, list[Floats64]] = defaultdict(list)
        evidence: defaultdict[str, list[Floats]] = defaultdict(list)
        tissue: list[Floats] = []
        oedema: list[Floats] = []
        shares = ensemble.shares(one.plane)
        with closing(ensemble.each(one.plane, images, judging)) as pieces:
            for piece in pieces:
                tissue.append(sum_of_shares({n: of[2] for n, of in piece.items()}, shares))
                oedema.append(sum_of_shares({n: of[3] for n, of in piece.items()}, shares))
                for name, (probabilities, maps, *_) in piece.items():
                    parts[name].append(probabilities)
                    evidence[name].append(for_disease(maps))
                count(len(next(iter(piece.values()))[0]))
        members = {name: np.concatenate(p) for name, p in parts.items()}
        disease = {name: np.concatenate(e) for name, e in evidence.items()}
        judged.append(
            judged_series(
                one,
                members,
                disease,
                ensemble,
                tissue=np.concatenate(tissue),
                oedema=oedema_share(np.concatenate(oedema)),
                bones=bones,
            )
        )
    return judged


def study_features(judged: Sequence[Judged], member: str) -> dict[Plane, Floats64]:
    """Features by plane, of `ENSEMBLE` or of one member in the planes that it reads.

    Of the slices that count alone; a plane without any is left out.
    """
    by_plane: defaultdict[Plane, list[Floats64]] = defaultdict(list)
    for one in judged:
        if one.counts.any() and (member == ENSEMBLE or member in one.members):
            by_plane[one.plane].append(one.smoothed(member)[one.counts])
    return {plane: plane_features(smoothed) for plane, smoothed in by_plane.items()}


def member_probabilities(judged: Sequence[Judged], fusion: Fusion) -> dict[str, Probabilities]:
    """Study probabilities of each member alone, in the order of the members."""
    names = dict.fromkeys(name for one in judged for name in one.members)
    features = {name: study_features(judged, name) for name in names}
    return {
        name: Probabilities.from_array(fusion.probabilities(found))
        for name, found in features.items()
        if found
    }
