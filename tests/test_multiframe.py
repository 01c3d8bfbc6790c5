"""Files of many frames: enhanced ones, films, mosaics and tiles."""

import numpy as np
import pydicom
import pytest
from mr_files import (
    AXIAL,
    SPACING_MM,
    STEP_MM,
    enhanced_image,
    mr_image,
    read_images,
    set_pixels,
    slice_values,
    volume_values,
)

from asemble.core.errors import InputError
from asemble.core.geometry import spacing_mm
from asemble.core.labels import Plane, Weighting


def test_enhanced_frames_become_volumes_with_their_own_scaling() -> None:
    frames = [{"index": i, "te": 12.0, "slope": 2, "intercept": 5} for i in (2, 0, 1)]
    frames += [{"index": i, "te": 80.0} for i in (1, 2, 0)]
    study = read_images(enhanced_image(frames))
    first, second = sorted(study.series, key=lambda s: -float(s.volume.voxels.max()))
    assert np.array_equal(first.volume.voxels, volume_values(3) * 2 + 5)
    assert np.array_equal(second.volume.voxels, volume_values(3))
    assert (first.weighting, second.weighting) == (Weighting.T1, Weighting.OTHER)
    assert first.plane is Plane.CORONAL


def test_enhanced_time_points_are_split() -> None:
    frames = [{"index": i, "temporal": t} for t in (1, 2, 3) for i in range(4)]
    study = read_images(enhanced_image(frames))
    assert [s.volume.shape[0] for s in study.series] == [4, 4, 4]


def move_to_top(image: pydicom.Dataset, sequence: str, *keywords: str) -> None:
    """Take a functional group out of the shared and the frames' own, and put it at the top."""
    shared = image.SharedFunctionalGroupsSequence[0]
    for groups in (shared, *image.PerFrameFunctionalGroupsSequence):
        for keyword in keywords if sequence in groups else ():
            setattr(image, keyword, groups[sequence][0][keyword].value)
            del groups[sequence][0][keyword]


def test_enhanced_attributes_are_found_at_the_top_where_no_group_holds_them() -> None:
    def made(*scaling: dict[str, int]) -> pydicom.Dataset:
        frames = [{"index": i, **(scaling[i] if scaling else {})} for i in (0, 1, 2)]
        image = enhanced_image(frames)
        for group in [] if scaling else image.PerFrameFunctionalGroupsSequence:
            del group.PixelValueTransformationSequence
        return image

    at_top = made()
    at_top.RescaleSlope, at_top.RescaleIntercept = "2.5", "10"
    move_to_top(at_top, "PixelMeasuresSequence", "PixelSpacing", "SpacingBetweenSlices")
    move_to_top(at_top, "PlaneOrientationSequence", "ImageOrientationPatient")
    (series,) = read_images(at_top).series
    assert np.array_equal(series.volume.voxels, volume_values(3) * 2.5 + 10)
    assert series.volume.affine_lps is not None
    assert spacing_mm(series.volume.affine_lps) == pytest.approx((STEP_MM, *SPACING_MM))
    assert series.plane is Plane.CORONAL
    assert series.notes == ()

    # The frame's own come first, then the shared ones; slope and intercept stay together.
    own = made({"slope": 2}, {"slope": 3}, {"slope": 4})
    own.RescaleSlope, own.RescaleIntercept, own.PixelSpacing = "77", "7", [9, 9]
    own.ImageOrientationPatient, own.ImagePositionPatient = list(AXIAL), [1, 2, 3]
    for group in own.PerFrameFunctionalGroupsSequence:
        del group.PixelValueTransformationSequence[0].RescaleIntercept
    (series,) = read_images(own).series
    assert series.volume.voxels[:, 0, 0].tolist() == [200, 600, 1200]
    assert series.plane is Plane.CORONAL
    assert series.volume.affine_lps is not None
    assert spacing_mm(series.volume.affine_lps) == pytest.approx((STEP_MM, *SPACING_MM))


@pytest.mark.parametrize("level", ["own", "shared", "top"])
def test_a_real_world_mapping_of_an_enhanced_file_counts_where_no_rescale_does(level: str) -> None:
    image = enhanced_image([{"index": index} for index in range(3)])
    mapping = pydicom.Dataset()
    mapping.RealWorldValueSlope, mapping.RealWorldValueIntercept = 3.0, 7.0
    groups = image.PerFrameFunctionalGroupsSequence
    shared = image.SharedFunctionalGroupsSequence
    for holder in {"own": groups, "shared": shared, "top": [image]}[level]:
        holder.RealWorldValueMappingSequence = [mapping]
    (rescaled,) = read_images(image).series  # slope 1 and intercept 0 are stated
    assert np.array_equal(rescaled.volume.voxels, volume_values(3))
    assert rescaled.notes == ()
    for group in groups:
        del group.PixelValueTransformationSequence
    (mapped,) = read_images(image).series
    assert np.array_equal(mapped.volume.voxels, volume_values(3) * 3 + 7)
    assert "real world value mapping" in mapped.notes[0]


def test_one_place_at_the_top_is_not_that_of_every_frame() -> None:
    def made(*indices: int) -> pydicom.Dataset:
        image = enhanced_image([{"index": index} for index in indices])
        move_to_top(image, "PlanePositionSequence", "ImagePositionPatient")
        return image

    assert read_images(*[made(index) for index in range(3)]).series[0].volume.shape[0] == 3
    with pytest.raises(InputError, match="cannot be placed in the patient"):
        read_images(made(0, 1, 2))


def film(**attributes: object) -> pydicom.Dataset:
    """Four frames in one classic file."""
    image = mr_image(0, NumberOfFrames=4, FrameOfReferenceUID="1.2.9", **attributes)
    set_pixels(image, np.stack([slice_values(index) for index in range(4)]))
    return image


def test_frames_without_groups_are_stacked_along_the_normal_and_it_is_said() -> None:
    (series,) = read_images(film(FrameIncrementPointer=0x00182005)).series
    assert np.array_equal(series.volume.voxels, volume_values(4))
    affine = series.volume.affine_lps
    assert affine is not None
    assert (affine @ [0, 0, 0, 1])[:3] == pytest.approx([-20, 7, 30])
    assert (affine @ [3, 0, 0, 1])[:3] == pytest.approx([-20, 7 + 3 * STEP_MM, 30])
    (note,) = series.notes
    assert "place of the first of its 4 frames only" in note and "may be swapped" in note
    assert series.frame_of_reference is None  # nobody knows which way the stack goes


def test_frames_of_which_only_shared_groups_speak_are_stacked_along_the_normal() -> None:
    image = enhanced_image([{"index": index, "slope": 2} for index in range(4)])
    shared, own = image.SharedFunctionalGroupsSequence[0], image.PerFrameFunctionalGroupsSequence
    shared.PlanePositionSequence = own[0].PlanePositionSequence
    shared.PixelValueTransformationSequence = own[0].PixelValueTransformationSequence
    shared.MREchoSequence = own[0].MREchoSequence
    del image.PerFrameFunctionalGroupsSequence
    (series,) = read_images(image).series
    assert np.array_equal(series.volume.voxels, volume_values(4) * 2)
    assert series.volume.affine_lps is not None
    assert spacing_mm(series.volume.affine_lps) == pytest.approx((STEP_MM, *SPACING_MM))
    assert series.weighting is Weighting.T1
    assert "may be swapped" in series.notes[0]


@pytest.mark.parametrize(
    "attributes",
    [
        {"SpacingBetweenSlices": None},
        {"ImagePositionPatient": None},
        {"FrameIncrementPointer": 0x00181063},  # FrameTime: a film of one slice
        {"NumberOfTemporalPositions": 4},
    ],
)
def test_frames_without_a_place_are_refused(attributes: dict[str, object]) -> None:
    with pytest.raises(InputError, match="without saying where they lie"):
        read_images(film(**attributes))


def test_a_mosaic_that_does_not_say_how_is_refused() -> None:
    image = mr_image(0, ImageType=["ORIGINAL", "PRIMARY", "M", "MOSAIC"])
    with pytest.raises(InputError, match="mosaic does not say how many"):
        read_images(image)


def test_tiles_that_do_not_say_where_are_refused() -> None:
    image = mr_image(0, ImageType=["ORIGINAL", "PRIMARY", "M", "VFRAME"])
    with pytest.raises(InputError, match="does not say where its slices lie"):
        read_images(image)
