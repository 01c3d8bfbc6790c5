"""Inputs for `fuzz.py`: the ways in which whole files are spoilt."""

import gzip
import random
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from archives import tarred, zipped
from codec_files import spoilt
from fuzz_files import SMALL_BYTES, whole_files

from asemble.core.errors import FileError
from asemble.io.dicom import prescan

Rng = np.random.Generator

PIXELS = b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff"
OFFSETS_AND_LENGTH = 8 + 4 + 8
"""What stands before the first frame, and so many bytes: the offset table, the next head."""


@dataclass(frozen=True, slots=True)
class Input:
    """One upload.

    Args:
        kind: of its file before it was spoilt.
        name: file name.
        data: the bytes.
    """

    kind: str
    name: str
    data: bytes


def make_input(seed: int, index: int) -> Input:
    """Input `index` of a run; the same arguments make the same bytes."""
    rng = np.random.default_rng([seed, index])
    kinds = whole_files()
    kind = list(kinds)[index % len(kinds)]
    name, data = kinds[kind][rng.integers(len(kinds[kind]))]
    if kind.endswith(" stream"):
        return Input(kind, name, _spoil_stream(rng, data))
    if rng.random() < 0.6:
        spoil = _BY_KIND.get(kind.split(" ")[-1], _flip)
        for _ in range(rng.integers(1, 4)):
            data = spoil(rng, data)
    if rng.random() < 0.6:
        for _ in range(rng.integers(1, 4)):
            data = _ANY[rng.integers(len(_ANY))](rng, data)
    if rng.random() < 0.05:
        data = _packed(rng, data)
    return Input(kind, name, data[: 4 * SMALL_BYTES])


def _spoil_stream(rng: Rng, data: bytes) -> bytes:
    """A DICOM file whose compressed pixels are spoilt, and nothing else is."""
    start = data.rindex(PIXELS) + len(PIXELS) + OFFSETS_AND_LENGTH
    chance = random.Random(int(rng.integers(2**32)))  # noqa: S311  to be repeated, not secret
    return data[:start] + spoilt(data[start:], chance)


# Any bytes.

_NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE,
            0xFFFFFFFF)  # fmt: skip
_OPEN = b"\0\0\xff\xff\xff\xff"
_TOKENS = (
    b"DICM", b"SQ" + _OPEN, b"UN" + _OPEN, b"\xfe\xff\x00\xe0\xff\xff\xff\xff",
    b"\xfe\xff\x0d\xe0\0\0\0\0", b"\xfe\xff\xdd\xe0\0\0\0\0", b"\xe0\x7f\x10\x00OB" + _OPEN,
    b"1.2.840.10008.1.2.4.90\0", b"1.2.840.10008.1.2.5", b"1.2.840.10008.1.2.2", b"MR",
    b"\\\\\\\\", b"n+1\0", b"ni1\0", b"n+2\0\r\n\x1a\n", b"\x89PNG\r\n\x1a\n", b"IHDR", b"IDAT",
    b"iCCP", b"eXIf", b"\xff\xd8\xff", b"\xff\xc0\0\x11\x08\xff\xff\xff\xff", b"\xff\x4f\xff\x51",
    b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07", b"ustar\0",
    b"\x1f\x8b\x08", b"../", b"1e999", b"NaN", b"-1", b"9" * 20, "\u202e".encode(), b"\x1b[2J",
)  # fmt: skip


def _flip(rng: Rng, data: bytes) -> bytes:
    altered = bytearray(data)
    for _ in range(rng.integers(1, 9) if altered else 0):
        altered[rng.integers(len(altered))] ^= 1 << int(rng.integers(8))
    return bytes(altered)


def _set(rng: Rng, data: bytes) -> bytes:
    altered = bytearray(data)
    for _ in range(rng.integers(1, 9) if altered else 0):
        altered[rng.integers(len(altered))] = rng.choice((0, 1, 0x7F, 0x80, 0xFF))
    return bytes(altered)


def _cut(rng: Rng, data: bytes) -> bytes:
    return data[: int(len(data) * rng.random())]


def _drop(rng: Rng, data: bytes) -> bytes:
    at = _at(rng, data)
    return data[:at] + data[at + int(rng.integers(1, 300)) :]


def _repeat(rng: Rng, data: bytes) -> bytes:
    at = _at(rng, data)
    return (
        data[:at] + data[at : at + int(rng.integers(1, 300))] * int(rng.integers(2, 20)) + data[at:]
    )


def _splice(rng: Rng, data: bytes) -> bytes:
    files = [file for of_kind in whole_files().values() for file in of_kind]
    other = files[rng.integers(len(files))][1]
    return data[: _at(rng, data)] + other[_at(rng, other) :]


def _token(rng: Rng, data: bytes) -> bytes:
    at, token = _at(rng, data), _TOKENS[rng.integers(len(_TOKENS))]
    return data[:at] + token + data[at + (len(token) if rng.random() < 0.5 else 0) :]


def _length(rng: Rng, data: bytes) -> bytes:
    size = int(rng.choice((1, 2, 4, 8)))
    order: Literal["little", "big"] = "little" if rng.random() < 0.7 else "big"
    number = int(_number(rng) % 256**size).to_bytes(size, order)
    at = min(_at(rng, data), int(rng.integers(1, 600))) if rng.random() < 0.5 else _at(rng, data)
    return data[:at] + number + data[at + size :]


_ANY: tuple[Callable[[Rng, bytes], bytes], ...] = (
    _flip, _set, _cut, _drop, _repeat, _splice, _token, _length,
)  # fmt: skip


def _at(rng: Rng, data: bytes) -> int:
    return int(rng.integers(len(data))) if data else 0


def _packed(rng: Rng, data: bytes) -> bytes:
    """Whatever it is, inside an archive."""
    if rng.random() < 0.5:
        return gzip.compress(data, 1)
    return zipped({"x": data}) if rng.random() < 0.5 else tarred({"x": data})


# Bytes whose places mean something.


def _spoil_dicom(rng: Rng, data: bytes) -> bytes:
    """Alter, remove, repeat or nest one element."""
    elements = _elements(data)
    way = rng.integers(7)
    if not elements or way == 6:
        return _layout(rng, data)
    at, start, end = elements[rng.integers(len(elements))]
    words = ["1e400", "-0", "nan", "0\\0", "1\\2\\3", "\\" * 40, "9" * 60, "MR"]
    nested = b"\x08\x00\x40\x11SQ" + _OPEN + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    middle = (
        b"",
        data[at:end] * int(rng.integers(2, 6)),
        data[at:start] + rng.bytes(end - start),
        data[at:start] + str(rng.choice(words)).encode().ljust(end - start)[: end - start],
        data[at : start - 2] + struct.pack("<H", _number(rng) & 0xFFFF) + data[start:end],
        nested * int(rng.choice((3, 20, 400, 1500))) + data[at:end],
    )
    return data[:at] + middle[way] + data[end:]


def _number(rng: Rng) -> int:
    return int(_NUMBERS[rng.integers(len(_NUMBERS))])


def _layout(rng: Rng, data: bytes) -> bytes:
    """Another Rows, Columns, BitsAllocated, BitsStored, HighBit or PixelRepresentation."""
    element = int(rng.choice((0x10, 0x11, 0x100, 0x101, 0x102, 0x103, 0x02, 0x06)))
    at = data.find(struct.pack("<HH", 0x28, element) + b"US\2\0")
    if at < 0:
        return _length(rng, data)
    value = rng.choice((0, 1, 2, 7, 8, 12, 16, 31, 32, 64, 512, 16384, 65535))
    return data[: at + 8] + struct.pack("<H", value) + data[at + 10 :]


def _elements(data: bytes) -> list[tuple[int, int, int]]:
    """Offset, start and end of the value of each element at the top, before the pixels."""
    try:
        found = prescan.read_structure(data).pixels
    except FileError:
        return []
    at, end = (132 if data[128:132] == b"DICM" else 0), 0 if found is None else found.element
    elements: list[Any] = []
    while at < end and len(elements) < 500:
        vr = data[at + 4 : at + 6]
        is_long = vr in (b"OB", b"OW", b"SQ", b"UN", b"UT")
        if not vr.isalpha() or is_long:
            start, length = (at + 12, *struct.unpack_from("<L", data, at + 8)) if is_long else (
                at + 8, *struct.unpack_from("<L", data, at + 4))  # fmt: skip
        else:
            start, length = at + 8, *struct.unpack_from("<H", data, at + 6)
        if start + length > end:
            break
        elements.append((at, start, start + length))
        at = start + length
    return elements


_NIFTI_FIELDS = {40: "h", 42: "h", 44: "h", 46: "h", 48: "h", 70: "h", 72: "h", 108: "f", 112: "f",
                 116: "f", 123: "b", 252: "h", 254: "h", 280: "f", 300: "f"}  # fmt: skip


def _spoil_nifti(rng: Rng, data: bytes) -> bytes:
    at = int(rng.choice(list(_NIFTI_FIELDS)))
    code = _NIFTI_FIELDS[at]
    order = "<" if rng.random() < 0.8 else ">"
    if code == "f":
        value: Any = float(rng.choice([0, 1, -1, 1e-38, 3e38, np.nan, np.inf, 352, 2**31]))
    else:
        value = int(
            rng.choice([0, 1, -1, 2, 4, 8, 16, 64, 127] + [512, 32767, -32768] * (code == "h"))
        )
    return data[:at] + struct.pack(order + code, value) + data[at + struct.calcsize(code) :]


def _spoil_png(rng: Rng, data: bytes) -> bytes:
    """Another header with a right checksum, or a chunk that is not what it says."""
    if rng.random() < 0.5 and len(data) > 33:
        sides = [int(rng.choice((0, 1, 40, 65535, 2**31 - 1, 2**31, 2**32 - 1))) for _ in "wh"]
        depth, colour = int(rng.choice((1, 2, 4, 8, 16, 3))), int(rng.choice((0, 2, 3, 4, 6, 5)))
        header = b"IHDR" + struct.pack(
            ">LLBBBBB", *sides, depth, colour, 0, 0, int(rng.integers(3))
        )
        return data[:12] + header + struct.pack(">L", zlib.crc32(header)) + data[33:]
    kind = _choice(rng, (b"IDAT", b"iCCP", b"zTXt", b"tEXt", b"PLTE", b"tRNS", b"acTL", b"eXIf"))
    content = _choice(
        rng,
        (zlib.compress(bytes(10**6)), rng.bytes(50), b"", b"x\0\0" + zlib.compress(bytes(10**6))),
    )
    length = len(content) if rng.random() < 0.7 else _number(rng)
    chunk = (
        struct.pack(">L", length) + kind + content + struct.pack(">L", zlib.crc32(kind + content))
    )
    return data[:33] + chunk + data[33:]


def _choice(rng: Rng, values: tuple[bytes, ...]) -> bytes:
    return values[rng.integers(len(values))]


def _spoil_jpeg(rng: Rng, data: bytes) -> bytes:
    """Another size in the frame header, or a segment of another length."""
    markers = [at for at in range(len(data) - 9) if data[at] == 0xFF and data[at + 1] >= 0xC0]
    if not markers:
        return _flip(rng, data)
    at = markers[rng.integers(len(markers))]
    if data[at + 1] in (0xC0, 0xC2):
        size = struct.pack(">HH", *(int(v) for v in rng.choice((0, 1, 40, 65535), 2)))
        return data[: at + 5] + size + data[at + 9 :]
    return data[: at + 2] + struct.pack(">H", int(rng.choice((0, 1, 2, 9, 65535)))) + data[at + 4 :]


def _spoil_zip(rng: Rng, data: bytes) -> bytes:
    """Another field in a local header, the directory or the end record."""
    marker = _choice(rng, (b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"))
    places = [at for at in range(len(data) - 30) if data.startswith(marker, at)]
    if not places:
        return _flip(rng, data)
    at = places[rng.integers(len(places))] + int(rng.integers(4, 46))
    number = struct.pack("<L", _number(rng))[: int(rng.choice((2, 4)))]
    return data[:at] + number + data[at + len(number) :]


def _spoil_tar(rng: Rng, data: bytes) -> bytes:
    """Another field in one header, its checksum made right again."""
    heads = [at for at in range(0, len(data) - 512, 512) if data[at + 257 : at + 262] == b"ustar"]
    if not heads:
        return _flip(rng, data)
    at = heads[rng.integers(len(heads))]
    head = bytearray(data[at : at + 512])
    way = rng.integers(4)
    if way == 0:
        head[156:157] = _choice(
            rng, (b"1", b"2", b"3", b"4", b"5", b"6", b"S", b"x", b"g", b"L", b"K")
        )
    elif way == 1:
        head[124:136] = _choice(
            rng, (b"77777777777\0", b"-0000000001\0", b"\x80" + b"\xff" * 11, b"\xff" * 12)
        )
    elif way == 2:
        name = _choice(rng, (b"/etc/x", b"../../x", b"C:\\x", b"\xff\xfe", b"a" * 100, b"\x1b[2J"))
        head[: len(name)] = name
    else:
        head[int(rng.integers(512))] = int(rng.integers(256))
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return data[:at] + bytes(head) + data[at + 512 :]


def _spoil_gzip(rng: Rng, data: bytes) -> bytes:
    """Spoil what is inside."""
    try:
        inner = gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        return _flip(rng, data)
    spoil = _spoil_tar if inner[257:262] == b"ustar" else _spoil_nifti
    return gzip.compress(spoil(rng, inner), 1)


_BY_KIND: dict[str, Callable[[Rng, bytes], bytes]] = {
    "DICOM": _spoil_dicom, "NIfTI": _spoil_nifti, "PNG": _spoil_png, "JPEG": _spoil_jpeg,
    "zip": _spoil_zip, "tar": _spoil_tar, "gzip": _spoil_gzip,
}  # fmt: skip
