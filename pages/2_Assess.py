"""The ensemble's prediction and its heatmaps beside the checklist."""

import streamlit as st

from asemble.ui import assess, checklist, frame, results, state

frame.begin_page("Assess")
study = frame.require_study()

assessed = state.assessment()
with st.container(horizontal=True, vertical_alignment="center", key="ask"):
    if assessed is not None:
        results.show_headline(assessed.prediction)
    elif st.button("Ask the ensemble", type="primary"):
        assess.run_ensemble(study)
        st.rerun()
    else:
        st.caption(
            "Fill in the checklist first: readers tend to follow a model's answer, right or"
            " wrong, once they have seen it. Then ask."
        )

slices, questions = st.columns([1, 1.15], gap="large")
with slices:
    assess.show_slices(study)
with questions:
    checklist.show_questions()

if assessed is not None:
    results.show_results(assessed.prediction, study)
    st.page_link("pages/4_Models.py", label="What the models were trained on")
st.page_link("pages/3_Report.py", label="Write the reading")
