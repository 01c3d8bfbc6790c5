"""Simulated people with real bones: surfaces that close, slices whose truth fits their pixels."""

import pickle
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from asemble.core.labels import Pattern, Plane, Tissue, Weighting
from asemble.core.volume import Floats
from asemble.phantom import cases, pelvis
from asemble.phantom.contrast import sample_contrast
from asemble.phantom.findings import STRESSES, LesionType, part_of
from asemble.phantom.lattice import lattice
from asemble.phantom.painting import Painted, paint
from asemble.phantom.pelvis import GRID_MM, Pelvis, load_shape_model, read_arrays
from asemble.phantom.person import Person, sample_person
from asemble.phantom.training_slices import SimulatedSlice, sample_view, simulate_slice
from asemble.phantom.view import View


@pytest.fixture(scope="module")
def bones(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pelvis]:
    """The pelvis of seed 0, in a cache of these tests alone."""
    folder = tmp_path_factory.mktemp("pelvises")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASEMBLE_PELVIS_CACHE", str(folder))
        built = pelvis.pelvis_of_seed(0)
        assert [path.name for path in folder.iterdir()] == ["pelvis-2-0-0.90.npy"]
        yield built


def one_slice(seed: int, pattern: Pattern, *, plane: Plane = Plane.CORONAL) -> SimulatedSlice:
    return simulate_slice(
        np.random.default_rng(seed),
        plane=plane,
        pattern=pattern,
        weighting=Weighting.FLUID,
        pelvis=0,
    )


def middle_view(side: int = 192) -> View:
    """A semicoronal plane through the middle of the joints."""
    tilt = np.radians(38)
    return View(
        centre=np.zeros(3),
        row=np.array([0, np.sin(tilt), -np.cos(tilt)]),
        column=np.array([1.0, 0, 0]),
        rows=side,
        columns=side,
        pixel_mm=200 / side,
    )


def test_bones_have_the_volume_of_bones(bones: Pelvis) -> None:
    sacrum, hips = ((field < 0).sum() * GRID_MM**3 / 1000 for field in bones.fields)
    assert 120 < sacrum < 350
    assert 400 < hips < 1000


def test_distances_grow_by_a_millimetre_a_millimetre(bones: Pelvis) -> None:
    hips = bones.fields[1].astype(np.float32) * pelvis.STEP_MM
    slope = np.sqrt(sum(one**2 for one in np.gradient(hips, GRID_MM)))
    near = np.abs(hips) < 3
    assert np.median(slope[near]) == pytest.approx(1, abs=0.06)


def test_each_bone_is_one_piece_and_the_hip_bones_are_two(bones: Pelvis) -> None:
    for field, pieces in zip(bones.fields, (1, 2), strict=True):
        labels, _ = ndimage.label(field < 0)
        sizes = np.sort(np.bincount(labels.ravel())[1:])[::-1]
        assert sizes[:pieces].sum() > 0.995 * sizes.sum()
        assert sizes[pieces - 1] > 0.4 * sizes[0]


def test_modes_change_the_shape_and_none_gives_the_mean() -> None:
    model = load_shape_model()
    assert np.array_equal(model.nodes([]), model.mean)
    moved = np.linalg.norm(model.nodes([2.0]) - model.mean, axis=1)
    assert 2 < moved.max() < 40


def test_the_joints_of_the_mean_lie_about_the_origin() -> None:
    model = load_shape_model()
    sacrum = model.mean[np.unique(model.quads[model.quad_bone == 0])]
    joints = []
    for side in (1, 2):
        ilium = model.mean[np.unique(model.quads[model.quad_bone == side])]
        away = np.linalg.norm(sacrum[:, None] - ilium[None], axis=-1)
        joints.append(ilium[away.min(axis=0) < 7].mean(axis=0))
    right, left = joints
    assert right[0] == pytest.approx(-46, abs=8)
    assert left[0] == pytest.approx(46, abs=8)
    assert np.abs(right + left).max() / 2 < 6


def test_a_pickle_with_anything_but_arrays_is_refused() -> None:
    kept = read_arrays(pickle.dumps({"mean": np.arange(3)}, protocol=4))
    assert kept["mean"].tolist() == [0, 1, 2]
    with pytest.raises(pickle.UnpicklingError, match=r"pathlib\S* *\.?.*not an array"):
        read_arrays(pickle.dumps({"mean": Path("x")}, protocol=4))
    with pytest.raises(pickle.UnpicklingError, match=r"builtins\.eval, not an array"):
        read_arrays(b"cbuiltins\neval\n(V1+1\ntR.")


def test_without_the_package_the_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(name: str) -> object:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr("asemble.phantom.pelvis.resources.files", missing)
    load_shape_model.cache_clear()
    with pytest.raises(ImportError, match="pip install musculoskeletal-models=="):
        load_shape_model()


def test_a_cache_that_cannot_be_written_costs_time_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    monkeypatch.setenv("ASEMBLE_PELVIS_CACHE", str(blocked / "below"))
    fields = np.zeros((2, 2, 2, 2), np.int8)
    monkeypatch.setattr(pelvis, "build_pelvis", lambda *_: Pelvis(fields))
    assert pelvis.pelvis_of_seed(10**6).fields is fields


def test_noise_is_that_of_the_place_and_repeats_itself_only_far_away() -> None:
    noise = lattice(np.random.default_rng(0), 9.0, 2, 6)
    points = np.random.default_rng(1).uniform(-40, 40, (50, 3))
    assert np.array_equal(noise.at(points), noise.at(points))
    assert np.allclose(noise.at(points), noise.at(points + 54.0), atol=1e-4)
    assert noise.at(points).std() == pytest.approx(1, abs=0.4)
    step = np.abs(noise.at(points) - noise.at(points + 0.5)).mean()
    assert step < 0.25


@pytest.mark.parametrize("plane", [Plane.CORONAL, Plane.AXIAL])
def test_the_same_generator_gives_the_same_slice(bones: Pelvis, plane: Plane) -> None:
    first = one_slice(4, Pattern.INFLAMMATORY, plane=plane)
    second = one_slice(4, Pattern.INFLAMMATORY, plane=plane)
    assert np.array_equal(first.image, second.image)
    assert np.array_equal(first.tissue, second.tissue)
    assert first.pattern is second.pattern


def test_the_patients_right_is_at_the_left_edge(bones: Pelvis) -> None:
    for seed in range(4):
        person = sample_person(np.random.default_rng(seed), Pattern.NORMAL, seed=0)
        covers = painted(person, middle_view()).covers
        columns = np.arange(192)
        right, left = (
            float((covers[name] * columns).sum() / covers[name].sum()) for name in ("right", "left")
        )
        assert right < 96 < left
        assert covers["sacrum"].sum() > 1000


def painted(person: Person, view: View, weighting: Weighting = Weighting.FLUID) -> Painted:
    contrast = sample_contrast(np.random.default_rng(5), weighting)
    alike = {**contrast.values, "right": 1.0, "left": 1.0}
    contrast = replace(contrast, values=alike)
    return paint(person, view, [contrast], np.random.default_rng(6), thin=True)


def inflamed(seed: int) -> tuple[Floats, Painted]:
    """Oedema of a slice through the middle, where there is some, and the slice."""
    person = sample_person(np.random.default_rng(seed), Pattern.INFLAMMATORY, seed=0)
    slice_ = painted(person, middle_view())
    return slice_.oedema.get(Pattern.INFLAMMATORY, np.zeros((192, 192), np.float32)), slice_


def test_oedema_lies_in_bone_and_is_brighter_than_the_marrow_beside_it(bones: Pelvis) -> None:
    ratios = []
    for seed in range(12):
        oedema, slice_ = inflamed(seed)
        bone = sum(slice_.covers[name] for name in ("sacrum", "right", "left"))
        assert (oedema <= bone + 0.01).all()
        core = oedema > 0.9
        if core.sum() < 20:
            continue
        marrow = (bone > 0.99) & (oedema < 0.01)
        marrow = ndimage.binary_erosion(marrow, iterations=3)
        signal = slice_.signals[0]
        ratios.append(np.median(signal[core]) / np.median(signal[marrow]))
    assert len(ratios) >= 3
    # In sclerosis it may be hardly brighter than the marrow far away.
    assert min(ratios) > 0.95
    assert 1.4 < np.median(ratios) < 3


def test_healthy_people_have_no_oedema_and_bone_is_named(bones: Pelvis) -> None:
    for seed in range(3):
        made = one_slice(seed, Pattern.NORMAL)
        assert made.pattern is Pattern.NORMAL
        assert not made.oedema.any()
        assert not made.lesion_kind.any()
        assert made.tissue.max() <= max(Tissue)
        assert np.isfinite(made.image).all()
        assert made.image.min() >= 0


def test_a_slice_is_called_what_its_oedema_is(bones: Pelvis) -> None:
    patterns = set()
    for seed in range(8):
        cause = (Pattern.INFLAMMATORY, Pattern.MECHANICAL)[seed % 2]
        made = one_slice(seed, cause)
        assert made.pattern in {Pattern.NORMAL, cause}
        kinds = set(np.unique(made.lesion_kind)) - {0}
        assert kinds <= {tuple(Pattern).index(cause)}
        if made.pattern is cause:
            assert made.oedema.sum() > 10
            patterns.add(cause)
    assert patterns == {Pattern.INFLAMMATORY, Pattern.MECHANICAL}


def test_planes_of_one_person_agree_where_they_cross(bones: Pelvis) -> None:
    """On the line where a semicoronal and an axial slice cross, both name the same bones."""
    person = sample_person(np.random.default_rng(3), Pattern.INFLAMMATORY, seed=0)
    one = middle_view()
    across = View(
        centre=np.zeros(3),
        row=one.normal,
        column=one.column,
        rows=192,
        columns=192,
        pixel_mm=one.pixel_mm,
    )
    first, second = painted(person, one), painted(person, across)
    for name in ("sacrum", "right", "left"):
        a = first.covers[name][95:97].mean(axis=0) > 0.5
        b = second.covers[name][95:97].mean(axis=0) > 0.5
        assert (a == b).mean() > 0.95
        assert a.any()


def test_mechanical_oedema_lies_where_its_stress_says(bones: Pelvis) -> None:
    rng = np.random.default_rng(0)
    joint = rng.uniform(-20, 20, (400, 3))
    for stress in STRESSES:
        for iliac in (True, False):
            part = stress.of_bone(iliac)
            kept = part_of(joint, part)
            front, back = np.quantile(joint[:, 1], part.front_to_back)
            assert kept[:, 1].min() >= front
            assert kept[:, 1].max() <= back
    athlete = next(stress for stress in STRESSES if stress.name == "athlete")
    assert (
        part_of(joint, athlete.ilium)[:, 1].mean() > 5 > part_of(joint, athlete.sacrum)[:, 1].mean()
    )


def test_inflammatory_oedema_lies_all_along_the_joint_and_some_behind_it(bones: Pelvis) -> None:
    at, behind = [], []
    for seed in range(120):
        person = sample_person(np.random.default_rng(seed), Pattern.INFLAMMATORY, seed=0)
        mean = np.mean([person.to_scanner(one).mean(axis=0) for one in person.land.joint], axis=0)
        for lesion in person.lesions:
            if lesion.what == "oedema":
                into = behind if lesion.ligamentous else at
                into.append((np.array(lesion.centre) - mean) @ (0, 0.6, 0.8))
    assert 0.05 < len(behind) / (len(at) + len(behind)) < 0.35
    assert np.mean(behind) > np.mean(at) + 3
    assert np.mean(at) == pytest.approx(0, abs=4)
    assert np.std(at) > 6


def test_weightings_of_one_person_share_their_truth(bones: Pelvis) -> None:
    case = cases.sample_case(7, kind=Pattern.INFLAMMATORY, pelvis=0)
    stack = cases.sample_stack(
        np.random.default_rng(0), case, plane=Plane.CORONAL, weighting=Weighting.FLUID
    )
    rngs = {w: np.random.default_rng(1) for w in (Weighting.FLUID, Weighting.T1)}
    both = cases.render_weightings(case, stack, stack.shape[0] // 2, rngs)
    stir, t1 = both[Weighting.FLUID], both[Weighting.T1]
    assert np.array_equal(stir.tissue, t1.tissue)
    assert stir.label is t1.label
    assert not np.allclose(stir.image, t1.image, atol=0.1)
    assert {lesion for lesion, _ in stir.masks} <= set(LesionType)


def test_views_vary_but_show_the_plane_that_was_asked_for() -> None:
    rng = np.random.default_rng(2)
    for _ in range(20):
        coronal, axial = (sample_view(rng, plane, 64) for plane in (Plane.CORONAL, Plane.AXIAL))
        # Taken to point anterior, a semicoronal normal points inferior, a semiaxial one superior.
        assert coronal.normal[2] > 0 < coronal.normal[1]
        assert abs(axial.normal[2]) > 0.5
        assert coronal.row[2] < 0 < axial.row[1]
