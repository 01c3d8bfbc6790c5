"""The simulator: protocols as in use, planes that agree, truth that matches the pixels."""

import hashlib
import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest

from asemble.core.geometry import plane_of
from asemble.core.labels import PATTERNS, Pattern, Plane, Weighting
from asemble.datasets.simulated import ExtraChannels, SliceRequest, slices_of_case
from asemble.io import read_study
from asemble.phantom import (
    HELD_OUT,
    Case,
    Ingredient,
    LesionType,
    render_slice,
    sample_case,
    sample_stack,
    write_sample,
)
from asemble.phantom.acquisition import Stack, place_stack, sample_placement
from asemble.phantom.appearances import TRAINING, Ranges
from asemble.phantom.cases import slice_label, view_of
from asemble.phantom.contrast import FLUID
from asemble.phantom.painting import paint
from asemble.phantom.sequences import null_ti_ms, stir_sequence, t1_sequence


def person(seed: int, kind: Pattern, **options: object) -> Case:
    """A case whose bones are built once for all of these tests."""
    return sample_case(seed, kind=kind, pelvis=0, **options)  # type: ignore[arg-type]


def coarser(stack: Stack, by: int) -> Stack:
    """The same stack with fewer, larger voxels."""
    return replace(
        stack,
        affine_lps=stack.affine_lps @ np.diag([1, by, by, 1]),
        shape=(stack.shape[0], stack.shape[1] // by, stack.shape[2] // by),
    )


@pytest.mark.parametrize("field_t", [1.5, 3.0])
def test_the_inversion_time_is_that_at_which_fat_vanishes(field_t: float) -> None:
    stir = stir_sequence(field_t=field_t)
    assert stir.ti_ms is not None and 140 < stir.ti_ms < 230
    assert t1_sequence(field_t=field_t).ti_ms is None
    assert t1_sequence(field_t=field_t).tr_ms < 800
    with pytest.raises(ValueError, match=r"1\.5 or 3\.0"):
        null_ti_ms(4500, field_t=7.0)


def test_brightness_stays_in_the_ranges_measured_on_real_scans() -> None:
    for seed in range(30):
        values = person(seed, Pattern.NORMAL).contrasts[Weighting.FLUID].values
        for tissue in ("muscle", "cortex", "csf", "vein", "disc", "organ", "joint"):
            low, high = FLUID[tissue]
            assert low <= values[tissue] <= high
        low, high = TRAINING.suppressed_fat
        assert low <= values["fat"] <= high
        assert values["sacrum"] == 1


def test_no_held_out_appearance_lies_within_what_training_samples() -> None:
    usual = TRAINING
    for name, ranges in HELD_OUT.items():
        differs = [
            f for f in Ranges.__dataclass_fields__ if getattr(ranges, f) != getattr(usual, f)
        ]
        assert differs, name
    for seed in range(30):
        case = person(seed, PATTERNS[seed % 3])
        stack = sample_stack(
            np.random.default_rng(seed), case, plane=Plane.CORONAL, weighting=Weighting.FLUID
        )
        field_mm = stack.shape[1] * np.linalg.norm(stack.affine_lps[:3, 1])
        assert case.field_t == 1.5
        assert 168 < field_mm < 305
        assert stack.thickness_mm < 4.5
        assert case.scanner.noise < HELD_OUT["noise"].noise[0]
        assert case.scanner.blur_px < HELD_OUT["motion"].blur_px[0]
        assert case.scanner.coil_falloff < HELD_OUT["coil"].coil_falloff[0]
        assert case.scanner.gamma > HELD_OUT["vendor look"].gamma[1]
        fat = case.contrasts[Weighting.FLUID]["fat"]
        assert fat < HELD_OUT["fat suppression"].suppressed_fat[0]
        assert all(lesion.what != LesionType.ANKYLOSIS for lesion in case.person.lesions)


@cache
def oedema_of(appearance: str | None) -> np.ndarray:
    """Depth, radius and strength of every oedema of forty people."""
    return np.array(
        [
            (lesion.depth_mm, lesion.radius_mm, lesion.strength)
            for seed in range(40)
            for lesion in person(seed, Pattern.INFLAMMATORY, appearance=appearance).person.lesions
            if lesion.what == LesionType.OEDEMA
        ]
    )


@pytest.mark.parametrize("appearance", [name for name in HELD_OUT if name != "variant anatomy"])
def test_lesions_of_held_out_appearances_are_those_of_training(appearance: str) -> None:
    """Not made easier: the same seeds give oedema of the same size, depth and brightness."""

    shifted, usual = oedema_of(appearance), oedema_of(None)
    for column in range(3):
        spread = np.percentile(shifted[:, column], [10, 50, 90])
        assert spread == pytest.approx(np.percentile(usual[:, column], [10, 50, 90]), rel=0.3)


def test_oedema_covers_as_much_of_a_slice_and_of_a_stack_as_on_real_scans() -> None:
    """By patient: 27 to 1,400 mm² in the median positive slice, a quarter of slices or more.

    Most real patients have 50 to 200 mm²; simulated oedema is on the large side of them.
    """
    medians, shares = [], []
    for seed in range(8):
        case = person(seed, Pattern.INFLAMMATORY)
        rng = np.random.default_rng(seed)
        stack = coarser(sample_stack(rng, case, plane=Plane.CORONAL, weighting=Weighting.FLUID), 3)
        areas = []
        for index in range(0, stack.shape[0], 2):
            view = view_of(stack, case.placement, index)
            painted = paint(case.person, view, list(case.contrasts.values()), rng, thin=True)
            oedema = painted.oedema.get(Pattern.INFLAMMATORY, np.zeros(1))
            areas.append(float(oedema.sum() * view.pixel_mm**2))
        positive = np.array(areas) >= 12
        if positive.any():
            medians.append(float(np.median(np.array(areas)[positive])))
        shares.append(float(positive.mean()))
    assert min(medians) > 15 and max(medians) < 1400
    assert 50 < np.median(medians) < 400
    assert 0.3 < np.median(shares) < 0.9


@pytest.mark.parametrize("ingredient", Ingredient)
def test_every_ingredient_can_be_left_out_and_changes_some_slice(ingredient: Ingredient) -> None:
    changed = []
    for seed in range(4):
        images = []
        for without in ((), (ingredient,)):
            case = person(seed, Pattern.INFLAMMATORY, without=without)
            rng = np.random.default_rng(seed)
            stack = sample_stack(rng, case, plane=Plane.CORONAL, weighting=Weighting.FLUID)
            small, middle = coarser(stack, 3), stack.shape[0] // 2
            images.append(render_slice(case, small, middle, np.random.default_rng(0)).image)
        changed.append(not np.array_equal(*images))
    assert any(changed)


def test_ankylosis_bridges_the_joint_with_marrow() -> None:
    case = person(5, Pattern.INFLAMMATORY, appearance="late disease")
    assert any(lesion.what == LesionType.ANKYLOSIS for lesion in case.person.lesions)
    rng = np.random.default_rng(0)
    stack = sample_stack(rng, case, plane=Plane.CORONAL, weighting=Weighting.FLUID)
    small = coarser(stack, 2)
    key = LesionType.ANKYLOSIS, Pattern.INFLAMMATORY
    masks = [render_slice(case, small, index, rng).masks for index in range(0, stack.shape[0], 2)]
    assert max(one[key].max() for one in masks if key in one) > 0.7
    assert slice_label({}, 1.0) is Pattern.NORMAL


def test_a_normal_case_has_no_oedema_and_no_case_has_oedema_of_another_kind() -> None:
    for seed in range(20):
        for kind in PATTERNS:
            causes = {
                lesion.kind
                for lesion in person(seed, kind).person.lesions
                if lesion.what == LesionType.OEDEMA
            }
            assert causes == (set() if kind is Pattern.NORMAL else {kind})


def test_cases_kept_from_training_have_bones_that_training_never_shows() -> None:
    seen = {id(sample_case(seed, kind=Pattern.NORMAL).person.land) for seed in (1, 2)}
    kept = {id(sample_case(10**6 + seed, kind=Pattern.NORMAL).person.land) for seed in (1, 2)}
    assert not seen & kept


def test_every_stack_is_told_to_be_of_its_plane_even_beyond_45_degrees() -> None:
    steep = 0
    for seed in range(80):
        rng = np.random.default_rng(seed)
        placement = sample_placement(rng)
        steep += placement.tilt_deg > 45
        for plane in (Plane.CORONAL, Plane.AXIAL):
            stack = place_stack(
                rng, placement, plane=plane, weighting=Weighting.FLUID, field_of_view_mm=200,
                matrix=64, slices=3, thickness_mm=4, gap_mm=0,
            )  # fmt: skip
            assert plane_of(stack.affine_lps) is plane
    assert steep > 5


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path, sample: Path) -> None:
    write_sample(tmp_path, kind=Pattern.INFLAMMATORY, seed=7, weightings=(Weighting.FLUID,))
    digests = [
        {
            path.relative_to(root): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in root.rglob("*-stir/*.dcm")
        }
        for root in (sample, tmp_path)
    ]
    assert digests[0] == digests[1]
    assert len(digests[0]) > 30


def test_every_file_says_that_it_is_synthetic(sample: Path) -> None:
    for path in sample.rglob("*.dcm"):
        image = pydicom.dcmread(path, stop_before_pixels=True)
        for value in (image.PatientName, image.ImageComments, image.SeriesDescription):
            assert "SYNTHETIC" in str(value)


def test_a_sample_comes_back_through_the_door_as_it_was_made(sample: Path) -> None:
    study = read_study(sample)
    truth = json.loads((sample / "truth.json").read_text())["series"]
    read = {(s.plane, s.weighting): s for s in study.series}
    assert len(read) == len(truth) == 3
    for made in truth:
        series = read[Plane(made["plane"]), Weighting(made["weighting"])]
        assert list(series.volume.shape) == made["shape"]
        assert series.synthetic
        assert len(made["slice_labels"]) == made["shape"][0]


def test_masks_lie_on_the_grid_of_their_series_and_cover_bright_bone(sample: Path) -> None:
    study = read_study(sample)
    truth = json.loads((sample / "truth.json").read_text())["series"]
    for made in truth:
        if made["weighting"] != "fluid":
            continue
        series = next(s for s in study.series if (s.plane, s.weighting) == (made["plane"], "fluid"))
        mask = nib.load(sample / made["masks"]["oedema-inflammatory"])
        oedema = np.asarray(mask.dataobj).transpose(2, 1, 0) > 0
        assert oedema.shape == series.volume.shape
        labelled = [label == "inflammatory" for label in made["slice_labels"]]
        # The mask is of voxels half full; thin oedema that fills none may still label a slice.
        assert np.mean(oedema.any(axis=(1, 2))[labelled]) > 0.7
        brighter = [
            series.volume.voxels[k][oedema[k]].mean() > np.median(series.volume.voxels[k])
            for k in np.nonzero(oedema.any(axis=(1, 2)) & labelled)[0]
        ]
        assert np.mean(brighter) > 0.8


def test_training_slices_do_not_depend_on_where_they_are_made() -> None:
    request = SliceRequest(Plane.AXIAL, Weighting.FLUID, "training", cases=5)
    first, second = (slices_of_case(4, request) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert np.array_equal(one["images"], other["images"])
        assert one["images"].shape == (256, 256) and np.isfinite(one["images"]).all()


@pytest.mark.parametrize("beside", [ExtraChannels.NEIGHBOURS, ExtraChannels.T1])
def test_a_slice_is_the_same_whatever_is_shown_beside_it(beside: ExtraChannels) -> None:
    alone = SliceRequest(Plane.CORONAL, Weighting.FLUID, "training", cases=2)
    pairs = zip(
        *(slices_of_case(1, r) for r in (alone, replace(alone, beside=beside))), strict=True
    )
    for one, more in pairs:
        assert more["images"].shape == (beside.channels, 256, 256)
        assert np.array_equal(more["images"][0], one["images"])
        assert np.array_equal(more["lesions"], one["lesions"])
        for other in more["images"][1:]:
            assert not np.array_equal(other, one["images"])
            assert np.mean((other > 0.2) == (one["images"] > 0.2)) > 0.8  # the same body
