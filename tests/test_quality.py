"""What the models decline to judge, each with its sentence."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from interrupted import ended_at_the_first_checkpoint

from asemble.core.labels import Plane, Weighting
from asemble.core.study import Series
from asemble.core.volume import Volume
from asemble.imaging.quality import why_not_judged


def volume(pixel_mm: float = 0.8, shape: tuple[int, int] = (256, 288)) -> Volume:
    affine = np.zeros((4, 4))
    affine[1, 0], affine[2, 1], affine[0, 2], affine[3, 3] = 4.0, -pixel_mm, pixel_mm, 1.0
    return Volume(body(shape), affine)


def body(shape: tuple[int, int] = (256, 288)) -> np.ndarray:
    """Three slices of patches that continue each other, with noise."""
    rng = np.random.default_rng(0)
    patches = np.kron(rng.gamma(4, 100, (shape[0] // 8 + 1, shape[1] // 8 + 1)), np.ones((8, 8)))
    return patches[: shape[0], : shape[1]] + rng.gamma(4, 20, (3, *shape))


def with_voxels(series: Series, voxels: np.ndarray) -> Series:
    return replace(series, volume=Volume(voxels, series.volume.affine_lps))


@pytest.fixture
def stir() -> Series:
    return Series(
        id="s01",
        description="STIR",
        volume=volume(),
        plane=Plane.CORONAL,
        weighting=Weighting.FLUID,
        body_part="PELVIS",
        modality="MR",
    )


def test_a_coronal_stir_of_the_pelvis_is_judged(stir: Series) -> None:
    assert why_not_judged(stir) is None
    assert why_not_judged(replace(stir, plane=Plane.AXIAL)) is None


def test_a_look_at_the_pixels_can_be_ended(stir: Series) -> None:
    with ended_at_the_first_checkpoint():
        why_not_judged(stir)


def test_what_the_file_does_not_say_is_not_held_against_it(stir: Series) -> None:
    unknown = replace(stir, modality="", body_part="", volume=Volume(stir.volume.voxels, None))
    assert why_not_judged(unknown) is None


@pytest.mark.parametrize("part", ["SI JOINT", "LSSPINE", "Sacrum", "HIP", "ABDOMEN^PELVIS"])
def test_neighbouring_body_parts_are_allowed(stir: Series, part: str) -> None:
    assert why_not_judged(replace(stir, body_part=part)) is None


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"modality": "CT"}, "modality CT; the models know only MR"),
        ({"body_part": "KNEE"}, "this is the knee"),
        ({"plane": None}, "plane is unknown"),
        ({"plane": Plane.SAGITTAL}, "this series is sagittal"),
        ({"weighting": Weighting.T1}, "T1 is shown"),
        ({"weighting": Weighting.OTHER}, "not known to be fluid-sensitive"),
        ({"volume": volume(2.3)}, "2.3 mm are too coarse"),
        ({"volume": volume(0.4)}, "field of 102 mm"),
        ({"volume": volume(1.9, (256, 400))}, "field of 760 mm"),
        ({"volume": volume(1.9, (60, 70))}, "60 x 70 pixels"),
        ({"volume": Volume(np.full((2, 256, 256), 7.0), None)}, "of one grey"),
        ({"volume": Volume(np.zeros((2, 256, 256)), None)}, "empty"),
        ({"volume": Volume(np.full((2, 256, 256), np.nan), None)}, "not numbers"),
    ],
)
def test_what_the_models_do_not_know_is_declined_in_a_sentence(
    stir: Series, change: dict[str, object], sentence: str
) -> None:
    reason = why_not_judged(replace(stir, **change))  # type: ignore[arg-type]
    assert reason is not None
    assert sentence in reason
    assert reason.endswith(".")


def test_slices_that_run_from_front_to_back_are_declined_whatever_plane_is_stated(
    stir: Series,
) -> None:
    affine = np.zeros((4, 4))
    affine[0, 0], affine[2, 1], affine[1, 2], affine[3, 3] = 4.0, -0.8, 0.8, 1.0
    sagittal = replace(stir, volume=Volume(stir.volume.voxels, affine))
    for plane in (Plane.CORONAL, Plane.AXIAL):
        reason = why_not_judged(replace(sagittal, plane=plane))
        assert reason is not None
        assert f"sagittal, not {plane.value}" in reason


def test_what_the_pixels_cannot_carry_is_declined_in_a_sentence(stir: Series) -> None:
    voxels = stir.volume.voxels
    moved = np.roll(voxels, 70, axis=2) + np.roll(voxels, -70, axis=2)
    metal = voxels.copy()
    metal[:, 68:188, 84:204] = 0
    blurred = np.stack([cv2.GaussianBlur(image, (0, 0), 12) for image in voxels])
    strangers = np.stack([voxels[0], voxels[0][::-1], np.roll(voxels[0], 85, axis=1)])
    changes = {
        "greys": np.round(voxels / voxels.max() * 8),
        "cut off at one white": voxels.clip(0, np.quantile(voxels, 0.7)),
        "without signal": metal,
        "too blurred": blurred,
        "copies of themselves": voxels + 0.7 * moved,
        "do not continue": strangers,
    }
    for words, changed in changes.items():
        reason = why_not_judged(with_voxels(stir, changed))
        assert reason is not None, words
        assert words in reason
        assert reason.endswith(".")


def test_a_window_for_people_a_black_border_and_eight_bits_are_allowed(stir: Series) -> None:
    voxels = stir.volume.voxels
    white = np.quantile(voxels, 0.96)
    shown = np.round(voxels.clip(0, white) / white * 255)
    assert why_not_judged(with_voxels(stir, shown)) is None
    framed = np.pad(voxels, ((0, 0), (40, 40), (40, 40)))
    assert why_not_judged(with_voxels(stir, framed)) is None
