"""What the networks say of bone: labels, joints that are seen, marrow and what is brighter."""

import numpy as np
import pytest

from asemble.core.labels import Tissue
from asemble.imaging.bones import (
    BRIGHTER,
    bone_labels,
    brighter_than_marrow,
    joints_seen,
)
from asemble.imaging.intensity import squash

SIDE = 128


def tissue(**places: tuple[slice, slice]) -> np.ndarray:
    """One slice, sure of each place: rest but where a tissue is named."""
    found = np.zeros((1, len(Tissue), SIDE, SIDE), np.float32)
    found[:, Tissue.REST] = 1
    for name, (rows, columns) in places.items():
        found[0, :, rows, columns] = 0
        found[0, Tissue[name], rows, columns] = 1
    return found


PELVIS = {
    "RIGHT_ILIUM": (slice(30, 90), slice(20, 38)),
    "SACRUM": (slice(40, 80), slice(40, 86)),
    "LEFT_ILIUM": (slice(30, 90), slice(96, 110)),  # 16 mm off: no joint on this side
}


def test_bones_have_their_numbers_and_joint_space_goes_to_the_likelier_bone() -> None:
    found = tissue(**PELVIS)
    found[0, :, 50, 39] = 0
    found[0, [Tissue.JOINT_SPACE, Tissue.SACRUM, Tissue.RIGHT_ILIUM], 50, 39] = 0.6, 0.3, 0.1
    labels = bone_labels(found)[0]
    assert (labels[50, 25], labels[50, 60], labels[50, 100]) == (2, 1, 3)
    assert labels[50, 39] == 1 and labels[50, 92] == 0 and labels[5, 5] == 0


def test_a_joint_is_seen_where_the_bones_face_each_other_and_reaches_into_their_marrow() -> None:
    region = joints_seen(tissue(**PELVIS))[0]
    assert region[60, 39] and region[60, 34] and region[60, 44]  # between them, and 8 mm beside
    assert not region[60, 28] and not region[60, 60]  # 17 mm deep
    assert not region[:, 88:].any()  # no joint where they lie apart
    assert not region[35, 60]  # above the sacrum, no bone


@pytest.mark.parametrize("missing", ["SACRUM", "RIGHT_ILIUM"])
def test_no_joint_is_seen_without_both_of_its_bones(missing: str) -> None:
    rest = {name: place for name, place in PELVIS.items() if name != missing}
    assert not joints_seen(tissue(**rest)).any()


def test_marrow_is_compared_with_its_own_bone_and_nothing_else_is() -> None:
    ratios = np.full((1, 256, 256), 3.0, np.float32)  # soft tissue
    ratios[0, 60:180, 40:76] = 0.5  # a dark ilium
    ratios[0, 80:160, 80:172] = 1.0  # sacrum
    ratios[0, 100:110, 50:60] = 1.0  # twice as bright as its ilium, as bright as the sacrum
    ratios[0, 60:180, 192:220] = 0.5
    found = brighter_than_marrow(squash(ratios), tissue(**PELVIS))[0]
    assert found[52, 27] == pytest.approx(np.log(2), abs=0.01)
    assert found[60, 60] == pytest.approx(0, abs=0.01)
    assert found[60, 90] == 0 and found[5, 5] == 0  # soft tissue, bright or not


def test_fluid_and_cortex_are_no_more_than_very_bright_and_very_dark_marrow() -> None:
    ratios = np.full((1, 256, 256), 1.0, np.float32)
    ratios[0, 90:94, 100:104], ratios[0, 120:124, 100:104] = 15.0, 0.05
    found = brighter_than_marrow(squash(ratios), tissue(**PELVIS))[0]
    assert (found[61, 51], found[46, 51]) == pytest.approx(BRIGHTER)


def test_a_sliver_of_bone_does_not_say_how_bright_its_marrow_is() -> None:
    few = tissue(SACRUM=(slice(40, 50), slice(40, 50)))
    image = np.random.default_rng(0).random((1, 256, 256), dtype=np.float32)
    assert not brighter_than_marrow(image, few).any()


def test_an_empty_slice_has_no_bone_and_no_joint() -> None:
    empty = tissue()
    assert not bone_labels(empty).any() and not joints_seen(empty).any()
    assert not brighter_than_marrow(np.zeros((1, 256, 256), np.float32), empty).any()
