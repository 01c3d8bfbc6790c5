import re

import pytest

from asemble.clinical import (
    ENTITIES,
    ITEMS,
    SOURCES,
    Answer,
    Certainty,
    Side,
    back_pain,
    change,
    cite,
    classification,
    definitions,
    likelihood,
    onset,
    sparcc,
    summarise,
)
from asemble.clinical.marks import QUADRANTS, Lesion, Mark
from asemble.clinical.proposed import proposed_items


def by_id(item_id):
    return next(item for item in ITEMS if item.id == item_id)


def test_every_item_and_entity_rests_on_a_source_that_exists():
    for row in (*ITEMS, *ENTITIES):
        assert row.sources, row
        assert len(row.citations) == len(row.sources)


def test_no_source_is_carried_without_being_used():
    verdicts = (
        definitions.asas_active_2009([], is_suggestive=True),
        definitions.asas_definite_active_2021([]),
        definitions.asas_definite_structural_2021([]),
    )
    rows = (*ITEMS, *ENTITIES, *back_pain.RULES, *likelihood.FEATURES, *likelihood.SETTINGS)
    used = {key for row in (*rows, *verdicts) for key in row.sources}
    used |= {*classification.SOURCES_OF_RULE, *likelihood.SOURCES_OF_NAMES}
    used |= {*likelihood.CLUSTER_SOURCES, *sparcc.INFLAMMATION_SOURCES, *sparcc.STRUCTURAL_SOURCES}
    used |= {threshold.source for threshold in change.INFLAMMATION_THRESHOLDS}
    assert used == set(SOURCES)


def test_ids_are_unique_and_every_side_has_items():
    assert len({item.id for item in ITEMS}) == len(ITEMS)
    assert {item.side for item in ITEMS} == set(Side)


def test_a_figure_never_rests_on_general_knowledge_alone():
    for item in ITEMS:
        if item.sources == ("knowledge",):
            assert not re.search(r"\d", item.why), item.id


def test_what_was_not_looked_up_says_so_where_it_is_shown():
    second_hand = by_id("deep_oedema")
    assert "[unverified]" in second_hand.hover
    assert not second_hand.verified
    looked_up = by_id("ligamentous_oedema")
    assert "[" not in looked_up.hover
    assert looked_up.verified


def test_an_uncertain_source_says_so():
    assert cite("screening_table").certainty is Certainty.UNCERTAIN
    assert "[uncertain]" in by_id("hla_b27").hover


def test_an_unknown_source_is_a_programmers_mistake():
    with pytest.raises(ValueError, match="no source 'folklore'"):
        cite("folklore")


def test_exclusion_is_mutual_and_between_opposite_sides():
    for item in ITEMS:
        for other_id in item.excludes:
            other = by_id(other_id)
            assert item.id in other.excludes
            assert {item.side, other.side} == {Side.INFLAMMATORY, Side.MECHANICAL}


def test_an_empty_checklist_says_nothing_either_way():
    summary = summarise({})
    assert (summary.inflammatory, summary.mechanical, summary.red_flags) == ((), (), ())
    assert (summary.answered, summary.unknown) == (0, len(ITEMS))


def test_only_a_yes_points_and_a_no_is_not_evidence_for_the_other_side():
    summary = summarise({"erosion": Answer.NO, "backfill": Answer.YES, "athlete": Answer.UNKNOWN})
    assert [item.id for item in summary.inflammatory] == ["backfill"]
    assert summary.mechanical == ()
    assert (summary.answered, summary.unknown) == (2, len(ITEMS) - 2)


def test_every_item_counts_on_its_own_side():
    for item in ITEMS:
        summary = summarise({item.id: Answer.YES})
        where = {
            Side.INFLAMMATORY: summary.inflammatory,
            Side.MECHANICAL: summary.mechanical,
            Side.RED_FLAG: summary.red_flags,
        }
        assert where.pop(item.side, (item,)) == (item,)  # what the rules ask counts on none
        assert not any(where.values())
        assert summary.answered == 1


def test_a_red_flag_comes_first_and_asks_to_stop():
    first, *_ = summarise({"fever": Answer.YES, "erosion": Answer.YES}).sentences
    assert first.startswith("RED FLAG: Fever.")
    assert "urgent clinical review" in first


def test_red_flags_nobody_asked_about_are_not_called_absent():
    flags = [item for item in ITEMS if item.side is Side.RED_FLAG]
    assert f"{len(flags)} red flags not ruled out." in summarise({}).sentences
    all_no = dict.fromkeys([flag.id for flag in flags], Answer.NO)
    assert not any("ruled out" in line for line in summarise(all_no).sentences)


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"erosion": Answer.YES, "no_erosion": Answer.YES}, "Erosion of the joint surface on T1 /"),
        ({"onset_under_40": Answer.NO, "onset_later": Answer.NO}, "age of 40: no /"),
        ({"onset_under_40": Answer.YES, "onset_later": Answer.YES}, "age of 40 / Back pain began"),
        ({"onset_under_40": Answer.YES, "onset_under_45": Answer.NO}, "age of 45: no"),
        ({"morning_stiffness": Answer.YES, "stiff_in_the_morning": Answer.NO}, "stiffness: no"),
    ],
)
def test_answers_that_exclude_each_other_are_named_once(answers, said):
    summary = summarise(answers)
    (conflict,) = summary.conflicts
    assert {conflict.one.id, conflict.other.id} == set(answers)
    assert "exclude each other" in summary.sentences[-1]
    assert said in summary.sentences[-1]


def test_one_age_answers_its_three_items_and_is_told_again_from_them():
    for age, said in onset.ANSWERS.items():
        assert onset.onsets_of(said) == (age,)
        assert not summarise(said).conflicts
    assert onset.onsets_of({}) == tuple(onset.Onset)
    assert onset.Onset.LATER not in onset.onsets_of({"onset_under_45": Answer.YES})


def test_marks_propose_what_they_show_and_nothing_from_what_was_not_marked():
    on_two = [mark(at, QUADRANTS[0]) for at in (3, 4)]
    assert not proposed_items(on_two, of_every_slice=False)
    assert set(proposed_items(on_two, of_every_slice=True)) == {"small_oedema"}
    deep = [*on_two, mark(5, QUADRANTS[0], is_deep=True)]
    found = proposed_items(deep, of_every_slice=True)
    assert set(found) == {"extensive_oedema", "deep_oedema"}
    assert found["deep_oedema"] == "deep oedema on slice 6"
    assert "3 found" in found["extensive_oedema"]


def mark(at, quadrant, **more):
    return Mark(Lesion.OEDEMA, at, quadrant, **more)


def test_an_answer_to_no_item_is_refused():
    with pytest.raises(ValueError, match="no checklist item 'erosions'"):
        summarise({"erosions": Answer.YES})


def test_of_the_entities_only_infection_and_fracture_are_urgent():
    assert {entity.name for entity in ENTITIES if entity.urgent} == {
        "Infection",
        "Insufficiency or stress fracture",
    }
