"""Slices to the network's square and back, and the grey values on the way."""

from pathlib import Path

import numpy as np
import pytest

from asemble import io
from asemble.core.geometry import ras_affine
from asemble.core.labels import Plane
from asemble.core.study import Study
from asemble.core.volume import Volume
from asemble.imaging.intensity import (
    Preprocessing,
    equalise,
    foreground_median,
    median_ratio,
    percentile_window,
    preprocess,
    squash,
)
from asemble.imaging.orientation import AS_STORED, Turn, as_shown
from asemble.imaging.slices import PIXEL_MM, prepare, resample_mask, resample_slice

TURNS = {
    "rows bottom-up": Turn(flips_rows=True),
    "columns from the left": Turn(flips_columns=True),
    "rows as columns": Turn(is_transposed=True),
    "rows as columns, both flipped": Turn(True, True, True),
}


@pytest.fixture(scope="module")
def simulated(sample: Path) -> Study:
    return io.read_study(sorted(sample.glob("*-stir/*.dcm")))


def coronal(row_mm: float, column_mm: float) -> np.ndarray:
    affine = np.zeros((4, 4))
    affine[1, 0], affine[2, 1], affine[0, 2], affine[3, 3] = 4.0, -row_mm, column_mm, 1.0
    return affine


def blob(rows: int, columns: int, row: float, column: float, radius: float) -> np.ndarray:
    down, right = np.mgrid[:rows, :columns]
    return 1 + 4 * np.exp(-((down - row) ** 2 + (right - column) ** 2) / (2 * radius**2))


def centroid(image: np.ndarray) -> tuple[float, float]:
    down, right = np.mgrid[: image.shape[0], : image.shape[1]]
    weights = np.where(image > image.max() / 2, image, 0)
    total = weights.sum()
    return float((down * weights).sum() / total), float((right * weights).sum() / total)


def test_a_place_in_the_patient_lands_where_its_millimetres_say() -> None:
    # 240 x 320 pixels of 1.0 x 0.7 mm; 30 mm down and 21 mm left of the middle
    image = blob(240, 320, 119.5 + 30, 159.5 - 30, 6)
    row, column = centroid(resample_slice(image, (1.0, 0.7)))
    assert row == pytest.approx(127.5 + 30 / PIXEL_MM, abs=0.15)
    assert column == pytest.approx(127.5 - 21 / PIXEL_MM, abs=0.15)


def test_a_map_returns_to_the_place_that_it_was_made_of() -> None:
    image = blob(300, 210, 180, 70, 8)
    stack = prepare(Volume(np.stack([image, image]), coronal(0.6, 0.9)))
    returned = stack.grid.from_square(stack.images)
    assert returned.shape == (2, 300, 210)
    assert centroid(returned[0]) == pytest.approx(centroid(squash(image)), abs=0.3)


def test_a_coarse_map_returns_to_its_place_too() -> None:
    stack = prepare(Volume(np.ones((1, 256, 384)), coronal(0.8, 0.6)))
    coarse = np.zeros((1, 64, 64))
    coarse[0, 20, 40] = 1.0  # its middle is 4 * 20 + 1.5 of 256, from the centre at 127.5
    row, column = centroid(stack.grid.from_square(coarse)[0])
    assert row == pytest.approx(127.5 + (81.5 - 127.5) * PIXEL_MM / 0.8, abs=0.2)
    assert column == pytest.approx(191.5 + (161.5 - 127.5) * PIXEL_MM / 0.6, abs=0.2)


def test_what_lies_outside_the_slice_is_empty_and_outside_the_square_has_no_map() -> None:
    small = prepare(Volume(np.full((1, 150, 150), 7.0), coronal(1.0, 1.0)))  # 150 of 200 mm
    assert small.images[0, 20].max() == 0
    assert small.images[0, 128, 128] == pytest.approx(squash(np.array([1.0]))[0])
    wide = prepare(Volume(np.ones((1, 300, 300)), coronal(1.0, 1.0)))  # 300 of 200 mm
    back = wide.grid.from_square(np.ones((1, 64, 64)))[0]
    assert back[49].max() == 0 and back[150, 150] == pytest.approx(1)
    assert back[:, 150].sum() == pytest.approx(200)


def test_unknown_geometry_keeps_the_whole_slice_and_its_proportions() -> None:
    stack = prepare(Volume(np.full((1, 100, 400), 3.0), None))
    filled = stack.images[0] > 0
    assert filled.any(axis=0).sum() == 256
    assert filled.any(axis=1).sum() == 64
    assert stack.grid.from_square(np.ones((1, 64, 64))).min() == pytest.approx(1)


def test_a_fine_pattern_is_averaged_not_aliased() -> None:
    stripes = 1.0 + (np.arange(1024) % 2)  # alternate rows of 1 and 2, four rows a pixel
    square = resample_slice(np.repeat(stripes[:, None], 1024, axis=1), (PIXEL_MM / 4,) * 2)
    assert square[16:240].std() < 0.01


def test_the_scale_of_a_scanner_does_not_matter() -> None:
    voxels = np.random.default_rng(1).gamma(4, 1, (2, 90, 120))
    first = prepare(Volume(voxels, coronal(2, 1.5))).images
    second = prepare(Volume(voxels * 371, coronal(2, 1.5))).images
    np.testing.assert_allclose(first, second, atol=1e-5)


def test_one_slice_alone_is_prepared_as_it_is_in_its_stack() -> None:
    voxels = np.random.default_rng(2).gamma(4, 1, (3, 200, 180))
    stack = prepare(Volume(voxels, coronal(1.1, 0.9)))
    alone = squash(resample_slice(voxels[1].astype(np.float32), (1.1, 0.9)))
    np.testing.assert_allclose(stack.images[1], alone, atol=1e-6)


def test_a_mask_becomes_the_share_of_each_cell() -> None:
    mask = np.zeros((256, 256), bool)
    mask[40:42, 80:82] = True  # exactly one cell of 2 x 2 pixels
    mask[100:102, 60] = True  # half a cell
    share = resample_mask(mask, (PIXEL_MM, PIXEL_MM))
    assert share.shape == (128, 128)
    assert share[20, 40] == pytest.approx(1)
    assert share[50, 30] == pytest.approx(0.5)
    assert share.sum() == pytest.approx(1.5)


def test_values_that_are_not_numbers_do_not_spread() -> None:
    voxels = np.ones((2, 64, 64))
    voxels[0, 10, 10], voxels[0, 20, 20], voxels[1] = np.nan, np.inf, 0
    images = prepare(Volume(voxels, None)).images
    assert np.isfinite(images).all()
    assert images[1].max() == 0


def test_air_and_cortex_do_not_pull_the_foreground_median() -> None:
    tissue = np.full(1000, 100.0)
    assert foreground_median(np.concatenate([tissue, np.full(2000, 4.0)])) == 100
    assert median_ratio(np.array([[50.0, 100.0, 1e6]])).max() <= 20


def test_a_constant_image_still_gets_a_window() -> None:
    assert percentile_window(np.full((4, 4), 9.0)) == (8.5, 9.5)
    low, high = percentile_window(np.arange(1001.0))
    assert (low, high) == pytest.approx((10, 995))


def test_the_abstracts_recipe_blanks_the_border_and_raises_local_contrast() -> None:
    rng = np.random.default_rng(3)
    faint = 0.5 + 0.02 * rng.standard_normal((1, 256, 256)) + np.linspace(0, 0.5, 256)
    plain = faint.astype(np.float32)
    changed = preprocess(plain, Preprocessing.ABSTRACT)
    assert preprocess(plain, Preprocessing.PLAIN) is plain
    assert changed[0, :10].max() == 0 and changed[0, :, -10:].max() == 0
    assert changed[0, 60:70, 60:70].std() > 1.3 * plain[0, 60:70, 60:70].std()
    assert equalise(plain[0]).max() <= 1


@pytest.mark.parametrize("turn", TURNS.values(), ids=TURNS)
@pytest.mark.parametrize("plane", [Plane.CORONAL, Plane.AXIAL])
def test_a_nifti_stored_another_way_up_is_prepared_the_same(
    simulated: Study, tmp_path: Path, plane: Plane, turn: Turn
) -> None:
    (source,) = (s for s in simulated.series if s.plane is plane)
    few = Volume(source.volume.voxels[8:10, :, 20:], source.volume.affine_lps)
    stored = turn.apply_to_volume(few)
    io.write_nifti(tmp_path / "stir.nii.gz", stored.voxels, stored.affine_lps)
    (read,) = io.read_study(tmp_path / "stir.nii.gz").series
    assert read.plane is plane
    turned, direct = prepare(read.volume, read.plane), prepare(few, plane)
    np.testing.assert_allclose(turned.images, direct.images, atol=1e-4)
    # And its heatmap lies on the voxels that it was made of, as stored in that file.
    maps = np.random.default_rng(5).random((2, 64, 64))
    expected = turn.apply(direct.grid.from_square(maps))
    assert turned.grid.from_square(maps).shape == read.volume.shape
    np.testing.assert_allclose(turned.grid.from_square(maps), expected, atol=1e-4)


def test_a_dicom_is_prepared_as_it_is_stored(simulated: Study) -> None:
    for series in simulated.series:
        assert Turn.to_display(series.volume.affine_lps, series.plane) == AS_STORED
        assert as_shown(series.volume).voxels.tobytes() == series.volume.voxels.tobytes()


def test_a_converted_study_is_prepared_as_its_source(simulated: Study, tmp_path: Path) -> None:
    files = io.convert(simulated, tmp_path)
    for file, source in zip(files, simulated.series, strict=True):
        (read,) = io.read_study(file).series
        assert read.plane is source.plane
        again, direct = (prepare(s.volume, s.plane).images for s in (read, source))
        np.testing.assert_allclose(again, direct, atol=2e-4)  # NIfTI keeps single precision


def test_a_semiaxial_slice_that_leans_far_keeps_the_front_of_the_body_at_the_top() -> None:
    lean = np.radians(60)  # from the superior axis; rows run back and, more, up
    affine = np.eye(4)
    affine[:3, 0] = 0, 4 * np.sin(lean), -4 * np.cos(lean)
    affine[:3, 1] = 0, 0.8 * np.cos(lean), 0.8 * np.sin(lean)
    affine[:3, 2] = 0.8, 0, 0
    assert Turn.to_display(affine, Plane.AXIAL) == AS_STORED
    assert Turn.to_display(affine, Plane.CORONAL) == Turn(flips_rows=True)


def test_a_plane_stated_against_a_geometry_along_the_axes_leaves_slices_as_stored() -> None:
    ras = np.diag([0.9, 0.7, 4.0, 1.0])  # columns to the right, rows to the front, as NIfTI counts
    affine = ras_affine(ras)
    assert Turn.to_display(affine) == Turn(flips_rows=True, flips_columns=True)
    assert Turn.to_display(affine, Plane.CORONAL) == AS_STORED
    assert Turn.to_display(None, Plane.CORONAL) == AS_STORED


def test_a_mask_turns_with_its_slice() -> None:
    mask = np.zeros((256, 200), bool)
    mask[10:40, 20:30] = True
    share = resample_mask(mask, (PIXEL_MM, 0.9))
    for turn in TURNS.values():
        spacing = (0.9, PIXEL_MM) if turn.is_transposed else (PIXEL_MM, 0.9)
        turned = resample_mask(turn.undo(mask), spacing, turn)
        np.testing.assert_allclose(turned, share, atol=1e-5)
