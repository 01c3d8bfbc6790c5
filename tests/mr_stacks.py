"""Stacks of MR files, whole and with UIDs torn apart, and what is read of them."""

import random
from collections.abc import Iterable
from typing import Any

import numpy as np
from mr_files import mr_image, read_images, set_pixels, slice_values, volume_values
from pydicom.dataset import FileDataset
from pydicom.uid import generate_uid

from asemble.core.study import Series, Study

T1 = {"SeriesDescription": "t1 tse cor", "RepetitionTime": "550", "EchoTime": "12"}
STIR = {
    "SeriesDescription": "stir cor",
    "RepetitionTime": "4500",
    "EchoTime": "50",
    "InversionTime": "160",
    "SeriesNumber": 4,
}


def read(images: Iterable[FileDataset]) -> Study:
    return read_images(*images)


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
