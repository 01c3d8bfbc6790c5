"""Look at the slices: coronal beside axial, or T1 beside fluid-sensitive."""

import streamlit as st

from asemble.core.labels import Plane, Weighting
from asemble.ui import choose, frame, state, viewer

frame.begin_page("Read")
study = frame.require_study()

LAYOUTS = {
    "Coronal beside axial": ((Plane.CORONAL, Weighting.FLUID), (Plane.AXIAL, Weighting.FLUID)),
    "T1 beside fluid-sensitive": ((Plane.CORONAL, Weighting.T1), (Plane.CORONAL, Weighting.FLUID)),
}

with st.container(horizontal=True, vertical_alignment="bottom"):
    layout = st.segmented_control(
        "Layout", list(LAYOUTS), default=next(iter(LAYOUTS)), required=True, key="layout"
    )
    shown = []
    for side, (plane, weighting) in zip(("Left", "Right"), LAYOUTS[layout], strict=True):
        wanted = choose.nearest_series(
            study.series,
            plane=plane,
            weighting=weighting,
            other_than=shown[0] if shown else None,
        )
        ids = [series.id for series in study.series]
        picked = st.selectbox(
            side,
            ids,
            index=ids.index(wanted.id),
            format_func=lambda i: choose.series_label(study.series_by_id(i)),
            key=f"{side}:{layout}:{state.study_token()}",
            width=330,
        )
        shown.append(study.series_by_id(picked))

left, right = shown
viewer.show(
    [
        viewer.Pane(series, state.slice_of(series.id, series.volume.shape[0] // 2))
        for series in ([left] if left is right else [left, right])
    ],
    study_key=study.key,
    key=f"read:{left.id}:{right.id}:{state.study_token()}",
    linked=viewer.may_link(left, right),
)

if viewer.may_link(left, right):
    st.caption("Both series lie in the same plane, so their slices move together by position.")
elif left.volume.affine_lps is not None and right.volume.affine_lps is not None:
    st.caption("The dashed line is where the slice of the other pane lies.")
