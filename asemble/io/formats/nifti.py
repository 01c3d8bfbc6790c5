"""NIfTI-1 and NIfTI-2, single files and pairs, read to series and written from volumes."""

import gzip
import io
import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt
from nibabel.arrayproxy import ArrayProxy
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError

from asemble.core.errors import FileError
from asemble.core.geometry import ras_affine
from asemble.core.labels import Weighting
from asemble.core.study import Series
from asemble.core.volume import Affine, Floats, Volume
from asemble.io import hints, limits
from asemble.io.decode.colour import grey_of_colour
from asemble.io.dicom.deidentify import words_of
from asemble.io.formats.nifti_geometry import Sizes, lie_of
from asemble.io.series.planes import plane_by
from asemble.io.series.stack import Draft, draft
from asemble.io.series.weighting import FROM_NAME, weighting_of_name

LABEL_INTENT = 1002
"""NIFTI_INTENT_LABEL: the voxels are labels."""
MOST_AXES = 7
_FLAG = 4
"""Bytes behind the header that say whether extensions follow."""
FEWEST_VALUES = 9
"""An image of fewer different values is a mask, not an MR image."""
STATISTICS = range(2, 25)
"""NIFTI_INTENT_CORREL to NIFTI_INTENT_LOG10PVAL: the voxels are a statistic, not signal."""

_DAMAGED = (
    ValueError, LookupError, OSError, EOFError, ArithmeticError, TypeError,
    struct.error, zlib.error, HeaderDataError, WrapStructError,
)  # fmt: skip
"""What nibabel raises on damaged files, found by `make fuzz`."""


def looks_like_nifti(data: bytes) -> bool:
    """Whether a file is a NIfTI-1 or NIfTI-2 single file, by its header."""
    return data[344:348] == b"n+1\0" or data[4:8] == b"n+2\0"


def voxel_count(data: bytes) -> int:
    """Voxels of the first volume of a file, by its header alone; 0 where that makes no sense."""
    try:
        is_second = data[4:8] in (b"n+2\0", b"ni2\0")
        kind: Any = nib.Nifti2Header if is_second else nib.Nifti1Header
        header = kind(data[: kind.template_dtype.itemsize], check=False)
        return math.prod(_shape(header)[:3])
    except (*_DAMAGED, FileError):
        return 0


def read_series(name: str, data: bytes, pixels: bytes | None = None) -> Draft:
    """The series in one unpacked NIfTI file, or in a pair of them.

    Slices lie along the axis that `slice_axis_of` names, whichever way the file stores them. The
    protocol words of the file name are used for the weighting, which NIfTI does not store, and
    where the geometry leaves the plane open; they are not kept.

    Args:
        name: file name.
        data: the whole file, not compressed; of a pair, its `.hdr`.
        pixels: of a pair, its `.img`, not compressed.

    Raises:
        FileError: the file is damaged, or no single grey volume.
    """
    try:
        stored = _open(data, pixels)
        _refuse_labels(stored.header)
        lie = lie_of(stored.header, stored.shape)
        voxels, notes = _first_volume(stored, lie.axes)
    except _DAMAGED as error:
        raise FileError(
            "This NIfTI file is damaged or cut off.",
            hint="Upload it again.",
            code="nifti-damaged",
        ) from error
    weighting = weighting_of_name(name)
    if int(stored.header["intent_code"]) in STATISTICS:
        weighting = Weighting.OTHER
        guess = "The file says that it holds a statistic, not the signal of an MR image."
    elif weighting is Weighting.OTHER:
        guess = "NIfTI does not store the weighting: state it."
    else:
        guess = FROM_NAME.format(weighting=weighting)
    affine = lie.affine_lps
    plane, said = (
        (None, []) if affine is None else plane_by(affine, words_of(name), source="file name")
    )
    series = Series(
        id="",
        description="",
        volume=Volume(voxels, affine, lie.spacing_mm),
        plane=plane,
        weighting=weighting,
        notes=(*stored.notes, *notes, *lie.notes, *said, guess),
    )
    return draft(series, name=name)


def read_mask(data: bytes) -> Volume:
    """The lesion mask in one unpacked NIfTI file: 1 where the file is above 0, else 0.

    Raises:
        FileError: the file is damaged, or no single volume.
    """
    try:
        stored = _open(data)
        if math.prod(stored.shape[3:]) > 1:
            raise FileError(
                "This mask holds several volumes.",
                hint="Save a single one.",
                code="mask-of-several-volumes",
            )
        values = np.stack(list(stored.first_volume()), axis=-1)
        lie = lie_of(stored.header, stored.shape)
    except _DAMAGED as error:
        raise FileError(
            "This mask is damaged or cut off.", hint=hints.SAVE_AGAIN, code="mask-damaged"
        ) from error
    lesion = (values > 0).astype(np.float32).transpose(lie.axes)
    return Volume(np.ascontiguousarray(lesion), lie.affine_lps, lie.spacing_mm)


def write_nifti(
    path: Path,
    voxels: npt.NDArray[Any],
    affine_lps: Affine | None,
    *,
    sizes_mm: Sizes | None = None,
) -> None:
    """Write `(slice, row, column)` voxels as NIfTI-1, stored `(column, row, slice)`.

    The header says that the slices lie along the last axis. Where the affine is None both of its
    codes are 0, "unknown", and `sizes_mm` are the voxel sizes. The same input writes the same
    bytes.
    """
    stored = np.ascontiguousarray(voxels.transpose(2, 1, 0))
    affine_ras = None if affine_lps is None else ras_affine(affine_lps)
    image = nib.Nifti1Image(stored, affine_ras)
    image.header.set_xyzt_units("mm")
    image.header.set_dim_info(slice=2)
    if affine_ras is not None:
        image.set_sform(affine_ras, code=1)
        image.set_qform(affine_ras, code=1, strip_shears=True)
    elif sizes_mm is not None:
        image.header["pixdim"][1:4] = sizes_mm[::-1]
    data = image.to_bytes()
    path.write_bytes(
        gzip.compress(data, compresslevel=4, mtime=0) if path.suffix == ".gz" else data
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Stored:
    """A file whose header makes sense, and whose first volume is there.

    Args:
        header: as stored: nibabel's own checks would "fix" it without a word.
        shape: voxels along each axis, three or more.
        proxy: takes the voxels out of the file, scaled.
        notes: in sentences, what the header says wrongly.
    """

    header: Any
    shape: tuple[int, ...]
    proxy: Any
    notes: tuple[str, ...] = ()

    def first_volume(self) -> Iterator[npt.NDArray[Any]]:
        """`(i, j)` for each k as stored, scaled; one is in memory at a time."""
        for k in range(self.shape[2]):
            plane = (slice(None), slice(None), k, *(0,) * (len(self.shape) - 3))
            yield np.asarray(self.proxy[plane])


def _open(data: bytes, pixels: bytes | None = None) -> _Stored:
    is_second = data[4:8] in (b"n+2\0", b"ni2\0")
    kind: Any = nib.Nifti2Header if is_second else nib.Nifti1Header
    size = kind.template_dtype.itemsize
    header = kind(data[:size], check=False)
    shape = _shape(header)
    dtype = header.get_data_dtype()
    if dtype.kind not in "iuf" and not _is_colour(dtype):
        raise FileError(
            "This NIfTI file holds complex values.", hint="Save grey values.", code="nifti-complex"
        )
    start, notes = 0, tuple[str, ...]()
    if pixels is None:
        start, notes = _start(header, data, size, math.prod(shape) * dtype.itemsize)
    elif float(header["vox_offset"]) > 0:
        start = int(header["vox_offset"])
    held = data if pixels is None else pixels
    if len(held) < start + math.prod(shape[:3]) * dtype.itemsize:  # before memory is taken
        raise ValueError("fewer voxels than the header claims")
    slope, inter = header.get_slope_inter()
    if slope is None or _is_colour(dtype):
        slope, inter = 1.0, 0.0
    proxy = ArrayProxy(io.BytesIO(held), (shape, dtype, start, slope, inter))
    return _Stored(header, shape, proxy, notes)


def _shape(header: Any) -> tuple[int, ...]:
    """Voxels along each axis; one after the second whose length is 0 counts as 1.

    Axes of one voxel behind the third add nothing and are dropped.

    Raises:
        FileError: no image has that shape.
    """
    axes = int(header["dim"][0])
    shape = [int(n) for n in header["dim"][1 : max(axes, 0) + 1]]
    shape[2:] = [n or 1 for n in shape[2:]]
    while len(shape) > 3 and shape[-1] == 1:
        shape.pop()
    is_usable = axes <= MOST_AXES and 2 <= len(shape) <= 5 and min(shape) > 0
    if not is_usable or math.prod(shape[:3]) > limits.MAX_FILE_VOXELS:
        raise FileError(
            "This NIfTI file claims a shape that is not read: 2 to 5 axes, and at most "
            f"{limits.MAX_FILE_VOXELS // 10**6} million voxels a volume.",
            hint="Save a single volume.",
            code="nifti-shape-invalid",
        )
    return tuple(shape) if len(shape) > 2 else (*shape, 1)


def _start(header: Any, data: bytes, size: int, voxels: int) -> tuple[int, tuple[str, ...]]:
    """The byte at which the voxels of a single file begin, and a note where it says otherwise.

    Args:
        header: of the file.
        data: the whole file.
        size: bytes of the header.
        voxels: bytes of all voxels.

    Raises:
        FileError: nothing says where they begin.
    """
    stated = float(header["vox_offset"])
    if stated >= size:
        return int(stated), ()
    said = "The file says that its voxels begin inside its header; they were taken from behind it."
    if len(data) == size + voxels:  # without the four bytes that say whether more header follows
        return size, (said,)
    if len(data) >= size + _FLAG + voxels and not data[size]:
        return size + _FLAG, (said,)
    raise FileError(
        "This NIfTI file does not say where its voxels begin.",
        hint=hints.SAVE_AGAIN,
        code="nifti-start-unknown",
    )


def _is_colour(dtype: np.dtype[Any]) -> bool:
    return dtype.names is not None and dtype.names[:3] == ("R", "G", "B")


def _refuse_labels(header: Any) -> None:
    if int(header["intent_code"]) == LABEL_INTENT:
        raise FileError(
            "This NIfTI file holds labels, not an image.",
            hint=hints.NOT_NEEDED,
            code="labels-not-image",
        )


def _first_volume(file: _Stored, axes: tuple[int, int, int]) -> tuple[Floats, list[str]]:
    """Voxels `(slice, row, column)`, which lie along `axes` as stored, read-only; and notes.

    Scaled and looked through plane by plane, so that they are in memory once.
    """
    notes = []
    voxels = np.empty([file.shape[axis] for axis in axes], dtype=np.float32)
    stored = voxels.transpose([axes.index(axis) for axis in range(3)])
    values: npt.NDArray[np.float32] = np.empty(0, dtype=np.float32)
    unknown, is_colour = 0, False
    with np.errstate(over="ignore", invalid="ignore"):  # what float32 cannot hold is counted below
        for k, plane in enumerate(file.first_volume()):
            if plane.dtype.names is not None:
                is_colour = True
                channels = np.stack([plane[name] for name in "RGB"], axis=-1)
                stored[..., k] = grey_of_colour(channels, largest=255)
            else:
                stored[..., k] = plane
            is_unknown = ~np.isfinite(stored[..., k])
            if is_unknown.any():
                unknown += int(is_unknown.sum())
                stored[..., k][is_unknown] = 0
            if len(values) < FEWEST_VALUES:
                values = np.union1d(values, stored[..., k])
    if is_colour:
        notes.append("The greys were stored as colours, of which there are 256 at most.")
    volumes = math.prod(file.shape[3:])
    if volumes > 1:
        notes.append(f"The first of {volumes} volumes of the file was taken.")
    if unknown == voxels.size:
        raise FileError(
            "This NIfTI file holds no numbers.",
            hint="Save the image again.",
            code="image-without-numbers",
        )
    if unknown:
        notes.append(f"{unknown} voxels without a value were set to 0.")
    if len(values) == 1:
        raise FileError(
            "All voxels of the first volume of this NIfTI file have the same value: it is empty.",
            hint="Save the volume that shows the image.",
            code="image-empty",
        )
    if len(values) < FEWEST_VALUES:
        raise FileError(
            f"This NIfTI file holds only {len(values)} different values: a mask, not an MR image.",
            hint=hints.NOT_NEEDED,
            code="labels-not-image",
        )
    voxels.setflags(write=False)
    return voxels, notes
