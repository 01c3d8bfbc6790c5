"""What the scope declines, how it is fitted, and how its file is guarded."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from small_studies import CORONAL, noise_series, study_of

from asemble.core.errors import WeightsError
from asemble.core.labels import JUDGED_PLANES, Plane
from asemble.core.volume import Volume
from asemble.evaluation.foreign import FAMILIES
from asemble.evaluation.scope_examples import Examples, foreign, simulated
from asemble.evaluation.scope_figures import ALL_DECLINED, Outcome, abstention, page_parts
from asemble.evaluation.scope_fit import Budget, fit_on, repaint, spoil
from asemble.evaluation.scope_groups import HELD, pydicom_samples, simulated_samples
from asemble.models.scope import (
    SCOPE_FILE,
    Limits,
    Scope,
    ScopeNetwork,
    accepts_all,
    even,
    load_scope,
    save_scope,
)
from asemble.predict import why_abstains, why_not_used


def scope_with(shown: float, upright: float, seed: int = 0) -> Scope:
    torch.manual_seed(seed)
    return Scope(ScopeNetwork().eval(), dict.fromkeys(JUDGED_PLANES, Limits(shown, upright)))


@pytest.fixture(scope="module")
def drawn() -> Examples:
    return simulated(3).joined(simulated(4))


def test_a_stack_below_a_limit_is_declined_with_what_to_do() -> None:
    images = np.random.default_rng(0).random((6, 256, 256), dtype=np.float32)
    assert scope_with(-9, -20).why_not(Plane.AXIAL, images) is None
    other = scope_with(9, -20).why_not(Plane.AXIAL, images)
    assert other is not None
    assert "do not look like axial slices" in other
    turned = scope_with(-9, 20).why_not(Plane.CORONAL, images)
    assert turned is not None
    assert "upside down or turned" in turned
    assert scope_with(9, 20).why_not(Plane.AXIAL, images[:4]) is None  # too few to ask


def test_a_stack_and_its_mirror_image_upside_down_swap_their_scores() -> None:
    images = np.random.default_rng(1).random((5, 256, 256), dtype=np.float32)
    scope = scope_with(0, 0)
    upright, _ = scope.scores(Plane.CORONAL, images)
    flipped, best_turn = scope.scores(Plane.CORONAL, images[:, ::-1])
    assert upright != pytest.approx(flipped, abs=1e-4)
    assert best_turn >= upright - 1e-4


def test_brightness_contrast_and_shading_do_not_reach_the_network() -> None:
    rng = np.random.default_rng(2)
    images = torch.from_numpy(rng.random((2, 1, 256, 256), dtype=np.float32))
    images = torch.nn.functional.avg_pool2d(images, 33, 1, 16) * 8
    shaded = images * torch.linspace(1.0, 1.3, 256) * 2
    first, second = even(images), even(shaded)
    agreement = torch.corrcoef(torch.stack([first.flatten(), second.flatten()]))[0, 1]
    assert agreement > 0.97


def test_pictures_of_a_plane_answer_together_and_stacks_for_themselves() -> None:
    pictures = [noise_series(slices=1, seed=n, id=f"s0{n}") for n in range(1, 6)]
    stack = noise_series(slices=6, id="s09")
    study = replace(study_of(*pictures), series=(*pictures, stack))
    declines = scope_with(9, -20)
    assert all(why_not_used(study, declines).values())
    few = replace(study, series=(*pictures[:4], stack))
    reasons = why_not_used(few, declines)
    assert reasons.pop("s09") is not None
    assert set(reasons.values()) == {None}
    abstains = why_abstains(few, declines)
    assert abstains == "Only 4 slices could be judged; a study needs at least 5."


def test_a_scope_comes_back_from_its_file_and_a_changed_file_is_refused(tmp_path: Path) -> None:
    scope = scope_with(-1.5, -0.5)
    images = np.random.default_rng(3).random((5, 256, 256), dtype=np.float32)
    save_scope(tmp_path, scope)
    loaded = load_scope(tmp_path)
    assert loaded.limits == scope.limits
    assert loaded.scores(Plane.AXIAL, images) == pytest.approx(
        scope.scores(Plane.AXIAL, images), abs=0.02
    )
    content = json.loads((tmp_path / SCOPE_FILE).read_text())
    for change in (
        {"network": content["network"][::-1]},
        {"format": 0},
        {"limits": {}},
        {"widths": [1]},
    ):
        (tmp_path / SCOPE_FILE).write_text(json.dumps(content | change))
        with pytest.raises(WeightsError, match="damaged"):
            load_scope(tmp_path)
    (tmp_path / SCOPE_FILE).unlink()
    with pytest.raises(WeightsError, match="missing"):
        load_scope(tmp_path)
    save_scope(tmp_path, accepts_all())
    assert load_scope(tmp_path).why_not(Plane.AXIAL, images) is None


def test_the_same_budget_fits_the_same_file(drawn: Examples, tmp_path: Path) -> None:
    pictures = foreign(1).joined(foreign(2))
    budget = Budget(people=2, pictures=2, steps=2)
    texts = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        scope = fit_on(drawn, pictures, budget, lambda: None)
        torch.set_num_threads(threads)
        texts.append(save_scope(tmp_path / name, scope).read_bytes())
    assert texts[0] == texts[1]
    assert len(texts[0]) < 200_000


def test_examples_show_joints_of_both_planes_and_spoiled_ones_differ(drawn: Examples) -> None:
    assert drawn.is_shown.mean() == pytest.approx(2 / 3)
    assert sorted(set(drawn.planes[drawn.is_shown])) == [0, 1]
    shown = torch.from_numpy(drawn.images[:10].astype(np.float32))[:, None]
    rng = np.random.default_rng(4)
    assert all((a != b).any() for a, b in zip(spoil(shown, rng), shown, strict=True))
    painted = repaint(shown, rng)
    assert painted.shape == (10, 1, 64, 64)
    assert torch.isfinite(painted).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_every_kind_of_foreign_picture_differs_from_draw_to_draw(family: str) -> None:
    first, second = (FAMILIES[family](np.random.default_rng(seed), 3) for seed in (1, 2))
    assert first.shape == (3, 256, 256)
    assert first.min() >= 0
    assert not np.array_equal(first, second)


def test_plain_figures_alone_decline_what_no_scan_of_the_joints_holds() -> None:
    accepted, declined = {}, {}
    for sample in simulated_samples(1):
        reasons = accepted if sample.must_judge else declined
        reasons[sample.group] = why_abstains(sample.study, accepts_all())
    assert set(accepted.values()) == {None}
    assert any(group.startswith(HELD) for group in accepted)
    for group in (
        "cut off at one white",
        "metal",
        "motion, copies",
        "motion, blur",
        "too few slices",
        "field of 100 mm",
        "field of 600 mm",
        "from the side, geometry known",
    ):
        assert declined[group] is not None, group
    assert all(why_abstains(s.study, accepts_all()) for s in pydicom_samples())


def test_one_grey_and_noise_are_declined_whatever_plane_is_stated() -> None:
    rng = np.random.default_rng(5)
    for voxels in (np.full((6, 128, 128), 7.0), rng.gamma(4, 50, (6, 128, 128))):
        series = replace(noise_series(), volume=Volume(voxels, CORONAL))
        for plane in JUDGED_PLANES:
            assert why_abstains(study_of(series.corrected(plane=plane)), accepts_all())


def test_the_page_counts_each_group_with_an_exact_interval() -> None:
    found = [Outcome("a", True, None, (1.0, 2.0))] * 30
    found += [Outcome("b", False, "Not the joints.", None)] * 19 + [Outcome("b", False, None, None)]
    figures = abstention(found)
    assert figures["a"]["abstained"] == 0
    assert figures["a"]["high"] == pytest.approx(1 - 0.025 ** (1 / 30))
    assert figures[ALL_DECLINED]["share"] == pytest.approx(0.95)
    page = "\n".join(page_parts(figures))
    assert "| a | 30 | 0 | 0.0% (0.0% to 11.6%) | +1.0 / +1.0 / +1.0 |" in page
    assert "| b | 20 | 19 | 95.0%" in page
