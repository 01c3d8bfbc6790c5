"""Weights, cards, calibration and scope are those that were signed, or nothing is judged."""

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from asemble.cli import main
from asemble.core.errors import WeightsError
from asemble.models import load_ensemble, signing
from asemble.models.signing import LIST, SHIPPED_DIRECTORY, open_signed, pinned, sign_all
from asemble.models.weights import DIRECTORY_VARIABLE
from asemble.performance.records import Performance
from asemble.performance.store import write_performance

ROOT = Path(__file__).parents[1]


@pytest.fixture
def own(tmp_path: Path, random_weights: Path) -> Path:
    """A clinic's own weights, as the tool left them."""
    return Path(shutil.copytree(random_weights, tmp_path / "own"))


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the shipped weights in the place of the shipped ones."""
    copy = Path(shutil.copytree(SHIPPED_DIRECTORY, tmp_path / "weights"))
    pin = Path(shutil.copy(signing.PIN, tmp_path / "shipped.sha256"))
    monkeypatch.setattr(signing, "SHIPPED_DIRECTORY", copy)
    monkeypatch.setattr(signing, "PIN", pin)
    return copy


def change(path: Path) -> None:
    """One number of a JSON file, or one bit of another."""
    if path.suffix != ".json":
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
        return
    text = path.read_text()
    place = next(i for i, letter in enumerate(text) if letter.isdigit())
    path.write_text(text[:place] + str((int(text[place]) + 1) % 10) + text[place + 1 :])


def code_of(folder: Path, *, must_be_shipped: bool = False) -> str:
    with pytest.raises(WeightsError) as caught:
        open_signed(folder, must_be_shipped=must_be_shipped)
    assert str(caught.value).count("\n") == 0
    return caught.value.code


def test_the_shipped_files_are_the_ones_that_the_code_pins() -> None:
    signed = open_signed(SHIPPED_DIRECTORY, must_be_shipped=True)
    assert signed.is_shipped
    assert signed.words == "the weights that asemble ships"
    assert pinned() == hashlib.sha256((SHIPPED_DIRECTORY / LIST).read_bytes()).hexdigest()
    listed = {SHIPPED_DIRECTORY / name for name in signed.digests}
    kept = {p for p in SHIPPED_DIRECTORY.rglob("*") if p.is_file()}
    assert {p for p in kept if p.suffix != ".checkpoint"} == listed | {SHIPPED_DIRECTORY / LIST}


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="no sha256sum on this machine")
def test_the_list_and_its_pin_can_be_checked_without_asemble() -> None:
    for folder, name in ((SHIPPED_DIRECTORY, LIST), (ROOT, signing.PIN)):
        done = subprocess.run(
            ["sha256sum", "--check", "--strict", "--quiet", name], cwd=folder, check=False
        )
        assert done.returncode == 0


def test_one_changed_number_in_any_file_is_refused_by_its_name(own: Path) -> None:
    for name in open_signed(own, must_be_shipped=False).digests:
        before = (own / name).read_bytes()
        change(own / name)
        with pytest.raises(WeightsError, match=f"{name} was changed") as caught:
            open_signed(own, must_be_shipped=False)
        assert caught.value.code == "weights-changed"
        (own / name).write_bytes(before)
    assert not open_signed(own, must_be_shipped=False).is_shipped


def test_a_changed_coefficient_is_refused_at_start_by_every_command(
    own: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = own / "ensemble.json"
    content = json.loads(path.read_text())
    content["coefficients"]["coronal"][0][0] += 3
    path.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")
    with pytest.raises(WeightsError, match=r"ensemble\.json was changed"):
        load_ensemble(own)
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(own))
    assert main(["models"]) == 2
    assert "ensemble.json was changed" in capsys.readouterr().err


def test_missing_files_and_files_that_nobody_signed_are_refused(own: Path) -> None:
    (own / "scope.json").rename(own / "scope.json.old")
    assert code_of(own) == "weights-missing"
    (own / "scope.json.old").rename(own / "scope.json")
    (own / "performance.json").write_text("{}")
    assert code_of(own) == "weights-unsigned"
    (own / "performance.json").unlink()
    (own / "notes.txt").write_text("not read by anything")
    open_signed(own, must_be_shipped=False)
    (own / LIST).write_text("no list\n")
    assert code_of(own) == "weights-changed"
    (own / LIST).unlink()
    assert code_of(own) == "weights-unsigned"


def test_a_list_that_was_changed_together_with_a_file_is_no_shipped_one(shipped: Path) -> None:
    change(shipped / "ensemble.json")
    digest = hashlib.sha256((shipped / "ensemble.json").read_bytes()).hexdigest()
    lines = (shipped / LIST).read_text().splitlines()
    forged = [f"{digest}  ensemble.json" if "ensemble" in line else line for line in lines]
    (shipped / LIST).write_text("\n".join(forged) + "\n")
    assert code_of(shipped, must_be_shipped=True) == "weights-not-shipped"
    assert open_signed(shipped, must_be_shipped=False).words == (
        "not the weights that asemble ships"
    )


def test_what_the_tool_writes_it_signs_and_only_that(own: Path) -> None:
    change(own / "coronal-pvt.json")
    write_performance(own, Performance())
    with pytest.raises(WeightsError, match=r"coronal-pvt\.json was changed"):
        open_signed(own, must_be_shipped=False)


def test_a_folder_is_signed_anew_by_one_command(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (own / LIST).unlink()
    assert main(["models", "--weights", str(own)]) == 2
    assert "asemble models --sign" in capsys.readouterr().err
    assert main(["models", "--sign", "--weights", str(own)]) == 0
    assert "not the weights that asemble ships" in capsys.readouterr().out
    assert not load_ensemble(own).signed.is_shipped


def test_signing_the_shipped_folder_pins_it(shipped: Path) -> None:
    before = pinned()
    change(shipped / "ensemble.json")
    assert sign_all(shipped).is_shipped
    assert pinned() != before
    write_performance(shipped, Performance())
    assert open_signed(shipped, must_be_shipped=True).is_shipped


def test_the_default_weights_have_to_be_the_shipped_ones_and_named_ones_need_not(
    shipped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asemble.models.weights.SHIPPED_DIRECTORY", shipped)
    monkeypatch.setattr("asemble.models.ensemble.SHIPPED_DIRECTORY", shipped)
    signing.PIN.write_text("0" * 64 + "  weights/SHA256SUMS\n")
    with pytest.raises(WeightsError, match="not the weights that asemble ships"):
        load_ensemble()
    assert not load_ensemble(shipped).signed.is_shipped
