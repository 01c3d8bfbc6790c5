"""The command line keeps its contract: verbs, files, exit codes, one line for a refusal."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from small_studies import AXIAL, CORONAL, noise_series

from asemble import __version__, io
from asemble.cli import main, tell_fault
from asemble.commands.prediction import stated as stated_for_all
from asemble.core.labels import Plane, Weighting
from asemble.models import MEMBERS
from asemble.models.weights import DIRECTORY_VARIABLE


@pytest.fixture(autouse=True)
def _use_random_weights(monkeypatch: pytest.MonkeyPatch, random_weights: Path) -> None:
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(random_weights))


@pytest.fixture(scope="module")
def study_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    for name, plane, affine in (
        ("cor_stir", Plane.CORONAL, CORONAL),
        ("ax_stir", Plane.AXIAL, AXIAL),
    ):
        voxels = noise_series(plane, slices=3).volume.voxels
        io.write_nifti(folder / f"{name}.nii.gz", voxels, affine)
    return folder


@pytest.fixture(scope="module")
def predicted(
    study_folder: Path, random_weights: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    out = tmp_path_factory.mktemp("out")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(DIRECTORY_VARIABLE, str(random_weights))
        arguments = ["--json", str(out / "deep" / "p.json"), "--heatmaps", str(out / "h")]
        code = main(["predict", str(study_folder), "--weighting", "fluid", *arguments])
    assert code == 0
    return out


def answer(path: Path) -> dict[str, Any]:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    content: dict[str, Any] = json.loads(path.read_text(), parse_constant=refuse)
    return content


def test_predict_writes_the_contract(predicted: Path) -> None:
    content = answer(predicted / "deep" / "p.json")
    assert set(content) == {"study", "series", "weights", "weights_list", "version", "seconds"}
    assert set(content["study"]) == {
        "probabilities",
        "interval_inflammatory",
        "decision",
        "reasons",
        "deciding_slice",
    }
    assert set(content["study"]["deciding_slice"]) == {"series", "index", "heatmap_test"}
    low, high = content["study"]["interval_inflammatory"]
    assert 0 <= low <= content["study"]["probabilities"]["inflammatory"] <= high <= 1
    assert {s["plane"] for s in content["series"]} == {"coronal", "axial"}
    for series in content["series"]:
        assert list(series) == [
            "id",
            "description",
            "plane",
            "weighting",
            "shape",
            "used",
            "why_not",
            "code",
            "notes",
            "heatmap",
            "slices",
            "bones_from",
            "measurements",
        ]
        assert series["used"]
        assert series["shape"] == [3, 80, 96]
        for index, one in enumerate(series["slices"]):
            assert list(one) == [
                "index",
                "position_mm",
                "probabilities",
                "members",
                "counts",
                "why_not",
            ]
            assert one["counts"] and one["why_not"] is None  # of these weights every slice does
            assert one["index"] == index
            assert list(one["members"]) == list(MEMBERS)
            assert set(one["probabilities"]) == {"normal", "inflammatory", "mechanical"}
    assert len(content["weights"]) == 6
    assert content["version"] == __version__
    assert set(content["seconds"]) == {"read", "predict", "explain"}


def test_heatmaps_have_the_shape_and_affine_that_convert_writes(
    predicted: Path, study_folder: Path, tmp_path: Path
) -> None:
    assert main(["convert", str(study_folder), str(tmp_path)]) == 0
    for series in answer(predicted / "deep" / "p.json")["series"]:
        image: Any = nib.load(tmp_path / f"{series['id']}.nii.gz")
        for name in (series["heatmap"], f"{series['id']}-evidence.nii.gz"):
            heat: Any = nib.load(predicted / "h" / name)
            assert heat.shape == image.shape == tuple(reversed(series["shape"]))
            assert np.array_equal(heat.affine, image.affine)
            values = np.asarray(heat.dataobj)
            assert 0 < values.max() <= 1
            assert values.min() >= 0


def test_what_the_user_states_holds_for_every_series(study_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "p.json"
    stated = ["--plane", "sagittal", "--weighting", "t1"]
    assert main(["predict", str(study_folder), "--json", str(out), *stated]) == 0
    content = answer(out)
    assert {(s["plane"], s["weighting"]) for s in content["series"]} == {("sagittal", "t1")}
    assert content["study"]["decision"] == "abstain"
    assert content["study"]["probabilities"] is None
    assert content["study"]["reasons"]
    assert all(s["why_not"] and not s["used"] and not s["slices"] for s in content["series"])
    assert all(s["heatmap"] is None for s in content["series"])
    overruled = stated_for_all(
        io.read_study(study_folder), plane=Plane.SAGITTAL, weighting=Weighting.T1
    )
    said = " ".join(note for series in overruled.series for note in series.notes)
    assert "The file says coronal; --plane sagittal holds for every series and was taken." in said
    assert "The file says fluid; --weighting t1 holds for every series and was taken." in said


@pytest.mark.parametrize("content", [b"", b"this is no image, it is a letter"])
def test_unreadable_input_is_refused_in_one_line(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    letter = tmp_path / "letter.dcm"
    letter.write_bytes(content)
    assert main(["predict", str(letter), "--json", str(tmp_path / "p.json")]) == 2
    said = capsys.readouterr().err
    assert said.startswith("asemble: ")
    assert said.count("\n") == 1
    assert not (tmp_path / "p.json").exists()


def test_input_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    assert main(["convert", str(tmp_path / "nothing"), str(tmp_path / "out")]) == 2


def test_output_that_cannot_be_written_is_refused(
    study_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    assert main(["convert", str(study_folder), str(tmp_path / "file")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_weights_that_changed_are_refused(
    study_folder: Path,
    tmp_path: Path,
    random_weights: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for path in random_weights.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    damaged = tmp_path / "axial-pvt.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"\x01")
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(tmp_path))
    assert main(["predict", str(study_folder), "--json", str(tmp_path / "p.json")]) == 2
    assert "axial-pvt" in capsys.readouterr().err
    assert main(["models"]) == 2


def test_models_lists_every_network_as_checked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0
    said = capsys.readouterr().out
    assert said.count("signed, matches its card") == 6
    assert "chance: 0.5" in said
    assert "These are not the weights that asemble ships" in said


def test_a_sample_is_not_written_over_something_else(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    assert main(["sample", str(tmp_path), "--kind", "normal", "--seed", "1"]) == 2
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]


def test_an_appearance_that_nobody_knows_is_refused_with_those_there_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "sample"
    arguments = ["sample", str(out), "--kind", "normal", "--seed", "1", "--appearance", "sepia"]
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert "sepia" in said and "thick slices" in said
    assert not out.exists()


def test_wrong_arguments_end_with_code_two() -> None:
    for arguments in (
        ["predict", "x"],
        ["sample", "x", "--kind", "odd", "--seed", "1"],
        ["sample", "x", "--kind", "normal", "--seed", "-1"],
    ):
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        assert stop.value.code == 2


def test_a_fault_of_ours_names_its_place_and_not_the_data(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(ValueError, match="Jane") as caught:
        Plane("Jane Doe")
    tell_fault(caught.type, caught.value, caught.tb)
    said = capsys.readouterr().err
    assert "ValueError" in said
    assert "Jane" not in said
    assert said.count("\n") == 1


def test_help_needs_neither_torch_nor_pydicom() -> None:
    script = (
        "import sys, asemble.cli as cli\n"
        "try: cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "sys.exit(any(name in sys.modules for name in ('torch', 'timm', 'pydicom', 'scipy')))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert b"sample" in done.stdout
