"""The ensemble's prediction in words, numbers and one chart."""

from collections.abc import Mapping

import streamlit as st

from asemble.core.labels import PATTERNS
from asemble.core.results import Probabilities, StudyPrediction
from asemble.core.study import Study
from asemble.ui import charts, series_choice

HEATMAP_LIMIT = (
    "The heatmap shows where the model was sensitive; it does not outline disease or prove"
    " reasoning."
)
"""Stands beside every heatmap (clinical specification, section 9, string 3)."""

OEDEMA_LIMIT = (
    "MRI oedema also occurs in healthy, athletic and postpartum people. Interpret with history,"
    " examination and laboratory results."
)
"""Stands beside every prediction (clinical specification, section 9, string 2)."""

INTERVAL_MEANING = (
    "The line under the inflammatory bar is the interval from the members' disagreement. It was "
    "made to hold the answer for a second, simulated examination of the same person; it does not "
    "say how often the ensemble is right."
)


def show_headline(prediction: StudyPrediction) -> None:
    """Decision and P(inflammatory) in a row of figures, and below it why the ensemble abstains."""
    with st.container(horizontal=True, gap="medium", key="headline"):
        st.metric("Ensemble's decision", prediction.decision_heading, width="content")
        if prediction.probabilities is not None:
            value = f"{prediction.probabilities.inflammatory:.2f}"
            st.metric("P(inflammatory), the AS probability", value, width="content")
        if prediction.interval_inflammatory is not None:
            low, high = prediction.interval_inflammatory
            st.metric("Interval", f"{low:.2f} to {high:.2f}", width="content")
    if prediction.why_abstains is not None:
        st.warning(f"**It abstains.** {prediction.why_abstains}")


def show_results(prediction: StudyPrediction, study: Study) -> None:
    """Probabilities, why, the members' disagreement, and which series were judged."""
    st.markdown("**Study probabilities**")
    if prediction.probabilities is None:
        st.write("There is no probability for this study.")
    else:
        st.plotly_chart(
            charts.study_chart(prediction),
            key="study_chart",
            config={"displayModeBar": False},
            alt="Bars of the three study probabilities",
        )
        st.caption(INTERVAL_MEANING)
    for reason in prediction.further_reasons:
        st.markdown(f"- {reason}")
    with st.expander("Agreement of the members, and which series were judged"):
        if prediction.members:
            st.table(_member_table(prediction.members), border="horizontal")
        for series in prediction.series:
            label = series_choice.series_label(study.series_by_id(series.series_id))
            st.markdown(
                f"- {label}: {'judged' if series.used else f'not judged. {series.why_not}'}"
            )
    st.caption(f"{OEDEMA_LIMIT} {_ran(prediction)}")


def _member_table(members: Mapping[str, Probabilities]) -> dict[str, list[str]]:
    table = {"Member": list(members)}
    for pattern, column in zip(PATTERNS, range(len(PATTERNS)), strict=True):
        table[f"P({pattern.value})"] = [f"{p.as_array()[column]:.2f}" for p in members.values()]
    return table


def _ran(prediction: StudyPrediction) -> str:
    spent = ", ".join(f"{step} {seconds:.1f} s" for step, seconds in prediction.seconds.items())
    return f"Ran on {prediction.device}" + (f" ({spent})." if spent else ".")
