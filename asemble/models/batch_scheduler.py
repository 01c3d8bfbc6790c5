"""The batch scheduler: one thread runs the networks for all sessions.

A batch holds slices of all that wait for the same networks, as many of each, so that a long study
does not keep a short one waiting; whoever was served goes to the back. Each one's slices stay in
their order.

Every batch has the same shape and is filled up with empty slices. With one shape the networks give
a slice the same numbers to the last bit, alone or in any company; with several shapes they differ
in the seventh digit, because other kernels are chosen.

Whoever asks the same of the same slices while they run hears the answers as they come, from the
first: a class that opens one sample costs one pass. With the last slice the pass is forgotten;
nothing is kept for who asks later.
"""

import hashlib
import threading
from collections import deque
from collections.abc import Callable, Generator, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from asemble.core.interruption import checkpoint
from asemble.core.volume import Floats

Arrays = tuple[npt.NDArray[Any], ...]
"""What is found of some slices, each array `(slice, ...)`."""
Run = Callable[[Floats], Mapping[str, Arrays]]
"""From slices `(n, row, column)` to what each member finds, by its name."""
Pieces = Generator[Mapping[str, Arrays], None, None]
"""What each member finds, by its name, of some slices after the other."""


def _digest(images: Floats) -> bytes:
    digest = hashlib.sha256(repr(images.shape).encode())
    digest.update(np.ascontiguousarray(images).data)
    return digest.digest()


LOOK_S = 0.5
"""How often who waits for an answer looks whether anybody waits for theirs."""
POLL_S = 0.1
"""How often an idle thread looks whether the process is ending."""
IDLE_POLLS = 50
"""After so many it ends, and the next slices start another: an ensemble out of use holds none."""


@dataclass(slots=True, eq=False)
class _Job:
    """The slices of one caller, and of all who ask the same of equal ones meanwhile."""

    key: Hashable
    run: Run
    images: Floats
    question: Hashable
    listeners: int = 0
    taken: int = 0
    found: list[Mapping[str, Arrays]] = field(default_factory=list)
    error: BaseException | None = None
    given_up: bool = False

    @property
    def left(self) -> int:
        return len(self.images) - self.taken


_Share = tuple[_Job, int, int]
"""Slices of a job, from the first to before the last, that go into one batch."""


class BatchScheduler:
    """Takes slices from many threads and runs them in batches of one shape, in fair turns.

    Args:
        batch: slices in one batch.

    >>> scheduler, ones = BatchScheduler(4), np.ones((6, 1, 1), np.float32)
    >>> doubled = scheduler.results("twice", lambda images: {"a": (2 * images,)}, ones)
    >>> [len(found["a"][0]) for found in doubled]
    [4, 2]
    """

    def __init__(self, batch: int) -> None:
        self._batch = batch
        self._waiting: deque[_Job] = deque()
        self._passes: dict[Hashable, _Job] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    @property
    def listeners(self) -> int:
        """Callers whose slices wait or run."""
        with self._changed:
            return sum(job.listeners for job in self._passes.values())

    def results(self, key: Hashable, run: Run, images: Floats) -> Pieces:
        """What `run` finds of `images`, piece after piece, in their order.

        Closing the generator gives up the rest: slices that did not run yet never will.

        Args:
            key: callers of an equal key share batches, so their `run` must be the same.
            run: called in the scheduler's thread, by nobody else at the same time.
            images: `(slice, row, column)`.

        Raises:
            RuntimeError: the process is ending.
        """
        pending, heard = len(images), 0
        if not pending:
            return
        job = self._joined(_Job(key, run, images, (key, _digest(images))))
        try:
            while pending:
                with self._changed:
                    if len(job.found) <= heard and job.error is None:
                        self._changed.wait(LOOK_S)
                    found = job.found[heard] if len(job.found) > heard else None
                    if found is None and job.error is not None:
                        raise job.error
                if found is None:
                    checkpoint()
                    continue
                heard += 1
                pending -= len(next(iter(found.values()))[0])
                yield found
        finally:
            with self._changed:
                job.listeners -= 1
                if not job.listeners:
                    job.given_up = True
                    self._forget(job)
                    if job in self._waiting:  # else its last slices are just running
                        self._waiting.remove(job)

    def _joined(self, job: _Job) -> _Job:
        """The pass that answers `job`: one under way where there is one, else a new one."""
        with self._changed:
            under_way = self._passes.get(job.question)
            if under_way is None:
                self._enter(job)
                under_way = self._passes[job.question] = job
            under_way.listeners += 1
            return under_way

    def _forget(self, job: _Job) -> None:
        if self._passes.get(job.question) is job:
            del self._passes[job.question]

    def _enter(self, job: _Job) -> None:
        with self._changed:
            self._waiting.append(job)
            if self._thread is None:
                thread = threading.Thread(target=self._work, name="asemble batches")
                thread.start()
                self._thread = thread  # not before: one that could not start serves nobody
            self._changed.notify_all()

    def _work(self) -> None:
        while True:
            with self._changed:
                for _ in range(IDLE_POLLS):
                    if self._waiting or not threading.main_thread().is_alive():
                        break
                    self._changed.wait(POLL_S)
                if not threading.main_thread().is_alive():
                    self._end()
                if not self._waiting:
                    self._thread = None
                    return
                shares = self._next_batch()
            self._run(shares)

    def _next_batch(self) -> list[_Share]:
        """Slices of whoever waited longest, and of all others who wait for the same networks."""
        key = self._waiting[0].key
        sharing = [job for job in self._waiting if job.key == key]
        counts = dict.fromkeys(range(len(sharing)), 0)
        room = self._batch
        while room and any(job.left > counts[i] for i, job in enumerate(sharing)):
            for i, job in enumerate(sharing):
                if room and job.left > counts[i]:
                    counts[i] += 1
                    room -= 1
        shares = []
        for i, job in enumerate(sharing):
            if counts[i]:
                shares.append((job, job.taken, job.taken + counts[i]))
                job.taken += counts[i]
                self._waiting.remove(job)
        return shares

    def _run(self, shares: list[_Share]) -> None:
        error: BaseException | None = None
        pieces: list[Mapping[str, Arrays]] = []
        first = shares[0][0]
        try:
            batch = np.zeros((self._batch, *first.images.shape[1:]), dtype=np.float32)
            at = 0
            for job, start, stop in shares:
                batch[at : at + stop - start] = job.images[start:stop]
                at += stop - start
            found = first.run(batch)
            at = 0
            for _, start, stop in shares:
                end = at + stop - start
                pieces.append(
                    {name: tuple(a[at:end].copy() for a in of) for name, of in found.items()}
                )
                at = end
        except BaseException as raised:
            error = raised
        with self._changed:
            for number, (job, _, _) in enumerate(shares):
                if error is not None:
                    job.error = error
                    self._forget(job)
                    continue
                job.found.append(pieces[number])
                if not job.left:
                    self._forget(job)
                elif not job.given_up:
                    self._waiting.append(job)  # behind those who came meanwhile
            self._changed.notify_all()

    def _end(self) -> None:
        for job in self._waiting:
            job.error = RuntimeError("the process is ending")
            self._forget(job)
        self._waiting.clear()
        self._changed.notify_all()
