"""NIfTI as other tools leave it: pairs, odd geometry, odd numbers, damaged headers."""

import gzip
import io
import struct
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mr_files import mr_image, to_bytes

from asemble.core.errors import InputError
from asemble.core.geometry import ras_affine, spacing_mm
from asemble.core.labels import Plane, Weighting
from asemble.core.study import Series, Study
from asemble.io import Part, read_parts

VOXELS = np.arange(2 * 3 * 5, dtype=np.float32).reshape(2, 3, 5) + 7  # slice, row, column
CORONAL_LPS = np.array([[0, 0, 0.7, -9], [4, 0, 0, 8], [0, -0.5, 0, 33], [0, 0, 0, 1.0]])
MIRRORED_LPS = CORONAL_LPS @ np.diag([1.0, 1, -1, 1])
PIXDIM = 76
"""Offset of pixdim, whose first value is qfac."""


def image_of(voxels: np.ndarray = VOXELS, kind: Any = nib.Nifti1Image) -> Any:
    image = kind(np.ascontiguousarray(voxels.transpose(2, 1, 0)), None)
    image.set_sform(ras_affine(CORONAL_LPS), code=1)
    image.set_qform(ras_affine(CORONAL_LPS), code=1)
    image.header.set_xyzt_units("mm")
    return image


def changed(**at: tuple[str, Any]) -> bytes:
    """The file with `(format, value)` written at an offset: `at_112=("<f", 0.5)`."""
    data = bytearray(image_of().to_bytes())
    for where, (form, value) in at.items():
        values = value if isinstance(value, tuple) else (value,)
        struct.pack_into(form, data, int(where.removeprefix("at_")), *values)
    return bytes(data)


def study_of(**files: bytes) -> Study:
    return read_parts([Part.from_bytes(n.replace("__", "."), d) for n, d in files.items()])


def read(data: bytes) -> Series:
    (series,) = study_of(a__nii=data).series
    return series


def said(series: Series) -> str:
    return " ".join(series.notes)


def pair(kind: Any = nib.Nifti1Pair, voxels: np.ndarray = VOXELS) -> tuple[bytes, bytes]:
    """Header and pixels as two files."""
    image = image_of(voxels, kind)
    halves = {"header": io.BytesIO(), "image": io.BytesIO()}
    image.to_file_map({name: nib.FileHolder(fileobj=half) for name, half in halves.items()})
    return halves["header"].getvalue(), halves["image"].getvalue()


@pytest.mark.parametrize("kind", [nib.Nifti1Pair, nib.Nifti2Pair])
@pytest.mark.parametrize("is_packed", [False, True])
@pytest.mark.parametrize("is_backwards", [False, True])
def test_a_pair_is_read_as_one_image(kind: Any, *, is_packed: bool, is_backwards: bool) -> None:
    header, pixels = pair(kind)
    files = {"x/a.hdr": header, "x/A.IMG": pixels}
    if is_packed:
        files = {f"{name}.gz": gzip.compress(data) for name, data in files.items()}
    named = list(files.items())[:: -1 if is_backwards else 1]
    study = read_parts([Part.from_bytes(name, data) for name, data in named])
    (series,) = study.series
    assert study.refused == ()
    assert np.array_equal(series.volume.voxels, VOXELS)
    assert series.volume.affine_lps == pytest.approx(CORONAL_LPS, abs=1e-4)


def test_a_pair_whose_pixels_are_larger_than_its_header_is_read() -> None:
    voxels = np.arange(10 * 20 * 30, dtype=np.float32).reshape(10, 20, 30)
    header, pixels = pair(voxels=voxels)
    (series,) = study_of(a__hdr=header, a__img=pixels).series
    assert np.array_equal(series.volume.voxels, voxels)


def test_two_pairs_are_not_mixed_and_a_half_is_said() -> None:
    header, pixels = pair()
    study = study_of(a__hdr=header, b__img=pixels, c__hdr=header, c__img=pixels)
    assert len(study.series) == 1
    assert {(r.name, r.reason) for r in study.refused} == {
        ("a.hdr", "This is the header of an image pair without its .img file. Upload both."),
        ("b.img", "This .img file has no .hdr file of the same name beside it. Upload both."),
    }


def test_a_half_of_the_same_name_is_said_and_not_taken_for_the_other() -> None:
    header, pixels = pair()
    parts = [Part.from_bytes("a.hdr", header)] * 2 + [Part.from_bytes("a.img", pixels)]
    study = read_parts(parts)
    assert len(study.series) == 1
    assert ["same name" in refusal.reason for refusal in study.refused] == [True]


def test_a_pair_that_is_cut_off_is_refused() -> None:
    header, pixels = pair()
    for files in (
        {"a__hdr": header, "a__img": pixels[:-8]},
        {"a__hdr": header[:346], "a__img": pixels},
    ):
        with pytest.raises(InputError):
            study_of(**files)


def test_dicom_files_named_img_stay_dicom() -> None:
    study = study_of(a__img=to_bytes(mr_image(0)), b__img=to_bytes(mr_image(1)))
    assert study.series[0].volume.shape[0] == 2


@pytest.mark.parametrize("endian", ["<", ">"])
def test_analyze_is_refused_because_it_does_not_know_left_from_right(endian: str) -> None:
    image = nib.AnalyzeImage(VOXELS.transpose(2, 1, 0), None, nib.AnalyzeHeader(endianness=endian))
    header = bytes(image.header.binaryblock)
    with pytest.raises(InputError, match=r"Analyze 7\.5 pair, which does not say which side"):
        study_of(a__hdr=header, a__img=VOXELS.tobytes())


def test_big_endian_files_read_as_little_endian_ones() -> None:
    image = image_of()
    swapped = nib.Nifti1Image(
        image.get_fdata().astype(">f4"), image.affine, image.header.as_byteswapped(">")
    )
    series, plain = read(swapped.to_bytes()), read(image.to_bytes())
    assert swapped.to_bytes()[:4] != image.to_bytes()[:4]
    assert np.array_equal(series.volume.voxels, plain.volume.voxels)
    assert np.array_equal(series.volume.affine_lps, plain.volume.affine_lps)


@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"])
def test_every_kind_of_number_keeps_its_values(kind: Any, dtype: str) -> None:
    stored = np.ascontiguousarray(VOXELS.astype(dtype).transpose(2, 1, 0))
    series = read(kind(stored, ras_affine(CORONAL_LPS), dtype=dtype).to_bytes())
    assert np.array_equal(series.volume.voxels, VOXELS)


@pytest.mark.parametrize("dtype", ["c8", "c16"])
def test_complex_numbers_are_refused(dtype: str) -> None:
    stored = np.ascontiguousarray(VOXELS.astype(dtype).transpose(2, 1, 0))
    with pytest.raises(InputError, match="holds complex values"):
        read(nib.Nifti1Image(stored, np.eye(4)).to_bytes())


@pytest.mark.parametrize("shape", [(5, 3, 2, 1), (5, 3, 2, 4), (5, 3, 2, 1, 3), (5, 3, 2, 2, 2)])
def test_more_dimensions_give_their_first_volume(shape: tuple[int, ...]) -> None:
    stored = np.zeros(shape, np.float32)
    stored[:] = 1000 * np.arange(np.prod(shape[3:])).reshape(shape[3:])
    stored += VOXELS.transpose(2, 1, 0).reshape(5, 3, 2, *[1] * (len(shape) - 3))
    series = read(nib.Nifti1Image(stored, ras_affine(CORONAL_LPS)).to_bytes())
    assert np.array_equal(series.volume.voxels, VOXELS)
    assert ("first of" in said(series)) == (np.prod(shape[3:]) > 1)


@pytest.mark.parametrize("slope", [0.0, float("nan"), float("inf")])
def test_a_scaling_that_means_nothing_is_none(slope: float) -> None:
    data = changed(at_112=("<ff", (slope, 0.0)))
    try:
        assert np.array_equal(read(data).volume.voxels, VOXELS)
    except InputError as error:
        assert "damaged" in str(error)
        assert slope == float("inf")


def test_values_beyond_all_numbers_are_said() -> None:
    voxels = VOXELS.astype(np.float64)
    voxels[0, 0, 0], voxels[0, 0, 1], voxels[1, 2, 4] = np.inf, -np.inf, 1e300
    series = read(image_of(voxels).to_bytes())
    assert "3 voxels without a value were set to 0" in said(series)
    assert series.volume.voxels[1, 2, 4] == 0
    assert np.isfinite(series.volume.voxels).all()


def test_forms_that_disagree_are_said_and_the_sform_is_taken() -> None:
    image = image_of()
    image.set_qform(ras_affine(MIRRORED_LPS), code=1)
    series = read(image.to_bytes())
    assert series.volume.affine_lps == pytest.approx(CORONAL_LPS, abs=1e-4)
    assert "two geometries that disagree" in said(series)
    assert "disagree" not in said(read(image_of().to_bytes()))


def test_a_form_that_makes_no_sense_gives_way_to_the_other() -> None:
    singular = changed(at_280=("<12f", (0.0,) * 12))
    for data in (
        singular,
        changed(at_256=("<3f", (5.0, 5.0, 5.0))),  # no rotation
        changed(at_80=("<3f", (float("nan"),) * 3)),
    ):
        series = read(data)
        assert series.volume.affine_lps == pytest.approx(CORONAL_LPS, abs=1e-4)
        assert "One of the two geometries" in said(series)


@pytest.mark.parametrize("qfac", [1.0, -1.0, 0.0])
def test_a_qform_alone_serves_with_either_handedness(qfac: float) -> None:
    image = image_of()
    image.set_sform(None, code=0)
    lies = MIRRORED_LPS if qfac == -1 else CORONAL_LPS
    image.set_qform(ras_affine(lies), code=1)
    data = bytearray(image.to_bytes())
    assert struct.unpack_from("<f", data, PIXDIM)[0] == (qfac or 1.0)
    struct.pack_into("<f", data, PIXDIM, qfac)  # 0 means 1
    assert read(bytes(data)).volume.affine_lps == pytest.approx(lies, abs=1e-4)


def test_negative_sizes_are_left_out_with_their_geometry() -> None:
    data = changed(at_80=("<3f", (-0.7, -0.5, -4.0)), at_254=("<h", 0))
    series = read(data)
    assert series.volume.affine_lps is None or spacing_mm(series.volume.affine_lps)[0] > 0
    assert "makes no sense" in said(series) or series.plane is Plane.CORONAL


@pytest.mark.parametrize(
    "dims",
    [(3, -5, -3, 2), (3, 0, 3, 2), (-1, 5, 3, 2), (8, 5, 3, 2), (3, 5, 3, -2), (0, 5, 3, 2),
     (3, 32767, 32767, 32767)],
)  # fmt: skip
def test_absurd_dimensions_are_refused(dims: tuple[int, ...]) -> None:
    with pytest.raises(InputError):
        read(changed(at_40=("<4h", dims)))


@pytest.mark.parametrize("offset", [1e30, -1e30, float("nan"), float("inf"), -352.0, 1e6, 0.0])
def test_an_absurd_start_of_the_voxels_is_refused_or_read(offset: float) -> None:
    try:
        assert read(changed(at_108=("<f", offset))).volume.shape == (2, 3, 5)
    except InputError as error:
        assert "NIfTI" in str(error)


def test_an_extension_is_passed_over_and_kept_nowhere(tmp_path: Any) -> None:
    image = image_of()
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"Doe, Janine 1963"))
    image.header["descrip"], image.header["db_name"] = b"Doe Janine", b"HOSP-4711"
    study = study_of(a__nii=image.to_bytes())
    assert np.array_equal(study.series[0].volume.voxels, VOXELS)
    assert "Janine" not in repr(study)


@given(st.lists(st.tuples(st.integers(0, 351), st.integers(0, 255)), min_size=1, max_size=12))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_a_damaged_header_is_read_or_refused(changes: list[tuple[int, int]]) -> None:
    data = bytearray(image_of().to_bytes())
    for at, value in changes:
        data[at] = value
    try:
        assert study_of(a__nii=bytes(data)).series
    except InputError as error:
        assert str(error)


def test_a_pair_that_begins_with_air_is_read() -> None:
    voxels = np.zeros((4, 30, 20), np.float32)
    voxels[2:, 10:20, 5:15] = np.arange(200).reshape(2, 10, 10) + 7
    header, pixels = pair(voxels=voxels)
    assert not any(pixels[:2048])
    (series,) = study_of(a__hdr=header, a__img=pixels).series
    assert np.array_equal(series.volume.voxels, voxels)
    with pytest.raises(InputError, match="empty"):
        study_of(a__nii=bytes(5000))


@pytest.mark.parametrize("has_flag", [True, False])
def test_voxels_that_the_header_says_to_lie_in_itself_are_found_behind_it(
    *, has_flag: bool
) -> None:
    data = changed(at_108=("<f", 0.0))
    series = read(data if has_flag else data[:348] + data[352:])
    assert np.array_equal(series.volume.voxels, VOXELS)
    assert "voxels begin inside its header" in said(series)


def test_voxels_that_may_lie_anywhere_are_not_guessed() -> None:
    data = bytearray(changed(at_108=("<f", 0.0)))
    data[348] = 1  # an extension follows
    with pytest.raises(InputError, match="does not say where its voxels begin"):
        read(bytes(data))


@pytest.mark.parametrize(
    "dims", [(4, 5, 3, 2, 0), (5, 5, 3, 2, 0, 0), (4, 5, 3, 2, 1), (7, 5, 3, 2, 1, 1, 1, 1)]
)
def test_an_axis_of_length_zero_counts_as_one_and_one_adds_nothing(dims: tuple[int, ...]) -> None:
    data = changed(at_40=(f"<{len(dims)}h", dims), at_112=("<ff", (0.0, 7.0)))  # no slope: none
    series = read(data)
    assert np.array_equal(series.volume.voxels, VOXELS)
    assert "first of" not in said(series)


@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize("longer", [0.0, 2.0**-52, 2.0**-50, 1e-7, 1e-6, 1e-4])
def test_a_rotation_that_rounding_left_too_long_is_a_rotation(kind: Any, longer: float) -> None:
    image = image_of(kind=kind)
    image.set_sform(None, code=0)
    turn = np.array([0.0, -np.sqrt(0.5), np.sqrt(0.5)]) * np.sqrt(1 + longer)
    for name, value in zip("bcd", turn, strict=True):
        image.header[f"quatern_{name}"] = value
    image.header["vox_offset"] = len(image.header.binaryblock) + 4
    voxels = VOXELS.transpose(2, 1, 0).tobytes(order="F")
    series = read(image.header.binaryblock + bytes(4) + voxels)
    assert np.array_equal(series.volume.voxels, VOXELS)
    assert series.plane is Plane.CORONAL
    assert series.volume.affine_lps == pytest.approx(CORONAL_LPS, abs=2e-3)


def test_an_empty_first_volume_is_not_called_a_mask() -> None:
    stored = np.stack([0 * VOXELS, VOXELS], axis=-1).transpose(2, 1, 0, 3)
    with pytest.raises(InputError, match="it is empty"):
        read(nib.Nifti1Image(np.ascontiguousarray(stored), ras_affine(CORONAL_LPS)).to_bytes())


def test_statistics_are_not_taken_for_fluid() -> None:
    data = changed(at_68=("<h", 5))  # NIFTI_INTENT_ZSCORE
    (series,) = study_of(cor_stir__nii=data).series
    assert series.weighting is Weighting.OTHER
    assert "holds a statistic" in said(series)


def test_sizes_beside_a_geometry_that_is_marked_unknown_are_compared() -> None:
    data = changed(at_254=("<h", 0), at_80=("<3f", (1.0, 1.0, 1.0)))
    series = read(data)
    assert series.volume.spacing_mm == pytest.approx((1.0, 1.0, 1.0))
    assert "other voxel sizes" in said(series)
    assert "other voxel sizes" not in said(read(changed(at_254=("<h", 0))))
