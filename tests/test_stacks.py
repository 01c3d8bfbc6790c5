"""Images at one position are parted by echo, time and pass, and no stack mixes two volumes."""

import random
from typing import Any

import numpy as np
import pytest
from mr_files import STEP_MM, mr_image, set_pixels, slice_values, volume_values
from mr_stacks import STIR, T1, assert_each_is_whole, read, said, slices, stack, torn

from asemble.core.errors import InputError
from asemble.core.geometry import slice_positions_mm, spacing_mm

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
