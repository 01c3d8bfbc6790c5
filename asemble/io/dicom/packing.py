"""What the value of PixelData is: plain, or packed in which way, whatever the file states.

Tools change pixels and forget the transfer syntax, or the other way round. What the bytes are is
told by their length where they are plain, and by their first bytes where they are packed.
"""

import struct
from dataclasses import dataclass

import pydicom
from pydicom import uid
from pydicom.encaps import encapsulate

from asemble.core.errors import FileError
from asemble.io import hints
from asemble.io.dicom.header import number, text
from asemble.io.dicom.layout import COMPRESSED, NATIVE
from asemble.io.dicom.prescan import UNDEFINED, Structure, fragments

_FRAMES_OF_JPEG = {
    0xC0: uid.JPEGBaseline8Bit,
    0xC1: uid.JPEGExtended12Bit,
    0xC3: uid.JPEGLossless,
    0xF7: uid.JPEGLSLossless,
}
"""The syntax by the marker that begins a frame."""
_DECODED_ALIKE = (
    {uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit},
    {uid.JPEGLossless, uid.JPEGLosslessSV1},
    {uid.JPEGLSLossless, uid.JPEGLSNearLossless},
    {uid.JPEG2000Lossless, uid.JPEG2000},
)
_MOST_MARKERS = 100
_CODING_STYLE = 0x52
_START_BYTES = 4096
"""Of a JPEG 2000 stream, in which its main header is looked for."""


@dataclass(frozen=True, slots=True)
class Packed:
    """The value of PixelData and the transfer syntax that it really is in.

    And whether the stream itself says that it is lossy, as JPEG 2000 may or may not be.
    """

    syntax: str
    stored: memoryview
    is_lossy: bool = False


def unpack_pixels(dataset: pydicom.Dataset, found: Structure) -> Packed:
    """The pixels that a walk found.

    Raises:
        FileError: they are cut off, or neither plain nor packed in any known way.
    """
    syntax, stored = _syntax(dataset, found), _value(found)
    plain = _plain_bytes(dataset)
    items = fragments(stored) if len(stored) != plain else None
    if syntax not in NATIVE | COMPRESSED or (syntax in NATIVE and items is None):
        return Packed(syntax, stored)  # what is in neither is refused by its name
    as_plain = syntax if syntax in NATIVE else uid.ExplicitVRLittleEndian
    stream = stored if items is None else items[min(1, len(items) - 1)]
    packed, is_lossy = _syntax_of(stream), _is_irreversible(stream)
    if packed and items is None:  # a stream without the items around it
        return Packed(packed, memoryview(encapsulate([bytes(stored)])), is_lossy)
    if packed and items is not None:
        alike = any({syntax, packed} <= group for group in _DECODED_ALIKE)
        frames = int(number(dataset, "NumberOfFrames") or 1)
        stored = _with_true_offsets(stored, items, frames)
        return Packed(syntax if alike else packed, stored, is_lossy)
    for parts in ([stored],) if items is None else (items[1:], items):
        rest = sum(len(part) for part in parts) - plain
        is_open = items is None and found.pixels is not None and found.pixels.length == UNDEFINED
        if plain and parts and (0 <= rest <= len(parts) or (is_open and rest > 0)):
            return Packed(as_plain, memoryview(b"".join(parts)))
    if items is not None and syntax in COMPRESSED:
        return Packed(syntax, stored)
    raise FileError(
        "The pixels are not in the transfer syntax that the file states, nor in one that their "
        "first bytes show.",
        hint=hints.EXPORT_AGAIN,
        code="transfer-syntax-wrong",
    )


def _with_true_offsets(stored: memoryview, items: list[memoryview], frames: int) -> memoryview:
    """The items of pixels; without their offset table where it points beside them.

    It is not needed for a single frame, nor where each frame is one item.
    """
    starts = [0]
    for item in items[1:]:
        starts.append(starts[-1] + 8 + len(item))
    table = items[0]
    stated = {at for (at,) in struct.iter_unpack("<L", table[: len(table) // 4 * 4])}
    if stated <= set(starts[:-1]) or (frames > 1 and frames != len(items) - 1):
        return stored
    streams = [bytes(item) for item in items[1:]]
    return memoryview(encapsulate(streams if frames > 1 else [b"".join(streams)], has_bot=False))


def _syntax(dataset: pydicom.Dataset, found: Structure) -> str:
    """The transfer syntax as stated; of plain ones, and where none is, the one that was found."""
    stated = text(dataset.file_meta, "TransferSyntaxUID")
    if stated and stated not in NATIVE and stated != uid.DeflatedExplicitVRLittleEndian:
        return stated
    if not found.is_little_endian:
        return uid.ExplicitVRBigEndian
    return uid.ExplicitVRLittleEndian if found.is_explicit else uid.ImplicitVRLittleEndian


def _value(found: Structure) -> memoryview:
    """The bytes of PixelData; up to the end of the file where only a delimiter ends them."""
    pixels, size = found.pixels, len(found.data)
    if pixels is None:
        return memoryview(b"")
    end = size if pixels.length == UNDEFINED else pixels.start + pixels.length
    if end > size:
        raise FileError(
            "This DICOM file is damaged or cut off: "
            f"{size - min(pixels.start, size):,} of {pixels.length:,} bytes of pixels are there.",
            hint=hints.EXPORT_AGAIN,
            code="pixels-cut-off",
        )
    return memoryview(found.data)[pixels.start : end]


def _plain_bytes(dataset: pydicom.Dataset) -> int:
    """How many bytes the pixels would take uncompressed, 0 where the header does not say."""
    size = (number(dataset, "BitsAllocated") or 0) / 8
    for keyword in ("Rows", "Columns"):
        size *= number(dataset, keyword) or 0
    for keyword in ("NumberOfFrames", "SamplesPerPixel"):
        size *= number(dataset, keyword) or 1
    return int(size)


def _syntax_of(stream: memoryview) -> str:
    """The transfer syntax that the first bytes of a compressed frame show, empty where none."""
    first = bytes(stream[:12])
    if first[:4] == b"\xff\x4f\xff\x51" or first[4:8] == b"jP  ":
        return uid.JPEG2000
    if first[:2] == b"\xff\xd8":
        return _syntax_of_jpeg(stream)
    if len(stream) > 64:
        segments, offset = struct.unpack_from("<LL", stream)
        if 1 <= segments <= 15 and offset == 64:
            return uid.RLELossless
    return ""


def _is_irreversible(stream: memoryview) -> bool:
    """Whether a JPEG 2000 stream states the wavelet that loses (ISO/IEC 15444-1 A.6.1)."""
    start = bytes(stream[:_START_BYTES])
    at = start.find(b"\xff\x4f\xff\x51") + 2
    while at > 1 and at + 14 <= len(start) and start[at] == 0xFF:
        if start[at + 1] == _CODING_STYLE:
            return start[at + 13] == 0
        at += 2 + int.from_bytes(start[at + 2 : at + 4], "big")
    return False


def _syntax_of_jpeg(stream: memoryview) -> str:
    at = 2
    for _ in range(_MOST_MARKERS):
        if at + 4 > len(stream) or stream[at] != 0xFF:
            break
        marker = stream[at + 1]
        if marker in _FRAMES_OF_JPEG:
            return _FRAMES_OF_JPEG[marker]
        (length,) = struct.unpack_from(">H", stream, at + 2)
        at += 1 if marker == 0xFF else 2 + length  # fill bytes may stand before a marker
    return ""
