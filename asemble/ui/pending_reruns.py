"""Reruns that wait: what a reader did just before leaving a page reaches the reading.

A request that Streamlit has not begun to run is folded into the next one, and of the earlier it
keeps triggers alone: a browser that asks for another page sends no widget of the last one, so that
an answer given while the server was busy would be lost, and a trigger without the component that
it belongs to. Where the next request is for a whole page while a script runs, Streamlit stops that
script and drops what waits for it altogether: a mark or a slice, which ask for a part of a page.

A request that no page of ours would make is dropped: of two megabytes of widgets Streamlit keeps
fifty.
"""

from streamlit.components.v2.bidi_component.main import _make_trigger_id
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.scriptrunner import ScriptRunner
from streamlit.runtime.scriptrunner_utils import script_requests
from streamlit.runtime.scriptrunner_utils.script_requests import ScriptRequestType

from asemble.ui import logs
from asemble.ui.message_cache import only_surely_kept, refer_to_what_is_there

_BEFORE, _AFTER = _make_trigger_id("\n", "events").split("\n")
"""Around the id of a component stand for its triggers."""

MOST_WIDGETS = 1000
"""Of one request; the largest page has some hundred."""
MOST_BYTES = 128 * 1024
"""Of one request, beside its widgets; most are the hashes of messages that the browser keeps."""

_fold = script_requests._coalesce_widget_states
_request_rerun = AppSession.request_rerun


def keep_what_is_overtaken() -> None:
    """Make this process fold requests without losing anything of the earlier one."""
    script_requests._coalesce_widget_states = folded  # type: ignore[assignment]
    AppSession.request_rerun = request_with_what_waits  # type: ignore[method-assign, assignment]
    refer_to_what_is_there()


def request_with_what_waits(session: AppSession, asked: ClientState | None) -> None:
    """Ask for a run as before, and for what waits for the script that will be stopped for it."""
    runner = session._scriptrunner
    if asked is not None and is_too_much(asked):
        logs.event("message_refused")
        return
    if asked is not None:
        only_surely_kept(session, asked)
    if asked is not None and runner is not None and not asked.fragment_id:
        both = folded(_taken_from(runner), asked.widget_states)
        if both is not None:
            asked.widget_states.CopyFrom(both)
    _request_rerun(session, asked)


def is_too_much(asked: ClientState) -> bool:
    """Whether a request holds more than a page of ours has to say.

    >>> [is_too_much(ClientState(query_string="a" * size)) for size in (1, 10**6)]
    [False, True]
    """
    widgets = asked.widget_states
    return len(widgets.widgets) > MOST_WIDGETS or asked.ByteSize() - widgets.ByteSize() > MOST_BYTES


def _taken_from(runner: ScriptRunner) -> WidgetStates | None:
    """The widgets of a request that the script has not begun with; it will not begin any more."""
    requests = runner._requests
    with requests._lock:
        if requests._state is not ScriptRequestType.RERUN:
            return None
        requests._state = ScriptRequestType.STOP
        return requests._rerun_data.widget_states


def folded(old: WidgetStates | None, new: WidgetStates | None) -> WidgetStates | None:
    """Both requests as one: what the later one does not speak of stays as the earlier said."""
    both = _fold(old, new)
    if old is None or both is None:
        return both
    known = {state.id for state in both.widgets}
    both.widgets.extend(state for state in old.widgets if state.id not in known)
    known = {state.id for state in both.widgets}
    components = {
        id_.removeprefix(_BEFORE).removesuffix(_AFTER)
        for id_ in known
        if id_.startswith(_BEFORE) and id_.endswith(_AFTER)
    }
    both.widgets.extend(
        WidgetState(id=component, json_value="{}") for component in sorted(components - known)
    )
    return both
