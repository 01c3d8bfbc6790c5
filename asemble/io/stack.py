"""Slices to volumes: group, split, order, check the spacing, place."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from asemble.core.errors import SeriesError
from asemble.core.geometry import plane_of
from asemble.core.labels import Plane
from asemble.core.study import Refusal, Series
from asemble.core.volume import Affine, Volume
from asemble.io.frames import Frame
from asemble.io.weighting import weighting_of

SAME_DIRECTION = 0.003
"""Largest difference of two direction cosines that count as one orientation (0.2 degrees): some
exports keep three decimals, and GE writes values that differ in the last digits."""
SAME_SPACING = 0.001
"""Largest relative difference of two pixel spacings that count as one."""
SAME_POSITION_MM = 0.05
"""Vendors round ImagePositionPatient to two decimals, sometimes to one."""
EVEN_SPACING = 0.05
"""Largest relative departure of one gap between slices from the median gap."""
IN_LINE_MM = 0.2
"""How far a slice may lie beside the straight line through the first and the last one."""
MOST_BLOCKS = 4
LEAST_BLOCK_SLICES = 3
"""A stack with gaps is cut into at most four blocks of at least three slices, else refused."""

_WHOLE_SERIES = "Export the whole series again."


@dataclass(frozen=True, slots=True)
class Draft:
    """A series that has no id yet.

    Args:
        series: with an empty id.
        order: number of the series and of the volume in it, for a stable order.
        digest: SHA-256 of voxels and geometry.
    """

    series: Series
    order: tuple[int, int]
    digest: str


def stack(frames: Sequence[Frame]) -> list[Draft | Refusal]:
    """The volumes that the slices form, and a refusal for each group that forms none."""
    results: list[Draft | Refusal] = []
    for of_series in _grouped(_without_copies(frames), lambda frame: frame.header.series):
        for of_geometry in _alike(of_series):
            try:
                results += _volumes(of_geometry)
            except SeriesError as error:
                results.append(Refusal(_name(of_geometry), str(error)))
    return results


def draft(series: Series, *, order: tuple[int, int] = (0, 0)) -> Draft:
    """A draft with its digest."""
    return Draft(series, order, volume_digest(series.volume))


def volume_digest(volume: Volume) -> str:
    """SHA-256 of the voxels, shape and affine, in hex."""
    digest = hashlib.sha256(repr(volume.shape).encode())
    digest.update(np.ascontiguousarray(volume.voxels).tobytes())
    if volume.affine_lps is not None:
        digest.update(np.round(volume.affine_lps, 4).tobytes())
    return digest.hexdigest()


def _without_copies(frames: Sequence[Frame]) -> list[Frame]:
    """Each image once: the same instance with the same pixels may come in twice."""
    seen: set[tuple[object, ...]] = set()
    kept = []
    for frame in frames:
        place = tuple(np.round(frame.place.origin_mm, 3))
        key = (frame.header.instance, frame.file, place, frame.volume_key)
        if key not in seen:
            seen.add(key)
            kept.append(frame)
    return kept


def _grouped(frames: Iterable[Frame], key: Callable[[Frame], object]) -> list[list[Frame]]:
    groups: dict[object, list[Frame]] = {}
    for frame in frames:
        groups.setdefault(key(frame), []).append(frame)
    return list(groups.values())


def _alike(frames: Sequence[Frame]) -> list[list[Frame]]:
    """Slices of one size and orientation; a localiser holds three orientations in one series."""
    groups: list[list[Frame]] = []
    for frame in sorted(frames, key=_stable):
        for group in groups:
            if _is_alike(frame, group[0]):
                group.append(frame)
                break
        else:
            groups.append([frame])
    return groups


def _stable(frame: Frame) -> tuple[object, ...]:
    """An order that does not depend on file names or on the order of the upload."""
    return (*frame.order_key, tuple(frame.place.origin_mm), frame.file)


def _is_alike(frame: Frame, other: Frame) -> bool:
    a, b = frame.place, other.place
    directions = np.concatenate([a.along_row - b.along_row, a.along_column - b.along_column])
    return (
        frame.pixels.shape == other.pixels.shape
        and bool(np.abs(directions).max() <= SAME_DIRECTION)
        and abs(a.row_mm / b.row_mm - 1) <= SAME_SPACING
        and abs(a.column_mm / b.column_mm - 1) <= SAME_SPACING
    )


def _volumes(frames: list[Frame]) -> list[Draft]:
    """Split into volumes, order each by position, cut where slices are missing, and place."""
    volumes = _split(frames)
    drafts = []
    for number, volume in enumerate(volumes):
        blocks = _blocks(volume)
        for part, block in enumerate(blocks):
            notes = []
            if len(volumes) > 1:
                notes.append(f"Volume {number + 1} of {len(volumes)} of one series.")
            if len(blocks) > 1:
                notes.append(
                    f"Part {part + 1} of {len(blocks)} of a stack with gaps: slices are missing."
                )
            drafts.append(_place(block, notes, order=number * MOST_BLOCKS + part))
    return drafts


def _split(frames: list[Frame]) -> list[list[Frame]]:
    """One list for each volume, ordered by position.

    Where every position holds the same number of images, the first of each position form the
    first volume, and so on, in the order of echo, diffusion, time and acquisition.

    Raises:
        SeriesError: the images do not divide into whole volumes.
    """
    stacks = _at_positions(frames)
    counts = {len(images) for images in stacks}
    if len(counts) == 1:
        return _by_rank(stacks)
    parts = _grouped(frames, lambda frame: frame.volume_key)
    volumes = []
    for part in parts:
        of_part = _at_positions(part)
        if len({len(images) for images in of_part}) != 1 or len(parts) == 1:
            raise SeriesError(
                f"Expected one volume, found between {min(counts)} and {max(counts)} images "
                f"at each of {len(stacks)} positions.",
                hint="Export one volume, such as a single T1 or STIR series.",
            )
        volumes += _by_rank(of_part)
    return volumes


def _at_positions(frames: list[Frame]) -> list[list[Frame]]:
    """The images at each position along the normal, in ascending order."""
    normal = frames[0].place.normal
    ordered = sorted(frames, key=lambda frame: float(frame.place.origin_mm @ normal))
    stacks: list[list[Frame]] = []
    last_mm = -np.inf
    for frame in ordered:
        # Position, not InstanceNumber: some exports renumber (PS3.3 C.7.6.2).
        position_mm = float(frame.place.origin_mm @ normal)
        if position_mm - last_mm > SAME_POSITION_MM:
            stacks.append([])
            last_mm = position_mm
        stacks[-1].append(frame)
    return stacks


def _by_rank(stacks: list[list[Frame]]) -> list[list[Frame]]:
    for images in stacks:
        images.sort(key=lambda frame: (*frame.order_key, frame.file))
        for one, other in pairwise(images):
            # Tiles and enhanced frames of one file belong together whatever they are called.
            if one.order_key == other.order_key and one.is_single and one.file != other.file:
                raise SeriesError(
                    f"Found {len(images)} images at one position that nothing in their headers "
                    "tells apart.",
                    hint="Upload each series on its own.",
                )
    return [list(volume) for volume in zip(*stacks, strict=True)]


def _blocks(frames: list[Frame]) -> list[list[Frame]]:
    """Runs of evenly spaced slices; one where none is missing.

    Raises:
        SeriesError: the spacing is uneven throughout.
    """
    gaps_mm = np.diff(_positions_mm(frames))
    if len(gaps_mm) < 2:
        return [frames]
    spacing_mm = float(np.median(gaps_mm))
    is_break = np.abs(gaps_mm - spacing_mm) > EVEN_SPACING * spacing_mm
    if not is_break.any():
        return [frames]
    cuts = [0, *(np.flatnonzero(is_break) + 1), len(frames)]
    blocks = [frames[start:stop] for start, stop in pairwise(cuts)]
    if len(blocks) > MOST_BLOCKS or min(len(block) for block in blocks) < LEAST_BLOCK_SLICES:
        raise SeriesError(
            f"The slices are unevenly spaced: {gaps_mm.min():.2f} to {gaps_mm.max():.2f} mm "
            f"between neighbours in a stack of {len(frames)}, so slices may be missing.",
            hint=_WHOLE_SERIES,
        )
    return blocks


def _place(frames: list[Frame], notes: list[str], *, order: int) -> Draft:
    """The series of evenly spaced slices.

    Raises:
        SeriesError: the slices are not in line, or a single slice has no thickness.
    """
    first = frames[0]
    affine = _affine(frames)
    plane = plane_of(affine)
    header = first.header
    notes += _spacing_notes(frames)
    notes += _plane_notes(plane, header.description.split())
    series = Series(
        id="",
        description=header.description,
        volume=Volume(_voxels(frames), affine),
        plane=plane,
        weighting=weighting_of(header),
        notes=tuple(notes),
        body_part=header.body_part,
        modality=header.modality,
        synthetic=any(frame.header.synthetic for frame in frames),
    )
    return draft(series, order=(header.series_number, order))


def _voxels(frames: list[Frame]) -> npt.NDArray[np.float32]:
    voxels = np.empty((len(frames), *frames[0].pixels.shape), dtype=np.float32)
    for index, frame in enumerate(frames):
        voxels[index] = frame.pixels * np.float64(frame.slope) + frame.intercept
    return voxels


def _affine(frames: list[Frame]) -> Affine:
    first, last = frames[0].place, frames[-1].place
    if len(frames) > 1:
        step = (last.origin_mm - first.origin_mm) / (len(frames) - 1)
        for index, frame in enumerate(frames):
            beside = frame.place.origin_mm - first.origin_mm - index * step
            off_mm = float(np.linalg.norm(beside - (beside @ first.normal) * first.normal))
            if off_mm > IN_LINE_MM:
                raise SeriesError(
                    f"The slices are not in line: one lies {off_mm:.1f} mm beside the others.",
                    hint=_WHOLE_SERIES,
                )
    elif first.slice_mm is None:
        raise SeriesError(
            "A single slice without SliceThickness: its depth is unknown.",
            hint="Export the original series from the scanner or PACS.",
        )
    else:
        step = first.normal * first.slice_mm
    affine = np.eye(4)
    affine[:3, 0] = step
    affine[:3, 1] = first.along_column * first.row_mm
    affine[:3, 2] = first.along_row * first.column_mm
    affine[:3, 3] = first.origin_mm
    return affine


def _positions_mm(frames: list[Frame]) -> npt.NDArray[np.float64]:
    normal = frames[0].place.normal
    return np.array([frame.place.origin_mm @ normal for frame in frames])


def _spacing_notes(frames: list[Frame]) -> list[str]:
    stated_mm = frames[0].place.spacing_mm
    if len(frames) < 2 or stated_mm is None:
        return []
    measured_mm = float(np.diff(_positions_mm(frames)).mean())
    if measured_mm <= stated_mm * (1 + EVEN_SPACING):
        return []
    return [
        f"The slices lie {measured_mm:.1f} mm apart but the header says {stated_mm:.1f} mm: "
        "slices may be missing."
    ]


_PLANE_WORDS = {
    Plane.CORONAL: {"cor", "coronal", "semicoronal", "coronaloblique"},
    Plane.AXIAL: {"ax", "axial", "tra", "transverse", "semiaxial"},
    Plane.SAGITTAL: {"sag", "sagittal"},
}


def _plane_notes(plane: Plane, words: Sequence[str]) -> list[str]:
    named = [other for other, names in _PLANE_WORDS.items() if names.intersection(words)]
    if len(named) != 1 or named[0] is plane:
        return []
    return [
        f"The description says {named[0].value}, the geometry {plane.value}: "
        "the geometry was trusted; correct the plane if it is wrong."
    ]


def _name(frames: Sequence[Frame]) -> str:
    names = sorted({frame.name for frame in frames})
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more of its series"
