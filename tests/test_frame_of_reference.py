"""Whose millimetres may be compared: series that state one FrameOfReferenceUID."""

import json
from pathlib import Path

from mr_files import AXIAL, enhanced_image, mr_image, read_images

from asemble.core.study import Study
from asemble.io import convert, read_study

ONE, OTHER = "1.2.826.0.1.77", "1.2.826.0.1.78"


def frames_of(study: Study) -> list[str | None]:
    return [series.frame_of_reference for series in study.series]


def test_series_of_one_frame_share_its_name_and_another_has_its_own() -> None:
    coronal = [mr_image(i, FrameOfReferenceUID=ONE) for i in range(3)]
    second = [
        mr_image(i, series="1.2.9", SeriesNumber=4, FrameOfReferenceUID=ONE) for i in range(2, 5)
    ]
    axial = [
        mr_image(i, series="1.2.5", orientation=AXIAL, FrameOfReferenceUID=OTHER) for i in range(3)
    ]
    study = read_images(*coronal, *second, *axial)
    assert frames_of(study) == ["F1", "F1", "F2"]
    first, same, other = study.series
    assert first.shares_frame_with(same)
    assert not first.shares_frame_with(other)


def test_a_series_that_states_no_frame_shares_it_with_none() -> None:
    study = read_images(
        *[mr_image(i) for i in range(3)],
        *[mr_image(i, series="1.2.9", SeriesNumber=4) for i in range(2, 5)],
    )
    assert frames_of(study) == [None, None]
    assert not study.series[0].shares_frame_with(study.series[1])


def test_slices_of_one_stack_that_state_two_frames_have_none() -> None:
    study = read_images(*[mr_image(i, FrameOfReferenceUID=f"{ONE}.{i}") for i in range(3)])
    assert frames_of(study) == [None]


def test_volumes_of_one_enhanced_file_share_its_frame() -> None:
    image = enhanced_image([{"index": i, "te": te} for te in (12.0, 80.0) for i in range(3)])
    image.FrameOfReferenceUID = ONE
    assert frames_of(read_images(image)) == ["F1", "F1"]


def test_the_uid_itself_leaves_no_trace_and_nifti_states_no_frame(tmp_path: Path) -> None:
    study = read_images(*[mr_image(i, FrameOfReferenceUID=ONE) for i in range(3)])
    (image,) = convert(study, tmp_path)
    sidecar = (tmp_path / "s01.json").read_text()
    assert json.loads(sidecar)["frame_of_reference"] == "F1"
    assert ONE not in sidecar + repr(study.series[0].notes)
    assert frames_of(read_study(image)) == [None]
