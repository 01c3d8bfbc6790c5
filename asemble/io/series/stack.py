"""Slices to series: separate what belongs together, order it, place it in the patient."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from asemble.core.errors import SeriesError
from asemble.core.study import Refusal, Series
from asemble.core.volume import Affine, Volume
from asemble.io import hints
from asemble.io.dicom.diffusion import throughout
from asemble.io.dicom.frames import Frame
from asemble.io.series.duplicates import refusal_of_copies, without_copies, without_renumbered
from asemble.io.series.gaps import (
    IN_LINE_MM,
    LEAST_BLOCK_SLICES,
    MOST_BLOCKS,
    Block,
    blocks_of,
    notes_on_missing,
)
from asemble.io.series.grouping import alike, beside_mm, grouped, turning
from asemble.io.series.planes import plane_by
from asemble.io.series.positions import placed
from asemble.io.series.split_series import mended
from asemble.io.series.volumes import contrasts, protocols, volumes_of
from asemble.io.series.weighting import weighting_of

BURNED_IN = (
    "The file says that text is burned into the images; it may name the patient, so look at them "
    "before you share them."
)
CAPTURED = (
    "These are secondary captures (pictures taken from a screen): the name of the patient may "
    "stand in them, and greys may be lost."
)
LOSSY = "The images were compressed lossily: fine detail may be lost, or added."

_WHOLE_SERIES = "Export the whole series again."
_TURNED = SeriesError(
    "The slices of this series are turned against each other (a radial or rotating scan), so "
    "they form no stack.",
    hint="Upload a series of parallel slices.",
    code="slices-turned",
)
_REPEATED = SeriesError(
    "This slice was measured more than once; the first image of its position was taken.",
    hint="Upload it on its own to see it.",
    code="slice-measured-again",
)
_CUT_OFF = SeriesError(
    f"Fewer than {LEAST_BLOCK_SLICES} slices, cut off from their stack by missing ones.",
    hint=_WHOLE_SERIES,
    code="slices-cut-off",
)


@dataclass(frozen=True, slots=True)
class Draft:
    """A series that has no id yet.

    Args:
        series: with an empty id.
        order: number of the series and of the volume in it, for a stable order.
        digest: SHA-256 of pixels and geometry.
        name: of the first of its files, for messages.
        frame_of_reference: digest of the FrameOfReferenceUID that all its slices state, else empty.
        files: how many files its slices came from.
    """

    series: Series
    order: tuple[int, int]
    digest: str
    name: str = ""
    frame_of_reference: str = ""
    files: int = 1


def stack(frames: Sequence[Frame]) -> list[Draft | Refusal]:
    """The volumes that the slices form, and a refusal for each group that forms none."""
    kept, copies = without_copies(mended(frames))
    results: list[Draft | Refusal] = []
    for of_series in grouped(kept, lambda frame: frame.header.series):
        try:
            stacks, turned = turning(alike(of_series))
        except SeriesError as error:
            results.append(_refusal(of_series, error))
            continue
        if turned:
            results.append(_refusal(turned, _TURNED))
        numbers = {int(frame.header.number) for frame in of_series}
        for of_geometry in stacks:
            for of_protocol in protocols(placed(of_geometry)):
                once, renumbered = without_renumbered(throughout(of_protocol))
                copies += renumbered
                results += _volumes(once, numbers)
    return [*results, *refusal_of_copies(copies)]


def draft(series: Series, *, name: str = "") -> Draft:
    """A draft with its digest, of a format that numbers no series."""
    return Draft(series, (0, 0), volume_digest(series.volume), name)


def volume_digest(volume: Volume) -> str:
    """SHA-256 of the voxels, shape and affine, in hex."""
    digest = hashlib.sha256(repr(volume.shape).encode())
    digest.update(np.ascontiguousarray(volume.voxels).data)
    if volume.affine_lps is not None:
        digest.update(np.round(volume.affine_lps, 4).tobytes())
    return digest.hexdigest()


def _volumes(of_protocol: list[Frame], numbers: set[int]) -> list[Draft | Refusal]:
    results: list[Draft | Refusal] = []
    volumes: list[tuple[list[Frame], list[str]]] = []
    for of_contrast in contrasts(of_protocol):
        try:
            found, repeated = volumes_of(of_contrast)
        except SeriesError as error:
            results.append(_refusal(of_contrast, error))
            continue
        results += [_refusal(repeated, _REPEATED)] if repeated else []
        volumes += [(volume, [_note_on_repeated(repeated)] if repeated else []) for volume in found]
    most = max((len(volume) for volume, _ in volumes), default=0)
    for rank, (volume, notes) in enumerate(volumes):
        said = [*_notes_on_volume(rank + 1, len(volumes), len(volume), most), *notes]
        try:
            results += _parts(volume, said, rank=rank, numbers=numbers)
        except SeriesError as error:
            results.append(_refusal(volume, error))
    return results


def _notes_on_volume(number: int, volumes: int, slices: int, most: int) -> list[str]:
    if volumes == 1:
        return []
    fewer = f" It holds {slices} slices where another holds {most}." if slices < most else ""
    return [f"Volume {number} of {volumes} of one series.{fewer}"]


def _note_on_repeated(repeated: list[Frame]) -> str:
    slices = "1 slice was" if len(repeated) == 1 else f"{len(repeated)} slices were"
    return f"{slices} measured more than once; the first image of each position was taken."


def _parts(
    volume: list[Frame], notes: list[str], *, rank: int, numbers: set[int]
) -> list[Draft | Refusal]:
    """The series of one volume: several where slices are missing in between."""
    results: list[Draft | Refusal] = []
    blocks = blocks_of(volume)
    for part, block in enumerate(blocks):
        if len(blocks) > 1 and not block.is_long:
            results.append(_refusal(block.frames, _CUT_OFF))
            continue
        said = [*notes, *block.notes, *notes_on_missing(block.frames, numbers)]
        results.append(_place(block, said, order=rank * MOST_BLOCKS + part))
    return results


def _place(block: Block, notes: list[str], *, order: int) -> Draft:
    """The series of evenly spaced slices.

    Raises:
        SeriesError: the slices are not in line, or a single slice has no thickness.
    """
    frames = block.frames
    affine = _affine(frames)
    header = frames[0].header
    plane, said = plane_by(affine, header.description.split(), source="description")
    series = Series(
        id="",
        description=header.description,
        volume=Volume(_voxels(frames), affine),
        plane=plane,
        weighting=weighting_of(header),
        notes=(*notes, *said, *_cautions(frames)),
        body_part=header.body_part,
        modality=header.modality,
        synthetic=any(frame.header.synthetic for frame in frames),
    )
    number, names = header.series_number, _names(frames)
    return Draft(
        series,
        (number, order),
        _digest(frames, affine),
        names[0],
        _frame_of_reference(frames),
        len(names),
    )


def _frame_of_reference(frames: list[Frame]) -> str:
    stated = {frame.header.frame_of_reference for frame in frames}
    return stated.pop() if len(stated) == 1 else ""


def _voxels(frames: list[Frame]) -> npt.NDArray[np.float32]:
    """The signal, read-only."""
    voxels = np.empty((len(frames), *frames[0].pixels.shape), dtype=np.float32)
    for index, frame in enumerate(frames):
        if (frame.slope, frame.intercept) == (1.0, 0.0):
            voxels[index] = frame.pixels
        else:
            voxels[index] = frame.pixels * np.float64(frame.slope) + frame.intercept
    voxels.setflags(write=False)
    return voxels


def _digest(frames: list[Frame], affine: Affine) -> str:
    """SHA-256 of the stored pixels, their scaling and the affine, in hex.

    The pixels of a file were hashed when it was read; half of the time would go into doing it
    again.
    """
    digest = hashlib.sha256(repr((len(frames), frames[0].pixels.shape)).encode())
    for frame in frames:
        pixels = np.ascontiguousarray(frame.pixels)
        own = frame.file if frame.is_single else hashlib.sha256(pixels.data).hexdigest()
        digest.update(f"{own} {frame.slope!r} {frame.intercept!r}".encode())
    digest.update(np.round(affine, 4).tobytes())
    return digest.hexdigest()


def _affine(frames: list[Frame]) -> Affine:
    first, last = frames[0].place, frames[-1].place
    if len(frames) > 1:
        step = (last.origin_mm - first.origin_mm) / (len(frames) - 1)
        off_mm = beside_mm(frames)
        if off_mm > IN_LINE_MM:
            raise SeriesError(
                f"The slices are not in line: one lies {off_mm:.1f} mm beside the others.",
                hint=_WHOLE_SERIES,
                code="slices-not-in-line",
            )
    elif first.slice_mm is None:
        raise SeriesError(
            "A single slice without SliceThickness: its depth is unknown.",
            hint=hints.EXPORT_AGAIN,
            code="slice-depth-unknown",
        )
    else:
        step = first.normal * first.slice_mm
    affine = np.eye(4)
    affine[:3, 0] = step
    affine[:3, 1] = first.along_column * first.row_mm
    affine[:3, 2] = first.along_row * first.column_mm
    affine[:3, 3] = first.origin_mm
    return affine


def _cautions(frames: list[Frame]) -> list[str]:
    """What the user should know about how the pictures were made."""
    said = (
        (any(frame.header.burned_in for frame in frames), BURNED_IN),
        (any(frame.header.captured for frame in frames), CAPTURED),
        (any(frame.header.lossy for frame in frames), LOSSY),
    )
    how_read = dict.fromkeys(note for frame in frames for note in frame.notes)
    return [*(sentence for applies, sentence in said if applies), *how_read]


def _refusal(frames: Sequence[Frame], error: SeriesError) -> Refusal:
    first, *others = _names(frames)
    return Refusal.because(error, first, len(frames), others=len(others), is_series=True)


def _names(frames: Sequence[Frame]) -> list[str]:
    return sorted({frame.name for frame in frames})
