"""What a study costs in memory: at most twice its voxels in float32, whatever is asked of it."""

import tracemalloc
from collections.abc import Callable
from typing import Any

import nibabel as nib
import numpy as np
import pydicom
import pytest
from mr_files import mr_image, set_pixels, to_bytes

from asemble.core.labels import Plane, Weighting
from asemble.core.study import Series
from asemble.core.volume import Volume
from asemble.imaging import quality
from asemble.imaging.content import content_of
from asemble.imaging.intensity import foreground_median, percentile_window, stack_median
from asemble.imaging.intensity import stack_windows as windows
from asemble.imaging.orientation import as_shown
from asemble.imaging.slices import prepare, prepared
from asemble.io import Part, read_parts
from asemble.ui.stacks import stack_bytes

SLICES, SIDE = 96, 256
VOXEL_BYTES = 4 * SLICES * SIDE * SIDE


def peak(work: Callable[[], Any]) -> int:
    """Bytes that `work` takes at its peak, beyond those that are there before."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def files(**attributes: Any) -> list[Part]:
    kind = np.uint8 if attributes.get("BitsAllocated") == 8 else np.uint16
    parts = []
    for index in range(SLICES):
        image = mr_image(index)
        rng = np.random.default_rng(index)
        set_pixels(image, rng.integers(0, 200, (SIDE, SIDE)).astype(np.uint16))
        for keyword, value in attributes.items():
            setattr(image, keyword, value)
        image.PixelData = rng.integers(0, 200, (SIDE, SIDE)).astype(kind).tobytes()
        parts.append(Part.from_bytes(f"{index}.dcm", to_bytes(image)))
    return parts


def multiframe(**attributes: Any) -> list[Part]:
    """One classic file of all slices, so that no frame is done with before the others come."""
    image = mr_image(0)
    rng = np.random.default_rng(0)
    set_pixels(image, np.zeros((SIDE, SIDE), np.uint16))
    image.NumberOfFrames = SLICES
    image.PixelData = rng.integers(0, 4000, (SLICES, SIDE, SIDE)).astype("<u2").tobytes()
    for keyword, value in attributes.items():
        setattr(image, keyword, value)
    return [Part.from_bytes("a.dcm", to_bytes(image))]


def lut() -> list[pydicom.Dataset]:
    table = pydicom.Dataset()
    table.add_new("LUTDescriptor", "US", [4096, 0, 16])
    table.add_new("LUTData", "OW", np.arange(4096, dtype="<u2").tobytes())
    return [table]


def nifti() -> list[Part]:
    rng = np.random.default_rng(0)
    image = nib.Nifti1Image(
        rng.integers(0, 4000, (SIDE, SIDE, SLICES)).astype(np.int16), np.diag([0.5, 0.5, 4, 1])
    )
    image.header.set_slope_inter(1.5, 3)
    return [Part.from_bytes("a.nii", image.to_bytes())]


KINDS: dict[str, Callable[[], list[Part]]] = {
    "16 bits": files,
    "8 bits, inverted": lambda: files(
        BitsAllocated=8, BitsStored=8, HighBit=7, PhotometricInterpretation="MONOCHROME1"
    ),
    "frames of one file": multiframe,
    "inverted frames": lambda: multiframe(PhotometricInterpretation="MONOCHROME1"),
    "bits beyond": lambda: multiframe(BitsStored=11, HighBit=10),
    "padded": lambda: multiframe(PixelPaddingValue=0),
    "a Modality LUT": lambda: multiframe(ModalityLUTSequence=lut()),
    "NIfTI with a slope": nifti,
}


@pytest.mark.parametrize("kind", KINDS)
def test_reading_takes_at_most_twice_the_voxels_in_float32(kind: str) -> None:
    parts = KINDS[kind]()
    read_parts([Part.from_bytes("small", to_bytes(mr_image(0)))])  # imports are not counted
    assert peak(lambda: read_parts(parts)) < 2 * VOXEL_BYTES


@pytest.fixture(scope="module")
def series() -> Series:
    rng = np.random.default_rng(1)
    voxels = rng.integers(0, 4000, (SLICES, SIDE, SIDE)).astype(np.float32)
    voxels.setflags(write=False)
    affine = np.array([[0, 0, 0.8, 0], [4.0, 0, 0, 0], [0, -0.8, 0, 0], [0, 0, 0, 1]])
    return Series("s01", "", Volume(voxels, affine), Plane.CORONAL, Weighting.FLUID)


def test_checks_hold_a_few_slices_at_a_time(series: Series) -> None:
    quality.why_not_judged(series)
    few = VOXEL_BYTES // 4
    assert peak(lambda: quality.why_not_judged(series)) < few
    assert peak(lambda: content_of(series.volume, prepared(series.volume))) < few
    assert peak(lambda: windows(series.volume.voxels, [(1, 99), (50, 99.9)])) < few


def test_what_the_viewer_is_sent_is_made_without_a_second_copy(series: Series) -> None:
    sent = VOXEL_BYTES // 2
    assert peak(lambda: stack_bytes(as_shown(series.volume), "a")) < 1.5 * sent


def test_slices_for_the_networks_are_prepared_one_by_one(series: Series) -> None:
    images = SLICES * 256 * 256 * 4
    assert peak(lambda: prepare(series.volume)) < images + VOXEL_BYTES // 4


def test_a_series_of_more_slices_than_fit_is_shown_and_not_judged() -> None:
    voxels = np.zeros((quality.MAX_SLICES + 1, 64, 64), dtype=np.float32)
    affine = np.array([[0, 0, 3.0, 0], [4.0, 0, 0, 0], [0, -3.0, 0, 0], [0, 0, 0, 1]])
    long = Series("s01", "", Volume(voxels, affine), Plane.CORONAL, Weighting.FLUID)
    remark = quality.by_file(long)
    assert remark is not None and remark.code == "too-many-slices"


@pytest.mark.parametrize("of", ["whole numbers", "floats", "negative", "one value"])
def test_percentiles_are_those_of_sorting(of: str) -> None:
    rng = np.random.default_rng(2)
    stack = {
        "whole numbers": rng.integers(0, 300, (5, 17, 13)),
        "floats": rng.normal(size=(5, 17, 13)) * 1e-3,
        "negative": -(rng.random((5, 17, 13)) * 1e6),
        "one value": np.full((5, 17, 13), 7.0),
    }[of].astype(np.float32)
    pairs = [(0.0, 100.0), (1.0, 99.5), (50.0, 99.9)]
    expected = [percentile_window(stack, *pair) for pair in pairs]
    np.testing.assert_allclose(windows(stack, pairs), expected, rtol=1e-5)
    assert np.isclose(stack_median(stack), foreground_median(stack), rtol=1e-6)
