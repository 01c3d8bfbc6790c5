"""Streamlit's message cache: a message is reused only while the browser surely has it.

Streamlit's browser keeps large messages (slices of a series) for some runs of the page and names
them in each request; the server then sends a reference instead. Between the request and the
reference a run that was under way may end, which makes the browser throw the message away, and a
reference to what is not there ends the connection for good: the page stays half empty. So here the
server counts, as the browser does, how many runs have ended since each message was last sent, and
sends what is close to its end once more.
"""

from streamlit import config
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.app_session import AppSession

KEPT_RUNS = 6
"""A message that was not used for more than so many runs is thrown away."""
RUNS_UNDER_WAY = 3
"""How many runs may end between a request and the messages of its own run, and to spare."""

_SENT = "_asemble_sent"
_flush = AppSession.flush_browser_queue


class Sent:
    """What one session's browser was sent: how many runs ended, and each message's last use.

    >>> sent = Sent()
    >>> sent.note([ForwardMsg(hash="slices"), ForwardMsg(script_finished=0)])
    >>> sent.surely_kept(["slices", "another"])
    ['slices']
    >>> sent.note([ForwardMsg(script_finished=0)] * KEPT_RUNS)
    >>> sent.surely_kept(["slices"])
    []
    """

    def __init__(self) -> None:
        self._ended = 0
        self._used: dict[str, int] = {}

    def note(self, messages: list[ForwardMsg]) -> None:
        """Count what goes to the browser, in its order."""
        for message in messages:
            kind = message.WhichOneof("type")
            if kind == "script_finished":
                self._ended += 1
            elif kind == "ref_hash":
                self._used[message.ref_hash] = self._ended
            elif message.hash:
                self._used[message.hash] = self._ended
        oldest = self._ended - KEPT_RUNS
        self._used = {hash_: used for hash_, used in self._used.items() if used >= oldest}

    def surely_kept(self, named: list[str]) -> list[str]:
        """Those of the named messages that the browser still has when they are referred to."""
        oldest = self._ended + RUNS_UNDER_WAY - KEPT_RUNS
        return [hash_ for hash_ in named if self._used.get(hash_, oldest - 1) >= oldest]


def refer_to_what_is_there() -> None:
    """Make this process count for every session."""
    config.set_option("global.maxCachedMessageAge", KEPT_RUNS)
    AppSession.flush_browser_queue = _flush_and_count  # type: ignore[method-assign, assignment]


def only_surely_kept(session: AppSession, asked: ClientState) -> None:
    """Take from a request what the browser may have thrown away by then."""
    kept = _of(session).surely_kept(list(asked.cached_message_hashes))
    asked.cached_message_hashes[:] = kept


def _flush_and_count(session: AppSession) -> list[ForwardMsg]:
    messages = _flush(session)
    _of(session).note(messages)
    return messages


def _of(session: AppSession) -> Sent:
    sent: Sent = session.__dict__.setdefault(_SENT, Sent())
    return sent
