"""The reader's conclusion before and after the prediction, and the files that come out of it."""

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from asemble.core.study import Study
from asemble.reading import Conclusion, Confidence, edits, short_hash
from asemble.report import Signature, reading_json, reading_pdf, reading_text, unprintable
from asemble.ui import components, key_images, measuring, reasoning, scores, state
from asemble.ui.components import Download

MOST_OF_A_NAME = 80
"""Characters of a reader's name."""

_HEADINGS = {conclusion: conclusion.heading for conclusion in Conclusion}


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
    label = "Your conclusion before the ensemble's"
    _ask_conclusion(label, "first_conclusion", draft.conclusion, edits.draft_conclusion)
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
    if state.was_revealed():
        st.markdown(state.reading().before_and_after)


def show_change() -> None:
    """Ask whether the prediction changed the conclusion, and say what it was before."""
    last = state.reading().impression
    _ask_conclusion("Your conclusion now", "conclusion_now", last.conclusion, edits.conclude)
    _ask_confidence("confidence_now", last.confidence, edits.state_confidence)
    st.markdown(state.reading().before_and_after)
    for sentence in reasoning.accepted_sentences():
        st.markdown(sentence)


def _ask_conclusion(label: str, key: str, chosen: Conclusion | None, change: state.Edit) -> None:
    st.segmented_control(
        label,
        list(Conclusion),
        format_func=_HEADINGS.__getitem__,
        key=state.shown(key, chosen),
        on_change=state.keep,
        args=(key, change),
    )


def _ask_confidence(key: str, chosen: Confidence | None, change: state.Edit) -> None:
    st.segmented_control(
        "Confidence",
        list(Confidence),
        format_func=lambda c: c.value.capitalize(),
        key=state.shown(key, chosen),
        on_change=state.keep,
        args=(key, change),
    )


def ask_reader() -> None:
    """Ask who signs; it goes with the study, and is kept in no reading and no browser."""
    st.text_input(
        "Read by (name or initials, as they are to stand in the report)",
        max_chars=MOST_OF_A_NAME,
        help="Kept until the study is closed. Left empty, the PDF has a line to sign on.",
        key=state.shown("reader", state.setting("reader", "")),
        on_change=state.keep_setting,
        args=("reader",),
    )


def offer_downloads(assessed: state.Assessment | None, study: Study) -> None:
    """The report as a PDF, as JSON and as a paragraph, and the hash that stands in all of them."""
    key_images.ask_places(study, assessed)
    ask_reader()
    reading = state.reading()
    prediction = None if assessed is None else assessed.prediction
    name = f"asemble-reading-{reading.study}"
    measured = measuring.sentences()
    found, added_up = (*scores.sentences(study), *measured), reasoning.sentences()
    text = reading_text(reading, prediction, study, findings=found, signature=_signature())

    def pdf() -> bytes:
        places = key_images.places(reading, study, assessed)
        return reading_pdf(
            reading,
            prediction,
            study,
            images=key_images.key_images(study, assessed, places),
            findings=found,
            added_up=added_up,
            signature=_signature(),
        )

    def document() -> bytes:
        return components.as_json(
            reading_json(
                reading,
                prediction,
                study,
                findings=found,
                added_up=added_up,
                signature=_signature(),
            )
        )

    _warn_of_letters(reading.impression.comments, state.setting("reader", ""), *measured)
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


def _signature() -> Signature:
    """Who reads, as typed on this page, and when, in the browser's time zone."""
    try:
        zone: tzinfo = ZoneInfo(st.context.timezone or "UTC")
    except (ValueError, ZoneInfoNotFoundError):  # whatever a browser says
        zone = UTC
    opened, changed = (None if at is None else at.astimezone(zone) for at in state.times())
    return Signature(state.setting("reader", ""), opened, changed, datetime.now(zone))


def _warn_of_letters(*typed: str) -> None:
    """Say what the PDF cannot set, before anybody downloads it."""
    lacking = unprintable("".join(typed))
    if lacking:
        numbers = ", ".join(f"{each} (U+{ord(each):04X})" for each in lacking[:20])
        st.warning(
            f"No font of the PDF has {numbers}. The PDF prints the number in place of the "
            "character; JSON and text keep it."
        )
