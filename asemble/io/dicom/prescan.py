"""The structure of a DICOM file: which element lies where, found in one walk within limits.

Nothing else decides where an element begins: pydicom is handed the bytes of the wanted ones, and
turns them into values. The walk hops from length to length without recursion, so that a hostile
file is refused before it costs anything, and holds what the file states against what it finds, so
that a false transfer syntax or a sequence in another encoding does not lead it astray.
"""

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from itertools import chain
from typing import Any

from pydicom import uid
from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag

from asemble.core.errors import FileError
from asemble.io import hints, limits
from asemble.io.limits import MIB

UNDEFINED = 0xFFFFFFFF
TOO_LONG = "header-too-long"
"""Code of the refusal of a header, or of one element, that is longer than is read."""
TOO_MANY, TOO_MANY_IN_UPLOAD = "too-many-elements", "too-many-elements-in-upload"
"""Codes of the refusals of a file whose header has too many elements, by itself or with others."""
_TELLS_EVERY = 4096
"""Elements that are kept before more room is asked for."""
PIXEL_DATA = 0x7FE00010
PIXELS = frozenset({0x7FE00008, 0x7FE00009, PIXEL_DATA})
"""FloatPixelData, DoubleFloatPixelData, PixelData."""

_TRANSFER_SYNTAX = 0x00020010
_META = frozenset({0x00020002, _TRANSFER_SYNTAX})
"""Of the file meta information: MediaStorageSOPClassUID, TransferSyntaxUID."""
_IMPLICIT, _BIG_ENDIAN = uid.ImplicitVRLittleEndian.encode(), uid.ExplicitVRBigEndian.encode()
_DEFLATED = uid.DeflatedExplicitVRLittleEndian.encode()
_ITEM, _END_OF_ITEM, _END_OF_SEQUENCE = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_LONG = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR",
                   b"UT", b"UV"})  # fmt: skip
"""Value representations with a length of 32 bits (PS3.5 7.1.2)."""
_SHORT = frozenset({b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO",
                    b"LT", b"PN", b"SH", b"SL", b"SS", b"ST", b"TM", b"UI", b"UL",
                    b"US"})  # fmt: skip
"""The others, with one of 16 bits."""
_STATED = _SHORT | _LONG
_HOLDS_ITEMS = frozenset({b"", b"SQ", b"UN"})
"""A value of any other kind is bytes, whatever it begins with."""
_VALUES = frozenset({b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO",
                     b"PN", b"SH", b"SL", b"SS", b"SV", b"TM", b"UC", b"UI", b"UL", b"US",
                     b"UV"})  # fmt: skip
"""What becomes texts or numbers, each of which takes many times its bytes."""
_TEXTS = _VALUES - {b"AT", b"FD", b"FL", b"SL", b"SS", b"SV", b"UL", b"US", b"UV"}
"""Of these, texts, with a backslash between two."""
_TABLES = dict.fromkeys(
    (0x00281201, 0x00281202, 0x00281203, 0x00283006, 0x7FE00001, 0x7FE00002),
    limits.MAX_TABLE_BYTES,
) | dict.fromkeys((0x00291010, 0x00291110), limits.MAX_VENDOR_BYTES)  # fmt: skip
"""Palettes, LUTData, extended offset tables; CSA headers."""
_LOOK_AHEAD = 2
"""Elements after one that may be read in two ways; chance seldom makes sense of so many."""
_INFLATE_STEP = 64 * 1024


_Head = tuple[int, bytes, int, int]
"""Tag, value representation (empty where none is stated), offset and length of the value."""


def _as_much_as_it_takes(_size: int) -> None:
    """Room where nothing bounds it."""


@dataclass(slots=True)
class Elements:
    """What the headers of one upload may still take.

    Args:
        left: elements and items that may still be looked at.
        have_room: has room for so many bytes while a header is read, or raises.
    """

    left: int = field(default_factory=lambda: limits.MAX_UPLOAD_ELEMENTS)
    have_room: Callable[[int], None] = _as_much_as_it_takes


@dataclass(frozen=True, slots=True)
class PixelElement:
    """Where the pixels of a file are.

    Args:
        tag: which of `PIXELS`.
        vr: value representation, empty in implicit files.
        element: offset of the element, where the header ends.
        start: offset of its value.
        length: as stated, `UNDEFINED` where only its end tells.
    """

    tag: int
    vr: str
    element: int
    start: int
    length: int


@dataclass(frozen=True, slots=True, eq=False)
class Structure:
    """What a walk found.

    Args:
        data: what its offsets count in: the file, or what a deflated one inflates to.
        meta: wanted elements of the file meta information, by tag.
        elements: wanted elements before the pixels, by tag; values are bytes, sequences pydicom's.
        pixels: None where the file ends or goes astray before them.
        is_explicit: whether elements state their value representation.
        is_little_endian: whether the least byte comes first.
    """

    data: bytes
    meta: dict[BaseTag, Any]
    elements: dict[BaseTag, Any]
    pixels: PixelElement | None
    is_explicit: bool
    is_little_endian: bool


def read_structure(
    data: bytes, *, wanted: frozenset[int] = frozenset(), elements: Elements | None = None
) -> Structure:
    """Walk a file up to its pixels.

    Args:
        data: the whole file.
        wanted: tags of the elements to keep; of what they hold, all but other private ones.
        elements: of the upload that the file is of.

    Raises:
        FileError: sequences are nested too deeply, there are too many elements, a public one that
            is wanted is too long, or a deflated file is damaged or grows too much.
        InputError: there is no room for what is kept.
    """
    at = 132 if data[128:132] == b"DICM" else 0
    budget = _Budget(limits.MAX_ELEMENTS, limits.MAX_HEADER_BYTES, elements or Elements())
    meta: dict[BaseTag, Any] = {}
    if data[at : at + 2] == b"\2\0":
        walk = _Walk(data, at, order="<", is_explicit=True, budget=budget)
        head = walk.until(lambda tag: tag >> 16 != 2, wanted=_META)
        at, meta = (len(data) if head is None else walk.at), walk.elements
    stated = meta.get(BaseTag(_TRANSFER_SYNTAX))
    syntax = b"" if stated is None else (stated.value or b"").rstrip(b"\0 ")
    if syntax == _DEFLATED and not _is_first_element(data, at):
        data, at = _inflated(data, at), 0
    order = _order(data, at, syntax)
    walk = _Walk(data, at, order=order, is_explicit=syntax != _IMPLICIT, budget=budget)
    head = walk.until(PIXELS.__contains__, wanted=wanted)
    pixels = None
    if head is not None:
        tag, vr, start, length = head
        pixels = PixelElement(tag, vr.decode(), walk.at, start, length)
    return Structure(data, meta, walk.elements, pixels, walk.is_explicit, order == "<")


def fragments(stored: memoryview) -> list[memoryview] | None:
    """The items that pixels lie in, the offset table first; None where there are none.

    Whatever they hold, items are little endian (PS3.5 A.4).
    """
    if bytes(stored[:4]) != b"\xfe\xff\x00\xe0":
        return None
    found: list[memoryview] = []
    at = 0
    while at + 8 <= len(stored) and bytes(stored[at : at + 4]) == b"\xfe\xff\x00\xe0":
        (length,) = _LENGTHS["<"].unpack_from(stored, at + 4)
        found.append(stored[at + 8 : at + 8 + length])
        at += 8 + length
        if len(found) > limits.MAX_FRAGMENTS:
            raise _too_many(f"{limits.MAX_FRAGMENTS:,} pieces of pixels")
    return found


def _is_first_element(data: bytes, at: int) -> bool:
    """Whether a data set begins here as it is, little endian: group 0008, a small element."""
    return data[at : at + 2] == b"\x08\0" and data[at + 3 : at + 4] == b"\0"


def _order(data: bytes, at: int, syntax: bytes) -> str:
    """The order of bytes: as the first group shows, which is small; else as stated."""
    low, high = data[at : at + 1], data[at + 1 : at + 2]
    if (low == b"\0") != (high == b"\0"):
        return ">" if low == b"\0" else "<"
    return ">" if syntax == _BIG_ENDIAN else "<"


def _inflated(data: bytes, at: int) -> bytes:
    """What the deflated rest of a file inflates to (PS3.5 A.5), with or without zlib's header.

    A stream that is cut off gives what there is.

    Raises:
        FileError: the stream is damaged, or grows beyond the limits.
    """
    packed = memoryview(data)[at:]
    has_header = len(packed) > 1 and packed[0] & 15 == 8 and (packed[0] << 8 | packed[1]) % 31 == 0
    unpacker = zlib.decompressobj(zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS)
    most = max(limits.DEFLATED_FREE_BYTES, limits.MAX_RATIO * len(packed))
    out: list[bytes] = []
    size = 0
    try:
        for begin in range(0, len(packed), _INFLATE_STEP):
            piece: Any = packed[begin : begin + _INFLATE_STEP]
            while piece and not unpacker.eof:
                out.append(unpacker.decompress(piece, MIB))
                size += len(out[-1])
                piece = unpacker.unconsumed_tail
                if size > min(most, limits.MAX_FILE_BYTES):
                    raise FileError(
                        f"This deflated DICOM file would inflate to more than {limits.MAX_RATIO} "
                        f"times its size, or than {limits.MAX_FILE_BYTES // MIB} MiB.",
                        hint="Export the series uncompressed.",
                        code="deflated-too-large",
                    )
    except zlib.error as error:
        raise FileError(
            "This deflated DICOM file is damaged.", hint=hints.EXPORT_AGAIN, code="deflated-damaged"
        ) from error
    return b"".join(out)


@dataclass(slots=True)
class _Budget:
    """Elements that may still be looked at, and bytes of them that may still be kept."""

    left: int
    bytes_left: int
    of_upload: Elements
    kept: int = 0

    def take_one(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise _too_many(f"{limits.MAX_ELEMENTS:,} elements")
        self.of_upload.left -= 1
        if self.of_upload.left < 0:
            raise FileError(
                f"The headers of this upload hold more than {limits.MAX_UPLOAD_ELEMENTS:,} "
                "elements, so this file was left out.",
                hint=hints.ASK_FOR_LESS,
                code=TOO_MANY_IN_UPLOAD,
            )

    def keep(self, size: int = 0) -> None:
        """Keep one element, item or sequence, with so many bytes."""
        self.kept += 1
        if self.kept % _TELLS_EVERY == 0:
            self.of_upload.have_room(limits.BYTES_AN_ELEMENT * (self.kept + _TELLS_EVERY))
        self.bytes_left -= size
        if self.bytes_left < 0:
            raise FileError(
                f"The header of this DICOM file is longer than {limits.MAX_HEADER_BYTES // MIB} "
                "MiB.",
                hint=hints.EXPORT_AGAIN,
                code=TOO_LONG,
            )


@dataclass(slots=True)
class _Open:
    """A sequence or an item that the walk is in.

    Args:
        end: where it ends; that of what holds it where it does not say.
        is_item: whether it holds elements; a sequence holds items.
        is_explicit: whether its elements are expected to state their value representation.
        is_bytes: whether its items hold bytes, not elements.
        kept: where its elements or items are kept, None where they are not.
    """

    end: int
    is_item: bool
    is_explicit: bool
    is_bytes: bool = False
    kept: Any = None


class _Walk:
    """Goes from element to element; `at` is where it is."""

    def __init__(
        self, data: bytes, at: int, *, order: str, is_explicit: bool, budget: _Budget
    ) -> None:
        self.at = at
        self._data = data
        self._budget = budget
        self._heads, self._lengths = _HEADS[order], _LENGTHS[order]
        self._item, self._end = (
            struct.pack(f"{order}HH", tag >> 16, tag & 0xFFFF) for tag in (_ITEM, _END_OF_SEQUENCE)
        )
        self._is_little_endian = order == "<"
        self._kept: dict[int, Any] = {}
        self._opened = [_Open(len(data), is_item=True, is_explicit=is_explicit, kept=self._kept)]
        if at + 8 <= len(data):
            self._opened[0].is_explicit = bool(self._head(at, self._opened[0])[1])

    @property
    def is_explicit(self) -> bool:
        """Whether the first element states its value representation."""
        return self._opened[0].is_explicit

    @property
    def elements(self) -> dict[BaseTag, Any]:
        """The wanted elements that were passed."""
        return _as_pydicom(self._kept)

    def until(self, is_last: Callable[[int], bool], *, wanted: frozenset[int]) -> _Head | None:
        """Go on to the first element at the top that is asked for; None where none comes."""
        opened = self._opened
        while True:
            self._leave_what_ends_here()
            here = opened[-1]
            if self.at + 8 <= here.end:
                self._budget.take_one()
                head = self._head(self.at, here)
                if len(opened) == 1 and is_last(head[0]):
                    return head
                self._pass(head, here, wanted)
            elif len(opened) == 1:
                return None
            else:  # too little for an element
                self.at = here.end

    def _leave_what_ends_here(self) -> None:
        opened = self._opened
        while len(opened) > 1 and self.at >= opened[-1].end:
            self.at = opened.pop().end  # what holds an element knows its end better than it does

    def _pass(self, head: _Head, here: _Open, wanted: frozenset[int]) -> None:
        """Go into a sequence or an item, out of one, or behind a value."""
        tag, vr, start, length = head
        value = self._data[start : start + 4]
        if tag in (_END_OF_ITEM, _END_OF_SEQUENCE):
            self._close(tag)
            self.at = start
        elif tag == _ITEM and not here.is_bytes:
            kept: Any = None
            if isinstance(here.kept, list):
                self._budget.keep()
                here.kept.append(kept := {})
            self._open(head, here, _Open(0, is_item=True, is_explicit=here.is_explicit, kept=kept))
        elif tag != _ITEM and (
            (length == UNDEFINED and value in (self._item, self._end))
            or (value == self._item and vr in _HOLDS_ITEMS)
        ):
            kept = [] if self._is_kept(tag, here, wanted) else None
            if kept is not None:
                self._budget.keep()
                here.kept[tag] = kept
            # What was of unknown kind when it was written holds implicit elements (PS3.5 6.2.2).
            is_explicit = vr not in (b"", b"UN") or (vr == b"UN" and length != UNDEFINED)
            sequence = _Open(0, is_item=False, is_explicit=is_explicit, kept=kept)
            sequence.is_bytes = vr not in _HOLDS_ITEMS or tag in PIXELS
            self._open(head, here, sequence)
        elif length == UNDEFINED:  # bytes up to a delimiter
            end = self._data.find(self._end, start)
            self.at = end + 8 if end >= 0 else len(self._data) + 1
        else:
            self.at = start + length
            if self.at <= here.end and self._is_kept(tag, here, wanted):
                self._keep(head, here, is_wanted=tag in wanted)

    def _open(self, head: _Head, here: _Open, inner: _Open) -> None:
        _, _, start, length = head
        inner.end = here.end if length == UNDEFINED else min(start + length, here.end)
        self._opened.append(inner)
        if len(self._opened) > 2 * limits.MAX_DEPTH + 1:  # a sequence and its item are two
            raise FileError(
                f"This DICOM file nests more than {limits.MAX_DEPTH} sequences.",
                hint=hints.EXPORT_AGAIN,
                code="nested-too-deep",
            )
        self.at = start

    def _close(self, tag: int) -> None:
        opened = self._opened
        if opened[-1].is_item and len(opened) > 1:
            opened.pop()
        if tag == _END_OF_SEQUENCE and not opened[-1].is_item:
            opened.pop()

    def _is_kept(self, tag: int, here: _Open, wanted: frozenset[int]) -> bool:
        if here.kept is None or not here.is_item:
            return False
        is_inside = len(self._opened) > 1
        return tag in wanted or (is_inside and not tag >> 16 & 1)

    def _keep(self, head: _Head, here: _Open, *, is_wanted: bool) -> None:
        tag, vr, start, length = head
        kind = vr if vr not in (b"", b"UN") else _kind(tag)
        most = _TABLES.get(tag) or (
            limits.MAX_VALUE_BYTES if kind in _VALUES else limits.MAX_ELEMENT_BYTES
        )
        value = self._data[start : start + length] or None if length <= most else None
        is_long = length > most or (
            value is not None
            and kind in _TEXTS
            and value.count(b"\\") >= limits.MAX_VALUES
        )  # fmt: skip
        if is_long and is_wanted and not tag >> 16 & 1:
            raise _too_long(tag, most)
        if is_long:
            return
        self._budget.keep(length)
        here.kept[tag] = RawDataElement(
            BaseTag(tag), vr.decode() or None, length, value, start,
            is_implicit_VR=not vr, is_little_endian=self._is_little_endian,
        )  # fmt: skip

    def _head(self, at: int, here: _Open) -> _Head:
        """The element at an offset, read as what holds it has led to expect unless that fails."""
        data = self._data
        group, number, vr, length = self._heads.unpack_from(data, at)
        if here.is_explicit and vr in _STATED:
            start = at + 8
            if vr in _LONG and at + 12 <= len(data):
                start, length = at + 12, self._lengths.unpack_from(data, at + 8)[0]
            after = start + length
            is_sure = length if vr in _SHORT else length == UNDEFINED
            if is_sure or data[after + 4 : after + 6] in _STATED:  # as almost always
                return group << 16 | number, vr, start, length
        readings = self._readings(at, is_explicit=here.is_explicit)
        if len(readings) == 1:
            return readings[0]
        if not here.is_explicit and self._chains(readings[1], here.end, _LOOK_AHEAD):
            return readings[1]
        fitting = (r for r in readings if self._fits(r, here.end, _LOOK_AHEAD))
        return next(chain(fitting, readings))

    def _readings(self, at: int, *, is_explicit: bool) -> list[_Head]:
        """Every way to read the element at an offset, the expected one first."""
        data, size = self._data, len(self._data)
        group, number, vr, short = self._heads.unpack_from(data, at)
        tag = group << 16 | number
        implicit = (tag, b"", at + 8, self._lengths.unpack_from(data, at + 4)[0])
        if group == 0xFFFE or (vr not in _STATED and not is_explicit):
            return [implicit]
        as_short = (tag, vr, at + 8, short)
        as_long = (tag, vr, at + 12, self._lengths.unpack_from(data, at + 8)[0]) \
            if at + 12 <= size else as_short  # fmt: skip
        if vr in _STATED:
            stated = as_short if vr in _SHORT else as_long
            return [stated, implicit] if is_explicit else [implicit, stated]
        unknown = [(tag, b"UN", start, length) for _, _, start, length in (as_short, as_long)]
        return [implicit, *unknown]

    def _fits(self, head: _Head, end: int, ahead: int) -> bool:
        """Whether an element read so is followed by what may follow it."""
        tag, _, start, length = head
        if length == UNDEFINED:
            return tag in PIXELS or self._data[start : start + 4] in (self._item, self._end)
        after = start + length
        if after + 8 > end or not ahead:
            return after <= end
        group, number = self._heads.unpack_from(self._data, after)[:2]
        if group == 0xFFFE:
            return number in (0xE000, 0xE00D, 0xE0DD)
        return group << 16 | number > tag and any(
            self._fits(reading, end, ahead - 1)
            for reading in self._readings(after, is_explicit=True)
        )

    def _chains(self, head: _Head, end: int, ahead: int) -> bool:
        """Whether an element that states its value representation is followed by others that do.

        Chance writes two letters, but not again where they lead.
        """
        tag, _, start, length = head
        if length == UNDEFINED:
            return self._data[start : start + 4] in (self._item, self._end)
        after = start + length
        if after + 8 > end or not ahead:
            return after <= end
        group, number, vr, _ = self._heads.unpack_from(self._data, after)
        if group == 0xFFFE:
            return number in (0xE00D, 0xE0DD) and not any(self._data[after + 4 : after + 8])
        is_next = vr in _STATED and group << 16 | number > tag
        return is_next and self._chains(self._readings(after, is_explicit=True)[0], end, ahead - 1)


_HEADS = {"<": struct.Struct("<HH2sH"), ">": struct.Struct(">HH2sH")}
_LENGTHS = {"<": struct.Struct("<L"), ">": struct.Struct(">L")}


def _as_pydicom(kept: dict[int, Any]) -> dict[BaseTag, Any]:
    """Elements with their sequences; as deep as the walk goes at most."""
    return {
        BaseTag(tag): DataElement(
            BaseTag(tag), "SQ", Sequence(Dataset(_as_pydicom(item)) for item in value)
        )
        if isinstance(value, list)
        else value
        for tag, value in kept.items()
    }


@cache
def _kind(tag: int) -> bytes:
    """The value representation by the dictionary, empty where it has none."""
    try:
        return dictionary_VR(tag).encode()
    except KeyError:
        return b""


def _too_many(what: str) -> FileError:
    return FileError(
        f"This DICOM file holds more than {what}.", hint=hints.EXPORT_AGAIN, code=TOO_MANY
    )


def _too_long(tag: int, most: int) -> FileError:
    name = keyword_for_tag(tag) or "An element of the header"
    return FileError(
        f"{name} of this DICOM file is longer than is read ({most // 1024} KiB, and "
        f"{limits.MAX_VALUES} texts).",
        hint=hints.EXPORT_AGAIN,
        code=TOO_LONG,
    )
