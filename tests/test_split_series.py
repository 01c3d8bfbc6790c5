"""Slices that a UID each, or one position for all, tore apart are one stack again."""

import random
from typing import Any

import numpy as np
import pytest
from mr_files import AXIAL, CORONAL, STEP_MM, enhanced_image, mr_image, volume_values
from mr_stacks import STIR, T1, assert_each_is_whole, read, said, slices, stack, torn
from pydicom.uid import generate_uid

from asemble.core.errors import InputError
from asemble.core.geometry import spacing_mm

BLANK = {"SeriesDescription": "", "SeriesNumber": None, "InstanceNumber": None}
"""What anonymisers take out."""
TOGETHER = "series by their SeriesInstanceUIDs; they were put together"


# A SeriesInstanceUID for every slice


def test_slices_with_a_series_uid_each_are_the_stack_that_they_are_with_one() -> None:
    intact = read(stack())
    study = read(torn(stack()))
    assert study.key == intact.key
    (series,) = study.series
    assert TOGETHER in said(series)
    assert TOGETHER not in said(intact.series[0])
    assert series.frame_of_reference is None  # each slice states another one


@pytest.mark.parametrize("blank", [{}, {"SeriesNumber": None}, BLANK])
def test_torn_t1_and_stir_are_two_stacks(blank: dict[str, Any]) -> None:
    images = stack(**{**T1, **blank}) + stack(plus=1000, **{**STIR, **blank})
    assert_each_is_whole(read(torn(images)), 0, 1000)


def test_torn_t1_and_stir_that_only_times_tell_apart_are_two_stacks() -> None:
    same = {**BLANK, "EchoTime": "12"}
    images = stack(**{**T1, **same}) + stack(plus=1000, **{**STIR, **same})
    for image in images[6:]:
        del image.InversionTime
    assert_each_is_whole(read(torn(images)), 0, 1000)


def test_torn_planes_are_a_stack_each() -> None:
    images = stack(4) + stack(5, orientation=AXIAL, SeriesNumber=5)
    assert slices(read(torn(images))) == [4, 5]


def test_numbers_that_count_the_slices_tell_nothing_either() -> None:
    images = stack(**T1) + stack(plus=1000, **STIR)
    for number, image in enumerate(images):
        image.SeriesNumber = image.AcquisitionNumber = 300 + number
    assert_each_is_whole(read(torn(images)), 0, 1000)


@pytest.mark.parametrize(
    "second",
    [
        {"EchoTime": "90", "EchoNumbers": 2},
        {"TemporalPositionIdentifier": 2},
        {"AcquisitionNumber": 2},
        {"ImageType": ["ORIGINAL", "PRIMARY", "P"]},
    ],
)
def test_torn_echoes_and_time_points_are_volumes_of_one_series(second: dict[str, Any]) -> None:
    study = read(torn(stack() + stack(plus=1000, **second)))
    assert_each_is_whole(study, 0, 1000)
    assert all("of 2 of one series" in said(series) for series in study.series)


def test_digits_that_count_the_slices_in_their_names_tell_nothing() -> None:
    images = stack(12) + stack(12, plus=2000, **STIR)
    for number, image in enumerate(images):
        image.SeriesDescription += f" {number % 12 + 1}"
        image.SeriesNumber = 500 + number
    assert_each_is_whole(read(torn(images)), 0, 2000, count=12)


@pytest.mark.parametrize("moved_mm", [0.0, 1.3])
def test_two_torn_examinations_of_one_patient_are_a_stack_each(moved_mm: float) -> None:
    before, now = torn(stack()), torn(stack(plus=1000, moved_mm=moved_mm))
    for images, study_uid in ((before, "1.2.31"), (now, "1.2.32")):
        for image in images:
            image.StudyInstanceUID = study_uid
    assert_each_is_whole(read([*before, *now]), 0, 1000)


def test_torn_stacks_that_nothing_tells_apart_are_asked_for_one_by_one() -> None:
    images = stack(**BLANK) + stack(plus=1000, **BLANK)
    with pytest.raises(InputError, match=r"nothing in their headers tells apart.*on its own"):
        read(torn(images))


def test_random_numbers_do_not_part_two_stacks() -> None:
    images = stack(8, **BLANK) + stack(8, plus=1000, **BLANK)
    numbers = random.Random(1).sample(range(1000), len(images))
    for image, number in zip(images, numbers, strict=True):
        image.InstanceNumber = number
    with pytest.raises(InputError, match="nothing in their headers tells apart"):
        read(torn(images))


def test_copies_with_new_uids_count_once() -> None:
    study = read(torn(stack() + stack()))
    assert_each_is_whole(study, 0)
    assert sum(refusal.files for refusal in study.refused) == 6


def test_a_torn_stack_with_a_gap_is_cut_there_like_any_other() -> None:
    images = [image for index, image in enumerate(stack(10)) if index != 4]
    study = read(torn(images))
    assert slices(study) == [4, 5]
    assert all("1 slice is missing" in said(series) for series in study.series)


def test_a_localiser_of_single_series_stays_apart() -> None:
    planes = [CORONAL, AXIAL, (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)]
    images = [mr_image(0, orientation=plane) for plane in planes]
    assert slices(read(torn(images))) == [1, 1, 1]
    wide = [mr_image(index) for index in (0, 7, 14, 21)]  # 28 mm from slice to slice
    study = read(torn(wide))
    assert slices(study) == [1, 1, 1, 1]
    assert all("left apart" in said(series) for series in study.series)
    uneven = [mr_image(index) for index in (0, 1, 3, 4, 6)]
    assert slices(read(torn(uneven))) == [1, 1, 1, 1, 1]
    beside = stack(4)
    for index, image in enumerate(beside):
        x, y, z = image.ImagePositionPatient
        image.ImagePositionPatient = [x + 30 * (index % 2), y, z]
    assert slices(read(torn(beside))) == [1, 1, 1, 1]


def test_many_single_series_side_by_side_are_asked_for_not_judged_one_by_one() -> None:
    images = [mr_image(index) for index in (0, 1, 3, 4, 6, 7, 9, 10)]
    with pytest.raises(InputError, match=r"unevenly spaced.*Export the whole series again"):
        read(torn(images))


def test_a_torn_series_does_not_take_a_whole_one_with_it() -> None:
    images = stack(5, series="1.2.8") + torn(stack(plus=1000, **STIR))
    assert slices(read(images)) == [5, 6]


@pytest.mark.parametrize("pieces", [[0, 1] * 4, [0, 0, 1, 0, 0, 2, 0, 0], [0, 1, 2] * 2 + [0, 1]])
def test_series_that_are_whole_only_together_are_one_stack(pieces: list[int]) -> None:
    images = stack(8)
    for image, piece in zip(images, pieces, strict=True):
        image.SeriesInstanceUID = f"1.2.{piece}"
    (series,) = read(images).series
    assert np.array_equal(series.volume.voxels, volume_values(8))
    assert TOGETHER in said(series)


def test_series_that_are_whole_or_fit_nowhere_stay_as_they_are() -> None:
    lower, upper = stack(5, series="1.2.8"), stack(10, series="1.2.9")[5:]
    assert slices(read([*lower, *upper])) == [5, 5]
    every_second = [stack(8, series="1.2.8")[index] for index in (0, 2, 4, 6)]
    elsewhere = [stack(8, series="1.2.9", moved_mm=1.0)[index] for index in (1, 3, 5, 7)]
    upon = [stack(8, plus=1, series="1.2.9")[index] for index in (0, 2, 4, 6)]
    for other in (elsewhere, upon):
        study = read([*every_second, *other])
        assert slices(study) == [4, 4]
        assert all("of every 2 slices are missing" in said(series) for series in study.series)


def test_slices_in_all_directions_cost_no_other_series() -> None:
    angles = np.radians(0.7 * np.arange(110))
    fan = [
        mr_image(0, series="1.2.8", orientation=(np.cos(a), np.sin(a), 0.0, 0.0, 0.0, -1.0))
        for a in angles
    ]
    study = read([*stack(), *fan])
    assert slices(study) == [6]
    assert "more than 100 directions" in study.refused[0].reason


def test_a_new_study_uid_for_every_file_changes_nothing() -> None:
    images = stack()
    for image in images:
        image.StudyInstanceUID = generate_uid()
    study = read(images)
    assert study.key == read(stack()).key
    assert study.series[0].notes == ()


def test_enhanced_files_of_one_frame_and_one_uid_each_are_one_stack() -> None:
    images = [enhanced_image([{"index": index}]) for index in range(5)]
    assert_each_is_whole(read(torn(images)), 0, count=5)


# One position for all


def at_one_place(images: list[Any], *, located: bool = True) -> list[Any]:
    for image in images:
        if located:
            along = float(image.ImagePositionPatient[1]) - 7
            image.SliceLocation = str(along + 123.4)
        image.ImagePositionPatient = [-20, 7, 30]
    return images


def test_slices_that_all_give_one_position_are_placed_by_their_location() -> None:
    (series,) = read(at_one_place(stack(FrameOfReferenceUID="1.2.9"))).series
    assert np.array_equal(series.volume.voxels, volume_values(6))
    affine = series.volume.affine_lps
    assert affine is not None
    assert spacing_mm(affine)[0] == pytest.approx(STEP_MM)
    assert "one ImagePositionPatient" in said(series) and "may be swapped" in said(series)
    assert series.frame_of_reference is None


def test_two_echoes_at_one_position_are_two_stacks() -> None:
    images = stack() + stack(plus=1000, EchoTime="90", EchoNumbers=2)
    assert_each_is_whole(read(at_one_place(images)), 0, 1000)


def test_torn_slices_at_one_position_are_placed_too() -> None:
    assert_each_is_whole(read(torn(at_one_place(stack()))), 0)


def test_a_slice_missing_among_the_locations_is_said() -> None:
    images = [image for index, image in enumerate(stack(9)) if index != 4]
    study = read(at_one_place(images))
    assert slices(study) == [4, 4]
    assert all("1 slice is missing" in said(series) for series in study.series)


@pytest.mark.parametrize("location", [None, "0", "numbers", "none"])
@pytest.mark.parametrize("is_torn", [False, True])
def test_one_position_and_nothing_but_numbers_is_asked(
    location: str | None, *, is_torn: bool
) -> None:
    images = at_one_place(stack(8), located=False)
    for number, image in enumerate(images):
        if location == "none":  # neither these
            del image.InstanceNumber
        elif location is not None:
            image.SliceLocation = str(number) if location == "numbers" else location
    with pytest.raises(InputError, match=r"All 8 images .* one ImagePositionPatient.* Export"):
        read(torn(images) if is_torn else images)


def test_one_slice_over_time_stays_what_it_is() -> None:
    images = at_one_place(stack(5), located=False)
    for number, image in enumerate(images):
        image.TemporalPositionIdentifier = number + 1
        image.SliceLocation = "7"
    assert slices(read(images)) == [1] * 5
