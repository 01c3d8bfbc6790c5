"""The reader's conclusion before and after the prediction, and the files that come out of it."""

import streamlit as st

from asemble.core.study import Study
from asemble.reading import Conclusion, Confidence, edits, short_hash
from asemble.report import reading_json, reading_pdf, reading_text
from asemble.ui import components, key_images, reasoning, scores, state
from asemble.ui.components import Download

_CONCLUSIONS = {conclusion.heading: conclusion for conclusion in Conclusion}
_HEADINGS = {conclusion: heading for heading, conclusion in _CONCLUSIONS.items()}


def ask_first() -> bool:
    """Ask for a conclusion before the prediction is shown, unless the reader switched that off.

    Returns:
        Whether the ensemble may run now.
    """
    reads_first = st.toggle(
        "Read first",
        help="Record your own conclusion before the prediction and the heatmaps are shown: readers"
        " tend to follow a model's answer, right or wrong. Switch it off for a demonstration.",
        key=state.shown("read_first", state.setting("read_first", True)),
        on_change=state.keep_setting,
        args=("read_first",),
    )
    if not reads_first or state.reading().first is not None or state.was_revealed():
        return st.button("Ask the ensemble", type="primary")
    draft = state.reading().draft
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.segmented_control(
            "Your conclusion before the ensemble's",
            list(_CONCLUSIONS),
            key=state.shown("first_conclusion", draft.conclusion and draft.conclusion.heading),
            on_change=_draft_conclusion,
        )
        _ask_confidence("first_confidence", draft.confidence, edits.draft_confidence)
    components.ask_comments("first_comments", draft.comments, edits.draft_comment, rows=2)
    if not st.button("Record and ask the ensemble", type="primary"):
        return False
    if draft.conclusion is None:
        st.error("Choose a conclusion first; Unsure is one.")
        return False
    state.edit(edits.record_first)
    return True


def ask_reading() -> None:
    """Ask what the reader concludes now; it starts at what was concluded first."""
    last = state.reading().impression
    st.radio(
        "Your conclusion",
        list(Conclusion),
        index=None,
        format_func=_HEADINGS.__getitem__,
        key=state.shown("conclusion", last.conclusion),
        on_change=state.keep,
        args=("conclusion", edits.conclude),
    )
    _ask_confidence("confidence", last.confidence, edits.state_confidence)
    components.ask_comments("comments", last.comments, edits.comment, rows=5)
    st.markdown(state.reading().before_and_after)


def _draft_conclusion() -> None:
    heading = st.session_state["first_conclusion"]
    state.edit(edits.draft_conclusion, None if heading is None else _CONCLUSIONS[heading])


def _ask_confidence(key: str, chosen: Confidence | None, change: state.Edit) -> None:
    st.segmented_control(
        "Confidence",
        list(Confidence),
        format_func=lambda c: c.value.capitalize(),
        key=state.shown(key, chosen),
        on_change=state.keep,
        args=(key, change),
    )


def offer_downloads(assessed: state.Assessment, study: Study) -> None:
    """The report as a PDF, as JSON and as a paragraph, and the hash that stands in all of them."""
    key_images.ask_places(study, assessed)
    reading = state.reading()
    name = f"asemble-reading-{reading.study}"
    found, added_up = scores.sentences(study), reasoning.sentences()
    text = reading_text(reading, assessed.prediction, study, findings=found)

    def pdf() -> bytes:
        places = key_images.places(reading, study, assessed)
        return reading_pdf(
            reading,
            assessed.prediction,
            study,
            images=key_images.key_images(study, assessed, places),
            findings=found,
            added_up=added_up,
        )

    def document() -> bytes:
        return components.as_json(
            reading_json(reading, assessed.prediction, study, findings=found, added_up=added_up)
        )

    components.offer(
        "downloads",
        [
            Download("pdf", "Download PDF", f"{name}.pdf", "application/pdf", pdf),
            Download("json", "Download JSON", f"{name}.json", "application/json", document),
            Download("text", "Download text", f"{name}.txt", "text/plain", text.encode),
        ],
    )
    st.caption(
        f"Each file is made when you click, of what this page shows: reading {short_hash(reading)}."
    )
    st.caption("For the record:")
    st.code(text, language=None, wrap_lines=True)
    st.caption(f"These files say: {reading.impression.sentence}.")
