"""The memory budget that all studies of one process share: who comes too late waits.

A server gives so many bytes to studies (`bound`); a command line, with one study, has no bound.
Reading or assessing a study reserves bytes before it allocates them, and what is kept of the study
keeps its reservation for as long as it lives.
"""

import os
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from asemble.core.errors import InputError

WAIT_SECONDS = 60.0
"""Wall clock that a reservation waits for its bytes."""
NO_ROOM = "no-room"
NO_MEMORY = "no-memory"
"""Codes of the two refusals."""

MIB = 1024**2


class Reservation:
    """Bytes of the budget; leaving its `with` gives back what nothing keeps."""

    def __init__(
        self, budget: "MemoryBudget", size: int, on_wait: Callable[[], None] | None
    ) -> None:
        self._budget, self._on_wait = budget, on_wait
        self.size = size

    def __enter__(self) -> "Reservation":
        return self

    def __exit__(self, *_: object) -> None:
        self._budget._give_back(self.size)
        self.size = 0

    def grow(self, size: int, most: int) -> None:
        """Reserve `size` bytes in all, by doubling, but never more than `most`.

        Raises:
            InputError: they are not free.
        """
        if size <= self.size:
            return
        wanted = min(max(size, 2 * self.size), max(size, most))
        self._budget._take(wanted - self.size, self._on_wait, is_holding=True)
        self.size = wanted

    def keep(self, sizes: Iterable[tuple[int, Any]]) -> None:
        """Give back all but what some objects keep, each for as long as it lives."""
        kept = 0
        for size, by in sizes:
            weakref.finalize(by, self._budget._give_back, size).atexit = False
            kept += size
        self._budget._give_back(self.size - kept)
        self.size = 0


class MemoryBudget:
    """So many bytes, for whoever they suffice for.

    Who waits for much holds up nobody who needs less: else one study that is too large for what is
    left, asked for again and again, would keep all others out.

    Args:
        total: bytes; None for no bound.
        wait_s: so long somebody waits.

    >>> budget = MemoryBudget(100)
    >>> with budget.reserve(60) as reservation:
    ...     budget.used
    60
    >>> budget.used
    0
    """

    def __init__(self, total: int | None, *, wait_s: float = WAIT_SECONDS) -> None:
        self.total, self.used = total, 0
        self._wait_s = wait_s
        # A study may be collected, and give back its bytes, in a thread that is just reserving.
        self._changed = threading.Condition(threading.RLock())
        self._line: list[int] = []
        self._holders_waiting = 0

    @property
    def lacking(self) -> int:
        """How many bytes more the least of those who wait needs; 0 where nobody waits."""
        with self._changed:
            return max(0, min(self._line) - (self.total or 0) + self.used) if self._line else 0

    def reserve(self, size: int, on_wait: Callable[[], None] | None = None) -> Reservation:
        """Reserve `size` bytes.

        Args:
            size: bytes.
            on_wait: called once before it has to wait.

        Raises:
            InputError: they are not free, nor after waiting.
        """
        self._take(size, on_wait, is_holding=False)
        return Reservation(self, size, on_wait)

    def _take(self, size: int, on_wait: Callable[[], None] | None, *, is_holding: bool) -> None:
        with self._changed:
            if self._fits(size):
                self.used += size
                return
            if self.total is not None and size > self.total:
                raise InputError(
                    f"This needs {size // MIB:,} MiB of memory, more than this server gives to "
                    f"all studies together ({self.total // MIB:,} MiB).",
                    hint="Upload only the sacroiliac MRI series.",
                    code=NO_ROOM,
                )
            if is_holding and self._holders_waiting:
                raise _full()  # two that wait for what the other holds would wait for ever
        if on_wait is not None:
            on_wait()
        self._wait(size, is_holding=is_holding)

    def _wait(self, size: int, *, is_holding: bool) -> None:
        until = time.monotonic() + self._wait_s
        with self._changed:
            if is_holding and self._holders_waiting and not self._fits(size):
                raise _full()
            self._line.append(size)
            self._holders_waiting += is_holding
            try:
                while not self._fits(size):
                    left = until - time.monotonic()
                    if left <= 0:
                        raise _full()
                    self._changed.wait(left)
                self.used += size
            finally:
                self._line.remove(size)
                self._holders_waiting -= is_holding

    def _fits(self, size: int) -> bool:
        return self.total is None or self.used + size <= self.total

    def _give_back(self, size: int) -> None:
        with self._changed:
            self.used -= size
            self._changed.notify_all()


def _full() -> InputError:
    return InputError(
        "The server holds as many studies as its memory has room for.",
        hint="Try again in a few minutes.",
        code=NO_ROOM,
    )


_shared = MemoryBudget(None)


def shared() -> MemoryBudget:
    """The budget of this process."""
    return _shared


def bound(total: int | None) -> None:
    """Give so many bytes to all studies of this process."""
    _shared.total = total


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that the system gave no memory; torch has none of its own for it.

    >>> is_out_of_memory(MemoryError()), is_out_of_memory(RuntimeError("can't allocate memory"))
    (True, True)
    """
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and "allocate memory" in str(error)
    )


def out_of_memory() -> InputError:
    """The refusal for it."""
    return InputError(
        "There was not enough memory for this study, so it was given up; others are not touched.",
        hint="Try again later, or upload only the sacroiliac MRI series.",
        code=NO_MEMORY,
    )


def machine_bytes() -> int | None:
    """Memory that this process may have: of its container, else of the machine; None if unknown."""
    stated = [_total_of_machine(), *(_number(path) for path in _group_files())]
    known = [size for size in stated if size is not None]
    return min(known, default=None)


def _total_of_machine() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # not on Windows
        return None


def _group_files() -> list[Path]:
    """Where control groups (v2 and v1) state limits: of this process's own, and of those above."""
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    files: list[Path] = []
    for line in lines:
        _, kinds, group = line.split(":", 2)
        if kinds not in ("", "memory"):
            continue
        root = Path("/sys/fs/cgroup", kinds)
        name = "memory.max" if not kinds else "memory.limit_in_bytes"
        own = Path(group.lstrip("/"))
        files += [root / each / name for each in (own, *own.parents)]
    return files


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):  # not there, or "max"
        return None
