"""The ASAS classification of axial spondyloarthritis of 2009, both arms.

It groups patients whose diagnosis is already made, for research. It does not diagnose.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from asemble.clinical.back_pain import ASAS_EXPERTS, truth_of
from asemble.clinical.item import Answer
from asemble.clinical.three_valued import Truth, all_of, any_of, at_least

NOTICE = (
    "Classification criteria are not diagnostic criteria. They group patients who are already "
    "diagnosed, for research; diagnosis needs the probability before the test, findings for and "
    "against, and the exclusion of other causes."
)
"""Stands beside every answer (clinical specification, sections 2 and 9)."""

FEATURES = (
    "arthritis",
    "heel_enthesitis",
    "uveitis",
    "dactylitis",
    "psoriasis",
    "bowel_inflammation",
    "nsaid_response",
    "family_history",
    "raised_crp",
)
"""Items that are SpA features, besides inflammatory back pain and HLA-B27."""

FIGURES = (
    "Whole set 82.9/84.4 in 649 patients, imaging arm 66.2/97.3; clinical arm 56.6/83.3 "
    "(that one unverified)."
)
SOURCES_OF_RULE = ("asas_2009", "asas_2009_features", "knowledge")


@dataclass(frozen=True, slots=True)
class Classification:
    """The ASAS 2009 criteria, each part True, False or None while answers are missing.

    Args:
        entry: back pain for 3 months or more that began before 45.
        imaging_arm: sacroiliitis on imaging and at least one feature.
        clinical_arm: HLA-B27 and at least two other features.
    """

    entry: Truth
    imaging_arm: Truth
    clinical_arm: Truth

    @property
    def is_met(self) -> Truth:
        """Entry, and one of the arms."""
        return all_of([self.entry, any_of([self.imaging_arm, self.clinical_arm])])


def asas_2009(answers: Mapping[str, Answer], *, sacroiliitis: Truth) -> Classification:
    """Apply the criteria.

    Args:
        answers: of the checklist, by item id.
        sacroiliitis: on the reader's MRI by the ASAS definition, or on a radiograph by the
            modified New York grades; never the models' output.
    """
    others = [
        ASAS_EXPERTS.is_met(answers),
        *(truth_of(id_, answers) for id_ in FEATURES),
    ]
    hla_b27 = truth_of("hla_b27", answers)
    return Classification(
        entry=all_of(truth_of(id_, answers) for id_ in ("over_three_months", "onset_under_45")),
        imaging_arm=all_of([sacroiliitis, any_of([*others, hla_b27])]),
        clinical_arm=all_of([hla_b27, at_least(2, others)]),
    )
