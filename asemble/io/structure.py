"""The skeleton of a DICOM file, walked before it is parsed: depth, number of elements, pixels.

The parser recurses into sequences and takes its time over every element. This walk does neither:
it hops from length to length, so that a hostile file is refused before it costs anything.
"""

import struct
from dataclasses import dataclass

from asemble.core.errors import FileError
from asemble.io import limits

UNDEFINED = 0xFFFFFFFF
PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
"""FloatPixelData, DoubleFloatPixelData, PixelData."""

_TRANSFER_SYNTAX = 0x00020010
_BIG_ENDIAN = b"1.2.840.10008.1.2.2"
_IMPLICIT = b"1.2.840.10008.1.2"
_DEFLATED = b"1.2.840.10008.1.2.1.99"
_ITEM, _END_OF_ITEM, _END_OF_SEQUENCE = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_LONG = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR",
                   b"UT", b"UV"})  # fmt: skip
"""Value representations with a length of 32 bits (PS3.5 7.1.2)."""

_HINT = "Export the original MR series from the scanner or PACS."


@dataclass(frozen=True, slots=True)
class PixelElement:
    """Where the pixels of a file are.

    Args:
        tag: which of `PIXELS`.
        vr: value representation, empty in implicit files.
        element: offset of the element, where the header ends.
        start: offset of its value.
        length: as stated, `UNDEFINED` where the pixels are encapsulated.
    """

    tag: int
    vr: str
    element: int
    start: int
    length: int


def find_pixels(data: bytes) -> PixelElement | None:
    """The pixels of a file, None where it ends or goes astray before them.

    Raises:
        FileError: sequences are nested too deeply, there are too many elements, or all of it is
            deflated.
    """
    at, syntax = (132, b"") if data[128:132] == b"DICM" else (0, b"")
    budget = limits.MAX_ELEMENTS
    try:
        if data[at : at + 2] == b"\2\0":
            at, syntax, used = _skip_meta(data, at)
            budget -= used
        if syntax == _DEFLATED:
            raise _deflated()
        found = _walk(data, at, _encoding(data, at, syntax), budget)
    except struct.error:  # past the end
        found = None
    # The parser inflates without a bound, so it must not meet the word where this walk saw none.
    if data.find(_DEFLATED, 0, len(data) if found is None else found.element) >= 0:
        raise _deflated()
    return found


def _skip_meta(data: bytes, at: int) -> tuple[int, bytes, int]:
    """The end of the file meta information, the transfer syntax in it, and its elements."""
    syntax = b""
    for count in range(limits.MAX_ELEMENTS):
        if data[at : at + 2] != b"\2\0":
            return at, syntax, count
        tag, _, start, length = _element(data, at, explicit=True, order="<")
        at = start + length
        if tag == _TRANSFER_SYNTAX:
            syntax = data[start:at].rstrip(b"\0 ")
    raise _too_many()


def _encoding(data: bytes, at: int, syntax: bytes) -> tuple[bool, str]:
    """Whether elements state their value representation, and the order of bytes."""
    explicit = data[at + 4 : at + 6].isalpha() and data[at + 4 : at + 6].isupper()
    if syntax:
        order = ">" if syntax == _BIG_ENDIAN else "<"
        return explicit or syntax != _IMPLICIT, order
    return explicit, ">" if data[at : at + 1] == b"\0" and data[at + 1 : at + 2] != b"\0" else "<"


def _element(data: bytes, at: int, *, explicit: bool, order: str) -> tuple[int, bytes, int, int]:
    """Tag, value representation, offset and length of the value of the element at an offset."""
    group, number, vr, length = _HEADS[order].unpack_from(data, at)
    tag = group << 16 | number
    if group == 0xFFFE or not explicit or not (b"AA" <= vr <= b"ZZ"):
        (length,) = _LENGTHS[order].unpack_from(data, at + 4)
        return tag, b"", at + 8, length
    if vr in _LONG:
        (length,) = _LENGTHS[order].unpack_from(data, at + 8)
        return tag, vr, at + 12, length
    return tag, vr, at + 8, length


_HEADS = {"<": struct.Struct("<HH2sH"), ">": struct.Struct(">HH2sH")}
_LENGTHS = {"<": struct.Struct("<L"), ">": struct.Struct(">L")}


def _walk(data: bytes, at: int, encoding: tuple[bool, str], budget: int) -> PixelElement | None:
    explicit, order = encoding
    item = _LENGTHS[order].pack(_ITEM if order == ">" else 0xE000FFFE)
    ends: list[int] = []  # where each open sequence or item ends
    size = len(data)
    for _ in range(budget):
        while ends and at >= ends[-1]:
            ends.pop()
        if at >= size:
            return None
        tag, vr, start, length = _element(data, at, explicit=explicit, order=order)
        if not ends and tag in PIXELS:
            return PixelElement(tag, vr.decode(), at, start, length)
        if tag in (_END_OF_ITEM, _END_OF_SEQUENCE):
            at = start
            if ends:
                ends.pop()
        elif tag == _ITEM or length == UNDEFINED or data[start : start + 4] == item:
            ends.append(size if length == UNDEFINED else start + length)
            if len(ends) > 2 * limits.MAX_DEPTH:  # a sequence and its item are two
                raise FileError(
                    f"This DICOM file nests more than {limits.MAX_DEPTH} sequences.", hint=_HINT
                )
            at = start
        else:
            at = start + length
    raise _too_many()


def _deflated() -> FileError:
    return FileError(
        "Deflated DICOM is not read.", hint="Export the series uncompressed or as JPEG 2000."
    )


def _too_many() -> FileError:
    return FileError(
        f"This DICOM file holds more than {limits.MAX_ELEMENTS:,} elements.", hint=_HINT
    )
