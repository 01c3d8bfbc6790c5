"""The reading: what the reader concluded, beside what the ensemble returned."""

import streamlit as st

from asemble.ui import checklist, conclusion, follow_up, page_layout, results, scores, state


def show() -> None:
    """Draw the page; in a function, so that nothing of the study stays in the module."""
    page_layout.begin_page("Report")
    study = page_layout.require_study()
    follow_up.require_order()
    assessed = state.assessment()

    yours, theirs = st.columns(2, gap="large")
    with yours:
        st.subheader("Your reading")
        conclusion.ask_reading()
    with theirs:
        st.subheader("What goes beside it")
        if assessed is None:
            st.write("Nothing of the ensemble: it was not run, and the report says so.")
            st.page_link("pages/2_Assess.py", label="Run it first")
        else:
            results.show_headline(assessed.prediction)
            for reason in assessed.prediction.further_reasons:
                st.markdown(f"- {reason}")
        st.markdown("**Your scores**")
        scores.show_summary(study)
        st.markdown("**Your checklist**")
        checklist.show_summary()
        st.caption(results.OEDEMA_LIMIT)
    with yours:  # last: the pictures of the PDF take a moment
        conclusion.offer_downloads(assessed, study)


show()
