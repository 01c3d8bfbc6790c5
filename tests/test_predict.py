"""What a study prediction says, from real networks with weights drawn by chance."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_studies import noise_series, study_of, two_plane_study, write_random_weights

from asemble.core.errors import WeightsError
from asemble.core.labels import Plane, Weighting
from asemble.core.results import ABSTAIN, Probabilities
from asemble.core.volume import Volume
from asemble.explain.heatmaps import on_one_scale
from asemble.imaging.slices import prepare
from asemble.models import MEMBERS, Ensemble, load_ensemble
from asemble.models.calibration import IntervalRule
from asemble.models.fusion import (
    IDENTITY,
    answers_of_slices,
    calibrated,
    load_fusion,
    plane_features,
    series_features,
    uncalibrated,
    with_pattern_of_series,
)
from asemble.predict import assess, predict
from asemble.predict.decision import decide, interval
from asemble.predict.inference import InferredSeries, infer_study


def test_every_slice_carries_three_members_and_all_probabilities_sum_to_one(
    random_ensemble: Ensemble,
) -> None:
    prediction = predict(two_plane_study(), random_ensemble)
    for series in prediction.series:
        assert [s.index for s in series.slices] == list(range(6))
        for one in series.slices:
            assert list(one.members) == list(MEMBERS)
            for values in (one.probabilities, *one.members.values()):
                assert values.as_array().sum() == pytest.approx(1)
    assert prediction.probabilities is not None
    assert prediction.probabilities.as_array().sum() == pytest.approx(1)
    assert list(prediction.members) == list(MEMBERS)


def test_a_slice_is_made_of_its_members_by_their_shares_its_series_and_its_neighbours(
    random_ensemble: Ensemble, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares = dict(zip(MEMBERS, (0.5, 0.3, 0.2), strict=True))
    monkeypatch.setattr(Ensemble, "shares", lambda *_: shares)
    slices = predict(study_of(noise_series()), random_ensemble).series[0].slices
    fused = np.array([sum(shares[n] * m.as_array() for n, m in s.members.items()) for s in slices])
    fused = with_pattern_of_series(fused, np.ones(len(fused), bool))
    assert slices[2].probabilities.as_array() == pytest.approx(
        0.25 * fused[1] + 0.5 * fused[2] + 0.25 * fused[3]
    )
    assert slices[0].probabilities.as_array() == pytest.approx((2 * fused[0] + fused[1]) / 3)


def test_one_pass_says_what_prediction_and_explanation_say(random_ensemble: Ensemble) -> None:
    study = two_plane_study(slices=3)
    counted: list[tuple[int, int]] = []
    prediction, heatmaps = assess(
        study, random_ensemble, progress=lambda done, total: counted.append((done, total))
    )
    alone = predict(study, random_ensemble)
    assert prediction.probabilities == alone.probabilities
    assert prediction.series == alone.series and prediction.members == alone.members
    outputs, _ = infer_study(study.series, random_ensemble, with_cam=True)
    explained = on_one_scale(outputs, random_ensemble)
    assert heatmaps.keys() == explained.keys()
    for series_id, maps in explained.items():
        for key, values in maps.maps.items():
            assert (heatmaps[series_id].maps[key] == values).all()
    assert counted == [(3, 6), (6, 6)]


def test_positions_are_along_the_normal_in_millimetres(random_ensemble: Ensemble) -> None:
    slices = predict(study_of(noise_series()), random_ensemble).series[0].slices
    positions = [s.position_mm for s in slices]
    assert np.diff(positions) == pytest.approx([4.0] * 5)


def test_a_series_that_may_not_be_judged_says_why_and_changes_nothing(
    random_ensemble: Ensemble,
) -> None:
    t1 = noise_series(seed=9, id="s03", weighting=Weighting.T1)
    both = two_plane_study()
    alone = predict(both, random_ensemble)
    beside = predict(replace(both, series=(*both.series, t1)), random_ensemble)
    left_out = beside.series_by_id("s03")
    assert not left_out.used
    assert left_out.why_not
    assert not left_out.slices
    assert beside.probabilities == alone.probabilities


def test_each_plane_is_judged_by_its_own_members(random_ensemble: Ensemble) -> None:
    coronal = noise_series(Plane.CORONAL)
    as_axial = coronal.corrected(plane=Plane.AXIAL)
    first, second = (predict(study_of(s), random_ensemble) for s in (coronal, as_axial))
    assert first.series[0].slices[0].members != second.series[0].slices[0].members
    outputs = random_ensemble.infer(Plane.AXIAL, prepare(coronal.volume).images)
    assert second.series[0].slices[0].members["pvt"].as_array() == pytest.approx(
        outputs["pvt"].probabilities[0]
    )


def test_both_planes_move_the_study_score(random_ensemble: Ensemble) -> None:
    both = two_plane_study()
    joint = predict(both, random_ensemble).probabilities
    singles = [predict(study_of(s), random_ensemble).probabilities for s in both.series]
    assert joint is not None
    log_odds = [np.log(p.as_array()[1:] / p.normal) for p in singles if p is not None]
    # Uncalibrated, the study's log-odds are the mean of those of its planes.
    assert np.log(joint.as_array()[1:] / joint.normal) == pytest.approx(np.mean(log_odds, axis=0))


def test_a_member_alone_goes_the_same_way_as_the_ensemble(random_ensemble: Ensemble) -> None:
    prediction = predict(study_of(noise_series()), random_ensemble)
    slices = prediction.series[0].slices
    own = np.array([s.members["efficientnet"].as_array() for s in slices])
    expected = calibrated(series_features(answers_of_slices(own)), np.array(IDENTITY))
    assert prediction.members["efficientnet"].as_array() == pytest.approx(expected)


def test_the_order_of_the_series_does_not_matter(random_ensemble: Ensemble) -> None:
    study = two_plane_study(slices=3)
    turned = replace(study, series=study.series[::-1])
    first, second = (predict(s, random_ensemble).probabilities for s in (study, turned))
    assert first is not None
    assert second is not None
    assert first.as_array() == pytest.approx(second.as_array(), abs=1e-12)


def test_no_judged_series_abstains_with_a_reason(random_ensemble: Ensemble) -> None:
    prediction = predict(study_of(noise_series(weighting=Weighting.T1)), random_ensemble)
    assert prediction.decision == ABSTAIN
    assert prediction.reasons
    assert prediction.probabilities is None
    assert prediction.interval_inflammatory is None


def test_one_picture_gets_slice_predictions_but_no_decision(random_ensemble: Ensemble) -> None:
    picture = noise_series(slices=1)
    picture = replace(picture, volume=Volume(picture.volume.voxels, None))
    prediction = predict(study_of(picture), random_ensemble)
    assert prediction.decision == ABSTAIN
    assert any("1 slice could" in reason.sentence for reason in prediction.reasons)
    assert len(prediction.series[0].slices) == 1
    assert prediction.series[0].slices[0].position_mm is None


def test_one_plane_limits_the_answer_without_abstaining() -> None:
    judged = InferredSeries(noise_series(), {}, {})
    decision, reasons = decide([judged], Probabilities(0.1, 0.8, 0.1))
    assert decision == "inflammatory"
    assert any("axial" in reason.sentence for reason in reasons)


def test_a_close_call_is_decided_for_the_likeliest_class_and_says_so() -> None:
    judged = [InferredSeries(noise_series(plane), {}, {}) for plane in (Plane.CORONAL, Plane.AXIAL)]
    decision, reasons = decide(judged, Probabilities(0.28, 0.33, 0.39))
    assert decision == "mechanical"
    assert [reason.sentence for reason in reasons] == [
        "Close call: Mechanical or other mimic (39%) is only the likeliest; "
        "Inflammatory (axSpA pattern) (33%) is next."
    ]
    assert decide(judged, Probabilities(0.55, 0.25, 0.2)) == ("normal", [])


def test_too_few_slices_abstain_however_sure_the_networks_are() -> None:
    decision, reasons = decide(
        [InferredSeries(noise_series(slices=4), {}, {})], Probabilities(0.0, 1.0, 0.0)
    )
    assert decision == ABSTAIN
    assert reasons[0].sentence == "Only 4 slices could be judged; a study needs at least 5."


def test_disagreeing_members_widen_the_interval_around_the_ensemble() -> None:
    centre = Probabilities(0.3, 0.6, 0.1)

    def width(*values: float) -> float:
        members = [Probabilities(1 - v, v, 0.0) for v in values]
        found = interval(centre, members, IntervalRule())
        assert found is not None
        assert found[0] < centre.inflammatory < found[1]
        return found[1] - found[0]

    assert width(0.2, 0.6, 0.9) > width(0.55, 0.6, 0.65)
    assert interval(centre, [centre], IntervalRule()) is None


def test_three_strong_slices_outweigh_any_number_of_empty_ones() -> None:
    strong, empty = [0.02, 0.96, 0.02], [0.96, 0.02, 0.02]
    few = np.array([strong] * 3 + [empty] * 3)
    many = np.array([strong] * 3 + [empty] * 30)
    assert series_features(few) == pytest.approx(series_features(many))


def test_a_slice_says_whether_there_is_a_lesion_and_its_series_mostly_which() -> None:
    said = np.array([[0.1, 0.9, 0.0], [0.1, 0.9, 0.0], [0.3, 0.1, 0.6], [0.8, 0.0, 0.2]])
    counts = np.array([True, True, True, False])
    found = with_pattern_of_series(said, counts)
    assert found[:, 0] == pytest.approx(said[:, 0])
    assert found.sum(axis=1) == pytest.approx(1)
    assert found[2, 1] > found[2, 2]  # the odd one out is counted with its series
    assert found[2, 2] > found[1, 2]  # and still differs from it
    other = np.where(counts[:, None], said, [0.0, 0.0, 1.0])  # what does not count changes nothing
    assert with_pattern_of_series(other, counts)[:3] == pytest.approx(found[:3])
    nothing = np.tile([1.0, 0.0, 0.0], (3, 1))
    assert with_pattern_of_series(nothing, counts[:3]) == pytest.approx(nothing)


def test_a_single_image_counts_a_third_of_a_stack() -> None:
    stack, image = np.tile([0.2, 0.7, 0.1], (4, 1)), np.array([[0.8, 0.1, 0.1]])
    expected = (3 * series_features(stack) + series_features(image)) / 4
    assert plane_features([stack, image]) == pytest.approx(expected)


def test_a_missing_or_foreign_fusion_is_refused(random_weights: Path, tmp_path: Path) -> None:
    bare = write_random_weights(tmp_path, fusion=False)
    with pytest.raises(WeightsError, match="missing"):
        predict(study_of(noise_series()), bare)
    names = {plane: list(MEMBERS) for plane in bare.planes}
    with pytest.raises(WeightsError, match="other weights"):
        load_fusion(random_weights, {"coronal-pvt.safetensors": "0" * 64}, names)
    (tmp_path / "ensemble.json").write_text('{"weights": {}, "format": 2}')
    with pytest.raises(WeightsError, match="damaged"):
        load_fusion(tmp_path, {}, names)


def test_a_calibration_can_change_the_decision(random_weights: Path) -> None:
    ensemble = load_ensemble(random_weights, device="cpu")
    names = {plane: list(MEMBERS) for plane in ensemble.planes}
    study = two_plane_study(slices=3)
    for pattern, row in (("inflammatory", 0), ("mechanical", 1)):
        coefficients = np.zeros((2, 3))
        coefficients[row, 0] = 9.0
        fusion = uncalibrated(ensemble.weights, names)
        ensemble.fusion = replace(
            fusion, coefficients=dict.fromkeys(fusion.coefficients, coefficients)
        )
        assert predict(study, ensemble).decision == pattern
