"""What a reader did just before leaving a page reaches the reading.

A request that Streamlit has not begun to run is folded into the next one, and of the earlier it
keeps triggers alone: a browser that asks for another page sends no widget of the last one, so that
an answer given while the server was busy would be lost, and a trigger without the component that
it belongs to.
"""

from streamlit.components.v2.bidi_component.main import _make_trigger_id
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from streamlit.runtime.scriptrunner_utils import script_requests

_BEFORE, _AFTER = _make_trigger_id("\n", "events").split("\n")
"""Around the id of a component stand for its triggers."""

_fold = script_requests._coalesce_widget_states


def keep_what_is_overtaken() -> None:
    """Make this process fold requests without losing anything of the earlier one."""
    script_requests._coalesce_widget_states = folded  # type: ignore[assignment]


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
