"""From files to a `Study`: each file to the reader of its format, then series, ids and the key."""

import hashlib
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from asemble.cases import credits_of
from asemble.core import memory_budget
from asemble.core.errors import FileError, InputError, SeriesError
from asemble.core.labels import Plane, Weighting
from asemble.core.memory_budget import Reservation
from asemble.core.study import Refusal, Study, grouped_by_reason
from asemble.core.volume import Floats
from asemble.io import hints, limits
from asemble.io.archive.parts import Part, parts_of
from asemble.io.archive.unpack import Unpacked, unpack
from asemble.io.decode import processes
from asemble.io.dicom import dicomdir, reader
from asemble.io.dicom.frames import Frame
from asemble.io.dicom.patients import ALONE, ASSUMED, FEWEST_FILES, Patients, more_than_one
from asemble.io.dicom.prescan import Elements
from asemble.io.formats import nifti, nifti_pairs, raster
from asemble.io.series import duplicates
from asemble.io.series.stack import Draft, stack

Waiting = Callable[[], None]
"""Called where the upload has to wait until others of the process have been read or closed."""
Progress = Callable[[int, int], None]
"""Called with the number of files done and the number known so far."""

FORMATS = "Upload DICOM (also as zip or tar), NIfTI, or PNG/JPEG pictures of MR slices."

EMPTY = "All voxels of this series have the same value: the image is empty."

_PLANE_ORDER = (*Plane, None)
_WEIGHTING_ORDER = tuple(Weighting)


def read_study(source: Path | Sequence[Path], *, progress: Progress | None = None) -> Study:
    """Read a file, a folder, an archive, or a list of these.

    Raises:
        InputError: nothing readable came in; otherwise problems are in `Study.refused`.
    """
    return read_parts(parts_of(source), progress=progress)


def read_parts(
    parts: Sequence[Part], *, progress: Progress | None = None, waiting: Waiting | None = None
) -> Study:
    """Read files that may live in memory, such as uploads of a browser.

    The result does not depend on the order or, pictures apart, on the names of the files.

    Raises:
        InputError: nothing readable came in, files of more than one patient did, or there is no
            room for the study; other problems are in `Study.refused`.
    """
    if not parts:
        raise InputError("Nothing was uploaded.", hint=FORMATS, code="nothing-uploaded")
    try:
        with memory_budget.shared().reserve(limits.FIRST_BYTES, waiting) as held:
            study = _read(parts, held, progress)
            arrays = [series.volume.voxels for series in study.series]
            held.keep((limits.KEPT_BYTES_A_VOXEL * each.size, each) for each in arrays)
            return study
    except MemoryError as error:
        raise memory_budget.out_of_memory() from error


def _read(parts: Sequence[Part], held: Reservation, progress: Progress | None) -> Study:
    with _Intake(held) as intake:
        for done, item in enumerate(unpack(parts), start=1):
            intake.add(item)
            if progress is not None:
                progress(done, max(done, len(parts)))
            if intake.is_late:
                break
    drafts = intake.drafts()
    if not drafts:
        raise _why_nothing(intake.refused)
    return _study(drafts, intake.refused, intake.credits)


LOOK_AHEAD = 2 * processes.DECODERS
"""Files whose pixels may be in work while the next one's header is read."""


@dataclass(slots=True)
class _Intake:
    """What has been read so far, in the order of the files.

    Headers and plain pixels are read here, one after the other; helpers wait for the decoders of
    compressed ones, a few files at once.
    """

    held: Reservation
    frames: list[Frame] = field(default_factory=list)
    pictures: list[tuple[str, npt.NDArray[np.float32]]] = field(default_factory=list)
    ready: list[Draft] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    indices: list[tuple[str, list[tuple[str, ...]]]] = field(default_factory=list)
    halves: nifti_pairs.Pairs = field(default_factory=nifti_pairs.Pairs)
    voxels: int = 0
    patients: Patients = field(default_factory=Patients)
    elements: Elements = field(default_factory=Elements)
    _share: processes.Share = field(default_factory=processes.Share)
    _helpers: ThreadPoolExecutor = field(init=False)
    _waiting: deque[tuple[str, Callable[[], None]]] = field(default_factory=deque)
    _until: float = field(default_factory=lambda: time.monotonic() + limits.MAX_UPLOAD_SECONDS)

    def __post_init__(self) -> None:
        self._helpers = ThreadPoolExecutor(
            processes.DECODERS, "asemble-read", processes.take_part, (self._share,)
        )

    def __enter__(self) -> "_Intake":
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        while self._waiting and kind is None:
            self._finish()
        self._helpers.shutdown(cancel_futures=True)
        processes.pool().let_go(self._share)

    @property
    def is_late(self) -> bool:
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

    def add(self, item: Unpacked | Refusal) -> None:
        """Take in one file, or note why not.

        Raises:
            InputError: it is of another patient than the files before it.
        """
        self.names.append(item.name)
        try:
            self._waiting.append((item.name, self._begin(item)))
        except FileError as error:
            refusal = Refusal.because(error, item.name)
            self._waiting.append((item.name, lambda: self.refused.append(refusal)))
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
            parsed = reader.read_header(name, data, patients=self.patients, elements=elements)
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

    @property
    def credits(self) -> tuple[str, ...]:
        """How published series among the DICOM files are credited."""
        return credits_of({frame.header.series for frame in self.frames})

    def drafts(self) -> list[Draft]:
        """Every series; refusals of groups that form none, and of what is missing, are noted."""
        missing = [dicomdir.missing(name, named, self.names) for name, named in self.indices]
        self.refused += [refusal for refusal in missing if refusal is not None]
        self.refused += self.halves.refusals()
        stacked: list[Draft] = []
        for result in stack(self.frames):
            if isinstance(result, Refusal):
                self.refused.append(result)
            else:
                stacked.append(result)
        if self.patients.are_new_in_every_file:
            stacked = self._of_one_patient(stacked)
        return self._once([*self.ready, *raster.stack_pictures(self.pictures), *stacked])

    def _of_one_patient(self, stacked: Sequence[Draft]) -> list[Draft]:
        """The stacks whose slices belong together although each file names another patient.

        Raises:
            InputError: there are none.
        """
        kept: list[Draft] = []
        for each in stacked:
            if each.files < FEWEST_FILES:
                self.refused.append(_refusal(each, ALONE))
                continue
            notes = (ASSUMED, *each.series.notes)
            kept.append(replace(each, series=replace(each.series, notes=notes)))
        if not kept:
            raise more_than_one()
        return kept

    def _once(self, drafts: Sequence[Draft]) -> list[Draft]:
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
                self.refused.append(_refusal(draft, duplicates.SAME_VOLUME))
        return list(kept.values())


def _refusal(draft: Draft, error: SeriesError) -> Refusal:
    slices = draft.series.volume.shape[0]
    return Refusal.because(error, draft.name, slices, others=draft.files - 1, is_series=True)


def _why_nothing(refused: Sequence[Refusal]) -> InputError:
    """One error for the upload as a whole, without file names."""
    if not refused:
        return InputError("The upload holds no files.", hint=FORMATS, code="nothing-uploaded")
    reasons = grouped_by_reason(refused)
    if len(reasons) == 1:
        return InputError(reasons[0].reason, code=reasons[0].code)
    most = max(reasons, key=lambda group: group.files)
    files = sum(group.files for group in reasons)
    return InputError(
        f"None of {files} files could be read. {most.files} of them: {most.reason}", code=most.code
    )


def _study(
    drafts: Sequence[Draft], refused: Sequence[Refusal], attribution: tuple[str, ...]
) -> Study:
    ordered = sorted(drafts, key=_order)
    digests = dict.fromkeys(draft.frame_of_reference for draft in ordered)
    digests.pop("", None)
    frames = {digest: f"F{number}" for number, digest in enumerate(digests, start=1)}
    series = tuple(
        replace(
            draft.series,
            id=f"s{number:02d}",
            frame_of_reference=frames.get(draft.frame_of_reference),
            notes=(*draft.series.notes, *_if_empty(draft.series.volume.voxels)),
        )
        for number, draft in enumerate(ordered, start=1)
    )
    key = hashlib.sha256("".join(draft.digest for draft in ordered).encode()).hexdigest()
    return Study(series, tuple(refused), key, attribution)


def _if_empty(voxels: Floats) -> tuple[str, ...]:
    return (EMPTY,) if voxels.min() == voxels.max() else ()


def _order(draft: Draft) -> tuple[object, ...]:
    plane = _PLANE_ORDER.index(draft.series.plane)
    weighting = _WEIGHTING_ORDER.index(draft.series.weighting)
    return (plane, weighting, *draft.order, draft.digest)
