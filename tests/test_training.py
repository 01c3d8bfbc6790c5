"""Training: a run learns, resumes as if never stopped, and refuses what it cannot use."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from asemble.core.errors import ConfigError
from asemble.core.labels import JUDGED_PLANES, PATTERNS, Pattern, Plane, Tissue
from asemble.datasets.slice_set import SliceSet
from asemble.imaging.intensity import SQUASH, Preprocessing, squash
from asemble.models.members import MEMBERS
from asemble.models.weights import load_weights
from asemble.training.augment import augment
from asemble.training.config import TrainingConfig, read_config
from asemble.training.loop import TrainingResult, evaluate, train
from asemble.training.losses import dice_loss, heatmap_loss, total_loss
from asemble.training.validation import fit_temperature, pointing_rate

CONFIGS = Path(__file__).parents[1] / "asemble" / "training" / "configs"
INFLAMMATORY = PATTERNS.index(Pattern.INFLAMMATORY)


class StoppedError(Exception):
    """Stands for whatever ends a run early."""


def planted(slices: int, *, seed: int, first_case: int) -> SliceSet:
    """Noise with a bright square for inflammatory, a dark one for mechanical, none for normal."""
    rng = np.random.default_rng(seed)
    images = 1 + 0.15 * rng.standard_normal((slices, 256, 256))
    lesions = np.zeros((slices, 2, 128, 128), np.uint8)
    labels = np.arange(slices) % 3
    for index, label in enumerate(labels):
        if label == 0:
            continue
        row, column = rng.integers(24, 92, 2)
        lesions[index, label - 1, row : row + 12, column : column + 12] = 255
        here = (index, slice(2 * row, 2 * row + 24), slice(2 * column, 2 * column + 24))
        images[here] *= 3.0 if label == INFLAMMATORY else 0.2
    return SliceSet(
        images.clip(0, 20).astype(np.float16),
        lesions,
        labels.astype(np.int64),
        first_case + np.arange(slices, dtype=np.int64),
    )


@pytest.fixture(scope="module")
def train_set() -> SliceSet:
    return planted(48, seed=0, first_case=0)


@pytest.fixture(scope="module")
def validation_set() -> SliceSet:
    return planted(12, seed=1, first_case=1000)


@pytest.fixture(scope="module")
def config() -> TrainingConfig:
    return TrainingConfig("efficientnet", Plane.AXIAL, seed=3, passes=24, batch=8, validate_every=8)


@pytest.fixture(scope="module")
def unbroken(
    train_set: SliceSet,
    validation_set: SliceSet,
    config: TrainingConfig,
    tmp_path_factory: pytest.TempPathFactory,
) -> TrainingResult:
    out = tmp_path_factory.mktemp("unbroken")
    return train(config, train_set, validation_set, out, log=lambda line: None)


def test_a_short_run_finds_planted_lesions(
    train_set: SliceSet, validation_set: SliceSet, config: TrainingConfig, tmp_path: Path
) -> None:
    # Small batches, and norms that follow them at once, learn most in few passes.
    longer = replace(config, member="asemblenet", passes=160, batch=4, validate_every=80)
    result = train(longer, train_set, validation_set, tmp_path, log=lambda line: None)
    assert result.best.auc is not None and result.best.auc > 0.8
    assert result.best.pointing is not None and result.best.pointing > 0.5


def test_a_resumed_run_ends_with_the_weights_of_an_unbroken_one(
    train_set: SliceSet,
    validation_set: SliceSet,
    config: TrainingConfig,
    unbroken: TrainingResult,
    tmp_path: Path,
) -> None:
    def stop_at_second_validation(line: str) -> None:
        if "validation at 16" in line:
            raise StoppedError

    with pytest.raises(StoppedError):
        train(config, train_set, validation_set, tmp_path, log=stop_at_second_validation)
    lines: list[str] = []
    resumed = train(config, train_set, validation_set, tmp_path, log=lines.append)
    assert lines[0] == "resumed at 16 of 24 passes"
    assert resumed.best == unbroken.best
    first, second = load_file(unbroken.weights), load_file(resumed.weights)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert resumed.card.sha256 == unbroken.card.sha256


def test_bones_and_a_running_mean_are_taught_alike_whether_a_run_is_stopped_or_not(
    train_set: SliceSet, validation_set: SliceSet, config: TrainingConfig, tmp_path: Path
) -> None:
    tissue = np.zeros((len(train_set), 128, 128), np.uint8)
    tissue[:, 30:60, 20:40] = Tissue.RIGHT_ILIUM
    fluid = np.arange(len(train_set)) % 4 > 0
    known = replace(train_set, tissue=tissue, fluid=fluid)
    averaged = replace(config, passes=6, batch=2, validate_every=2, average=0.5)

    def stop_at_first_validation(line: str) -> None:
        raise StoppedError

    whole = train(averaged, known, validation_set, tmp_path / "whole", log=lambda line: None)
    with pytest.raises(StoppedError):
        train(averaged, known, validation_set, tmp_path / "two", log=stop_at_first_validation)
    resumed = train(averaged, known, validation_set, tmp_path / "two", log=lambda line: None)
    assert resumed.card.sha256 == whole.card.sha256


def test_weights_score_after_loading_as_they_did_in_training(
    validation_set: SliceSet, config: TrainingConfig, unbroken: TrainingResult
) -> None:
    network, card = load_weights(unbroken.weights)
    score = evaluate(network, validation_set, config)
    assert score.loss == pytest.approx(unbroken.best.loss, rel=0.02)  # half precision on disk
    assert card.training["passes"] == 24
    assert card.data["training_cases"] == 48
    assert card.temperature == unbroken.best.temperature


def test_a_checkpoint_of_another_run_is_not_continued(
    train_set: SliceSet, validation_set: SliceSet, config: TrainingConfig, unbroken: TrainingResult
) -> None:
    other = replace(config, seed=4)
    with pytest.raises(ConfigError, match="another run"):
        train(other, train_set, validation_set, unbroken.weights.parent, log=lambda line: None)


def test_a_run_without_improvement_stops_early(
    train_set: SliceSet, validation_set: SliceSet, config: TrainingConfig, tmp_path: Path
) -> None:
    lying = replace(train_set, lesions=np.full_like(train_set.lesions, 255))
    patient = replace(config, passes=200, patience=0, learning_rate=0.01)
    result = train(patient, lying, validation_set, tmp_path, log=lambda line: None)
    assert result.passes < 200
    assert result.card.training["best_at_passes"] == result.passes - 8


def test_a_case_on_both_sides_is_refused(
    train_set: SliceSet, config: TrainingConfig, tmp_path: Path
) -> None:
    overlapping = planted(6, seed=2, first_case=47)
    with pytest.raises(ConfigError, match="1 cases are in both"):
        train(config, train_set, overlapping, tmp_path)


def test_augmentation_moves_the_mask_with_the_lesion() -> None:
    data = planted(24, seed=5, first_case=0)
    images = torch.from_numpy(data.images.astype(np.float32))
    masks = torch.from_numpy(data.lesions.astype(np.float32) / 255)
    bright = data.labels == INFLAMMATORY
    moved, moved_masks = augment(images, masks, torch.Generator().manual_seed(1))
    cells = torch.nn.functional.avg_pool2d(moved, 2)[bright, 0]
    inside = moved_masks[bright, INFLAMMATORY - 1] > 0.9
    assert moved.shape == (24, 1, 256, 256)
    assert not torch.equal(moved_masks, masks)
    for image, mask in zip(cells, inside, strict=True):
        assert image[mask].mean() > 1.2 * image[~mask].mean()


def test_augmentation_depends_on_its_generator_alone() -> None:
    data = planted(4, seed=5, first_case=0)
    images = torch.from_numpy(data.images.astype(np.float32))
    masks = torch.zeros(4, 2, 128, 128)
    first, _ = augment(images, masks, torch.Generator().manual_seed(7))
    again, _ = augment(images, masks, torch.Generator().manual_seed(7))
    other, _ = augment(images, masks, torch.Generator().manual_seed(8))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_centre_of_the_augmented_intensities_is_what_prediction_uses() -> None:
    assert float(squash(np.array([SQUASH * 4]), SQUASH)[0]) == pytest.approx(1.0)


def test_losses_fall_as_evidence_comes_to_lie_on_the_lesion(config: TrainingConfig) -> None:
    lesions = torch.zeros(2, 2, 128, 128)
    lesions[0, 0, 20:28, 40:48] = 1
    right = torch.where(lesions > 0, 4.0, -4.0)
    wrong = right.roll(30, dims=2)
    assert heatmap_loss(right, lesions, 8.0) < heatmap_loss(wrong, lesions, 8.0)
    assert dice_loss(right, lesions) < dice_loss(wrong, lesions)
    labels = torch.tensor([1, 0])
    sure, mistaken = torch.eye(3)[[1, 0]] * 5, torch.eye(3)[[2, 1]] * 5
    evidence = torch.cat([torch.zeros(2, 1, 128, 128), right], dim=1)
    assert total_loss(sure, evidence, lesions, labels, config) < total_loss(
        mistaken, evidence, lesions, labels, config
    )


def test_pointing_allows_3_mm_beside_the_lesion_and_no_more() -> None:
    lesions = torch.zeros(3, 128, 128)
    lesions[:2, 10:12, 10:12] = 1  # the third slice has no lesion and does not count
    evidence = torch.zeros(3, 128, 128)
    evidence[0, 13, 13] = 1  # two cells of 1.6 mm
    evidence[1, 14, 13] = 1
    assert pointing_rate(evidence, lesions) == 0.5
    assert pointing_rate(evidence[2:], lesions[2:]) is None


def test_overconfident_logits_get_a_temperature_above_one() -> None:
    labels = torch.tensor([0, 1, 2, 0] * 10)
    logits = torch.nn.functional.one_hot(torch.tensor([0, 1, 2, 1] * 10), 3) * 12.0
    assert fit_temperature(logits, labels) > 3
    assert fit_temperature(logits / 12, labels) < 1.5


def test_every_member_and_plane_has_a_configuration_that_reads() -> None:
    read = {
        (config.plane, config.member)
        for config in (read_config(path) for path in sorted(CONFIGS.glob("*.toml")))
    }
    assert read == {(plane, member) for plane in JUDGED_PLANES for member in MEMBERS}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ('member = "pvt"', "does not say plane"),
        ('member = "pvt"\nplane = "axial"\nepochs = 3', "unknown keys: epochs"),
        ('member = "vgg"\nplane = "axial"', "member is 'vgg'"),
        ('member = "pvt"\nplane = "sagittal"', "plane is 'sagittal'"),
        ('member = "pvt"\nplane = "oblique"', "plane is 'oblique'"),
        ('member = "pvt"\nplane = "axial"\nbatch = "32"', "batch must be of type int"),
        ('member = "pvt"\nplane = "axial"\nbatch = true', "batch must be of type int"),
        ('member = "pvt"\nplane = "axial"\npasses = 0', "passes must be at least 1"),
        ('member = "pvt"\nplane = "axial"\nlearning_rate = nan', "learning_rate must be above 0"),
        ('member = "pvt"\nplane = "axial"\nimagenet = true', "pvt has no weights of ImageNet"),
        ('member = "pvt', "is not TOML"),
    ],
)
def test_a_wrong_configuration_is_refused_in_a_sentence(
    tmp_path: Path, content: str, sentence: str
) -> None:
    path = tmp_path / "run.toml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=sentence):
        read_config(path)


def test_a_missing_configuration_is_named_without_its_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"The configuration gone\.toml cannot be read") as error:
        read_config(tmp_path / "gone.toml")
    assert str(tmp_path) not in str(error.value)


def test_the_abstracts_preprocessing_trains_too(
    train_set: SliceSet, validation_set: SliceSet, config: TrainingConfig, tmp_path: Path
) -> None:
    abstract = replace(config, passes=8, preprocessing=Preprocessing.ABSTRACT)
    result = train(abstract, train_set, validation_set, tmp_path, log=lambda line: None)
    assert load_weights(result.weights)[1].preprocessing is Preprocessing.ABSTRACT
