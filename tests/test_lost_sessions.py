"""Which of the sessions whose connection was lost are kept, and for how long."""

from types import SimpleNamespace
from typing import Any

import pytest
from clock import Clock
from streamlit.runtime.session_manager import SessionInfo

from asemble.io.limits import KEPT_BYTES_A_VOXEL
from asemble.ui import owners
from asemble.ui.sessions import FLOAT_BYTES, HOARD_BYTES, KEPT_MIB, UNREAD_S, LostSessions

TTL_S = 900.0


@pytest.fixture
def lost(clock: Clock) -> LostSessions:
    return LostSessions(
        TTL_S,
        lambda session: session.size,  # type: ignore[attr-defined]
        lambda session: session.came_at,  # type: ignore[attr-defined]
        clock,
    )


def session(id_: str, size: int, of: str, came_at: float = 0) -> SessionInfo:
    """As Streamlit hands it over, with what is asked of it here."""
    user: Any = {owners.BROWSER: of}
    held: Any = SimpleNamespace(id=id_, size=size, _user_info=user, came_at=came_at)
    return SessionInfo(client=None, session=held)


def test_a_session_is_kept_for_its_time_and_then_taken_out(
    lost: LostSessions, clock: Clock
) -> None:
    lost.save(session("a", 1, "x"))
    clock.now = UNREAD_S + 1
    lost.save(session("b", 1, "x"))
    assert lost.unread_ids() == ["a"]
    clock.now = TTL_S + 1
    assert lost.get("a") is None
    assert lost.get("b") is not None
    assert [each.id for each in lost.take_over(10)] == ["a"]
    assert [info.session.id for info in lost.list()] == ["b"]
    lost.delete("b")
    lost.delete("b")
    assert lost.list() == []


def test_who_holds_most_gives_first_and_of_that_what_was_lost_the_longest(
    lost: LostSessions,
) -> None:
    lost.save(session("small", 30, "reader"))
    for name in ("first", "second", "third"):
        lost.save(session(name, 40, "hoarder"))
    assert [each.id for each in lost.take_over(120)] == ["first"]
    assert [each.id for each in lost.take_over(75)] == ["second"]


def test_those_without_a_cookie_are_one_owner_who_gives_first(lost: LostSessions) -> None:
    for number in range(9):
        lost.save(session(f"stranger {number}", 10, owners.browser({})))
    lost.save(session("reader", 200, "reader"))
    gone = [each.id for each in lost.take_over(220)]
    assert gone == [f"stranger {number}" for number in range(7)]
    assert [each.id for each in lost.take_over(150)][-1] == "reader"  # more than all may have


def test_many_under_names_of_their_own_push_out_nobody_who_came_before(
    lost: LostSessions,
) -> None:
    for number in range(20):
        lost.save(session(f"late {number}", 100, f"made up {number}", came_at=10 + number))
    lost.save(session("reader", 300, "reader", came_at=1))
    gone = [each.id for each in lost.take_over(1000)]
    assert gone == [f"late {number}" for number in reversed(range(7, 20))]


def test_who_hoards_gives_before_whoever_came_later(lost: LostSessions) -> None:
    for name in ("first", "second", "third"):
        lost.save(session(name, HOARD_BYTES // 2, "hoarder", came_at=1))
    lost.save(session("reader", HOARD_BYTES, "reader", came_at=100))
    assert [each.id for each in lost.take_over(2 * HOARD_BYTES)] == ["first"]
    assert [each.id for each in lost.take_over(2 * HOARD_BYTES - 1)] == ["reader"]  # who came last


def test_sessions_beyond_the_number_go_by_what_they_hold(lost: LostSessions) -> None:
    lost.save(session("study", 100, "reader"))
    for number in range(20):
        lost.save(session(f"empty {number}", 0, f"stranger {number}"))
    gone = [each.id for each in lost.take_over(1000, most=5)]
    assert gone == [f"empty {number}" for number in reversed(range(4, 20))]  # the latest first
    assert lost.get("study") is not None


def test_who_lacks_room_gets_what_suffices_and_flushes_nobody_in_vain(lost: LostSessions) -> None:
    lost.save(session("a", 40, "x"))
    lost.save(session("b", 60, "y"))
    assert lost.most_bytes(0) == KEPT_MIB * 2**20
    lacking = 10 * KEPT_BYTES_A_VOXEL
    assert lost.most_bytes(lacking) == 100 - 10 * FLOAT_BYTES
    assert [each.id for each in lost.take_over(lost.most_bytes(lacking))] == ["b"]
    assert lost.most_bytes(11 * KEPT_BYTES_A_VOXEL) == KEPT_MIB * 2**20  # more than all of it
