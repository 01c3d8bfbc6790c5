"""Heatmaps: on the series' grid, on one scale a study, cold where there is little."""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from small_studies import noise_series, study_of, two_plane_study

from asemble.core.labels import PATTERNS, Pattern, Plane
from asemble.core.results import ENSEMBLE
from asemble.core.study import Series
from asemble.evaluation.cam_methods import OTHER_METHODS, other_maps
from asemble.evaluation.cascade import cascade_layers, cascade_maps
from asemble.evaluation.map_controls import body_maps, control_maps, untrained
from asemble.explain import SeriesOutput, infer
from asemble.explain.gradcam import ClassifierOutputTarget, GradCAM, grad_cam, unscaled_map
from asemble.explain.heatmaps import FAINTEST, SUREST
from asemble.imaging.slices import prepare
from asemble.models import MEMBERS, Ensemble, load_ensemble
from asemble.models.evidence_head import TOP_CELLS
from asemble.models.fusion import EVIDENCE, GRADCAM, METHODS, uncalibrated
from asemble.predict import assess, predict
from asemble.predict.inference import infer_study

INFLAMMATORY = PATTERNS.index(Pattern.INFLAMMATORY)


def output(series: Series, ensemble: Ensemble) -> SeriesOutput:
    plane = Plane(str(series.plane))
    return infer(plane, prepare(series.volume, plane), ensemble)


def test_maps_lie_on_the_grid_of_their_series(random_ensemble: Ensemble) -> None:
    study = two_plane_study(slices=2)
    heatmaps = assess(study, random_ensemble)[1]
    assert set(heatmaps) == {"s01", "s02"}
    for series in study.series:
        for method in METHODS:
            for member in (*MEMBERS, ENSEMBLE):
                values = heatmaps[series.id].get(method, member).values
                assert values.shape == series.volume.shape
                assert 0 <= values.min() <= values.max() <= 1
    with pytest.raises(ValueError, match="no heatmap"):
        heatmaps["s01"].get("gradcam", "nobody")


def test_the_maps_have_the_shape_of_the_packages_own(random_ensemble: Ensemble) -> None:
    member = random_ensemble.planes[Plane.CORONAL][0]
    images = member.inputs(prepare(noise_series(slices=2).volume).images)
    ours = grad_cam(member.network, images)[0]
    network = deepcopy(member.network)  # the package leaves gradients behind
    with GradCAM(network, [network.head.fuse]) as package:
        theirs = package(images, targets=[ClassifierOutputTarget(INFLAMMATORY)] * 2)
    assert ours.shape == (2, 128, 128)
    for own, scaled in zip(ours, theirs, strict=True):
        assert own.max() > 0
        # The package resizes to the image and divides by the map's own maximum.
        own_resized = np.kron((own - own.min()) / (own.max() - own.min()), np.ones((2, 2)))
        assert np.corrcoef(own_resized.ravel(), scaled.ravel())[0, 1] > 0.9


def test_grad_cam_at_the_body_is_the_packages_own(random_ensemble: Ensemble) -> None:
    member = next(m for m in random_ensemble.planes[Plane.CORONAL] if m.name == "efficientnet")
    images = prepare(noise_series(slices=2).volume).images
    found = body_maps(member, images)
    assert [heat.shape for heat in found] == [(2, side, side) for side in (128, 64, 32, 16)]
    network = deepcopy(member.network)
    layer = network.get_submodule("body.body.blocks.4")
    inputs = member.inputs(images).requires_grad_()
    theirs = 16 * 16 * unscaled_map(GradCAM, network, layer, inputs)
    assert theirs.max() > 0
    assert found[3] == pytest.approx(theirs, rel=1e-3, abs=1e-3 * float(theirs.max()))


def test_networks_before_training_are_others_and_always_the_same(
    random_ensemble: Ensemble,
) -> None:
    series = noise_series(slices=4)
    fresh = untrained(random_ensemble)
    maps = control_maps(series, [1, 3], random_ensemble, fresh)
    again = control_maps(series, [1, 3], random_ensemble, untrained(random_ensemble))
    shown = output(series, random_ensemble)
    for name in MEMBERS:
        heat = maps[f"random weights/{name}"]
        assert heat.shape == (2, *series.volume.shape[1:])
        assert (heat == again[f"random weights/{name}"]).all()
        trained = shown.grid.from_square(shown.maps[GRADCAM, name])[[1, 3]]
        assert not np.allclose(heat, trained)


def test_heat_is_the_gain_of_the_logit_in_a_linear_head(random_ensemble: Ensemble) -> None:
    member = random_ensemble.planes[Plane.AXIAL][1]
    images = member.inputs(prepare(noise_series(slices=2).volume).images)
    head = member.network.head
    with torch.no_grad():
        evidence = head.evidence(member.network.features(images))  # before bone weighs it
        bias = head.evidence.bias[INFLAMMATORY]
        expected = (head.scale[INFLAMMATORY] * (evidence[:, INFLAMMATORY] - bias)).clamp(min=0)
    found = grad_cam(member.network, images)[0]
    assert found == pytest.approx(expected.numpy(), abs=1e-3)


def test_the_evidence_layer_is_the_inflammatory_map_between_its_ends(
    random_ensemble: Ensemble,
) -> None:
    series = noise_series(slices=3)
    maps = output(series, random_ensemble).maps
    evidence = random_ensemble.infer(Plane.CORONAL, prepare(series.volume).images)["pvt"].evidence
    expected = np.clip(evidence[:, INFLAMMATORY], FAINTEST, SUREST) - FAINTEST
    assert expected.max() > 0
    assert maps[EVIDENCE, "pvt"] == pytest.approx(expected, abs=1e-5)


def test_one_scale_holds_for_all_series_of_a_study(random_ensemble: Ensemble) -> None:
    study = study_of(
        noise_series(seed=1, slices=2), replace(noise_series(seed=2, slices=2), id="s02")
    )
    heatmaps = assess(study, random_ensemble)[1]
    raw = {s.id: output(s, random_ensemble) for s in study.series}
    for method in METHODS:
        strongest = max(float(raw[i].maps[method, "efficientnet"].max()) for i in raw)
        for series_id, maps in raw.items():
            expected = maps.grid.from_square(
                maps.maps[method, "efficientnet"] / max(strongest, 1.0)
            )
            found = heatmaps[series_id].get(method, "efficientnet").values
            assert found == pytest.approx(expected, abs=1e-5)


def test_the_ensembles_map_is_made_of_its_members_by_their_shares(
    random_ensemble: Ensemble, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares = dict(zip(MEMBERS, (0.5, 0.3, 0.2), strict=True))
    monkeypatch.setattr(Ensemble, "shares", lambda *_: shares)
    study = study_of(noise_series(slices=2))
    maps = assess(study, random_ensemble)[1]["s01"]
    for method in METHODS:
        expected = sum(share * maps.get(method, name).values for name, share in shares.items())
        assert maps.get(method, ENSEMBLE).values == pytest.approx(expected, abs=1e-5)


def test_a_study_without_strong_evidence_is_not_scaled_up(random_weights: Path) -> None:
    ensemble = load_ensemble(random_weights, device="cpu")
    names = {plane: list(MEMBERS) for plane in ensemble.planes}
    study = study_of(noise_series(slices=2))
    strongest = float(output(study.series[0], ensemble).maps[GRADCAM, "pvt"].max())
    fusion = uncalibrated(ensemble.weights, names)
    strong = {
        method: {plane: dict.fromkeys(of, 10 * strongest) for plane, of in planes.items()}
        for method, planes in fusion.references.items()
    }
    ensemble.fusion = replace(fusion, references=strong)
    heat = assess(study, ensemble)[1]["s01"].get(GRADCAM, "pvt")
    assert 0.05 < heat.values.max() <= 0.1001


def test_a_network_that_sees_nothing_gives_a_cold_map(random_weights: Path) -> None:
    ensemble = load_ensemble(random_weights, device="cpu")
    for member in ensemble.planes[Plane.CORONAL]:
        with torch.no_grad():
            member.network.head.evidence.weight.zero_()
            member.network.head.evidence.bias.fill_(-3)
            member.network.head.tissue.weight.zero_()  # nor any bone, that might be bright
            member.network.head.tissue.bias.copy_(torch.tensor([9.0, 0, 0, 0, 0, 0]))
    study = study_of(noise_series(slices=2))
    maps = assess(study, ensemble)[1]["s01"]
    for method in METHODS:
        heat = maps.get(method, ENSEMBLE)
        assert heat.values.max() == 0
        assert heat.is_empty(0)


def test_explaining_leaves_no_hook_and_no_gradient_behind(random_ensemble: Ensemble) -> None:
    study = study_of(noise_series(slices=2))
    before = predict(study, random_ensemble)
    assess(study, random_ensemble)
    for member in random_ensemble.planes[Plane.CORONAL]:
        assert not member.network.head.fuse._forward_hooks
        assert all(p.grad is None for p in member.network.parameters())
    assert predict(study, random_ensemble).probabilities == before.probabilities


def test_only_series_that_were_judged_are_explained(random_ensemble: Ensemble) -> None:
    unknown = replace(noise_series(slices=2), plane=None)
    study = study_of(noise_series(slices=2), replace(unknown, id="s02"))
    assert set(assess(study, random_ensemble)[1]) == {"s01"}
    with pytest.raises(ValueError, match="no plane"):
        infer_study([unknown], random_ensemble)


def test_hirescam_is_grad_cam_in_the_cells_that_the_logit_is_made_of(
    random_ensemble: Ensemble,
) -> None:
    series = noise_series(slices=2)
    images = prepare(series.volume).images
    shown = output(series, random_ensemble).maps
    for member in random_ensemble.planes[Plane.CORONAL]:
        maps = other_maps(member, images)
        assert set(maps) == set(OTHER_METHODS)
        with torch.no_grad():
            evidence = member.network.with_evidence(member.inputs(images))[1].numpy()
        for heat, own, of_slice in zip(
            shown[GRADCAM, member.name], maps["hirescam"], evidence[:, INFLAMMATORY], strict=True
        ):
            strongest = np.sort(of_slice, axis=None)[-TOP_CELLS]
            expected = np.where(of_slice >= strongest, heat / TOP_CELLS, 0)
            assert own == pytest.approx(expected, rel=1e-3, abs=1e-6)
        assert not member.network.head.fuse._forward_hooks


def test_the_cascade_ends_at_the_network_before_training_and_leaves_the_member_alone(
    random_ensemble: Ensemble,
) -> None:
    stack = prepare(noise_series(slices=2).volume)
    images = stack.images
    fresh = untrained(random_ensemble, draw=1)[Plane.CORONAL]
    before = infer(Plane.CORONAL, stack, random_ensemble).maps
    for member, other in zip(random_ensemble.planes[Plane.CORONAL], fresh, strict=True):
        maps = cascade_maps(member, other, images)
        assert list(maps) == [name for name, _ in cascade_layers(member.network)]
        assert not np.allclose(maps["head.evidence"], before[GRADCAM, member.name])
        forgotten = grad_cam(other.network, other.inputs(images))[0]
        assert list(maps.values())[-1] == pytest.approx(forgotten, abs=1e-5)
    again = infer(Plane.CORONAL, stack, random_ensemble).maps
    for member in random_ensemble.planes[Plane.CORONAL]:
        assert (again[GRADCAM, member.name] == before[GRADCAM, member.name]).all()
