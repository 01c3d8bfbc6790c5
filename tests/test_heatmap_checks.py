"""Is a heatmap to be trusted? Four questions, of maps and networks that are known."""

from dataclasses import asdict, dataclass, replace

import numpy as np
import pytest
from small_studies import noise_series

from asemble.commands.evaluate_heatmap_checks import JOINT_CASES
from asemble.core.labels import JUDGED_PLANES, Plane
from asemble.core.volume import Floats, Volume
from asemble.evaluation.joint_band_fit import fit_band
from asemble.explain.checks import (
    Agreement,
    Classifier,
    Deletion,
    JointShare,
    Stability,
    agreement,
    deletion,
    joint_region_on,
    joint_share,
    slice_output,
    stability,
)
from asemble.explain.perturbations import body, covered, elsewhere, moved
from asemble.imaging.joint_bands import JOINT_BANDS, SUBCHONDRAL_MM, joint_region
from asemble.imaging.slices import FIELD_MM, SIDE
from asemble.models import MEMBERS
from asemble.models.members import Kind


@dataclass
class BrightSpot:
    """A made-up network: its evidence is what is brighter than 0.6 in a window of the slice."""

    window: tuple[slice, slice] = (slice(0, 256), slice(0, 256))

    def spots(self, images: Floats) -> Floats:
        kept = np.zeros_like(images)
        kept[:, *self.window] = np.maximum(images - 0.6, 0)[:, *self.window]
        return kept

    def heat(self, images: Floats) -> Floats:
        return self.spots(images).reshape(len(images), 64, 4, 64, 4).mean(axis=(2, 4))

    def with_heat(self, images: Floats) -> tuple[np.ndarray, Floats]:
        return self.probability(images), self.heat(images)

    def probability(self, images: Floats) -> np.ndarray:
        return np.minimum(self.spots(images).sum(axis=(1, 2)) / 40, 1).astype(np.float64)


class DeafToItsMap(BrightSpot):
    """Its map shows the spot, its answer comes from elsewhere."""

    def probability(self, images: Floats) -> np.ndarray:
        return images[:, 200:, 200:].mean(axis=(1, 2)).astype(np.float64)


def spotted() -> Floats:
    """A body of 0.4 in air, with a spot of 1 that covers 10 x 12 pixels."""
    image = np.zeros((256, 256), np.float32)
    image[20:230, 30:240] = 0.4
    image[100:110, 60:72] = 1.0
    return image


def stability_of(networks: Classifier, image: Floats | None = None) -> Stability:
    return stability(slice_output(spotted() if image is None else image, networks), networks)


def deletion_of(networks: Classifier, image: Floats | None = None) -> Deletion:
    return deletion(slice_output(spotted() if image is None else image, networks), networks)


def test_every_member_is_of_a_known_kind_and_both_ways_of_seeing_are_there() -> None:
    kinds = {spec.name: spec.kind for spec in MEMBERS.values()}
    assert kinds == {
        "asemblenet": Kind.HYBRID,
        "efficientnet": Kind.CONVOLUTIONAL,
        "pvt": Kind.TRANSFORMER,
    }


def test_agreement_is_full_for_the_same_map_and_none_for_maps_apart() -> None:
    one = np.zeros((20, 30), np.float32)
    one[3:8, 4:9] = 0.8
    assert agreement(one, one / 4).overlap == pytest.approx(1)
    assert agreement(one, one[::-1]).overlap == 0
    assert agreement(one, np.roll(one, 2, axis=1)).overlap == pytest.approx(3 / 5)


def test_agreement_says_who_is_silent_and_when_nobody_shows_evidence() -> None:
    one = np.zeros((20, 30), np.float32)
    one[3:8, 4:9] = 0.8
    assert agreement(one, 0 * one) == Agreement(0.0, Kind.TRANSFORMER)
    assert agreement(0 * one, one) == Agreement(0.0, Kind.CONVOLUTIONAL)
    assert agreement(0.01 * one, 0 * one) == Agreement(None)


def test_evidence_outside_the_region_lowers_its_share_and_unknown_geometry_gives_none() -> None:
    region = np.zeros((10, 10), bool)
    region[:5, :4] = True
    heat = np.zeros((10, 10), np.float32)
    heat[2, 2], heat[8, 8] = 0.9, 0.3
    assert joint_share(heat, region).share == pytest.approx(0.75)
    assert joint_share(heat, region).area == pytest.approx(0.2)
    assert joint_share(0 * heat, region) == JointShare(None, 0.2)
    assert joint_share(heat, None) == JointShare(None, None)


def test_a_slice_moved_there_and_back_is_the_same_but_for_its_edge() -> None:
    image = np.random.default_rng(2).random((30, 40), dtype=np.float32)
    back = moved(moved(image, 3, -2), -3, 2)
    assert (back[:-3, 2:] == image[:-3, 2:]).all()
    assert moved(image, 3, 0)[3:].tolist() == image[:-3].tolist()


def test_covering_takes_a_spot_away_and_touches_nothing_else() -> None:
    image = spotted()
    mask = np.zeros(image.shape, bool)
    mask[96:114, 56:76] = True
    found = covered(image, mask)
    assert found[mask] == pytest.approx(0.4, abs=0.02)
    assert (found[~mask] == image[~mask]).all()


def test_the_same_area_is_covered_elsewhere_inside_the_body() -> None:
    image = spotted()
    mask = np.zeros(image.shape, bool)
    mask[96:114, 56:76] = True
    mask[150:160, 200:210] = True
    inside = body(image)
    assert inside[25:225, 35:235].all() and not inside[:5].any()
    places = [elsewhere(mask, inside, np.random.default_rng(n)) for n in range(5)]
    for place in places:
        assert place is not None
        assert place.sum() == mask.sum()
        assert not (place & mask).any() and inside[place].all()
    assert not all((place == places[0]).all() for place in places)
    assert elsewhere(mask, mask, np.random.default_rng(0)) is None


def test_a_map_that_follows_the_slice_is_stable_and_one_that_stays_behind_is_not() -> None:
    class StaysBehind(BrightSpot):
        def heat(self, images: Floats) -> Floats:
            return np.repeat(super().heat(spotted()[None]), len(images), axis=0)

    follows, stays = stability_of(BrightSpot()), stability_of(StaysBehind())
    assert len(follows.changed) == len(follows.kept) == 8
    assert min(follows.kept) > 0.8 > max(stays.kept[:4])  # the first four are moved
    assert follows.mean_kept == pytest.approx(np.mean(follows.kept))
    window = (slice(0, 105), slice(0, 256))  # half of the spot, so that moving it changes P
    assert stability_of(BrightSpot(window)).swing > follows.swing + 0.1
    assert stability_of(BrightSpot()) == follows


def test_a_slice_without_heat_has_nothing_to_follow_and_nothing_to_cover() -> None:
    empty = np.minimum(spotted(), 0.4)
    assert stability_of(BrightSpot(), empty).mean_kept is None
    found = deletion_of(BrightSpot(), empty)
    assert found.covered is None and found.excess is None and found.area_mm2 == 0


def test_deletion_tells_an_answer_that_hangs_on_the_map_from_one_that_does_not() -> None:
    faithful, deaf = deletion_of(BrightSpot()), deletion_of(DeafToItsMap())
    assert faithful.drop == pytest.approx(1, abs=0.05)
    assert max(np.abs(faithful.drops_elsewhere)) < 0.01
    assert faithful.excess == pytest.approx(1, abs=0.05)
    assert deaf.drop == 0
    # Cells of 4 x 4 with one beside each: the spot of 10 x 12 touches 3 x 3, so 45 cells or fewer.
    assert 9 * 16 * (FIELD_MM / SIDE) ** 2 < faithful.area_mm2 < 45 * 16 * (FIELD_MM / SIDE) ** 2


def test_the_joint_bands_are_what_simulated_joints_give() -> None:
    for plane in JUDGED_PLANES:
        again, used = asdict(fit_band(plane, JOINT_CASES)), asdict(JOINT_BANDS[plane])
        assert again.pop("slope") == pytest.approx(used.pop("slope"), abs=0.02)
        assert again == pytest.approx(used, abs=0.2)  # mm: a quarter of a pixel


def test_the_joint_region_is_two_bands_that_leave_the_midline_out() -> None:
    for plane in JUDGED_PLANES:
        region = joint_region(plane, SIDE)
        assert (region == region[:, ::-1]).all()
        assert not region[:, SIDE // 2 - 10 : SIDE // 2 + 10].any()
        assert 0.15 < region.mean() < 0.25
        band = JOINT_BANDS[plane]
        assert band.holds(band.beside_mm, 0.0)
        assert not band.holds(band.beside_mm + band.half_mm + SUBCHONDRAL_MM + 1, 0.0)
    with pytest.raises(ValueError, match="not measured"):
        joint_region(Plane.SAGITTAL)


def test_the_region_turns_with_slices_that_are_stored_another_way_up() -> None:
    series = noise_series(slices=2)
    affine = np.array(series.volume.affine_lps)
    affine[:3, 3] += 79 * affine[:3, 1]
    affine[:3, 1] *= -1
    turned = replace(series, volume=Volume(series.volume.voxels[:, ::-1], affine))
    usual, other = joint_region_on(series), joint_region_on(turned)
    assert usual is not None and other is not None and usual.any()
    assert (usual[::-1] == other).all() and not (usual == other).all()
    unknown = replace(series, volume=Volume(series.volume.voxels, None))
    assert joint_region_on(unknown) is None
