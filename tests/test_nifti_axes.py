"""Along which axis of a NIfTI file its slices lie, and what is left where it says no directions."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from asemble.core.errors import FileError
from asemble.core.geometry import ras_affine
from asemble.core.labels import Plane
from asemble.core.study import Series
from asemble.core.volume import Volume
from asemble.imaging.slices import prepare
from asemble.io import convert, lay_on, read_mask, read_study, write_nifti
from asemble.io.formats.nifti_geometry import slice_axis_of

SHAPE = (6, 20, 25)  # slices, rows, columns
STEPS_MM = (4.0, 0.8, 0.7)
VOXELS = np.random.default_rng(4).integers(0, 3000, SHAPE).astype(np.float32)
LIES = {
    Plane.CORONAL: [[0, 0, 1], [1, 0, 0], [0, -1, 0]],
    Plane.AXIAL: [[0, 0, 1], [0, 1, 0], [1, 0, 0]],
    Plane.SAGITTAL: [[1, 0, 0], [0, 0, 1], [0, -1, 0]],
}
"""Where a step to the next slice, row and column leads, in LPS."""


def affine_of(plane: Plane, steps_mm: tuple[float, float, float] = STEPS_MM) -> np.ndarray:
    affine = np.eye(4)
    affine[:3, :3] = np.array(LIES[plane]) * steps_mm
    affine[:3, 3] = [-9, 8, 33]
    return affine


def turned(image: nib.Nifti1Image, axes: str) -> nib.Nifti1Image:
    """The image stored with its axes in directions such as RAS."""
    return image.as_reoriented(
        nib.orientations.ornt_transform(
            nib.io_orientation(image.affine), nib.orientations.axcodes2ornt(axes)
        )
    )


def written(path: Path, image: nib.Nifti1Image) -> Path:
    nib.save(image, path)
    return path


def image_of(voxels: np.ndarray, affine_lps: np.ndarray) -> nib.Nifti1Image:
    return nib.Nifti1Image(voxels.transpose(2, 1, 0), ras_affine(affine_lps))


def read(path: Path) -> Series:
    (series,) = read_study(path).series
    return series


def values_by_place(volume: Volume) -> dict[tuple[int, ...], float]:
    assert volume.affine_lps is not None
    places = np.argwhere(np.ones(volume.shape, bool))
    lie_at = places @ volume.affine_lps[:3, :3].T + volume.affine_lps[:3, 3]
    keys = map(tuple, np.rint(lie_at * 100).astype(int).tolist())
    return dict(zip(keys, volume.voxels.ravel().tolist(), strict=True))


@pytest.mark.parametrize("axes", ["RAS", "LAS", "RSA", "PIR", "SPL"])
@pytest.mark.parametrize("plane", Plane)
def test_slices_are_found_whichever_way_a_file_stores_them(
    tmp_path: Path, plane: Plane, axes: str
) -> None:
    path = written(tmp_path / "a.nii", turned(image_of(VOXELS, affine_of(plane)), axes))
    series = read(path)
    assert series.volume.shape[0] == SHAPE[0]
    assert series.plane is plane
    assert series.volume.spacing_mm is not None
    assert series.volume.spacing_mm[0] == pytest.approx(STEPS_MM[0])
    assert values_by_place(series.volume) == values_by_place(Volume(VOXELS, affine_of(plane)))
    (again,) = convert(read_study(path), tmp_path / "out")
    assert np.array_equal(read(again).volume.voxels, series.volume.voxels)
    assert read(again).volume.affine_lps == pytest.approx(series.volume.affine_lps, abs=1e-4)


@pytest.mark.parametrize("axes", ["RAS", "RSA", "ASR"])
def test_a_mask_follows_its_image(tmp_path: Path, axes: str) -> None:
    affine = affine_of(Plane.CORONAL)
    lesion = VOXELS > 2800
    image = read(written(tmp_path / "a.nii", turned(image_of(VOXELS, affine), axes)))
    mask = image_of(lesion.astype(np.float32), affine)
    for stored_as in ("RAS", axes):
        laid = lay_on(read_mask(written(tmp_path / "m.nii", turned(mask, stored_as))), image.volume)
        assert np.array_equal(laid, image.volume.voxels > 2800)


def test_a_mask_without_geometry_follows_its_image_too(tmp_path: Path) -> None:
    for name, voxels in (("a.nii", VOXELS), ("m.nii", (VOXELS > 2800).astype(np.uint8))):
        image = nib.Nifti1Image(voxels.transpose(2, 0, 1), None)  # slices in the middle
        image.header["pixdim"][1:4] = (0.7, 4.0, 0.8)
        written(tmp_path / name, image)
    image = read(tmp_path / "a.nii")
    assert np.array_equal(image.volume.voxels, VOXELS)
    assert np.array_equal(lay_on(read_mask(tmp_path / "m.nii"), image.volume), VOXELS > 2800)
    with pytest.raises(FileError, match="rows and columns"):
        lay_on(Volume(VOXELS.transpose(1, 0, 2), None), image.volume)


def test_one_slice_is_one_slice_on_whichever_axis_it_is_alone(tmp_path: Path) -> None:
    values = VOXELS[:1]
    for axes in ("RAS", "RSA", "SAR"):
        path = written(
            tmp_path / f"{axes}.nii", turned(image_of(values, affine_of(Plane.CORONAL)), axes)
        )
        series = read(path)
        assert sorted(series.volume.shape) == [1, *SHAPE[1:]]
        assert series.volume.shape[0] == 1
        assert series.plane is Plane.CORONAL
    path = written(tmp_path / "flat.nii", nib.Nifti1Image(values[0].T, np.eye(4)))
    assert read(path).volume.shape == (1, *SHAPE[1:])


def test_one_slice_without_depth_keeps_its_place(tmp_path: Path) -> None:
    image = image_of(VOXELS[:1], affine_of(Plane.CORONAL))
    image.set_sform(None, code=0)
    image.set_qform(ras_affine(affine_of(Plane.CORONAL)), code=1)
    data = bytearray(image.to_bytes())
    data[88:92] = bytes(4)  # pixdim[3]
    (tmp_path / "a.nii").write_bytes(data)
    series = read(tmp_path / "a.nii")
    assert series.plane is Plane.CORONAL
    assert series.volume.spacing_mm == pytest.approx((1.0, *STEPS_MM[1:]))
    assert any("How thick its one slice is" in note for note in series.notes)


@pytest.mark.parametrize(
    ("shape", "sizes_mm", "stated", "axis"),
    [
        ((288, 23, 288), (1.0, 3.4, 1.0), -1, 1),
        ((288, 96, 288), (1.0, 0.8, 1.0), -1, 1),  # thin slices of square pixels
        ((288, 96, 288), (1.0, 1.0, 1.0), -1, 1),  # the fewest voxels
        ((96, 288, 288), (1.0, 1.0, 1.0), 0, 0),
        ((288, 288, 96), (1.0, 1.0, 1.0), 1, 1),  # dim_info before a rule of thumb
        ((288, 288, 23), (1.0, 1.0, 3.4), 0, 2),  # but not before slices of 3.4 mm
        ((256, 256, 256), (1.0, 1.0, 1.0), -1, 2),
        ((40, 288, 288), None, -1, 0),
        ((288, 1, 288), (1.0, 1.0, 5.0), 2, 1),
    ],
)
def test_the_rule_for_the_axis_of_the_slices(
    shape: tuple[int, ...], sizes_mm: tuple[float, float, float] | None, stated: int, axis: int
) -> None:
    assert slice_axis_of(shape, sizes_mm, stated=stated)[0] == axis
    if sizes_mm is not None:  # nothing hangs on the last bit
        noisy = tuple(
            size * (1 + noise) for size, noise in zip(sizes_mm, (1e-7, -1e-7, 5e-8), strict=True)
        )
        assert slice_axis_of(shape, noisy, stated=stated)[0] == axis


def test_a_choice_by_rule_of_thumb_is_said(tmp_path: Path) -> None:
    voxels = np.random.default_rng(1).integers(0, 99, (24, 10, 20)).astype(np.float32)
    image = nib.Nifti1Image(voxels, np.eye(4))
    series = read(written(tmp_path / "a.nii", image))
    assert series.plane is Plane.CORONAL
    assert any("fewest voxels, so the second was taken" in note for note in series.notes)
    image.header.set_dim_info(slice=0)
    series = read(written(tmp_path / "b.nii", image))
    assert series.plane is Plane.SAGITTAL
    assert not any("does not say along which axis" in note for note in series.notes)


def test_sizes_stay_where_the_file_says_no_directions(tmp_path: Path) -> None:
    write_nifti(tmp_path / "a.nii", VOXELS, None, sizes_mm=STEPS_MM)
    series = read(tmp_path / "a.nii")
    assert series.volume.affine_lps is None
    assert series.plane is None
    assert series.volume.spacing_mm == pytest.approx(STEPS_MM)
    assert np.array_equal(series.volume.voxels, VOXELS)
    assert any("which side is left is unknown" in note for note in series.notes)
    (again,) = convert(read_study(tmp_path / "a.nii"), tmp_path / "out")
    assert read(again).volume.spacing_mm == pytest.approx(STEPS_MM)
    placed = Volume(VOXELS, affine_of(Plane.CORONAL))
    np.testing.assert_allclose(
        prepare(series.volume, Plane.CORONAL).images, prepare(placed).images, atol=1e-4
    )


@pytest.mark.parametrize(
    "sizes", [(0.0, 0.0, 0.0), (np.nan, 1.0, 1.0), (1.0, 1.0, 1.0), (1e-9, 1, 1)]
)
def test_sizes_that_mean_nothing_are_none(tmp_path: Path, sizes: tuple[float, ...]) -> None:
    image = nib.Nifti1Image(VOXELS.transpose(2, 1, 0), None)
    data = bytearray(image.to_bytes())
    data[80:92] = np.array(sizes, "<f4").tobytes()
    (tmp_path / "a.nii").write_bytes(data)
    series = read(tmp_path / "a.nii")
    assert series.volume.spacing_mm is None
    assert any("says nothing about geometry" in note for note in series.notes)


def test_sizes_below_zero_are_taken_without_their_sign(tmp_path: Path) -> None:
    image = nib.Nifti1Image(VOXELS.transpose(2, 1, 0), None)
    data = bytearray(image.to_bytes())
    data[80:92] = np.array((-0.7, 0.8, 4.0), "<f4").tobytes()
    (tmp_path / "a.nii").write_bytes(data)
    assert read(tmp_path / "a.nii").volume.spacing_mm == pytest.approx(STEPS_MM)
