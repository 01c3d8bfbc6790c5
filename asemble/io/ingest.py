"""What an upload brings, each file to the reader of its format, then series of examinations."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from asemble.cases import credits_of
from asemble.core.errors import FileError, SeriesError
from asemble.core.memory_budget import Reservation
from asemble.core.study import Refusal
from asemble.io import hints, limits
from asemble.io.archive.budget import Budget
from asemble.io.archive.parts import Part
from asemble.io.archive.unpack import Unpacked, unpack
from asemble.io.decode import processes
from asemble.io.dicom import dicomdir, reader
from asemble.io.dicom.dates import Day, Days
from asemble.io.dicom.frames import Frame
from asemble.io.dicom.patients import ALONE, ASSUMED, FEWEST_FILES, Patients, more_than_one
from asemble.io.dicom.prescan import Elements
from asemble.io.formats import nifti, nifti_pairs, raster
from asemble.io.series import duplicates
from asemble.io.series.examinations import examinations
from asemble.io.series.stack import Draft, stack

FORMATS = "Upload DICOM (also as zip or tar), NIfTI, or PNG/JPEG pictures of MR slices."

LOOK_AHEAD = 2 * processes.DECODERS
"""Files whose pixels may be in work while the next one's header is read."""


@dataclass(frozen=True, slots=True, eq=False)
class Examination:
    """The series of one examination, which have no ids yet.

    Args:
        drafts: in the order of the files.
        day: on which it was made; None where the files do not agree on one.
        is_named: whether its files say whose it is.
        attribution: how published series among them are credited.
    """

    drafts: tuple[Draft, ...]
    day: Day | None = None
    is_named: bool = False
    attribution: tuple[str, ...] = ()

    def with_others(self, other: "Examination") -> "Examination":
        """The same examination with more series; the same volume once."""
        return Examination(
            self.drafts + other.drafts,
            self.day or other.day,
            self.is_named or other.is_named,
            tuple(dict.fromkeys((*self.attribution, *other.attribution))),
        )


@dataclass(slots=True)
class Ingest:
    """What has been read so far of one upload, in the order of the files.

    Headers and plain pixels are read here, one after the other; helpers wait for the decoders of
    compressed ones, a few files at once.
    """

    held: Reservation
    patients: Patients
    days: Days
    voxels: int = 0
    frames: list[Frame] = field(default_factory=list)
    pictures: list[tuple[str, npt.NDArray[np.float32]]] = field(default_factory=list)
    ready: list[Draft] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    indices: list[tuple[str, list[tuple[str, ...]]]] = field(default_factory=list)
    halves: nifti_pairs.Pairs = field(default_factory=nifti_pairs.Pairs)
    elements: Elements = field(default_factory=Elements)
    _budget: Budget = field(default_factory=Budget)
    _share: processes.Share = field(default_factory=processes.Share)
    _helpers: ThreadPoolExecutor = field(init=False)
    _waiting: deque[tuple[str, Callable[[], None]]] = field(default_factory=deque)
    _until: float = field(default_factory=lambda: time.monotonic() + limits.MAX_UPLOAD_SECONDS)

    def __post_init__(self) -> None:
        self._helpers = ThreadPoolExecutor(
            processes.DECODERS, "asemble-read", processes.take_part, (self._share,)
        )

    def __enter__(self) -> "Ingest":
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._helpers.shutdown(cancel_futures=True)
        processes.pool().let_go(self._share)

    def examinations(
        self, parts: Sequence[Part], told: Callable[[int], None] | None = None
    ) -> list[Examination]:
        """The examinations of these files, the latest first; files are taken in one by one.

        Refusals, also of groups that form no series and of what is missing, are noted.

        Args:
            parts: what was uploaded.
            told: called with the number of files done so far, of this upload.

        Raises:
            InputError: they are of more than one patient, or there is no room for them.
        """
        self.frames, self.pictures, self.ready = [], [], []
        for item in unpack(parts, self._budget):
            self._add(item)
            if told is not None:
                told(len(self.names))
            if self._is_late:
                break
        while self._waiting:
            self._finish()
        return self._examinations()

    @property
    def _is_late(self) -> bool:
        """Whether the time of the upload is over; notes that the rest is left out."""
        if time.monotonic() < self._until:
            return False
        minutes = limits.MAX_UPLOAD_SECONDS / 60
        self.refused.append(
            Refusal(
                "the files after this one",
                f"Reading took longer than {minutes:g} minutes, so they were left out. "
                f"{hints.ASK_FOR_LESS}",
                "reading-timeout",
            )
        )
        return True

    def _add(self, item: Unpacked | Refusal) -> None:
        """Take in one file, or note why not.

        Raises:
            InputError: it is of another patient than the files before it.
        """
        self.names.append(item.name)
        try:
            self._waiting.append((item.name, self._begin(item)))
        except FileError as error:
            left_out = Refusal.because(error, item.name)
            self._waiting.append((item.name, lambda: self.refused.append(left_out)))
        while len(self._waiting) > LOOK_AHEAD:
            self._finish()

    def _finish(self) -> None:
        name, finish = self._waiting.popleft()
        try:
            finish()
        except FileError as error:
            self.refused.append(Refusal.because(error, name))

    def _begin(self, item: Unpacked | Refusal) -> Callable[[], None]:
        """Start to read a file; returns what waits for it and takes it in."""
        if isinstance(item, Refusal):
            return lambda: self.refused.append(item)
        name, data = item.name, item.data
        # What was stored so far has at most 4 bytes a voxel; no volume is made of it yet.
        self._grow(4 * self.voxels + len(data))
        if raster.looks_like_picture(data):
            picture = self._helpers.submit(raster.read_picture, data)
            return lambda: self._add_picture(name, picture.result())
        if nifti.looks_like_nifti(data):
            self._have_room(nifti.voxel_count(data))
            series = nifti.read_series(name, data)
            return lambda: self._keep(series)
        if dicomdir.is_index(data):
            named = dicomdir.files_named(data, elements=self._elements(data))
            return lambda: self.indices.append((name, named))
        if reader.looks_like_dicom(name, data):
            elements = self._elements(data)
            parsed = reader.read_header(
                name, data, patients=self.patients, days=self.days, elements=elements
            )
            self._count(parsed.layout.voxels)  # before its pixels take memory
            frames = self._pixels_of(parsed)
            return lambda: self.frames.extend(frames.result())
        if nifti_pairs.is_half(item):
            return lambda: self._add_half(item)
        raise FileError(
            "This file is not an image that can be read.", hint=FORMATS, code="format-unknown"
        )

    def _elements(self, data: bytes) -> Elements:
        """What the headers of the upload may still take, with room beside a file and all before."""
        lies = 4 * self.voxels + len(data)
        self.elements.have_room = lambda size: self._grow(lies + size)
        return self.elements

    def _pixels_of(self, parsed: reader.Parsed) -> Future[list[Frame]]:
        if parsed.is_compressed:
            return self._helpers.submit(parsed.frames)
        done: Future[list[Frame]] = Future()  # a helper would cost more than it saves
        done.set_result(parsed.frames())
        return done

    def _add_picture(self, name: str, picture: npt.NDArray[np.float32]) -> None:
        self._count(picture.size)
        self.pictures.append((name, picture))

    def _add_half(self, item: Unpacked) -> None:
        pair = self.halves.add(item)
        if pair is not None:
            self._have_room(nifti.voxel_count(pair[0]))
            self._keep(nifti.read_series(item.name, *pair))

    def _keep(self, series: Draft) -> None:
        self._count(series.series.volume.voxels.size)
        self.ready.append(series)

    def _count(self, voxels: int) -> None:
        if self.voxels + voxels > limits.MAX_TOTAL_VOXELS:
            raise FileError(
                f"The upload holds more than {limits.MAX_TOTAL_VOXELS // 10**6} million voxels, "
                "so this file was left out.",
                hint=hints.ASK_FOR_LESS,
                code="too-many-voxels",
            )
        self._have_room(voxels)
        self.voxels += voxels

    def _have_room(self, voxels: int) -> None:
        """Have room in memory for so many more.

        Raises:
            InputError: the process has none, nor after waiting.
        """
        self._grow(limits.BYTES_A_VOXEL * (self.voxels + voxels))

    def _grow(self, size: int) -> None:
        self.held.grow(size, limits.BYTES_A_VOXEL * limits.MAX_TOTAL_VOXELS)

    def _examinations(self) -> list[Examination]:
        missing = [dicomdir.missing(name, named, self.names) for name, named in self.indices]
        self.refused += [refusal for refusal in missing if refusal is not None]
        self.refused += self.halves.refusals()
        self.indices, self.halves = [], nifti_pairs.Pairs()
        others = [*self.ready, *raster.stack_pictures(self.pictures)]
        is_each_new = self.patients.are_new_in_every_file  # and so, it may be, is the date
        by_day, left_out = examinations([] if is_each_new else self.frames, self.days)
        self.refused += left_out
        found = []
        for day, frames in [(None, self.frames)] if is_each_new else by_day:
            stacked = self._stacked(frames)
            drafts = self._of_one_patient(stacked) if is_each_new else stacked
            is_named = not is_each_new and any(frame.header.is_named for frame in frames)
            credited = credits_of({frame.header.series for frame in frames})
            found.append(Examination(self.once([*others, *drafts]), day, is_named, credited))
            others = []
        return [each for each in found if each.drafts]

    def _stacked(self, frames: Sequence[Frame]) -> list[Draft]:
        stacked = []
        for result in stack(frames):
            if isinstance(result, Refusal):
                self.refused.append(result)
            else:
                stacked.append(result)
        return stacked

    def _of_one_patient(self, stacked: Sequence[Draft]) -> list[Draft]:
        """The stacks whose slices belong together although each file names another patient.

        Raises:
            InputError: there are none.
        """
        kept: list[Draft] = []
        for each in stacked:
            if each.files < FEWEST_FILES:
                self.refused.append(refusal(each, ALONE))
                continue
            notes = (ASSUMED, *each.series.notes)
            kept.append(replace(each, series=replace(each.series, notes=notes)))
        if not kept:
            raise more_than_one()
        return kept

    def once(self, drafts: Sequence[Draft]) -> tuple[Draft, ...]:
        """Each volume once: a series that was sent again under a new UID would count double.

        Pictures have no place in the patient that could be the same.
        """
        kept: dict[object, Draft] = {}
        for number, draft in enumerate(drafts):
            series = draft.series
            same: object = (draft.digest, draft.order, series.weighting, series.description)
            if series.volume.affine_lps is None:
                same = number
            if kept.setdefault(same, draft) is not draft:
                self.refused.append(refusal(draft, duplicates.SAME_VOLUME))
        return tuple(kept.values())


def refusal(draft: Draft, error: SeriesError) -> Refusal:
    """The refusal of a whole series."""
    slices = draft.series.volume.shape[0]
    return Refusal.because(error, draft.name, slices, others=draft.files - 1, is_series=True)
