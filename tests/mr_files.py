"""Writes small MR files for the tests, as a scanner would."""

import itertools
import secrets
import struct
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import PYDICOM_ROOT_UID, UID, ExplicitVRLittleEndian, MRImageStorage

from asemble.core.study import Study
from asemble.io import Part, read_parts

SHAPE = (6, 5)  # rows, columns: different, so that a transpose fails
SPACING_MM = (0.5, 0.7)  # between rows, between columns
STEP_MM = 4.0
CORONAL = (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)

SECRETS = {
    "PatientName": "Doe^Janine",
    "PatientID": "HOSP-4711",
    "PatientBirthDate": "19630517",
    "AccessionNumber": "ACC9876",
    "InstitutionName": "St Elsewhere",
    "ReferringPhysicianName": "Quincy^Jack",
    "StudyDate": "20240229",
    "PatientComments": "lives in Elm Street",
    "ProtocolName": "Doe special",
    "StudyDescription": "Janine pelvis",
}

Change = Callable[[FileDataset], None]


def new_digits() -> int:
    """The 38 last digits of a UID of 64: files that differ in their UIDs alone are of one size."""
    return 10**37 + secrets.randbelow(9 * 10**37)


def mr_image(
    index: int = 0, *, series: str = "1.2.3.4", orientation: Any = CORONAL, **attributes: Any
) -> FileDataset:
    """Slice `index` of a series; its pixels and position follow from the index."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = MRImageStorage
    meta.MediaStorageSOPInstanceUID = UID(f"{PYDICOM_ROOT_UID}{new_digits()}")
    image = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    for keyword, value in SECRETS.items():
        setattr(image, keyword, value)
    image.SOPClassUID = MRImageStorage
    image.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    image.StudyInstanceUID, image.SeriesInstanceUID = "1.2.3", series
    image.Modality, image.ImageType = "MR", ["ORIGINAL", "PRIMARY", "M"]
    image.SeriesDescription, image.BodyPartExamined = "t1 tse cor", "PELVIS"
    image.ScanningSequence, image.SequenceVariant, image.ScanOptions = "SE", "SK", ""
    image.RepetitionTime, image.EchoTime = "550", "12"
    image.SeriesNumber, image.InstanceNumber = 3, index + 1
    image.SliceThickness, image.SpacingBetweenSlices = "3.5", str(STEP_MM)
    image.PixelSpacing = list(SPACING_MM)
    image.ImageOrientationPatient = list(orientation)
    normal = np.cross(orientation[:3], orientation[3:])
    image.ImagePositionPatient = [float(v) for v in [-20.0, 7.0, 30.0] + index * STEP_MM * normal]
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated, image.BitsStored, image.HighBit = 16, 12, 11
    image.PixelRepresentation = 0
    set_pixels(image, slice_values(index))
    for keyword, value in attributes.items():
        if value is None:
            delattr(image, keyword)
        else:
            setattr(image, keyword, value)
    return image


def without_identity(image: FileDataset) -> FileDataset:
    """The image without what says whose it is, so that it goes with any patient."""
    for keyword in ("PatientID", "PatientName", "PatientBirthDate"):
        delattr(image, keyword)
    return image


def slice_values(index: int) -> np.ndarray:
    """The pixels of slice `index`, all different."""
    return (np.arange(30).reshape(SHAPE) + 100 * (index + 1)).astype(np.uint16)


def set_pixels(image: FileDataset, values: np.ndarray) -> None:
    image.Rows, image.Columns = values.shape[-2:]
    image.PixelData = values.tobytes()


def to_bytes(image: FileDataset) -> bytes:
    buffer = BytesIO()
    image.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def read_images(*images: FileDataset) -> Study:
    """The study of these files, named f0, f1, ..."""
    return read_parts([Part.from_bytes(f"f{i}", to_bytes(image)) for i, image in enumerate(images)])


def with_syntax(data: bytes, syntax: str) -> bytes:
    """The same bytes behind another transfer syntax in the file meta information."""
    at = data.index(b"\2\0\x10\0UI")
    end = at + 8 + int.from_bytes(data[at + 6 : at + 8], "little")
    uid = syntax.encode() + b"\0" * (len(syntax) % 2)
    length = int.from_bytes(data[140:144], "little") + len(uid) - (end - at - 8)
    meta = data[:140] + struct.pack("<L", length) + data[144:at]
    return meta + b"\2\0\x10\0UI" + struct.pack("<H", len(uid)) + uid + data[end:]


def write_series(folder: Path, count: int = 5, **attributes: Any) -> list[Path]:
    """Slices `0..count-1` of one series; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for index in range(count):
        path = folder / f"IM{index:03d}"
        path.write_bytes(to_bytes(mr_image(index, **attributes)))
        paths.append(path)
    return paths


def volume_values(count: int = 5) -> np.ndarray:
    """The voxels that `write_series` yields, in the order of its indices."""
    return np.stack([slice_values(index) for index in range(count)]).astype(np.float32)


def enhanced_image(frames: list[Mapping[str, Any]]) -> FileDataset:
    """Enhanced multi-frame; each frame gives `index`, and may give te, temporal, slope, stack."""
    image = mr_image(0)
    image.file_meta.MediaStorageSOPClassUID = pydicom.uid.EnhancedMRImageStorage
    image.SOPClassUID = pydicom.uid.EnhancedMRImageStorage
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
        delattr(image, keyword)
    shared = pydicom.Dataset()
    measures, orientation = pydicom.Dataset(), pydicom.Dataset()
    measures.PixelSpacing, measures.SliceThickness = list(SPACING_MM), "3.5"
    measures.SpacingBetweenSlices = str(STEP_MM)
    orientation.ImageOrientationPatient = list(CORONAL)
    shared.PixelMeasuresSequence = [measures]
    shared.PlaneOrientationSequence = [orientation]
    image.SharedFunctionalGroupsSequence = [shared]
    groups = []
    for frame in frames:
        source = mr_image(frame["index"])
        group, content, position = pydicom.Dataset(), pydicom.Dataset(), pydicom.Dataset()
        transformation, echo = pydicom.Dataset(), pydicom.Dataset()
        content.InStackPositionNumber = frame["index"] + 1
        content.StackID = frame.get("stack", "1")
        content.TemporalPositionIndex = frame.get("temporal", 1)
        position.ImagePositionPatient = source.ImagePositionPatient
        transformation.RescaleSlope = str(frame.get("slope", 1))
        transformation.RescaleIntercept = str(frame.get("intercept", 0))
        echo.EffectiveEchoTime = float(frame.get("te", 12.0))
        group.FrameContentSequence = [content]
        group.PlanePositionSequence = [position]
        group.PixelValueTransformationSequence = [transformation]
        group.MREchoSequence = [echo]
        groups.append(group)
    image.PerFrameFunctionalGroupsSequence = groups
    image.NumberOfFrames = len(frames)
    set_pixels(image, np.stack([slice_values(frame["index"]) for frame in frames]))
    return image


def every_order(paths: list[Path]) -> list[list[Path]]:
    """A few different orders of the same files."""
    return [paths, paths[::-1], [p for pair in itertools.zip_longest(paths[1::2], paths[::2])
                                 for p in pair if p is not None]]  # fmt: skip
