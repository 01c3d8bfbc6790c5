"""Findings that ask to stop: neither the checklist nor the models cover what they point at."""

from asemble.clinical.item import Domain, Item, Side

RED_FLAGS = (
    Item(
        "fever",
        Side.RED_FLAG,
        Domain.HISTORY,
        "Fever",
        "Infectious sacroiliitis needs treatment at once; these models do not know infection.",
        ("infection_2000", "knowledge"),
    ),
    Item(
        "immunosuppression",
        Side.RED_FLAG,
        Domain.HISTORY,
        "Immunosuppression",
        "Raises the suspicion of infection; these models do not know infection.",
        ("knowledge",),
    ),
    Item(
        "cancer",
        Side.RED_FLAG,
        Domain.HISTORY,
        "Cancer, now or before",
        "A lesion may be a metastasis; these models do not know tumour.",
        ("knowledge",),
    ),
    Item(
        "trauma_or_osteoporosis",
        Side.RED_FLAG,
        Domain.HISTORY,
        "Trauma, osteoporosis or pelvic radiotherapy",
        "An insufficiency fracture of the sacral ala shows pronounced oedema and a dark vertical"
        " line on T1; these models do not know fracture.",
        ("fracture_page",),
    ),
    Item(
        "neurological_deficit",
        Side.RED_FLAG,
        Domain.HISTORY,
        "New neurological deficit",
        "Needs urgent examination whatever the sacroiliac joints show.",
        ("knowledge",),
    ),
    Item(
        "unilateral_florid",
        Side.RED_FLAG,
        Domain.IMAGE,
        "Florid oedema of one side that crosses into muscle",
        "Infection was unilateral in 30 of 40 and had muscle oedema in 38 of 42; abscess or"
        " sequestrum confirm it.",
        ("infection_2000", "infection_skeletal"),
    ),
)
