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
        "Better with exercise, not with rest",
        "An item of both the Berlin rule (two of four: 70.3/81.2) and the ASAS rule (four of five:"
        " 79.6/72.4 in validation).",
        ("rudwaleit_2006", "sieper_2009"),
        excludes=("relieved_by_rest",),
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
        "spa_feature",
        Side.INFLAMMATORY,
        Domain.HISTORY,
        "Another feature of spondyloarthritis (uveitis, arthritis, heel enthesitis, dactylitis, "
        "psoriasis, bowel inflammation, family history)",
        "Classic LR+ from 2.5 (psoriasis) to 7.3 (anterior uveitis); in the ASAS cohort from 1.2"
        " (heel enthesitis) to 5.5 (dactylitis). Those of psoriasis, dactylitis and bowel"
        " inflammation in the classic table are unverified.",
        ("rudwaleit_2004", "asas_cohort", "knowledge"),
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
