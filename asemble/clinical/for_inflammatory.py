"""Findings that point towards inflammatory disease."""

from asemble.clinical.item import Domain, Item, Side

FOR_INFLAMMATORY = (
    Item(
        "onset_under_40",
        Side.INFLAMMATORY,
        Domain.HISTORY,
        "Back pain began before the age of 40",
        "One of the five ASAS items of inflammatory back pain; four of five had 79.6/72.4 against"
        " expert opinion in validation, but an LR+ of only 1.2 for axSpA in referred patients.",
        ("sieper_2009", "poddubnyy_2018"),
        excludes=("onset_later",),
    ),
    Item(
        "insidious_onset",
        Side.INFLAMMATORY,
        Domain.HISTORY,
        "It began insidiously",
        "One of the five ASAS items of inflammatory back pain; the set, not the single item, was"
        " tested (79.6/72.4 in validation).",
        ("sieper_2009",),
        excludes=("acute_onset",),
    ),
    Item(
        "night_pain",
        Side.INFLAMMATORY,
        Domain.HISTORY,
        "Pain at night that improves on getting up",
        "One of the five ASAS items of inflammatory back pain (set: 79.6/72.4 in validation).",
        ("sieper_2009",),
    ),
    Item(
        "morning_stiffness",
        Side.INFLAMMATORY,
        Domain.HISTORY,
        "Morning stiffness of more than 30 minutes",
        "One of the four Berlin items; two of four had 70.3/81.2 (LR+ 3.7) in 101 patients with AS"
        " and 112 with mechanical pain, but an LR+ of 1.2 in referred patients.",
        ("rudwaleit_2006", "poddubnyy_2018"),
    ),
    Item(
        "better_with_exercise",
        Side.INFLAMMATORY,
        Domain.HISTORY,
        "Better with exercise",
        "An item of the ASAS rule (four of five: 79.6/72.4 in validation) and, where rest does not"
        " help, of the Berlin rule (two of four: 70.3/81.2).",
        ("rudwaleit_2006", "sieper_2009"),
    ),
    Item(
        "woken_late",
        Side.INFLAMMATORY,
        Domain.HISTORY,
        "Woken by back pain in the second half of the night only",
        "One of the four Berlin items (two of four: 70.3/81.2).",
        ("rudwaleit_2006",),
    ),
    Item(
        "alternating_buttocks",
        Side.INFLAMMATORY,
        Domain.HISTORY,
        "Alternating buttock pain",
        "One of the four Berlin items; in primary care 24.8/88.5 (LR+ 2.2).",
        ("rudwaleit_2006", "primary_care_table"),
    ),
    Item(
        "nsaid_response",
        Side.INFLAMMATORY,
        Domain.HISTORY,
        "Pain gone or much better 24 to 48 hours after a full dose of an NSAID",
        "LR+ 5.1 (77/85) in the classic table; 59.1% of axSpA against 26.7% of others (LR+ 2.2) in"
        " the ASAS cohort.",
        ("rudwaleit_2004", "asas_cohort"),
    ),
    Item(
        "arthritis",
        Side.INFLAMMATORY,
        Domain.HISTORY,
        "Peripheral arthritis, now or before",
        "LR+ 4.0 (40/90) in the classic table; 36.3% of axSpA against 17.8% of others (LR+ "
        "2.0) in the ASAS cohort.",
        ("rudwaleit_2004", "asas_cohort"),
    ),
    Item(
        "heel_enthesitis",
        Side.INFLAMMATORY,
        Domain.HISTORY,
        "Enthesitis of the heel, now or before",
        "LR+ 3.4 (37/89) in the classic table; 16.9% of axSpA against 14.0% of others (LR+ "
        "1.2) in the ASAS cohort.",
        ("rudwaleit_2004", "asas_cohort"),
    ),
    Item(
        "uveitis",
        Side.INFLAMMATORY,
        Domain.HISTORY,
        "Anterior uveitis, confirmed by an ophthalmologist",
        "LR+ 7.3 (22/97) in the classic table; 11.5% of axSpA against 7.0% of others (LR+ "
        "1.6) in the ASAS cohort.",
        ("rudwaleit_2004", "asas_cohort"),
    ),
    Item(
        "dactylitis",
        Side.INFLAMMATORY,
        Domain.HISTORY,
        "Dactylitis, now or before",
        "6.6% of axSpA against 1.2% of others (LR+ 5.5) in the ASAS cohort; LR+ 4.5 (18/96) "
        "in the classic table.",
        ("asas_cohort", "knowledge"),
    ),
    Item(
        "psoriasis",
        Side.INFLAMMATORY,
        Domain.HISTORY,
        "Psoriasis, diagnosed by a physician",
        "8.4% of axSpA against 5.0% of others (LR+ 1.7) in the ASAS cohort; LR+ 2.5 (10/96) "
        "in the classic table.",
        ("asas_cohort", "knowledge"),
    ),
    Item(
        "bowel_inflammation",
        Side.INFLAMMATORY,
        Domain.HISTORY,
        "Crohn's disease or ulcerative colitis",
        "3.8% of axSpA against 1.2% of others (LR+ 3.2) in the ASAS cohort; LR+ 4.0 (4/99) in "
        "the classic table.",
        ("asas_cohort", "knowledge"),
    ),
    Item(
        "family_history",
        Side.INFLAMMATORY,
        Domain.HISTORY,
        "Spondyloarthritis, psoriasis, uveitis or bowel inflammation in a parent, sibling, child or"
        " second-degree relative",
        "LR+ 6.4 (32/95) in the classic table; 23.3% of axSpA against 18.6% of others (LR+ "
        "1.25) in the ASAS cohort.",
        ("rudwaleit_2004", "asas_cohort"),
    ),
    Item(
        "hla_b27",
        Side.INFLAMMATORY,
        Domain.LABORATORY,
        "HLA-B27 positive",
        "LR+ 9.0 (90/90) in European populations; 65.9% of axSpA against 27.7% of others (LR+ 2.4)"
        " in the ASAS cohort.",
        ("screening_table", "asas_cohort"),
    ),
    Item(
        "raised_crp",
        Side.INFLAMMATORY,
        Domain.LABORATORY,
        "CRP above the normal range without another cause",
        "LR+ 2.5 (50/80) in the classic table; 38.1% of axSpA against 14.7% of others (LR+ 2.6) in"
        " the ASAS cohort.",
        ("rudwaleit_2004", "asas_cohort"),
    ),
    Item(
        "extensive_oedema",
        Side.INFLAMMATORY,
        Domain.IMAGE,
        "Marrow oedema in 4 or more quadrants, or at one place in 3 or more consecutive slices",
        "The ASAS cut-off for a definite active lesion (specificity of at least 95% against the"
        " majority of readers); the looser definition of 2009 was met by 23.4% of 47 healthy"
        " people.",
        ("maksymowych_2021", "de_winter_2018"),
        excludes=("small_oedema",),
    ),
    Item(
        "deep_oedema",
        Side.INFLAMMATORY,
        Domain.IMAGE,
        "Oedema reaching 1 cm or more from the joint surface",
        "In 89.4% of axSpA, 14.3% of women with pain after delivery and none of the healthy people,"
        " runners or patients with back pain.",
        ("de_winter_2018", "sparcc_grading"),
    ),
    Item(
        "ligamentous_oedema",
        Side.INFLAMMATORY,
        Domain.IMAGE,
        "Oedema in the ligamentous part, or in several regions of the joint",
        "Ligamentous oedema in 40 to 60% of axSpA against 8 to 15% of mechanical back pain; sum"
        " score of oedema 25.1 against 6.8.",
        ("kiil_2022",),
        excludes=("small_oedema",),
    ),
    Item(
        "erosion",
        Side.INFLAMMATORY,
        Domain.IMAGE,
        "Erosion of the joint surface on T1",
        "Common and mainly iliac in axSpA, rare otherwise; 66.7% of axSpA against 7.4% of osteitis"
        " condensans, and 2.8% of mothers reach three quadrants at 12 months.",
        ("seven_site", "poddubnyy_oci", "kiil_2023"),
        excludes=("no_erosion",),
    ),
    Item(
        "backfill",
        Side.INFLAMMATORY,
        Domain.IMAGE,
        "Fat filling an erosion cavity (backfill)",
        "Essentially only in axSpA among 204 people, but readers agree moderately (kappa 0.50).",
        ("seven_2019", "maksymowych_2019"),
    ),
    Item(
        "ankylosis",
        Side.INFLAMMATORY,
        Domain.IMAGE,
        "Ankylosis: marrow signal across the joint",
        "Essentially only in axSpA among 204 people; readers agree well on its extent (ICC 0.97).",
        ("seven_2019", "maksymowych_2019"),
    ),
    Item(
        "sharp_fat",
        Side.INFLAMMATORY,
        Domain.IMAGE,
        "Fat lesion with a sharp border, deeper than 1 cm",
        "Each of a deep fat lesion, five quadrants of fat, or fat at one place in three slices"
        " meets the ASAS cut-off for a definite structural lesion.",
        ("maksymowych_2021",),
    ),
)
