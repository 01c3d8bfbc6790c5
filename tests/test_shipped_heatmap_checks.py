"""Four questions about a heatmap, of the shipped weights and a simulated lesion."""

from dataclasses import replace
from time import process_time

import numpy as np
import pytest
import torch
from passed_checks import LIMITS, trust_of
from small_studies import study_of

from asemble.core.labels import Pattern, Plane, Weighting
from asemble.core.results import ENSEMBLE
from asemble.core.study import Series
from asemble.core.volume import Volume
from asemble.evaluation.heatmap_check_records import look_at
from asemble.evaluation.heatmap_records import cascade, untrained_draws
from asemble.evaluation.simulated_studies import PlannedCase, SeriesTruth, SimulatedStudy
from asemble.explain import SeriesHeatmaps
from asemble.explain.check_texts import verdicts
from asemble.explain.checks import HeatmapChecks, check_heatmap, joint_share
from asemble.imaging.bones import joints_seen
from asemble.models import Ensemble, load_ensemble
from asemble.models.fusion import EVIDENCE, GRADCAM
from asemble.models.input_gate import accepts_all
from asemble.performance.store import performance_of
from asemble.performance.tables import CHECKS
from asemble.phantom import LesionType, render_slice, sample_case, sample_stack
from asemble.predict import assess
from asemble.ui.heatmap_panel import SHORT, accuracy_of_checks

SEED = 1_000_001


@pytest.fixture(scope="module")
def shipped() -> Ensemble:
    ensemble = load_ensemble(device="cpu")
    ensemble.input_gate = accepts_all()  # of three slices
    return ensemble


@pytest.fixture(scope="module")
def inflammatory() -> tuple[Series, np.ndarray]:
    """Three coronal slices through the most oedema of a simulated person, and its mask."""
    case = sample_case(SEED, kind=Pattern.INFLAMMATORY)
    rng = np.random.default_rng(SEED)
    stack = sample_stack(rng, case, plane=Plane.CORONAL, weighting=Weighting.FLUID)
    middle = stack.shape[0] // 2
    slices = [render_slice(case, stack, i, rng) for i in (middle - 2, middle, middle + 2)]
    voxels = np.stack([s.image for s in slices])
    masks = np.stack([s.masks[LesionType.OEDEMA, Pattern.INFLAMMATORY] >= 0.5 for s in slices])
    volume = Volume(voxels, stack.affine_lps)
    return Series("s01", "STIR", volume, Plane.CORONAL, Weighting.FLUID, modality="MR"), masks


@pytest.fixture(scope="module")
def explained(
    shipped: Ensemble, inflammatory: tuple[Series, np.ndarray]
) -> tuple[Series, int, SeriesHeatmaps]:
    """The slice with the most oedema, and the heatmaps of its series."""
    series, masks = inflammatory
    study = study_of(series)
    heatmaps = assess(study, shipped)[1][series.id]
    return series, int(masks.sum(axis=(1, 2)).argmax()), heatmaps


@pytest.fixture(scope="module")
def found(shipped: Ensemble, explained: tuple[Series, int, SeriesHeatmaps]) -> HeatmapChecks:
    series, index, heatmaps = explained
    return check_heatmap(series, index, shipped, heatmaps)


def test_covering_a_simulated_lesion_changes_the_answer_more_than_covering_elsewhere(
    found: HeatmapChecks,
) -> None:
    assert found.deletion.probability > 0.5
    assert found.deletion.drop is not None and found.deletion.elsewhere
    assert found.deletion.drop > 5 * max(np.abs(found.deletion.drops_elsewhere))


def test_a_simulated_lesion_is_seen_by_both_kinds_at_the_joint_and_stays_in_place(
    found: HeatmapChecks,
) -> None:
    assert found.agreement.overlap is not None and found.agreement.overlap > 0.3
    assert found.joint.share is not None and found.joint.area is not None
    assert found.joint.share > 2 * found.joint.area
    assert found.stability.mean_kept is not None and found.stability.mean_kept > 0.7
    assert {told.speaks_for for told in verdicts(found, LIMITS)} == {True}


def test_the_same_question_gets_the_same_answer_within_three_seconds_of_one_core(
    shipped: Ensemble, explained: tuple[Series, int, SeriesHeatmaps], found: HeatmapChecks
) -> None:
    series, index, heatmaps = explained
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    started = process_time()
    again = check_heatmap(series, index, shipped, heatmaps)
    spent = process_time() - started
    torch.set_num_threads(threads)
    assert again.deletion.elsewhere == pytest.approx(found.deletion.elsewhere, abs=1e-4)
    assert again.stability.kept == pytest.approx(found.stability.kept, abs=1e-3)
    assert spent < 6  # 2.1 s where this was written; twice three seconds, for slower machines


def test_the_map_that_is_tested_is_the_one_that_is_shown(
    shipped: Ensemble, explained: tuple[Series, int, SeriesHeatmaps], found: HeatmapChecks
) -> None:
    series, index, heatmaps = explained
    other = check_heatmap(series, index, shipped, heatmaps, method=EVIDENCE)
    assert found.method == GRADCAM != other.method
    shown = heatmaps.get(GRADCAM, ENSEMBLE).values[index]
    seen = joints_seen(heatmaps.tissue[index : index + 1].astype(np.float32))
    region = heatmaps.grid.from_square(seen[0].astype(np.float32)) > 0.5
    assert found.joint == replace(joint_share(shown, region), is_seen=True)
    assert "that the networks see here" in verdicts(found, LIMITS)[1].sentence
    assert other.joint != found.joint
    assert other.stability.probability == found.stability.probability
    for method in ("hirescam", ""):
        with pytest.raises(ValueError, match="no heatmap"):
            check_heatmap(series, index, shipped, heatmaps, method=method)
    with pytest.raises(ValueError, match="no heatmap"):
        check_heatmap(series, 3, shipped, heatmaps)


def test_layers_drawn_by_chance_destroy_the_map_of_a_simulated_lesion(
    shipped: Ensemble, explained: tuple[Series, int, SeriesHeatmaps]
) -> None:
    series, index, heatmaps = explained
    draws = untrained_draws(shipped)
    for member, layers in cascade(series, index, heatmaps, shipped, draws).items():
        ranks = [layer["rank"] for layer in layers.values()]
        assert max(ranks[1:]) < 0.5, (member, ranks)
        assert abs(ranks[-1]) < 0.3, (member, ranks)


def test_asking_leaves_the_shared_networks_as_they_were(
    shipped: Ensemble, explained: tuple[Series, int, SeriesHeatmaps]
) -> None:
    study = study_of(explained[0])
    again = assess(study, shipped)[1]["s01"]
    for key, heatmap in explained[2].maps.items():
        assert (again.maps[key] == heatmap).all()
    for member in shipped.planes[Plane.CORONAL]:
        assert not member.network.head.fuse._forward_hooks
        assert all(p.grad is None for p in member.network.parameters())


def test_the_shipped_weights_say_what_their_limits_are_worth_or_that_they_have_none(
    shipped: Ensemble,
) -> None:
    limits, performance = shipped.fusion.limits, performance_of(shipped.signed)
    if not limits:  # networks that learned again, before `asemble evaluate trust`
        assert "was not measured for these weights" in accuracy_of_checks(performance)
        return
    assert set(limits) == set(CHECKS)
    assert {told.speaks_for for told in verdicts(trust_of(), limits)} <= {True, False}
    said = accuracy_of_checks(performance)
    assert all(words in said for words in SHORT.values())
    assert "P(inflammatory) by itself 0." in said


def test_what_is_looked_at_is_right_only_where_the_peak_lies_on_oedema(
    shipped: Ensemble, inflammatory: tuple[Series, np.ndarray]
) -> None:
    series, masks = inflammatory
    case = PlannedCase(Pattern.INFLAMMATORY, SEED)
    labels = [Pattern.INFLAMMATORY if mask.any() else Pattern.NORMAL for mask in masks]
    rights = []
    for oedema in (masks, np.zeros_like(masks)):
        truth = {series.id: SeriesTruth(labels, oedema)}
        record = look_at(SimulatedStudy(case, study_of(series), truth), shipped)
        assert len({one["index"] for one in record["looks"]}) == 2
        rights.append([one["right"] for one in record["looks"]])
    assert any(rights[0]) and not any(rights[1])
    assert record["oedema"] == {"coronal": (0, 0)}
