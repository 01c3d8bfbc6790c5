"""Every way in which scanners and exports pack grey values."""

import io
from typing import Any

import numpy as np
import pydicom
import pytest
from mr_files import SHAPE, mr_image, set_pixels, slice_values, to_bytes
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate
from pydicom.uid import (
    ExplicitVRBigEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLSNearLossless,
    RLELossless,
)

from asemble.core.errors import InputError
from asemble.core.study import Series
from asemble.io import Part, read_parts

GREY = (slice_values(0) - 60).astype(np.uint8)  # 40 to 69


def read(image: Any) -> Series:
    data = image if isinstance(image, bytes) else to_bytes(image)
    (series,) = read_parts([Part.from_bytes("a", data)]).series
    return series


def packed(values: np.ndarray, *, stored: int, **attributes: Any) -> Any:
    image = mr_image(0)
    image.BitsAllocated = values.dtype.itemsize * 8
    image.BitsStored, image.HighBit = stored, stored - 1
    set_pixels(image, values)
    for keyword, value in attributes.items():
        setattr(image, keyword, value)
    return image


@pytest.mark.parametrize(
    ("dtype", "stored", "signed"),
    [("u1", 8, 0), ("i1", 8, 1), ("<u2", 10, 0), ("<u2", 12, 0), ("<u2", 16, 0), ("<i2", 12, 1),
     ("<i2", 16, 1), ("<u4", 32, 0)],
)  # fmt: skip
def test_every_depth_keeps_its_values(dtype: str, stored: int, signed: int) -> None:
    low = -(2 ** (stored - 1)) if signed else 0
    values = np.linspace(low, low + 2.0**stored - 1, 30).astype(np.int64).reshape(SHAPE)
    series = read(packed(values.astype(dtype), stored=stored, PixelRepresentation=signed))
    assert series.volume.voxels[0] == pytest.approx(values, rel=1e-7)
    assert series.volume.voxels.min() == low


@pytest.mark.parametrize(("slope", "intercept"), [("2.5", "-10"), ("-1", "4095"), ("0", "3"),
                                                   ("1e-3", "0"), ("1", "-1024")])  # fmt: skip
def test_the_rescale_is_applied_and_a_slope_of_zero_means_none(slope: str, intercept: str) -> None:
    series = read(mr_image(0, RescaleSlope=slope, RescaleIntercept=intercept))
    expected = slice_values(0).astype(np.float64) * (float(slope) or 1.0) + float(intercept)
    assert series.volume.voxels[0] == pytest.approx(expected, rel=1e-6)


def test_overlays_in_the_high_bits_are_masked_out() -> None:
    drawn = slice_values(0) | np.where(np.eye(*SHAPE, dtype=bool), 0x8000, 0).astype(np.uint16)
    series = read(packed(drawn, stored=12))
    assert np.array_equal(series.volume.voxels[0], slice_values(0))
    values = (slice_values(0).astype(np.int16) - 110) & 0x0FFF | 0x4000
    series = read(packed(values.astype(np.uint16), stored=12, PixelRepresentation=1))
    assert np.array_equal(series.volume.voxels[0], slice_values(0).astype(np.int16) - 110)


def test_values_that_do_not_begin_at_bit_0_are_moved_there_when_they_were_packed() -> None:
    image = packed(np.full(SHAPE, 0xABC0, np.uint16), stored=16)
    image.compress(RLELossless)
    image.BitsStored = 12
    assert np.unique(read(image).volume.voxels) == [0xABC]


@pytest.mark.parametrize("order", ["<", ">"])
def test_values_that_do_not_begin_at_bit_0_are_moved_there(order: str) -> None:
    image = packed((slice_values(0) << 4).astype(f"{order}u2"), stored=12, HighBit=15)
    if order == ">":
        image.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
        buffer = pydicom.filebase.DicomBytesIO()
        pydicom.dcmwrite(buffer, image, implicit_vr=False, little_endian=False)
        assert np.array_equal(read(buffer.getvalue()).volume.voxels[0], slice_values(0))
        return
    assert np.array_equal(read(image).volume.voxels[0], slice_values(0))


def test_pixels_packed_in_12_bits_are_refused_as_such() -> None:
    image = mr_image(0, BitsAllocated=12)
    with pytest.raises(InputError, match=r"packed without regard to bytes.*16 bits a pixel"):
        read(image)


@pytest.mark.parametrize("signed", [0, 1])
def test_monochrome1_is_turned_so_that_larger_is_brighter(signed: int) -> None:
    image = packed(
        GREY, stored=8, PhotometricInterpretation="MONOCHROME1", PixelRepresentation=signed
    )
    assert np.array_equal(read(image).volume.voxels[0], (-1 if signed else 255) - GREY.astype(int))


def coloured(values: np.ndarray, interpretation: str, *, planar: int = 0) -> Any:
    image = packed(values, stored=8, PhotometricInterpretation=interpretation, SamplesPerPixel=3)
    image.PlanarConfiguration = planar
    image.Rows, image.Columns = SHAPE
    image.PixelData = (values.transpose(2, 0, 1) if planar else values).tobytes()
    return image


@pytest.mark.parametrize("planar", [0, 1])
def test_grey_stored_as_rgb_is_read_as_grey(planar: int) -> None:
    rgb = np.repeat(GREY[..., None], 3, axis=2)
    plain, squeezed = (coloured(rgb, "RGB", planar=planar) for _ in range(2))
    assert np.array_equal(read(plain).volume.voxels[0], GREY)
    if not planar:
        squeezed.compress(RLELossless)
        assert np.array_equal(read(squeezed).volume.voxels[0], GREY)


@pytest.mark.parametrize("interpretation", ["YBR_FULL", "YBR_FULL_422"])
def test_grey_stored_as_brightness_and_colour_is_read_as_grey(interpretation: str) -> None:
    values = np.full((*SHAPE, 3), 128, np.uint8)
    values[..., 0] = GREY
    image = coloured(values, interpretation)
    expected = GREY
    if interpretation == "YBR_FULL_422":  # two brightnesses share a colour; rows of even length
        image.Columns, expected = 10, GREY.reshape(3, 10)
        image.Rows = 3
        pairs = np.full((15, 4), 128, np.uint8)
        pairs[:, :2] = GREY.reshape(15, 2)
        image.PixelData = pairs.tobytes()
    assert read(image).volume.voxels[0] == pytest.approx(expected.astype(float), abs=1)


@pytest.mark.parametrize("interpretation", ["RGB", "YBR_FULL"])
def test_real_colour_is_refused(interpretation: str) -> None:
    values = np.random.default_rng(0).integers(0, 255, (*SHAPE, 3), np.uint8)
    with pytest.raises(InputError, match="colour picture, not an MR slice"):
        read(coloured(values, interpretation))


def palette(red: np.ndarray, green: np.ndarray, blue: np.ndarray, bits: int) -> Any:
    image = packed(GREY, stored=8, PhotometricInterpretation="PALETTE COLOR")
    for name, table in (("Red", red), ("Green", green), ("Blue", blue)):
        setattr(image, f"{name}PaletteColorLookupTableDescriptor", [256, 0, bits])
        setattr(
            image, f"{name}PaletteColorLookupTableData", table.astype(f"<u{bits // 8}").tobytes()
        )
    return image


@pytest.mark.parametrize("bits", [8, 16])
def test_a_palette_of_greys_is_looked_up(bits: int) -> None:
    table = (255 - np.arange(256)) * (257 if bits == 16 else 1)
    series = read(palette(table, table, table, bits))
    assert np.array_equal(series.volume.voxels[0], table[GREY])


def test_a_palette_of_colours_is_refused() -> None:
    table = np.arange(256)
    with pytest.raises(InputError, match="colour picture"):
        read(palette(table, table * 0, table[::-1], 8))


def test_lossy_compression_is_said_by_the_attribute_or_the_transfer_syntax() -> None:
    assert any("lossily" in note for note in read(mr_image(0, LossyImageCompression="01")).notes)
    assert read(mr_image(0, LossyImageCompression="00")).notes == ()
    near = mr_image(0)
    near.compress(JPEGLSNearLossless, jls_error=2)
    series = read(near)
    assert any("lossily" in note for note in series.notes)
    assert series.volume.voxels[0] == pytest.approx(slice_values(0).astype(float), abs=2)


def as_lossy_jpeg(values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def test_lossy_jpeg_is_read_with_a_note() -> None:
    values = np.add.outer(np.arange(48), np.arange(40)).astype(np.uint8)
    image = packed(values, stored=8)
    image.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    image.PixelData = encapsulate([as_lossy_jpeg(values)])
    series = read(image)
    assert series.volume.voxels[0] == pytest.approx(values.astype(float), abs=4)
    assert any("lossily" in note for note in series.notes)


@pytest.mark.parametrize(
    ("syntax", "interpretation", "kind"),
    [
        (JPEGBaseline8Bit, "YBR_FULL_422", "JPEG"),
        (JPEGBaseline8Bit, "RGB", "JPEG"),
        (JPEG2000Lossless, "YBR_RCT", "JPEG2000"),
    ],
)
def test_grey_compressed_as_colour_is_read_as_grey(
    syntax: str, interpretation: str, kind: str
) -> None:
    values = np.add.outer(np.arange(48), np.arange(40)).astype(np.uint8)
    image = coloured(np.repeat(values[..., None], 3, axis=2), interpretation)
    image.Rows, image.Columns = values.shape
    image.file_meta.TransferSyntaxUID = syntax
    buffer = io.BytesIO()
    options: dict[str, Any] = {"quality": 95} if kind == "JPEG" else {"no_jp2": True}
    Image.fromarray(np.repeat(values[..., None], 3, axis=2)).save(buffer, kind, **options)
    image.PixelData = encapsulate([buffer.getvalue()])
    assert read(image).volume.voxels[0] == pytest.approx(values.astype(float), abs=4)


def test_lossy_jpeg_of_12_bits_is_refused_as_such() -> None:
    image = pydicom.dcmread(str(get_testdata_file("JPGExtended.dcm")))
    assert image.file_meta.TransferSyntaxUID == JPEGExtended12Bit
    image.Modality, image.SOPClassUID = "MR", mr_image(0).SOPClassUID
    with pytest.raises(InputError, match=r"JPEG of more than 8 bits is not read.*JPEG 2000"):
        read(image)


@pytest.mark.parametrize("at", ["preamble", "meta", "header", "sequence", "pixels", "last byte"])
def test_a_file_cut_off_anywhere_is_refused_and_the_others_go_on(at: str) -> None:
    image = mr_image(0, series="1.7")
    item = pydicom.Dataset()
    item.CodeMeaning = "a long text in a sequence " * 20
    image.AnatomicRegionSequence = [item, item]
    data = to_bytes(image)
    cut = {
        "preamble": 100,
        "meta": 200,
        "header": data.index(b"t1 tse cor") + 4,
        "sequence": data.index(b"in a sequence") + 200,
        "pixels": len(data) - 30,
        "last byte": len(data) - 1,
    }[at]
    others = [Part.from_bytes(f"f{i}", to_bytes(mr_image(i))) for i in range(3)]
    study = read_parts([others[0], Part.from_bytes("cut", data[:cut]), *others[1:]])
    assert [s.volume.shape[0] for s in study.series] == [3]
    assert [r.name for r in study.refused] == ["cut"]
