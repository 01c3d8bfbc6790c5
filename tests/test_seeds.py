"""Nobody who is measured on has been learned from: the people of each use are others."""

import itertools

import pytest

from asemble.core.labels import PATTERNS
from asemble.datasets import seeds
from asemble.datasets.seeds import SEED_RANGES, SeedRange
from asemble.datasets.simulated import PARTS
from asemble.evaluation.simulated_studies import plan
from asemble.phantom.cases import FIRST_UNSEEN, PELVISES_HELD_OUT
from asemble.phantom.person import POOL
from asemble.ui.cache import SAMPLE_SEEDS


def test_no_two_ranges_of_the_table_meet() -> None:
    for one, other in itertools.combinations(SEED_RANGES, 2):
        assert one.end <= other.first or other.end <= one.first, (one.what, other.what)


def test_every_range_of_the_module_stands_in_the_table() -> None:
    named = [value for value in vars(seeds).values() if isinstance(value, SeedRange)]
    assert set(named) == set(SEED_RANGES)
    assert set(PARTS.values()) <= set(SEED_RANGES)


def test_more_people_than_a_range_has_are_refused() -> None:
    people = SeedRange(10, 3, "a test")
    assert people.numbers(3) == range(10, 13)
    with pytest.raises(ValueError, match="4 people were asked for, 3 are for a test"):
        people.numbers(4)
    with pytest.raises(ValueError, match="3 are for a test"):
        plan(4, people)


def test_second_examinations_have_a_range_of_their_own() -> None:
    for people in (seeds.CALIBRATION, seeds.TEST, seeds.HELD_OUT_TEST):
        assert people.retest in SEED_RANGES


def test_whoever_is_measured_on_has_bones_that_no_member_learned_from() -> None:
    assert min(PELVISES_HELD_OUT) >= POOL
    assert all(people.end <= FIRST_UNSEEN for people in seeds.LEARNED_FROM)
    others = set(SEED_RANGES) - set(seeds.LEARNED_FROM)
    assert all(people.first >= FIRST_UNSEEN for people in others)


def test_the_samples_that_are_shown_are_nobody_that_a_network_has_seen() -> None:
    assert all(seeds.SAMPLES.first <= seed < seeds.SAMPLES.end for seed in SAMPLE_SEEDS.values())


def test_a_plan_takes_its_people_in_order_and_each_kind_in_turn() -> None:
    cases = plan(6, seeds.CALIBRATION)
    assert [case.seed for case in cases] == list(seeds.CALIBRATION.numbers(6))
    assert [case.kind for case in cases] == [*PATTERNS, *PATTERNS]
