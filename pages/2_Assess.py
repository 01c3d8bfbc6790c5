"""The ensemble's prediction and its heatmaps beside the checklist."""

from time import monotonic

import streamlit as st

from asemble.core.errors import InputError
from asemble.ui import assess, checklist, conclusion, logs, page_layout, results, state


def show() -> None:
    """Draw the page; in a function, so that nothing of the study stays in the module."""
    page_layout.begin_page("Assess")
    study = page_layout.require_study()

    assessed = state.assessment()
    with st.container(key="ask"):
        if assessed is not None:
            results.show_headline(assessed.prediction)
            first = state.reading().first
            if first is not None:
                st.caption(f"Your conclusion before the prediction: {first.sentence}.")
        elif conclusion.ask_first():
            started = monotonic()
            try:
                asked = assess.run_ensemble(study).prediction
            except InputError as error:
                logs.event("refused", error=type(error).__name__, code=error.code)
                page_layout.refuse(error)
            else:
                logs.event(
                    "predicted",
                    slices=sum(len(series.slices) for series in asked.series),
                    device=asked.device,
                    seconds=monotonic() - started,
                )
                st.rerun()

    slices, questions = st.columns([1, 1.15], gap="large")
    with slices:
        assess.show_slices(study)
    with questions:
        checklist.show_questions()

    if assessed is not None:
        results.show_results(assessed.prediction, study)
        st.page_link("pages/4_Models.py", label="What the models were trained on")
    st.page_link("pages/3_Report.py", label="Write the reading")


show()
