"""From bits to greys: one rule however the pixels are packed; padding is background."""

import io
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gdcm
import jpeg_ls
import numpy as np
import pydicom
import pytest
from mr_files import enhanced_image, mr_image, set_pixels, to_bytes, with_syntax
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import (
    JPEG2000,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from asemble.core.errors import InputError
from asemble.core.study import Series
from asemble.io import Part, read_parts
from asemble.io.dicom.bits import BEYOND, HIGH_BIT
from asemble.io.dicom.padding import AMONG_THE_GREYS
from asemble.io.dicom.pixels import SWAPPED
from asemble.io.read import EMPTY
from asemble.io.series.stack import LOSSY

SHAPE = (14, 10)
VALUES = np.random.default_rng(2).integers(0, 4096, SHAPE)
"""Of 12 bits."""
SMOOTH = np.add.outer(np.arange(14) * 90, np.arange(10) * 31)
DRAWN = np.where(np.eye(*SHAPE, dtype=bool), 0x5000, 0)
"""An overlay in two of the four bits above them."""

Pack = Callable[[Any, Path], bytes]


def read(*files: Any) -> Series:
    parts = [
        Part.from_bytes(f"{i}", each if isinstance(each, bytes) else to_bytes(each))
        for i, each in enumerate(files)
    ]
    (series,) = read_parts(parts).series
    return series


def sixteen(bits: np.ndarray, *, index: int = 0, **attributes: Any) -> Any:
    """An image of 12 bits stored in 16 whose pixels are these bits."""
    image = mr_image(index, **attributes)
    set_pixels(image, bits.astype(np.int64).astype(np.uint16))
    return image


def packed(image: Any, frames: list[bytes], syntax: str) -> bytes:
    image.PixelData = encapsulate(frames)
    image["PixelData"].VR, image["PixelData"].is_undefined_length = "OB", True
    image.file_meta.TransferSyntaxUID = syntax
    return to_bytes(image)


def bits_of(image: Any) -> np.ndarray:
    return np.frombuffer(image.PixelData, np.uint16).reshape(image.Rows, image.Columns)


def wavelet(bits: np.ndarray, *, precision: int = 16, is_signed: bool = False) -> bytes:
    """A lossless JPEG 2000 stream of unsigned `bits` that states this precision and sign.

    Made with 16 bits, the level moved, and the precision then stated anew.
    """
    moved = bits.astype(np.int64) + (0 if is_signed else -(2 ** (precision - 1))) + 2**15
    buffer = io.BytesIO()
    Image.fromarray(moved.astype(np.uint16)).save(
        buffer, "JPEG2000", irreversible=False, no_jp2=True
    )
    data = bytearray(buffer.getvalue())
    at = data.find(b"\xff\x51") + 40
    assert data[at] == 15
    data[at] = precision - 1 | (0x80 if is_signed else 0)
    return bytes(data)


def as_plain(image: Any, _folder: Path) -> bytes:
    return to_bytes(image)


def as_rle(image: Any, _folder: Path) -> bytes:
    image.compress(RLELossless)
    return to_bytes(image)


def as_jpeg_ls(image: Any, _folder: Path) -> bytes:
    return packed(image, [bytes(jpeg_ls.encode_array(bits_of(image)))], JPEGLSLossless)


def as_wavelet(image: Any, _folder: Path) -> bytes:
    return packed(image, [wavelet(bits_of(image))], JPEG2000Lossless)


def as_lossless_jpeg(image: Any, folder: Path) -> bytes:
    stated = image.BitsStored, image.HighBit, image.PixelRepresentation
    image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 15, 0
    path = folder / "a.dcm"
    path.write_bytes(to_bytes(image))
    reader, change, writer = (
        gdcm.ImageReader(),
        gdcm.ImageChangeTransferSyntax(),
        gdcm.ImageWriter(),
    )
    reader.SetFileName(str(path))
    assert reader.Read()
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGLosslessProcess14_1))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    writer.SetFileName(str(path))
    assert writer.Write()
    image = pydicom.dcmread(path)
    image.BitsStored, image.HighBit, image.PixelRepresentation = stated
    assert image.file_meta.TransferSyntaxUID == JPEGLosslessSV1
    return to_bytes(image)


@pytest.mark.parametrize(
    "pack", [as_plain, as_rle, as_jpeg_ls, as_wavelet, as_lossless_jpeg], ids=lambda p: p.__name__
)
@pytest.mark.parametrize("kind", ["overlay", "signed overlay", "pattern", "continued sign"])
def test_the_bits_that_count_are_the_same_in_every_packing(
    kind: str, pack: Pack, tmp_path: Path
) -> None:
    shifted = VALUES - 1000
    bits, expected, is_signed = {
        "overlay": (VALUES | DRAWN, VALUES, 0),
        "signed overlay": (shifted & 0xFFF | DRAWN, (shifted + 2048) % 4096 - 2048, 1),
        "pattern": (shifted & 0xFFF, (shifted + 2048) % 4096 - 2048, 1),
        "continued sign": (VALUES - 2048, VALUES - 2048, 1),
    }[kind]
    image = sixteen(bits, PixelRepresentation=is_signed)
    if "overlay" in kind:
        image.add_new(0x60000100, "US", 16)
        image.add_new(0x60000102, "US", 12)
    series = read(pack(image, tmp_path))
    assert np.array_equal(series.volume.voxels[0], expected)
    assert BEYOND not in series.notes


@pytest.mark.parametrize("is_signed", [False, True])
@pytest.mark.parametrize(("precision", "stored"), [(12, 12), (13, 12), (12, 16), (8, 12), (16, 13)])
def test_a_wavelet_stream_counts_with_its_own_precision_and_sign(
    precision: int, stored: int, *, is_signed: bool
) -> None:
    low, count = (-(2 ** (min(precision, stored) - 1)), 2 ** min(precision, stored))
    values = VALUES % count + (low if is_signed else 0)
    image = sixteen(values, PixelRepresentation=int(is_signed))
    image.BitsStored, image.HighBit = stored, stored - 1
    stream = wavelet(values, precision=precision, is_signed=is_signed)
    series = read(packed(image, [stream], JPEG2000Lossless))
    assert np.array_equal(series.volume.voxels[0], values)
    assert BEYOND not in series.notes


def test_a_stream_of_more_bits_than_are_allocated_is_refused_as_such() -> None:
    image = sixteen(VALUES)
    image.BitsAllocated, image.BitsStored, image.HighBit = 8, 8, 7
    with pytest.raises(InputError, match="more bits than BitsAllocated"):
        read(packed(image, [wavelet(VALUES, precision=12)], JPEG2000Lossless))


def test_overlays_in_the_frames_of_one_file_are_left_out_of_each() -> None:
    image = enhanced_image([{"index": i} for i in range(3)])
    frames = np.stack([VALUES, VALUES[::-1], VALUES[:, ::-1]])
    for pack in (as_plain, as_rle):
        set_pixels(image, (frames | DRAWN).astype(np.uint16))
        image.add_new(0x60000100, "US", 16)
        image.add_new(0x60000102, "US", 12)
        series = read(pack(image, Path()))
        assert np.array_equal(series.volume.voxels, frames)
        assert series.notes == ()


def test_bits_beyond_those_stated_are_left_out_and_it_is_said() -> None:
    series = read(sixteen(VALUES * 4))
    assert np.array_equal(series.volume.voxels[0], VALUES * 4 % 4096)
    assert BEYOND in series.notes
    assert BEYOND not in read(sixteen(VALUES)).notes


def test_a_high_bit_that_the_values_contradict_is_not_followed() -> None:
    series = read(sixteen(VALUES, HighBit=15))
    assert np.array_equal(series.volume.voxels[0], VALUES)
    assert HIGH_BIT in series.notes
    moved = sixteen(VALUES << 4, HighBit=15)
    assert np.array_equal(read(moved).volume.voxels[0], VALUES)
    assert read(moved).notes == ()
    drawn = sixteen(VALUES << 4 | 2, HighBit=15)
    drawn.add_new(0x60000100, "US", 16)
    drawn.add_new(0x60000102, "US", 1)
    assert np.array_equal(read(drawn).volume.voxels[0], VALUES)
    assert read(drawn).notes == ()


@pytest.mark.parametrize("stated", [ExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_pixels_whose_bytes_lie_the_other_way_are_read_smoothly(stated: str) -> None:
    order = ">" if stated == ExplicitVRLittleEndian else "<"
    image = sixteen(SMOOTH)
    image.file_meta.TransferSyntaxUID = stated
    image.add_new("PixelData", "OB", SMOOTH.astype(f"{order}u2").tobytes())
    buffer = pydicom.filebase.DicomBytesIO()
    pydicom.dcmwrite(
        buffer, image, implicit_vr=False, little_endian=order == ">", force_encoding=True
    )
    series = read(buffer.getvalue())
    assert np.array_equal(series.volume.voxels[0], SMOOTH)
    assert SWAPPED in series.notes


# What PixelData really is.


@pytest.mark.parametrize("syntax", [JPEGLosslessSV1, JPEG2000Lossless, RLELossless, JPEGLSLossless])
def test_plain_pixels_under_a_compressed_syntax_are_read_as_plain(syntax: str) -> None:
    image = sixteen(VALUES)
    plain = to_bytes(image)
    assert np.array_equal(read(with_syntax(plain, syntax)).volume.voxels[0], VALUES)
    image.PixelData = encapsulate([image.PixelData])
    image["PixelData"].is_undefined_length = True
    for stated in (syntax, ExplicitVRLittleEndian):
        image.file_meta.TransferSyntaxUID = JPEG2000Lossless
        in_an_item = with_syntax(to_bytes(image), stated)
        assert np.array_equal(read(in_an_item).volume.voxels[0], VALUES)


@pytest.mark.parametrize("pack", [as_rle, as_jpeg_ls, as_wavelet, as_lossless_jpeg],
                         ids=lambda p: p.__name__)  # fmt: skip
@pytest.mark.parametrize("stated", [ExplicitVRLittleEndian, JPEGBaseline8Bit, JPEG2000Lossless])
def test_compressed_pixels_are_decoded_by_what_they_are(
    stated: str, pack: Pack, tmp_path: Path
) -> None:
    data = pack(sixteen(VALUES), tmp_path)
    assert np.array_equal(read(with_syntax(data, stated)).volume.voxels[0], VALUES)


def test_a_wavelet_that_loses_is_said_to_and_its_brightest_pixel_stays_bright() -> None:
    bright = np.where(np.indices((64, 64)).sum(axis=0) % 7 < 3, 4095, 0)
    buffer = io.BytesIO()
    Image.fromarray(bright.astype(np.uint16)).save(
        buffer, "JPEG2000", irreversible=True, no_jp2=True, quality_layers=[8]
    )
    series = read(packed(sixteen(bright), [buffer.getvalue()], JPEG2000))
    assert LOSSY in series.notes
    assert BEYOND not in series.notes
    assert float(np.abs(series.volume.voxels[0] - bright).max()) < 1000
    exact = io.BytesIO()
    Image.fromarray(bright.astype(np.uint16)).save(
        exact, "JPEG2000", irreversible=False, no_jp2=True
    )
    series = read(packed(sixteen(bright), [exact.getvalue()], JPEG2000))
    assert LOSSY not in series.notes
    assert np.array_equal(series.volume.voxels[0], bright)


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, JPEGLSLossless])
def test_a_stream_of_other_rows_and_columns_is_refused(syntax: str) -> None:
    pack = as_wavelet if syntax == JPEG2000Lossless else as_jpeg_ls
    data = pack(sixteen(VALUES), Path())
    rows, columns = (struct.pack("<HHHH", 0x28, at, 0x5355, 2) for at in (0x10, 0x11))
    turned = data.replace(rows + struct.pack("<H", 14), rows + struct.pack("<H", 10))
    turned = turned.replace(columns + struct.pack("<H", 10), columns + struct.pack("<H", 14))
    assert turned != data
    with pytest.raises(InputError, match="not what Rows, Columns and the transfer syntax"):
        read(turned)


def test_an_offset_table_that_points_beside_the_frames_is_not_followed() -> None:
    image = sixteen(VALUES)
    image.compress(RLELossless)
    table = b"\xfe\xff\0\xe0\4\0\0\0"
    assert image.PixelData.startswith(table + bytes(4))
    image.PixelData = table + b"\x77\0\0\0" + image.PixelData[12:]
    assert np.array_equal(read(to_bytes(image)).volume.voxels[0], VALUES)


def test_pixels_that_are_neither_plain_nor_packed_are_refused_as_such() -> None:
    image = sixteen(VALUES)
    image.PixelData = bytes(100)
    with pytest.raises(InputError, match="not in the transfer syntax that the file states"):
        read(with_syntax(to_bytes(image), JPEGLosslessSV1))


# Tables and mappings.


def test_a_modality_table_is_applied_and_a_damaged_one_refused() -> None:
    table = pydicom.Dataset()
    table.add_new("LUTDescriptor", "US", [4096, 0, 16])
    table.add_new("LUTData", "OW", (np.arange(4096)[::-1] * 3).astype("<u2").tobytes())
    image = sixteen(VALUES, ModalityLUTSequence=[table], RescaleSlope="7")
    assert np.array_equal(read(image).volume.voxels[0], (4095 - VALUES) * 3)
    table.add_new("LUTDescriptor", "US", [256, 1000, 8])
    table.add_new("LUTData", "OW", np.arange(256, dtype=np.uint8).tobytes())
    assert np.array_equal(read(image).volume.voxels[0], (VALUES - 1000).clip(0, 255))
    table.add_new("LUTData", "OW", b"\0\0")
    with pytest.raises(InputError, match="Modality LUT of this file is damaged"):
        read(image)


def mapped(slope: float) -> pydicom.Dataset:
    mapping = pydicom.Dataset()
    mapping.RealWorldValueSlope, mapping.RealWorldValueIntercept = slope, 5.0
    return mapping


def test_a_real_world_mapping_counts_where_no_rescale_does() -> None:
    slopes = (0.5, 2.0, 4.0)
    images = [
        sixteen(VALUES, index=i, RealWorldValueMappingSequence=[mapped(slope)])
        for i, slope in enumerate(slopes)
    ]
    series = read(*images)
    expected = [VALUES * slope + 5 for slope in slopes]
    assert series.volume.voxels == pytest.approx(np.stack(expected))
    assert any("real world value mapping" in note for note in series.notes)
    for image in images:
        image.RescaleSlope, image.RescaleIntercept = "1", "0"
    assert np.array_equal(read(*images).volume.voxels, np.stack([VALUES] * 3))
    assert read(*images).notes == ()


def test_a_real_world_mapping_counts_frame_by_frame() -> None:
    image = enhanced_image([{"index": i} for i in range(2)])
    plain = read(image).volume.voxels
    for slope, group in zip((2.0, 3.0), image.PerFrameFunctionalGroupsSequence, strict=True):
        del group.PixelValueTransformationSequence
        group.RealWorldValueMappingSequence = [mapped(slope)]
    series = read(image)
    assert np.array_equal(series.volume.voxels, plain * [[[2.0]], [[3.0]]] + 5)
    assert any("real world value mapping" in note for note in series.notes)


# Padding.

OUTSIDE = np.add.outer((np.arange(14) - 6.5) ** 2, (np.arange(10) - 4.5) ** 2) > 30
"""The corners, as outside the field of a corrected image."""
INSIDE = ~OUTSIDE


def padded(value: int, *, stored: int = 16, real: np.ndarray = VALUES, **attributes: Any) -> Any:
    image = sixteen(np.where(OUTSIDE, value, real), **attributes)
    image.BitsStored, image.HighBit = stored, stored - 1
    return image


def assert_background(image: Any, real: np.ndarray, *, darkest: float | None = None) -> Series:
    series = read(image)
    voxels = series.volume.voxels[0]
    assert np.array_equal(voxels[INSIDE], real[INSIDE])
    expected = float(real[INSIDE].min()) if darkest is None else darkest
    assert np.array_equal(np.unique(voxels[OUTSIDE]), [expected])
    return series


def stated(image: Any, vr: str, value: int, limit: int | None = None) -> Any:
    image.add_new("PixelPaddingValue", vr, value)
    if limit is not None:
        image.add_new("PixelPaddingRangeLimit", vr, limit)
    return image


@pytest.mark.parametrize("pack", [as_plain, as_rle, as_jpeg_ls, as_wavelet, as_lossless_jpeg],
                         ids=lambda p: p.__name__)  # fmt: skip
def test_padding_is_background_in_every_packing(pack: Pack, tmp_path: Path) -> None:
    image = stated(padded(-32768, PixelRepresentation=1), "SS", -32768)
    assert assert_background(pack(image, tmp_path), VALUES).notes == ()


def test_padding_counts_as_the_pixels_do_whatever_its_own_type() -> None:
    as_bits = padded(-2000, PixelRepresentation=1)
    assert_background(stated(as_bits, "US", 63536), VALUES)
    unsigned = padded(63536)
    assert_background(stated(unsigned, "SS", -2000), VALUES)


def test_padding_beyond_the_stored_bits_is_found_there_and_no_overflow() -> None:
    series = assert_background(stated(padded(0xF830, stored=12), "US", 0xF830), VALUES)
    assert BEYOND not in series.notes


def test_padding_may_be_a_range_stated_either_way_round() -> None:
    image = sixteen(np.where(OUTSIDE, 60000 + VALUES, VALUES))
    image.BitsStored, image.HighBit = 16, 15
    assert_background(stated(image, "US", 65535, 60000), VALUES)
    assert_background(stated(image, "US", 60000, 65535), VALUES)


@pytest.mark.parametrize("slope", ["2", "-2"])
def test_padding_is_as_dark_as_the_darkest_signal_after_the_rescale(slope: str) -> None:
    image = padded(-32768, PixelRepresentation=1, RescaleSlope=slope, RescaleIntercept="3")
    assert_background(stated(image, "SS", -32768), VALUES * int(slope) + 3)


def test_padding_is_dark_where_the_greys_are_turned() -> None:
    image = padded(0, stored=12, real=VALUES // 2 + 1, PhotometricInterpretation="MONOCHROME1")
    assert_background(stated(image, "US", 0), 4095 - (VALUES // 2 + 1))


def test_padding_that_is_dark_already_stays_as_it_is() -> None:
    assert_background(stated(padded(0, real=VALUES // 2 + 9), "US", 0), VALUES // 2 + 9, darkest=0)


def test_padding_among_the_greys_counts_at_the_edge_only_and_it_is_said() -> None:
    real = VALUES.copy()
    real[7, 5] = real[6, 4] = 2000
    series = assert_background(stated(padded(2000, real=real), "US", 2000), real)
    assert AMONG_THE_GREYS in series.notes
    nowhere = np.where(OUTSIDE, 7, real)
    unused = stated(sixteen(nowhere), "US", 2000)
    assert np.array_equal(read(unused).volume.voxels[0], nowhere)


def test_a_padding_that_covers_every_grey_says_nothing() -> None:
    image = stated(sixteen(VALUES), "US", 0, 65535)
    assert np.array_equal(read(image).volume.voxels[0], VALUES)


def test_a_slice_of_padding_alone_is_black_beside_the_others() -> None:
    images = [padded(-32768, index=i, PixelRepresentation=1) for i in range(3)]
    set_pixels(images[2], np.full(SHAPE, -32768, np.int16))
    series = read(*[stated(image, "SS", -32768) for image in images])
    assert np.array_equal(np.unique(series.volume.voxels[2]), [0])
    assert series.volume.voxels.min() == 0 == VALUES[INSIDE].min() - VALUES[INSIDE].min()


@pytest.mark.parametrize("value", [0, 700])
def test_an_image_of_one_value_is_said_to_be_empty(value: int) -> None:
    assert EMPTY in read(*[sixteen(np.full(SHAPE, value), index=i) for i in range(3)]).notes
    assert EMPTY not in read(sixteen(VALUES)).notes
