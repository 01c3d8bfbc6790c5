import pytest

from asemble.clinical import definitions, sparcc
from asemble.clinical.marks import QUADRANTS, Bone, Half, Joint, Lesion, Mark, Quadrant

UPPER_ILIAC = Quadrant(Joint.RIGHT, Half.UPPER, Bone.ILIAC)
UPPER_SACRAL = Quadrant(Joint.RIGHT, Half.UPPER, Bone.SACRAL)
LOWER_SACRAL = Quadrant(Joint.LEFT, Half.LOWER, Bone.SACRAL)


def oedema(*places, **how):
    return [Mark(Lesion.OEDEMA, at, quadrant, **how) for at, quadrant in places]


def active(marks, *, is_suggestive=True):
    return definitions.asas_active_2009(marks, is_suggestive=is_suggestive).is_met


def test_one_lesion_on_one_slice_just_misses_the_definition_of_2009():
    assert not active(oedema((4, UPPER_ILIAC)))
    assert active(oedema((4, UPPER_ILIAC), (4, LOWER_SACRAL)))
    assert active(oedema((4, UPPER_ILIAC), (5, UPPER_ILIAC)))


def test_the_same_lesion_must_be_on_consecutive_slices():
    assert not active(oedema((4, UPPER_ILIAC), (6, UPPER_ILIAC)))
    assert not active(oedema((4, UPPER_ILIAC), (5, LOWER_SACRAL)))


def test_nothing_meets_it_that_is_not_suggestive_of_spondyloarthritis():
    marks = oedema((4, UPPER_ILIAC), (5, UPPER_ILIAC))
    assert not active(marks, is_suggestive=False)


def test_a_mark_made_twice_counts_once():
    assert not active(oedema((4, UPPER_ILIAC), (4, UPPER_ILIAC)))


def test_structural_lesions_do_not_make_the_mri_active():
    marks = [Mark(Lesion.EROSION, at, UPPER_ILIAC) for at in range(5)]
    assert not active(marks)
    assert not definitions.asas_definite_active_2021(marks).is_met


def test_four_quadrants_over_all_slices_or_three_slices_are_definite_oedema():
    spread = [(at, quadrant) for at, quadrant in enumerate(QUADRANTS[:4])]
    assert definitions.asas_definite_active_2021(oedema(*spread)).is_met
    assert not definitions.asas_definite_active_2021(oedema(*spread[:3])).is_met
    in_a_row = [(at, UPPER_ILIAC) for at in (2, 3, 4)]
    assert definitions.asas_definite_active_2021(oedema(*in_a_row)).is_met
    assert not definitions.asas_definite_active_2021(oedema(*in_a_row[:2])).is_met


@pytest.mark.parametrize(
    ("lesion", "quadrants", "run"), [(Lesion.EROSION, 3, 2), (Lesion.FAT, 5, 3)]
)
def test_definite_structural_lesions_by_quadrants_and_by_slices(lesion, quadrants, run):
    def is_met(marks):
        return definitions.asas_definite_structural_2021(marks).is_met

    spread = [Mark(lesion, 2 * n, quadrant) for n, quadrant in enumerate(QUADRANTS)]
    assert is_met(spread[:quadrants])
    assert not is_met(spread[: quadrants - 1])
    row = [Mark(lesion, at, UPPER_ILIAC) for at in range(run)]
    assert is_met(row)
    assert not is_met(row[:-1])


def test_one_deep_fat_lesion_is_definite():
    deep = [Mark(Lesion.FAT, 3, UPPER_ILIAC, is_deep=True)]
    verdict = definitions.asas_definite_structural_2021(deep)
    assert verdict.is_met
    met = [condition.sentence for condition in verdict.conditions if condition.is_met]
    assert met == ["fat lesions deeper than 1 cm: 1 found, 1 needed"]


def test_sparcc_reaches_72_and_no_more():
    everywhere = [(at, quadrant) for at in range(8) for quadrant in QUADRANTS]
    score = sparcc.inflammation(oedema(*everywhere, is_deep=True, is_intense=True), 1)
    assert (score.oedema, score.depth, score.intensity) == (48, 12, 12)
    assert score.total == sparcc.INFLAMMATION_MAX
    assert score.left_out == 16


def test_sparcc_counts_depth_and_intensity_once_for_a_joint_and_slice():
    marks = [
        *oedema((2, UPPER_ILIAC), (2, UPPER_SACRAL), is_deep=True),
        *oedema((3, LOWER_SACRAL), is_intense=True),
    ]
    score = sparcc.inflammation(marks, 0)
    assert (score.oedema, score.depth, score.intensity, score.total) == (3, 1, 1, 5)


def test_sparcc_of_nothing_is_nothing_and_slices_outside_do_not_count():
    assert sparcc.inflammation([], 0).total == 0
    score = sparcc.inflammation(oedema((6, UPPER_ILIAC), (5, UPPER_ILIAC)), 0)
    assert (score.total, score.left_out) == (1, 1)


def test_the_slices_offered_are_those_with_the_greatest_score():
    marks = oedema((9, UPPER_ILIAC), (14, LOWER_SACRAL), (2, UPPER_ILIAC))
    assert sparcc.fullest_slices(marks, 20) == 9
    assert sparcc.fullest_slices([], 20) == 0


def test_structural_scores_reach_their_bounds():
    every = [
        Mark(lesion, at, quadrant)
        for lesion in Lesion
        for at in range(10)
        for quadrant in QUADRANTS
    ]
    found = sparcc.structural(every, 7, step_to_front=-1)
    assert found.scores == sparcc.STRUCTURAL_MAX
    assert found.left_out == 4 * 5 * 8


def test_backfill_and_ankylosis_count_by_halves_of_a_joint():
    marks = [
        Mark(lesion, 3, quadrant)
        for lesion in (Lesion.ANKYLOSIS, Lesion.EROSION)
        for quadrant in (UPPER_ILIAC, UPPER_SACRAL)
    ]
    found = sparcc.structural(marks, 3, step_to_front=1)
    assert (found.scores[Lesion.ANKYLOSIS], found.scores[Lesion.EROSION]) == (1, 2)


def test_sss_runs_from_the_transitional_slice_to_the_front():
    marks = [Mark(Lesion.FAT, at, UPPER_ILIAC) for at in range(10)]
    assert sparcc.structural(marks, 4, step_to_front=1).scores[Lesion.FAT] == 5
    assert sparcc.structural(marks, 2, step_to_front=-1).scores[Lesion.FAT] == 3
    with pytest.raises(ValueError, match="1 or -1"):
        sparcc.structural(marks, 4, step_to_front=0)


def test_a_slice_index_below_zero_is_refused():
    with pytest.raises(ValueError, match="0 or more"):
        Mark(Lesion.FAT, -1, UPPER_ILIAC)


def test_every_verdict_cites_sources_and_says_what_speaks_against_it():
    for verdict in (
        definitions.asas_active_2009([], is_suggestive=True),
        definitions.asas_definite_active_2021([]),
        definitions.asas_definite_structural_2021([]),
    ):
        assert verdict.citations
        assert "%" in verdict.caveat
