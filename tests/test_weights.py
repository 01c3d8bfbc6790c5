"""Weight files and cards: a round trip, and every disagreement refused."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from asemble.core.errors import WeightsError
from asemble.core.labels import PATTERNS, Plane
from asemble.models import MEMBERS, load_ensemble
from asemble.models.cards import Card, card_path, input_facts, read_card, write_card
from asemble.models.members import member_spec
from asemble.models.weights import load_weights, save_weights, weights_directory, weights_name

NAME = weights_name(Plane.AXIAL, "efficientnet")
MIB = 2**20


def card_of(name: str, plane: Plane = Plane.AXIAL) -> Card:
    return Card(
        member=name,
        plane=plane.value,
        architecture=member_spec(name).architecture,
        classes=tuple(p.value for p in PATTERNS),
        input=input_facts(),
        training={"seed": 1},
        data={"training_cases": 2},
        metrics={"validation_auc": 0.9},
        calibration={"temperature": 1.5},
    )


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / NAME
    save_weights(path, member_spec("efficientnet").build().state_dict(), card_of("efficientnet"))
    return path


def rewrite(path: Path, **changes: object) -> None:
    """Change a card as its own writer would."""
    write_card(card_path(path), replace(read_card(card_path(path)), **changes))  # type: ignore[arg-type]


def test_weights_come_back_in_single_precision_as_half_kept_them(tmp_path: Path) -> None:
    network = member_spec("efficientnet").build()
    path = tmp_path / NAME
    written = save_weights(path, network.state_dict(), card_of("efficientnet"))
    loaded, card = load_weights(path)
    assert card == written
    assert not loaded.training
    for name, value in loaded.state_dict().items():
        expected = network.state_dict()[name]
        if expected.is_floating_point():
            assert value.dtype == torch.float32
            assert torch.equal(value, expected.half().float())
        else:
            assert torch.equal(value, expected)


def test_all_weights_together_stay_under_40_mib(saved: Path) -> None:
    parameters = sum(p.numel() for m in MEMBERS.values() for p in m.build().parameters())
    assert saved.stat().st_size < 2 * MIB
    assert 2 * 2 * parameters < 36 * MIB  # two planes, two bytes, 10% for the rest


def test_one_changed_byte_is_refused(saved: Path) -> None:
    content = bytearray(saved.read_bytes())
    content[-5] ^= 1
    saved.write_bytes(content)
    with pytest.raises(WeightsError, match="not the file that its card describes"):
        load_weights(saved)


def test_a_truncated_or_missing_file_is_refused(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes()[:1000])
    with pytest.raises(WeightsError, match="not the file"):
        load_weights(saved)
    saved.unlink()
    with pytest.raises(WeightsError, match="cannot be read"):
        load_weights(saved)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"plane": "coronal"}, "lies beside the card of coronal-efficientnet"),
        ({"plane": "oblique"}, "names no plane"),
        ({"architecture": "timm something"}, "does not build"),
        ({"classes": ("normal", "mechanical", "inflammatory")}, "other classes"),
        ({"input": {**input_facts(), "squash": 2.0}}, "another input"),
        ({"calibration": {"temperature": 0.0}}, "no calibration"),
        ({"calibration": {}}, "no calibration"),
        ({"format": 2}, "format 2"),
    ],
)
def test_a_card_that_this_version_would_misuse_is_refused(
    saved: Path, changes: dict[str, object], sentence: str
) -> None:
    rewrite(saved, **changes)
    with pytest.raises(WeightsError, match=sentence):
        load_weights(saved)


def test_weights_of_another_architecture_are_refused(tmp_path: Path) -> None:
    path = tmp_path / NAME
    save_weights(path, member_spec("pvt").build().state_dict(), card_of("efficientnet"))
    with pytest.raises(WeightsError, match="does not fit the architecture"):
        load_weights(path)


@pytest.mark.parametrize("content", ["", "[]", '{"member": "efficientnet"}', "\x00"])
def test_a_damaged_card_is_refused(saved: Path, content: str) -> None:
    card_path(saved).write_text(content)
    with pytest.raises(WeightsError, match="model card"):
        load_weights(saved)


def test_a_card_that_copied_what_was_measured_later_is_read_without_it(saved: Path) -> None:
    content = json.loads(card_path(saved).read_text())
    content["metrics"]["study_auc"] = {"value": 0.9, "low": 0.8, "high": 1.0, "cases": 5}
    card_path(saved).write_text(json.dumps(content))
    _, again = load_weights(saved)
    assert again.metrics == {"validation_auc": 0.9}


def test_weights_that_are_not_finite_are_not_written(tmp_path: Path) -> None:
    state = member_spec("efficientnet").build().state_dict()
    state["head.scale"] = torch.tensor([1.0, 1e6, 1.0])
    with pytest.raises(WeightsError, match=r"head\.scale is not finite"):
        save_weights(tmp_path / NAME, state, card_of("efficientnet"))
    assert list(tmp_path.iterdir()) == []


def test_a_stranger_among_the_weights_is_refused(saved: Path) -> None:
    saved.rename(saved.with_name("axial-vgg.safetensors"))
    with pytest.raises(WeightsError, match=r"files of no member: axial-vgg\.safetensors"):
        load_ensemble(saved.parent)


def test_the_environment_names_another_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ASEMBLE_WEIGHTS", str(tmp_path))
    assert weights_directory() == tmp_path
    assert weights_directory(tmp_path / "mine") == tmp_path / "mine"
    monkeypatch.delenv("ASEMBLE_WEIGHTS")
    assert weights_directory() == Path(__file__).parents[1] / "weights"
