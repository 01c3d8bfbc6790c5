"""Look at the slices: coronal T1, coronal fluid-sensitive, axial, or any others."""

from collections.abc import Sequence

import streamlit as st

from asemble.core.labels import Plane, Weighting
from asemble.core.study import Series, Study
from asemble.ui import (
    follow_up,
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


def show() -> None:
    """Draw the page; in a function, so that nothing of the study stays in the module."""
    page_layout.begin_page("Read", is_wide=True)
    study = page_layout.require_study()

    @st.fragment
    def read() -> None:
        """The viewer and what is marked in it: a mark runs this again, not the page."""
        names = [name for name, _ in state.examinations()]
        viewer.show(
            [
                viewer.Pane(
                    series,
                    state.slice_of(series.id, series.volume.shape[0] // 2),
                    found=state.found_on(series.id),
                    marking=marking.shown(series),
                    row=state.examination_of(series.id),
                    offset_mm=follow_up.offset_mm(series, study),
                )
                for series in hung(study)
            ],
            study_key=state.images_key(),
            key=":".join(["read", state.study_token(), *filter(None, names)]),
            shelf=[series for _, each in state.examinations() for series in each.series],
            listeners=viewer.Listeners(
                on_rest=state.keep_slices,
                on_said=marking.hear,
                on_hung=keep_hung,
                on_levelled=follow_up.level,
            ),
        )
        follow_up.show(study)
        proposal.show_proposal(study)
        scores.show_findings(study)
        measuring.show_measures()
        recovery.note("read")

    read()


def hung(study: Study) -> list[Series]:
    """The series in the panes, in order."""
    ids = state.setting(state.HUNG, ())
    examinations = state.examinations()
    wanted = HANGING if len(examinations) == 1 else HANGING[:2]  # a row for each
    return [study.series_by_id(id_) for id_ in ids] or [
        series for _, each in examinations for series in series_choice.hanging(each.series, wanted)
    ]


def keep_hung(ids: Sequence[str]) -> None:
    """Remember what the reader hung; what the study does not have is not hung."""
    study = state.study()
    known = () if study is None else [series.id for series in study.all_series]
    state.change_setting(
        state.HUNG, [id_ for id_ in dict.fromkeys(ids) if id_ in known][: len(HANGING)]
    )


show()
