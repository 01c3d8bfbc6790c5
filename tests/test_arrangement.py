"""Whether bones lie as a pelvis does, and what they say against the file."""

from dataclasses import replace

import numpy as np
import pytest
from small_studies import noise_series, study_of

from asemble.core.labels import Plane, Tissue
from asemble.core.study import Series
from asemble.imaging.arrangement import (
    OTHER_PLANE,
    REVERSED,
    against_the_file,
    is_word_alone,
    pelvis_shown,
)
from asemble.models.input_gate import accepts_all
from asemble.predict.gate import LOCALISER, Gate

SIDE = 128
STRAIGHT = np.array([[0, 0, 0.8, 0], [4.0, 0.3, 0, 0], [0, -0.8, 0, 0], [0, 0, 0, 1]])
"""Coronal slices from front to back, a little tilted."""


def slice_of(
    apart: int = 46, *, high: int = 44, sure: float = 0.9, widens: bool = False
) -> np.ndarray:
    """`(6, 128, 128)`: a sacrum so wide and high between two ilia, in cells of 1.6 mm."""
    labels = np.zeros((SIDE, SIDE), np.uint8)
    top, left = 64 - high // 2, 64 - apart // 2
    labels[top : top + high, left : left + apart] = Tissue.SACRUM
    labels[top - 10 : top + high, left - 16 : left - 1] = Tissue.RIGHT_ILIUM
    labels[top - 10 : top + high, left + apart + 1 : left + apart + 16] = Tissue.LEFT_ILIUM
    if widens:  # from the middle third at its top
        for row in range(high // 2):
            beside = (high // 2 - row) * apart // (3 * high)
            labels[top + row, left : left + beside] = Tissue.REST
            labels[top + row, left + apart - beside : left + apart] = Tissue.REST
    shares = np.full((len(Tissue), SIDE, SIDE), (1 - sure) / 5, np.float32)
    np.put_along_axis(shares, labels[None].astype(np.int64), sure, axis=0)
    return shares


def stack_of(apart: list[int], **options: float) -> np.ndarray:
    return np.stack([slice_of(each, **options) for each in apart])


def test_a_sacrum_between_two_ilia_is_a_pelvis_and_its_mirror_image_is_one_too() -> None:
    pelvis = slice_of()
    mirrored = pelvis[:, :, ::-1].copy()
    mirrored[[Tissue.RIGHT_ILIUM, Tissue.LEFT_ILIUM]] = mirrored[
        [Tissue.LEFT_ILIUM, Tissue.RIGHT_ILIUM]
    ]
    assert pelvis_shown(np.stack([pelvis, mirrored])).all()


@pytest.mark.parametrize("spoiled", ["unsure", "one ilium", "sides swapped", "apart", "empty"])
def test_bones_that_lie_otherwise_are_no_pelvis(spoiled: str) -> None:
    pelvis = slice_of()
    if spoiled == "unsure":
        pelvis = slice_of(sure=0.65)
    elif spoiled == "one ilium":
        pelvis[Tissue.REST] += pelvis[Tissue.LEFT_ILIUM]
        pelvis[Tissue.LEFT_ILIUM] = 0
    elif spoiled == "sides swapped":
        pelvis = pelvis[[0, 1, 3, 2, 4, 5]]
    elif spoiled == "apart":
        pelvis = slice_of(18)  # 28 mm from joint to joint
    else:
        pelvis = np.zeros_like(pelvis)
        pelvis[Tissue.REST] = 1
    assert not pelvis_shown(pelvis[None])[0]


def test_the_slices_of_a_stack_that_runs_from_back_to_front_contradict_its_file() -> None:
    narrower = [66, 64, 62, 60, 58, 56, 54, 52]  # joints draw nearer towards the back
    for apart, codes in ((narrower, []), (narrower[::-1], [REVERSED])):
        tissue = stack_of(apart)
        shown = pelvis_shown(tissue)
        assert shown.all()
        notes = against_the_file(Plane.CORONAL, tissue, shown, STRAIGHT)
        assert [note.code for note in notes] == codes
    few = stack_of(narrower[::-1][:4])
    assert not against_the_file(Plane.CORONAL, few, pelvis_shown(few), STRAIGHT)


def test_a_flat_sacrum_contradicts_a_stated_coronal_plane_but_no_geometry() -> None:
    flat = stack_of([60] * 3, high=26, widens=True)
    shown = pelvis_shown(flat)
    assert shown.all()
    (note,) = against_the_file(Plane.CORONAL, flat, shown, None)
    assert note.code == OTHER_PLANE and "look axial, not coronal" in note.sentence
    assert not against_the_file(Plane.CORONAL, flat, shown, STRAIGHT)
    even = stack_of([60] * 3, high=26)  # flat alone says little: some people's is
    assert not against_the_file(Plane.CORONAL, even, shown, None)
    assert not against_the_file(Plane.AXIAL, flat, shown, None)
    (note,) = against_the_file(Plane.AXIAL, stack_of([46] * 3), shown, None)
    assert "look coronal, not axial" in note.sentence


def test_a_plane_rests_on_a_word_without_geometry_against_it_or_with_a_made_up_one() -> None:
    assert is_word_alone(Plane.CORONAL, None)
    assert is_word_alone(Plane.AXIAL, STRAIGHT)
    assert not is_word_alone(Plane.CORONAL, STRAIGHT)
    assert is_word_alone(Plane.AXIAL, np.eye(4))


def test_a_few_slices_in_three_planes_under_one_name_are_called_a_localiser() -> None:
    def few(plane: Plane, number: int, slices: int = 1) -> Series:
        series = noise_series(plane, slices=slices, id=f"s0{number}")
        return replace(series, description="SCOUT", frame_of_reference="F1")

    scout = [few(Plane.CORONAL, 1), few(Plane.AXIAL, 2, 3), few(Plane.SAGITTAL, 4)]
    stack = replace(noise_series(slices=6, id="s03"), frame_of_reference="F1")
    refusals = Gate(study_of(*scout, stack), accepts_all()).refusals
    assert {refusals[name].code for name in ("s01", "s02")} == {LOCALISER}  # type: ignore[union-attr]
    assert "localiser" in refusals["s01"].sentence  # type: ignore[union-attr]
    assert refusals["s03"] is None
    excerpts = Gate(study_of(*scout[:2], stack), accepts_all()).refusals
    assert excerpts["s01"] is excerpts["s02"] is None  # of two stacks
    bare = [replace(each, frame_of_reference=None) for each in scout]
    told = Gate(study_of(*bare), accepts_all()).refusals.values()
    assert LOCALISER not in {each.code for each in told if each is not None}
