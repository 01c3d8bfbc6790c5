"""Finding a study again after a reload: by a token that only one browser tab holds.

The token is drawn by chance, lives in the tab's `sessionStorage` and travels over the page's own
socket, never in an address, a header, a cookie or a log. The server knows only its digest. Whoever
claims gets a new token: of two tabs with one token the last to claim has the study, and the other
is told so. The token that was claimed with is good once more, for a tab that was reloaded again
before it got the new one.

Nothing is held here: what a token leads to lives as long as the session of Streamlit that it was
opened in (`server.disconnectedSessionTTL` after its connection is lost).
"""

import hashlib
import secrets
import threading
from weakref import WeakValueDictionary

PROCESS = secrets.token_hex(8)
"""Tells this process from one that was started after it."""

TOKEN_BYTES = 32

_held: WeakValueDictionary[str, object] = WeakValueDictionary()
_lock = threading.Lock()


def issue(holder: object) -> str:
    """A new token for what a session holds; it can be weakly referenced.

    >>> class Session: pass
    >>> session = Session()
    >>> find(issue(session)) is session
    True
    >>> find("a guess") is None
    True
    """
    token = secrets.token_urlsafe(TOKEN_BYTES)
    with _lock:
        _held[_digest(token)] = holder
    return token


def find(token: str) -> object | None:
    """What a token leads to; None where it is gone or the token is none of ours."""
    with _lock:
        return _held.get(_digest(token))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
