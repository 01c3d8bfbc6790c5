"""One DICOM file to `Frame`s: classic, enhanced multi-frame, Siemens mosaic, tiled."""

import hashlib
import io
import logging
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.config import settings
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.pixels.utils import pixel_array

from asemble.core.errors import FileError
from asemble.io import enhanced, mosaic
from asemble.io.deidentify import KEPT, KEPT_PRIVATE
from asemble.io.frames import WHOLE, Frame, Slot, read_place, read_scaling
from asemble.io.header import MR_CLASSES, Header, header_of, number, text
from asemble.io.upload import MAX_FILE_VOXELS

COMPRESSED = frozenset(
    "1.2.840.10008.1.2." + end
    for end in ("5", "4.50", "4.51", "4.57", "4.70", "4.80", "4.81", "4.90", "4.91")
)
"""RLE, JPEG (baseline, extended, lossless), JPEG-LS and JPEG 2000."""

NATIVE = frozenset({"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"})
"""Uncompressed: implicit and explicit little endian, explicit big endian."""

MODALITY_NAMES = {
    "CT": "CT (computed tomography)",
    "CR": "a radiograph",
    "DX": "a radiograph",
    "US": "ultrasound",
    "PT": "PET (positron emission tomography)",
    "NM": "scintigraphy",
    "MG": "mammography",
    "XA": "angiography",
    "SEG": "a segmentation",
}

_EXPORT_AGAIN = "Export the original MR series from the scanner or PACS."
_UPLOAD_AGAIN = "Upload the file again."

_DAMAGED = (
    ValueError, KeyError, AttributeError, TypeError, IndexError, EOFError, OSError, OverflowError,
    NotImplementedError, RuntimeError, MemoryError, struct.error, zlib.error,
    InvalidDicomError, BytesLengthException,
)  # fmt: skip
"""What pydicom and its decoders raise on damaged files, found by cutting and altering real ones."""

_parser_lock = threading.Lock()
_pydicom_log = logging.getLogger("pydicom")


def looks_like_dicom(name: str, data: bytes) -> bool:
    """Whether a file is DICOM by its marker, by its first element, or by its name alone."""
    return data[128:132] == b"DICM" or _starts_with_element(data) or name.lower().endswith(".dcm")


def read_frames(name: str, data: bytes) -> list[Frame]:
    """The slices of one DICOM file.

    Args:
        name: file name, for messages.
        data: the whole file.

    Raises:
        FileError: the file is not a whole, readable MR image.
    """
    try:
        with _parser_lock, _validation(pydicom.config.IGNORE), _unquoted():
            dataset = _parse(data)
            _require_mr_image(dataset)
            slots = _slots(dataset, header_of(dataset))
        pixels = _decode(dataset)
        file = hashlib.sha256(pixels.tobytes()).hexdigest()
        single = len(slots) == 1
        return [slot.cut(pixels, name=name, file=file, is_single=single) for slot in slots]
    except _DAMAGED as error:
        raise FileError("This DICOM file is damaged or cut off.", hint=_UPLOAD_AGAIN) from error


def _parse(data: bytes) -> pydicom.Dataset:
    has_marker = data[128:132] == b"DICM"
    if not has_marker and not _starts_with_element(data):
        raise FileError(
            "This file is named like DICOM but holds something else.", hint=_EXPORT_AGAIN
        )
    if b"1.2.840.10008.1.2.1.99" in data[:2048]:
        raise FileError(
            "Deflated DICOM is not read.", hint="Export the series uncompressed or as JPEG 2000."
        )
    dataset = _load(data, force=not has_marker)
    if "TransferSyntaxUID" not in dataset.file_meta:
        implicit, little = dataset.original_encoding
        dataset.file_meta.TransferSyntaxUID = (
            pydicom.uid.ExplicitVRBigEndian
            if not little
            else pydicom.uid.ImplicitVRLittleEndian
            if implicit
            else pydicom.uid.ExplicitVRLittleEndian
        )
    return dataset


def _load(data: bytes, *, force: bool) -> pydicom.Dataset:
    """The kept elements; strictly first, because only so does pydicom report a file cut short."""
    tags: list[Any] = [*KEPT, *KEPT_PRIVATE]
    try:
        with _validation(pydicom.config.RAISE):
            return pydicom.dcmread(io.BytesIO(data), force=force, specific_tags=tags)
    except (
        InvalidDicomError,
        LookupError,
        ValueError,
    ):  # unusual, such as an unknown character set
        return pydicom.dcmread(io.BytesIO(data), force=force, specific_tags=tags)


def _starts_with_element(data: bytes) -> bool:
    """Whether the bytes begin with group 0002 or 0008, as a data set without preamble does."""
    if len(data) < 64 or data[1:2] + data[3:4] not in (b"\0\0",):
        return data[:4] in (b"\0\x08\0\x05", b"\0\x08\0\x08", b"\0\x08\0\x16")  # big endian
    return data[0] in (2, 8)


def _require_mr_image(dataset: pydicom.Dataset) -> None:
    """Refuse what is not an MR image, by name.

    Raises:
        FileError: the reason.
    """
    modality = text(dataset, "Modality").upper()
    has_pixels = any(k in dataset for k in ("PixelData", "FloatPixelData", "DoubleFloatPixelData"))
    if not has_pixels and "Rows" not in dataset:
        if not dataset or text(dataset, "SOPClassUID") in MR_CLASSES:
            raise FileError("This DICOM file is cut off before its image.", hint=_UPLOAD_AGAIN)
        raise FileError(
            "This DICOM file holds no image (an index, a report or settings).",
            hint="It is not needed.",
        )
    if modality not in ("MR", ""):
        what = MODALITY_NAMES.get(modality, "another kind of image")
        raise FileError(f"This is {what}, not MR.", hint="Upload the MRI series.")
    if "PixelData" not in dataset:
        raise FileError("This DICOM file has no pixel data.", hint=_UPLOAD_AGAIN)
    if (number(dataset, "SamplesPerPixel") or 1) != 1:
        raise FileError(
            "This is a colour picture, not an MR slice.", hint="Upload the original MR series."
        )


def _slots(dataset: pydicom.Dataset, header: Header) -> list[Slot]:
    """Which part of the stored pixels is which slice, by what the header says."""
    if "PerFrameFunctionalGroupsSequence" in dataset:
        return enhanced.slots(dataset, header)
    if (number(dataset, "NumberOfFrames") or 1) > 1:
        raise FileError(
            "This file holds several frames without saying where they lie.", hint=_EXPORT_AGAIN
        )
    if mosaic.is_siemens_mosaic(dataset):
        return mosaic.siemens_slots(dataset, header)
    if mosaic.is_united_imaging_tiles(dataset):
        return mosaic.united_imaging_slots(dataset, header)
    place = read_place(dataset, dataset, dataset)
    slope, intercept = read_scaling(dataset)
    return [Slot(0, WHOLE, place, slope, intercept, header)]


def _decode(dataset: pydicom.Dataset) -> npt.NDArray[Any]:
    """The stored values, `(frame, row, column)`, larger always brighter.

    Raises:
        FileError: the pixels are too many, cut off or in an unknown encoding.
    """
    frames = int(number(dataset, "NumberOfFrames") or 1)
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    bits_allocated, bits_stored = int(dataset.BitsAllocated), int(dataset.BitsStored)
    if not 0 < frames * rows * columns <= MAX_FILE_VOXELS:
        raise FileError(
            f"This file claims {frames} frames of {rows} x {columns}, which is too large to read.",
            hint=_UPLOAD_AGAIN,
        )
    syntax = str(dataset.file_meta.TransferSyntaxUID)
    if syntax not in NATIVE | COMPRESSED:
        raise FileError(
            "The pixels are stored in a transfer syntax that is not read.",
            hint="Export the series uncompressed or as JPEG 2000.",
        )
    if syntax in NATIVE:
        expected = frames * rows * columns * bits_allocated // 8
        if len(dataset.PixelData) < expected:
            raise FileError("This DICOM file is cut off: pixels are missing.", hint=_UPLOAD_AGAIN)
        dataset.PixelData = dataset.PixelData[: expected + expected % 2]  # some exports pad more
    stored: npt.NDArray[Any] = pixel_array(dataset, raw=True).reshape(frames, rows, columns)
    if text(dataset, "PhotometricInterpretation") == "MONOCHROME1":  # PS3.3 C.7.6.3.1.2
        lowest = -(2 ** (bits_stored - 1)) if dataset.PixelRepresentation else 0
        highest = lowest + 2**bits_stored - 1
        stored = (highest + lowest) - stored.astype(np.int64)
    return stored


@contextmanager
def _unquoted() -> Iterator[None]:
    """Neither warnings nor log lines of pydicom, which quote values; hold `_parser_lock`.

    No validation mode keeps it from quoting SpecificCharacterSet.
    """
    was_disabled = _pydicom_log.disabled
    _pydicom_log.disabled = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        _pydicom_log.disabled = was_disabled


@contextmanager
def _validation(mode: int) -> Iterator[None]:
    """How strictly pydicom checks values; IGNORE also keeps it from quoting them in warnings.

    The setting is the whole process's: hold `_parser_lock`.
    """
    before = settings.reading_validation_mode
    settings.reading_validation_mode = mode
    try:
        yield
    finally:
        settings.reading_validation_mode = before
