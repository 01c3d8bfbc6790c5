"""The walk over a DICOM header: whatever encodings meet in a file, its elements are found."""

import struct
from typing import Any

import numpy as np
import pydicom
import pytest
from mr_files import enhanced_image, mr_image, set_pixels, slice_values, to_bytes, with_syntax
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from asemble.core.errors import InputError
from asemble.core.study import Series
from asemble.io import Part, read_parts
from asemble.io.dicom import prescan

OPEN = 0xFFFFFFFF
AT_PIXELS = b"\xe0\x7f\x10\0OW"


def implicit(tag: int, value: bytes) -> bytes:
    return struct.pack("<HHL", tag >> 16, tag & 0xFFFF, len(value)) + value


def explicit(tag: int, vr: bytes, value: bytes) -> bytes:
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr, len(value)) + value


def item(content: bytes, *, is_open: bool = True) -> bytes:
    if not is_open:
        return implicit(0xFFFEE000, content)
    return struct.pack("<HHL", 0xFFFE, 0xE000, OPEN) + content + implicit(0xFFFEE00D, b"")


def sequence(head: bytes, *items: bytes) -> bytes:
    return head + struct.pack("<L", OPEN) + b"".join(items) + implicit(0xFFFEE0DD, b"")


def unknown(*items: bytes) -> bytes:
    """A private sequence of VR UN and undefined length, whose items are implicit."""
    creator = explicit(0x20010010, b"LO", b"Philips Imaging DD 001")
    return creator + sequence(b"\x01\x20\x00\x10UN\0\0", *items)


def before_pixels(data: bytes, what: bytes) -> bytes:
    at = data.index(AT_PIXELS)
    return data[:at] + what + data[at:]


def read(data: bytes | Any) -> Series:
    data = data if isinstance(data, bytes) else to_bytes(data)
    (series,) = read_parts([Part.from_bytes("a", data)]).series
    return series


def written(image: Any, *, is_implicit: bool = False, is_little: bool = True) -> bytes:
    buffer = pydicom.filebase.DicomBytesIO()
    pydicom.dcmwrite(
        buffer, image, implicit_vr=is_implicit, little_endian=is_little, force_encoding=True
    )
    return buffer.getvalue()


LENGTHS = (*range(60, 96, 2), 0x4141, *sorted(struct.unpack("<H", vr)[0] for vr in (
    b"CS", b"DS", b"LO", b"OB", b"SQ", b"UI", b"UN", b"US")))  # fmt: skip
"""Lengths whose first byte, or both, are capital letters; and their neighbours."""


@pytest.mark.parametrize("content", [b"9.5\\", b"RGINAL\\P", b"\0\0", b"\xff"])
@pytest.mark.parametrize("is_open", [True, False])
def test_no_length_of_an_implicit_element_is_taken_for_a_vr(
    content: bytes, *, is_open: bool
) -> None:
    whole = to_bytes(mr_image(0))
    for length in LENGTHS:
        long = implicit(0x00200037, (content * length)[:length])
        for inner in (long, implicit(0x00080016, b"1.2\0") + long + implicit(0x00280030, b"7\\7 ")):
            deep = inner
            for _ in range(2):
                deep = implicit(0x00080018, b"1.3\0") + sequence(
                    b"\x01\x20\x5f\x10", item(deep, is_open=is_open)
                )
            data = before_pixels(whole, unknown(item(inner, is_open=is_open), item(deep)))
            found = prescan.read_structure(data).pixels
            assert found is not None, hex(length)
            assert found.element == data.index(AT_PIXELS), hex(length)


def test_an_unknown_sequence_in_the_frames_of_an_enhanced_file_is_passed_over() -> None:
    whole = enhanced_image([{"index": 0}, {"index": 1}])
    expected = read(whole).volume
    data = to_bytes(whole)
    at = data.index(b"\x18\0\x14\x91SQ")  # MREchoSequence is the first of a frame
    private = unknown(item(implicit(0x00200037, b"9.5\\" * 17) + implicit(0x00280030, b"7\\7 ")))
    # Each item and each sequence around it states its length, and is as much longer.
    opened = [at - 4, data.index(b"\x00\x52\x30\x92SQ\0\0") + 8]
    grown = bytearray(data)
    for place in opened:
        length = int.from_bytes(grown[place : place + 4], "little")
        grown[place : place + 4] = struct.pack("<L", length + len(private))
    volume = read(bytes(grown[:at]) + private + bytes(grown[at:])).volume
    assert np.array_equal(volume.voxels, expected.voxels)
    assert volume.affine_lps == pytest.approx(expected.affine_lps)


def test_explicit_items_of_a_private_sequence_in_an_implicit_file_are_passed_over() -> None:
    codes = explicit(0x00189177, b"CS", b"GRADIENT") + explicit(0x00189178, b"CS", b"")
    nested = sequence(b"\x18\0\x76\x91SQ\0\0", item(codes), item(codes, is_open=False))
    inner = nested + explicit(0x00189179, b"CS", b"IEC_WHOLE_BODY")
    creator = implicit(0x20050014, b"Philips MR Imaging DD 005 ")
    private = creator + sequence(b"\x05\x20\x0f\x14", item(inner))
    for seed in range(20):  # what an element is taken for depends on what it leads to
        image = mr_image(0)
        noise = np.random.default_rng(seed).integers(0, 4096, (40, 30)).astype(np.uint16)
        set_pixels(image, noise)
        image.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        data = written(image, is_implicit=True)
        at = data.index(b"\xe0\x7f\x10\0")
        assert np.array_equal(read(data[:at] + private + data[at:]).volume.voxels[0], noise)


ODD = {
    "unknown value representations": (
        explicit(0x00291010, b"??", b"abcdefghij")
        + explicit(0x00291011, b"ZZ", b"abcdef")
        + b"\x29\0\x12\x10QQ\0\0\6\0\0\0abcdef"
    ),
    "elements that are out of order": (
        explicit(0x00511010, b"LO", b"abcd")
        + b"\x51\0\x11\x10UN\0\0\10\0\0\0abcdefgh"
        + explicit(0x00080050, b"SH", b"")
    ),
    "bytes of undefined length": b"\x01\x20\0\x10OB\0\0\xff\xff\xff\xffabcdefghij"
    + implicit(0xFFFEE0DD, b""),
    "implicit items in an explicit sequence": sequence(
        b"\x08\0\x40\x11SQ\0\0",
        item(implicit(0x00081150, b"1.2.3.4\0") + implicit(0x00081155, b"1" * 66)),
        item(implicit(0x00291010, b"x" * 0x4353), is_open=False),
    ),
    "rubbish in a sequence that states its length": b"\x01\x20\0\x10UN\0\0\x1c\0\0\0"
    + item(struct.pack("<HHL", 0x0008, 0x0016, 0x7FFFFFFF) + b"abcdefghijkl", is_open=False),
    "a sequence that ends in the middle of an element": b"\x01\x20\0\x10SQ\0\0\x14\0\0\0"
    + struct.pack("<HHL", 0xFFFE, 0xE000, OPEN)
    + explicit(0x00080016, b"UI", b"1.2\0"),
    "an implicit element": implicit(0x04000561, b"x" * 66),
    "a false group length": b"\x28\0\0\0UL\4\0\xff\xff\0\0",
}


@pytest.mark.parametrize("name", ODD)
def test_what_some_writers_do_leads_the_walk_nowhere_else(name: str) -> None:
    for seed in range(10):  # what follows may be taken for anything
        image = mr_image(0)
        noise = np.random.default_rng(seed).integers(0, 400, (40, 30)).astype(np.uint16)
        set_pixels(image, noise)
        series = read(before_pixels(to_bytes(image), ODD[name]))
        assert np.array_equal(series.volume.voxels[0], noise)


def test_known_attributes_of_unknown_kind_are_read_as_what_they_are() -> None:
    data = to_bytes(mr_image(0))
    for head in (b"\x28\0\x30\0DS", b"\x20\0\x32\0DS", b"\x20\0\x37\0DS", b"\x28\0\x10\0US"):
        at = data.index(head)
        length = int.from_bytes(data[at + 6 : at + 8], "little")
        data = data[: at + 4] + b"UN\0\0" + struct.pack("<L", length) + data[at + 8 :]
    volume, expected = read(data).volume, read(mr_image(0)).volume
    assert np.array_equal(volume.voxels, expected.voxels)
    assert volume.affine_lps == pytest.approx(expected.affine_lps)


def test_pixels_of_an_icon_are_not_those_of_the_image() -> None:
    stream = b"\xff\xd8\xff\xe0" + bytes(60) + b"\xff\xd9"
    icon = explicit(0x00280010, b"US", b"\x40\0") + sequence(
        b"\xe0\x7f\x10\0OB\0\0", item(b"", is_open=False), item(stream, is_open=False)
    )
    data = before_pixels(to_bytes(mr_image(0)), sequence(b"\x88\0\0\x02SQ\0\0", item(icon)))
    assert np.array_equal(read(data).volume.voxels[0], slice_values(0))


@pytest.mark.parametrize(
    "stated",
    [
        ImplicitVRLittleEndian,
        ExplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
    ],
)
@pytest.mark.parametrize("kind", ["implicit", "explicit", "big endian"])
def test_the_encoding_is_what_the_elements_show_whatever_the_file_states(
    stated: str, kind: str
) -> None:
    image = mr_image(0)
    is_little = kind != "big endian"
    if not is_little:
        set_pixels(image, slice_values(0).astype(">u2"))
    data = with_syntax(written(image, is_implicit=kind == "implicit", is_little=is_little), stated)
    if kind == "big endian" and stated == DeflatedExplicitVRLittleEndian:
        with pytest.raises(InputError, match="damaged"):
            read(data)
        return
    assert np.array_equal(read(data).volume.voxels[0], slice_values(0))


def test_a_deflated_file_reads_as_its_source() -> None:
    image = mr_image(0)
    image.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    assert np.array_equal(read(image).volume.voxels, read(mr_image(0)).volume.voxels)


NUMBERS = {
    "PixelSpacing": "0,5\\0,7",
    "ImagePositionPatient": "-20,0\\7,0\\30,0",
    "ImageOrientationPatient": "1,0\\0,0\\0,0\\0,0\\0,0\\-1,0",
    "SliceThickness": "3,5",
    "SpacingBetweenSlices": "4,0",
    "RescaleSlope": "2,5",
    "RescaleIntercept": "-0,5",
    "RepetitionTime": "550,0",
}


def with_commas(**texts: str) -> bytes:
    image = mr_image(0, RescaleSlope="2.5", RescaleIntercept="-0.5")
    for keyword, text in texts.items():
        delattr(image, keyword)
        image.add_new(keyword, "LO", text.split("\\"))
    data = to_bytes(image)
    for keyword in texts:
        tag = pydicom.tag.Tag(keyword)
        raw = struct.pack("<HH", tag.group, tag.element)
        data = data.replace(raw + b"LO", raw + b"DS", 1)
    return data


@pytest.mark.parametrize("keyword", ["all", *NUMBERS])
def test_a_decimal_comma_is_read_as_a_point(keyword: str) -> None:
    series = read(with_commas(**(NUMBERS if keyword == "all" else {keyword: NUMBERS[keyword]})))
    expected = read(mr_image(0, RescaleSlope="2.5", RescaleIntercept="-0.5"))
    assert np.array_equal(series.volume.voxels, expected.volume.voxels)
    assert series.volume.affine_lps == pytest.approx(expected.volume.affine_lps)
    assert series.weighting == expected.weighting


def test_numbers_that_both_signs_divide_are_none() -> None:
    with pytest.raises(InputError, match="PixelSpacing is missing or holds no two numbers"):
        read(with_commas(PixelSpacing="1,000.5\\1,000.5"))


@pytest.mark.parametrize(
    "value", [b"\t\0\x0c\0\r\0\x0b\0\t\0", b"LATIN-FOUR", b"\xff\xfe\xff", b"ISO_IR\\\0\\"]
)
def test_a_character_set_of_rubbish_costs_no_image(value: bytes) -> None:
    image = mr_image(0, SpecificCharacterSet="ISO_IR 192")
    nested = pydicom.Dataset()
    nested.SpecificCharacterSet, nested.CodeMeaning = "ISO_IR 192", "x"
    image.AnatomicRegionSequence = [nested]
    data = to_bytes(image)
    assert data.count(b"ISO_IR 192") == 2
    series = read(data.replace(b"ISO_IR 192", value.ljust(10)))
    assert np.array_equal(series.volume.voxels[0], slice_values(0))
    assert series.description == "t1 tse cor"


@pytest.mark.parametrize("stated", ["OT", "", "SOMETHING"])
def test_a_class_of_mr_outweighs_a_modality_that_names_nothing_else(stated: str) -> None:
    series = read(mr_image(0, Modality=stated))
    assert series.modality == "MR"
    assert any("Modality does not say MR" in note for note in series.notes) == (stated != "")


def test_a_modality_that_names_something_else_is_quoted_against_the_class() -> None:
    with pytest.raises(InputError, match=r"class of this file says MR, its Modality .* CT"):
        read(mr_image(0, Modality="CT"))


def test_what_a_file_says_is_never_blamed_on_the_upload() -> None:
    whole = to_bytes(mr_image(0))
    broken = [
        whole[:-30],
        whole[: whole.index(AT_PIXELS)],
        whole[: whole.index(AT_PIXELS) - 10],
        to_bytes(mr_image(0, BitsStored=13, BitsAllocated=8)),
        to_bytes(mr_image(0, Rows=0)),
        to_bytes(mr_image(0, NumberOfFrames=2)),
        with_syntax(before_pixels(whole, b""), "1.2.840.10008.1.2.4.90").replace(
            struct.pack("<L", 60) + slice_values(0).tobytes(), struct.pack("<L", 50) + bytes(50)
        ),
    ]
    for data in broken:
        with pytest.raises(InputError) as refused:
            read(data)
        assert "pload the file again" not in str(refused.value)
        assert "xport" in str(refused.value)
