"""Recovery: a reading outlives a reload, a lost connection and, in the tab's storage, the server.

`recovery.js` keeps a token and the reading in the `sessionStorage` of its tab and claims the study
with it when a session of Streamlit is new. While the server cannot be reached it covers the page
and says so; it shows the page again when the server has a session of this tab that is connected.
Closing the study makes it forget everything.

Whatever the tab says runs a part of the page of its own, which waits for the run that is under way:
a run that a reader asked for is never stopped for it.
"""

import streamlit as st

from asemble.reading import short_hash
from asemble.ui import components, modules, server, sessions, state

_HEARD = "asemble_heard"
_KEY = "recovery"
_PER_MINUTE = 60

_mount = st.components.v2.component(
    "asemble.recovery", html="<span></span>", js=components.script("recovery.js")
)
_note = st.components.v2.component(
    "asemble.note", html="<span></span>", js=components.script("note.js")
)


def kept_minutes() -> float:
    """How long a study is kept after its connection is lost."""
    seconds = float(st.get_option("server.disconnectedSessionTTL"))
    return seconds / _PER_MINUTE


def mount() -> None:
    """Put it on the page; once a page, before anything else of it."""
    st.session_state.pop(_HEARD, None)  # this run shows what came of it
    _listen()


@st.fragment
def _listen() -> None:
    with st.container(key="couriers:recovery", gap=None):
        _mount(
            key=_KEY,
            data={
                **state.for_the_tab(),
                "alive": server.alive_path(),
                "viewer": modules.address(modules.ENTRY),
                "lost": (
                    "Your answers are kept. This page reconnects by itself. After more than "
                    f"{_minutes()} you have to open the study again; this tab then restores your "
                    "reading."
                ),
            },
            on_said_change=_hear,
        )
    if st.session_state.pop(_HEARD, False):
        st.rerun()


def note(part: str) -> None:
    """Tell the tab what the reading is, at the end of a part of the page that runs by itself."""
    with st.container(key=f"couriers:note:{part}", gap=None):
        _note(key=f"note:{part}", data=state.reading_for_the_tab())


def show_what_is_left() -> None:
    """Say what became of a study that this tab had open, and offer what is left of it."""
    if state.was_restored():
        said, button = st.columns([5, 1], vertical_alignment="center")
        said.success(
            "Your reading of this study was restored. Check it: the last few seconds before an "
            "interruption may be missing."
        )
        button.button("OK", on_click=state.acknowledge)
    left = state.left()
    if left is None:
        return
    with st.container(border=True, key="left"):
        st.markdown(f"**{_WHY[left.why]}**".format(minutes=_minutes(), idle=_idle()))
        if left.why is state.Why.COPIED:
            st.button("Continue here instead", on_click=state.take_over)
            return
        if left.reading is None:
            st.button("Understood", on_click=state.forget_left)
            return
        kept = left.reading
        st.markdown(
            f"Your reading of study {kept.study}: {kept.so_far}; "
            f"{kept.checklist.answered} items answered, {sum(map(len, kept.marks.values()))} "
            f"lesions marked (reading {short_hash(kept)}). **Open the same study again to "
            "restore it.**"
        )
        with st.container(horizontal=True):
            components.offer("left_file", [components.saved_reading(kept)])
            st.button("Forget it", on_click=state.forget_left)


_WHY = {
    state.Why.EXPIRED: "The session has ended: a study is kept for {minutes} after the connection "
    "is lost{idle}.",
    state.Why.RESTARTED: "The session has ended: the server was started again.",
    state.Why.MOVED: "This study was continued in another tab of this browser.",
    state.Why.COPIED: "This study is open in another tab of this browser.",
    state.Why.OTHERS: "Another user was signed in here; what was open then is theirs.",
    state.Why.SAVED: "A saved reading was opened; its study is not open yet.",
}


def _idle() -> str:
    if not sessions.IDLE_S:
        return ""
    return f", and for {_in_words(sessions.IDLE_S / _PER_MINUTE)} while nobody does anything"


def _minutes() -> str:
    return _in_words(kept_minutes())


def _in_words(minutes: float) -> str:
    if minutes < 1:
        return f"{minutes * _PER_MINUTE:.0f} seconds"
    return f"{minutes:.0f} minute{'' if minutes == 1 else 's'}"


def _hear() -> None:
    said = st.session_state[_KEY]["said"] or {}
    st.session_state[_HEARD] = True
    if said.get("is_copy"):
        state.was_copied()
    if said.get("is_closed"):
        state.copy_was_closed()
    claim = said.get("claim")
    if isinstance(claim, dict):
        state.claim(*(_text(claim.get(name)) for name in ("token", "process", "reading", "user")))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
