"""`asemble models --check`: training repeats itself, and a difference is told."""

from pathlib import Path

import pytest

from asemble.commands.weights_check import TINY_CONFIG, check_models, retrained
from asemble.core.errors import InputError, WeightsError
from asemble.training.config import read_config

SMALLEST = """
member = "efficientnet"
plane = "coronal"
training_cases = 3
validation_cases = 3
passes = 4
batch = 4
validate_every = 4
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "smallest.toml"
    path.write_text(SMALLEST, encoding="utf-8")
    return path


def test_two_processes_train_the_same_file_from_the_same_seed(
    config: Path, random_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check_models(random_weights, config=config)
    printed = capsys.readouterr().out
    digests = {line.split()[-1] for line in printed.splitlines() if "training" in line}
    assert "The same seed gave the same file." in printed
    assert printed.count("matches its card") == len(list(random_weights.glob("*.safetensors")))
    assert len(digests) == 1


def test_two_different_files_fail_the_check(
    config: Path, random_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    turns = iter(["1" * 64, "2" * 64])
    assert not check_models(random_weights, config=config, retrain=lambda c, f: next(turns))
    printed = capsys.readouterr().out
    assert "1" * 64 in printed and "2" * 64 in printed
    assert "does not repeat itself" in printed


def test_a_folder_for_which_nobody_signed_stops_the_check(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="nobody has signed"):
        check_models(tmp_path)


def test_a_refused_training_is_told_in_its_own_sentence(tmp_path: Path) -> None:
    config = tmp_path / "wrong.toml"
    config.write_text('member = "pvt"\n', encoding="utf-8")
    with pytest.raises(InputError, match="does not say plane"):
        retrained(config, tmp_path / "out")


def test_the_configuration_of_the_check_is_small() -> None:
    config = read_config(TINY_CONFIG)
    assert config.passes <= 500
    assert config.training_cases <= 36
