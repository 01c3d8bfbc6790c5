"""Findings that point towards a mechanical cause or another mimic."""

from asemble.clinical.item import Domain, Item, Side

FOR_MECHANICAL = (
    Item(
        "onset_later",
        Side.MECHANICAL,
        Domain.HISTORY,
        "Back pain began at 40 or later",
        "Outside the ASAS item of onset before 40; the ASAS classification asks for"
        " onset before 45.",
        ("sieper_2009", "asas_2009"),
        excludes=("onset_under_40",),
    ),
    Item(
        "acute_onset",
        Side.MECHANICAL,
        Domain.HISTORY,
        "It began suddenly",
        "Insidious onset is an item of the ASAS rule; no figure for sudden onset alone is at hand.",
        ("sieper_2009", "knowledge"),
        excludes=("insidious_onset",),
    ),
    Item(
        "load_related",
        Side.MECHANICAL,
        Domain.HISTORY,
        "Pain comes with load",
        "Expected of mechanical pain; no figure is at hand.",
        ("knowledge",),
    ),
    Item(
        "relieved_by_rest",
        Side.MECHANICAL,
        Domain.HISTORY,
        "Rest relieves it",
        "The opposite, no relief by rest, is an item of both the Berlin and the ASAS rule.",
        ("rudwaleit_2006", "sieper_2009"),
    ),
    Item(
        "postpartum",
        Side.MECHANICAL,
        Domain.HISTORY,
        "Pregnancy, or delivery less than 12 months ago",
        "MRI met the ASAS definition in 60% within 10 days, 15% at 6 and 12% at 12 months of 35"
        " women, and in 41% at 12 months in another 103; wait at least 6 months before judging.",
        ("renson_2020", "kiil_2023", "postpartum_review_2021"),
    ),
    Item(
        "athlete",
        Side.MECHANICAL,
        Domain.HISTORY,
        "Runner, or sport at a high level",
        "MRI met the ASAS definition in 30 to 35% of 20 runners and 41% of 22 ice-hockey players,"
        " with 3.1 to 3.6 quadrants of oedema on average and no erosion.",
        ("weber_2018",),
    ),
    Item(
        "small_oedema",
        Side.MECHANICAL,
        Domain.IMAGE,
        "Oedema is small (1 or 2 slices) or only anterior, in the middle of the sacral side",
        "The middle anterior sacrum is where mechanical oedema is most frequent (66%); of people"
        " under 45, 17.2% have oedema in one quadrant or more and 0.9% in three or more.",
        ("kiil_2022", "population_2020"),
        excludes=("extensive_oedema", "ligamentous_oedema"),
    ),
    Item(
        "no_erosion",
        Side.MECHANICAL,
        Domain.IMAGE,
        "No erosion although T1 shows the joint surface well",
        "Erosion was absent in athletes and present in 7.4% of osteitis condensans against 66.7% of"
        " axSpA; early axSpA may still have none.",
        ("weber_2018", "poddubnyy_oci"),
        excludes=("erosion",),
    ),
    Item(
        "triangular_sclerosis",
        Side.MECHANICAL,
        Domain.IMAGE,
        "Triangular sclerosis of the anterior ilium, dark on every sequence",
        "Osteitis condensans: lesions ventral in 96% against 28.6% of axSpA, 96.7% women; iliac"
        " sclerosis rises from 20 to 46% after delivery.",
        ("poddubnyy_oci", "kiil_2025"),
    ),
    Item(
        "degeneration",
        Side.MECHANICAL,
        Domain.IMAGE,
        "Osteophyte, narrowing, vacuum or cyst with oedema beside it",
        "Degenerative oedema is minimal, over 1 or 2 slices, beside osteophytes; rare before 30.",
        ("degeneration_page",),
    ),
    Item(
        "variant",
        Side.MECHANICAL,
        Domain.IMAGE,
        "An anatomical variant (accessory joint, iliosacral complex, dysmorphic sacrum, "
        "transitional vertebra) at the place of the lesion",
        "An accessory joint went with sclerosis (odds ratio 17.9) and oedema (2.05) in controls; an"
        " atypical joint in 80.3% of mechanical disease, 44.1% of axSpA and 37.5% of controls.",
        ("accessory_2023", "ziegeler_2021", "variants"),
    ),
)
