"""From a pre-test probability and answers to a range of probabilities, with its limitations.

Two published sets of likelihood ratios stand at the ends of the range: the classic one, measured
on patients whose disease was established, and one from referred patients, in whom the same
features say less. Features are multiplied as if they were independent, which they are not; those
that go together are named. One imaging term only, the reader's own: the models' output describes
the same image, has no sensitivity or specificity measured on patients, and is never multiplied in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

from asemble.clinical.back_pain import ASAS_EXPERTS, truth_of
from asemble.clinical.item import Answer
from asemble.clinical.three_valued import Truth

NOTICE = (
    "The probability assumes the chosen clinic's prevalence and independent findings; it may be "
    "overconfident."
)
"""Stands beside every probability (clinical specification, section 9, string 5)."""
SHOWN_LOW, SHOWN_HIGH = 0.01, 0.95
"""No probability outside these is shown."""
PROBABLE, DEFINITE = 0.80, 0.90
"""Names of Rudwaleit 2006 for a probability of axSpA."""
SOURCES_OF_NAMES = ("rudwaleit_pretest",)


@dataclass(frozen=True, slots=True)
class Ratios:
    """How a finding changes the odds.

    Args:
        positive: likelihood ratio where it is present.
        negative: where it is absent; 1 where its absence is not to be counted, as for a feature
            that may appear later.
    """

    positive: float
    negative: float

    def of(self, truth: Truth) -> float:
        """The factor; 1 where it is not known."""
        if truth is None:
            return 1.0
        return self.positive if truth else self.negative


@dataclass(frozen=True, slots=True)
class Feature:
    """One factor of the product.

    Args:
        id: of a checklist item, or `BACK_PAIN` or `MRI`.
        title: for people.
        classic: Rudwaleit 2004 and 2006.
        referred: ASAS cohort 2009, and for the MRI readers against degenerative disease.
        sources: keys of the sources.
    """

    id: str
    title: str
    classic: Ratios
    referred: Ratios
    sources: tuple[str, ...]


BACK_PAIN = "inflammatory_back_pain"
"""Not an item but the ASAS experts' rule over several."""
MRI = "mri"
"""The reader's own conclusion from the images."""

_BOTH = ("rudwaleit_2004", "asas_cohort")
_CLASSIC_UNVERIFIED = ("asas_cohort", "knowledge")
FEATURES = (
    Feature(BACK_PAIN, "Inflammatory back pain", Ratios(3.1, 0.33), Ratios(1.6, 0.48), _BOTH),
    Feature("heel_enthesitis", "Heel enthesitis", Ratios(3.4, 1), Ratios(1.2, 0.97), _BOTH),
    Feature("arthritis", "Peripheral arthritis", Ratios(4.0, 1), Ratios(2.0, 0.77), _BOTH),
    Feature("dactylitis", "Dactylitis", Ratios(4.5, 1), Ratios(5.5, 0.95), _CLASSIC_UNVERIFIED),
    Feature("uveitis", "Anterior uveitis", Ratios(7.3, 1), Ratios(1.6, 0.95), _BOTH),
    Feature("psoriasis", "Psoriasis", Ratios(2.5, 1), Ratios(1.7, 0.96), _CLASSIC_UNVERIFIED),
    Feature(
        "bowel_inflammation",
        "Crohn's disease or ulcerative colitis",
        Ratios(4.0, 1),
        Ratios(3.2, 0.97),
        _CLASSIC_UNVERIFIED,
    ),
    Feature("family_history", "Family history", Ratios(6.4, 0.72), Ratios(1.25, 0.94), _BOTH),
    Feature("nsaid_response", "Response to an NSAID", Ratios(5.1, 0.27), Ratios(2.2, 0.56), _BOTH),
    Feature("raised_crp", "Raised CRP", Ratios(2.5, 0.63), Ratios(2.6, 0.73), _BOTH),
    Feature(
        "hla_b27",
        "HLA-B27",
        Ratios(9.0, 0.11),
        Ratios(2.4, 0.47),
        ("screening_table", "asas_cohort"),
    ),
    Feature(
        MRI,
        "Your reading of the MRI",
        Ratios(9.0, 0.11),
        Ratios(6.1, 0.21),
        ("rudwaleit_2004", "simact"),
    ),
)
"""In the order in which they are asked: the image last."""
HLA_B27_WITH_SKIN_OR_BOWEL = Ratios(5.0, 0.56)
"""The classic pair where psoriasis or bowel inflammation is present (Rudwaleit 2006)."""

CLUSTERS = (
    ("hla_b27", "family_history"),
    ("hla_b27", "uveitis", MRI),
    (BACK_PAIN, "nsaid_response"),
    ("psoriasis", "dactylitis", "arthritis"),
    ("raised_crp", MRI),
)
"""Features that go together. Only the first is from a paper (odds ratios 5.9 and 9.8)."""
CLUSTER_SOURCES = ("b27_in_families", "knowledge")


@dataclass(frozen=True, slots=True)
class Setting:
    """A pre-test probability.

    Args:
        title: the clinic.
        probability: of axSpA before anything is asked.
        sources: keys of the sources.
    """

    title: str
    probability: float
    sources: tuple[str, ...]


SETTINGS = (
    Setting("Chronic back pain, any age, strict definition", 0.013, ("primary_care_uk",)),
    Setting("Chronic back pain that began before 45", 0.05, ("rudwaleit_pretest",)),
    Setting("Chronic back pain at 18 to 45, primary care", 0.16, ("primary_care_2015",)),
    Setting("Early chronic back pain, rheumatology", 0.30, ("space",)),
    Setting("Referred after screening", 0.40, ("referral_screening",)),
    Setting("Expert centre", 0.60, ("asas_2009",)),
)
"""Least likely first."""


@dataclass(frozen=True, slots=True)
class Chance:
    """A probability as a range between the two sets.

    Args:
        classic: with the classic ratios.
        referred: with those of referred patients.
    """

    classic: float
    referred: float

    @property
    def shown(self) -> tuple[float, float]:
        """Low and high as they may be shown."""
        low, high = sorted((self.classic, self.referred))
        return (
            min(max(low, SHOWN_LOW), SHOWN_HIGH),
            min(max(high, SHOWN_LOW), SHOWN_HIGH),
        )


@dataclass(frozen=True, slots=True)
class WhatIf:
    """How far one open feature could move the probability.

    Args:
        feature: not answered yet.
        present: the probability where it turns out present.
        absent: where it turns out absent.
    """

    feature: Feature
    present: Chance
    absent: Chance

    @property
    def reach(self) -> float:
        """Distance between the middles of both ranges, for ordering."""
        middles = [sum(chance.shown) / 2 for chance in (self.present, self.absent)]
        return abs(middles[0] - middles[1])


def truths(answers: Mapping[str, Answer], *, mri: Truth) -> dict[str, Truth]:
    """What is known of each feature.

    Args:
        answers: of the checklist, by item id.
        mri: whether the reader found active sacroiliitis; None where there is no MRI yet.
    """
    known = {feature.id: truth_of(feature.id, answers) for feature in FEATURES}
    return known | {BACK_PAIN: ASAS_EXPERTS.is_met(answers), MRI: mri}


def post_test(pre_test: float, known: Mapping[str, Truth]) -> Chance:
    """The probability after what is known.

    Args:
        pre_test: probability before, between 0 and 1.
        known: as `truths` gives it.

    Raises:
        ValueError: the probability is not between 0 and 1.

    >>> chance = post_test(0.05, {"hla_b27": True})
    >>> round(chance.classic, 2), round(chance.referred, 2)
    (0.32, 0.11)
    """
    return Chance(
        classic=_updated(pre_test, product(known, classic=True)),
        referred=_updated(pre_test, product(known, classic=False)),
    )


def product(known: Mapping[str, Truth], *, classic: bool) -> float:
    """The product of the likelihood ratios of one set."""
    with_skin_or_bowel = bool(known.get("psoriasis") or known.get("bowel_inflammation"))
    factors = []
    for feature in FEATURES:
        ratios = feature.classic if classic else feature.referred
        if classic and feature.id == "hla_b27" and with_skin_or_bowel:
            ratios = HLA_B27_WITH_SKIN_OR_BOWEL
        factors.append(ratios.of(known.get(feature.id)))
    return prod(factors)


def needed_product(pre_test: float, post: float) -> float:
    """What the ratios must multiply to, to get from one probability to the other.

    >>> round(needed_product(0.05, 0.80)), round(needed_product(0.05, 0.90))
    (76, 171)
    """
    return _odds(post) / _odds(pre_test)


def what_if(pre_test: float, known: Mapping[str, Truth]) -> list[WhatIf]:
    """Each feature that is still open, the one that could move the probability furthest first."""
    still_open = [feature for feature in FEATURES if known.get(feature.id) is None]
    answers = [
        WhatIf(
            feature,
            present=post_test(pre_test, {**known, feature.id: True}),
            absent=post_test(pre_test, {**known, feature.id: False}),
        )
        for feature in still_open
    ]
    return sorted(answers, key=lambda one: -one.reach)


def dependent(known: Mapping[str, Truth]) -> list[tuple[Feature, ...]]:
    """Features that are present together and go together: their product overstates."""
    found: Sequence[tuple[Feature, ...]] = [
        tuple(feature for feature in FEATURES if feature.id in cluster and known.get(feature.id))
        for cluster in CLUSTERS
    ]
    return [features for features in found if len(features) >= 2]


def name_of(probability: float) -> str:
    """The name that Rudwaleit 2006 gives a probability.

    >>> name_of(0.85), name_of(0.5)
    ('probable', 'not decided')
    """
    if probability >= DEFINITE:
        return "definite"
    return "probable" if probability >= PROBABLE else "not decided"


def _updated(probability: float, factor: float) -> float:
    odds = _odds(probability) * factor
    return odds / (1 + odds)


def _odds(probability: float) -> float:
    if not 0 < probability < 1:
        raise ValueError(f"a probability must lie between 0 and 1, got {probability}")
    return probability / (1 - probability)
