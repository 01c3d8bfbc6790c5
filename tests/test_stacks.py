"""What belongs to one stack, where the UIDs, numbers and positions of the files do not say so."""

import random
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from mr_files import (
    AXIAL,
    CORONAL,
    STEP_MM,
    enhanced_image,
    mr_image,
    set_pixels,
    slice_values,
    to_bytes,
    volume_values,
)
from pydicom.uid import generate_uid

from asemble.core.errors import InputError
from asemble.core.geometry import slice_positions_mm, spacing_mm
from asemble.core.study import Series, Study
from asemble.io import Part, read_parts

T1 = {"SeriesDescription": "t1 tse cor", "RepetitionTime": "550", "EchoTime": "12"}
STIR = {
    "SeriesDescription": "stir cor",
    "RepetitionTime": "4500",
    "EchoTime": "50",
    "InversionTime": "160",
    "SeriesNumber": 4,
}
BLANK = {"SeriesDescription": "", "SeriesNumber": None, "InstanceNumber": None}
"""What anonymisers take out."""
TOGETHER = "series by their SeriesInstanceUIDs; they were put together"


def read(images: Iterable[Any]) -> Study:
    return read_parts([Part.from_bytes(f"f{i}", to_bytes(image)) for i, image in enumerate(images)])


def stack(count: int = 6, *, plus: int = 0, moved_mm: float = 0.0, **attributes: Any) -> list[Any]:
    """Slices of one series; `plus` is added to their pixels, `moved_mm` to their positions."""
    images = [mr_image(index, **attributes) for index in range(count)]
    for index, image in enumerate(images):
        set_pixels(image, (slice_values(index) + plus).astype(np.uint16))
        move(image, moved_mm)
    return images


def move(image: Any, along_mm: float) -> None:
    cosines = [float(v) for v in image.ImageOrientationPatient]
    normal = np.cross(cosines[:3], cosines[3:])
    place = np.array([float(v) for v in image.ImagePositionPatient]) + along_mm * normal
    image.ImagePositionPatient = [float(round(v, 4)) for v in place]


def torn(images: list[Any]) -> list[Any]:
    """Every file with UIDs of its own, in any order."""
    for image in images:
        image.StudyInstanceUID, image.SeriesInstanceUID = generate_uid(), generate_uid()
        image.FrameOfReferenceUID, image.SOPInstanceUID = generate_uid(), generate_uid()
    random.Random(4).shuffle(images)
    return images


def slices(study: Study) -> list[int]:
    return sorted(series.volume.shape[0] for series in study.series)


def said(series: Series) -> str:
    return " ".join(series.notes)


def assert_each_is_whole(study: Study, *plus: int, count: int = 6) -> None:
    """The series are those stacks, each with its own pixels in their order."""
    found = sorted(study.series, key=lambda series: float(series.volume.voxels.max()))
    assert len(found) == len(plus)
    for series, added in zip(found, plus, strict=True):
        assert np.array_equal(series.volume.voxels, volume_values(count) + added)


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


# Echoes and time points that moved


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.5, 0.8, 1.0, 1.5])
@pytest.mark.parametrize(
    "second",
    [
        {"EchoTime": "70", "EchoNumbers": 2},
        {"TemporalPositionIdentifier": 2},
        {"AcquisitionNumber": 2},
        {"InstanceNumber": "on"},
        {"SpacingBetweenSlices": None, "EchoTime": "70"},
    ],
)
def test_volumes_moved_by_part_of_a_spacing_are_two(share: float, second: dict[str, Any]) -> None:
    goes_on = second.get("InstanceNumber") == "on"
    later = stack(plus=1000, moved_mm=share * STEP_MM, **({} if goes_on else second))
    for image in later if goes_on else []:
        image.InstanceNumber += 6
    study = read([*stack(), *later])
    assert_each_is_whole(study, 0, 1000)
    starts = sorted(
        float(slice_positions_mm(series.volume.affine_lps, 6)[0])
        for series in study.series
        if series.volume.affine_lps is not None
    )
    assert np.diff(starts) == pytest.approx(share * STEP_MM, abs=1e-3)


def test_two_time_points_of_two_places_each_are_four_volumes() -> None:
    images = []
    for number, moved_mm in enumerate((0.0, 0.5, 0.0, 0.5)):
        later = stack(plus=1000 * number, moved_mm=moved_mm * STEP_MM)
        for image in later:
            image.InstanceNumber += 6 * number
        images += later
    assert_each_is_whole(read(images), 0, 1000, 2000, 3000)


def test_an_echo_that_does_not_divide_does_not_take_the_other_with_it() -> None:
    twins = stack(plus=1000, EchoTime="90") + stack(plus=2000, EchoTime="90")
    study = read([*stack(), *twins])
    assert_each_is_whole(study, 0)
    assert "nothing in their headers tells apart" in study.refused[0].reason


def test_slices_closer_than_the_header_says_are_said_to_be_so() -> None:
    images = [*stack(), *stack(plus=1000, moved_mm=0.5 * STEP_MM)]
    for index in range(6):  # numbered in turn, so that nothing parts them
        images[index].InstanceNumber, images[6 + index].InstanceNumber = 2 * index, 2 * index + 1
    (series,) = read(images).series
    assert "2.0 mm apart but the header says 4.0 mm: two volumes may" in said(series)


def test_t1_and_stir_of_one_uid_are_never_one_stack_wherever_they_lie() -> None:
    for moved_mm in (0.0, 0.5 * STEP_MM):
        same = {"EchoTime": "12", "SeriesNumber": 3}
        for told in ({}, {"SeriesDescription": ""}):
            images = stack(**{**T1, **same, **told})
            images += stack(plus=1000, moved_mm=moved_mm, **{**STIR, **same, **told})
            assert_each_is_whole(read(images), 0, 1000)


def test_odd_and_even_slices_of_two_passes_are_one_stack() -> None:
    for key in ("AcquisitionNumber", "TemporalPositionIdentifier", "StackID"):
        images = stack()
        for index, image in enumerate(images):
            setattr(image, key, str(1 + index % 2))
        study = read(images)
        assert_each_is_whole(study, 0)
        assert study.series[0].notes == ()


def test_slices_whose_repetition_waited_for_a_breath_are_one_stack() -> None:
    images = stack()
    for image, tr_ms in zip(images, (2000, 3900, 2100, 4100, 6500, 2050), strict=True):
        image.RepetitionTime = str(tr_ms)
    assert_each_is_whole(read(images), 0)


def test_slices_whose_names_lost_words_are_one_stack() -> None:
    for make in (stack, lambda: torn(stack())):
        images = make()
        for image, name in zip(images, ["stir cor", "stir", "stir", "stir cor"] * 2, strict=False):
            image.SeriesDescription = name
        assert_each_is_whole(read(images), 0)


def test_the_number_of_each_slice_is_not_a_time_point() -> None:
    images = stack()
    for index, image in enumerate(images):
        image.TemporalPositionIdentifier = index + 1
    assert_each_is_whole(read(images), 0)


# Slabs, repeats and time series that were cut short


@pytest.mark.parametrize("told", ["acquisition", "number"])
@pytest.mark.parametrize("moved_mm", [0.0, 1.3])
def test_slabs_that_overlap_are_two_stacks(told: str, moved_mm: float) -> None:
    lower, upper = stack(12)[:7], stack(12, plus=1, moved_mm=moved_mm)[5:]
    for number, image in enumerate([*lower, *upper], start=1):
        image.InstanceNumber = number
        if told == "acquisition":
            image.AcquisitionNumber = 1 if number <= 7 else 2
    study = read([*lower, *upper])
    first, second = sorted(study.series, key=lambda series: float(series.volume.voxels.max()))
    assert study.refused == ()
    assert np.array_equal(first.volume.voxels, volume_values(12)[:7])
    assert np.array_equal(second.volume.voxels, volume_values(12)[5:] + 1)
    for series in (first, second):
        assert series.volume.affine_lps is not None
        assert spacing_mm(series.volume.affine_lps)[0] == pytest.approx(STEP_MM)


def test_slabs_with_a_gap_between_them_say_so() -> None:
    images = stack(12)
    for index, image in enumerate(images):
        image.AcquisitionNumber = 1 if index < 5 else 2
    study = read(images[:5] + images[7:])
    assert slices(study) == [5, 5]
    assert all("2 slices are missing between" in said(series) for series in study.series)


@pytest.mark.parametrize("again", [[3], [1, 4], [0], [7]])
@pytest.mark.parametrize("told", ["acquisition", "number"])
def test_slices_measured_again_do_not_cost_the_stack(again: list[int], told: str) -> None:
    later = [image for index, image in enumerate(stack(8, plus=1)) if index in again]
    for number, image in enumerate(later, start=9):
        image.InstanceNumber = number
        if told == "acquisition":
            image.AcquisitionNumber = 2
    study = read([*later, *stack(8)])
    (series,) = study.series
    assert np.array_equal(series.volume.voxels, volume_values(8))
    assert "measured more than once" in said(series)
    (refusal,) = study.refused
    assert refusal.files == len(again)
    assert "the first image of its position was taken" in refusal.reason


def test_a_slice_measured_again_is_told_when_the_slices_were_not_acquired_in_line() -> None:
    images, twin = stack(8), stack(8, plus=1)[3]
    for number, index in enumerate([0, 2, 4, 6, 1, 3, 5, 7], start=1):
        images[index].InstanceNumber = number
    twin.InstanceNumber = 9
    study = read([twin, *images])
    assert_each_is_whole(study, 0, count=8)
    assert len(study.refused) == 1
    twin.InstanceNumber = 5  # made among the others: which of the two is the stack's?
    images[1].InstanceNumber = 9
    with pytest.raises(InputError, match="between 1 and 2 images"):
        read([twin, *images])


def test_a_slice_measured_again_at_once_is_told_by_its_number() -> None:
    images = stack(8)
    (twin,) = (image for index, image in enumerate(stack(8, plus=1)) if index == 3)
    for image in images[4:]:
        image.InstanceNumber += 1
    twin.InstanceNumber = 5
    study = read([twin, *images])
    assert_each_is_whole(study, 0, count=8)
    assert len(study.refused) == 1


@pytest.mark.parametrize("key", ["InstanceNumber", "AcquisitionNumber"])
@pytest.mark.parametrize("lost", [(2, 4, 6), (1, 0, 2), (0, 4, 6), (1, 2, 3)])
def test_a_time_series_cut_short_keeps_its_whole_volumes(
    key: str, lost: tuple[int, int, int]
) -> None:
    time, first, last = lost
    images = []
    for t in range(3):
        for index, image in enumerate(stack(6, plus=1000 * t)):
            image.InstanceNumber = 6 * t + index + 1
            if key == "AcquisitionNumber":
                image.AcquisitionNumber = t + 1
            if not (t == time and first <= index < last):
                images.append(image)
    random.Random(2).shuffle(images)
    study = read(images)
    whole = [series for series in study.series if series.volume.shape[0] == 6]
    assert sorted(float(series.volume.voxels.min()) for series in whole) == [
        100 + 1000 * t for t in range(3) if t != time
    ]
    for series in study.series:  # no volume mixes two times
        assert float(np.ptp(series.volume.voxels)) < 1000
        if series not in whole:
            assert "slices where another holds 6" in said(series)


def test_a_time_series_that_goes_slice_by_slice_and_lost_images_is_asked() -> None:
    images = []
    for index in range(6):
        for t in range(3):
            image = mr_image(index, InstanceNumber=3 * index + t + 1)
            set_pixels(image, (slice_values(index) + 1000 * t).astype(np.uint16))
            images.append(image)
    del images[7]
    with pytest.raises(InputError, match="between 2 and 3 images"):
        read(images)


# Positions that an export rounded


def test_positions_rounded_to_whole_millimetres_lie_as_the_header_says() -> None:
    tilted = (1.0, 0.0, 0.0, 0.0, 0.5, -0.8660254)
    step = 3.375 * np.cross(tilted[:3], tilted[3:])
    images = stack(12, orientation=tilted, SpacingBetweenSlices="3.375")
    for index, image in enumerate(images):
        image.ImagePositionPatient = [float(round(v)) for v in [-20.3, 7.1, 30.2] + index * step]
    (series,) = read(images).series
    assert np.array_equal(series.volume.voxels, volume_values(12))
    affine = series.volume.affine_lps
    assert affine is not None
    assert affine[:3, 0] == pytest.approx(step, abs=1e-4)
    assert (affine @ [0, 0, 0, 1])[:3] == pytest.approx([-20.3, 7.1, 30.2], abs=0.5)
    assert "rounded to whole millimetres" in said(series)
    for image in images:
        del image.SpacingBetweenSlices
    with pytest.raises(InputError, match=r"uneven.*positions that are not rounded"):
        read(images)
