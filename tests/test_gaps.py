"""Missing slices are named, never stretched over; stacks that lean or turn keep their geometry."""

from typing import Any

import numpy as np
import pytest
from mr_files import (
    CORONAL,
    STEP_MM,
    mr_image,
    read_images,
    set_pixels,
    slice_values,
    volume_values,
)

from asemble.core.errors import InputError
from asemble.core.geometry import edge_letters, plane_of, slice_positions_mm, spacing_mm
from asemble.core.labels import Plane
from asemble.core.study import Series
from asemble.io import Part, read_parts
from asemble.io.formats.nifti import write_nifti

ROWS_DOWN = np.array([0.0, 0.0, -1.0])


def slices(indices: Any, **attributes: Any) -> list[Any]:
    return [mr_image(i, **attributes) for i in indices]


def said(series: Series) -> str:
    return " ".join(series.notes)


def positions(series: Series) -> list[float]:
    assert series.volume.affine_lps is not None
    return [float(v) for v in slice_positions_mm(series.volume.affine_lps, series.volume.shape[0])]


def test_gaps_are_named_with_their_positions_and_how_many_are_missing() -> None:
    study = read_images(*slices([*range(4), *range(5, 9), *range(11, 15)]))
    assert [s.volume.shape[0] for s in study.series] == [4, 4, 4]
    first, second, third = study.series
    # The positions are those of the parts themselves, so that a reader finds the place.
    assert f"1 slice is missing between the positions {positions(first)[-1]:.1f}" in said(first)
    assert f"2 slices are missing between the positions {positions(second)[-1]:.1f}" in said(third)
    assert f"and {positions(third)[0]:.1f} mm" in said(third)
    for series in study.series:
        assert np.diff(positions(series)) == pytest.approx(STEP_MM)


def test_a_slice_missing_near_the_end_does_not_cost_the_whole_stack() -> None:
    study = read_images(*slices([0, *range(2, 12)]))
    (series,) = study.series
    assert series.volume.shape[0] == 10
    assert "1 slice is missing between the positions 7.0 and 15.0 mm" in said(series)
    (refusal,) = study.refused
    assert "cut off from their stack by missing ones" in refusal.reason
    assert refusal.name == "f0"


def test_slices_that_lie_closer_are_cut_apart_but_not_said_to_miss_any() -> None:
    images = slices(range(8))
    for image in images[4:]:
        x, y, z = image.ImagePositionPatient
        image.ImagePositionPatient = [x, y - 1, z]
    for series in read_images(*images).series:
        assert "of a stack of uneven spacing" in said(series)


def test_an_uneven_stack_says_where_the_first_gap_is() -> None:
    with pytest.raises(
        InputError, match=r"the first between the positions 11\.0 and 19\.0 mm and at"
    ):
        read_images(*slices([0, 1, 3, 4, 6]))


def test_every_second_slice_missing_is_said_and_the_distances_stay_true() -> None:
    (series,) = read_images(*slices(range(0, 12, 2))).series
    assert "1 of every 2 slices are missing" in said(series)
    assert np.diff(positions(series)) == pytest.approx(2 * STEP_MM)
    (series,) = read_images(*slices(range(0, 12, 3), SpacingBetweenSlices=None)).series
    assert "2 of every 3 slices may be missing" in said(series)
    renumbered = [mr_image(2 * i, InstanceNumber=i + 1) for i in range(5)]
    assert "1 of every 2 slices may be missing" in said(read_images(*renumbered).series[0])


def test_the_first_and_the_last_slices_missing_are_said_by_the_numbers_of_the_images() -> None:
    (series,) = read_images(*slices(range(2, 12))).series
    assert "2 slices may be missing before the first" in said(series)
    backwards = [mr_image(i, InstanceNumber=20 - i) for i in range(2, 19)]
    assert "1 slice may be missing after the last" in said(read_images(*backwards).series[0])
    (series,) = read_images(*slices(range(9), ImagesInAcquisition=12)).series
    assert "3 slices may be missing after the last" in said(series)


@pytest.mark.parametrize(
    "images",
    [
        slices(range(6)),
        slices(range(6), ImagesInAcquisition=6),
        slices(range(6), ImagesInAcquisition=12),  # of both series of the acquisition
        [mr_image(i, InstanceNumber=i + 1001) for i in range(6)],
        [mr_image(i, InstanceNumber=2 * i + 1) for i in range(6)],  # the other half was phase
        slices(range(6), SpacingBetweenSlices="0.5"),  # the gap between slices of 3.5 mm
        [mr_image(i, InstanceNumber=None) for i in range(6)],
        [mr_image(i, InstanceNumber=1) for i in range(6)],
    ],
)
def test_a_whole_stack_is_not_said_to_miss_any(images: list[Any]) -> None:
    (series,) = read_images(*images).series
    assert series.notes == ()


def test_the_echoes_of_one_series_do_not_seem_to_miss_each_other() -> None:
    images = [
        mr_image(i, EchoTime=te, InstanceNumber=2 * i + e, SpacingBetweenSlices=None)
        for i in range(5)
        for e, te in ((1, "12"), (2, "90"))
    ]
    for series in read_images(*images).series:
        assert series.notes == (series.notes[0],)
        assert "Volume" in series.notes[0]


@pytest.mark.parametrize("number", [None, 1])
def test_interleaved_echoes_are_told_apart_by_their_times(number: int | None) -> None:
    images = []
    for index in range(4):
        for echo, te in enumerate(("90", "12")):
            # Numbers run backwards in every second place, so that they cannot tell the echoes.
            at = 2 * index + (echo if index % 2 else 1 - echo) + 1
            image = mr_image(index, EchoTime=te, EchoNumbers=number or 0, InstanceNumber=at)
            if number is None:
                del image.EchoNumbers
            set_pixels(image, slice_values(index) + 1000 * echo)
            images.append(image)
    late, early = sorted(read_images(*images).series, key=lambda s: float(s.volume.voxels.max()))
    assert np.array_equal(late.volume.voxels, volume_values(4))
    assert np.array_equal(early.volume.voxels, volume_values(4) + 1000)
    assert (early.weighting, late.weighting) == ("t1", "other")


def test_a_leaning_stack_keeps_its_shear() -> None:
    images = slices(range(6))
    for i, image in enumerate(images):
        x, y, z = image.ImagePositionPatient
        image.ImagePositionPatient = [x, y, z + 1.5 * i]  # 20 degrees, as a tilted gantry does
    (series,) = read_images(*images).series
    affine = series.volume.affine_lps
    assert affine is not None
    for i, image in enumerate(images):
        assert (affine @ [i, 0, 0, 1])[:3] == pytest.approx(image.ImagePositionPatient)
    assert series.plane is Plane.CORONAL
    assert np.diff(positions(series)) == pytest.approx(STEP_MM)


def test_the_shear_survives_the_way_through_nifti(tmp_path: Any) -> None:
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1], affine[:3, 2] = (0, 4, 1.5), (0, 0, -0.5), (0.7, 0, 0)
    write_nifti(tmp_path / "a.nii", volume_values(), affine)
    (series,) = read_parts([Part.from_path(tmp_path / "a.nii")]).series
    assert series.volume.affine_lps == pytest.approx(affine, abs=1e-5)
    assert not any("disagree" in note for note in series.notes)


def turned(degrees: float, index: int) -> Any:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    image = mr_image(index, ImageOrientationPatient=[c, s, 0, 0, 0, -1])
    image.ImagePositionPatient = [round(float(v), 4) for v in (-20 * c, -20 * s + 4 * index, 30)]
    return image


def test_a_radial_scan_is_refused_as_one() -> None:
    radial = [turned(15 * i, 0) for i in range(12)]
    with pytest.raises(InputError, match=r"turned against each other .* form no stack"):
        read_images(*radial)
    study = read_images(*[mr_image(i, series="1.5") for i in range(3)], *radial)
    assert len(study.series) == 1
    assert [refusal.files for refusal in study.refused] == [12]


def test_parallel_stacks_of_several_sizes_are_not_taken_for_one_that_turns() -> None:
    images = [mr_image(i, PixelSpacing=[mm, mm]) for mm in (0.5, 0.7, 0.9) for i in range(4)]
    assert [s.volume.shape[0] for s in read_images(*images).series] == [4, 4, 4]


def test_a_stack_that_turns_slowly_is_refused_not_cut_to_pieces() -> None:
    with pytest.raises(InputError, match="turned against each other"):
        read_images(*[turned(0.12 * i, i) for i in range(20)])


def test_endless_directions_and_numbers_cost_neither_time_nor_memory() -> None:
    with pytest.raises(InputError, match="more than 100 directions"):
        read_images(*[turned(0.7 * i, 0) for i in range(150)])
    far = [mr_image(i, InstanceNumber=1 + 500_000_000 * i) for i in range(0, 4)]
    assert read_images(*far).series[0].volume.shape[0] == 4


def test_stacks_at_several_angles_are_a_series_each() -> None:
    images = [turned(angle, i) for angle in (0, 8, 16) for i in range(4)]
    for i, image in enumerate(images):
        image.ImagePositionPatient = [
            float(v) for v in np.array([-20, 0, 30]) + STEP_MM * (i % 4) * normal_of(image)
        ]
    assert [s.volume.shape[0] for s in read_images(*images).series] == [4, 4, 4]


def normal_of(image: Any) -> np.ndarray:
    cosines = np.array([float(v) for v in image.ImageOrientationPatient])
    return np.cross(cosines[:3], cosines[3:])


@pytest.mark.parametrize("degrees", [30, 40, 50, 60])
@pytest.mark.parametrize("backwards", [False, True])
def test_semicoronal_is_told_from_semiaxial_and_keeps_left_and_right(
    degrees: int, *, backwards: bool
) -> None:
    s, c = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    semicoronal = (1.0, 0.0, 0.0, 0.0, s, -c)  # rows run down and backwards, along the sacrum
    semiaxial = (1.0, 0.0, 0.0, 0.0, c, s)  # perpendicular to it
    for orientation, plane in ((semicoronal, Plane.CORONAL), (semiaxial, Plane.AXIAL)):
        images = slices(range(4), orientation=orientation)
        if backwards:
            places = [image.ImagePositionPatient for image in images]
            for image, place in zip(images, places[::-1], strict=True):
                image.ImagePositionPatient = place
        (series,) = read_images(*images).series
        affine = series.volume.affine_lps
        assert affine is not None
        assert (series.plane, plane_of(affine)) == (plane, plane)
        assert edge_letters(affine)[:2] == ("R", "L")
        # A column further right in the picture lies further to the patient's left.
        step = (affine @ [0, 0, 1, 1] - affine @ [0, 0, 0, 1])[:3]
        assert step == pytest.approx([0.7, 0, 0])
        expected = volume_values(4)[::-1] if backwards else volume_values(4)
        assert np.array_equal(series.volume.voxels, expected)
        assert spacing_mm(affine)[0] == pytest.approx(STEP_MM)


def test_the_tests_slices_face_the_way_they_say() -> None:
    assert np.cross(CORONAL[:3], CORONAL[3:]) == pytest.approx([0, 1, 0])
    assert np.array(CORONAL[3:]) == pytest.approx(ROWS_DOWN)
