"""Opening a study: the three samples, the upload, and what was read of it."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from time import monotonic

import streamlit as st
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from asemble.core.errors import InputError, ReadingError
from asemble.core.labels import Pattern, Plane, Weighting
from asemble.core.study import Refusal, Series, Study, grouped_by_reason
from asemble.io import Part, Upload, read_uploads
from asemble.phantom import is_truth
from asemble.reading import from_document
from asemble.reading.change import NOT_CHECKED
from asemble.ui import cache, components, logs, page_layout, state, uploads
from asemble.ui.progress import Progress

NOT_STATED = "not stated"
TIMES = "\N{MULTIPLICATION SIGN}"
REFUSALS_SHOWN = 200
"""Reasons with figures in them may be as many as the files."""
ROWS_UNFOLDED = 5
"""A longer table is folded away at first."""

SERIES_UNFOLDED, SERIES_HEIGHT = 4, 380
"""More series than these scroll within so many pixels, so that what follows stays in view."""

WAITING = "The server reads and holds other studies. Yours is read when there is room for it"
TWO_DAYS = (
    "For a follow-up. An archive that holds both days needs no second one: the earlier day is the "
    "prior. Dates are dropped; the interval stays."
)
HIDE_ORDER = "Hide which one is earlier until both are scored"
HIDE_ORDER_HELP = "They are shown as A and B, in an order drawn by chance."
SHOWN_EVERY = 5
"""Files between two messages to the browser."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample case as it is offered; all of them are simulated."""

    kind: Pattern
    title: str
    about: str


SAMPLES = (
    Sample(Pattern.NORMAL, "Normal joints", "Symmetric marrow, smooth cortex, no oedema."),
    Sample(
        Pattern.INFLAMMATORY,
        "Inflammatory pattern",
        "Marrow oedema beside the joint, as in axial spondyloarthritis.",
    ),
    Sample(
        Pattern.MECHANICAL,
        "Mechanical pattern",
        "Oedema or sclerosis where load passes, as in strain and osteitis condensans.",
    ),
)


def offer_samples() -> None:
    """A card for each sample; its button opens the study."""
    for column, sample in zip(st.columns(len(SAMPLES)), SAMPLES, strict=True):
        with column, st.container(border=True, height="stretch", gap="xsmall"):
            st.html(page_layout.BADGE)
            st.markdown(f"**{sample.title}**")
            st.caption(sample.about)
            st.space("stretch")
            st.button(
                "Open", key=f"sample_{sample.kind}", width="stretch",
                on_click=state.ask_before_opening, args=(sample.kind,),
            )  # fmt: skip
    for sample in SAMPLES:  # below the cards, where a question has room
        if may_open(sample.kind):
            with (
                opening(),
                st.spinner("Simulating the MRI and reading it back (a few seconds, once)"),
            ):
                study = cache.sample(sample.kind)
            state.open_study(study, f"Simulated sample: {sample.title.lower()}", is_shared=True)
            st.rerun()


def offer_upload() -> None:
    """Files, a folder or archives; reads them when the reader asks."""
    kind = st.segmented_control(
        "What to upload", ["Files or archives", "A folder"], default="Files or archives",
        required=True, label_visibility="collapsed",
    )  # fmt: skip
    has_prior = st.toggle("With a prior examination", help=TWO_DAYS, key="with_prior")
    if has_prior:
        st.markdown("**Current**")
    uploaded = _zone("DICOM, NIfTI, PNG or JPEG, loose or in zip or tar archives", "upload", kind)
    earlier: Sequence[UploadedFile] = ()
    hides_order = False
    if has_prior:
        st.markdown("**Prior**")
        earlier = _zone("An earlier examination of the same patient", "prior", kind)
        hides_order = st.checkbox(HIDE_ORDER, help=HIDE_ORDER_HELP, key="hide_order")
    context = get_script_run_ctx()
    refused = "" if context is None else uploads.hear(context.session_id)
    if refused:
        st.error(refused)
    st.caption(
        "The study stays in this session's memory and is dropped with it. Names, dates and"
        " numbers of the patient are discarded while reading."
    )
    st.button(
        "Read the upload", type="primary", disabled=not uploaded,
        on_click=state.ask_before_opening, args=("upload",),
    )  # fmt: skip
    if uploaded and may_open("upload"):
        _read(uploaded, earlier, hides_order=hides_order)


def offer_addition(study: Study) -> None:
    """Add series to the open study, or a prior; nothing where it was not uploaded."""
    onto = state.upload()
    if onto is None:
        return
    with st.expander("Add to this study"):
        series, prior = "Series of this study", "A prior examination"
        kinds = [series, prior] if study.prior is None else [series]
        kind = st.segmented_control("What to add", kinds, default=series, required=True)
        uploaded = _zone("Files or archives of the same patient", "addition", kind)
        hides_order = False
        if kind == prior and state.reading().is_blank and not state.was_revealed():
            hides_order = st.checkbox(HIDE_ORDER, help=HIDE_ORDER_HELP, key="hide_order_later")
        st.button(
            "Add", disabled=not uploaded, on_click=state.ask_before_opening, args=("addition",)
        )
        if uploaded and state.asked_before_opening() == "addition":
            current, earlier = (uploaded, []) if kind == series else ([], uploaded)
            _read(current, earlier, onto=onto, hides_order=hides_order)


def may_open(what: str) -> bool:
    """Whether another study is to be opened now: at once, or when the reader has been asked.

    What the reader wants to open is kept until it is open or refused: a run of the page may be
    stopped for the next one in the middle of reading, and would forget that a button was pressed.

    Args:
        what: names the button.
    """
    if state.asked_before_opening() != what:
        return False
    if state.reading().is_blank:
        return True
    st.warning(
        "Opening another study discards your reading of this one. Save it first if you want to "
        "keep it."
    )
    if st.button("Discard it and open", key=f"drop:{what}"):
        return True
    st.button("Keep my reading", key=f"keep:{what}", on_click=state.ask_before_opening, args=("",))
    return False


@contextmanager
def opening() -> Iterator[None]:
    """What cannot be opened, refused or by a fault of ours, is not tried with every run again."""
    try:
        yield
    except Exception:
        state.ask_before_opening("")
        raise


def offer_reading() -> None:
    """Save the reading of the open study to a file, or open one."""
    if state.study() is not None:
        components.offer("save_reading", [components.saved_reading(state.reading())])
    if not state.setting("opens_reading", False):
        key = "opens_reading"
        st.toggle("Open a saved reading", key=key, on_change=state.keep_setting, args=(key,))
        return
    file = st.file_uploader(
        "Open a saved reading",
        type="json",
        key=f"reading_file:{state.revision()}",  # empty again once one is opened
        max_upload_size=1,  # MB, as `asemble.reading` allows
        help="A reading or a report in JSON that asemble saved. It opens on its own study only.",
    )
    if file is None:
        return
    try:
        said = from_document(file.getvalue())
        state.check_reading(said)
    except ReadingError as error:
        page_layout.refuse(error)
        return
    if not state.reading().is_blank and state.reading() != said:
        st.warning("Opening it replaces your reading of the open study.")
        if not st.button("Replace my reading"):
            return
    _drop([file])
    state.open_reading(said)
    st.rerun()


def report(study: Study) -> None:
    """What was read, with selectboxes to correct it, and what was left out and why."""
    count = len(study.all_series)
    with st.container(height=SERIES_HEIGHT if count > SERIES_UNFOLDED else "content", gap="xsmall"):
        for name, each in state.examinations():
            _examination(name, each, study)
    if study.prior is not None and not study.prior.is_checked:
        st.warning(NOT_CHECKED)
    refused = [each for each in study.refused if not _is_our_own(each, study)]
    if refused:
        left_out(refused)


def _examination(name: str, examination: Study, study: Study) -> None:
    said = f"{len(examination.series)} series read"
    st.markdown(f"**{name}: {said}**" if name else f"**{said}**")
    if name == state.PRIOR and study.prior is not None:
        st.caption(f"{study.prior.interval} before.".capitalize())
    for series in examination.series:
        with st.container(border=True, gap="xsmall"):
            _row(series, is_judged=name in ("", state.CURRENT))


def _is_our_own(refusal: Refusal, study: Study) -> bool:
    """Whether a file is the truth of a simulated study, which nobody misses among its images."""
    return study.synthetic and is_truth(refusal.name)


def left_out(refused: Sequence[Refusal]) -> None:
    """One row for each reason, since a whole series is mostly left out for one."""
    files = sum(refusal.files for refusal in refused)
    rows = grouped_by_reason(refused)
    noun = "file or image" if files == 1 else "files or images"
    with st.expander(f"{files} {noun} left out, and why", expanded=len(rows) <= ROWS_UNFOLDED):
        st.dataframe(
            {
                "File": [no_formula(row.label) for row in rows[:REFUSALS_SHOWN]],
                "How many": [row.files for row in rows[:REFUSALS_SHOWN]],
                "Why": [row.reason for row in rows[:REFUSALS_SHOWN]],
            },
            hide_index=True,
            row_height=30,
            column_config={"Why": st.column_config.TextColumn(width="large")},
        )
        if len(rows) > REFUSALS_SHOWN:
            st.caption(f"The first {REFUSALS_SHOWN} reasons are shown.")


def no_formula(name: str) -> str:
    """A name that no spreadsheet takes for a formula: the table can be downloaded as CSV.

    >>> no_formula("=1+1.dcm"), no_formula("a;@b"), no_formula("IM-0001.dcm")
    ("'=1+1.dcm", "a;'@b", 'IM-0001.dcm')
    """
    return _FORMULA.sub(r"\1'\2", name)


_FORMULA = re.compile(r"(^\s*|[;,\t\r\n|\"]\s*)([=+\-@])")
"""At the beginning of a cell, as whatever is taken for what ends one."""


def _zone(label: str, name: str, kind: str) -> list[UploadedFile]:
    """Where files are dropped; empty again once a study is open."""
    uploaded = st.file_uploader(
        label,
        accept_multiple_files="directory" if kind == "A folder" else True,
        key=f"{name}_{kind}:{state.studies_opened()}",
        help="For more than about a thousand files, upload an archive instead of a folder.",
    )
    return uploaded if isinstance(uploaded, list) else []


def _read(
    current: Sequence[UploadedFile],
    earlier: Sequence[UploadedFile],
    *,
    onto: Upload | None = None,
    hides_order: bool = False,
) -> None:
    files = [*current, *earlier]
    bar = Progress("Reading the upload")

    def progress(done: int, total: int) -> None:
        if done % SHOWN_EVERY == 0:
            # An archive does not say beforehand how many files come out of it.
            bar.show(done / total if total > done else 0.0, f"{done} files read")

    started = monotonic()
    try:
        with opening():
            upload = read_uploads(
                [_part(file) for file in current],
                [_part(file) for file in earlier],
                onto=onto,
                progress=progress,
                waiting=lambda: bar.show(0.0, WAITING),
            )
    except InputError as error:
        seconds = monotonic() - started
        logs.event("refused", error=type(error).__name__, code=error.code, seconds=seconds)
        bar.clear()
        page_layout.refuse(error)
        return
    study = upload.study
    logs.event(
        "read",
        files=len(files),
        bytes=sum(file.size for file in files),
        series=len(study.all_series),
        slices=sum(series.volume.shape[0] for series in study.all_series),
        left_out=len(study.refused),
        seconds=monotonic() - started,
    )
    if onto is None:
        state.open_study(study, "Uploaded study", upload=upload, hides_order=hides_order)
    else:
        state.add_to_study(upload, hides_order=hides_order)
    _drop(files)
    st.rerun()


def _drop(files: Sequence[UploadedFile]) -> None:
    """Let go of uploaded bytes, which hold all that the study was read without."""
    context = get_script_run_ctx()
    manager = None if context is None else context.uploaded_file_mgr
    if context is not None and isinstance(manager, MemoryUploadedFileManager):
        for file in files:
            manager.remove_file(context.session_id, file.file_id)


def _part(file: UploadedFile) -> Part:
    return Part(file.name, lambda: BytesIO(file.getvalue()))


def _row(series: Series, *, is_judged: bool) -> None:
    slices, rows, columns = series.volume.shape
    spacing = series.volume.spacing_mm
    size = f"{slices} slices of {rows} {TIMES} {columns}"
    if spacing is None:
        size += ", spacing unknown"
    else:
        between, row_mm, column_mm = spacing
        size += f", {row_mm:.2f} {TIMES} {column_mm:.2f} mm, {between:.1f} mm apart"
    words, plane_box, weighting_box = st.columns([4, 1, 1.3], vertical_alignment="center")
    with words:
        st.markdown(f"**{_plain(series.description) or 'No description'}**: {size}")
    series_id = series.id  # what a widget keeps must not hold the series
    planes: list[Plane | None] = [None, *Plane] if series.plane is None else list(Plane)
    plane_key = f"plane:{state.study_key()}:{series.id}"
    plane_box.selectbox(
        "Plane",
        planes,
        format_func=lambda p: p.heading if p else NOT_STATED,
        key=state.shown(plane_key, series.plane),
        on_change=lambda: state.correct_plane(series_id, st.session_state[plane_key]),
        label_visibility="collapsed",
    )
    weightings: list[Weighting] = list(Weighting)
    weighting_key = f"weighting:{state.study_key()}:{series.id}"
    weighting_box.selectbox(
        "Weighting",
        weightings,
        format_func=lambda w: w.heading.split(" (")[0],
        key=state.shown(weighting_key, series.weighting),
        on_change=lambda: state.correct_weighting(series_id, st.session_state[weighting_key]),
        label_visibility="collapsed",
    )
    why_not = is_judged and cache.why_not_judged(
        state.study_key(), series.plane, series.weighting, series
    )
    for note in series.notes:
        st.caption(_plain(note))
    if why_not:
        tell = st.warning if series.plane is None else st.caption  # the reader can answer that one
        tell(_plain(f"Not judged by the models: {why_not}"))


def _plain(text: str) -> str:
    """Text from a file, with what Markdown would act on escaped."""
    return "".join(f"\\{c}" if c in r"\`*_{}[]()#+-.!|<>$~:" else c for c in text)
