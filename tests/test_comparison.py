"""The comparison table: networks that answer, figures with intervals, a run from end to end."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from asemble.cli import main
from asemble.core.errors import ConfigError
from asemble.core.labels import JUDGED_PLANES, PATTERNS, Pattern, Plane
from asemble.datasets.simulated import ExtraChannels
from asemble.datasets.slice_set import SliceSet
from asemble.evaluation.comparison_table import NetworkAnswers, compared
from asemble.metrics.discrimination import auc
from asemble.metrics.resampling import over_cases
from asemble.metrics.slice_metrics import (
    ScoredSlices,
    confusion_shares,
    slice_differences,
    slice_metrics,
)
from asemble.models.classifiers import COMPARISON, LabelNetwork, build_network, pretrained_network
from asemble.performance.pages import DIFFERENCE, as_markdown, comparison_notes, table_parts
from asemble.performance.records import Appearances, Comparison
from asemble.performance.store import PERFORMANCE_FILE, read_performance
from asemble.performance.tables import SLICE_METRICS, networks_confusion_table, networks_table
from asemble.phantom import Ingredient
from asemble.training.comparison import ABLATIONS_FILE, read_runs, shuffled
from asemble.training.config import read_config

INFLAMMATORY = PATTERNS.index(Pattern.INFLAMMATORY)

TINY = """
planes = ["coronal"]
[all]
seed = 1
training_cases = 2
validation_cases = 2
batch = 4
[taught_by.labels]
heatmap_weight = 0.0
dice_weight = 0.0
[taught_by.masks]
[[networks]]
name = "resnet50"
title = "ResNet50"
member = "resnet50"
taught_by = "labels"
cost = 5
[[networks]]
name = "asemblenet-masks"
title = "ASembleNet"
member = "asemblenet"
taught_by = "masks"
cost = 1
"""

TINY_ABLATIONS = """
planes = ["coronal"]
[all]
seed = 1
training_cases = 2
validation_cases = 2
batch = 4
[taught_by.masks]
[[networks]]
name = "whole"
title = "Everything"
member = "asemblenet"
taught_by = "masks"
cost = 1
[[networks]]
name = "no-texture"
title = "Without texture"
member = "asemblenet"
taught_by = "masks"
cost = 1
without = "texture"
[[networks]]
name = "neighbours"
title = "With neighbours"
member = "asemblenet"
taught_by = "masks"
cost = 1
beside = "neighbouring slices"
"""


def scored_slices(cases: int, *, skill: float, seed: int = 0) -> ScoredSlices:
    """Three slices a case, answered by chance and, with that share, by the truth."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, 3 * cases)
    guesses = rng.dirichlet([1, 1, 1], 3 * cases)
    probabilities = (1 - skill) * guesses + skill * np.eye(3)[labels]
    hits = np.where(labels == INFLAMMATORY, rng.random(3 * cases) < skill, np.nan)
    return ScoredSlices(labels, np.repeat(np.arange(cases), 3), probabilities.round(2), hits)


def answers_of(name: str, skill: float) -> NetworkAnswers:
    scored = dict.fromkeys(Appearances, scored_slices(40, skill=skill))
    return NetworkAnswers(name, name.title(), "labels", (4_000,), 23_510_000, scored)


@pytest.fixture(scope="module")
def measured() -> Comparison:
    rows = [answers_of("good", 0.7), answers_of("poor", 0.1)]
    planes = compared(dict.fromkeys(JUDGED_PLANES, rows))
    return Comparison(4_000, 32, 0.001, 200, "from scratch", {"a": "1"}, planes)


@pytest.mark.parametrize("name", list(COMPARISON))
def test_each_comparison_network_makes_three_logits_and_a_map_of_one_slice(name: str) -> None:
    network = build_network(name).eval()
    with torch.inference_mode():
        logits, maps = network.with_evidence(torch.rand(1, 1, 256, 256))
    assert logits.shape == (1, 3)
    assert maps.shape == (1, 3, 128, 128)
    assert sum(p.numel() for p in network.parameters()) > 15e6


def test_a_logit_is_the_mean_of_its_class_activation_map() -> None:
    network = build_network("resnet50").eval()
    assert isinstance(network, LabelNetwork)
    images = torch.rand(2, 1, 256, 256)
    with torch.inference_mode():
        logits, maps = network.with_evidence(images)
        spread = torch.nn.functional.adaptive_avg_pool2d(maps, 8)  # near the 8x8 it was made of
    assert maps.flatten(2).std(dim=2).min() > 0
    torch.testing.assert_close(spread.mean(dim=(2, 3)), logits, atol=2e-3, rtol=0.05)


def test_a_member_has_no_pretrained_weights() -> None:
    with pytest.raises(ConfigError, match="asemblenet has no ImageNet weights"):
        pretrained_network("asemblenet", seed=0)


def test_every_network_of_the_table_has_the_same_budget_and_input() -> None:
    runs = read_runs(passes=4_000, test_cases=200)
    assert len(runs) == 12
    for plane in JUDGED_PLANES:
        of_plane = [run.config for run in runs if run.config.plane is plane]
        taught = ("member", "imagenet", "heatmap_weight", "dice_weight", "label_weight")
        shared = [{k: v for k, v in c.as_dict().items() if k not in taught} for c in of_plane]
        assert all(one == shared[0] for one in shared)
        assert {config.member for config in of_plane} == {*COMPARISON, "efficientnet", "asemblenet"}
    for run in runs:
        by_labels = run.config.heatmap_weight == run.config.dice_weight == 0
        assert by_labels == (run.taught_by == "labels") == (run.name != "asemblenet-masks")


def test_a_run_of_another_budget_lies_in_another_folder(tmp_path: Path) -> None:
    folders = {
        run.folder(tmp_path)
        for passes in (100, 200)
        for run in read_runs(passes=passes, test_cases=4)
    }
    assert len(folders) == 24


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("taught_by.masks", "taught_by.dreams"), "lacks 'masks'"),
        (("cost = 5", ""), "lacks 'cost'"),
        (('"coronal"', '"oblique"'), "oblique"),
        (('member = "resnet50"', 'member = "vgg"'), "member is 'vgg'"),
        (("seed = 1", "seeds = 1"), "unknown keys: seeds"),
        (("[all]", "[all"), "is not right"),
    ],
)
def test_a_wrong_list_of_networks_is_refused_in_a_sentence(
    tmp_path: Path, change: tuple[str, str], sentence: str
) -> None:
    path = tmp_path / "networks.toml"
    path.write_text(TINY.replace(*change), encoding="utf-8")
    with pytest.raises(ConfigError, match=sentence):
        read_runs(path, passes=8, test_cases=4)


def test_a_comparison_network_cannot_be_trained_into_the_weights(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text('member = "resnet50"\nplane = "axial"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="compared with the members"):
        read_config(path)


def test_figures_of_all_resamples_at_once_are_those_of_one_after_another() -> None:
    scored = scored_slices(30, skill=0.3)

    def auc_of(cases: object) -> float | None:
        chosen = np.concatenate([np.flatnonzero(scored.cases == case) for case in cases])  # type: ignore[attr-defined]
        positive = scored.labels[chosen] == INFLAMMATORY
        return auc(positive, scored.probabilities[chosen, INFLAMMATORY])

    expected = over_cases(range(30), auc_of)
    found = slice_metrics(scored).auc
    assert expected is not None and found is not None
    assert found == expected


def test_a_perfect_network_scores_one_everywhere_and_a_blind_one_half() -> None:
    perfect = slice_metrics(scored_slices(30, skill=1.0))
    assert {getattr(perfect, name).value for name in SLICE_METRICS} == {1.0}
    truth = scored_slices(30, skill=0.0)
    blind = ScoredSlices(truth.labels, truth.cases, np.full((90, 3), 1 / 3), truth.hits)
    figures = slice_metrics(blind)
    assert figures.auc is not None and figures.auc.value == 0.5
    assert figures.precision is None  # it calls nothing inflammatory
    assert figures.recall is not None and figures.recall.value == 0.0


def test_a_confusion_matrix_counts_every_slice_once() -> None:
    scored = scored_slices(30, skill=0.5)
    table = confusion_shares(scored)
    cells = [cell for row in table.values() for cell in row.values() if cell is not None]
    assert sum(cell.slices for cell in cells) == 90
    for row in table.values():
        assert sum(c.share.value for c in row.values() if c is not None) == pytest.approx(
            1, abs=1e-3
        )
    assert all(c.share.low <= c.share.value <= c.share.high for c in cells)


def test_answers_of_other_slices_are_a_programmers_mistake() -> None:
    with pytest.raises(ValueError, match="must be of 2 slices"):
        ScoredSlices(np.zeros(2, int), np.zeros(2, int), np.zeros((3, 3)), np.zeros(2))


def test_a_difference_is_of_the_same_slices_and_knows_its_sign() -> None:
    skilled, blind = (scored_slices(40, skill=skill) for skill in (0.9, 0.0))
    difference = slice_differences(skilled, blind).auc
    assert difference is not None
    assert difference.low > 0.2
    same = slice_differences(blind, blind).pointing
    assert same is not None
    assert (same.value, same.low, same.high) == (0, 0, 0)
    with pytest.raises(ValueError, match="same slices"):
        slice_differences(skilled, scored_slices(41, skill=0.9))


def test_the_table_has_the_promised_columns_with_intervals(measured: Comparison) -> None:
    for plane in JUDGED_PLANES:
        for which in Appearances:
            table = networks_table(measured, plane, which)
            good, poor = (dict(zip(table.columns, row, strict=True)) for row in table.rows)
            assert {"Network", "Taught by", "Passes", "Parameters"} < set(good)
            assert good["Passes"] == "4,000" and good["Parameters"] == "23.5 M"
            for title in SLICE_METRICS.values():
                assert " to " in good[title]
                assert float(good[title][:4]) > float(poor[title][:4])
            matrix = networks_confusion_table(measured, plane, which)
            assert [row[1] for row in matrix.rows[:3]] == [p.value for p in PATTERNS]
            assert {f"called {p.value}" for p in PATTERNS} < set(matrix.columns)


def test_the_page_sets_the_abstracts_figures_apart(measured: Comparison) -> None:
    page = as_markdown(table_parts(measured))
    assert DIFFERENCE in page
    assert "99.00%" in page and "98.13%" in page
    assert "4,000 slices in training (from scratch, unless its name says otherwise)" in page
    assert comparison_notes(measured)[0].startswith("Measured on simulated slices only")
    assert page.index("## Coronal slices") < page.index("## Axial slices")


@pytest.fixture(scope="module")
def slices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of simulated slices: the tiny runs learn from the same ones."""
    return tmp_path_factory.mktemp("slices")


def test_a_tiny_table_is_made_from_end_to_end_and_trains_nothing_twice(
    tmp_path: Path,
    random_weights: Path,
    slices: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    weights = tmp_path / "weights"
    weights.mkdir()
    for file in random_weights.iterdir():
        (weights / file.name).hardlink_to(file)
    networks = tmp_path / "networks.toml"
    networks.write_text(TINY, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    arguments = ["evaluate", "table", str(networks), "--passes", "4", "--cases", "2"]
    arguments += ["--weights", str(weights), "--workers", "1", "--cache", str(slices)]
    assert main(arguments) == 0
    told = capfd.readouterr().err
    assert "2 of 2 networks trained" in told
    first = (weights / PERFORMANCE_FILE).read_bytes()
    stored = read_performance(weights).table
    assert stored is not None
    rows = stored.planes[Plane.CORONAL].rows
    assert [row.name for row in rows] == ["resnet50", "asemblenet-masks", "ensemble"]
    assert [row.passes for row in rows[:2]] == [(4,), (4,)]
    for row in rows:
        assert set(row.metrics) == set(row.confusion) == set(Appearances)
    page = (tmp_path / "docs" / "table.md").read_text(encoding="utf-8")
    assert "asemble evaluate table" in page and "ResNet50" in page
    assert str(tmp_path) not in page and str(tmp_path) not in first.decode()
    assert main(arguments) == 0
    told = capfd.readouterr().err
    assert "2 of 2 networks were trained before" in told
    assert "passes" not in told
    assert (weights / PERFORMANCE_FILE).read_bytes() == first


def test_each_ingredient_is_left_out_of_the_slices_to_learn_from_and_of_no_others() -> None:
    runs = read_runs(ABLATIONS_FILE, passes=8, test_cases=4)
    assert {run.without for run in runs} == {None, *Ingredient}
    assert {run.beside for run in runs} == set(ExtraChannels)
    assert runs[0].without is None and runs[0].beside is ExtraChannels.NOTHING
    for run in runs:
        left_out = {part: request.without for part, request in run.requests().items()}
        assert left_out.pop("training") is run.without
        assert set(left_out.values()) == {None}


def test_the_shuffled_control_keeps_every_label_and_mask_but_not_their_slices() -> None:
    rng = np.random.default_rng(0)
    count = 60
    labels = np.arange(count) % 3
    lesions = np.broadcast_to(labels[:, None, None, None], (count, 2, 128, 128)).astype(np.uint8)
    images = rng.random((count, 4, 4)).astype(np.float16)
    slices = SliceSet(images, lesions, labels.astype(np.int64), np.arange(count))
    mixed = shuffled(slices, seed=1)
    assert mixed.images is slices.images
    assert sorted(mixed.labels) == sorted(labels)
    assert np.array_equal(mixed.lesions[:, 0, 0, 0], mixed.labels)
    assert np.mean(mixed.labels == labels) < 0.6
    assert [
        run.name for run in read_runs(ABLATIONS_FILE, passes=8, test_cases=4) if run.is_shuffled
    ]


def test_tiny_ablations_are_made_from_end_to_end(
    tmp_path: Path,
    slices: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    networks = tmp_path / "ablations.toml"
    networks.write_text(TINY_ABLATIONS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    arguments = ["evaluate", "ablations", str(networks), "--passes", "4", "--cases", "2"]
    assert main([*arguments, "--workers", "1", "--cache", str(slices)]) == 0
    told = capfd.readouterr()
    assert "3 of 3 networks trained" in told.err
    page = (tmp_path / "docs" / "ablations.md").read_text(encoding="utf-8")
    assert "| With neighbours |" in page and "simulated slices only" in page
    measured = json.loads((tmp_path / "docs" / "measurements" / "ablations.json").read_text())
    first, *others = measured["planes"]["coronal"]
    assert first["auc"]["training"]["difference"]["value"] == 0
    assert [row["name"] for row in others] == ["no-texture", "neighbours"]
