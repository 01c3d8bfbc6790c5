import pytest

from asemble.clinical import Answer, back_pain, classification
from asemble.clinical.three_valued import all_of, any_of, at_least

YES, NO = Answer.YES, Answer.NO


def yes(*ids):
    return dict.fromkeys(ids, YES)


def test_what_is_open_decides_nothing_that_is_already_decided():
    assert at_least(2, [True, True, None]) is True
    assert at_least(2, [True, False, None]) is None
    assert at_least(2, [True, False, False]) is False
    assert any_of([None, True]) is True
    assert all_of([True, None]) is None
    assert all_of([None, False]) is False


def test_asas_back_pain_asks_four_of_five_and_no_relief_by_rest_is_one_of_them():
    three = yes("onset_under_40", "insidious_onset", "better_with_exercise")
    assert back_pain.ASAS_EXPERTS.is_met(three) is None
    assert back_pain.ASAS_EXPERTS.is_met({**three, "relieved_by_rest": NO}) is True
    assert back_pain.ASAS_EXPERTS.is_met({**three, "relieved_by_rest": YES}) is None
    just_misses = {**three, "relieved_by_rest": YES, "night_pain": NO}
    assert back_pain.ASAS_EXPERTS.is_met(just_misses) is False


def test_berlin_counts_exercise_only_where_rest_does_not_help():
    stiff = yes("morning_stiffness", "better_with_exercise")
    assert back_pain.BERLIN.is_met({**stiff, "relieved_by_rest": NO}) is True
    assert back_pain.BERLIN.is_met({**stiff, "relieved_by_rest": YES}) is None
    others = {"woken_late": NO, "alternating_buttocks": NO}
    assert back_pain.BERLIN.is_met({**stiff, **others, "relieved_by_rest": YES}) is False


def test_calin_asks_four_of_five_and_long_stiffness_is_stiffness():
    three = yes("onset_under_40", "insidious_onset", "over_three_months")
    assert back_pain.CALIN.is_met({**three, "morning_stiffness": YES}) is True
    none_left = {**three, "stiff_in_the_morning": NO, "better_with_exercise": NO}
    assert back_pain.CALIN.is_met(none_left) is False


@pytest.mark.parametrize("rule", back_pain.RULES, ids=lambda rule: rule.title)
def test_every_rule_is_open_without_answers_and_names_its_sources(rule):
    assert rule.is_met({}) is None
    assert rule.citations


ENTRY = yes("over_three_months", "onset_under_45")


def test_the_imaging_arm_needs_one_feature_besides_the_image():
    denied = dict.fromkeys((*classification.FEATURES, "hla_b27"), NO)
    no_back_pain = {"onset_under_40": NO, "night_pain": NO}
    bare = classification.asas_2009({**denied, **no_back_pain, **ENTRY}, sacroiliitis=True)
    assert (bare.imaging_arm, bare.is_met) == (False, False)
    answers = {**denied, **no_back_pain, **ENTRY, "psoriasis": YES}
    assert classification.asas_2009(answers, sacroiliitis=True).is_met is True
    with_b27 = {**denied, **no_back_pain, **ENTRY, "hla_b27": YES}
    assert classification.asas_2009(with_b27, sacroiliitis=True).imaging_arm is True


def test_the_clinical_arm_needs_b27_and_two_other_features():
    denied = dict.fromkeys(classification.FEATURES, NO) | {"onset_under_40": NO, "night_pain": NO}
    base = {**denied, **ENTRY, "hla_b27": YES}
    one = classification.asas_2009({**base, "uveitis": YES}, sacroiliitis=False)
    assert (one.clinical_arm, one.is_met) == (False, False)
    two = classification.asas_2009({**base, "uveitis": YES, "dactylitis": YES}, sacroiliitis=False)
    assert two.is_met is True


def test_inflammatory_back_pain_by_the_experts_rule_is_a_feature():
    denied = dict.fromkeys(classification.FEATURES, NO)
    back = yes("onset_under_40", "insidious_onset", "better_with_exercise", "night_pain")
    answers = {**denied, **back, "over_three_months": YES, "hla_b27": NO}
    found = classification.asas_2009(answers, sacroiliitis=True)
    assert found.imaging_arm is True
    assert found.entry is True  # before 40 is before 45
    assert found.is_met is True


def test_who_was_older_at_onset_is_not_classified_whatever_else():
    everything = yes(*classification.FEATURES, "hla_b27", "over_three_months")
    found = classification.asas_2009({**everything, "onset_under_45": NO}, sacroiliitis=True)
    assert (found.entry, found.is_met) == (False, False)


def test_without_an_mri_the_imaging_arm_stays_open():
    found = classification.asas_2009({**ENTRY, **yes("psoriasis")}, sacroiliitis=None)
    assert (found.imaging_arm, found.is_met) == (None, None)
