"""Which series are judged: by what the file says, by a glance, and by the bones on their slices.

The cheap questions come first. What they leave open goes through the networks of its plane, and
the bones that these name decide. What looks as if it were stored turned is looked at once more the
other way up, so that the sentence is about what is so.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from asemble.core.labels import JUDGED_PLANES, Plane
from asemble.core.results import Remark
from asemble.core.study import Series, Study
from asemble.core.volume import Floats
from asemble.imaging.arrangement import OTHER_PLANE, Bools, is_word_alone, pelvis_shown
from asemble.imaging.quality import MAX_SLICES, TOO_MANY_SLICES, remark_on
from asemble.imaging.slices import prepare
from asemble.models import Ensemble
from asemble.models.ensemble import judging, sum_of_shares
from asemble.models.scope import FEWEST_SLICES, NOT_THE_JOINTS, TURNS, Scope
from asemble.predict.judging import Judged

TURNED, LOCALISER = "turned", "localiser"
"""Codes of what is refused here."""
FEW = 5
"""Slices from the middle of a stack that are looked at the other way up."""
MOST = 0.4
"""So many of them have to show a pelvis that way."""

TOO_MANY = (
    f"The series before it hold nearly {MAX_SLICES:,} slices, and more of one study are not "
    "judged. Upload only the sacroiliac MRI series."
)

Refusals = Mapping[str, Remark | None]
"""By series id why it is not judged, None where it is."""


def refused_unseen(study: Study, scope: Scope) -> dict[str, Remark | None]:
    """What is refused without asking a network of bones.

    First what the file and its pixels say of each series, then how its slices look. Series of a
    few slices, as single pictures are, answer together with the others of their plane.
    """
    localisers = _localisers(study.series)
    refusals = {one.id: localisers.get(one.id) or remark_on(one) for one in study.series}
    left = MAX_SLICES
    for one in study.series:
        if refusals[one.id] is None and one.volume.shape[0] > left:
            refusals[one.id] = Remark(TOO_MANY_SLICES, TOO_MANY)
        elif refusals[one.id] is None:
            left -= one.volume.shape[0]
    for members in _stacks(one for one in study.series if refusals[one.id] is None):
        plane = plane_of_series(members[0])
        refusals |= dict.fromkeys(_ids(members), scope.glance(plane, _prepared(members)))
    return refusals


def refused_seen(
    judged: Sequence[Judged], refusals: Refusals, study: Study, ensemble: Ensemble
) -> dict[str, Remark | None]:
    """`refusals`, with those by the bones on the slices, and what is stored turned told so.

    Args:
        judged: the series that went through the networks.
        refusals: as `refused_unseen` found them.
        study: whose series they are.
        ensemble: whose networks name the bones.
    """
    shown = {one.series.id: one.shown for one in judged if one.shown is not None}
    found = dict(refusals)
    for members in _stacks(study.series_by_id(each) for each in shown):
        slices = np.concatenate([shown[one.id] for one in members])
        refused = ensemble.scope.by_bones(slices)
        found |= dict.fromkeys(_ids(members), _turned(members, ensemble, slices) or refused)
    glanced = [one for one in study.series if _is_strange(found[one.id]) and one.id not in shown]
    for members in _stacks(glanced):
        found |= dict.fromkeys(_ids(members), _turned(members, ensemble) or found[members[0].id])
    for members in _stacks(one for one in study.series if _is_strange(found[one.id])):
        other = _other_plane(members, ensemble)
        if other is not None:
            found |= dict.fromkeys(_ids(members), other)
    return found


def plane_of_series(series: Series) -> Plane:
    """The plane of a series that has one.

    Raises:
        ValueError: it has none.
    """
    if series.plane is None:
        raise ValueError(f"series {series.id} has no plane")
    return series.plane


def tissue_of(plane: Plane, images: Floats, ensemble: Ensemble) -> Floats:
    """`(slice, 6, 128, 128)`: what the ensemble of a plane makes of prepared slices."""
    shares = ensemble.shares(plane)
    pieces = ensemble.each(plane, images, judging)
    return np.concatenate(
        [sum_of_shares({name: of[2] for name, of in piece.items()}, shares) for piece in pieces]
    )


def _is_strange(remark: Remark | None) -> bool:
    return remark is not None and remark.code == NOT_THE_JOINTS


def _turned(
    members: Sequence[Series], ensemble: Ensemble, shown: Bools | None = None
) -> Remark | None:
    """That more slices show the joints when they are turned, or None where it is not so.

    Args:
        members: what answers together.
        ensemble: asked only where the glance thinks so.
        shown: `(slice,)`, which show them as they are; None where nobody looked.
    """
    plane, images = plane_of_series(members[0]), _prepared(members)
    name = ensemble.scope.would_show(plane, images)
    if name is None:
        return None
    middle = _middle(len(images))
    turned = np.ascontiguousarray(TURNS[name](images[middle]))
    after = int(pelvis_shown(tissue_of(plane, turned, ensemble)).sum())
    before = 0 if shown is None else int(shown[middle].sum())
    if after < MOST * len(middle) or after <= before:
        return None
    return Remark(
        TURNED,
        f"The slices are stored {name}: the other way up, the networks see the joints on them. "
        "Export them again as they are shown.",
    )


def _other_plane(members: Sequence[Series], ensemble: Ensemble) -> Remark | None:
    """That the networks of the other plane see the joints, where that may be the right one."""
    stated = plane_of_series(members[0])
    (plane,) = set(JUDGED_PLANES) - {stated}
    images = np.concatenate([prepare(one.volume, plane).images for one in members])
    is_open = all(is_word_alone(stated, one.volume.affine_lps) for one in members)
    if not is_open or ensemble.scope.network is None or ensemble.scope.glance(plane, images):
        return None
    middle = _middle(len(images))
    shown = pelvis_shown(tissue_of(plane, np.ascontiguousarray(images[middle]), ensemble))
    if shown.mean() < MOST:
        return None
    return Remark(
        OTHER_PLANE,
        f"The slices look {plane.value}, not {stated.value}: the networks of that plane see the "
        "joints on them. State the plane.",
    )


def _middle(slices: int) -> npt.NDArray[np.int64]:
    """Numbers of at most `FEW` slices from the middle half of so many."""
    at = np.linspace(0.25, 0.75, min(FEW, slices)) * (slices - 1)
    return np.unique(at.round().astype(np.int64))


def _localisers(series: Iterable[Series]) -> dict[str, Remark]:
    """The few slices in three planes that are taken to plan an examination, by series id.

    They share a description and a frame of reference. Two planes are no localiser: excerpts of two
    stacks look like that.
    """
    groups: defaultdict[tuple[str, str], list[Series]] = defaultdict(list)
    for one in series:
        if one.plane is not None and one.description and one.frame_of_reference is not None:
            groups[one.description, one.frame_of_reference].append(one)
    found: dict[str, Remark] = {}
    for members in groups.values():
        planes = list(dict.fromkeys(plane_of_series(one).value for one in members))
        few = [one for one in members if one.volume.shape[0] < FEWEST_SLICES]
        if len(planes) == len(Plane):
            sentence = (
                f"A few slices in three planes ({', '.join(planes)}) under one name are a "
                "localiser; upload the series of the joints."
            )
            found |= {one.id: Remark(LOCALISER, sentence) for one in few}
    return found


def _stacks(series: Iterable[Series]) -> list[list[Series]]:
    """Series that answer together: each stack for itself, few slices with those of their plane."""
    stacks: defaultdict[tuple[Plane, str], list[Series]] = defaultdict(list)
    for one in series:
        is_stack = one.volume.shape[0] >= FEWEST_SLICES
        stacks[plane_of_series(one), one.id if is_stack else ""].append(one)
    return list(stacks.values())


def _prepared(members: Sequence[Series]) -> Floats:
    return np.concatenate([prepare(one.volume, plane_of_series(one)).images for one in members])


def _ids(members: Iterable[Series]) -> list[str]:
    return [one.id for one in members]
