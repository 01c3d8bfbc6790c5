"""Home's public cases: real, openly licensed studies, fetched on the reader's word."""

from time import monotonic

import streamlit as st

from asemble import io
from asemble.cases import Case, Table, load_table
from asemble.core.errors import AsembleError, CaseError, InputError
from asemble.fetch import CaseCache, Use, bucket_url, megabytes, stated_use
from asemble.fetch.bucket import LOOPBACK
from asemble.ui import fetch_jobs, intake, logs, page_layout, state

ABOUT = """
Real MRI of people with cancer, published in the Imaging Data Commons under open licences. **No
radiologist read them for asemble**: their findings are not stated, and nobody checked whether a
case shows the whole joints.
"""
POLL_S = 0.5


def use() -> Use:
    """What may be done: as the operator says, else fetching where only this machine is served.

    A server that others reach makes no connection on their word (decision 26).
    """
    stated = stated_use()
    if stated is not None:
        return stated
    names = {st.get_option("server.address"), *(st.get_option("server.allowedHosts") or [None])}
    return Use.ON if names <= LOOPBACK else Use.CACHED


def offer() -> None:
    """The cases by collection, each to be fetched, opened or removed."""
    try:
        may, table = use(), load_table()
    except AsembleError as error:
        page_layout.refuse(error)
        return
    kept = CaseCache()
    cases = [case for case in table.cases if may is Use.ON or kept.has(case)]
    if may is Use.OFF or not cases:
        return
    is_free = _show_fetch()
    noun = "public case" if len(cases) == 1 else "public cases"
    with st.expander(f"{len(cases)} {noun}", expanded=bool(state.case_asked())):
        st.markdown(ABOUT)
        if may is Use.ON:
            st.caption(
                f"Fetched only when you say so, from {bucket_url(table)}, into the cache of this "
                "machine. Without a network connection the rest of the app works as usual."
            )
        else:
            st.caption("The operator of this server chose and fetched them.")
        names = list(dict.fromkeys(_collection(case, table) for case in cases))
        chosen = st.selectbox("Collection", names, key="public_collection")
        shown = [case for case in cases if _collection(case, table) == chosen]
        for credit in table.credits(series for case in shown for series in case.series):
            st.caption(credit)
        for case in shown:
            _row(case, kept, may=may, is_free=is_free)
    for case in cases:  # below the list, where a question has room
        if intake.may_open(f"case:{case.id}"):
            _open(case, kept)


def _show_fetch() -> bool:
    """The fetch that goes on, or how the one that this session asked for ended.

    Returns:
        Whether another can begin.
    """
    going = fetch_jobs.last()
    if going is None:
        return True
    if not going.is_over:
        _show_going()
        return False
    if going.case_id == state.case_asked():
        if going.error is not None:
            page_layout.refuse(going.error)
        else:
            st.success(f"{going.case_id} is in the cache.")
    return True


def _row(case: Case, kept: CaseCache, *, may: Use, is_free: bool) -> None:
    """One case, with what can be done with it."""
    with st.container(border=True, horizontal=True, vertical_alignment="center", gap="small"):
        facts = [*case.licences, megabytes(case.bytes), f"to be seen: {case.seen}"]
        st.markdown(f"**{case.id}** · {case.what}  \n{' · '.join(facts)}")
        if not kept.has(case):
            st.button(
                "Fetch", key=f"fetch_{case.id}", disabled=not is_free, on_click=_fetch, args=(case,)
            )
            return
        if may is Use.ON:
            st.button(
                "Remove", key=f"remove_{case.id}", disabled=not is_free, on_click=_remove,
                args=(case, kept),
            )  # fmt: skip
        st.button(
            "Open", key=f"open_{case.id}", type="primary",
            on_click=state.ask_before_opening, args=(f"case:{case.id}",),
        )  # fmt: skip


@st.fragment(run_every=POLL_S)
def _show_going() -> None:
    going = fetch_jobs.last()
    if going is None or going.is_over:
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center"):
        done, total = megabytes(going.done), megabytes(going.total)
        share = going.done / going.total if going.total else 0.0
        st.progress(min(share, 1.0), f"Fetching {going.case_id}: {done} of {total}")
        st.button("Cancel", key="cancel_fetch", on_click=going.stop.set)


def _fetch(case: Case) -> None:
    if use() is Use.ON:
        state.ask_for_case(case.id)
        fetch_jobs.start(case)


def _remove(case: Case, kept: CaseCache) -> None:
    try:
        kept.empty([case])
    except CaseError as error:
        st.toast(error.message)


def _open(case: Case, kept: CaseCache) -> None:
    started = monotonic()
    try:
        with intake.opening(), st.spinner("Reading the case"):
            study = io.read_study(kept.require(case))
    except InputError as error:
        seconds = monotonic() - started
        logs.event("refused", error=type(error).__name__, code=error.code, seconds=seconds)
        page_layout.refuse(error)
        return
    logs.event(
        "read",
        files=sum(series.files for series in case.series),
        bytes=case.bytes,
        series=len(study.series),
        slices=sum(series.volume.shape[0] for series in study.series),
        left_out=len(study.refused),
        seconds=monotonic() - started,
    )
    state.open_study(study, f"Public case {case.id}")
    st.rerun()


def _collection(case: Case, table: Table) -> str:
    return table.sources[case.series[0].doi].name
