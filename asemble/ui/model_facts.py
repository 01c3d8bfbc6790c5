"""The label at the top of the Models page: what the ensemble is for, and how good, on one screen.

After the model facts label of Sendak 2020 (doi:10.1038/s41746-020-0253-3). Every number is read
from the cards and from what `asemble evaluate` stored beside the weights.
"""

from collections.abc import Sequence

import streamlit as st

from asemble import __version__
from asemble.core.labels import REAL_ANATOMY, TRAINED_ON, Pattern
from asemble.models import Ensemble
from asemble.models.cards import INTENDED_USE, NEVER_TESTED
from asemble.performance.records import Performance
from asemble.performance.tables import main_table

NOT_MEASURED = "not measured"


WARNINGS = (
    f"Trained on {TRAINED_ON}: {REAL_ANATOMY}. Every figure here is simulated and says nothing "
    "about patients. The members learned from one simulator, so that they can be wrong together."
)


def show_label(ensemble: Ensemble, performance: Performance) -> None:
    """The whole label."""
    with st.container(key="model_facts"):
        words, numbers = st.columns(2, gap="large")
        with words:
            st.markdown(f"**Model facts: asemble {__version__}**")
            st.table(dict_of(facts(ensemble)), border="horizontal", hide_header=True)
        with numbers:
            st.markdown("**Simulated test studies**")
            st.table(main_table(performance).by_column(), border="horizontal")
            st.caption(counts(performance))


def facts(ensemble: Ensemble) -> list[tuple[str, str]]:
    """What the ensemble is, line by line."""
    cards = list(ensemble.cards.values())
    passes = _range([card.training.get("passes") for card in cards])
    names = list(dict.fromkeys(m.spec.title for ms in ensemble.planes.values() for m in ms))
    fitted_on = ensemble.fusion.fitted_on
    fitted = NOT_MEASURED if fitted_on is None else str(fitted_on.studies)
    planes = " and ".join(plane.value for plane in ensemble.planes)
    return [
        ("Intended use", INTENDED_USE),
        ("Warnings", WARNINGS),
        ("Never tested", NEVER_TESTED),
        ("Input", f"Fluid-sensitive {planes} slices; T1 is shown but not judged."),
        ("Output", f"P of {', '.join(Pattern)} by slice and study; an interval; heatmaps."),
        ("Networks", f"{len(cards)}: {', '.join(names)}, one of each per plane."),
        ("Data", _data(ensemble)),
        ("Budget", f"{passes} slices seen by a network in training."),
        ("Calibrated on", f"{fitted} other simulated studies."),
    ]


def counts(performance: Performance) -> str:
    """How many studies the figures rest on."""
    if performance.studies is None:
        return "Not measured yet: run `asemble evaluate studies --store`."
    sets = performance.studies.sets
    parts = [f"{measured.studies} of {which.words}" for which, measured in sets.items()]
    return (
        f"{', '.join(parts)}. AUC is for inflammatory against the rest; 95% intervals resample "
        "studies. Held-out appearances are never seen in training."
    )


def _data(ensemble: Ensemble) -> str:
    """What the networks of each plane learned from, in the words of their cards."""
    parts = []
    for plane, members in ensemble.planes.items():
        data = [member.card.data for member in members]
        slices = _range([of.get("training_slices") for of in data])
        words = dict.fromkeys(str(of.get("description", NOT_MEASURED)) for of in data)
        parts.append(f"{plane.value.capitalize()}: {slices} slices, {'; '.join(words)}.")
    return " ".join(parts)


def dict_of(lines: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    """Lines as the two columns of a table without a head."""
    return {"": [name for name, _ in lines], " ": [words for _, words in lines]}


def _range(values: Sequence[int | None]) -> str:
    """From the least to the greatest; the numbers come from cards, which may lack them.

    >>> _range([20_000, 40_000]), _range([5, 5]), _range([None])
    ('20,000 to 40,000', '5', 'not measured')
    """
    known = sorted({value for value in values if value is not None})
    if not known:
        return NOT_MEASURED
    return " to ".join(f"{v:,}" for v in dict.fromkeys((known[0], known[-1])))
