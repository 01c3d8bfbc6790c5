"""The reader's conclusion before and after the prediction, and the files that come out of it."""

import json

import streamlit as st

from asemble.core.labels import PATTERNS, Pattern
from asemble.core.study import Study
from asemble.report import (
    COMMENT_WARNING,
    MAX_COMMENT_CHARACTERS,
    Confidence,
    FirstReading,
    Reading,
    conclusion_heading,
    fingerprint,
    reading_json,
    reading_pdf,
    reading_text,
)
from asemble.ui import findings, key_images, reasoning, state

_CONCLUSIONS: tuple[Pattern | None, ...] = (*PATTERNS, None)
"""What may be concluded; None is a reader who is unsure."""


def ask_first() -> bool:
    """Ask for a conclusion before the prediction is shown, unless the reader switched that off.

    Returns:
        Whether the ensemble may be asked now.
    """
    reads_first = st.toggle(
        "Read first",
        value=True,
        help="Record your own conclusion before the prediction and the heatmaps are shown: readers"
        " tend to follow a model's answer, right or wrong. Switch it off for a demonstration.",
        key="read_first",
        persist_state="session",
    )
    if not reads_first or state.first_reading() is not None or state.was_revealed():
        return st.button("Ask the ensemble", type="primary")
    with st.form("first_reading", border=False):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            conclusion = st.segmented_control(
                "Your conclusion before the ensemble's",
                [conclusion_heading(each) for each in _CONCLUSIONS],
                key="first_conclusion",
            )
            confidence = _ask_confidence("first_confidence", Confidence.LOW)
        comments = st.text_input(
            "Comments", max_chars=MAX_COMMENT_CHARACTERS, placeholder=COMMENT_WARNING
        )
        submitted = st.form_submit_button("Record and ask the ensemble", type="primary")
    if submitted and conclusion is None:
        st.error("Choose a conclusion first; Unsure is one.")
    if not submitted or conclusion is None:
        return False
    chosen = next(each for each in _CONCLUSIONS if conclusion_heading(each) == conclusion)
    state.keep_first_reading(FirstReading(chosen, confidence, comments))
    return True


def ask_reading(study: Study) -> Reading:
    """What the reader concludes now; it starts at what was concluded first."""
    key = state.study_key()
    first = state.first_reading()
    conclusion = st.radio(
        "Your conclusion",
        _CONCLUSIONS,
        index=_CONCLUSIONS.index(None if first is None else first.conclusion),
        format_func=conclusion_heading,
        key=f"conclusion:{key}",
        persist_state="session",
    )
    confidence = _ask_confidence(
        f"confidence:{key}", Confidence.LOW if first is None else first.confidence
    )
    comments = st.text_area(
        "Comments",
        value="" if first is None else first.comments,
        max_chars=MAX_COMMENT_CHARACTERS,
        height=130,
        help=COMMENT_WARNING,
        key=f"comments:{key}",
        persist_state="session",
    )
    st.caption(COMMENT_WARNING)
    reading = Reading(
        conclusion,
        confidence,
        comments,
        state.answers(),
        first,
        findings=findings.sentences(study),
        added_up=reasoning.sentences(),
    )
    st.markdown(reading.before_and_after)
    return reading


def _ask_confidence(key: str, default: Confidence) -> Confidence:
    return st.segmented_control(
        "How sure you are",
        list(Confidence),
        default=default,
        required=True,
        format_func=lambda c: c.value.capitalize(),
        key=key,
        persist_state="session",
    )


def offer_downloads(reading: Reading, assessed: state.Assessment, study: Study) -> None:
    """The report as a PDF, as JSON and as a paragraph."""
    places = key_images.ask_places(study, assessed)
    name = f"asemble-reading-{fingerprint(study)}"
    document = reading_json(reading, assessed.prediction, study)
    with st.container(horizontal=True):
        st.download_button(
            "Download PDF",
            # Made now, not on the click: a file made later is lost where an answer changes first.
            _pdf(reading, assessed, study, places),
            file_name=f"{name}.pdf",
            mime="application/pdf",
            type="primary",
            on_click="ignore",
        )
        st.download_button(
            "Download JSON",
            json.dumps(document, indent=2, ensure_ascii=False),
            file_name=f"{name}.json",
            mime="application/json",
            on_click="ignore",
        )
        text = reading_text(reading, assessed.prediction, study)
        st.download_button(
            "Download text",
            text,
            file_name=f"{name}.txt",
            mime="text/plain",
            on_click="ignore",
        )
    st.caption("For the record:")
    st.code(text, language=None, wrap_lines=True)
    st.caption(f"These files say: {reading.conclusion_heading}, {reading.confidence} confidence.")


def _pdf(
    reading: Reading, assessed: state.Assessment, study: Study, places: list[key_images.Place]
) -> bytes:
    images = key_images.key_images(study, assessed, places)
    return reading_pdf(reading, assessed.prediction, study, images=images)
