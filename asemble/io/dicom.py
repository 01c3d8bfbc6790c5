"""One DICOM file to `Frame`s: classic, enhanced multi-frame, Siemens mosaic, tiled."""

import io
import struct
import threading
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
from pydicom.uid import JPEGExtended12Bit

from asemble.core.errors import FileError
from asemble.io import enhanced, kinds, mosaic
from asemble.io.colour import grey_of
from asemble.io.deidentify import KEPT, KEPT_PRIVATE
from asemble.io.frames import WHOLE, Frame, Slot, pixel_digest, read_place, read_scaling
from asemble.io.header import Header, header_of, number, text
from asemble.io.patients import ATTRIBUTES, Patients
from asemble.io.upload import MAX_FILE_VOXELS

COMPRESSED = frozenset(
    "1.2.840.10008.1.2." + end
    for end in ("5", "4.50", "4.51", "4.57", "4.70", "4.80", "4.81", "4.90", "4.91")
)
"""RLE, JPEG (baseline, extended, lossless), JPEG-LS and JPEG 2000."""

NATIVE = frozenset({"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"})
"""Uncompressed: implicit and explicit little endian, explicit big endian."""

_EXPORT_AGAIN = "Export the original MR series from the scanner or PACS."
_UPLOAD_AGAIN = "Upload the file again."

DAMAGED = (
    ValueError, KeyError, AttributeError, TypeError, IndexError, EOFError, OSError, OverflowError,
    NotImplementedError, RuntimeError, MemoryError, struct.error, zlib.error,
    InvalidDicomError, BytesLengthException,
)  # fmt: skip
"""What pydicom and its decoders raise on damaged files, found by cutting and altering real ones."""

_parser_lock = threading.Lock()


def looks_like_dicom(name: str, data: bytes) -> bool:
    """Whether a file is DICOM by its marker, by its first element, or by its name alone."""
    return data[128:132] == b"DICM" or _starts_with_element(data) or name.lower().endswith(".dcm")


def read_frames(name: str, data: bytes, *, patients: Patients) -> list[Frame]:
    """The slices of one DICOM file.

    Args:
        name: file name, for messages.
        data: the whole file.
        patients: of the files before; this one is compared with them, whatever it holds.

    Raises:
        FileError: the file is not a whole, readable MR image.
        InputError: it is of another patient than the files before it.
    """
    try:
        with quiet_parser():
            dataset = _parse(data)
            patients.take(dataset)
            _require_mr_image(dataset)
            _require_known_packing(dataset)
            slots = _slots(dataset, header_of(dataset))
        pixels = _decode(dataset)
        # The digest costs as much as the decoding, and a file of one slice has no need of it.
        file = "" if len(slots) == 1 else pixel_digest(pixels)
        return [
            slot.cut(pixels, name=name, file=file, index=index) for index, slot in enumerate(slots)
        ]
    except DAMAGED as error:
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
    tags: list[Any] = [*KEPT, *KEPT_PRIVATE, *ATTRIBUTES]
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
    sop_class = text(dataset, "SOPClassUID") or text(dataset.file_meta, "MediaStorageSOPClassUID")
    modality = text(dataset, "Modality").upper()
    document = kinds.document_of(sop_class)
    if document is not None:
        raise FileError(f"This is {document}, not an MR image.", hint="It is not needed.")
    other = kinds.other_image_of(sop_class, modality)
    is_placed = other is None and "ImagePositionPatient" in dataset
    if sop_class in kinds.SECONDARY_CAPTURES and not is_placed:
        raise FileError(
            "This is a secondary capture (a picture of a screen or a scanned page), not an MR "
            "slice; the name of the patient may stand in it.",
            hint="Upload the original MR series.",
        )
    if other is not None:
        raise FileError(f"This is {other}, not MR.", hint="Upload the MRI series.")
    if "PixelData" not in dataset:
        raise _no_pixels(dataset, sop_class)


def _no_pixels(dataset: pydicom.Dataset, sop_class: str) -> FileError:
    if "FloatPixelData" in dataset or "DoubleFloatPixelData" in dataset:
        return FileError("This is a map of computed values, not an MR image.", hint=_EXPORT_AGAIN)
    if sop_class in kinds.MR_CLASSES or "Rows" in dataset:
        return FileError(
            "This DICOM file is cut off before its image: it has no pixel data.",
            hint=_UPLOAD_AGAIN,
        )
    return FileError("This DICOM file holds no image.", hint="It is not needed.")


def _require_known_packing(dataset: pydicom.Dataset) -> None:
    """Refuse the two ways to pack grey values that no decoder here takes apart.

    Raises:
        FileError: 12 bits on end (PS3.5 8.1.1, retired), or lossy JPEG of 12 bits.
    """
    bits = int(dataset.BitsAllocated)
    if bits not in (1, 8, 16, 32):
        raise FileError(
            "The pixels are packed without regard to bytes, which is not read.",
            hint="Export the series with 16 bits a pixel.",
        )
    if dataset.file_meta.TransferSyntaxUID == JPEGExtended12Bit and dataset.BitsStored > 8:
        raise FileError(
            "Lossy JPEG of more than 8 bits is not read.",
            hint="Export the series uncompressed or as JPEG 2000.",
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
    samples = int(number(dataset, "SamplesPerPixel") or 1)
    if not 0 < frames * rows * columns * samples <= MAX_FILE_VOXELS:
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
        is_halved = text(dataset, "PhotometricInterpretation") == "YBR_FULL_422"
        stored_samples = 2 if is_halved else samples
        expected = frames * rows * columns * stored_samples * bits_allocated // 8
        if len(dataset.PixelData) < expected:
            raise FileError("This DICOM file is cut off: pixels are missing.", hint=_UPLOAD_AGAIN)
        dataset.PixelData = dataset.PixelData[: expected + expected % 2]  # some exports pad more
        _align_bits(dataset)
    decoded = pixel_array(dataset).reshape(frames, rows, columns, samples)
    stored: npt.NDArray[Any] = grey_of(decoded, dataset)
    if text(dataset, "PhotometricInterpretation") == "MONOCHROME1":  # PS3.3 C.7.6.3.1.2
        lowest = -(2 ** (bits_stored - 1)) if dataset.PixelRepresentation else 0
        highest = lowest + 2**bits_stored - 1
        stored = (highest + lowest) - stored.astype(np.int64)
    return stored


def _align_bits(dataset: pydicom.Dataset) -> None:
    """Move stored bits down to bit 0 where HighBit is not the last of them (before 1993)."""
    shift = int(dataset.HighBit) + 1 - int(dataset.BitsStored)
    if shift <= 0 or int(dataset.BitsAllocated) != 16:
        return
    order = "<" if dataset.original_encoding[1] else ">"
    words = np.frombuffer(dataset.PixelData, dtype=f"{order}u2")
    dataset.PixelData = (words >> shift).astype(words.dtype).tobytes()
    dataset.HighBit = int(dataset.BitsStored) - 1


@contextmanager
def quiet_parser() -> Iterator[None]:
    """Parse one file at a time, without values of the file in warnings."""
    with _parser_lock, _validation(pydicom.config.IGNORE):
        yield


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
