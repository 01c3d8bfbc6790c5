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
from asemble.core.study import Series, Study
from asemble.core.volume import Volume
from asemble.evaluation.input_gate_examples import Examples, out_of_distribution, simulated
from asemble.evaluation.input_gate_fit import Budget, fit_on, repaint, spoil
from asemble.evaluation.input_gate_groups import (
    HELD,
    drawn_series,
    foreign_samples,
    pydicom_samples,
    simulated_samples,
)
from asemble.evaluation.input_gate_metrics import ALL_DECLINED, Outcome, gate_groups, through_gate
from asemble.evaluation.out_of_distribution import FAMILIES
from asemble.imaging.arrangement import OTHER_PLANE
from asemble.imaging.bones import bone_labels
from asemble.imaging.slices import prepare
from asemble.models import Ensemble, load_ensemble
from asemble.models.input_gate import (
    DOUBT,
    GATE_FILE,
    NETWORK_FILE,
    NOT_THE_JOINTS,
    TURNS,
    InputGate,
    InputGateNetwork,
    Limits,
    accepts_all,
    even,
    load_input_gate,
    save_input_gate,
)
from asemble.performance import records
from asemble.performance.pages import as_markdown, scope_parts
from asemble.predict import predict
from asemble.predict.gate import TURNED, Gate, tissue_of


def scope_with(shown: float, upright: float, seed: int = 0) -> InputGate:
    torch.manual_seed(seed)
    return InputGate(
        InputGateNetwork().eval(), dict.fromkeys(JUDGED_PLANES, Limits(shown, upright))
    )


@pytest.fixture(scope="module")
def drawn() -> Examples:
    return simulated(3).joined(simulated(4))


@pytest.fixture(scope="module")
def ensemble() -> Ensemble:
    return load_ensemble(device="cpu")


@pytest.fixture(scope="module")
def stacks() -> dict[Plane, Series]:
    """Seven slices over the depth of one simulated person in each plane."""
    return {plane: drawn_series(1_450_000, plane) for plane in JUDGED_PLANES}


def refused(study: Study) -> str | None:
    """The first sentence by the file, the pixels and a glance that accepts everything."""
    gate = Gate(study, accepts_all())
    gate.ask_slices()
    remarks = gate.refusals.values()
    if any(remark is None for remark in remarks):
        return None if sum(s.volume.shape[0] for s in study.series) >= 5 else "too few"
    return next((remark.sentence for remark in remarks if remark is not None), "nothing")


def test_a_glance_declines_only_what_lies_far_below_its_limit() -> None:
    images = np.random.default_rng(0).random((6, 256, 256), dtype=np.float32)
    shown, _ = scope_with(0, -20).scores(Plane.AXIAL, images)
    assert scope_with(shown + DOUBT - 0.1, -20).glance(Plane.AXIAL, images) is None
    surely = scope_with(shown + DOUBT + 0.1, -20)
    other = surely.glance(Plane.AXIAL, images)
    assert other is not None
    assert "do not look like axial slices" in other.sentence
    assert surely.glance(Plane.AXIAL, images[:4]) is None  # too few to ask


def test_a_stack_is_in_scope_by_the_slices_that_show_a_pelvis() -> None:
    scope = scope_with(0, 0)
    for slices, needed in ((7, 2), (25, 4), (200, 16)):
        shown = np.arange(slices) < needed
        assert scope.by_bones(shown) is None
        fewer = scope.by_bones(np.arange(slices) < needed - 1)
        assert fewer is not None
        assert fewer.code == NOT_THE_JOINTS
        assert f"only {needed - 1} of {slices} slices" in fewer.sentence
    none = scope.by_bones(np.zeros(6, bool))
    assert none is not None and "on no slice" in none.sentence
    assert scope.by_bones(np.zeros(4, bool)) is None  # too few to ask
    assert accepts_all().by_bones(np.zeros(6, bool)) is None


def test_joints_that_are_seen_overrule_a_glance_that_doubts(
    ensemble: Ensemble, stacks: dict[Plane, Series]
) -> None:
    series = stacks[Plane.CORONAL]
    images = prepare(series.volume, Plane.CORONAL).images
    shown, _ = ensemble.input_gate.scores(Plane.CORONAL, images)
    doubting = replace(
        ensemble.input_gate, limits=dict.fromkeys(JUDGED_PLANES, Limits(shown + 4, -20))
    )
    own = ensemble.input_gate
    ensemble.input_gate = doubting
    try:
        assert through_gate(study_of(series), ensemble).why_abstains is None
    finally:
        ensemble.input_gate = own


@pytest.mark.parametrize("plane", JUDGED_PLANES)
def test_a_stack_that_stands_on_its_head_is_told_so(
    plane: Plane, ensemble: Ensemble, stacks: dict[Plane, Series]
) -> None:
    series = stacks[plane]
    voxels, affine = series.volume.voxels, series.volume.affine_lps
    turned = replace(series, volume=Volume(voxels[:, ::-1].copy(), affine))
    gated = through_gate(study_of(series), ensemble)
    assert gated.why_abstains is None and not gated.inferred[0].notes
    declined = predict(study_of(turned), ensemble).series[0]
    assert not declined.used and declined.code == TURNED
    assert "stored upside down" in str(declined.why_not)


def test_networks_name_sides_by_the_picture_so_that_a_mirrored_stack_is_not_known(
    ensemble: Ensemble, stacks: dict[Plane, Series]
) -> None:
    images = prepare(stacks[Plane.CORONAL].volume, Plane.CORONAL).images[2:5]
    for shown in (images, np.ascontiguousarray(images[:, :, ::-1])):
        labels = bone_labels(tissue_of(Plane.CORONAL, shown, ensemble))
        columns = [np.nonzero(labels == bone)[2].mean() for bone in (2, 1, 3)]
        assert columns == sorted(columns)  # right ilium, sacrum, left ilium


def test_coronal_slices_that_are_stated_to_be_axial_are_told_so(
    ensemble: Ensemble, stacks: dict[Plane, Series]
) -> None:
    series = stacks[Plane.CORONAL]
    bare = replace(
        series, volume=Volume(series.volume.voxels, None, sizes_mm=series.volume.spacing_mm)
    )
    found = predict(study_of(bare.corrected(plane=Plane.AXIAL)), ensemble).series[0]
    codes = [found.code, *(note.code for note in found.notes)]
    assert OTHER_PLANE in codes


def test_pictures_of_other_things_are_declined_each_with_its_code(ensemble: Ensemble) -> None:
    for sample in foreign_samples(0):
        gated = through_gate(sample.study, ensemble)
        (remark,) = gated.refusals.values()
        assert remark is not None and remark.code and remark.sentence, sample.group


def test_each_turn_is_undone_by_what_stands_beside_its_name() -> None:
    images = np.arange(12.0).reshape(1, 3, 4)
    stored = {
        "upside down": images[:, ::-1],
        "turned by 90 degrees": np.rot90(images, -1, (1, 2)),
        "turned by 90 degrees the other way": np.rot90(images, 1, (1, 2)),
    }
    assert set(stored) == set(TURNS)
    for name, wrong in stored.items():
        np.testing.assert_array_equal(TURNS[name](wrong), images)


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
    gate = Gate(study, declines)
    gate.ask_slices()
    assert not gate.passed
    few = replace(study, series=(*pictures[:4], stack))
    gate = Gate(few, declines)
    gate.ask_slices()
    assert gate.passed == [*pictures[:4]] and gate.refusals["s09"] is not None


def test_a_scope_comes_back_from_its_file_and_a_changed_file_is_refused(tmp_path: Path) -> None:
    scope = scope_with(-1.5, -0.5)
    images = np.random.default_rng(3).random((5, 256, 256), dtype=np.float32)
    save_input_gate(tmp_path, scope)
    loaded = load_input_gate(tmp_path)
    assert loaded.limits == scope.limits
    assert loaded.scores(Plane.AXIAL, images) == pytest.approx(
        scope.scores(Plane.AXIAL, images), abs=0.02
    )
    content = json.loads((tmp_path / GATE_FILE).read_text())
    for change in ({"sha256": "0" * 64}, {"format": 1}, {"limits": {}}, {"widths": [1]}):
        (tmp_path / GATE_FILE).write_text(json.dumps(content | change))
        with pytest.raises(WeightsError, match="damaged"):
            load_input_gate(tmp_path)
    (tmp_path / GATE_FILE).write_text(json.dumps(content))
    for spoilt in (b"", (tmp_path / NETWORK_FILE).read_bytes()[::-1]):
        (tmp_path / NETWORK_FILE).write_bytes(spoilt)
        with pytest.raises(WeightsError, match="damaged"):
            load_input_gate(tmp_path)
    (tmp_path / GATE_FILE).unlink()
    with pytest.raises(WeightsError, match="missing"):
        load_input_gate(tmp_path)
    save_input_gate(tmp_path, accepts_all())
    assert load_input_gate(tmp_path).glance(Plane.AXIAL, images) is None


def test_the_same_budget_fits_the_same_file(drawn: Examples, tmp_path: Path) -> None:
    pictures = out_of_distribution(1).joined(out_of_distribution(2))
    budget = Budget(people=2, pictures=2, steps=2)
    texts = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        scope = fit_on(drawn, pictures, budget, lambda: None)
        torch.set_num_threads(threads)
        texts.append(save_input_gate(tmp_path / name, scope).read_bytes())
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
        reasons[sample.group] = refused(sample.study)
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
    assert all(refused(s.study) for s in pydicom_samples())


def test_one_grey_and_noise_are_declined_whatever_plane_is_stated() -> None:
    rng = np.random.default_rng(5)
    for voxels in (np.full((6, 128, 128), 7.0), rng.gamma(4, 50, (6, 128, 128))):
        series = replace(noise_series(), volume=Volume(voxels, CORONAL))
        for plane in JUDGED_PLANES:
            assert refused(study_of(series.corrected(plane=plane)))


def test_the_page_counts_each_group_with_an_exact_interval() -> None:
    found = [Outcome("a", True, None, (1.0, 2.0), 0.5)] * 27
    found += [Outcome("a", True, None, (1.0, 2.0), 0.3, ("slices-reversed",))] * 3
    found += [Outcome("b", False, "Not the joints.", None)] * 19 + [Outcome("b", False, None, None)]
    groups = gate_groups(found)
    named = {group.name: group for group in groups}
    assert named["a"].abstained == 0
    assert named["a"].share.high == pytest.approx(1 - 0.025 ** (1 / 30), abs=1e-4)
    assert named[ALL_DECLINED].share.value == 0.95
    page = as_markdown(scope_parts(records.InputGateMetrics(30, groups)))
    assert (
        "| a | 30 | 0 | 0.0% (0.0% to 11.6%) | 30% / 50% / 50% | +1.0 / +1.0 / +1.0 | 10% |" in page
    )
    assert "| b | 20 | 19 | 95.0%" in page
