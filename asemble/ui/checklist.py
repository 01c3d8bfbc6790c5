"""The checklist on the screen, and in a tab beside it the summary of the answers."""

import streamlit as st

from asemble.clinical import ITEMS, NO_WEIGHT_NOTICE, Answer, Item, Side
from asemble.reading import edits
from asemble.ui import mimics, reasoning, recovery, state

_COLUMNS = ((Side.INFLAMMATORY,), (Side.RED_FLAG, Side.MECHANICAL, Side.NEITHER))
_WORDS = {Answer.YES: "Yes", Answer.NO: "No"}


@st.fragment
def show_questions() -> None:
    """Ask every item and keep the answers; what is left blank is unknown."""
    questions, reasons, others = st.tabs(
        ["Checklist", "What it adds up to", "What else it could be"]
    )
    with questions:
        summary = st.container(gap="xsmall")
        for column, sides in zip(st.columns(2, gap="medium"), _COLUMNS, strict=True):
            with column, st.container(gap="xxsmall"):
                for side in sides:
                    st.markdown(f"**{side.heading}**")
                    for item in ITEMS:
                        if item.side is side:
                            _ask(item)
        with summary:
            show_summary()
    with reasons:
        reasoning.show_reasoning()
    with others:
        mimics.show_comparison()
    recovery.note("checklist")


def show_summary() -> None:
    """What the answers point to; a red flag stands out."""
    summary = state.reading().checklist
    sentences = list(summary.sentences)
    if summary.red_flags:
        st.error(sentences.pop(0))
    st.markdown("  \n".join(sentences))
    st.caption(NO_WEIGHT_NOTICE)


def _ask(item: Item) -> None:
    with st.container(
        key=f"item_{item.id}", horizontal=True, vertical_alignment="center", gap="small", wrap=False
    ):
        st.markdown(item.text, help=item.hover)
        key = f"answer:{state.study_key()}:{item.id}"
        st.segmented_control(
            item.text,
            list(_WORDS),
            format_func=_WORDS.__getitem__,
            key=state.shown(key, state.reading().answers.get(item.id)),
            on_change=state.keep,
            args=(key, edits.answer, item.id),
            label_visibility="collapsed",
        )
