"""The checklist on the screen, and beside it in tabs what the answers add up to."""

from collections.abc import Iterable, Mapping
from functools import partial

import streamlit as st

from asemble.clinical import ITEMS, NO_WEIGHT_NOTICE, Answer, Domain, Item, Side
from asemble.clinical.onset import ITEM_IDS, Onset, onsets_of
from asemble.reading import edits
from asemble.ui import mimics, proposal, reasoning, recovery, state

IMAGES, HISTORY = "Images", "History"
GROUPS: Mapping[str, tuple[Domain, ...]] = {
    IMAGES: (Domain.IMAGE,),
    HISTORY: (Domain.HISTORY, Domain.LABORATORY),
}
"""What is seen on the slices, and what has to be asked."""
_ADDS_UP, _ELSE = "What it adds up to", "What else it could be"
_SIDES = (Side.RED_FLAG, Side.NEITHER, Side.INFLAMMATORY, Side.MECHANICAL)
"""In the order of asking."""
_WORDS = {answer: answer.value.capitalize() for answer in Answer}
_AGES: Mapping[Onset | Answer, str] = {
    **{onset: onset.value for onset in Onset},
    Answer.UNKNOWN: _WORDS[Answer.UNKNOWN],
}


@st.fragment
def show_questions() -> None:
    """Ask every item and keep the answers; what is left blank is unknown."""
    show_summary()
    tabs = st.tabs([*GROUPS, _ADDS_UP, _ELSE], key="questions", on_change="rerun")
    for tab, name in zip(tabs, (*GROUPS, _ADDS_UP, _ELSE), strict=True):
        if not tab.open:
            continue
        with tab:
            if name == _ADDS_UP:
                reasoning.show_reasoning()
            elif name == _ELSE:
                mimics.show_comparison()
            else:
                _ask_group(name)
    recovery.note("checklist")


def show_summary() -> None:
    """What the answers point to; red flags and conflicts stand out."""
    summary = state.reading().checklist
    sentences = list(summary.sentences)
    if summary.red_flags:
        st.error(sentences.pop(0))
    for _ in summary.conflicts:
        st.warning(sentences.pop())
    st.markdown("  \n".join(sentences))
    st.caption(NO_WEIGHT_NOTICE)


def _ask_group(group: str) -> None:
    study = state.study()
    offered = proposal.offered_items(study) if study is not None and group == IMAGES else {}
    if offered:
        st.caption(proposal.ITEMS_LIMIT)
    asked = [item for item in ITEMS if item.domain in GROUPS[group] and item.id not in ITEM_IDS]
    for side in _SIDES:
        items = [item for item in asked if item.side is side]
        with st.container(gap="xxsmall"):
            if items:
                st.markdown(f"**{side.heading}**")
            if side is Side.NEITHER and group == HISTORY:
                _ask_onset(item for item in ITEMS if item.id in ITEM_IDS)
            for item in items:
                _ask(item)
                if item.id in offered:
                    _offer(item, offered[item.id])


def _ask(item: Item) -> None:
    with st.container(
        key=f"item_{item.id}", horizontal=True, vertical_alignment="center", gap="small"
    ):
        st.markdown(item.text, help=item.hover)
        key = f"answer:{state.study_key()}:{item.id}"
        st.segmented_control(
            item.text,
            list(_WORDS),
            format_func=_WORDS.__getitem__,
            key=state.shown(key, state.reading().answers.get(item.id, Answer.UNKNOWN)),
            on_change=state.keep,
            args=(key, edits.answer, item.id),
            label_visibility="collapsed",
        )


def _ask_onset(items: Iterable[Item]) -> None:
    """One age instead of three questions; older readings may have answered less, or too much."""
    with st.container(key="item_onset", horizontal=True, vertical_alignment="center", gap="small"):
        label = "Age at which back pain began"
        st.markdown(label, help="\n\n".join(item.hover for item in items))
        possible = onsets_of(state.reading().answers)
        known = possible[0] if len(possible) == 1 else Answer.UNKNOWN
        key = f"answer:{state.study_key()}:onset"
        st.segmented_control(
            label,
            list(_AGES),
            format_func=_AGES.__getitem__,
            key=state.shown(key, known),
            on_change=_keep_onset,
            args=(key,),
            label_visibility="collapsed",
        )
    if len(possible) == len(Onset) - 1:
        st.caption(f"Answered before: {' or '.join(possible)}.")


def _keep_onset(key: str) -> None:
    said = st.session_state[key]
    state.edit(edits.state_onset, said if isinstance(said, Onset) else None)


def _offer(item: Item, offered: proposal.OfferedItem) -> None:
    """A yes that the reader has not said: to be accepted, or at odds with the answer."""
    said = state.reading().answers.get(item.id)
    if said is Answer.YES:
        return
    if said is Answer.NO:
        st.warning(f"You answered No. {offered.words}")
        return
    with st.container(
        key=f"offered_{item.id}", horizontal=True, vertical_alignment="center", gap="small"
    ):
        st.caption(offered.words)
        st.button(
            "Accept Yes",
            key=f"accept_answer:{item.id}",
            on_click=state.edit,
            args=(partial(edits.accept_answer, from_networks=offered.from_networks), item.id),
        )
