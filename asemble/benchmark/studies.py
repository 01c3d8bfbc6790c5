"""Simulated studies of any number of slices, in memory and as files.

Rendering a slice takes half a second, so that long stacks are stretched from rendered ones: slices
between two slices are their mixture, with noise of their own.
"""

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    MRImageStorage,
    generate_uid,
)

from asemble.core.labels import JUDGED_PLANES, SIMULATOR, Pattern, Plane, Weighting
from asemble.core.study import Series, Study
from asemble.core.volume import Volume
from asemble.phantom import render_series, sample_case
from asemble.phantom.acquisition import place_stack

FIELD_MM = 240.0
"""Of a rendered slice; protocols use 200 to 250 mm."""
MATRIX = 256
"""Pixels along a side of a rendered slice."""
THICKNESS_MM = 3.5
"""Of a rendered slice."""
NOISE = 0.01
"""Of a stretched slice, in its brightest values; makes each slice and study different."""
FULL_SCALE = 4000
"""The brightest stored value, of 12 bits."""


def rendered_study(
    slices: int,
    *,
    seed: int,
    matrix: int = MATRIX,
    kind: Pattern = Pattern.INFLAMMATORY,
) -> Study:
    """A simulated case: `slices` coronal and as many axial fluid-sensitive slices."""
    case = sample_case(seed, kind=kind)
    series = []
    for number, plane in enumerate(JUDGED_PLANES, start=1):
        stack = place_stack(
            np.random.default_rng([seed, number]),
            case.placement,
            plane=plane,
            weighting=Weighting.FLUID,
            field_of_view_mm=FIELD_MM,
            matrix=matrix,
            slices=slices,
            thickness_mm=THICKNESS_MM,
            gap_mm=0.0,
        )
        images = np.stack([rendered.image for rendered in render_series(case, stack)])
        series.append(_series(plane, number, Volume(images, stack.affine_lps)))
    return Study(tuple(series), (), f"{seed:064x}")


def stretched(study: Study, slices: int, *, seed: int) -> Study:
    """The study with `slices` in each series over the same length, and noise of its own."""
    series = tuple(
        replace(one, volume=_stretched(one.volume, slices, np.random.default_rng([seed, number])))
        for number, one in enumerate(study.series)
    )
    return Study(series, (), f"{seed:032x}{slices:032x}")


def write_files(volume: Volume, folder: Path, *, seed: int, is_compressed: bool) -> list[Path]:
    """A volume as DICOM, one file a slice, uncompressed or as lossless JPEG 2000."""
    folder.mkdir(parents=True, exist_ok=True)
    scale = FULL_SCALE / float(np.percentile(volume.voxels, 99.95))
    paths = []
    for index, voxels in enumerate(volume.voxels):
        stored = np.clip(voxels * scale, 0, 4095).astype("<u2")
        path = folder / f"IM{index + 1:04d}.dcm"
        _image(volume, stored, index, seed, is_compressed).save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths


def enlarged(volume: Volume, side: int) -> Volume:
    """The volume with slices of `side` x `side` pixels over the same field."""
    if volume.affine_lps is None:
        raise ValueError("only a volume with geometry can be enlarged")
    shape = (side, side)
    images = [
        Image.fromarray(each).resize(shape, Image.Resampling.BICUBIC) for each in volume.voxels
    ]
    affine = np.array(volume.affine_lps)
    affine[:, 1] *= volume.shape[1] / side
    affine[:, 2] *= volume.shape[2] / side
    return Volume(np.stack([np.asarray(image) for image in images]), affine)


def spaced(volume: Volume, step_mm: float) -> Volume:
    """The volume with its slices `step_mm` apart."""
    if volume.affine_lps is None:
        raise ValueError("only a volume with geometry can be spaced")
    affine = np.array(volume.affine_lps)
    affine[:, 0] *= step_mm / np.linalg.norm(affine[:3, 0])
    return Volume(volume.voxels, affine)


def _series(plane: Plane, number: int, volume: Volume) -> Series:
    return Series(
        f"s{number:02d}",
        f"SYNTHETIC STIR {plane.value}",
        volume,
        plane,
        Weighting.FLUID,
        modality="MR",
        synthetic=True,
    )


def _stretched(volume: Volume, slices: int, rng: np.random.Generator) -> Volume:
    if volume.affine_lps is None:
        raise ValueError("only a volume with geometry can be stretched")
    last = volume.shape[0] - 1
    places = np.linspace(0, last, slices) if slices > 1 else np.array([last / 2])
    below = np.minimum(places.astype(int), max(last - 1, 0))
    share = (places - below).astype(np.float32)[:, None, None]
    above = np.minimum(below + 1, last)
    voxels = volume.voxels[below] * (1 - share) + volume.voxels[above] * share
    sigma = np.float32(NOISE * np.percentile(volume.voxels, 99))
    voxels += sigma * rng.standard_normal(voxels.shape, dtype=np.float32)
    affine = np.array(volume.affine_lps)
    affine[:, 0] *= last / max(slices - 1, 1) or 1.0
    return Volume(np.maximum(voxels, 0), affine)


def _image(
    volume: Volume, stored: npt.NDArray[np.uint16], index: int, seed: int, is_compressed: bool
) -> FileDataset:
    affine = volume.affine_lps
    if affine is None:
        raise ValueError("only a volume with geometry can be written")
    step, row_mm, column_mm = np.linalg.norm(affine[:3, :3], axis=0)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = MRImageStorage
    meta.MediaStorageSOPInstanceUID = _uid(seed, str(affine), str(index))
    meta.TransferSyntaxUID = JPEG2000Lossless if is_compressed else ExplicitVRLittleEndian
    image = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    image.SOPClassUID = MRImageStorage
    image.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    image.StudyInstanceUID = _uid(seed)
    image.SeriesInstanceUID = _uid(seed, str(affine))
    image.FrameOfReferenceUID = _uid(seed, "frame of reference")
    image.PatientName, image.PatientID = "SYNTHETIC^PHANTOM", f"SYNTHETIC-{seed}"
    image.Modality, image.Manufacturer = "MR", SIMULATOR
    image.SeriesDescription = "SYNTHETIC STIR"
    image.ScanningSequence = ["SE", "IR"]
    image.RepetitionTime, image.EchoTime, image.InversionTime = "5000", "60", "160"
    image.BodyPartExamined, image.InstanceNumber = "PELVIS", index + 1
    image.SliceThickness = image.SpacingBetweenSlices = f"{step:.4f}"
    image.PixelSpacing = [f"{row_mm:.6f}", f"{column_mm:.6f}"]
    directions = (*affine[:3, 2] / column_mm, *affine[:3, 1] / row_mm)
    image.ImageOrientationPatient = [f"{v:.8f}" for v in directions]
    image.ImagePositionPatient = [f"{v:.5f}" for v in affine[:3, 3] + index * affine[:3, 0]]
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.Rows, image.Columns = stored.shape
    image.BitsAllocated, image.BitsStored, image.HighBit = 16, 16, 15
    image.PixelRepresentation = 0
    image.PixelData = encapsulate([_jpeg_2000(stored)]) if is_compressed else stored.tobytes()
    return image


def _jpeg_2000(stored: npt.NDArray[np.uint16]) -> bytes:
    out = BytesIO()
    Image.fromarray(stored).save(out, "JPEG2000", no_jp2=True, irreversible=False)
    return out.getvalue()


def _uid(seed: int, *parts: str) -> UID:
    return generate_uid(entropy_srcs=["bench", str(seed), *parts])
