"""NIfTI-1 and NIfTI-2, single files and pairs, read to series and written from volumes."""

import gzip
import io
import math
import struct
import zlib
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError

from asemble.core.errors import FileError
from asemble.core.geometry import plane_of, ras_affine
from asemble.core.labels import Weighting
from asemble.core.study import Series
from asemble.core.volume import Affine, Floats, Volume
from asemble.io import limits
from asemble.io.frames import SENSIBLE_MM
from asemble.io.stack import Draft, draft
from asemble.io.weighting import weighting_of_name

LABEL_INTENT = 1002
"""NIFTI_INTENT_LABEL: the voxels are labels."""
FEWEST_VALUES = 9
"""An image of fewer different values is a mask, not an MR image."""
_MM_PER_UNIT = {"meter": 1000.0, "mm": 1.0, "micron": 0.001, "unknown": 1.0}

SAME_PLACE_MM = 1.0
"""How far a corner may lie apart in sform and qform, which rounds, without a word about it."""

_DAMAGED = (
    ValueError, LookupError, OSError, EOFError, ArithmeticError, TypeError, MemoryError,
    struct.error, zlib.error, ImageFileError, HeaderDataError, WrapStructError,
)  # fmt: skip
"""What nibabel raises on damaged files, found by `make fuzz`."""


def looks_like_nifti(data: bytes) -> bool:
    """Whether a file is a NIfTI-1 or NIfTI-2 single file, by its header."""
    return data[344:348] == b"n+1\0" or data[4:8] == b"n+2\0"


def read_series(name: str, data: bytes, pixels: bytes | None = None) -> Draft:
    """The series in one unpacked NIfTI file, or in a pair of them.

    Slices lie along the last axis, as stored. The protocol words of the file name are used for the
    weighting, which NIfTI does not store, and are not kept.

    Args:
        name: file name.
        data: the whole file, not compressed; of a pair, its `.hdr`.
        pixels: of a pair, its `.img`, not compressed.

    Raises:
        FileError: the file is damaged, or no single grey volume.
    """
    try:
        image = _open(data, pixels)
        _refuse_labels(image)
        voxels, notes = _first_volume(image)
        affine, affine_notes = _affine(image)
    except _DAMAGED as error:
        raise FileError(
            "This NIfTI file is damaged or cut off.", hint="Upload it again."
        ) from error
    weighting = weighting_of_name(name)
    if weighting is Weighting.OTHER:
        guess = "NIfTI does not store the weighting: state it."
    else:
        guess = f"The weighting was read from the file name ({weighting.heading}): check it."
    series = Series(
        id="",
        description="",
        volume=Volume(voxels, affine),
        plane=None if affine is None else plane_of(affine),
        weighting=weighting,
        notes=(*notes, *affine_notes, guess),
    )
    return draft(series, name=name)


def read_mask(data: bytes) -> Volume:
    """The lesion mask in one unpacked NIfTI file: 1 where the file is above 0, else 0.

    Raises:
        FileError: the file is damaged, or no single volume.
    """
    try:
        image = _open(data)
        if math.prod(image.shape[3:]) > 1:
            raise FileError("This mask holds several volumes.", hint="Save a single one.")
        stored = np.asarray(image.dataobj).reshape((*image.shape, 1)[:3])
        affine, _ = _affine(image)
    except _DAMAGED as error:
        raise FileError("This mask is damaged or cut off.", hint="Save it again.") from error
    return Volume((stored > 0).astype(np.float32).transpose(2, 1, 0), affine)


def write_nifti(path: Path, voxels: npt.NDArray[Any], affine_lps: Affine | None) -> None:
    """Write `(slice, row, column)` voxels as NIfTI-1, stored `(column, row, slice)`.

    Where the affine is None both of its codes are 0, "unknown". The same input writes the same
    bytes.
    """
    stored = np.ascontiguousarray(voxels.transpose(2, 1, 0))
    affine_ras = None if affine_lps is None else ras_affine(affine_lps)
    image = nib.Nifti1Image(stored, affine_ras)
    image.header.set_xyzt_units("mm")
    if affine_ras is not None:
        image.set_sform(affine_ras, code=1)
        image.set_qform(affine_ras, code=1, strip_shears=True)
    data = image.to_bytes()
    path.write_bytes(
        gzip.compress(data, compresslevel=4, mtime=0) if path.suffix == ".gz" else data
    )


def _open(data: bytes, pixels: bytes | None = None) -> Any:
    is_second = data[4:8] in (b"n+2\0", b"ni2\0")
    if pixels is None:
        image: Any = (nib.Nifti2Image if is_second else nib.Nifti1Image).from_bytes(data)
    else:
        kind = nib.Nifti2Pair if is_second else nib.Nifti1Pair
        files = {
            "header": nib.FileHolder(fileobj=io.BytesIO(data)),
            "image": nib.FileHolder(fileobj=io.BytesIO(pixels)),
        }
        image = kind.from_file_map(files)
    shape = image.shape
    is_usable = 2 <= len(shape) <= 5 and min(shape) > 0
    if not is_usable or math.prod(shape[:3]) > limits.MAX_FILE_VOXELS:
        raise FileError(
            "This NIfTI file claims a shape that is not read: 2 to 5 axes, and at most "
            f"{limits.MAX_FILE_VOXELS // 10**6} million voxels a volume.",
            hint="Save a single volume.",
        )
    proxy: Any = image.dataobj
    first = math.prod(shape[:3]) * image.get_data_dtype().itemsize
    if len(data if pixels is None else pixels) < proxy.offset + first:  # before memory is taken
        raise ValueError("fewer voxels than the header claims")
    if image.get_data_dtype().fields is not None or image.get_data_dtype().kind not in "iuf":
        raise FileError("This NIfTI file holds colour or complex values.", hint="Save grey values.")
    return image


def _refuse_labels(image: Any) -> None:
    if int(image.header["intent_code"]) == LABEL_INTENT:
        raise FileError("This NIfTI file holds labels, not an image.", hint="It is not needed.")


def _first_volume(image: Any) -> tuple[Floats, list[str]]:
    """Voxels `(slice, row, column)` and notes."""
    shape = image.shape
    first = (slice(None),) * min(3, len(shape)) + (0,) * (len(shape) - 3)
    with np.errstate(over="ignore", invalid="ignore"):  # what float32 cannot hold is counted below
        stored = np.asarray(image.dataobj[first], dtype=np.float32).reshape((*shape, 1)[:3])
    notes = []
    volumes = math.prod(shape[3:])
    if volumes > 1:
        notes.append(f"The first of {volumes} volumes of the file was taken.")
    unknown = ~np.isfinite(stored)
    if unknown.all():
        raise FileError("This NIfTI file holds no numbers.", hint="Save the image again.")
    if unknown.any():
        stored = np.where(unknown, np.float32(0), stored)
        notes.append(f"{int(unknown.sum())} voxels without a value were set to 0.")
    values = np.unique(stored)
    if len(values) < FEWEST_VALUES:
        raise FileError(
            f"This NIfTI file holds only {len(values)} different values: a mask, not an MR image.",
            hint="It is not needed.",
        )
    return np.ascontiguousarray(stored.transpose(2, 1, 0)), notes


def _affine(image: Any) -> tuple[Affine | None, list[str]]:
    """The LPS affine in mm, or None where the file states none that makes sense."""
    header = image.header
    unit = header.get_xyzt_units()[0]
    stated = [name for name in ("sform", "qform") if int(header[f"{name}_code"]) > 0]
    found = {name: affine for name in stated if (affine := _stated(header, name, unit)) is not None}
    if not stated:
        return None, ["The file says nothing about geometry: state the plane."]
    if not found:
        return None, ["The geometry in the file makes no sense and was left out: state the plane."]
    notes = []
    if len(found) < len(stated):
        notes.append("One of the two geometries in the file makes no sense; the other was taken.")
    elif len(found) == 2 and _disagree(header, image.shape, unit):
        notes.append(
            "The file states two geometries that disagree (sform and qform): the sform was taken; "
            "check the sides."
        )
    if unit == "unknown":
        notes.append("The file does not name its unit: millimetres were taken.")
    return ras_affine(next(iter(found.values()))), notes


def _stated(header: Any, name: str, unit: str) -> Affine | None:
    """The affine of one form in mm, or None where it makes no sense."""
    try:
        affine_ras = header.get_sform() if name == "sform" else header.get_qform()
    except (HeaderDataError, ValueError):  # no rotation, or sizes below 0
        return None
    affine = np.asarray(affine_ras, dtype=np.float64).copy()
    affine[:3] *= _MM_PER_UNIT[unit]
    if not np.isfinite(affine).all():
        return None
    lengths_mm = np.linalg.norm(affine[:3, :3], axis=0)
    low, high = SENSIBLE_MM
    is_sensible = low <= lengths_mm.min() and lengths_mm.max() <= high
    is_flat = abs(np.linalg.det(affine[:3, :3])) < 0.1 * lengths_mm.prod()
    return affine if is_sensible and not is_flat else None


def _disagree(header: Any, shape: tuple[int, ...], unit: str) -> bool:
    """Whether the two forms put a corner in two places; a qform cannot hold a shear."""
    as_qform = header.copy()
    as_qform.set_qform(header.get_sform(), strip_shears=True)
    apart = as_qform.get_qform() - header.get_qform()
    corners = np.array(list(np.ndindex(2, 2, 2))) * (np.array((*shape, 1)[:3]) - 1)
    off_mm = np.linalg.norm(corners @ apart[:3, :3].T + apart[:3, 3], axis=1) * _MM_PER_UNIT[unit]
    return bool(off_mm.max() > SAME_PLACE_MM)
