"""What the rules ask besides, and what by itself points neither way."""

from asemble.clinical.item import Domain, Item, Side

FOR_RULES = (
    Item(
        "over_three_months",
        Side.NEITHER,
        Domain.HISTORY,
        "Back pain for three months or more",
        "Asked by the ASAS classification, and an item of the Calin rule (four of five: 89.9/52.5"
        " against expert opinion).",
        ("asas_2009", "sieper_2009"),
    ),
    Item(
        "onset_under_45",
        Side.NEITHER,
        Domain.HISTORY,
        "Back pain began before the age of 45",
        "Asked by the ASAS classification; onset before 40 answers it.",
        ("asas_2009",),
    ),
    Item(
        "stiff_in_the_morning",
        Side.NEITHER,
        Domain.HISTORY,
        "Any morning stiffness",
        "An item of the Calin rule (four of five); more than 30 minutes answer it.",
        ("calin_1977",),
    ),
)
