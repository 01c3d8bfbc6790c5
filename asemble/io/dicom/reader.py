"""One DICOM file to `Frame`s: classic, enhanced multi-frame, Siemens mosaic, tiled."""

import logging
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy.typing as npt
import pydicom
from pydicom.charset import convert_encodings
from pydicom.config import settings
from pydicom.dataset import FileMetaDataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.tag import Tag
from pydicom.uid import UID, JPEGExtended12Bit

from asemble.core.errors import FileError
from asemble.io import hints
from asemble.io.dicom import dates, enhanced, mosaic, sop_classes
from asemble.io.dicom.deidentify import KEPT, KEPT_PRIVATE, OVERLAY_GROUPS
from asemble.io.dicom.diffusion import is_diffusion
from asemble.io.dicom.frames import (
    WHOLE,
    Frame,
    Slot,
    notes_on_scaling,
    pixel_digest,
    read_place,
    read_scaling,
)
from asemble.io.dicom.header import Header, header_of, number, text, words
from asemble.io.dicom.layout import COMPRESSED, NATIVE, Layout, read_layout, require_size
from asemble.io.dicom.packing import unpack_pixels
from asemble.io.dicom.padding import Mask, as_background, ends_of
from asemble.io.dicom.patients import ATTRIBUTES, Patients
from asemble.io.dicom.pixels import read_pixels
from asemble.io.dicom.prescan import PIXEL_DATA, Elements, Structure, read_structure

DAMAGED = (
    ValueError, KeyError, AttributeError, TypeError, IndexError, EOFError, OSError, OverflowError,
    NotImplementedError, RuntimeError, struct.error, zlib.error,
    InvalidDicomError, BytesLengthException,
)  # fmt: skip
"""What pydicom and its decoders raise on damaged files, found by cutting and altering real ones."""

NOT_SAID_TO_BE_MR = "Modality does not say MR, but the class of the file does: it was read as MR."

_WANTED = frozenset(
    [int(Tag(tag)) for tag in (*KEPT, *KEPT_PRIVATE, *ATTRIBUTES, *dates.ATTRIBUTES)]
    + [group | number for group in OVERLAY_GROUPS for number in (0x0100, 0x0102)]
)

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
        notes: sentences about how the header was read, for the user.
    """

    name: str
    layout: Layout
    slots: list[Slot]
    stored: memoryview
    notes: tuple[str, ...] = ()

    @property
    def is_compressed(self) -> bool:
        """Whether the pixels go through a decoder."""
        return self.layout.is_packed

    def frames(self) -> list[Frame]:
        """The slices; threads may do this at once for several files.

        Raises:
            FileError: the pixels are not what the header promises.
        """
        try:
            greys = read_pixels(self.layout, self.stored)
            file, single = pixel_digest(greys.values), len(self.slots) == 1
            frames = [
                slot.cut(greys.values, name=self.name, file=file, index=index, is_single=single)
                for index, slot in enumerate(self.slots)
            ]
            notes = (*self.notes, *greys.notes)
            if notes:
                frames = [replace(frame, notes=(*frame.notes, *notes)) for frame in frames]
            if greys.padding is not None:
                frames = _blanked(frames, self.slots, greys.values, greys.padding)
            return frames
        except DAMAGED as error:
            raise FileError(
                "The pixels of this DICOM file are damaged or cut off, or not what its header "
                "states.",
                hint=hints.EXPORT_AGAIN,
                code="pixels-damaged",
            ) from error


def read_header(
    name: str,
    data: bytes,
    *,
    patients: Patients,
    days: dates.Days | None = None,
    elements: Elements | None = None,
) -> Parsed:
    """The header of one DICOM file.

    Args:
        name: file name, for messages.
        data: the whole file.
        patients: of the files before; this one is compared with them, whatever it holds.
        days: of the files before.
        elements: what the headers of its upload may still take.

    Raises:
        FileError: the file is not a whole, readable MR image.
        InputError: it is of another patient than the files before it, or there is no room for it.
    """
    if data[128:132] != b"DICM" and not _starts_with_element(data):
        raise FileError(
            "This file is named like DICOM but holds something else.",
            hint=hints.EXPORT_AGAIN,
            code="not-dicom",
        )
    try:
        found = read_structure(data, wanted=_WANTED, elements=elements)
        with quiet_parser():
            dataset = _dataset(found)
            is_named = patients.take(dataset)
            day = (days or dates.Days()).take(dataset)
            _require_mr_image(dataset, found)
            packed = unpack_pixels(dataset, found)
            dataset.file_meta.TransferSyntaxUID = UID(packed.syntax)
            if packed.is_lossy:
                dataset.LossyImageCompression = "01"
            _require_known_packing(dataset, packed.syntax)
            header = replace(
                header_of(dataset),
                is_diffusion=is_diffusion(dataset),
                day=day,
                is_named=is_named,
            )
            slots = _slots(dataset, header)
            layout = read_layout(dataset)
            stored = packed.stored
            if found.data is not data and not layout.is_packed:
                # A view would hold all that a deflated file inflates to.
                stored = memoryview(bytes(stored[: layout.plain_bytes]))
            return Parsed(name, layout, slots, stored, _notes(dataset))
    except DAMAGED as error:
        raise FileError(
            "The header of this DICOM file is damaged, or written in a way that is not read.",
            hint=hints.EXPORT_AGAIN,
            code="header-damaged",
        ) from error


def series_uid(data: bytes) -> str:
    """The SeriesInstanceUID of a DICOM file, for whoever has to know a published file by it.

    Raises:
        FileError: the file is no DICOM that can be read.
    """
    tag = int(Tag("SeriesInstanceUID"))
    try:
        found = read_structure(data, wanted=frozenset({tag}))
        with quiet_parser():
            return text(_dataset(found), "SeriesInstanceUID")
    except DAMAGED as error:
        raise FileError(
            "This file is no DICOM that can be read.",
            hint=hints.EXPORT_AGAIN,
            code="not-dicom",
        ) from error


def _dataset(found: Structure) -> pydicom.Dataset:
    """The kept elements, whose values pydicom converts when they are asked for."""
    dataset = pydicom.Dataset(found.elements)
    dataset.file_meta = FileMetaDataset(found.meta)
    try:
        encodings = convert_encodings(list(words(dataset, "SpecificCharacterSet")))
    except (LookupError, ValueError):  # rubbish: the words that are looked for are ASCII
        encodings = []
    dataset.set_original_encoding(
        not found.is_explicit, found.is_little_endian, encodings or ["iso8859"]
    )
    return dataset


def _notes(dataset: pydicom.Dataset) -> tuple[str, ...]:
    """What the user should know of the header of a file."""
    is_enhanced = "PerFrameFunctionalGroupsSequence" in dataset  # whose frames say it themselves
    says_mr = text(dataset, "Modality").upper() in ("MR", "")
    return (
        *(() if says_mr else (NOT_SAID_TO_BE_MR,)),
        *(() if is_enhanced else notes_on_scaling(dataset)),
    )


def _blanked(
    frames: list[Frame], slots: list[Slot], values: npt.NDArray[Any], mask: Mask
) -> list[Frame]:
    """The slices with padding as dark as the darkest signal of the file."""
    low, high = (0.0, 0.0) if mask.all() else ends_of(values, ~mask)
    darkest = (float(low), float(high))
    return [
        replace(
            frame,
            pixels=as_background(
                frame.pixels, mask[slot.frame][slot.window], darkest,
                slope=frame.slope, zero=-frame.intercept / frame.slope,
            ),
        )
        for frame, slot in zip(frames, slots, strict=True)
    ]  # fmt: skip


def _starts_with_element(data: bytes) -> bool:
    """Whether the bytes begin with group 0002 or 0008, as a data set without preamble does."""
    if len(data) < 64 or data[1:2] + data[3:4] not in (b"\0\0",):
        return data[:4] in (b"\0\x08\0\x05", b"\0\x08\0\x08", b"\0\x08\0\x16")  # big endian
    return data[0] in (2, 8)


def _require_mr_image(dataset: pydicom.Dataset, found: Structure) -> None:
    """Refuse what is not an MR image, by name.

    Raises:
        FileError: the reason.
    """
    sop_class = text(dataset, "SOPClassUID") or text(dataset.file_meta, "MediaStorageSOPClassUID")
    modality = text(dataset, "Modality").upper()
    document = sop_classes.document_of(sop_class)
    if document is not None:
        raise FileError(
            f"This is {document}, not an MR image.", hint=hints.NOT_NEEDED, code="not-an-mr-image"
        )
    other = sop_classes.other_image_of(sop_class, modality)
    is_placed = other is None and "ImagePositionPatient" in dataset
    if sop_class in sop_classes.SECONDARY_CAPTURES and not is_placed:
        raise FileError(
            "This is a secondary capture (a picture of a screen or a scanned page), not an MR "
            "slice; the name of the patient may stand in it.",
            hint=hints.UPLOAD_ORIGINAL,
            code="secondary-capture",
        )
    if other is not None and sop_class in sop_classes.MR_CLASSES:
        raise FileError(
            f"The class of this file says MR, its Modality that it is {other}.",
            hint=hints.UPLOAD_MRI,
            code="modality-contradicts-class",
        )
    if other is not None:
        raise FileError(f"This is {other}, not MR.", hint=hints.UPLOAD_MRI, code="not-mr")
    if found.pixels is None:
        if sop_class in sop_classes.MR_CLASSES or "Rows" in dataset:
            raise FileError(
                "This DICOM file is cut off or damaged, or holds no image: no pixel data follow "
                "its header.",
                hint=hints.EXPORT_AGAIN,
                code="no-pixel-data",
            )
        raise FileError(
            "This DICOM file holds no image.", hint=hints.NOT_NEEDED, code="no-pixel-data"
        )
    if found.pixels.tag != PIXEL_DATA:
        raise FileError(
            "This is a map of computed values, not an MR image.",
            hint=hints.EXPORT_AGAIN,
            code="computed-map",
        )


def _require_known_packing(dataset: pydicom.Dataset, syntax: str) -> None:
    """Refuse the ways to pack grey values that no decoder here takes apart.

    Raises:
        FileError: 12 bits on end (PS3.5 8.1.1, retired), lossy JPEG of 12 bits, or an unknown one.
    """
    if syntax not in NATIVE | COMPRESSED:
        raise FileError(
            "The pixels are stored in a transfer syntax that is not read.",
            hint=hints.UNCOMPRESSED,
            code="transfer-syntax-unknown",
        )
    bits = number(dataset, "BitsAllocated")
    if bits is not None and bits % 8 and bits != 1:
        raise FileError(
            "The pixels are packed without regard to bytes, which is not read.",
            hint="Export the series with 16 bits a pixel.",
            code="pixels-bit-packed",
        )
    if syntax == JPEGExtended12Bit and (number(dataset, "BitsStored") or 0) > 8:
        raise FileError(
            "Lossy JPEG of more than 8 bits is not read.",
            hint=hints.UNCOMPRESSED,
            code="lossy-jpeg-over-8-bits",
        )


def _slots(dataset: pydicom.Dataset, header: Header) -> list[Slot]:
    """Which part of the stored pixels is which slice, by what the header says."""
    frames = int(number(dataset, "NumberOfFrames") or 1)
    require_size(frames)
    if "PerFrameFunctionalGroupsSequence" in dataset:
        return enhanced.slots(dataset, header)
    if frames > 1:
        return enhanced.slots_along_normal(dataset, header)
    if mosaic.is_siemens_mosaic(dataset):
        return mosaic.siemens_slots(dataset, header)
    if mosaic.is_united_imaging_tiles(dataset):
        return mosaic.united_imaging_slots(dataset, header)
    place = read_place(dataset, dataset, dataset)
    slope, intercept = read_scaling(dataset)
    return [Slot(0, WHOLE, place, slope, intercept, header)]


class _Quiet:
    """Keeps pydicom from quoting values while any thread parses; threads do not wait for others.

    What keeps it so are settings of the whole process: the first to come makes them, and the last
    to leave takes them back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._parsing = 0
        self._settings = ExitStack()

    def __enter__(self) -> None:
        with self._lock:
            if not self._parsing:
                self._settings.enter_context(_validation(pydicom.config.IGNORE))
                self._settings.enter_context(_unquoted())
            self._parsing += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._parsing -= 1
            if not self._parsing:
                self._settings.close()


_quiet = _Quiet()


def quiet_parser() -> AbstractContextManager[None]:
    """Parse without values of the file in warnings or in pydicom's log; threads do so at once."""
    return _quiet


@contextmanager
def _unquoted() -> Iterator[None]:
    """Neither warnings nor log lines of pydicom, which quote values.

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

    The setting is the whole process's.
    """
    before = settings.reading_validation_mode
    settings.reading_validation_mode = mode
    try:
        yield
    finally:
        settings.reading_validation_mode = before
