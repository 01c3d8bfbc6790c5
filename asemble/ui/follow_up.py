"""Two examinations beside each other: their level, their order, and what changed."""

from collections.abc import Mapping

import numpy as np
import streamlit as st

from asemble.clinical.change import INFLAMMATION_THRESHOLDS, ONE_READER, STRUCTURAL_UNKNOWN
from asemble.core.errors import InputError
from asemble.core.geometry import slice_axis
from asemble.core.labels import Plane, Weighting
from asemble.core.study import Series, Study
from asemble.core.volume import Affine
from asemble.predict.level_by_bones import level_by_bones
from asemble.reading import change, edits, scoring
from asemble.ui import cache, page_layout, state

HIDDEN = (
    "Which examination is the earlier one is hidden, so that it does not sway the scores. "
    "Mark both, say that marking is complete, then show the order."
)
MIDDLES = (
    "Slices of both examinations are compared by the middles of their stacks. Set a level that you "
    "see on both: bring the same place up in both rows, then choose Same level here."
)
BONES = (
    "A network names the bones on both examinations, and slices with the same bones are laid side "
    "by side. It learned from simulated and openly licensed anatomy: look whether it is right."
)
LEVELLED = "levelled"  # setting: how well bones agreed where they gave the level
NO_PAIR = "Both examinations need a coronal T1, or both a coronal fluid-sensitive series."
PROPOSED = (
    "Marks of the current examination were proposed by the ensemble, which does not judge the "
    "prior: a change may come of that."
)


def offset_mm(series: Series, study: Study) -> float | None:
    """What the viewer adds where slices of both examinations are compared; None without a prior."""
    said = state.reading().follow_up
    if said is None or study.prior is None:
        return None
    if series.id in said.offsets_mm:
        return said.offsets_mm[series.id]
    stated = [
        said.offsets_mm[each.id]
        for each in study.all_series
        if each.id in said.offsets_mm and each.shares_frame_with(series)
    ]
    return stated[0] if stated else _between_middles(series, study)


def level(offsets: Mapping[str, float]) -> None:
    """Keep the level that the reader set in the viewer."""
    study = state.study()
    if study is None or state.reading().follow_up is None:
        return
    known = {series.id for series in study.all_series}
    state.change_setting(LEVELLED, "")
    state.edit(edits.level, {id_: mm for id_, mm in offsets.items() if id_ in known})


def require_order() -> None:
    """End a page that tells of the current examination while the order is hidden."""
    if state.order_is_hidden():
        st.subheader("The order of both examinations is hidden")
        st.write(HIDDEN)
        st.page_link("pages/1_Read.py", label="Go to the slices")
        page_layout.end_page()


def show(study: Study) -> None:
    """The sheet: both examinations and the change; nothing without a prior."""
    if study.prior is None:
        return
    with st.container(border=True, key="follow_up"):
        _show_level()
        if state.order_is_hidden():
            _ask_order(study)
        else:
            _show_sheet(study)


def _show_level() -> None:
    said = state.reading().follow_up
    overlap = state.setting(LEVELLED, "")
    if said is None or not said.offsets_mm:
        st.caption(MIDDLES)
    elif overlap:
        st.caption(f"Slices were laid on one level by their bones (overlap {overlap}).")
    if st.button("Level by the bones", key="level_by_bones", help=BONES):
        _level_by_bones()


def _level_by_bones() -> None:
    """Lay the prior on the level at which it shows the bones of the current examination."""
    study = state.study()
    if study is None or study.prior is None:
        return
    prior = study.prior.study
    pairs = [
        (here, there)
        for weighting in (Weighting.T1, Weighting.FLUID)  # bones are found better on T1
        if (here := scoring.series_of(study, weighting))
        and (there := scoring.series_of(prior, weighting))
    ]
    if not pairs:
        st.warning(NO_PAIR)
        return
    try:
        with st.spinner("Looking for the bones on both"):
            found = level_by_bones(*pairs[0], cache.ensemble())
    except InputError as error:
        page_layout.refuse(error)
        return
    coronal = [each for each in prior.series if each.plane is Plane.CORONAL]
    state.edit(edits.level, {each.id: found.offset_mm for each in coronal})
    state.change_setting(LEVELLED, f"{found.agreement:.2f}")
    st.rerun(scope="fragment")


def _ask_order(study: Study) -> None:
    changes = change.changes_of(state.reading(), study)
    is_scored = change.are_scored(changes)
    st.markdown("**Follow-up: examinations A and B**")
    st.caption(HIDDEN)
    st.button(
        "Show the order" if is_scored else "Show the order before both are scored",
        type="primary" if is_scored else "secondary",
        key="show_order",
        on_click=_show_order,
    )


def _show_order() -> None:
    study = state.study()
    if study is not None and state.order_is_hidden():
        changes = change.changes_of(state.reading(), study)
        scored = change.values_of(changes) if change.are_scored(changes) else {}
        state.edit(edits.show_order, scored)
        state.change_setting(state.HUNG, [])


def _show_sheet(study: Study) -> None:
    sheet = change.sheet_of(state.reading(), study)
    if sheet is None:
        return
    st.markdown(f"**Follow-up: against an examination {sheet.interval} before**")
    if not sheet.is_checked:
        st.warning(change.NOT_CHECKED)
    st.table(
        {
            "score": [each.title for each in sheet.changes],
            "then": [each.then.words for each in sheet.changes],
            "now": [each.now.words for each in sheet.changes],
            "change": [each.words for each in sheet.changes],
        },
        border="horizontal",
    )
    inflammation = sheet.changes[0]
    if inflammation.value is not None:
        for threshold in inflammation.thresholds:
            st.markdown(f"- {threshold.sentence(inflammation.value)}")
    st.caption(" ".join(each.label for each in INFLAMMATION_THRESHOLDS))
    st.caption(f"{STRUCTURAL_UNKNOWN} {ONE_READER}")
    st.caption(" ".join([sheet.order, *([PROPOSED] if state.reading().accepted else [])]))


def _between_middles(series: Series, study: Study) -> float:
    """From the middle of the prior's stacks of a plane to that of the current one's."""
    prior = () if study.prior is None else study.prior.study.series
    if series not in prior:
        return 0.0
    here, there = (_first_placed(series, among) for among in (study.series, prior))
    if here is None or there is None:
        return 0.0
    return round(float(slice_axis(here) @ (here - there)[:3, 3]), 1)


def _first_placed(like: Series, among: tuple[Series, ...]) -> Affine | None:
    """The affine of the first stack of a plane, with its middle in place of its origin."""
    for each in among:
        affine = each.volume.affine_lps
        if each.plane is like.plane and affine is not None:
            centred = affine.copy()
            centred[:3, 3] += affine[:3, :3] @ ((np.array(each.volume.shape) - 1) / 2)
            return centred
    return None
