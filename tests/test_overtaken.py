"""What was done just before leaving a page, while the server was busy, is not lost."""

from streamlit.components.v2.bidi_component.main import _make_trigger_id
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates

from asemble.ui.overtaken import folded


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
