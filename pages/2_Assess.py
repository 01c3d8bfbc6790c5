"""The slices beside the checklist, then the conclusion, the ensemble, and what it changed."""

from time import monotonic

import streamlit as st

from asemble.core.errors import InputError
from asemble.core.study import Study
from asemble.ui import assess, checklist, conclusion, follow_up, logs, page_layout, results, state


def show() -> None:
    """Draw the page; in a function, so that nothing of the study stays in the module."""
    page_layout.begin_page("Assess", is_wide=True)
    study = page_layout.require_study()
    follow_up.require_order()

    assessed = state.assessment()
    with st.container(key="assess"):
        assess.show_slices(study)
        with st.container(key="checklist"):
            checklist.show_questions()
        with st.container(key="verdict"):
            st.subheader("Your conclusion")
            if assessed is None:
                _ask(study)
            else:
                first = state.reading().first
                if first is not None:
                    st.markdown(f"Your conclusion before the prediction: {first.sentence}.")
                st.subheader("The ensemble")
                results.show_headline(assessed.prediction)
                results.show_results(assessed.prediction, study)
        if assessed is not None:
            with st.container(key="change"):
                st.page_link("pages/4_Models.py", label="What the models were trained on")
                st.subheader("What changed")
                conclusion.show_change()
                st.page_link("pages/3_Report.py", label="Write the reading")


def _ask(study: Study) -> None:
    """Ask for the conclusion, then the ensemble."""
    if not conclusion.ask_first():
        return
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


show()
