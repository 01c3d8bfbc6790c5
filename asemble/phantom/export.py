"""Writes a simulated case as a scanner would: DICOM series, with the truth beside them.

Samples pass through the same door as a patient's study. Every file says SYNTHETIC in PatientName,
SeriesDescription and ImageComments.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import PYDICOM_ROOT_UID, UID, ExplicitVRLittleEndian, MRImageStorage, generate_uid

from asemble.core.geometry import ras_affine, spacing_mm
from asemble.core.labels import SIMULATED_COMMENT, SIMULATOR, Pattern, Plane, Weighting
from asemble.core.volume import Floats
from asemble.phantom.acquisition import Stack
from asemble.phantom.cases import Case, RenderedSlice, render_series_in, sample_case, sample_stack
from asemble.phantom.sequences import Sequence as PulseSequence
from asemble.phantom.sequences import stir_sequence, t1_sequence

UID_ROOT = PYDICOM_ROOT_UID + "2638."
"""Every UID of a simulated file starts so."""

SERIES = (
    ("semicoronal-t1", "SYNTHETIC T1 TSE semicoronal SIJ", Plane.CORONAL, Weighting.T1),
    ("semicoronal-stir", "SYNTHETIC STIR semicoronal SIJ", Plane.CORONAL, Weighting.FLUID),
    ("axial-stir", "SYNTHETIC STIR axial SIJ", Plane.AXIAL, Weighting.FLUID),
)
"""Folder, SeriesDescription, plane and weighting of a simulated study."""

TRUTH, MASKS = "truth.json", "masks"
"""What is written beside the series: their truth, and the folder of lesion masks."""

FULL_SCALE = 4000
"""The brightest stored value of a series, of 12 bits."""


@dataclass(frozen=True, slots=True, eq=False)
class RenderedSeries:
    """One series of a case, in the order of its slices along the normal.

    Args:
        folder: its name on disk.
        description: SeriesDescription.
        stack: geometry.
        slices: images and truth.
    """

    folder: str
    description: str
    stack: Stack
    slices: Sequence[RenderedSlice]


def write_sample(
    out: Path,
    *,
    kind: Pattern,
    seed: int,
    weightings: Sequence[Weighting] = (Weighting.T1, Weighting.FLUID),
    appearance: str | None = None,
) -> None:
    """Simulate one study and write it below `out`.

    Writes one folder of DICOM files a series, `truth.json`, and `masks/` with one NIfTI a lesion
    type and series (0 or 1, on the grid of the series). The same arguments write the same bytes.
    """
    case = sample_case(seed, kind=kind, appearance=appearance)
    truth = []
    for series in render_study(case, weightings=weightings):
        _write_dicom(out / series.folder, case, series)
        masks = _write_masks(out / MASKS, series)
        truth.append(
            {
                "folder": series.folder,
                "plane": series.stack.plane.value,
                "weighting": series.stack.weighting.value,
                "shape": list(series.stack.shape),
                "slice_labels": [s.label.value for s in series.slices],
                "masks": masks,
            }
        )
    facts = {
        "notice": SIMULATED_COMMENT,
        "kind": kind.value,
        "seed": seed,
        "appearance": appearance,
        "series": truth,
    }
    (out / TRUTH).write_text(json.dumps(facts, indent=1) + "\n")


def is_truth(path: str) -> bool:
    """Whether a path is that of a file which `write_sample` writes beside the images.

    >>> is_truth("a.zip/truth.json"), is_truth("masks/axial-stir-oedema-mechanical.nii.gz")
    (True, True)
    >>> is_truth("masks/patient.nii.gz"), is_truth("axial-stir/IM0001.dcm")
    (False, False)
    """
    *folders, name = path.split("/")
    if name == TRUTH:
        return True
    of_series = any(name.startswith(f"{folder}-") for folder, *_ in SERIES)
    return folders[-1:] == [MASKS] and of_series and name.endswith(".nii.gz")


def render_study(case: Case, *, weightings: Sequence[Weighting]) -> list[RenderedSeries]:
    """Every series of the protocol in those weightings; T1 and STIR share their geometry."""
    wanted = [one for one in SERIES if one[3] in weightings]
    stacks: dict[Plane, Stack] = {}
    slices: dict[Plane, list[dict[Weighting, RenderedSlice]]] = {}
    for plane in dict.fromkeys(plane for _, _, plane, _ in wanted):
        of_plane = [weighting for _, _, its_plane, weighting in wanted if its_plane is plane]
        rng = np.random.default_rng([case.seed, list(Plane).index(plane)])
        stacks[plane] = sample_stack(rng, case, plane=plane, weighting=of_plane[0])
        slices[plane] = list(render_series_in(case, stacks[plane], of_plane))
    return [
        RenderedSeries(
            folder,
            description,
            replace(stacks[plane], weighting=weighting),
            [each[weighting] for each in slices[plane]],
        )
        for folder, description, plane, weighting in wanted
    ]


def _write_dicom(folder: Path, case: Case, series: RenderedSeries) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    brightest = max(float(np.percentile(s.image, 99.95)) for s in series.slices)
    for index, rendered in enumerate(series.slices):
        stored = np.clip(rendered.image / brightest * FULL_SCALE, 0, 4095).astype(np.uint16)
        _image(case, series, index, stored).save_as(
            folder / f"IM{index + 1:04d}.dcm", enforce_file_format=True
        )


def _image(
    case: Case, series: RenderedSeries, index: int, stored: npt.NDArray[np.uint16]
) -> FileDataset:
    affine = series.stack.affine_lps
    step, row_mm, column_mm = spacing_mm(affine)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = MRImageStorage
    meta.MediaStorageSOPInstanceUID = _uid(case, series.folder, str(index))
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    image.SOPClassUID = MRImageStorage
    image.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    image.StudyInstanceUID = _uid(case)
    image.SeriesInstanceUID = _uid(case, series.folder)
    image.FrameOfReferenceUID = _uid(case, "frame of reference")
    image.PatientName = "SYNTHETIC^PHANTOM"
    image.PatientID = f"SYNTHETIC-{case.seed}"
    image.PatientBirthDate = image.PatientSex = image.StudyDate = image.StudyTime = ""
    image.AccessionNumber = image.ReferringPhysicianName = image.StudyID = ""
    image.ImageComments = SIMULATED_COMMENT
    image.StudyDescription = "SYNTHETIC sacroiliac joints"
    image.SeriesDescription = series.description
    image.SeriesNumber = [folder for folder, *_ in SERIES].index(series.folder) + 1
    image.InstanceNumber = index + 1
    image.Modality, image.Manufacturer = "MR", SIMULATOR
    image.ImageType = ["DERIVED", "SECONDARY", "OTHER"]
    image.BodyPartExamined, image.PatientPosition = "PELVIS", "HFS"
    _describe_sequence(image, case, series.stack.weighting)
    image.SliceThickness = f"{series.stack.thickness_mm:.3f}"
    image.SpacingBetweenSlices = f"{step:.4f}"
    image.PixelSpacing = [f"{row_mm:.6f}", f"{column_mm:.6f}"]
    image.ImageOrientationPatient = [
        f"{v:.8f}" for v in (*affine[:3, 2] / column_mm, *affine[:3, 1] / row_mm)
    ]
    position = affine[:3, 3] + index * affine[:3, 0]
    image.ImagePositionPatient = [f"{v:.5f}" for v in position]
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.Rows, image.Columns = stored.shape
    image.BitsAllocated, image.BitsStored, image.HighBit = 16, 12, 11
    image.PixelRepresentation = 0
    image.PixelData = stored.astype("<u2").tobytes()
    return image


def _describe_sequence(image: FileDataset, case: Case, weighting: Weighting) -> None:
    sequence: PulseSequence = (
        t1_sequence(field_t=case.field_t)
        if weighting is Weighting.T1
        else stir_sequence(field_t=case.field_t)
    )
    image.ScanningSequence = "SE" if sequence.ti_ms is None else ["SE", "IR"]
    image.SequenceVariant, image.ScanOptions, image.MRAcquisitionType = "SK", "", "2D"
    image.RepetitionTime, image.EchoTime = f"{sequence.tr_ms:.1f}", f"{sequence.te_ms:.1f}"
    if sequence.ti_ms is not None:
        image.InversionTime = f"{sequence.ti_ms:.1f}"
    image.EchoTrainLength = 3 if sequence.ti_ms is None else 12
    image.MagneticFieldStrength = f"{case.field_t:.1f}"


def _write_masks(folder: Path, series: RenderedSeries) -> dict[str, str]:
    """One mask a lesion type and cause that occurs; returns their paths by type and cause."""
    folder.mkdir(parents=True, exist_ok=True)
    keys = sorted({key for rendered in series.slices for key in rendered.masks})
    names = {}
    for lesion_type, cause in keys:
        empty: Floats = np.zeros(series.stack.shape[1:], np.float32)
        cover = np.stack([s.masks.get((lesion_type, cause), empty) for s in series.slices])
        name = f"{series.folder}-{lesion_type}-{cause}.nii.gz"
        mask = (cover >= 0.5).astype(np.uint8)
        image: Any = nib.Nifti1Image(mask.transpose(2, 1, 0), ras_affine(series.stack.affine_lps))
        nib.save(image, folder / name)
        names[f"{lesion_type}-{cause}"] = f"{MASKS}/{name}"
    return names


def _uid(case: Case, *parts: str) -> UID:
    return generate_uid(prefix=UID_ROOT, entropy_srcs=[case.kind.value, str(case.seed), *parts])
