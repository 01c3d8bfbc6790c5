"""Look at the slices: coronal T1, coronal fluid-sensitive and axial, or fewer of them."""

import streamlit as st

from asemble.core.labels import Plane, Weighting
from asemble.ui import (
    marking,
    page_layout,
    proposal,
    recovery,
    scores,
    series_choice,
    state,
    viewer,
)

CORONAL_T1 = (Plane.CORONAL, Weighting.T1)
CORONAL_FLUID = (Plane.CORONAL, Weighting.FLUID)
AXIAL_FLUID = (Plane.AXIAL, Weighting.FLUID)
LAYOUTS = {
    "All three": (CORONAL_T1, CORONAL_FLUID, AXIAL_FLUID),
    "Coronal beside axial": (CORONAL_FLUID, AXIAL_FLUID),
    "T1 beside fluid-sensitive": (CORONAL_T1, CORONAL_FLUID),
    "One": (CORONAL_FLUID,),
}


def show() -> None:
    """Draw the page; in a function, so that nothing of the study stays in the module."""
    page_layout.begin_page("Read")
    study = page_layout.require_study()

    with st.container(horizontal=True):
        layout = st.segmented_control(
            "Layout", list(LAYOUTS), default=next(iter(LAYOUTS)), required=True, key="layout"
        )
        shown = series_choice.hanging(study.series, LAYOUTS[layout])
        # A dictionary, not a function of the study: Streamlit keeps it after the study is closed.
        labels = {series.id: series_choice.series_label(series) for series in study.series}
        ids = list(labels)
        for place, series in enumerate(shown):
            picked = st.selectbox(
                f"Pane {place + 1}",
                ids,
                index=ids.index(series.id),
                format_func=labels.__getitem__,
                key=f"pane{place}:{layout}:{state.study_token()}",
                width=230,
            )
            shown[place] = study.series_by_id(picked)

    panes = list({series.id: series for series in shown}.values())  # a series twice is shown once

    @st.fragment
    def read() -> None:
        """The viewer and what is marked in it: a mark runs this again, not the page."""
        viewer.show(
            [
                viewer.Pane(
                    series,
                    state.slice_of(series.id, series.volume.shape[0] // 2),
                    found=state.found_on(series.id),
                    marking=marking.shown(series),
                )
                for series in panes
            ],
            study_key=study.key,
            key=f"read:{':'.join(series.id for series in panes)}:{state.study_token()}",
            listeners=viewer.Listeners(on_rest=state.keep_slices, on_said=marking.hear),
        )
        proposal.show_proposal(study)
        scores.show_findings(study)
        recovery.note("read")

    read()


show()
