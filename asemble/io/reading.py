"""From files to a `Study`: each file to the reader of its format, then series, ids and the key."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from asemble.core.errors import FileError, InputError
from asemble.core.labels import Plane, Weighting
from asemble.core.study import Refusal, Series, Study
from asemble.io import dicom, disc, nifti, pairs, raster
from asemble.io.frames import Frame
from asemble.io.patients import Patients
from asemble.io.stack import Draft, stack
from asemble.io.unpack import Unpacked, unpack
from asemble.io.upload import ASK_FOR_LESS, MAX_TOTAL_VOXELS, Part, parts_of

Progress = Callable[[int, int], None]
"""Called with the number of files done and the number known so far."""

FORMATS = "Upload DICOM (also as zip or tar), NIfTI, or PNG/JPEG pictures of MR slices."

_PLANE_ORDER = (*Plane, None)
_WEIGHTING_ORDER = tuple(Weighting)


def read_study(source: Path | Sequence[Path], *, progress: Progress | None = None) -> Study:
    """Read a file, a folder, an archive, or a list of these.

    Raises:
        InputError: nothing readable came in; otherwise problems are in `Study.refused`.
    """
    return read_parts(parts_of(source), progress=progress)


def read_parts(parts: Sequence[Part], *, progress: Progress | None = None) -> Study:
    """Read files that may live in memory, such as uploads of a browser.

    The result does not depend on the order or, pictures apart, on the names of the files.

    Raises:
        InputError: nothing readable came in, or files of more than one patient did; other
            problems are in `Study.refused`.
    """
    if not parts:
        raise InputError("Nothing was uploaded.", hint=FORMATS)
    intake = _Intake()
    for done, item in enumerate(unpack(parts), start=1):
        intake.add(item)
        if progress is not None:
            progress(done, max(done, len(parts)))
    drafts = intake.drafts()
    if not drafts:
        raise _why_nothing(intake.refused)
    return _study(drafts, intake.refused)


@dataclass(slots=True)
class _Intake:
    """What has been read so far."""

    frames: list[Frame] = field(default_factory=list)
    pictures: list[tuple[str, npt.NDArray[np.float32]]] = field(default_factory=list)
    ready: list[Draft] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    indices: list[tuple[str, list[tuple[str, ...]]]] = field(default_factory=list)
    halves: pairs.Pairs = field(default_factory=pairs.Pairs)
    voxels: int = 0
    patients: Patients = field(default_factory=Patients)

    def add(self, item: Unpacked | Refusal) -> None:
        """Read one file, or note why not.

        Raises:
            InputError: it is of another patient than the files before it.
        """
        self.names.append(item.name)
        if isinstance(item, Refusal):
            self.refused.append(item)
            return
        try:
            self._read(item)
        except FileError as error:
            self.refused.append(Refusal(item.name, str(error)))

    def _read(self, item: Unpacked) -> None:
        name, data = item.name, item.data
        if raster.looks_like_picture(data):
            picture = raster.read_picture(data)
            self._count(picture.size)
            self.pictures.append((name, picture))
        elif nifti.looks_like_nifti(data):
            self._keep(nifti.read_series(name, data))
        elif disc.is_index(data):
            self.indices.append((name, disc.files_named(data)))
        elif dicom.looks_like_dicom(name, data):
            frames = dicom.read_frames(name, data, patients=self.patients)
            self._count(sum(frame.pixels.size for frame in frames))
            self.frames += frames
        elif pairs.is_half(item):
            pair = self.halves.add(item)
            if pair is not None:
                self._keep(nifti.read_series(name, *pair))
        else:
            raise FileError("This file is not an image that can be read.", hint=FORMATS)

    def _keep(self, series: Draft) -> None:
        self._count(series.series.volume.voxels.size)
        self.ready.append(series)

    def _count(self, voxels: int) -> None:
        if self.voxels + voxels > MAX_TOTAL_VOXELS:
            raise FileError(
                f"The upload holds more than {MAX_TOTAL_VOXELS // 10**6} million voxels, "
                "so this file was left out.",
                hint=ASK_FOR_LESS,
            )
        self.voxels += voxels

    def drafts(self) -> list[Draft]:
        """Every series; refusals of groups that form none, and of what is missing, are noted."""
        missing = [disc.missing(name, named, self.names) for name, named in self.indices]
        self.refused += [refusal for refusal in missing if refusal is not None]
        self.refused += self.halves.refusals()
        drafts = [*self.ready, *raster.stack_pictures(self.pictures)]
        for result in stack(self.frames):
            if isinstance(result, Refusal):
                self.refused.append(result)
            else:
                drafts.append(result)
        return drafts


def _why_nothing(refused: Sequence[Refusal]) -> InputError:
    """One error for the upload as a whole, without file names."""
    if not refused:
        return InputError("The upload holds no files.", hint=FORMATS)
    reasons = list(dict.fromkeys(refusal.reason for refusal in refused))
    if len(reasons) == 1:
        return InputError(reasons[0])
    files = sum(refusal.files for refusal in refused)
    return InputError(f"None of {files} files could be read. The first: {reasons[0]}")


def _study(drafts: Sequence[Draft], refused: Sequence[Refusal]) -> Study:
    ordered = sorted(drafts, key=_order)
    series = tuple(_named(draft.series, number) for number, draft in enumerate(ordered, start=1))
    key = hashlib.sha256("".join(draft.digest for draft in ordered).encode()).hexdigest()
    return Study(series, tuple(refused), key)


def _order(draft: Draft) -> tuple[object, ...]:
    plane = _PLANE_ORDER.index(draft.series.plane)
    weighting = _WEIGHTING_ORDER.index(draft.series.weighting)
    return (plane, weighting, *draft.order, draft.digest)


def _named(series: Series, number: int) -> Series:
    return replace(series, id=f"s{number:02d}")
