"""Oedema painted on real anatomy lies where it may, and says what it is."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage

from asemble.cli import main
from asemble.commands.training import bone_finders
from asemble.core.errors import ConfigError, InputError
from asemble.core.labels import PATTERNS, Pattern, Plane, Tissue
from asemble.datasets.people import Lesson
from asemble.imaging.slices import MASK_SIDE
from asemble.training.config import read_config
from asemble.training.initial_weights import start_of
from asemble.training.painted import painted_lesson
from asemble.training.real_pelvises import WIDE_PIXEL_MM, RealPelvis, clean_bones, read_pelvises
from asemble.training.segmentation import OUTSIDE, UNKNOWN, tissue_dice_loss, tissue_loss

REPOSITORY = Path(__file__).parents[1]
CONFIGS = REPOSITORY / "asemble" / "training" / "configs" / "real-anatomy"
REAL = REPOSITORY.parent / "shared" / "data" / "pelvis-t1"
CELL_MM = 200 / MASK_SIDE


def drawn_pelvis() -> RealPelvis:
    """Two upright ilia beside a sacrum, six slices, marrow between the grey of fat and muscle."""
    rows, columns = np.mgrid[:256, :256].astype(np.float32)
    tall = np.abs(rows - 120) - 45
    across = columns - 127.5
    sacrum = np.maximum(tall, np.abs(across) - 40)
    right = np.maximum(tall, np.abs(across + 55) - 12)
    left = np.maximum(tall, np.abs(across - 55) - 12)
    distance = np.stack([sacrum, right, left]) * WIDE_PIXEL_MM
    image = np.where(distance.min(axis=0) < 0, 1.0, 0.55)
    image = np.where(np.abs(across) > 105, 1.8, image)
    image = np.where(np.abs(distance).min(axis=0) < 0.8, 0.15, image).astype(np.float32)
    noise = np.random.default_rng(0).normal(1, 0.05, (6, 256, 256))
    return RealPelvis(
        (image * noise).astype(np.float32),
        np.repeat(distance[None].astype(np.float16), 6, axis=0),
        np.zeros((6, 256, 256), bool),
        np.ones(6, bool),
        5.0,
    )


@pytest.fixture(scope="module")
def lessons() -> list[Lesson]:
    pelvis = drawn_pelvis()
    return [painted_lesson(np.random.default_rng([n, 7]), pelvis) for n in range(24)]


def test_painted_oedema_lies_in_bone_near_the_joint(lessons: list[Lesson]) -> None:
    seen = 0
    for one in lessons:
        where = one.lesions.max(axis=0) > 200
        seen += where.any()
        bone = np.isin(one.tissue, (Tissue.SACRUM, Tissue.RIGHT_ILIUM, Tissue.LEFT_ILIUM))
        assert not (where & ~bone).sum() > 0.2 * where.sum()
        ilia = np.isin(one.tissue, (Tissue.RIGHT_ILIUM, Tissue.LEFT_ILIUM))
        for bones in (one.tissue == Tissue.SACRUM, ilia):
            away = ndimage.distance_transform_edt(~bones) * CELL_MM
            assert not where.any() or np.median(away[where]) < 12
            assert away[where].max(initial=0) < 30
    assert seen >= 8


def test_the_label_of_a_painted_slice_is_that_of_its_oedema(lessons: list[Lesson]) -> None:
    found = set()
    for one in lessons:
        areas = (one.lesions > 127).sum(axis=(1, 2)) * CELL_MM**2
        found.add(PATTERNS[one.label])
        if one.label == 0:
            assert areas.max() < 40
        else:
            assert areas.argmax() == one.label - 1
    assert found == set(Pattern)


def test_no_oedema_is_painted_on_slices_that_stay_t1(lessons: list[Lesson]) -> None:
    assert any(not one.fluid for one in lessons)
    assert all(one.fluid or not one.lesions.any() for one in lessons)


def test_painted_oedema_is_brighter_than_the_bone_around_it(lessons: list[Lesson]) -> None:
    ratios = []
    for one in lessons:
        image = one.image.astype(np.float32).reshape(128, 2, 128, 2).mean(axis=(1, 3))
        where = one.lesions.max(axis=0) > 250
        for bone in (Tissue.SACRUM, Tissue.RIGHT_ILIUM, Tissue.LEFT_ILIUM):
            inside, beside = where & (one.tissue == bone), ~where & (one.tissue == bone)
            if inside.sum() > 10:
                ratios.append(np.median(image[inside]) / np.median(image[beside]))
    assert np.median(ratios) > 1.25


def test_what_nobody_drew_may_be_bright_or_not_and_what_is_doubtful_costs_nothing() -> None:
    logits = torch.zeros(1, len(Tissue), 1, 2)
    logits[0, Tissue.BRIGHT] = 9.0
    outside = torch.full((1, 1, 2), OUTSIDE)
    unknown = torch.full((1, 1, 2), UNKNOWN)
    assert tissue_loss(logits, outside) < 0.01
    assert tissue_loss(logits, torch.full((1, 1, 2), int(Tissue.REST))) > 8
    assert tissue_loss(logits, unknown) == 0
    assert tissue_dice_loss(logits, outside) < 0.01
    logits[0, Tissue.SACRUM] = 20.0
    assert tissue_loss(logits, outside) > 8
    assert tissue_dice_loss(logits, unknown) < 0.01


def test_a_bone_is_one_piece_and_a_spur_is_none() -> None:
    tissue = np.zeros((3, len(Tissue), 256, 256), np.float32)
    tissue[:, Tissue.REST] = 0.1
    tissue[:, Tissue.SACRUM, 80:160, 90:165] = 0.9
    tissue[:, Tissue.RIGHT_ILIUM, 80:160, 60:87] = 0.9
    tissue[:, Tissue.LEFT_ILIUM, 80:160, 168:195] = 0.9
    tissue[:, Tissue.SACRUM, 220:240, 120:140] = 0.9  # bowel
    tissue[:, Tissue.LEFT_ILIUM, 60:80, 180] = 0.9  # fascia
    masks, doubtful = clean_bones(tissue, 5.0)
    assert masks[:, 0, 90:150, 100:155].all()
    assert not masks[:, 0, 220:240].any()
    assert not masks[:, 2, 60:78].any()
    assert doubtful[:, 225:235, 125:135].all()
    assert not masks[:, 1, :, 128:].any()


def test_a_missing_folder_of_pelvises_is_said_with_where_to_get_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(REPOSITORY)
    config = str(CONFIGS / "coronal-asemblenet.toml")
    for options in ([], ["--pelvises", str(tmp_path / "nowhere")]):
        assert main(["train", config, "--out", str(tmp_path), *options]) == 2
        said = capsys.readouterr().err
        assert "no folder of real pelvises" in said
        assert "10.7937/K9/TCIA.2018.3R3JUISW" in said
        assert "CC BY 4.0" in said


def test_a_folder_without_stacks_is_refused(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("nothing here")
    with pytest.raises(InputError, match="holds no coronal T1 stack"):
        read_pelvises(tmp_path, [])


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.toml")), ids=lambda path: path.stem)
def test_going_on_starts_from_the_named_file_and_refuses_another(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(REPOSITORY)
    config = read_config(path)
    assert start_of(config).facts()["from_weights"] == config.from_sha256
    with pytest.raises(ConfigError, match="not those that this run goes on from"):
        start_of(replace(config, from_sha256="0" * 64))


@pytest.mark.skipif(not REAL.is_dir(), reason="the real pelvises are not part of the project")
def test_a_real_pelvis_has_three_bones_and_joints(tmp_path: Path) -> None:
    first = sorted(REAL.glob("*.nii.gz"))[0]
    (tmp_path / first.name).symlink_to(first)
    finders = bone_finders(REPOSITORY / "weights" / "simulated-anatomy", Plane.CORONAL)
    (pelvis,) = read_pelvises(tmp_path, finders, workers=1)
    assert 3 <= pelvis.joints.sum() <= 14
    bones = pelvis.distance[pelvis.joints] < 0
    areas = bones.sum(axis=(2, 3)).mean(axis=0) * WIDE_PIXEL_MM**2
    assert (areas > 500).all()
    columns = [np.nonzero(bones[:, bone].any(axis=(0, 1)))[0].mean() for bone in (1, 0, 2)]
    assert columns == sorted(columns)  # the patient's right at the left edge
