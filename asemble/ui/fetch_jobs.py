"""Background download of a public case: one at a time in a process, for all sessions."""

import threading
from dataclasses import dataclass, field
from time import monotonic

from asemble.cases import Case, load_table
from asemble.core.errors import AsembleError, CaseError
from asemble.fetch import Bucket, CaseCache, bucket_url, cancelled, fetch
from asemble.ui import logs

_lock = threading.Lock()
_last: "Fetch | None" = None


@dataclass(slots=True, eq=False)
class Fetch:
    """A case on its way.

    Args:
        case_id: of the case.
        done: bytes that are there.
        total: bytes that were asked for.
        error: why it ended without the case; None while it goes on, and if all went well.
        stop: set to end it.
        is_over: whether it has ended.
    """

    case_id: str
    done: int = 0
    total: int = 0
    error: AsembleError | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    is_over: bool = False

    def tell(self, done: int, total: int) -> None:
        """Progress of `asemble.fetch`."""
        self.done, self.total = done, total
        if self.stop.is_set():
            raise cancelled()


def last() -> Fetch | None:
    """The fetch that is going on, or the last one."""
    return _last


def start(case: Case) -> None:
    """Begin to fetch a case, unless another is on its way: that one goes on."""
    global _last  # noqa: PLW0603  the process has one cache and one line
    with _lock:
        if _last is not None and not _last.is_over:
            return
        _last = Fetch(case.id, total=case.bytes)
        threading.Thread(target=_run, args=(_last, case), name="asemble-fetch", daemon=True).start()


def _run(going: Fetch, case: Case) -> None:
    started = monotonic()
    try:
        table = load_table()
        with Bucket(bucket_url(table)) as bucket:
            wrong = fetch([case], table, bucket, CaseCache(), progress=going.tell)
        if wrong:
            raise wrong[0]
        logs.event("fetched", bytes=case.bytes, seconds=monotonic() - started)
    except AsembleError as error:
        going.error = error
        logs.event("not_fetched", code=error.code, seconds=monotonic() - started)
    except Exception as error:  # a page waits for the end of this thread
        going.error = CaseError(
            "The case could not be fetched: a fault of ours.",
            hint="Please report what the server's log says.",
            code="fault",
        )
        logs.fault(error)
    finally:
        going.is_over = True
