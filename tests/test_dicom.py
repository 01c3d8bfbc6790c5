"""DICOM files of one image each, to volumes."""

import random
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pydicom
import pytest
from mr_files import (
    AXIAL,
    SPACING_MM,
    STEP_MM,
    every_order,
    mr_image,
    read_images,
    set_pixels,
    slice_values,
    to_bytes,
    volume_values,
    without_identity,
    write_series,
)
from pydicom.data import get_testdata_file
from pydicom.uid import RLELossless

from asemble.core.errors import InputError
from asemble.core.geometry import spacing_mm
from asemble.core.labels import Plane, Weighting
from asemble.io import Part, read_parts, read_study


def test_a_series_becomes_one_volume_with_its_place(tmp_path: Path) -> None:
    write_series(tmp_path)
    (series,) = read_study(tmp_path).series
    affine = series.volume.affine_lps
    assert affine is not None
    assert series.volume.shape == (5, 6, 5)
    assert spacing_mm(affine) == pytest.approx((STEP_MM, *SPACING_MM))
    assert (affine @ [0, 0, 0, 1])[:3] == pytest.approx([-20, 7, 30])
    assert (affine @ [2, 3, 4, 1])[:3] == pytest.approx([-20 + 4 * 0.7, 7 + 2 * STEP_MM, 28.5])
    assert (series.id, series.plane, series.modality) == ("s01", Plane.CORONAL, "MR")
    assert np.array_equal(series.volume.voxels, volume_values())


def test_threads_read_what_one_reads_alone(tmp_path: Path) -> None:
    folders = [tmp_path / str(number) for number in range(4)]
    for number, folder in enumerate(folders):
        write_series(folder, 4 + number)
    alone = [read_study(folder).key for folder in folders]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda folder: read_study(folder).key, folders * 3))
    assert together == alone * 3
    assert len(set(alone)) == 4
    assert pydicom.config.settings.reading_validation_mode == pydicom.config.WARN


def test_slices_are_ordered_by_position_not_by_file_name_or_number(tmp_path: Path) -> None:
    for index, name in enumerate("dbeac"):
        image = mr_image(index, InstanceNumber=9 - index)
        (tmp_path / name).write_bytes(to_bytes(image))
    (series,) = read_study(tmp_path).series
    assert np.array_equal(series.volume.voxels, volume_values())


def test_the_order_of_the_upload_changes_nothing(tmp_path: Path) -> None:
    paths = write_series(tmp_path / "a", series="1.2.1")
    paths += write_series(tmp_path / "b", series="1.2.2", orientation=AXIAL, SeriesNumber=4)
    studies = [read_study(order) for order in every_order(paths)]
    for study in studies:
        assert study.key == studies[0].key
        assert [s.plane for s in study.series] == [Plane.CORONAL, Plane.AXIAL]
        for series, first in zip(study.series, studies[0].series, strict=True):
            assert np.array_equal(series.volume.voxels, first.volume.voxels)
            assert np.array_equal(series.volume.affine_lps, first.volume.affine_lps)


def test_the_key_follows_the_pixels(tmp_path: Path) -> None:
    write_series(tmp_path / "a")
    write_series(tmp_path / "b")
    changed = mr_image(2)
    set_pixels(changed, slice_values(2) + 1)
    (tmp_path / "b" / "IM002").write_bytes(to_bytes(changed))
    assert read_study(tmp_path / "a").key != read_study(tmp_path / "b").key


def test_a_localiser_is_taken_apart_by_orientation() -> None:
    images = [mr_image(i) for i in range(3)] + [mr_image(i, orientation=AXIAL) for i in range(4)]
    study = read_images(*images)
    assert [(s.plane, s.volume.shape[0]) for s in study.series] == [
        (Plane.CORONAL, 3),
        (Plane.AXIAL, 4),
    ]


def test_rounded_orientations_stay_together() -> None:
    tilted = (0.998, 0.045, 0.044, -0.034, 0.974, -0.225)
    images = [
        mr_image(i, ImageOrientationPatient=[v + 1e-4 * (i % 2) for v in tilted]) for i in range(4)
    ]
    normal = np.cross(tilted[:3], tilted[3:])
    for i, image in enumerate(images):
        image.ImagePositionPatient = [round(float(v), 2) for v in i * STEP_MM * normal]
    (series,) = read_images(*images).series
    assert series.volume.shape[0] == 4


def test_echoes_of_one_series_become_two_volumes() -> None:
    images = []
    for index in range(4):
        for echo, te in ((1, "12"), (2, "90")):
            image = mr_image(index, EchoNumbers=echo, EchoTime=te, InstanceNumber=index * 2 + echo)
            set_pixels(image, slice_values(index) + 1000 * echo)
            images.append(image)
    random.Random(3).shuffle(images)
    study = read_images(*images)
    assert [s.volume.shape[0] for s in study.series] == [4, 4]
    t1, other = study.series
    assert (t1.weighting, other.weighting) == (Weighting.T1, Weighting.OTHER)
    assert np.array_equal(t1.volume.voxels, volume_values(4) + 1000)
    assert np.array_equal(other.volume.voxels, volume_values(4) + 2000)
    assert "Volume 1 of 2" in t1.notes[0]


def test_time_points_without_a_number_are_told_apart_by_acquisition_order() -> None:
    images = []
    for time in range(3):
        for index in range(4):
            image = mr_image(index, InstanceNumber=time * 4 + index + 1)
            set_pixels(image, slice_values(index) + 1000 * time)
            images.append(image)
    study = read_images(*images[::-1])
    found = sorted(float(s.volume.voxels[0, 0, 0]) for s in study.series)
    assert found == [100, 1100, 2100]
    for series in study.series:
        steps = np.diff(series.volume.voxels[:, 0, 0])
        assert steps == pytest.approx([100, 100, 100])


def test_an_incomplete_volume_is_not_mixed_with_another() -> None:
    images = [mr_image(i, EchoNumbers=1) for i in range(5)]
    images += [mr_image(i, EchoNumbers=2) for i in range(4)]
    study = read_images(*images)
    assert sorted(s.volume.shape[0] for s in study.series) == [4, 5]


def test_an_uneven_volume_does_not_take_the_other_echo_with_it() -> None:
    images = [mr_image(i, EchoNumbers=1) for i in range(6)]
    images += [mr_image(i, EchoNumbers=2) for i in (0, 1, 3, 5)]
    study = read_images(*images)
    assert [s.volume.shape[0] for s in study.series] == [6]
    (refusal,) = study.refused
    assert "unevenly spaced" in refusal.reason


def test_images_that_nothing_tells_apart_are_refused() -> None:
    images = [mr_image(i) for i in range(4)]
    copies = [mr_image(i) for i in range(4)]
    for image in copies:
        set_pixels(image, slice_values(9))
    with pytest.raises(InputError, match="nothing in their headers tells apart"):
        read_images(*images, *copies)


def test_the_same_files_twice_are_read_once(tmp_path: Path) -> None:
    write_series(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    (series,) = read_study(tmp_path).series
    assert series.volume.shape[0] == 5


def test_a_missing_slice_is_never_stretched_over() -> None:
    study = read_images(*[mr_image(i) for i in range(9) if i != 4])
    assert [s.volume.shape[0] for s in study.series] == [4, 4]
    for series in study.series:
        assert series.volume.affine_lps is not None
        assert spacing_mm(series.volume.affine_lps)[0] == pytest.approx(STEP_MM)
        assert any(
            "1 slice is missing between the positions 19.0 and 27.0 mm" in note
            for note in series.notes
        )


def test_an_uneven_stack_is_refused_with_the_spacings() -> None:
    with pytest.raises(InputError, match=r"unevenly spaced: 4\.00 to 8\.00 mm"):
        read_images(*[mr_image(i) for i in (0, 1, 3, 4, 6)])


def test_every_other_slice_missing_is_said() -> None:
    (series,) = read_images(*[mr_image(i) for i in (0, 2, 4, 6)]).series
    assert any("8.0 mm apart but the header says 4.0 mm" in note for note in series.notes)


def test_a_slice_beside_the_line_is_refused() -> None:
    images = [mr_image(i) for i in range(4)]
    x, y, z = images[2].ImagePositionPatient
    images[2].ImagePositionPatient = [x + 3, y, z]
    with pytest.raises(InputError, match=r"not in line: one lies 3\.0 mm beside"):
        read_images(*images)


def test_one_slice_is_a_series_as_thick_as_the_header_says() -> None:
    (series,) = read_images(mr_image(0)).series
    assert series.volume.shape == (1, 6, 5)
    assert series.volume.affine_lps is not None
    assert spacing_mm(series.volume.affine_lps)[0] == pytest.approx(STEP_MM)
    (thick,) = read_images(mr_image(0, SpacingBetweenSlices=None)).series
    assert thick.volume.affine_lps is not None
    assert spacing_mm(thick.volume.affine_lps)[0] == pytest.approx(3.5)


def test_one_slice_of_unknown_depth_is_refused() -> None:
    with pytest.raises(InputError, match="without SliceThickness"):
        read_images(mr_image(0, SpacingBetweenSlices=None, SliceThickness=None))


@pytest.mark.parametrize(
    ("keyword", "said"),
    [
        ("PixelSpacing", "PixelSpacing is missing"),
        ("ImagePositionPatient", "cannot be placed"),
        ("ImageOrientationPatient", "cannot be placed"),
        ("PixelData", "no pixel data"),
    ],
)
def test_a_missing_attribute_is_named(keyword: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_images(*[mr_image(i, **{keyword: None}) for i in range(3)])


def test_senseless_spacing_is_refused_with_its_value() -> None:
    with pytest.raises(InputError, match=r"PixelSpacing is not within 0\.01 and 100 mm"):
        read_images(mr_image(0, PixelSpacing=[0, 1e-12]))


def test_a_bad_series_does_not_take_the_others_with_it() -> None:
    good = [mr_image(i) for i in range(3)]
    bad = [mr_image(i, series="1.9", PixelSpacing=None) for i in range(3)]
    study = read_images(*good, *bad)
    assert len(study.series) == 1
    assert {r.name for r in study.refused} == {"f3", "f4", "f5"}


def test_ct_is_refused_by_name() -> None:
    path = get_testdata_file("CT_small.dcm")
    with pytest.raises(InputError, match=r"CT \(computed tomography\), not MR"):
        read_study(Path(str(path)))


def test_a_picture_of_a_screen_is_refused_as_such() -> None:
    path = get_testdata_file("SC_rgb_rle.dcm")
    with pytest.raises(InputError, match="a secondary capture"):
        read_study(Path(str(path)))


def test_a_text_file_named_dcm_gets_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "notes.dcm").write_text("This is not an image, whatever its name says. " * 9)
    with pytest.raises(InputError, match="named like DICOM but holds something else"):
        read_study(tmp_path)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.99])
def test_a_truncated_file_is_refused_and_the_rest_is_read(tmp_path: Path, share: float) -> None:
    paths = write_series(tmp_path, 4)
    other = to_bytes(mr_image(0, series="1.5"))
    (tmp_path / "cut").write_bytes(other[: int(len(other) * share)])
    study = read_study(tmp_path)
    assert len(paths) == study.series[0].volume.shape[0]
    (refusal,) = study.refused
    assert refusal.name == "cut"
    assert refusal.reason


def test_damaged_compressed_files_are_refused_not_crashed_on() -> None:
    rng = np.random.default_rng(5)
    whole = Part.from_bytes("whole", to_bytes(without_identity(mr_image(0))))
    for name in ("MR_small_RLE.dcm", "MR_small_jp2klossless.dcm", "MR_small_jpeg_ls_lossless.dcm"):
        data = bytearray(Path(str(get_testdata_file(name))).read_bytes())
        for share in (0.6, 0.8, 0.95):
            with pytest.raises(InputError, match=r"damaged or cut off|pixels are missing"):
                read_parts([Part.from_bytes("cut", bytes(data[: int(len(data) * share)]))])
        for _ in range(8):
            altered = data.copy()
            for at in rng.integers(132, len(data), 30):
                altered[at] = rng.integers(0, 256)
            study = read_parts([Part.from_bytes("altered", bytes(altered)), whole])
            assert len(study.series) + len(study.refused) == 2


def test_pydicoms_own_variants_decode_to_the_same_pixels() -> None:
    names = [
        "MR_small.dcm",
        "MR_small_RLE.dcm",
        "MR_small_bigendian.dcm",
        "MR_small_expb.dcm",
        "MR_small_implicit.dcm",
        "MR_small_jp2klossless.dcm",
        "MR_small_jpeg_ls_lossless.dcm",
    ]
    voxels = [
        read_study(Path(str(get_testdata_file(name)))).series[0].volume.voxels for name in names
    ]
    assert voxels[0].std() > 0
    for other in voxels[1:]:
        assert np.array_equal(voxels[0], other)


def test_a_data_set_without_preamble_is_read() -> None:
    whole = to_bytes(mr_image(0))
    with pytest.raises(InputError, match="not an image"):
        read_parts([Part.from_bytes("junk", b"\x07" + whole[133:])])
    meta_group = whole[132:]
    (series,) = read_parts([Part.from_bytes("IM0", meta_group)]).series
    assert np.array_equal(series.volume.voxels, volume_values(1))


def test_rescale_signed_values_and_inversion() -> None:
    image = mr_image(0, RescaleSlope="2.5", RescaleIntercept="-10", PixelRepresentation=1)
    image.BitsStored, image.HighBit = 16, 15
    stored = (slice_values(0).astype(np.int16) - 110) * 3
    set_pixels(image, stored)
    (series,) = read_images(image).series
    assert stored.min() < 0
    assert np.array_equal(series.volume.voxels[0], stored.astype(np.float32) * 2.5 - 10)

    inverted = mr_image(0, PhotometricInterpretation="MONOCHROME1")
    (series,) = read_images(inverted).series
    assert np.array_equal(series.volume.voxels[0], 4095 - slice_values(0).astype(np.float32))


def test_a_compressed_copy_reads_the_same() -> None:
    plain, packed = mr_image(0), mr_image(0)
    packed.compress(RLELossless)
    assert read_images(plain).key == read_images(packed).key


def test_a_contradicting_description_is_said_and_geometry_trusted() -> None:
    images = [mr_image(i, SeriesDescription="t1 tra") for i in range(3)]
    (series,) = read_images(*images).series
    assert series.plane is Plane.CORONAL
    assert any("description says axial, the geometry coronal" in note for note in series.notes)


def test_steep_semicoronal_stacks_are_coronal() -> None:
    for degrees in (25, 38, 51):
        s, c = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
        tilted = (1.0, 0.0, 0.0, 0.0, s, -c)  # rows run down and backwards, along the sacrum
        (series,) = read_images(*[mr_image(i, orientation=tilted) for i in range(3)]).series
        assert series.plane is Plane.CORONAL, degrees


def test_the_stack_is_right_handed_whatever_way_it_was_scanned() -> None:
    images = [mr_image(i) for i in range(4)]
    for step, image in enumerate(images):
        image.ImagePositionPatient = [-20.0, 7 - STEP_MM * step, 30.0]
    (series,) = read_images(*images).series
    affine = series.volume.affine_lps
    assert affine is not None
    assert np.linalg.det(affine[:3, [2, 1, 0]]) > 0
    assert np.array_equal(series.volume.voxels, volume_values(4)[::-1])
