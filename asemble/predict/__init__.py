"""`predict(study) -> StudyPrediction`: the verb that the pages and the command line share.

Every slice of every series that may be judged goes through the members of its plane. A slice's
answer is made of the members' calibrated probabilities, each counted by its skill
(`Ensemble.shares`), smoothed over its neighbours and calibrated for its plane; how slices make a
study is told in `asemble.models.fusion`. A member's own answer for the study is found in the same
way from that member alone.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from asemble.core.geometry import slice_positions_mm
from asemble.core.labels import JUDGED_PLANES, PATTERNS, Plane
from asemble.core.results import (
    ABSTAIN,
    ENSEMBLE,
    Probabilities,
    SeriesPrediction,
    SlicePrediction,
    StudyPrediction,
)
from asemble.core.study import Series, Study
from asemble.imaging.quality import why_not_judged
from asemble.imaging.slices import prepare
from asemble.models import Ensemble
from asemble.models.calibration import Floats64, IntervalRule
from asemble.models.ensemble import sum_of_shares
from asemble.models.fusion import Fusion, plane_features, smooth
from asemble.models.scope import FEWEST_SLICES, Scope

MIN_SLICES = 5
"""A study judged from fewer slices is not judged: the joints span 15-25 slices."""

CLOSE_CALL = 0.5
"""Below it the other two classes together are as likely as the best one, which is then said."""

BATCH = 16
"""Slices a forward pass; small enough for 4 GiB of memory beside a browser."""

Progress = Callable[[int, int], None]
"""Called with slices done and slices in all."""


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """One series after the networks.

    Args:
        series: as it was read.
        members: `(slice, 3)` calibrated probabilities by member name.
        shares: how much each member counts.
    """

    series: Series
    members: Mapping[str, Floats64]
    shares: Mapping[str, float]

    @property
    def plane(self) -> Plane:
        """The plane, known for every series that was judged."""
        if self.series.plane is None:
            raise ValueError(f"series {self.series.id} was judged without a plane")
        return self.series.plane

    def smoothed(self, member: str) -> Floats64:
        """`(slice, 3)` of a member or of `ENSEMBLE`, smoothed over the neighbours."""
        if member == ENSEMBLE:
            return smooth(sum_of_shares(self.members, self.shares))
        return smooth(self.members[member])


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
    fusion = ensemble.fusion
    refusals = why_not_used(study, ensemble.scope)
    judged = judge([s for s in study.series if refusals[s.id] is None], ensemble, progress)
    by_id = {one.series.id: one for one in judged}
    members = member_probabilities(judged, fusion)
    fused = study_features(judged, ENSEMBLE)
    probabilities = Probabilities.from_array(fusion.probabilities(fused)) if fused else None
    decision, reasons = decide(judged, probabilities)
    return StudyPrediction(
        probabilities=probabilities,
        members=members,
        interval_inflammatory=interval(probabilities, list(members.values()), fusion.interval),
        decision=decision,
        reasons=reasons,
        series=tuple(
            SeriesPrediction(
                series_id=series.id,
                used=series.id in by_id,
                why_not=refusals[series.id],
                slices=_slices(by_id[series.id], fusion) if series.id in by_id else (),
            )
            for series in study.series
        ),
        weights=dict(ensemble.weights),
        device=ensemble.device,
        seconds={"predict": time.perf_counter() - started},
    )


def why_not_used(study: Study, scope: Scope) -> dict[str, str | None]:
    """By series id one sentence why it is not judged, or None where it is.

    First what the file and its pixels say of each series, then whether the slices show the
    joints. Series of a few slices, as single pictures are, answer together with the others of
    their plane.
    """
    refusals = {series.id: why_not_judged(series) for series in study.series}
    stacks: defaultdict[tuple[Plane, str], list[Series]] = defaultdict(list)
    for series in study.series:
        if refusals[series.id] is None and series.plane is not None:
            is_stack = series.volume.shape[0] >= FEWEST_SLICES
            stacks[series.plane, series.id if is_stack else ""].append(series)
    for (plane, _), members in stacks.items():
        images = np.concatenate([prepare(one.volume, plane).images for one in members])
        refusals |= dict.fromkeys((one.id for one in members), scope.why_not(plane, images))
    return refusals


def judge(
    series: Sequence[Series], ensemble: Ensemble, progress: Progress | None = None
) -> list[Judged]:
    """Each series through the members of its plane, in batches of slices."""
    total = sum(one.volume.shape[0] for one in series)
    done = 0
    judged = []
    for one in series:
        if one.plane is None:
            raise ValueError(f"series {one.id} has no plane")
        images = prepare(one.volume, one.plane).images
        parts: defaultdict[str, list[Floats64]] = defaultdict(list)
        for start in range(0, len(images), BATCH):
            outputs = ensemble.judge(one.plane, images[start : start + BATCH])
            for name, output in outputs.items():
                parts[name].append(np.asarray(output.probabilities, dtype=np.float64))
            done += len(images[start : start + BATCH])
            if progress is not None:
                progress(done, total)
        members = {name: np.concatenate(p) for name, p in parts.items()}
        judged.append(Judged(one, members, ensemble.shares(one.plane)))
    return judged


def study_features(judged: Sequence[Judged], member: str) -> dict[Plane, Floats64]:
    """Features by plane, of `ENSEMBLE` or of one member in the planes that it reads."""
    by_plane: defaultdict[Plane, list[Floats64]] = defaultdict(list)
    for one in judged:
        if member == ENSEMBLE or member in one.members:
            by_plane[one.plane].append(one.smoothed(member))
    return {plane: plane_features(smoothed) for plane, smoothed in by_plane.items()}


def member_probabilities(judged: Sequence[Judged], fusion: Fusion) -> dict[str, Probabilities]:
    """Study probabilities of each member alone, in the order of the members."""
    names = dict.fromkeys(name for one in judged for name in one.members)
    return {
        name: Probabilities.from_array(fusion.probabilities(study_features(judged, name)))
        for name in names
    }


def interval(
    probabilities: Probabilities | None, members: Sequence[Probabilities], rule: IntervalRule
) -> tuple[float, float] | None:
    """P(inflammatory), low and high, from how far the members disagree.

    Its width is fitted so that it holds the answer for a second examination of the same person
    (docs/decisions/0009). It is not a confidence interval for being right. None with fewer than
    two members.

    >>> same = Probabilities(0.25, 0.5, 0.25)
    >>> interval(same, [same, same], IntervalRule())
    (0.5, 0.5)
    """
    if probabilities is None or len(members) < 2:
        return None
    return rule.around(probabilities.inflammatory, [m.inflammatory for m in members])


def decide(judged: Sequence[Judged], probabilities: Probabilities | None) -> tuple[str, list[str]]:
    """The decision, and in sentences why it abstains or what limits the answer.

    It never abstains because two classes are close: the likeliest is the decision, and that it
    was close is said.
    """
    if probabilities is None:
        return ABSTAIN, ["No series could be judged; the reason stands beside each series."]
    limits = _limits(judged)
    too_few = _too_few([one.series for one in judged])
    if too_few is not None:
        return ABSTAIN, [too_few, *limits]
    return probabilities.top.value, [*_close_call(probabilities), *limits]


def why_abstains(study: Study, scope: Scope) -> str | None:
    """One sentence why the ensemble would abstain on a study, without asking its networks."""
    refusals = why_not_used(study, scope)
    used = [series for series in study.series if refusals[series.id] is None]
    if not used:
        reasons = [reason for reason in refusals.values() if reason is not None]
        return reasons[0] if reasons else "There is no series."
    return _too_few(used)


def _too_few(series: Sequence[Series]) -> str | None:
    slices = sum(one.volume.shape[0] for one in series)
    if slices >= MIN_SLICES:
        return None
    plural = "s" if slices > 1 else ""
    return f"Only {slices} slice{plural} could be judged; a study needs at least {MIN_SLICES}."


def _close_call(probabilities: Probabilities) -> list[str]:
    """One sentence where the likeliest class is not likelier than the others together."""
    second, first = np.argsort(probabilities.as_array(), kind="stable")[-2:]
    values = probabilities.as_array()
    if values[first] >= CLOSE_CALL:
        return []
    return [
        f"Close call: {PATTERNS[first].heading} ({values[first]:.0%}) is only the likeliest; "
        f"{PATTERNS[second].heading} ({values[second]:.0%}) is next."
    ]


def _limits(judged: Sequence[Judged]) -> list[str]:
    limits = []
    planes = {one.plane for one in judged}
    if len(planes) == 1:
        (present,) = planes
        (absent,) = set(JUDGED_PLANES) - planes
        limits.append(
            f"Only the {present} plane was judged; no {absent} series could add to the answer."
        )
    if any(one.series.volume.affine_lps is None for one in judged):
        limits.append(
            "A series without geometry was judged as if its image filled a field of 200 mm."
        )
    return limits


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
        )
        for index in range(count)
    )
