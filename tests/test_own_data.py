"""Your own data, end to end: pictures or stacks with masks to a network and to its validation."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from own_data_files import (
    SLICES,
    Stack,
    noise_picture,
    simulated_stack,
    write_pictures,
    write_stacks,
)
from safetensors.torch import load_file

from asemble.cli import main
from asemble.core.labels import JUDGED_PLANES, PATTERNS, Pattern, Plane, Weighting
from asemble.datasets.manifest import Row, read_manifest
from asemble.datasets.own_data import Collected, read_row
from asemble.datasets.own_sets import own_sets
from asemble.datasets.slice_set import SliceSet
from asemble.imaging.intensity import squash
from asemble.imaging.slices import prepare
from asemble.models import MEMBERS, load_ensemble
from asemble.models.cards import card_path, read_card
from asemble.models.fusion import save_fusion, uncalibrated
from asemble.training.config import TrainingConfig
from asemble.training.initial_weights import start_from
from asemble.training.loop import train
from asemble.training.losses import total_loss

KINDS = (Pattern.INFLAMMATORY, Pattern.NORMAL)
CONFIG = "member = 'efficientnet'\nplane = 'coronal'\npasses = 4\nbatch = 4\nvalidate_every = 4\n"
NAME = "coronal-efficientnet.safetensors"


@pytest.fixture(scope="module")
def stacks() -> list[Stack]:
    # The first has oedema on some of its slices and none on others.
    return [simulated_stack(80 + n, KINDS[n % 2]) for n in range(4)]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "run.toml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


@pytest.fixture
def weights(tmp_path: Path, random_weights: Path) -> Path:
    return Path(shutil.copytree(random_weights, tmp_path / "weights"))


def fit(weights: Path) -> None:
    """As `asemble evaluate calibrate` does, without its minutes of simulation."""
    names = {plane: list(MEMBERS) for plane in JUDGED_PLANES}
    save_fusion(weights, uncalibrated(load_ensemble(weights, device="cpu").weights, names))


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def read_json(path: Path) -> dict[str, object]:
    content: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
    return content


def test_a_folder_of_pictures_becomes_a_network_and_its_validation(
    stacks: list[Stack],
    config: Path,
    weights: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_pictures(tmp_path / "set", stacks, by_patient=True)
    manifest, out = tmp_path / "list.csv", tmp_path / "found"
    assert run("manifest", tmp_path / "set", manifest, "--weighting", "fluid") == 0
    trained = ("train", config, "--manifest", manifest, "--out", weights)
    assert run(*trained, "--from-weights", weights, "--force") == 0
    fit(weights)
    assert run("evaluate", "external", "--manifest", manifest, "--weights", weights,
               "--out", out) == 0  # fmt: skip
    content = read_json(out / "external.json")
    assert content["cases"] == {"what": "patients", "count": 4}
    assert content["judged_slices"] + content["abstained"]["slices_not_judged"] == 4 * SLICES
    assert content["judged_slices"] > 0
    found = content["figures"]["patients"]
    assert found["AUC"]["cases"] == 4 and 0 <= found["AUC"]["low"] <= found["AUC"]["value"]
    assert set(found) >= {"sensitivity", "specificity", "accuracy", "precision", "F1"}
    assert len(content["decision_curve"]["points"]) == 19
    assert content["pointing"] == {}
    assert any("were trained on rows of this manifest" in w for w in content["warnings"])
    assert any(w.startswith("2 inflammatory and 2 other cases") for w in content["warnings"])
    page = (out / "external.md").read_text(encoding="utf-8")
    assert "| 0.50 |" in page and "act on none" in page
    written = page + json.dumps(content) + card_path(weights / NAME).read_text() + "".join(
        capsys.readouterr()
    )  # fmt: skip
    assert "Muster" not in written and str(tmp_path) not in written


def test_stacks_with_masks_become_a_network_that_is_measured_on_other_patients(
    stacks: list[Stack], config: Path, weights: Path, tmp_path: Path
) -> None:
    write_stacks(tmp_path, stacks)
    splits = ["training", "training", "validation", "validation"]
    for number, part in ((4, "test"), (5, "test")):
        shutil.copy(tmp_path / f"{number - 4}.nii.gz", tmp_path / f"{number}.nii.gz")
        splits.append(part)
    shutil.copy(tmp_path / "0-mask.nii.gz", tmp_path / "4-mask.nii.gz")
    lines = ["path,patient,label,plane,weighting,mask,site,split"]
    for number, part in enumerate(splits):
        kind = KINDS[number % 2]
        mask = f"{number}-mask.nii.gz" if kind is Pattern.INFLAMMATORY else ""
        lines.append(
            f"{number}.nii.gz,Muster{number},{kind},coronal,fluid,{mask},{'AB'[number % 2]},{part}"
        )
    manifest, out = tmp_path / "list.csv", tmp_path / "found"
    manifest.write_text("\n".join(lines), encoding="utf-8")
    assert run("train", config, "--manifest", manifest, "--out", weights, "--force") == 0
    card = read_card(card_path(weights / NAME))
    assert card.data["absent_classes"] == ["mechanical"]
    assert card.data["training_cases"] == 2 and card.data["validation_slices"] == 2 * SLICES
    assert card.metrics["validation_pointing"] is not None
    fit(weights)
    measured = ("evaluate", "external", "--manifest", manifest, "--weights", weights, "--out", out)
    assert run(*measured) == 0
    content = read_json(out / "external.json")
    assert content["cases"]["count"] == 2  # those of the test split
    assert not any("trained on rows" in warning for warning in content["warnings"])
    assert set(content["pointing"]) == {"gradcam", "evidence"}
    assert set(content["sites"]) == {"A", "B"}
    marked = int(stacks[0].oedema.any(axis=(1, 2)).sum())
    assert 0 < marked < SLICES
    confusion = content["confusion"]["slices"]
    assert sum(confusion["inflammatory"].values()) == marked
    assert sum(confusion["normal"].values()) == 2 * SLICES - marked


def test_without_patients_the_flattery_of_image_level_splits_is_measured(
    stacks: list[Stack],
    config: Path,
    random_weights: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    slices = 4  # each is judged as a study of its own
    short = [replace(stack, voxels=stack.voxels[:slices]) for stack in stacks]
    write_pictures(tmp_path / "set", short, by_patient=False)
    manifest, out = tmp_path / "list.csv", tmp_path / "found"
    assert run("manifest", tmp_path / "set", manifest, "--weighting", "fluid") == 0
    sets = own_sets(read_manifest(manifest), Plane.CORONAL, seed=0)
    assert not set(sets.training.cases) & set(sets.validation.cases)
    assert any(note.startswith("Image-level splits") for note in sets.notes)
    both = sets.facts["nearest_neighbour_accuracy"]
    assert both["images_split_one_by_one"]["value"] > 0.9
    groups = both["near_duplicates_kept_together"]["cases"]
    assert len(stacks) <= groups < len(stacks) * slices
    assert run("evaluate", "external", "--manifest", manifest, "--weights", random_weights,
               "--out", out) == 0  # fmt: skip
    content = read_json(out / "external.json")
    assert content["cases"] == {"what": "groups", "count": groups}
    assert set(content["figures"]) == {"slices"}
    assert content["nearest_neighbour_accuracy"] == both
    assert "Image-level splits" in capsys.readouterr().out


def test_a_frozen_body_keeps_every_bit_and_a_full_run_does_not(
    stacks: list[Stack], config: Path, random_weights: Path, tmp_path: Path
) -> None:
    write_pictures(tmp_path / "set", stacks, by_patient=True)
    manifest = tmp_path / "list.csv"
    run("manifest", tmp_path / "set", manifest, "--weighting", "fluid")
    begun = ("train", config, "--manifest", manifest, "--from-weights", random_weights / NAME)
    assert run(*begun, "--freeze-body", "--out", tmp_path / "frozen") == 0
    assert run(*begun, "--out", tmp_path / "full") == 0
    before = load_file(random_weights / NAME)
    frozen, full = load_file(tmp_path / "frozen" / NAME), load_file(tmp_path / "full" / NAME)
    body = [name for name in before if name.startswith("body.")]
    assert any("running_mean" in name for name in body)
    assert all(torch.equal(before[name], frozen[name]) for name in body)
    assert not torch.equal(before["head.evidence.weight"], frozen["head.evidence.weight"])
    assert not all(torch.equal(before[name], full[name]) for name in body)
    training = read_card(card_path(tmp_path / "frozen" / NAME)).training
    assert training["from_weights"] == read_card(card_path(random_weights / NAME)).sha256
    assert training["freeze_body"] is True


def test_nothing_is_overwritten_without_force(
    config: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (weights / NAME).read_bytes()
    assert run("train", config, "--out", weights, "--cache", tmp_path / "cache") == 2
    assert run("train", config, "--out", weights, "--manifest", tmp_path / "gone.csv") == 2
    assert capsys.readouterr().err.count(f"{NAME} exists in the output folder") == 2
    assert (weights / NAME).read_bytes() == before
    assert not (tmp_path / "cache").exists()
    out = tmp_path / "found"
    out.mkdir()
    (out / "external.md").write_text("kept")
    arguments = ("evaluate", "external", "--manifest", tmp_path / "gone.csv", "--out", out)
    assert run(*arguments) == 2
    assert "external.md exist" in capsys.readouterr().err
    assert run(*arguments, "--force") == 2
    assert "The manifest cannot be read" in capsys.readouterr().err
    assert (out / "external.md").read_text() == "kept"


def test_a_wrong_line_stops_training_and_measuring_before_anything_is_written(
    config: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    noise_picture(tmp_path / "0.png", 0)
    (tmp_path / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n torn")
    manifest, out = tmp_path / "list.csv", tmp_path / "new"
    manifest.write_text(
        "path,label,plane,weighting\n0.png,normal,coronal,fluid\n1.png,normal,coronal,fluid\n"
    )
    assert run("train", config, "--manifest", manifest, "--out", out) == 2
    assert run("evaluate", "external", "--manifest", manifest, "--weights", weights,
               "--out", out) == 2  # fmt: skip
    assert capsys.readouterr().err.count("line 3: this picture is damaged") == 2
    assert not out.exists()


def test_weights_of_another_member_or_without_a_manifest_are_refused(
    config: Path, random_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = random_weights / "axial-pvt.safetensors"
    manifest = tmp_path / "gone.csv"
    out = ("--out", tmp_path / "new")
    assert run("train", config, "--manifest", manifest, "--from-weights", other, *out) == 2
    assert "weights are of axial-pvt, the configuration trains" in capsys.readouterr().err
    assert run("train", config, "--manifest", manifest, "--freeze-body", *out) == 2
    assert "A frozen body learns nothing" in capsys.readouterr().err
    assert run("train", config, "--from-weights", random_weights, *out) == 2
    assert "for a run with --manifest" in capsys.readouterr().err


def own_slices(count: int, *, first_case: int, masked: bool = True) -> SliceSet:
    rng = np.random.default_rng(first_case)
    lesions = np.zeros((count, 2, 128, 128), np.uint8)
    labels = np.arange(count) % 2
    lesions[labels == 1, 0, 20:24, 30:36] = 255
    return SliceSet(
        rng.uniform(0.5, 2, (count, 256, 256)).astype(np.float16),
        lesions,
        labels.astype(np.int64),
        first_case + np.arange(count, dtype=np.int64),
        masked=np.full(count, masked),
    )


def test_an_interrupted_run_resumes_to_the_same_weights_and_other_data_does_not(
    random_weights: Path, tmp_path: Path
) -> None:
    run_config = TrainingConfig("efficientnet", Plane.CORONAL, passes=12, batch=4, validate_every=4)
    begin = start_from(random_weights, run_config, freeze_body=True)
    sets = (own_slices(8, first_case=0), own_slices(4, first_case=100))

    class StoppedError(Exception):
        pass

    def stop(line: str) -> None:
        if "validation at 8" in line:
            raise StoppedError

    unbroken = train(run_config, *sets, tmp_path / "a", start=begin, log=lambda line: None)
    with pytest.raises(StoppedError):
        train(run_config, *sets, tmp_path / "b", start=begin, log=stop)
    lines: list[str] = []
    resumed = train(run_config, *sets, tmp_path / "b", start=begin, log=lines.append)
    assert lines[0] == "resumed at 8 of 12 passes"
    assert resumed.card.sha256 == unbroken.card.sha256
    others = (own_slices(8, first_case=20), sets[1])
    with pytest.raises(Exception, match="another run"):
        train(run_config, *others, tmp_path / "b", start=begin, log=lines.append)
    anew: list[str] = []
    train(run_config, *others, tmp_path / "b", start=begin, replace_other=True, log=anew.append)
    assert not anew[0].startswith("resumed")


def test_slices_are_prepared_as_prediction_does_and_masks_lie_on_their_lesions(
    stacks: list[Stack], tmp_path: Path
) -> None:
    write_stacks(tmp_path, stacks)
    row = Row(2, tmp_path / "0.nii.gz", "a", Pattern.INFLAMMATORY, Plane.CORONAL, Weighting.FLUID,
              tmp_path / "0-mask.nii.gz", "", "")  # fmt: skip
    labelled = read_row(row)
    collected = Collected()
    collected.add(labelled)
    slices = collected.slices([0], np.array([7]))
    expected = prepare(labelled.series.volume, Plane.CORONAL).images
    assert np.abs(squash(slices.images.astype(np.float32)) - expected).max() < 2e-3
    assert slices.masked.all() and set(slices.cases.tolist()) == {7}
    assert labelled.lesions is not None
    assert np.array_equal(labelled.lesions, stacks[0].oedema)
    bright = replace(labelled.series.volume, voxels=stacks[0].oedema.astype(np.float32))
    seen = prepare(bright, Plane.CORONAL).grid.to_square(bright.voxels)
    inside = slices.lesions[:, 0].repeat(2, axis=1).repeat(2, axis=2) > 0
    assert seen[inside].sum() > 0.99 * seen.sum() > 0
    assert not slices.lesions[:, 1].any()


def test_full_masks_change_nothing_and_missing_ones_leave_the_label_alone() -> None:
    config = TrainingConfig("efficientnet", Plane.CORONAL)
    torch.manual_seed(0)
    logits, evidence = torch.randn(6, 3), torch.randn(6, 3, 128, 128)
    lesions = (torch.rand(6, 2, 128, 128) > 0.99).float()
    labels = torch.tensor([0, 1, 2, 0, 1, 2])
    plain = total_loss(logits, evidence, lesions, labels, config)
    full = total_loss(
        logits, evidence, lesions, labels, config, masked=torch.ones(6, dtype=torch.bool)
    )
    none = total_loss(
        logits, evidence, lesions, labels, config, masked=torch.zeros(6, dtype=torch.bool)
    )
    assert torch.equal(plain, full)
    label_loss = torch.nn.functional.cross_entropy(logits, labels)
    assert torch.equal(none, config.label_weight * label_loss)
    known = torch.tensor([True, True, False, False, False, False])
    partial = total_loss(logits, evidence, lesions, labels, config, masked=known)
    other = torch.where(known[:, None, None, None], lesions, 1 - lesions)
    assert torch.equal(partial, total_loss(logits, evidence, other, labels, config, masked=known))
    assert none < partial < plain


def test_an_absent_class_is_taught_neither_for_nor_against() -> None:
    config = TrainingConfig("efficientnet", Plane.CORONAL)
    mechanical = PATTERNS.index(Pattern.MECHANICAL)
    torch.manual_seed(0)
    logits = torch.randn(4, 3, requires_grad=True)
    evidence = torch.randn(4, 3, 128, 128, requires_grad=True)
    lesions, labels = torch.zeros(4, 2, 128, 128), torch.tensor([0, 1, 0, 1])
    loss = total_loss(logits, evidence, lesions, labels, config, absent=(mechanical,))
    loss.backward()
    assert torch.isfinite(loss)
    assert logits.grad is not None and evidence.grad is not None
    assert not logits.grad[:, mechanical].any() and logits.grad[:, :mechanical].all()
    assert not evidence.grad[:, mechanical].any() and evidence.grad[:, 1].any()


def test_simulated_slices_need_no_masks_named() -> None:
    own = own_slices(4, first_case=0)
    simulated = SliceSet(own.images, own.lesions, own.labels, own.cases)
    assert len(simulated) == len(own) == 4
    assert own.digest != replace(own, masked=~own.masked).digest
