"""One DICOM file to `Frame`s: classic, enhanced multi-frame, Siemens mosaic, tiled."""

import io
import logging
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pydicom
from pydicom.config import settings
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.tag import Tag
from pydicom.uid import JPEGExtended12Bit

from asemble.core.errors import FileError
from asemble.io import enhanced, kinds, mosaic, pixels, structure
from asemble.io.deidentify import KEPT, KEPT_PRIVATE
from asemble.io.diffusion import is_diffusion
from asemble.io.frames import WHOLE, Frame, Slot, pixel_digest, read_place, read_scaling
from asemble.io.header import Header, header_of, number, text
from asemble.io.patients import ATTRIBUTES, Patients

_EXPORT_AGAIN = "Export the original MR series from the scanner or PACS."
_UPLOAD_AGAIN = "Upload the file again."

DAMAGED = (
    ValueError, KeyError, AttributeError, TypeError, IndexError, EOFError, OSError, OverflowError,
    NotImplementedError, RuntimeError, MemoryError, struct.error, zlib.error,
    InvalidDicomError, BytesLengthException,
)  # fmt: skip
"""What pydicom and its decoders raise on damaged files, found by cutting and altering real ones."""

_TAGS: list[Any] = [Tag(tag) for tag in (*KEPT, *KEPT_PRIVATE, *ATTRIBUTES)]

_parser_lock = threading.Lock()
_pydicom_log = logging.getLogger("pydicom")


def looks_like_dicom(name: str, data: bytes) -> bool:
    """Whether a file is DICOM by its marker, by its first element, or by its name alone."""
    return data[128:132] == b"DICM" or _starts_with_element(data) or name.lower().endswith(".dcm")


@dataclass(frozen=True, slots=True)
class Parsed:
    """A DICOM file whose header is read and whose pixels are not.

    Args:
        name: file name, for messages.
        layout: what the header promises of the pixels.
        slots: which part of them is which slice.
        stored: the value of PixelData, a view of the file.
    """

    name: str
    layout: pixels.Layout
    slots: list[Slot]
    stored: memoryview

    @property
    def is_compressed(self) -> bool:
        """Whether the pixels go through a decoder."""
        return self.layout.syntax in pixels.COMPRESSED

    def frames(self) -> list[Frame]:
        """The slices; threads may do this at once for several files.

        Raises:
            FileError: the pixels are not what the header promises.
        """
        try:
            values = pixels.read_pixels(self.layout, self.stored)
            file, single = pixel_digest(values), len(self.slots) == 1
            return [
                slot.cut(values, name=self.name, file=file, index=index, is_single=single)
                for index, slot in enumerate(self.slots)
            ]
        except DAMAGED as error:
            raise _damaged() from error


def read_header(name: str, data: bytes, *, patients: Patients) -> Parsed:
    """The header of one DICOM file.

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
            dataset, stored = _parse(data)
            patients.take(dataset)
            _require_mr_image(dataset)
            _require_known_packing(dataset)
            header = replace(header_of(dataset), is_diffusion=is_diffusion(dataset))
            slots = _slots(dataset, header)
            return Parsed(name, pixels.read_layout(dataset), slots, stored)
    except DAMAGED as error:
        raise _damaged() from error


def _damaged() -> FileError:
    return FileError("This DICOM file is damaged or cut off.", hint=_UPLOAD_AGAIN)


def _parse(data: bytes) -> tuple[pydicom.Dataset, memoryview]:
    """The kept elements, and the value of the pixels, which the parser never sees."""
    has_marker = data[128:132] == b"DICM"
    if not has_marker and not _starts_with_element(data):
        raise FileError(
            "This file is named like DICOM but holds something else.", hint=_EXPORT_AGAIN
        )
    found = structure.find_pixels(data)
    dataset = _load(data if found is None else data[: found.element], force=not has_marker)
    if "TransferSyntaxUID" not in dataset.file_meta:
        implicit, little = dataset.original_encoding
        dataset.file_meta.TransferSyntaxUID = (
            pydicom.uid.ExplicitVRBigEndian
            if not little
            else pydicom.uid.ImplicitVRLittleEndian
            if implicit
            else pydicom.uid.ExplicitVRLittleEndian
        )
    return dataset, memoryview(b"") if found is None else _lay_in(dataset, found, data)


def _lay_in(dataset: pydicom.Dataset, found: structure.PixelElement, data: bytes) -> memoryview:
    """Notes in the data set that there are pixels, and returns them."""
    is_whole = found.length == structure.UNDEFINED
    end = len(data) if is_whole else found.start + found.length
    if end > len(data):
        raise _damaged()
    dataset.add_new(found.tag, "OB", b"")
    return memoryview(data)[found.start : end]


def _load(data: bytes, *, force: bool) -> pydicom.Dataset:
    """The kept elements; strictly first, because only so does pydicom report a file cut short."""
    try:
        with _validation(pydicom.config.RAISE):
            return pydicom.dcmread(io.BytesIO(data), force=force, specific_tags=_TAGS)
    except (InvalidDicomError, LookupError, ValueError):  # such as an unknown character set
        return pydicom.dcmread(io.BytesIO(data), force=force, specific_tags=_TAGS)


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
    bits = number(dataset, "BitsAllocated")
    if bits is not None and bits % 8 and bits != 1:
        raise FileError(
            "The pixels are packed without regard to bytes, which is not read.",
            hint="Export the series with 16 bits a pixel.",
        )
    is_extended = dataset.file_meta.TransferSyntaxUID == JPEGExtended12Bit
    if is_extended and (number(dataset, "BitsStored") or 0) > 8:
        raise FileError(
            "Lossy JPEG of more than 8 bits is not read.",
            hint="Export the series uncompressed or as JPEG 2000.",
        )


def _slots(dataset: pydicom.Dataset, header: Header) -> list[Slot]:
    """Which part of the stored pixels is which slice, by what the header says."""
    if "PerFrameFunctionalGroupsSequence" in dataset:
        return enhanced.slots(dataset, header)
    if (number(dataset, "NumberOfFrames") or 1) > 1:
        return enhanced.slots_along_normal(dataset, header)
    if mosaic.is_siemens_mosaic(dataset):
        return mosaic.siemens_slots(dataset, header)
    if mosaic.is_united_imaging_tiles(dataset):
        return mosaic.united_imaging_slots(dataset, header)
    place = read_place(dataset, dataset, dataset)
    slope, intercept = read_scaling(dataset)
    return [Slot(0, WHOLE, place, slope, intercept, header)]


@contextmanager
def quiet_parser() -> Iterator[None]:
    """Parse one file at a time, without values of the file in warnings."""
    with _parser_lock, _validation(pydicom.config.IGNORE), _unquoted():
        yield


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
