"""Real files of several vendors read as their manifest says, and as dcm2niix converts them."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from asemble.core.geometry import spacing_mm
from asemble.core.study import Study
from asemble.io import convert, read_study

FOLDERS = (
    "transfer-syntaxes",
    "enhanced-siemens",
    "enhanced-philips",
    "ge-deidentified",
    "ge-mprage",
    "philips-fmri",
    "toshiba-two-volumes",
    "united-imaging-dti",
)
UNREAD_BY_DCM2NIIX = "transfer-syntaxes"
"""A folder of which some versions of dcm2niix cannot decode all (JPEG-LS)."""

_studies: dict[str, Study] = {}


def study_of(shared: Path, folder: str) -> Study:
    if folder not in _studies:
        _studies[folder] = read_study(shared / "data" / "dicom" / folder)
    return _studies[folder]


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_reads_as_its_manifest_says(shared_dir: Path, folder: str) -> None:
    manifest = json.loads((shared_dir / "data" / "dicom" / "manifest.json").read_text())
    expect = manifest["folders"][folder]["expect"]
    study = study_of(shared_dir, folder)
    assert study.refused == ()
    if "volumes" in expect:
        assert len(study.series) == expect["volumes"]
    for series in study.series:
        assert series.volume.affine_lps is not None
        assert series.volume.shape == (expect["slices"], expect["rows"], expect["columns"])
        measured = spacing_mm(series.volume.affine_lps)
        assert measured == pytest.approx(expect["spacing_mm"], abs=1e-3)
        if "plane" in expect:
            assert series.plane == expect["plane"]


def test_the_manifest_lists_the_folders_that_are_tested(shared_dir: Path) -> None:
    manifest = json.loads((shared_dir / "data" / "dicom" / "manifest.json").read_text())
    assert sorted(manifest["folders"]) == sorted(FOLDERS)


def test_nine_transfer_syntaxes_decode_to_the_same_pixels(shared_dir: Path) -> None:
    study = study_of(shared_dir, "transfer-syntaxes")
    assert len(study.series) == 9
    for series in study.series:
        assert series.volume.voxels.sum(dtype=np.float64) == 38036663
        assert np.array_equal(series.volume.voxels, study.series[0].volume.voxels)


@pytest.mark.parametrize("folder", FOLDERS)
def test_convert_agrees_with_dcm2niix(shared_dir: Path, tmp_path: Path, folder: str) -> None:
    if shutil.which("dcm2niix") is None:
        pytest.skip("dcm2niix, the oracle, is not installed (apt install dcm2niix)")
    ours = [canonical(nib.load(path)) for path in convert(study_of(shared_dir, folder), tmp_path)]
    oracle = oracle_volumes(shared_dir / "data" / "dicom" / folder, tmp_path)
    assert oracle
    assert len(oracle) == len(ours) or folder == UNREAD_BY_DCM2NIIX
    for theirs in oracle:
        match = [mine for mine in ours if is_same(mine, theirs)]
        assert match, f"no volume of ours is that of dcm2niix with affine\n{theirs[1]}"
    if folder != UNREAD_BY_DCM2NIIX:
        for mine in ours:
            assert any(is_same(mine, theirs) for theirs in oracle)


def oracle_volumes(source: Path, out: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """Every 3D volume that dcm2niix writes, with the scaling of the DICOM header (-p n)."""
    target = out / "dcm2niix"
    target.mkdir()
    command = ["dcm2niix", "-p", "n", "-z", "n", "-f", "%s_%d", "-o", str(target), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    volumes = []
    for path in sorted(target.glob("*.nii")):
        image: Any = nib.load(path)
        whole = image.get_fdata()
        for index in range(1 if whole.ndim == 3 else whole.shape[3]):
            voxels = whole if whole.ndim == 3 else whole[..., index]
            volumes.append(canonical(nib.Nifti1Image(voxels, image.affine)))
    return volumes


def canonical(image: Any) -> tuple[np.ndarray, np.ndarray]:
    """Voxels and affine after the axis flips that bring the image nearest to RAS."""
    turned = nib.as_closest_canonical(image)
    return turned.get_fdata(), turned.affine


def is_same(mine: tuple[np.ndarray, np.ndarray], theirs: tuple[np.ndarray, np.ndarray]) -> bool:
    return (
        mine[0].shape == theirs[0].shape
        and np.allclose(mine[1][:3, :3], theirs[1][:3, :3], atol=1e-3)
        and np.allclose(mine[1][:3, 3], theirs[1][:3, 3], atol=0.02)
        and np.allclose(mine[0], theirs[0], rtol=1e-4, atol=1e-3)
    )
