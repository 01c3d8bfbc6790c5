"""`asemble cases`: the verbs, and the attribution of what they fetched."""

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from mr_files import mr_image, to_bytes
from public_bucket import (
    CITATION,
    FakeBucket,
    folder_of,
    write_table,
)

from asemble import io
from asemble.cases import Table, load_table
from asemble.cli import main
from asemble.fetch import CaseCache


def test_the_verbs_list_fetch_and_empty(
    table: Table, url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--cache", str(tmp_path / "cache")]
    assert main(["cases", "list", *where]) == 0
    said = capsys.readouterr().out
    assert "A-1  SOME  CC BY 4.0" in said and "cached" not in said and "Nobody read" in said
    assert main(["cases", "fetch", "A-1", "--base-url", url, *where]) == 0
    said = capsys.readouterr().out
    folder = Path(said.splitlines()[0])
    assert CITATION in said
    assert main(["cases", "list", "--json", *where]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [(each["id"], each["cached"]) for each in listed] == [("A-1", True), ("B-2", False)]
    assert listed[0]["attribution"] and listed[0]["seen"] == "not stated"
    assert main(["convert", str(folder), str(tmp_path / "nifti")]) == 0
    sidecar = json.loads((tmp_path / "nifti" / "s01.json").read_text())
    assert CITATION in sidecar["attribution"][0]
    assert main(["cases", "empty", "A-1", *where]) == 0
    assert not folder.exists()


def test_the_verb_tells_a_failure_in_a_line_or_as_json(
    table: Table, url: str, store: FakeBucket, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store.cut_after = 100
    how = ["--base-url", url, "--cache", str(tmp_path / "cache")]
    assert main(["cases", "fetch", "--all", *how]) == 2
    said = capsys.readouterr().err
    assert said.startswith("asemble: The connection broke off") and said.count("\n") == 1
    assert main(["cases", "fetch", "B-2", "--json", *how]) == 2
    (error,) = json.loads(capsys.readouterr().out)["errors"]
    assert error["code"] == "interrupted" and error["message"] and error["hint"]


def test_a_licence_can_be_asked_for(
    table: Table, url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    how = ["--base-url", url, "--cache", str(tmp_path / "cache")]
    assert main(["cases", "fetch", "--all", "--licence", "CC0 1.0", *how]) == 2
    assert "so described" in capsys.readouterr().err
    assert main(["cases", "fetch", "--all", "--licence", "CC BY 4.0", *how]) == 0


def test_an_operator_can_switch_fetching_off(
    table: Table, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:  # fmt: skip
    for use in ("off", "cached"):
        monkeypatch.setenv("ASEMBLE_CASES", use)
        assert main(["cases", "fetch", "--all", "--json", "--cache", str(tmp_path / "c")]) == 2
        (error,) = json.loads(capsys.readouterr().out)["errors"]
        assert error["code"] == "switched-off"
    monkeypatch.setenv("ASEMBLE_CASES", "perhaps")
    assert main(["cases", "fetch", "--all"]) == 2
    assert "ASEMBLE_CASES" in capsys.readouterr().err


def test_the_parts_that_training_used_are_written_in_their_place(
    store: FakeBucket, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = {"slices": [1, 3], "rows": [2, 4], "columns": [1, 4]}
    path = write_table(tmp_path / "part.toml", store, {"B-2": {3: "coronal"}}, painted=part)
    monkeypatch.setenv("ASEMBLE_CASES_TABLE", str(path))
    monkeypatch.setenv("ASEMBLE_CASES_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("ASEMBLE_CASES_URL", url)
    assert main(["cases", "painted", str(tmp_path / "out")]) == 2  # not there yet
    assert main(["cases", "fetch", "--painted"]) == 0
    assert main(["cases", "painted", str(tmp_path / "out")]) == 0
    (case,) = load_table().cases
    (whole,) = io.read_study(CaseCache().require(case)).series
    written = io.read_study(tmp_path / "out" / "P-B-2_t1_cor.nii.gz").series[0].volume
    np.testing.assert_array_equal(written.voxels, whole.volume.voxels[1:4, 2:5, 1:5])
    assert written.affine_lps is not None and whole.volume.affine_lps is not None
    np.testing.assert_allclose(
        written.affine_lps @ [0, 0, 0, 1], whole.volume.affine_lps @ [1, 2, 1, 1], atol=1e-4
    )
    axes = nib.load(tmp_path / "out" / "P-B-2_t1_cor.nii.gz").affine
    assert nib.aff2axcodes(axes) == ("L", "I", "P")  # as the ranges of the table are counted
    assert CITATION in (tmp_path / "out" / "ATTRIBUTION.txt").read_text()


# The attribution.


def test_a_published_series_is_credited_whichever_way_it_comes_in(
    table: Table, store: FakeBucket
) -> None:
    files = store.files[folder_of(3)]
    parts = [io.Part.from_bytes(name, content) for name, content in files.items()]
    assert CITATION in io.read_parts(parts).attribution[0]
    own = [io.Part.from_bytes("a", to_bytes(mr_image(i, series="1.9"))) for i in range(5)]
    assert io.read_parts(own).attribution == ()
