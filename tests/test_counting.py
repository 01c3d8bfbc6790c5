"""Which slices count in a study's answer, and what else makes the ensemble abstain."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from small_studies import AXIAL, CORONAL, noise_series, study_of, two_plane_study

from asemble.core.labels import Plane, Tissue
from asemble.core.results import (
    ABSTAIN,
    MEMBERS_DISAGREE,
    CheckVerdict,
    DecidingSlice,
    Probabilities,
    Remark,
    SeriesPrediction,
    SlicePrediction,
    StudyPrediction,
)
from asemble.core.volume import Volume
from asemble.explain import SeriesOutput
from asemble.imaging.joint_bands import JOINT_BANDS, joint_region, joint_regions
from asemble.imaging.slices import grid_of
from asemble.models import MEMBERS, Ensemble, load_ensemble
from asemble.models.counting import NO_JOINT, AtJoints, at_joints
from asemble.predict import assess, predict
from asemble.predict.decision import decide
from asemble.predict.heatmap_verdict import FAILED, deciding_slice, why_heatmap_fails
from asemble.predict.inference import InferredSeries, inferred, study_features
from asemble.reading import Reading
from asemble.ui import charts
from asemble.ui.key_images import key_images, places
from asemble.ui.state import Assessment

STRONG, FAINT_ONE, EMPTY = [0.05, 0.9, 0.05], [0.6, 0.3, 0.1], [0.98, 0.01, 0.01]
AT_JOINTS, ELSEWHERE, IN_FRONT = (
    AtJoints(0.95, expected=True),
    AtJoints(0.3, expected=True),
    AtJoints(0.95, expected=False),
)


def judged(*slices: tuple[list[float], AtJoints], least: float | None = 0.8) -> InferredSeries:
    """A coronal series, looked at by one member alone."""
    said = np.array([probabilities for probabilities, _ in slices])
    where = [place for _, place in slices]
    return InferredSeries(
        noise_series(slices=len(slices)), {"pvt": said}, {"pvt": 1.0}, where, least
    )


def test_slices_in_front_of_the_joints_and_behind_them_have_no_region() -> None:
    regions = joint_regions(Plane.CORONAL, CORONAL, 25)  # 4 mm apart: 48 mm to either side
    assert regions is not None and regions.shape == (25, 128, 128)
    inside = [bool(region.any()) for region in regions]
    reach = int(JOINT_BANDS[Plane.CORONAL].depth_mm // 4)
    assert inside == [abs(index - 12) <= reach for index in range(25)]
    assert (regions[12] == joint_region(Plane.CORONAL)).all()


def test_a_stack_longer_than_protocols_lay_over_the_joints_has_its_region_everywhere() -> None:
    regions = joint_regions(Plane.AXIAL, AXIAL, 50)
    assert regions is not None and regions.any(axis=(1, 2)).all()
    assert joint_regions(Plane.AXIAL, None, 25) is None


def test_evidence_counts_by_where_it_lies_and_none_is_nowhere_wrong() -> None:
    region = np.repeat(joint_region(Plane.CORONAL)[None], 3, axis=0)
    evidence = np.zeros((3, 128, 128), dtype=np.float32)
    evidence[0][region[0]] = 1
    evidence[1, 32, 30:34] = 3  # the midline, where the bladder lies
    beside, middle, nothing = at_joints(evidence, region)
    assert (beside.share, middle.share, nothing.share) == (1, 0, None)
    assert [found.why_not(0.8) is None for found in (beside, middle, nothing)] == [1, 0, 1]
    assert AtJoints(1.0, expected=False).why_not(0.0) == NO_JOINT


def test_a_slice_that_does_not_count_changes_nothing_however_sure_it_is() -> None:
    def features(first: list[float], second: list[float]) -> list[float]:
        rest = [(FAINT_ONE, AT_JOINTS)] * 4
        series = judged((first, IN_FRONT), (second, ELSEWHERE), *rest)
        return study_features([series], "pvt")[Plane.CORONAL].tolist()

    assert features(STRONG, STRONG) == features(EMPTY, EMPTY)
    without_rule = judged((STRONG, IN_FRONT), *[(FAINT_ONE, AT_JOINTS)] * 4, least=None)
    assert without_rule.counts.all()


def test_a_slice_alone_between_others_that_do_not_count_stands_out_less() -> None:
    beside = [(STRONG, ELSEWHERE), (STRONG, AT_JOINTS), (STRONG, ELSEWHERE)]
    together = [(STRONG, AT_JOINTS)] * 3
    alone, among = (judged(*slices).smoothed("pvt")[1, 1] for slices in (beside, together))
    assert alone == pytest.approx(0.45) and among == pytest.approx(0.9)


def test_without_slices_that_count_there_is_no_answer_and_with_few_no_decision() -> None:
    none = judged(*[(STRONG, ELSEWHERE)] * 6)
    assert study_features([none], "pvt") == {}
    decision, reasons = decide([none], None)
    assert decision == ABSTAIN and reasons[0].sentence.startswith("No slice counts")
    few = judged(*[(STRONG, AT_JOINTS)] * 4, *[(STRONG, IN_FRONT)] * 2)
    decision, reasons = decide([few], Probabilities(0.1, 0.8, 0.1))
    assert decision == ABSTAIN and reasons[0].sentence.startswith("Only 4 of 6 slices count")
    beside = "Evidence on 2 of 6 slices does not count: it lies away from the joints."
    assert reasons[1].sentence == beside


def test_members_that_hold_most_of_the_skill_and_see_another_class_make_it_abstain() -> None:
    sure, other = Probabilities(0.1, 0.8, 0.1), Probabilities(0.8, 0.1, 0.1)
    said = np.array([STRONG] * 5)

    def decided(strong: Probabilities, weak: Probabilities) -> tuple[str, list[Remark]]:
        shares = {"asemblenet": 0.6, "pvt": 0.4}
        series = InferredSeries(noise_series(slices=5), {"asemblenet": said, "pvt": said}, shares)
        return decide([series], sure, {"asemblenet": strong, "pvt": weak})

    decision, reasons = decided(strong=other, weak=sure)
    assert decision == ABSTAIN
    assert reasons[0].sentence == (
        "The members disagree: the ensemble finds inflammatory most likely, but asemblenet normal "
        "(weight in the ensemble: 60%)."
    )
    decision, reasons = decided(strong=sure, weak=other)
    assert decision == "inflammatory"
    assert "The members disagree: the ensemble finds inflammatory most likely, but pvt normal." in [
        reason.sentence for reason in reasons
    ]
    assert reasons[0].code == MEMBERS_DISAGREE
    same = decided(strong=sure, weak=sure)[1]
    assert MEMBERS_DISAGREE not in [reason.code for reason in same]


def test_the_heatmap_fails_when_most_questions_speak_against_it() -> None:
    def told(*verdicts: bool | None) -> list[CheckVerdict]:
        return [CheckVerdict("?", f"{n}%", "", verdict) for n, verdict in enumerate(verdicts)]

    assert why_heatmap_fails(told(True, *[False] * (FAILED - 1), None)) is None
    failed = why_heatmap_fails(told(False, False, None, False))
    assert failed is not None and failed.sentence == (
        "The heatmap of the slice that weighs most fails its test on 3 of 4 questions: agreement "
        "of networks 0%, evidence at the joints 1%, effect of covering 3%."
    )


def slices(*given: tuple[float, str | None]) -> tuple[SlicePrediction, ...]:
    return tuple(
        SlicePrediction(index, None, Probabilities(1 - p, p, 0.0), {}, why_not)
        for index, (p, why_not) in enumerate(given)
    )


PREDICTED = slices((0.9, NO_JOINT), (0.3, None), (0.6, None), (0.2, None))


def test_the_slice_that_weighs_most_is_one_that_counts() -> None:
    aside = SeriesPrediction("s02", True, None, slices((0.95, NO_JOINT), (0.1, None)))
    found = deciding_slice([aside, SeriesPrediction("s01", True, None, PREDICTED)])
    assert found == DecidingSlice("s01", 2)
    assert deciding_slice([SeriesPrediction("s01", True, None, slices((0.9, NO_JOINT)))]) is None


def test_the_chart_sets_apart_by_form_what_does_not_count_and_names_it() -> None:
    figure = charts.slice_chart(PREDICTED, at=2)
    assert "does not count" in [trace.name for trace in figure.data]
    for trace in figure.data[:3]:
        assert [symbol.endswith("-open") for symbol in trace.marker.symbol] == [True] + 3 * [False]
    everywhere = charts.slice_chart(slices((0.9, None), (0.3, None)), at=0)
    assert "does not count" not in [trace.name for trace in everywhere.data]


@pytest.fixture
def strict(random_weights: Path) -> Ensemble:
    """Weights drawn by chance that find everything inflammatory, and whose heatmaps always fail."""
    ensemble = load_ensemble(random_weights, device="cpu")
    inflammatory = np.array([[9.0, 0, 0], [0, 0, 0]])
    limits = {"agreement": 1.1, "joint": 1.1, "stability": 1.1, "deletion": 1.1}
    ensemble.fusion = replace(
        ensemble.fusion,
        coefficients=dict.fromkeys(ensemble.fusion.coefficients, inflammatory),
        counting={"coronal": 0.0, "axial": 0.0},
        limits=limits,
    )
    return ensemble


def test_a_failed_heatmap_makes_prediction_and_assessment_abstain_alike(strict: Ensemble) -> None:
    study = two_plane_study(slices=3)
    alone, (beside, _) = predict(study, strict), assess(study, strict)
    assert alone.decision == beside.decision == ABSTAIN
    assert alone.probabilities is not None and alone.probabilities.inflammatory > 0.9
    assert alone.why_abstains is not None and "fails its test on" in alone.why_abstains
    assert alone.reasons == beside.reasons and alone.deciding == beside.deciding
    assert alone.deciding is not None and len(alone.deciding.checks) == 4


def test_only_an_inflammatory_answer_rests_on_a_heatmap(
    strict: Ensemble, random_ensemble: Ensemble
) -> None:
    normal = dict.fromkeys(strict.fusion.coefficients, np.array([[-9.0, 0, 0], [-9.0, 0, 0]]))
    strict.fusion = replace(strict.fusion, coefficients=normal)
    prediction = predict(study_of(noise_series()), strict)
    assert prediction.decision == "normal"
    assert prediction.deciding is not None and prediction.deciding.checks == ()


def test_slices_without_joints_keep_their_own_answer_and_say_why_it_does_not_count(
    strict: Ensemble,
) -> None:
    for member in strict.planes[Plane.CORONAL]:  # that see no bone: then geometry says
        with torch.no_grad():
            member.network.head.tissue.weight.zero_()
            member.network.head.tissue.bias.copy_(torch.tensor([9.0, 0, 0, 0, 0, 0]))
    long = noise_series(slices=20)  # 4 mm apart: 38 mm to either side
    study = study_of(long)
    assessed = Assessment("", *assess(study, strict))
    found = assessed.prediction.series[0].slices
    depth = JOINT_BANDS[Plane.CORONAL].depth_mm
    near = [index for index in range(20) if abs(index - 9.5) * 4 <= depth]
    assert [one.index for one in found if one.counts] == near and 0 < len(near) < 20
    notes = [image.note for image in key_images(study, assessed, [("s01", 0), ("s01", 10)])]
    assert [note.startswith("Does not count in the answer. ") for note in notes] == [True, False]
    assert found[0].why_not == NO_JOINT and found[0].probabilities.inflammatory > 0
    flat = replace(long, volume=Volume(long.volume.voxels, None))
    assert all(one.counts for one in predict(study_of(flat), strict).series[0].slices)


def test_key_images_are_of_slices_that_count_until_the_reader_chooses_others() -> None:
    predicted = StudyPrediction(
        probabilities=Probabilities(0.4, 0.6, 0.0),
        members={},
        interval_inflammatory=None,
        decision="inflammatory",
        reasons=(),
        series=(SeriesPrediction("s01", True, None, PREDICTED),),
        weights={},
        device="cpu",
        seconds={},
    )
    study, assessed = study_of(noise_series(slices=4)), Assessment("", predicted, {})
    assert places(Reading(), study, assessed) == [("s01", 2)]
    chosen = Reading(key_images=(("s01", 0),))
    assert places(chosen, study, assessed) == [("s01", 0)]


def test_slices_count_by_the_joints_that_are_seen_before_geometry(strict: Ensemble) -> None:
    series = noise_series(slices=20)
    tissue = np.zeros((20, len(Tissue), 128, 128), np.float32)
    tissue[:, Tissue.REST] = 1
    for place, columns in ((Tissue.SACRUM, slice(40, 60)), (Tissue.LEFT_ILIUM, slice(61, 80))):
        tissue[:2, :, 40:80, columns] = 0  # on the first two slices, where geometry has none
        tissue[:2, place, 40:80, columns] = 1
    evidence = np.zeros((20, 128, 128), np.float32)
    evidence[:, 60, 60] = 5
    said = {name: np.full((20, 3), 1 / 3) for name in MEMBERS}
    found = dict.fromkeys(MEMBERS, evidence)
    none = np.zeros_like(evidence)
    grid = grid_of(series.volume, series.plane)
    output = SeriesOutput(Plane.CORONAL, grid, said, {}, found, tissue.astype(np.float16), none)
    assert inferred(series, output, strict).counts.tolist() == [True, True] + [False] * 18
