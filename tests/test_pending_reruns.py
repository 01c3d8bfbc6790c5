"""What was done just before leaving a page, while the server was busy, is not lost."""

import time
from types import SimpleNamespace

import pytest
from streamlit.components.v2.bidi_component.main import _make_trigger_id
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from streamlit.runtime.scriptrunner_utils.script_requests import (
    RerunData,
    ScriptRequests,
    ScriptRequestType,
)
from streamlit_client import StreamlitClient

from asemble.ui import pending_reruns
from asemble.ui.message_cache import KEPT_RUNS, RUNS_UNDER_WAY, Sent
from asemble.ui.pending_reruns import folded


def states(*widgets: WidgetState) -> WidgetStates:
    return WidgetStates(widgets=widgets)


def test_an_answer_that_a_page_change_overtakes_is_kept_and_a_newer_one_wins() -> None:
    answer = WidgetState(id="answer", string_value="yes")
    other = WidgetState(id="other", string_value="no")
    both = folded(states(answer, other), states(WidgetState(id="other", string_value="yes")))
    assert both is not None
    assert {each.id: each.string_value for each in both.widgets} == {
        "answer": "yes",
        "other": "yes",
    }
    assert folded(states(answer), None) == states(answer)
    assert folded(None, None) is None


def test_a_trigger_that_is_overtaken_keeps_the_component_that_it_belongs_to() -> None:
    trigger = _make_trigger_id("viewer", "events")
    mark = WidgetState(id=trigger, json_trigger_value='[{"event": "said"}]')
    both = folded(states(mark), states())
    assert both is not None
    assert {each.id for each in both.widgets} == {"viewer", trigger}
    button = WidgetState(id="button", trigger_value=True)
    assert folded(states(button), states()) == states(button)


def test_what_waits_for_a_script_that_is_stopped_goes_with_the_request_that_stops_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[ClientState] = []
    monkeypatch.setattr(
        pending_reruns, "_request_rerun", lambda _session, state: asked.append(state)
    )
    requests = ScriptRequests()
    requests.request_rerun(RerunData())
    requests.on_scriptrunner_ready()  # a script runs
    slice_ = WidgetState(id="viewer", json_value='{"slice": 3}')
    requests.request_rerun(RerunData(widget_states=states(slice_), fragment_id="read"))
    session = SimpleNamespace(_scriptrunner=SimpleNamespace(_requests=requests))
    pending_reruns.request_with_what_waits(session, ClientState(page_script_hash="assess"))
    assert list(asked[0].widget_states.widgets) == [slice_]
    assert requests.on_scriptrunner_ready().type is ScriptRequestType.STOP  # and is not run twice
    again = ClientState(page_script_hash="report")
    pending_reruns.request_with_what_waits(session, again)
    assert not asked[1].widget_states.widgets


def test_a_request_of_more_than_a_page_has_to_say_is_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[ClientState] = []
    monkeypatch.setattr(
        pending_reruns, "_request_rerun", lambda _session, state: asked.append(state)
    )
    session = SimpleNamespace(_scriptrunner=None)
    many = [
        WidgetState(id=str(i), trigger_value=True) for i in range(pending_reruns.MOST_WIDGETS + 1)
    ]
    pending_reruns.request_with_what_waits(session, ClientState(widget_states=states(*many)))
    pending_reruns.request_with_what_waits(
        session, ClientState(page_name="a" * pending_reruns.MOST_BYTES)
    )
    assert not asked
    monkeypatch.setattr(pending_reruns, "only_surely_kept", lambda *_: None)
    pending_reruns.request_with_what_waits(session, ClientState(widget_states=states(*many[:-1])))
    assert len(asked) == 1


def test_the_browser_is_referred_only_to_what_it_surely_keeps() -> None:
    sent, ended = Sent(), ForwardMsg(script_finished=ForwardMsg.FINISHED_SUCCESSFULLY)
    sent.note([ForwardMsg(hash="slices")])
    for _ in range(KEPT_RUNS - RUNS_UNDER_WAY):
        assert sent.surely_kept(["slices"]) == ["slices"]
        sent.note([ended])
    assert sent.surely_kept(["slices"]) == ["slices"]
    sent.note([ended])
    assert sent.surely_kept(["slices"]) == []
    sent.note([ForwardMsg(ref_hash="slices")])
    assert sent.surely_kept(["slices", "of another server"]) == ["slices"]


def test_a_study_that_is_being_opened_opens_though_its_run_is_stopped_for_the_next(
    address: str,
) -> None:
    with StreamlitClient(address) as client:
        client.wait()
        client.press("Open")
        for _ in range(5):  # as when the page says something by itself
            time.sleep(0.3)
            client.rerun()
        client.wait()
        assert any(each.label == "Read the slices" for each in client.elements("button"))
