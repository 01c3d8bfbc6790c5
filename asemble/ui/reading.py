"""The form of the reader's conclusion, and the files that come out of it."""

import json

import streamlit as st

from asemble.core.labels import PATTERNS, Pattern
from asemble.core.study import Study
from asemble.report import (
    COMMENT_WARNING,
    MAX_COMMENT_CHARACTERS,
    Confidence,
    Reading,
    conclusion_heading,
    fingerprint,
    reading_json,
    reading_pdf,
)
from asemble.ui import key_images, state


def ask_reading() -> Reading:
    """What the reader concludes; nothing is chosen for them."""
    key = state.study_key()
    conclusions: list[Pattern | None] = [*PATTERNS, None]
    conclusion = st.radio(
        "Your conclusion",
        conclusions,
        index=len(conclusions) - 1,
        format_func=conclusion_heading,
        key=f"conclusion:{key}",
        persist_state="session",
    )
    confidence = st.segmented_control(
        "How sure you are",
        list(Confidence),
        default=Confidence.LOW,
        required=True,
        format_func=lambda c: c.value.capitalize(),
        key=f"confidence:{key}",
        persist_state="session",
    )
    comments = st.text_area(
        "Comments",
        max_chars=MAX_COMMENT_CHARACTERS,
        height=130,
        help=COMMENT_WARNING,
        key=f"comments:{key}",
        persist_state="session",
    )
    st.caption(COMMENT_WARNING)
    return Reading(conclusion, confidence, comments, state.answers())


def offer_downloads(reading: Reading, assessed: state.Assessment, study: Study) -> None:
    """The report as a one-page PDF and as JSON."""
    name = f"asemble-reading-{fingerprint(study)}"
    document = reading_json(reading, assessed.prediction, study)
    with st.container(horizontal=True):
        st.download_button(
            "Download PDF",
            # Made now, not on the click: a file made later is lost where an answer changes first.
            _pdf(reading, assessed, study),
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
    st.caption(f"These files say: {reading.conclusion_heading}, {reading.confidence} confidence.")


def _pdf(reading: Reading, assessed: state.Assessment, study: Study) -> bytes:
    images = key_images.key_images(study, assessed)
    return reading_pdf(reading, assessed.prediction, study, images=images)
