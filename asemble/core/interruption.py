"""Long work ends in its middle when nobody waits for it any more.

Between two slices it calls `checkpoint`. Whoever works for somebody says what happens there in its
thread: an exception ends the work. By itself nothing happens.
"""

import threading
from collections.abc import Callable

_local = threading.local()


def check_with(ask: Callable[[], object]) -> None:
    """Have `ask` called at every checkpoint of this thread from now on."""
    _local.ask = ask


def checkpoint() -> None:
    """A place at which work may end.

    >>> checkpoint()
    """
    ask: Callable[[], object] | None = getattr(_local, "ask", None)
    if ask is not None:
        ask()
