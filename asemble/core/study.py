"""`Series` and `Study`: what was read, without anything that identifies a person."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from asemble.core.errors import InputError
from asemble.core.geometry import slice_middle_mm, slice_normal, slice_positions_mm
from asemble.core.labels import Plane, Weighting
from asemble.core.volume import Volume


@dataclass(frozen=True, slots=True)
class Refusal:
    """A file or series that was left out, and why.

    Args:
        name: of the file inside the upload, for the person who uploaded it; never exported.
        reason: one sentence: what was wrong, and what to do.
        code: names the reason for programs.
        files: how many files or images it stands for.
        others: how many more files than the one that is named.
        is_series: whether they are of its series.
    """

    name: str
    reason: str
    code: str
    files: int = 1
    others: int = 0
    is_series: bool = False

    @classmethod
    def because(
        cls,
        error: InputError,
        name: str,
        files: int = 1,
        *,
        others: int = 0,
        is_series: bool = False,
    ) -> "Refusal":
        """What an error says, of the file `name`."""
        return cls(name, str(error), error.code, files, others, is_series)

    @property
    def label(self) -> str:
        """Its file, and how many more.

        >>> Refusal("a", "Empty.", "file-empty", 2, others=1).label
        'a and 1 more'
        """
        if not self.others:
            return self.name
        return f"{self.name} and {self.others} more{' of its series' if self.is_series else ''}"


def grouped_by_reason(refused: Iterable[Refusal]) -> tuple[Refusal, ...]:
    """One refusal for each reason, in the order in which the reasons first occur.

    >>> empty = [Refusal(name, "Empty.", "file-empty") for name in "ab"]
    >>> [row.label for row in grouped_by_reason(empty)]
    ['a and 1 more']
    """
    groups: dict[str, list[Refusal]] = {}
    for refusal in refused:
        groups.setdefault(refusal.reason, []).append(refusal)
    return tuple(_together(group) for group in groups.values())


def _together(group: list[Refusal]) -> Refusal:
    first = group[0]
    if len(group) == 1:
        return first
    files = sum(refusal.files for refusal in group)
    return replace(first, files=files, others=files - 1, is_series=False)


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One volume of one series.

    Args:
        id: short name inside the study (`s01`), never a UID.
        description: words of the protocol, cleaned of anything that could name a person.
        volume: voxels and affine.
        plane: None where the file does not say and the user has not stated it.
        weighting: contrast; `other` where it could not be told.
        notes: sentences about choices made while reading, for the user.
        body_part: BodyPartExamined in upper case, empty where unknown.
        modality: "MR" for magnetic resonance; empty where the file does not say.
        synthetic: whether the file says that it was simulated.
        frame_of_reference: a name inside the study ("F1", "F2", ...), never the UID: series of one
            name share a FrameOfReferenceUID, so their millimetres may be compared. Between other
            names they may not, and where it is None (NIfTI, pictures, a file that states none)
            with nothing else.
    """

    id: str
    description: str
    volume: Volume
    plane: Plane | None
    weighting: Weighting
    notes: tuple[str, ...] = ()
    body_part: str = ""
    modality: str = ""
    synthetic: bool = False
    frame_of_reference: str | None = None

    def shares_frame_with(self, other: "Series") -> bool:
        """Whether millimetres of the two series may be compared."""
        return self.frame_of_reference is not None and (
            self.frame_of_reference == other.frame_of_reference
        )

    def nearest_slice(self, other: "Series", index: int) -> tuple[int, float] | None:
        """Which slice lies nearest to a slice of another series, and how many mm away.

        Along the normal of this series. None where the files do not say how both lie.
        """
        here, there = self.volume.affine_lps, other.volume.affine_lps
        if here is None or there is None or not self.shares_frame_with(other):
            return None
        middle = slice_middle_mm(there, other.volume.shape, index)
        places = slice_positions_mm(here, self.volume.shape[0])
        away = np.abs(places - middle @ slice_normal(here))
        nearest = int(away.argmin())
        return nearest, float(away[nearest])

    def corrected(
        self, *, plane: Plane | None = None, weighting: Weighting | None = None
    ) -> "Series":
        """The same series with the plane or weighting that the user states."""
        return replace(self, plane=plane or self.plane, weighting=weighting or self.weighting)


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """The series of one examination.

    Args:
        series: in the order of their ids.
        refused: what was left out, each with its reason.
        key: SHA-256 of the pixel data and geometry, in hex: names a study in a session's cache
            without naming a person.
        attribution: how published images are credited, with their licence; stands wherever the
            study is shown or exported. Empty for what nobody published.
        prior: an earlier examination of the same patient; None without one. What is judged,
            counted and reported of a study is of its own series, unless the prior is named.
    """

    series: tuple[Series, ...]
    refused: tuple[Refusal, ...]
    key: str
    attribution: tuple[str, ...] = ()
    prior: "Prior | None" = None

    @property
    def synthetic(self) -> bool:
        """Whether any series says that it was simulated."""
        return any(series.synthetic for series in self.series)

    @property
    def all_series(self) -> tuple[Series, ...]:
        """Those of the prior, too."""
        return self.series if self.prior is None else (*self.series, *self.prior.study.series)

    def series_by_id(self, series_id: str) -> Series:
        """The series of that id, of the study or of its prior.

        Raises:
            ValueError: no series has that id.
        """
        for series in self.all_series:
            if series.id == series_id:
                return series
        raise ValueError(f"no series {series_id!r} in this study")

    def with_series(self, series: Series) -> "Study":
        """The same study with the series of that id replaced, in it or in its prior."""
        self.series_by_id(series.id)
        prior = self.prior
        return replace(
            self,
            series=_replaced(self.series, series),
            prior=prior
            and replace(
                prior,
                study=replace(prior.study, series=_replaced(prior.study.series, series)),
            ),
        )


def _replaced(all_series: tuple[Series, ...], series: Series) -> tuple[Series, ...]:
    return tuple(series if old.id == series.id else old for old in all_series)


@dataclass(frozen=True, slots=True, eq=False)
class Prior:
    """An earlier examination of the same patient.

    Args:
        study: its series, whose ids begin with `p` (`p01`) and frames of reference with `P`: no
            series of two examinations has one name, and no millimetres of one are those of another.
        days: from it to the current examination; None where the files do not say.
        is_checked: whether the files of both say whose they are, and it is one patient.

    >>> study = Study((), (), "")
    >>> Prior(study, 84, True).interval, Prior(study, 9, True).interval
    ('12 weeks (84 days)', '9 days')
    """

    study: Study
    days: int | None
    is_checked: bool

    @property
    def interval(self) -> str:
        """How long before the current examination, in words."""
        if self.days is None:
            return "an interval that the files do not state"
        days = "1 day" if self.days == 1 else f"{self.days} days"
        return f"{self.days / 7:.0f} weeks ({days})" if self.days >= 14 else days
