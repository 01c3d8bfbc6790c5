"""The home page: what this is for, its limits, and a study to open."""

import streamlit as st

from asemble.core.study import Study
from asemble.ui import intake, page_layout, public_cases, state

LIMITS = """
- The networks learned from **simulated** oedema, on simulated and on openly licensed real
  anatomy. Nothing here was measured on patients, and agreement with a radiologist is unknown.
- Never tested on children, pregnancy, infection, tumour, fracture or implants, nor after
  gadolinium. An answer there may be confident and wrong.
- They judge semicoronal and semiaxial series slice by slice. They do not see the history, the
  examination or the laboratory.
- Marrow oedema also occurs in healthy, athletic and postpartum people. Interpret it with history,
  examination and laboratory results.
- A heatmap shows where a network was sensitive. It does not outline disease.
"""


def show() -> None:
    """Draw the page."""
    page_layout.begin_page("Home")
    study = state.study()
    if study is None:
        st.title("Sacroiliac joint MRI, read beside an ensemble of networks")
        st.write(
            "Look at a study slice by slice, fill in a checklist of findings that point towards"
            " inflammatory or mechanical change, then see what small networks make of the same"
            " slices, where they were sensitive, and how far they disagree. The reading at the end"
            " is yours."
        )
        _offer()
    else:
        _show_opened(study)


def _show_opened(study: Study) -> None:
    """The way to its slices first, then what was read of it."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(state.study_name(), width="content")
        if st.button("Read the slices", type="primary"):
            st.switch_page("pages/1_Read.py")
        if st.button("Close this study"):
            state.close_study()
            st.rerun()
    read, beside = st.columns([1.6, 1], gap="large")
    with read:
        intake.report(study)
        intake.offer_addition(study)
    with beside:
        intake.offer_reading()
        _show_limits()
    with st.expander("Open another study"):
        _offer()


def _offer() -> None:
    """What can be opened."""
    samples, own = st.columns([1.3, 1], gap="large")
    with samples:
        st.subheader("Start with a simulated case")
        intake.offer_samples()
        if state.study() is None:
            _show_limits()
    with own:
        st.subheader("Or upload a study")
        intake.offer_upload()
        public_cases.offer()
        if state.study() is None:
            intake.offer_reading()


def _show_limits() -> None:
    with st.container(key="limits"):
        st.markdown(f"**Limits**\n{LIMITS}")
