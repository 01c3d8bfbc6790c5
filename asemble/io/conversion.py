"""A study to NIfTI files with JSON sidecars, free of identifiers."""

import json
from pathlib import Path

from asemble.core.labels import STANDING_NOTICE
from asemble.core.study import Series, Study
from asemble.io.formats.nifti import write_nifti


def convert(study: Study, out: Path) -> list[Path]:
    """Write each series as `<id>.nii.gz` with `<id>.json` beside it; returns the images.

    Voxels are float32, stored `(column, row, slice)`, slices in the order of the volume.
    """
    out.mkdir(parents=True, exist_ok=True)
    images = []
    for series in study.all_series:
        image = out / f"{series.id}.nii.gz"
        volume = series.volume
        write_nifti(image, volume.voxels, volume.affine_lps, sizes_mm=volume.sizes_mm)
        sidecar = json.dumps(_facts(series, study), indent=1, ensure_ascii=False)
        (out / f"{series.id}.json").write_text(sidecar + "\n", encoding="utf-8")
        images.append(image)
    return images


def _facts(series: Series, study: Study) -> dict[str, object]:
    affine, spacing = series.volume.affine_lps, series.volume.spacing_mm
    return {
        "notice": STANDING_NOTICE,
        "id": series.id,
        "description": series.description,
        "plane": series.plane,
        "weighting": series.weighting,
        "body_part": series.body_part,
        "modality": series.modality,
        "frame_of_reference": series.frame_of_reference,
        "synthetic": series.synthetic,
        "shape": list(series.volume.shape),
        "spacing_mm": None if spacing is None else [round(v, 4) for v in spacing],
        "affine_lps": None if affine is None else affine.tolist(),
        "notes": list(series.notes),
        "attribution": list(study.attribution),
    }
