"""Every limit of files: what breaks it is one clear sentence, and costs little."""

import importlib.util
import io
import math
import struct
import time
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from canary import NUMBER, csa_header
from mr_files import mr_image, set_pixels, to_bytes
from refusals import reason

from asemble.core.errors import InputError
from asemble.io import Part, limits, read_parts
from asemble.io.dicom import prescan

ROOT = Path(__file__).parents[1]


def test_the_page_says_what_the_table_says() -> None:
    found = importlib.util.spec_from_file_location("limits_page", ROOT / "tools" / "limits.py")
    assert found is not None and found.loader is not None
    page = importlib.util.module_from_spec(found)
    found.loader.exec_module(page)
    assert (ROOT / "docs" / "limits.md").read_text(encoding="utf-8") == page.page()
    names = [name for name in vars(limits) if name.isupper() and name != "MIB"]
    assert all(f"| `{name}` |" in page.page() for name in names)


# DICOM.


def changed(**attributes: Any) -> bytes:
    return to_bytes(mr_image(0, **attributes))


@pytest.mark.parametrize(
    "attributes",
    [
        {"Rows": 65535, "Columns": 65535},
        {"Rows": 16385, "Columns": 1},
    ],
)
def test_absurd_dimensions_are_refused_before_memory_is_taken(
    attributes: dict[str, int | str],
) -> None:
    assert "more frames, rows or columns than are read" in reason(changed(**attributes))


def test_a_mosaic_of_a_million_tiles_is_refused_before_they_are_counted_out() -> None:
    image = mr_image(0, ImageType=["ORIGINAL", "PRIMARY", "M", "MOSAIC"])
    image.Rows = image.Columns = math.ceil(math.sqrt(NUMBER))
    image.private_block(0x0029, "SIEMENS CSA HEADER", create=True).add_new(0x10, "OB", csa_header())
    assert "mosaic does not say" in reason(to_bytes(image))


@pytest.mark.parametrize("value", [b"nan", b"9e9", b"0.0"])
def test_a_mosaic_whose_slices_go_nowhere_is_refused(value: bytes) -> None:
    image = mr_image(0, ImageType=["ORIGINAL", "PRIMARY", "M", "MOSAIC"])
    set_pixels(image, np.zeros((8, 8), np.uint16))
    csa = csa_header().replace(str(NUMBER).encode(), b"4".ljust(9, b"\0"))
    image.private_block(0x0029, "SIEMENS CSA HEADER", create=True).add_new(0x10, "OB", csa)
    assert len(read_parts([Part.from_bytes("a", to_bytes(image))]).series) == 1
    image[0x00291010].value = csa.replace(b"1.0", value)
    assert "mosaic does not say" in reason(to_bytes(image))


def test_tiles_far_from_any_scanner_are_refused() -> None:
    image = mr_image(0, ImageType=["ORIGINAL", "PRIMARY", "M", "VFRAME"])
    set_pixels(image, np.zeros((8, 8), np.uint16))
    tiles = [pydicom.Dataset() for _ in range(4)]
    for tile, mm in zip(tiles, ("0", "4", "8", "1e308"), strict=True):
        tile.ImagePositionPatient = ["0", mm, "0"]
    image.private_block(0x0065, "Image Private Header", create=True).add_new(0x51, "SQ", tiles)
    assert "more than 100 m" in reason(to_bytes(image))


@pytest.mark.parametrize("value", ["1e308", "-2e5"])
def test_a_place_far_from_any_scanner_is_refused(value: str) -> None:
    assert "more than 100 m" in reason(changed(ImagePositionPatient=["0", value, "0"]))


def test_a_scaling_beyond_all_numbers_is_refused() -> None:
    for keyword in ("RescaleSlope", "RescaleIntercept"):
        assert "makes no sense" in reason(changed(**{keyword: "-1e300"}))


@pytest.mark.parametrize("frames", ["-5", "0", "99999999999999999999", "1e400", "nan"])
def test_a_number_of_frames_that_is_none_is_refused_or_one(frames: str) -> None:
    data = bytearray(to_bytes(mr_image(0, NumberOfFrames="123456789012")))
    at = data.index(b"123456789012")
    data[at : at + 12] = frames[:12].encode().ljust(12)
    try:
        assert len(read_parts([Part.from_bytes("a", bytes(data))]).series) == 1
    except InputError as error:
        assert "Traceback" not in str(error)


OPEN = b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"


@pytest.mark.parametrize("depth", [17, 500, 100_000])
def test_nested_sequences_are_refused_before_the_parser_recurses(depth: int) -> None:
    data = to_bytes(mr_image(0))
    at = data.index(b"\x18\x00\x20\x00CS")  # ScanningSequence comes after 0008,1140
    assert "nests more than 16" in reason(data[:at] + OPEN * depth + data[at:])


def test_nested_sequences_of_stated_length_are_refused() -> None:
    data = to_bytes(mr_image(0))
    at = data.index(b"\x18\x00\x20\x00CS")
    nest = b""
    for _ in range(30):
        item = b"\xfe\xff\x00\xe0" + struct.pack("<L", len(nest)) + nest
        nest = b"\x08\x00\x40\x11SQ\0\0" + struct.pack("<L", len(item)) + item
    assert "nests more than 16" in reason(data[:at] + nest + data[at:])


def test_too_many_elements_are_refused_before_they_are_parsed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "MAX_ELEMENTS", 20_000)
    data = to_bytes(mr_image(0))
    at = data.index(b"\x18\x00\x20\x00CS")
    tiny = b"\x09\x00\x10\x10LO\0\0" * 3_000_000
    assert "more than 20,000 elements" in reason(data[:at] + tiny + data[at:], most_mib=100)


def test_an_undefined_length_without_end_is_refused() -> None:
    data = to_bytes(mr_image(0))
    at = data.index(b"\x18\x00\x20\x00CS")
    assert "cut off" in reason(data[:at] + OPEN + data[at : at + 60])


def test_a_length_beyond_the_file_is_refused() -> None:
    data = bytearray(to_bytes(mr_image(0)))
    at = data.index(b"\xe0\x7f\x10\x00OW") + 8
    data[at : at + 4] = struct.pack("<L", 0xFFFFFFF0)
    assert "damaged or cut off" in reason(bytes(data))


def test_values_of_a_million_numbers_are_refused_not_waited_for() -> None:
    image = mr_image(0)
    image.ImageComments = "x" * 60_000
    image.add_new(0x00180050, "DS", "3.5")
    data = to_bytes(image)
    at = data.index(b"\x18\x00\x50\x00DS")
    many = b"1\\" * 32_000
    spoilt = data[: at + 6] + struct.pack("<H", len(many)) + many + data[at + 12 :]
    assert "SliceThickness of this DICOM file is longer" in reason(spoilt)


def test_a_deflated_file_that_is_cut_off_or_damaged_is_refused() -> None:
    image = mr_image(0)
    image.file_meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
    whole = to_bytes(image)
    assert "bytes of pixels are there" in reason(whole[:-30])
    at = 144 + int.from_bytes(whole[140:144], "little")  # behind the file meta information
    assert "deflated DICOM file is damaged" in reason(whole[:at] + b"\xff" + whole[at + 1 :])
    assert "cut off" in reason(whole[: at + 10])


def deflated_bomb(before: bytes) -> bytes:
    """200 MiB of zeros in one element, and in the meta information something before its syntax."""
    size = 200 * limits.MIB
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    body = packer.compress(b"\x09\0\x01\x10OB\0\0" + struct.pack("<L", size) + bytes(size))
    syntax = pydicom.uid.DeflatedExplicitVRLittleEndian.encode()
    meta = before + b"\2\0\x10\0UI" + struct.pack("<H", len(syntax)) + syntax
    return bytes(128) + b"DICM" + meta + body + packer.flush()


CLASS_OF_AN_INDEX = b"\2\0\2\0UI\x14\0" + b"1.2.840.10008.1.3.10"


@pytest.mark.parametrize(
    "before",
    [
        b"\2\0\2\x01OB\0\0" + struct.pack("<L", 5000) + bytes(5000),
        # Of a length that only its end tells.
        b"\2\0\2\x01OB\0\0\xff\xff\xff\xff\xfe\xff\xdd\xe0" + bytes(4),
        CLASS_OF_AN_INDEX,
    ],
)
def test_a_deflated_bomb_is_not_inflated_however_it_hides(before: bytes) -> None:
    said = "would inflate to more than 100 times its size"
    assert said in reason(deflated_bomb(before), most_mib=30)  # 100 times its 204 KiB


def test_what_deflated_files_inflate_to_is_not_held_with_their_pixels() -> None:
    files = []
    for index in range(8):
        image = mr_image(index)
        image.private_block(0x0009, "A", create=True).add_new(1, "OB", bytes(2 * limits.MIB))
        image.file_meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
        files.append(Part.from_bytes(f"{index}", to_bytes(image)))
    tracemalloc.start()
    try:
        (series,) = read_parts(files).series
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert series.volume.shape[0] == 8
    assert peak < 9 * limits.MIB


def test_voxels_add_up_before_they_are_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_TOTAL_VOXELS", 70)  # 30 a slice
    parts = [Part.from_bytes(f"{i}", to_bytes(mr_image(i))) for i in range(4)]
    study = read_parts(parts)
    assert study.series[0].volume.shape[0] == 2
    assert [refusal.name for refusal in study.refused] == ["2", "3"]


def test_an_upload_that_takes_too_long_keeps_what_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_UPLOAD_SECONDS", -1.0)
    study = read_parts([Part.from_bytes(f"{i}", to_bytes(mr_image(i))) for i in range(4)])
    assert study.series[0].volume.shape[0] == 1
    assert "took longer" in study.refused[-1].reason


@pytest.mark.parametrize("syntax", [pydicom.uid.RLELossless, pydicom.uid.JPEGLSLossless])
def test_a_compressed_series_reads_as_its_source_in_order(syntax: str) -> None:
    noise = np.random.default_rng(3).integers(0, 4096, (7, 16, 12)).astype(np.uint16)
    parts = []
    for index, values in enumerate(noise):
        image = mr_image(index)
        set_pixels(image, values)
        image.compress(syntax)
        parts.append(Part.from_bytes(f"{index}", to_bytes(image)))
    seen: list[int] = []
    study = read_parts(parts, progress=lambda done, _: seen.append(done))
    assert np.array_equal(study.series[0].volume.voxels, noise)
    assert seen == list(range(1, 8))


def test_the_walk_finds_the_pixels_that_the_parser_finds() -> None:
    folder = Path(pydicom.__file__).parent / "data" / "test_files"
    for path in sorted(folder.glob("*.dcm")):
        data = path.read_bytes()
        try:
            whole = pydicom.dcmread(io.BytesIO(data))
        except pydicom.errors.InvalidDicomError:
            continue
        walked = prescan.read_structure(data)
        found = walked.pixels
        assert (found is not None) == ("PixelData" in whole), path.name
        if found is not None and found.length != prescan.UNDEFINED:
            stored = walked.data[found.start : found.start + found.length]
            assert stored == whole.PixelData, path.name


# NIfTI and pictures.


def test_nifti_voxels_that_are_not_there_take_no_memory() -> None:
    header = bytearray(352)
    header[:4], header[344:348] = struct.pack("<l", 348), b"n+1\0"
    header[40:56] = struct.pack("<8h", 3, 512, 512, 500, 1, 1, 1, 1)
    header[70:74] = struct.pack("<2h", 16, 32)
    header[108:112] = struct.pack("<f", 352)
    assert "damaged or cut off" in reason(bytes(header) + bytes(1000), "a.nii", most_mib=20)


def test_a_png_that_unpacks_to_more_than_its_header_is_bounded() -> None:
    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">L", zlib.crc32(kind + content))
        return struct.pack(">L", len(content)) + kind + content + check

    header = chunk(b"IHDR", struct.pack(">LLBBBBB", 9, 7, 8, 0, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(bytes(100 * limits.MIB)))
    data = b"\x89PNG\r\n\x1a\n" + header + pixels + chunk(b"IEND", b"")
    parts = [Part.from_bytes("a.png", data)]
    began = time.process_time()
    try:
        assert read_parts(parts).series[0].volume.shape == (1, 7, 9)
    except InputError as error:
        assert "damaged" in str(error)
    assert time.process_time() - began < 5
