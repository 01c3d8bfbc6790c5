"""Look at the slices: coronal T1, coronal fluid-sensitive, axial, or any others."""

from collections.abc import Sequence

import streamlit as st

from asemble.core.labels import Plane, Weighting
from asemble.core.study import Series, Study
from asemble.ui import (
    marking,
    measuring,
    page_layout,
    proposal,
    recovery,
    scores,
    series_choice,
    state,
    viewer,
)

# What hangs in the panes at first, in the order in which layouts take them.
HANGING = (
    (Plane.CORONAL, Weighting.T1),
    (Plane.CORONAL, Weighting.FLUID),
    (Plane.AXIAL, Weighting.FLUID),
    (Plane.AXIAL, Weighting.T1),
)
HUNG = "hung"  # setting: the ids of the series in the panes, where the reader hung others


def show() -> None:
    """Draw the page; in a function, so that nothing of the study stays in the module."""
    page_layout.begin_page("Read", is_wide=True)
    study = page_layout.require_study()

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
                for series in hung(study)
            ],
            study_key=study.key,
            key=f"read:{state.study_token()}",
            shelf=study.series,
            listeners=viewer.Listeners(
                on_rest=state.keep_slices, on_said=marking.hear, on_hung=keep_hung
            ),
        )
        proposal.show_proposal(study)
        scores.show_findings(study)
        measuring.show_measures(study)
        recovery.note("read")

    read()


def hung(study: Study) -> list[Series]:
    """The series in the panes, in order."""
    ids = state.setting(HUNG, ())
    return [study.series_by_id(id_) for id_ in ids] or series_choice.hanging(study.series, HANGING)


def keep_hung(ids: Sequence[str]) -> None:
    """Remember what the reader hung; what the study does not have is not hung."""
    study = state.study()
    known = () if study is None else [series.id for series in study.series]
    state.change_setting(HUNG, [id_ for id_ in dict.fromkeys(ids) if id_ in known][: len(HANGING)])


show()
