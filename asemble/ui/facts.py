"""The label at the top of the Models page: what the ensemble is for, and how good, on one screen.

After the model facts label of Sendak 2020 (doi:10.1038/s41746-020-0253-3). Every number is read
from the cards and from what `asemble evaluate` stored beside the weights.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from asemble import __version__
from asemble.core.labels import JUDGED_PLANES, REAL_ANATOMY, TRAINED_ON, Pattern
from asemble.evaluation.study_metrics import IN_DISTRIBUTION, SHIFTED
from asemble.metrics.estimates import with_interval
from asemble.models import Ensemble
from asemble.models.cards import INTENDED_USE, NEVER_TESTED
from asemble.models.fusion import GRADCAM, Fusion

NOT_MEASURED = "not measured"


WARNINGS = (
    f"Trained on {TRAINED_ON}: {REAL_ANATOMY}. Every figure here is simulated and says nothing "
    "about patients. The members learned from one simulator, so that they can be wrong together."
)


def show_label(ensemble: Ensemble) -> None:
    """The whole label."""
    with st.container(border=True, key="model_facts"):
        st.markdown(f"### Model facts: asemble {__version__}")
        words, numbers = st.columns(2, gap="large")
        with words:
            st.table(dict_of(facts(ensemble)), border="horizontal", hide_header=True)
        with numbers:
            st.markdown("**Simulated test studies**")
            st.table(main_figures(ensemble.fusion), border="horizontal")
            st.caption(counts(ensemble.fusion))


def facts(ensemble: Ensemble) -> list[tuple[str, str]]:
    """What the ensemble is, line by line."""
    cards = list(ensemble.cards.values())
    passes = _range([card.training.get("passes") for card in cards])
    cases = _range([card.data.get("training_cases") for card in cards])
    names = list(dict.fromkeys(m.spec.title for ms in ensemble.planes.values() for m in ms))
    fitted = ensemble.fusion.fitted_on.get("studies", NOT_MEASURED)
    planes = " and ".join(plane.value for plane in ensemble.planes)
    return [
        ("Intended use", INTENDED_USE),
        ("Warnings", WARNINGS),
        ("Never tested", NEVER_TESTED),
        ("Input", f"Fluid-sensitive {planes} slices; T1 is shown but not judged."),
        ("Output", f"P of {', '.join(Pattern)} by slice and study; an interval; heatmaps."),
        ("Networks", f"{len(cards)}: {', '.join(names)}, one of each per plane."),
        ("Data", f"{cases} simulated cases per network, split by case; no image of a patient."),
        ("Budget", f"{passes} slices seen by a network in training."),
        ("Calibrated on", f"{fitted} other simulated studies."),
    ]


def main_figures(fusion: Fusion) -> dict[str, list[str]]:
    """The figures that matter most, with 95% intervals, a column a test set."""
    names = _names()
    levels = ("studies", *(f"{plane} slices" for plane in JUDGED_PLANES))
    errors = [f"calibration error, {level}" for level in levels]
    table = {"": [*names, *errors, "interval holds a second examination"]}
    for which in (IN_DISTRIBUTION, SHIFTED):
        table[which] = [
            *(_figure(fusion, which, name) for name in names),
            *(_error(fusion, which, level) for level in levels),
            short(_interval(fusion, which).get("held")),
        ]
    return table


def counts(fusion: Fusion) -> str:
    """How many studies the figures rest on."""
    sets = fusion.measured("studies").get("sets", {})
    if not sets:
        return "Not measured yet: run `asemble evaluate studies --store`."
    parts = [f"{sets[name]['studies']} of {name}" for name in (IN_DISTRIBUTION, SHIFTED)]
    return (
        f"{', '.join(parts)}. AUC is for inflammatory against the rest; 95% intervals resample "
        "studies. Held-out appearances are never seen in training."
    )


def short(estimate: Mapping[str, Any] | None) -> str:
    """A figure with its interval in few characters.

    >>> short({"value": 0.9, "low": 0.852, "high": 0.941, "cases": 60})
    '0.90 (0.85 to 0.94)'
    >>> short(None)
    'not measured'
    """
    return with_interval(estimate, absent=NOT_MEASURED)


def dict_of(lines: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    """Lines as the two columns of a table without a head."""
    return {"": [name for name, _ in lines], " ": [words for _, words in lines]}


def _names() -> list[str]:
    return [
        "study AUC",
        *(f"slice AUC, {plane}" for plane in JUDGED_PLANES),
        *(f"slice AUC, {plane}, position baseline" for plane in JUDGED_PLANES),
        *(f"pointing, {plane}, {GRADCAM}" for plane in JUDGED_PLANES),
        "sensitivity",
        "specificity",
        "accuracy",
        "abstained",
    ]


def _figure(fusion: Fusion, which: str, name: str) -> str:
    sets = fusion.measured("studies").get("sets", {})
    return short(sets[which]["figures"].get(name)) if which in sets else NOT_MEASURED


def _error(fusion: Fusion, which: str, level: str) -> str:
    sets = fusion.measured("calibration").get("sets", {})
    for error in sets.get(which, {}).get("errors", ()):
        if error["level"] == level and error["of"] == Pattern.INFLAMMATORY:
            return f"{short(error['error'])}; if perfect {error['error if perfect']:.2f}"
    return NOT_MEASURED


def _interval(fusion: Fusion, which: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = (
        fusion.measured("calibration").get("sets", {}).get(which, {}).get("interval", {})
    )
    return found


def _range(values: Sequence[int | None]) -> str:
    """From the least to the greatest; the numbers come from cards, which may lack them.

    >>> _range([20_000, 40_000]), _range([5, 5]), _range([None])
    ('20,000 to 40,000', '5', 'not measured')
    """
    known = sorted({value for value in values if value is not None})
    if not known:
        return NOT_MEASURED
    return " to ".join(f"{v:,}" for v in dict.fromkeys((known[0], known[-1])))
