import pytest

from asemble.clinical import Answer, likelihood
from asemble.clinical.likelihood import BACK_PAIN, FEATURES, MRI, SETTINGS
from asemble.ui.charts import what_if_chart


def test_the_products_that_reach_probable_and_definite_are_those_of_the_specification():
    worked = {0.05: (76, 171), 0.15: (22.7, 51), 0.30: (9.3, 21), 0.45: (4.9, 11), 0.60: (2.7, 6)}
    for pre_test, (probable, definite) in worked.items():
        assert likelihood.needed_product(pre_test, 0.80) == pytest.approx(probable, rel=0.02)
        assert likelihood.needed_product(pre_test, 0.90) == pytest.approx(definite, rel=0.02)


def test_three_classic_features_make_axspa_probable_at_five_per_cent():
    known = {BACK_PAIN: True, "hla_b27": True, "raised_crp": True}
    assert likelihood.product(known, classic=True) == pytest.approx(3.1 * 9.0 * 2.5)
    assert likelihood.post_test(0.05, known).classic == pytest.approx(0.786, abs=0.001)


def test_an_open_feature_changes_nothing():
    assert likelihood.post_test(0.3, {}).shown == pytest.approx((0.3, 0.3))


def test_the_absence_of_a_feature_that_may_appear_later_is_not_counted_classically():
    for id_ in ("heel_enthesitis", "arthritis", "dactylitis", "uveitis", "psoriasis"):
        assert likelihood.product({id_: False}, classic=True) == 1
    assert likelihood.product({"hla_b27": False}, classic=True) == pytest.approx(0.11)


def test_b27_counts_less_where_psoriasis_or_bowel_inflammation_explains_it():
    with_psoriasis = likelihood.product({"hla_b27": True, "psoriasis": True}, classic=True)
    assert with_psoriasis == pytest.approx(5.0 * 2.5)
    assert likelihood.product({"hla_b27": True}, classic=True) == pytest.approx(9.0)


def test_the_range_lies_between_both_sets_and_never_outside_what_may_be_shown():
    every = {feature.id: True for feature in FEATURES}
    low, high = likelihood.post_test(0.6, every).shown
    assert (low, high) == (0.95, 0.95)
    none = {feature.id: False for feature in FEATURES}
    assert likelihood.post_test(0.013, none).shown == (0.01, 0.01)
    one = likelihood.post_test(0.3, {"uveitis": True})
    assert one.shown == pytest.approx(sorted((one.classic, one.referred)))


def test_there_is_one_imaging_term_and_it_is_the_readers():
    assert [f.id for f in FEATURES if "MRI" in f.title] == [MRI]
    assert likelihood.truths({}, mri=True)[MRI] is True
    assert likelihood.truths({}, mri=None)[MRI] is None


def test_features_that_go_together_are_named_when_both_are_present():
    found = likelihood.dependent({"hla_b27": True, "family_history": True, "uveitis": False})
    assert [[f.id for f in group] for group in found] == [["family_history", "hla_b27"]]
    assert likelihood.dependent({"hla_b27": True, "psoriasis": True}) == []


def test_what_if_offers_only_open_features_the_most_telling_first():
    known = {"hla_b27": True, MRI: None}
    offered = likelihood.what_if(0.3, known)
    assert "hla_b27" not in [one.feature.id for one in offered]
    assert offered[0].feature.id == MRI
    reaches = [one.reach for one in offered]
    assert reaches == sorted(reaches, reverse=True)


def test_the_probability_as_it_stands_is_seen_even_before_the_first_answer():
    (mark,) = what_if_chart(likelihood.what_if(0.3, {}), now=(0.3, 0.3)).layout.shapes
    assert mark.x0 == 0.3 < mark.x1 < 0.31


def test_back_pain_enters_by_the_experts_rule():
    back = ("onset_under_40", "insidious_onset", "better_with_exercise", "night_pain")
    answers = dict.fromkeys(back, Answer.YES)
    assert likelihood.truths(answers, mri=None)[BACK_PAIN] is True
    assert likelihood.truths({}, mri=None)[BACK_PAIN] is None


def test_settings_rise_and_a_probability_must_be_one():
    values = [setting.probability for setting in SETTINGS]
    assert values == sorted(values)
    with pytest.raises(ValueError, match="between 0 and 1"):
        likelihood.post_test(1.0, {})
