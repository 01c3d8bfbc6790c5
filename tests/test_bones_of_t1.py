"""Bones of a T1 series beside the fluid-sensitive one: when they help, and when they do not."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from small_studies import CORONAL, noise_series, study_of

from asemble.commands.prediction import as_json
from asemble.core.joints import Bone
from asemble.core.labels import Pattern, Plane, Tissue, Weighting
from asemble.core.results import StudyPrediction
from asemble.core.study import Series, Study
from asemble.core.volume import Affine, Volume
from asemble.explain import SeriesHeatmaps
from asemble.imaging.slices import grid_of
from asemble.io import read_study
from asemble.models import Ensemble, load_ensemble
from asemble.phantom import sample_case, sample_stack
from asemble.phantom.cases import RenderedSlice, render_weightings
from asemble.predict import assess, predict
from asemble.predict.bones_of_t1 import ELSEWHERE, Squares, overlap, partners_of, together
from asemble.ui import marking, state
from asemble.ui.outlines import LAYERS, outlines

SEED = 750_061
"""An inflamed person with oedema at both joints, of those that no network has seen."""
SLICES = range(5, 11)

Answer = tuple[StudyPrediction, dict[str, SeriesHeatmaps]]


@pytest.fixture(scope="module")
def ensemble() -> Ensemble:
    return load_ensemble(device="cpu")


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """Six semicoronal slices of a simulated person, and where they lie."""

    slices: list[dict[Weighting, RenderedSlice]]
    affine: Affine


@pytest.fixture(scope="module")
def person() -> Person:
    case = sample_case(SEED, kind=Pattern.INFLAMMATORY)
    rng = np.random.default_rng(SEED)
    stack = sample_stack(rng, case, plane=Plane.CORONAL, weighting=Weighting.FLUID)
    weightings = {Weighting.T1: rng, Weighting.FLUID: rng}
    rendered = [render_weightings(case, stack, index, weightings) for index in SLICES]
    affine = stack.affine_lps.copy()
    affine[:3, 3] += SLICES[0] * affine[:3, 0]
    return Person(rendered, affine)


@pytest.fixture(scope="module")
def both(person: Person) -> Study:
    """T1 and STIR, as one examination has them."""
    return study_of(
        *(
            Series(
                f"s{number:02}",
                weighting.value,
                Volume(np.stack([one[weighting].image for one in person.slices]), person.affine),
                Plane.CORONAL,
                weighting,
                modality="MR",
                frame_of_reference="F1",
            )
            for number, weighting in enumerate(person.slices[0], start=1)
        )
    )


@pytest.fixture(scope="module")
def alone(both: Study, ensemble: Ensemble) -> Answer:
    """What is found without the T1."""
    return assess(study_of(both.series_by_id("s02")), ensemble)


@pytest.fixture(scope="module")
def with_t1(both: Study, ensemble: Ensemble) -> Answer:
    return assess(both, ensemble)


def moved(study: Study, *, by_mm: float) -> Study:
    """The same images, with the T1 elsewhere: as if the patient had slid along the table."""
    t1 = study.series_by_id("s01")
    return study.with_series(replace(t1, volume=Volume(t1.volume.voxels, affine_of(t1, by_mm))))


def affine_of(series: Series, by_mm: float) -> Affine:
    assert series.volume.affine_lps is not None
    affine = series.volume.affine_lps.copy()
    affine[2, 3] += by_mm
    return affine


def test_bones_are_the_mean_of_both_series(with_t1: Answer, alone: Answer) -> None:
    prediction, heatmaps = with_t1
    of_stir, of_t1 = prediction.series_by_id("s02"), prediction.series_by_id("s01")
    assert (of_stir.bones_from, of_t1.bones_from) == (("s02", "s01"), ())
    assert of_stir.notes == ()
    t1 = heatmaps["s02"].t1
    assert t1 is not None and t1.series_id == "s01"
    # One geometry: what was found on either series lies at the same place on both.
    assert np.allclose(t1.tissue, heatmaps["s02"].tissue, atol=2e-3)
    assert not np.array_equal(heatmaps["s02"].tissue, alone[1]["s02"].tissue)
    assert (t1.bones == heatmaps["s02"].bones).mean() > 0.999


def test_oedema_and_class_are_those_of_the_fluid_sensitive_series(
    with_t1: Answer, alone: Answer
) -> None:
    for mine, other in zip(
        with_t1[0].series_by_id("s02").slices, alone[0].series_by_id("s02").slices, strict=True
    ):
        assert mine.members == other.members
    assert np.array_equal(with_t1[1]["s02"].small_oedema, alone[1]["s02"].small_oedema)
    for key, heat in with_t1[1]["s02"].maps.items():
        assert np.array_equal(heat, alone[1]["s02"].maps[key])


def test_predict_and_assess_find_the_same_with_t1(
    both: Study, with_t1: Answer, ensemble: Ensemble
) -> None:
    done = []
    found = predict(both, ensemble, progress=lambda *so_far: done.append(so_far))
    assert replace(found, seconds={}) == replace(with_t1[0], seconds={})
    assert done[-1] == (2 * len(SLICES), 2 * len(SLICES))


def test_a_patient_who_moved_has_no_bones_of_t1_and_the_answer_says_so(
    both: Study, alone: Answer, ensemble: Ensemble
) -> None:
    found, heatmaps = assess(moved(both, by_mm=15), ensemble)
    series = found.series_by_id("s02")
    (note,) = series.notes
    assert note.code == ELSEWHERE
    assert "the patient may have moved" in note.sentence
    assert f"s02: {note.sentence}" in [reason.sentence for reason in found.reasons]
    assert series.bones_from == ("s02",)
    assert heatmaps["s02"].t1 is None
    assert replace(series, notes=()) == alone[0].series_by_id("s02")
    assert np.array_equal(heatmaps["s02"].tissue, alone[1]["s02"].tissue)


@pytest.mark.parametrize(
    "changes",
    [
        {"frame_of_reference": "F2"},
        {"frame_of_reference": None},
        {"weighting": Weighting.OTHER},
        {"plane": Plane.AXIAL},
    ],
    ids=["another frame", "no frame", "no T1", "another plane"],
)
def test_a_series_that_is_no_t1_of_the_same_place_is_not_looked_at(
    changes: Mapping[str, object], both: Study
) -> None:
    t1, stir = both.series
    assert partners_of([stir], [t1, stir]) == {"s02": t1}
    assert partners_of([stir], [replace(t1, **changes), stir]) == {}  # type: ignore[arg-type]


def test_without_t1_of_the_same_frame_nothing_changes(
    both: Study, alone: Answer, ensemble: Ensemble
) -> None:
    t1 = both.series_by_id("s01")
    found = predict(both.with_series(replace(t1, frame_of_reference="F2")), ensemble)
    assert found.series_by_id("s02") == alone[0].series_by_id("s02")
    assert found.probabilities == alone[0].probabilities


def beside(affine: Affine | None, *, slices: int = 6, id: str = "s01") -> Series:
    series = noise_series(weighting=Weighting.T1, slices=slices, id=id)
    return replace(series, volume=Volume(series.volume.voxels, affine), frame_of_reference="F1")


def tilted(degrees: float) -> Affine:
    turn, angle = np.eye(4), np.radians(degrees)
    turn[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return np.asarray(turn @ CORONAL)


def further_back(mm: float) -> Affine:
    affine = CORONAL.copy()
    affine[1, 3] += mm
    return affine


@pytest.mark.parametrize(
    ("t1", "is_used"),
    [
        pytest.param(beside(CORONAL), True, id="same slices"),
        pytest.param(beside(tilted(12)), True, id="nearly parallel"),
        pytest.param(beside(tilted(20)), False, id="tilted"),
        pytest.param(beside(further_back(11)), True, id="covers half"),
        pytest.param(beside(further_back(15)), False, id="covers less"),
        pytest.param(beside(CORONAL, slices=4), False, id="few slices"),
        pytest.param(beside(CORONAL, slices=12), True, id="twice as many"),
        pytest.param(beside(CORONAL, slices=13), False, id="more"),
        pytest.param(beside(None), False, id="no geometry"),
    ],
)
def test_t1_is_looked_at_where_it_is_nearly_parallel_and_covers_the_series(
    t1: Series, *, is_used: bool
) -> None:
    stir = replace(noise_series(id="s02"), frame_of_reference="F1")
    assert partners_of([stir], [t1, stir]) == ({"s02": t1} if is_used else {})


def test_of_several_t1_the_nearest_in_tilt_is_looked_at() -> None:
    stir = replace(noise_series(id="s02"), frame_of_reference="F1")
    far, near, like = (beside(tilted(by), id=f"t{by}") for by in (9, 3, 3))
    assert partners_of([stir], [far, near, like, stir]) == {"s02": near}


def test_maps_lie_at_the_same_millimetres_on_other_slices() -> None:
    stir = replace(noise_series(id="s02", slices=7), frame_of_reference="F1")
    # Finer pixels, slices 3 mm apart that begin 2 mm further back, stored upside down.
    finer = np.array([[0, 0, 0.9, -35], [3.0, 0, 0, 12], [0, 0.95, 0, -62], [0, 0, 0, 1.0]])
    t1 = Series(
        "s01", "", Volume(np.ones((8, 160, 192), np.float32), finer), Plane.CORONAL, Weighting.T1
    )
    here, there = Squares.of(stir), Squares.of(t1)
    at = np.moveaxis(np.indices(there.shape).astype(np.float64), 0, -1)
    places = at @ there.affine[:3, :3].T + there.affine[:3, 3]
    wave = np.sin(places / 40).astype(np.float32)  # `(slice, row, column, 3)` of millimetres
    found = there.onto(here, np.moveaxis(wave, -1, 1))
    covered = here.shape == (7, 128, 128) and there.cover(here)
    mine = np.moveaxis(np.indices(here.shape).astype(np.float64), 0, -1)
    expected = np.sin((mine @ here.affine[:3, :3].T + here.affine[:3, 3]) / 40)
    off = np.abs(np.moveaxis(found, 1, -1) - expected)[covered]
    assert 0.2 < np.mean(covered) < 0.9
    assert off.max() < 0.03  # the outer half of the outermost slices has no neighbour


def test_outside_the_t1_the_series_stands_alone() -> None:
    own, other = (np.full((1, len(Tissue), 2, 2), value, np.float32) for value in (0.2, 0.6))
    covered = np.array([[[True, False], [False, False]]])
    mean = together(own, other, covered)
    assert np.allclose(mean[0, :, 0, 0], 0.4, atol=1e-3)
    assert np.allclose(mean[0, :, 1], 0.2, atol=1e-3)
    assert overlap(own, own, covered) == 1.0
    assert overlap(0 * own, other, ~covered) == 0.0


def test_on_t1_bones_are_outlined_and_oedema_is_not(with_t1: Answer) -> None:
    _, heatmaps = with_t1
    t1 = heatmaps["s02"].t1
    assert t1 is not None
    of_stir, of_t1 = outlines(heatmaps["s02"]), outlines(t1)
    assert {layer for each in of_stir for layer in each} == set(LAYERS)
    assert {layer for each in of_t1 for layer in each} == set(LAYERS[:-1])


def test_a_mark_on_t1_lies_in_the_bone_that_was_found_there(
    both: Study, with_t1: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assessed = state.Assessment("", *with_t1)
    monkeypatch.setattr(state, "assessment", lambda: assessed)
    t1 = with_t1[1]["s02"].t1
    assert t1 is not None and state.found_on("s01") is t1
    assert state.found_on("s03") is None
    for label, bone in ((Tissue.SACRUM, Bone.SACRAL), (Tissue.LEFT_ILIUM, Bone.ILIAC)):
        row, column = np.argwhere(t1.bones_on(4) == label)[50]
        assert marking.bone_at(both.series_by_id("s01"), 4, row, column) is bone


def test_json_names_the_series_that_bones_came_from(both: Study, with_t1: Answer) -> None:
    answer = as_json(both, with_t1[0], heatmap_names={}, seconds={})
    named = {one["weighting"]: one["bones_from"] for one in answer["series"]}
    assert named == {"t1": [], "fluid": ["s02", "s01"]}


def test_t1_and_stir_of_one_examination_belong_together_by_their_files(sample: Path) -> None:
    study = read_study(sample)
    stir = [one for one in study.series if one.weighting is Weighting.FLUID]
    found = partners_of(stir, study.series)
    (t1,) = [one for one in study.series if one.weighting is Weighting.T1]
    assert found == {one.id: t1 for one in stir if one.plane is Plane.CORONAL}


def test_bones_of_both_are_as_near_to_the_truth(
    person: Person, both: Study, with_t1: Answer, alone: Answer
) -> None:
    tissue = np.stack([one[Weighting.FLUID].tissue for one in person.slices])
    grid = grid_of(both.series_by_id("s02").volume, Plane.CORONAL)
    true = np.stack([grid.to_square((tissue == k).astype(np.float32), 128) for k in Tissue], axis=1)
    everywhere = np.ones((len(SLICES), 128, 128), dtype=np.bool_)
    mine, other = (
        overlap(true, found[1]["s02"].tissue.astype(np.float32), everywhere)
        for found in (with_t1, alone)
    )
    assert mine > max(0.85, other - 0.02)
