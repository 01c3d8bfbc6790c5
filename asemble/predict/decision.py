"""What the ensemble decides, its interval, and in sentences why it abstains."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from asemble.core.geometry import possible_planes
from asemble.core.labels import JUDGED_PLANES, PATTERNS, Weighting
from asemble.core.results import ABSTAIN, MEMBERS_DISAGREE, Level, Probabilities, Remark
from asemble.core.study import Series, Study
from asemble.models.calibration import IntervalRule
from asemble.predict.gate import Refusals
from asemble.predict.inference import InferredSeries

MIN_SLICES = 5
"""A study judged from fewer slices is not judged: the joints span 15-25 slices."""

DISAGREEMENT = 0.5
"""Members that hold more of the ensemble's skill than this must not find another class likeliest
(docs/decisions/0022)."""

NOTHING_JUDGED = "No series could be judged; the reason stands beside each series."
UNKNOWN_SIZE = (
    "A series whose voxel sizes are unknown was judged as if its image filled a field of 200 mm."
)
PLANE_OPEN, TOO_FEW_SLICES = "plane-open", "too-few-slices"
"""Codes that two reasons have."""

CLOSE_CALL = 0.5
"""Below it the other two classes together are as likely as the best one, which is then said."""


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


def decide(
    judged: Sequence[InferredSeries],
    probabilities: Probabilities | None,
    members: Mapping[str, Probabilities] = MappingProxyType({}),
) -> tuple[str, list[Remark]]:
    """The decision, and why it abstains or what limits the answer.

    It never abstains because two classes are close: the likeliest is the decision, and that it
    was close is said.

    Args:
        judged: every series that was judged.
        probabilities: of the ensemble; None where no slice counts.
        members: each member's own, by its name.
    """
    if not judged:
        return ABSTAIN, [Remark("nothing-judged", NOTHING_JUDGED, Level.REASON)]
    limits = [*_beside_the_joints(judged), *_limits(judged)]
    few = too_few([one.series for one in judged]) or _too_few_count(judged)
    if few is not None or probabilities is None:
        return ABSTAIN, [*([few] if few else []), *limits]
    others = {name: own.top for name, own in members.items() if own.top is not probabilities.top}
    if not others:
        return probabilities.top.value, [*_close_call(probabilities), *limits]
    answers = " and ".join(f"{name} {top.value}" for name, top in others.items())
    top, held = probabilities.top, sum(skill_shares(judged)[name] for name in others)
    weight = f" (weight in the ensemble: {held:.0%})" if held > DISAGREEMENT else ""
    sentence = (
        f"The members disagree: the ensemble finds {top.value} most likely, but {answers}{weight}."
    )
    disagree = Remark(MEMBERS_DISAGREE, sentence, Level.REASON)
    if weight:
        return ABSTAIN, [disagree, *limits]
    return top.value, [*_close_call(probabilities), disagree, *limits]


def skill_shares(judged: Sequence[InferredSeries]) -> dict[str, float]:
    """How much each member counts in the study: the mean of its shares in the planes that count."""
    by_plane = {one.plane: one.shares for one in judged if one.counts.any()}
    names = dict.fromkeys(name for shares in by_plane.values() for name in shares)
    return {
        name: float(np.mean([shares.get(name, 0.0) for shares in by_plane.values()]))
        for name in names
    }


def open_planes(study: Study, refusals: Refusals) -> list[Remark]:
    """A remark for each fluid-sensitive series whose plane its geometry does not settle.

    Args:
        study: as it was read.
        refusals: by series id why it is not judged, None where it is.
    """
    said = []
    for series in study.series:
        affine, remark = series.volume.affine_lps, refusals[series.id]
        if series.plane is None and series.weighting is Weighting.FLUID and remark is not None:
            sentence = f"{series.id} was not judged: {remark.sentence}"
            said.append(Remark(PLANE_OPEN, sentence, Level.REASON))
        elif remark is None and affine is not None and len(possible_planes(affine)) > 1:
            between = " and ".join(possible_planes(affine))
            sentence = (
                f"{series.id} was judged as {series.plane}, though its slices are tilted between "
                f"{between}: check the plane."
            )
            said.append(Remark(PLANE_OPEN, sentence, Level.REASON))
    return said


def too_few(series: Sequence[Series]) -> Remark | None:
    """A remark where series have too few slices for a study, or None where they suffice."""
    slices = sum(one.volume.shape[0] for one in series)
    if slices >= MIN_SLICES:
        return None
    plural = "s" if slices > 1 else ""
    return Remark(
        TOO_FEW_SLICES,
        f"Only {slices} slice{plural} could be judged; a study needs at least {MIN_SLICES}.",
        Level.REASON,
    )


def _too_few_count(judged: Sequence[InferredSeries]) -> Remark | None:
    counting = sum(int(one.counts.sum()) for one in judged)
    if counting >= MIN_SLICES:
        return None
    if not counting:
        return Remark(
            "no-slice-counts",
            "No slice counts: their evidence does not lie at the joints, or no joint is expected "
            "on them.",
            Level.REASON,
        )
    slices = sum(len(one.counts) for one in judged)
    return Remark(
        TOO_FEW_SLICES,
        f"Only {counting} of {slices} slices count, and a study needs at least {MIN_SLICES}: on "
        "the others the evidence does not lie at the joints, or no joint is expected.",
        Level.REASON,
    )


def _beside_the_joints(judged: Sequence[InferredSeries]) -> list[Remark]:
    """A remark where slices do not count that show evidence."""
    beside = sum(
        found.share is not None and why is not None
        for one in judged
        for found, why in zip(one.at_joints, one.why_not, strict=False)
    )
    if not beside:
        return []
    slices = sum(len(one.counts) for one in judged)
    sentence = (
        f"Evidence on {beside} of {slices} slices does not count: it lies away from the joints."
    )
    return [Remark("beside-the-joints", sentence, Level.REASON)]


def _close_call(probabilities: Probabilities) -> list[Remark]:
    """A remark where the likeliest class is not likelier than the others together."""
    second, first = np.argsort(probabilities.as_array(), kind="stable")[-2:]
    values = probabilities.as_array()
    if values[first] >= CLOSE_CALL:
        return []
    sentence = (
        f"Close call: {PATTERNS[first].heading} ({values[first]:.0%}) is only the likeliest; "
        f"{PATTERNS[second].heading} ({values[second]:.0%}) is next."
    )
    return [Remark("close-call", sentence, Level.REASON)]


def _limits(judged: Sequence[InferredSeries]) -> list[Remark]:
    limits = []
    planes = {one.plane for one in judged}
    if len(planes) == 1:
        (present,) = planes
        (absent,) = set(JUDGED_PLANES) - planes
        sentence = (
            f"Only the {present} plane was judged; no {absent} series could add to the answer."
        )
        limits.append(Remark("one-plane", sentence, Level.REASON))
    if any(one.series.volume.spacing_mm is None for one in judged):
        limits.append(Remark("unknown-size", UNKNOWN_SIZE, Level.REASON))
    return limits
