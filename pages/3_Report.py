"""The reading: what the reader concluded, beside what the ensemble returned."""

import streamlit as st

from asemble.ui import checklist, conclusion, page_layout, results, state


def show() -> None:
    """Draw the page; in a function, so that nothing of the study stays in the module."""
    page_layout.begin_page("Report")
    study = page_layout.require_study()
    assessed = state.assessment()

    if assessed is None:
        st.subheader("The ensemble has not been run yet")
        st.write("A report sets your reading beside the ensemble's prediction. Run it first.")
        st.page_link("pages/2_Assess.py", label="Go to the assessment")
        page_layout.end_page()

    yours, theirs = st.columns(2, gap="large")
    with yours:
        st.subheader("Your reading")
        conclusion.ask_reading()
    with theirs:
        st.subheader("What goes beside it")
        results.show_headline(assessed.prediction)
        for reason in assessed.prediction.further_reasons:
            st.markdown(f"- {reason}")
        st.markdown("**Your checklist**")
        checklist.show_summary()
        st.caption(results.OEDEMA_LIMIT)
    with yours:  # last: the pictures of the PDF take a moment
        conclusion.offer_downloads(assessed, study)


show()
