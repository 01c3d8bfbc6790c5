"""NIfTI files to series and back."""

import gzip
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from asemble.core.errors import InputError
from asemble.core.geometry import ras_affine, spacing_mm
from asemble.core.labels import Plane, Weighting
from asemble.core.study import Series
from asemble.io import Part, read_parts, read_study, write_nifti

VOXELS = np.arange(2 * 3 * 5, dtype=np.float32).reshape(2, 3, 5) + 7  # slice, row, column
CORONAL_LPS = np.array([[0, 0, 0.7, -9], [4, 0, 0, 8], [0, -0.5, 0, 33], [0, 0, 0, 1.0]])


def to_bytes(image: Any) -> bytes:
    return bytes(image.to_bytes())


def stored(voxels: np.ndarray = VOXELS, *, code: int = 1, **header: Any) -> Any:
    image = nib.Nifti1Image(np.ascontiguousarray(voxels.transpose(2, 1, 0)), None)
    image.set_sform(ras_affine(CORONAL_LPS), code=code)
    image.set_qform(ras_affine(CORONAL_LPS), code=0)
    image.header.set_xyzt_units("mm")
    for key, value in header.items():
        image.header[key] = value
    return image


def read(image: Any, name: str = "a.nii") -> Series:
    (series,) = read_parts([Part.from_bytes(name, to_bytes(image))]).series
    return series


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_writing_then_reading_is_a_round_trip(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    write_nifti(path, VOXELS, CORONAL_LPS)
    (series,) = read_study(path).series
    assert np.array_equal(series.volume.voxels, VOXELS)
    assert series.volume.affine_lps == pytest.approx(CORONAL_LPS, abs=1e-5)
    assert series.plane is Plane.CORONAL


def test_voxels_are_stored_column_row_slice(tmp_path: Path) -> None:
    write_nifti(tmp_path / "a.nii", VOXELS, CORONAL_LPS)
    image: Any = nib.load(tmp_path / "a.nii")
    assert image.shape == (5, 3, 2)
    assert image.get_fdata()[4, 2, 1] == VOXELS[1, 2, 4]
    x, y, z = (image.affine @ [4, 2, 1, 1])[:3]
    expected = (CORONAL_LPS @ [1, 2, 4, 1])[:3]
    assert [-x, -y, z] == pytest.approx(expected, abs=1e-5)  # RAS to LPS


def test_unknown_geometry_is_written_and_read_as_unknown(tmp_path: Path) -> None:
    write_nifti(tmp_path / "a.nii", VOXELS, None)
    (series,) = read_study(tmp_path / "a.nii").series
    assert series.volume.affine_lps is None
    assert series.plane is None
    assert any("says nothing about geometry" in note for note in series.notes)


def test_the_qform_serves_where_there_is_no_sform() -> None:
    image = stored(code=0)
    image.set_qform(ras_affine(CORONAL_LPS), code=1)
    assert read(image).volume.affine_lps == pytest.approx(CORONAL_LPS, abs=1e-4)


def test_the_first_volume_of_several_is_taken_and_said() -> None:
    four = np.stack([VOXELS.transpose(2, 1, 0) + 100 * t for t in range(3)], axis=-1)
    image = nib.Nifti1Image(four, ras_affine(CORONAL_LPS))
    series = read(image)
    assert np.array_equal(series.volume.voxels, VOXELS)
    assert "first of 3 volumes" in series.notes[0]


def test_scaling_is_applied() -> None:
    image = nib.Nifti1Image(VOXELS.transpose(2, 1, 0).astype(np.int16), ras_affine(CORONAL_LPS))
    data = bytearray(to_bytes(image))
    data[112:120] = np.array([0.5, -3], "<f4").tobytes()  # scl_slope, scl_inter
    (series,) = read_parts([Part.from_bytes("a.nii", bytes(data))]).series
    assert np.array_equal(series.volume.voxels, VOXELS * 0.5 - 3)


def test_units_are_honoured() -> None:
    image = stored(xyzt_units=1)  # metres
    image.set_sform(np.diag([0.001, 0.001, 0.001, 1]) @ ras_affine(CORONAL_LPS), code=1)
    affine = read(image).volume.affine_lps
    assert affine is not None
    assert spacing_mm(affine) == pytest.approx((4.0, 0.5, 0.7), rel=1e-5)
    assert any("does not name its unit" in n for n in read(stored(xyzt_units=0)).notes)


def test_senseless_geometry_is_left_out_and_said() -> None:
    lost = np.diag([1.0, 1, 1, 1])
    lost[0, 3] = np.nan
    for affine in (np.zeros((4, 4)), 1e-7 * np.eye(4), np.full((4, 4), np.nan), lost):
        data = bytearray(to_bytes(stored()))
        data[280:328] = affine[:3].astype("<f4").tobytes()  # srow_x, srow_y, srow_z
        (series,) = read_parts([Part.from_bytes("a.nii", bytes(data))]).series
        assert series.volume.affine_lps is None
        assert any("makes no sense" in note for note in series.notes)


def test_voxels_without_a_value_are_said() -> None:
    voxels = VOXELS.copy()
    voxels[0, 1, 2] = np.nan
    series = read(stored(voxels))
    assert series.volume.voxels[0, 1, 2] == 0
    assert any("1 voxels without a value" in note for note in series.notes)
    with pytest.raises(InputError, match="no numbers"):
        read(stored(np.full_like(VOXELS, np.nan)))


def test_masks_are_not_taken_for_images() -> None:
    mask = (VOXELS > 20).astype(np.uint8)
    with pytest.raises(InputError, match="only 2 different values: a mask"):
        read(stored(mask))
    with pytest.raises(InputError, match="labels, not an image"):
        read(stored(intent_code=1002))


@pytest.mark.parametrize("share", [0.3, 0.95])
def test_a_cut_off_file_is_refused(share: float) -> None:
    data = to_bytes(stored(np.tile(VOXELS, (4, 5, 5))))
    with pytest.raises(InputError, match="damaged or cut off"):
        read_parts([Part.from_bytes("a.nii", data[: max(400, int(len(data) * share))])])
    packed = gzip.compress(data)
    with pytest.raises(InputError, match="damaged or cut off"):
        read_parts([Part.from_bytes("a.nii.gz", packed[: int(len(packed) * share)])])


def test_an_absurd_header_is_refused_before_its_voxels_are_asked_for() -> None:
    data = bytearray(to_bytes(stored()))
    data[42:48] = np.array([32000, 32000, 32000], "<i2").tobytes()
    with pytest.raises(InputError, match="claims a shape"):
        read_parts([Part.from_bytes("a.nii", bytes(data))])


def test_half_a_pair_is_refused() -> None:
    data = to_bytes(stored()).replace(b"n+1\0", b"ni1\0")
    with pytest.raises(InputError, match=r"without its \.img file"):
        read_parts([Part.from_bytes("a.hdr", data)])


@pytest.mark.parametrize(
    ("name", "weighting"),
    [
        ("cor_STIR.nii", Weighting.FLUID),
        ("P1_sT1W_TSE.nii", Weighting.T1),
        ("t2_tse_fs_tra.nii", Weighting.FLUID),
        ("test1.nii", Weighting.OTHER),
        ("scan.nii", Weighting.OTHER),
    ],
)
def test_the_file_name_gives_a_guess_that_is_said(name: str, weighting: Weighting) -> None:
    series = read(stored(), name)
    assert series.weighting is weighting
    assert series.description == ""
    assert "weighting" in series.notes[-1]
    assert name.removesuffix(".nii") not in repr(series.notes)


def in_colour(red: np.ndarray, green: np.ndarray, blue: np.ndarray) -> Any:
    rgb = np.zeros((5, 3, 2), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    for name, voxels in zip("RGB", (red, green, blue), strict=True):
        rgb[name] = voxels.transpose(2, 1, 0)
    return nib.Nifti1Image(rgb, ras_affine(CORONAL_LPS))


def test_greys_that_are_stored_in_colour_are_read_and_said() -> None:
    series = read(in_colour(VOXELS, VOXELS, VOXELS))
    assert np.array_equal(series.volume.voxels, VOXELS)
    assert any("stored as colours" in note for note in series.notes)


def test_colour_is_refused() -> None:
    with pytest.raises(InputError, match="colour picture"):
        read(in_colour(VOXELS, VOXELS + 60, VOXELS))
