"""The gate: which series are judged, by header, by a glance, and by the bones on their slices.

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
from asemble.imaging.quality import MAX_SLICES, TOO_MANY_SLICES, by_file, by_pixels
from asemble.imaging.slices import PreparedStack, prepare
from asemble.models import Ensemble
from asemble.models.ensemble import forward_tissue, sum_of_shares
from asemble.models.input_gate import FEWEST_SLICES, NOT_THE_JOINTS, TURNS, InputGate
from asemble.predict.inference import InferredSeries, plane_of_series

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


class Gate:
    """Which series of a study are judged: asked before the networks, and of the bones after them.

    Every series that its file lets pass is prepared once, for the questions to its slices and for
    the networks.

    Args:
        study: whose series are asked for.
        input_gate: what tells slices of the joints from others.
    """

    def __init__(self, study: Study, input_gate: InputGate) -> None:
        self.study, self._input_gate = study, input_gate
        localisers = _localisers(study.series)
        self.refusals: dict[str, Remark | None] = {
            one.id: localisers.get(one.id) or by_file(one) for one in study.series
        }
        self.stacks: dict[str, PreparedStack] = {}
        """By series id, of those that pass their file and their pixels."""

    @property
    def passed(self) -> list[Series]:
        """The series that nothing speaks against so far."""
        return [one for one in self.study.series if self.refusals[one.id] is None]

    def ask_slices(self) -> None:
        """Refuse what the pixels, the number of slices and a glance at them speak against.

        Series of a few slices, as single pictures are, answer the glance together with the others
        of their plane.
        """
        left = MAX_SLICES
        for one in self.passed:
            stack = prepare(one.volume, one.plane)
            remark = by_pixels(one, stack.images)
            if remark is None and one.volume.shape[0] > left:
                remark = Remark(TOO_MANY_SLICES, TOO_MANY)
            self.refusals[one.id] = remark
            if remark is None:
                left -= one.volume.shape[0]
                self.stacks[one.id] = stack
        for members in _together(self.passed):
            plane = plane_of_series(members[0])
            self._refuse(members, self._input_gate.glance(plane, self._images(members)))

    def ask_bones(self, series: Sequence[InferredSeries], ensemble: Ensemble) -> None:
        """Refuse what the bones on the slices speak against, and tell what is stored turned so.

        Args:
            series: those that went through the networks.
            ensemble: whose networks name the bones.
        """
        shown = {one.series.id: one.shown for one in series if one.shown is not None}
        for members in _together(self.study.series_by_id(each) for each in shown):
            slices = np.concatenate([shown[one.id] for one in members])
            refused = self._input_gate.by_bones(slices)
            self._refuse(members, self._turned(members, ensemble, slices) or refused)
        for members in _together(one for one in self._strange if one.id not in shown):
            self._refuse(members, self._turned(members, ensemble))
        for members in _together(self._strange):
            self._refuse(members, self._other_plane(members, ensemble))

    @property
    def _strange(self) -> list[Series]:
        """The series that do not look like the joints."""
        remarks = {id_: each for id_, each in self.refusals.items() if each is not None}
        strange = {id_ for id_, each in remarks.items() if each.code == NOT_THE_JOINTS}
        return [one for one in self.study.series if one.id in strange]

    def _refuse(self, members: Sequence[Series], remark: Remark | None) -> None:
        if remark is not None:
            self.refusals |= dict.fromkeys([one.id for one in members], remark)

    def _images(self, members: Sequence[Series]) -> Floats:
        images = [self.stacks[one.id].images for one in members]
        return images[0] if len(images) == 1 else np.concatenate(images)

    def _turned(
        self, members: Sequence[Series], ensemble: Ensemble, shown: Bools | None = None
    ) -> Remark | None:
        """That more slices show the joints when they are turned, or None where it is not so.

        Args:
            members: what answers together.
            ensemble: asked only where the glance thinks so.
            shown: `(slice,)`, which show them as they are; None where nobody looked.
        """
        plane, images = plane_of_series(members[0]), self._images(members)
        name = self._input_gate.would_show(plane, images)
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

    def _other_plane(self, members: Sequence[Series], ensemble: Ensemble) -> Remark | None:
        """That the networks of the other plane see the joints, where that may be the right one."""
        stated = plane_of_series(members[0])
        (plane,) = set(JUDGED_PLANES) - {stated}
        if not all(is_word_alone(stated, one.volume.affine_lps) for one in members):
            return None
        images = np.concatenate([prepare(one.volume, plane).images for one in members])
        if self._input_gate.glance(plane, images):
            return None
        middle = _middle(len(images))
        shown = pelvis_shown(tissue_of(plane, np.ascontiguousarray(images[middle]), ensemble))
        if shown.mean() < MOST:
            return None
        return Remark(
            OTHER_PLANE,
            f"The slices look {plane.value}, not {stated.value}: the networks of that plane see "
            "the joints on them. State the plane.",
        )


def tissue_of(plane: Plane, images: Floats, ensemble: Ensemble) -> Floats:
    """`(slice, 6, 128, 128)`: what the ensemble of a plane makes of prepared slices."""
    shares = ensemble.shares(plane)
    pieces = ensemble.each(plane, images, forward_tissue)
    return np.concatenate(
        [sum_of_shares({name: of[0] for name, of in piece.items()}, shares) for piece in pieces]
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


def _together(series: Iterable[Series]) -> list[list[Series]]:
    """Series that answer together: each stack for itself, few slices with those of their plane."""
    groups: defaultdict[tuple[Plane, str], list[Series]] = defaultdict(list)
    for one in series:
        is_stack = one.volume.shape[0] >= FEWEST_SLICES
        groups[plane_of_series(one), one.id if is_stack else ""].append(one)
    return list(groups.values())
