"""What the models decline to judge, each with its sentence."""

from dataclasses import replace

import numpy as np
import pytest

from asemble.core.labels import Plane, Weighting
from asemble.core.study import Series
from asemble.core.volume import Volume
from asemble.imaging.quality import why_not_judged


def volume(pixel_mm: float = 0.8, shape: tuple[int, int] = (256, 288)) -> Volume:
    affine = np.zeros((4, 4))
    affine[1, 0], affine[2, 1], affine[0, 2], affine[3, 3] = 4.0, -pixel_mm, pixel_mm, 1.0
    return Volume(np.random.default_rng(0).gamma(4, 1, (3, *shape)), affine)


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
