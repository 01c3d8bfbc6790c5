"""Many sessions at one ensemble: fair, in order, alike to the last bit, and free once given up."""

import threading
import time
from collections.abc import Mapping

import numpy as np
import pytest
from interrupted import ended_at_the_first_checkpoint

from asemble.core.volume import Floats
from asemble.models.batch_scheduler import Arrays, BatchScheduler

BATCH = 4
PATIENCE_S = 30


class Recorder:
    """Stands for the networks: answers each slice with its own number, when it is let."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.may_run = threading.Semaphore(0)
        self.is_asked = threading.Event()

    def __call__(self, batch: Floats) -> Mapping[str, Arrays]:
        self.is_asked.set()
        assert self.may_run.acquire(timeout=PATIENCE_S)
        self.batches.append([int(v) for v in batch[:, 0, 0]])
        return {"member": (batch[:, 0, 0].copy(),)}

    def let(self, batches: int) -> None:
        for _ in range(batches):
            self.may_run.release()


def numbered(first: int, count: int) -> Floats:
    return np.arange(first, first + count, dtype=np.float32)[:, None, None]


class Caller(threading.Thread):
    """One session: collects what it is given, and gives up after `enough` pieces."""

    def __init__(
        self,
        scheduler: BatchScheduler,
        run: Recorder,
        images: Floats,
        *,
        key: str = "a",
        enough: int = 999,
    ) -> None:
        super().__init__(daemon=True)
        self.pieces = scheduler.results(key, run, images)
        self.enough = enough
        self.found: list[int] = []
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            for number, piece in enumerate(self.pieces, start=1):
                self.found += [int(v) for v in piece["member"][0]]
                if number == self.enough:
                    self.pieces.close()
        except Exception as error:
            self.error = error


def wait_for(scheduler: BatchScheduler, callers: int) -> None:
    """Until the slices of so many wait or run."""
    deadline = time.monotonic() + PATIENCE_S
    while scheduler.listeners != callers:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_short_study_does_not_wait_for_a_long_one() -> None:
    scheduler, run = BatchScheduler(BATCH), Recorder()
    long, short = (
        Caller(scheduler, run, numbered(1000, 300)),
        Caller(scheduler, run, numbered(1, 6)),
    )
    long.start()
    assert run.is_asked.wait(PATIENCE_S)
    short.start()
    wait_for(scheduler, 2)
    run.let(5)  # one for the long one alone, then both share three, and one to spare
    short.join(PATIENCE_S)
    assert short.found == [1, 2, 3, 4, 5, 6]
    run.let(300)
    long.join(PATIENCE_S)
    assert long.found == list(range(1000, 1300))
    assert all(len(batch) == BATCH for batch in run.batches)
    assert [sum(v < 1000 for v in batch) for batch in run.batches[:6]] == [0, 2, 2, 2, 0, 0]


def test_sessions_share_batches_and_each_keeps_its_order() -> None:
    scheduler, run = BatchScheduler(BATCH), Recorder()
    run.let(1000)
    callers = [Caller(scheduler, run, numbered(100 * i + 1, 3 + 5 * i)) for i in range(8)]
    for caller in callers:
        caller.start()
    for i, caller in enumerate(callers):
        caller.join(PATIENCE_S)
        assert caller.found == list(range(100 * i + 1, 100 * i + 4 + 5 * i))
    assert all(len(batch) == BATCH for batch in run.batches)


def test_those_who_wait_for_other_networks_take_turns_and_share_no_batch() -> None:
    scheduler, run = BatchScheduler(BATCH), Recorder()
    coronal = Caller(scheduler, run, numbered(1, 12), key="coronal")
    axial = Caller(scheduler, run, numbered(101, 12), key="axial")
    coronal.start()
    assert run.is_asked.wait(PATIENCE_S)
    axial.start()
    wait_for(scheduler, 2)
    run.let(6)
    coronal.join(PATIENCE_S)
    axial.join(PATIENCE_S)
    assert coronal.found == list(range(1, 13)) and axial.found == list(range(101, 113))
    assert [batch[0] > 100 for batch in run.batches] == [False, True] * 3


def test_what_was_given_up_costs_nothing_more() -> None:
    scheduler, run = BatchScheduler(BATCH), Recorder()
    caller = Caller(scheduler, run, numbered(1, 400), enough=2)
    caller.start()
    run.let(2)
    caller.join(PATIENCE_S)
    assert caller.found == [1, 2, 3, 4, 5, 6, 7, 8]
    run.let(1000)
    (piece,) = scheduler.results("a", run, numbered(7, 1))
    assert piece["member"][0].tolist() == [7]
    assert len(run.batches) <= 4  # its two, one that was under way when it left, and this one


def test_who_waits_for_a_turn_can_end_before_it_comes() -> None:
    scheduler, run = BatchScheduler(BATCH), Recorder()
    first = Caller(scheduler, run, numbered(1, 8))
    first.start()
    assert run.is_asked.wait(PATIENCE_S)
    with ended_at_the_first_checkpoint():
        next(scheduler.results("a", run, numbered(101, 4)))  # while the networks are busy
    run.let(2)
    first.join(PATIENCE_S)
    assert first.found == list(range(1, 9))
    assert [number for batch in run.batches for number in batch] == first.found


def test_equal_questions_about_equal_slices_cost_one_pass_and_nothing_is_kept_after() -> None:
    scheduler, run = BatchScheduler(BATCH), Recorder()
    callers = [Caller(scheduler, run, numbered(1, 12)) for _ in range(4)]
    callers[0].start()
    assert run.is_asked.wait(PATIENCE_S)
    run.let(1)
    for caller in callers[1:]:  # they come in the middle, and hear the first slices too
        caller.start()
    wait_for(scheduler, 4)
    run.let(2)
    for caller in callers:
        caller.join(PATIENCE_S)
        assert caller.found == list(range(1, 13))
    assert len(run.batches) == 3
    assert scheduler.listeners == 0
    run.let(3)
    assert len(list(scheduler.results("a", run, numbered(1, 12)))) == 3
    assert len(run.batches) == 6


def test_a_pass_goes_on_for_who_listens_when_the_first_gives_up() -> None:
    scheduler, run = BatchScheduler(BATCH), Recorder()
    first, other = (Caller(scheduler, run, numbered(1, 12), enough=n) for n in (1, 999))
    first.start()
    assert run.is_asked.wait(PATIENCE_S)
    other.start()
    wait_for(scheduler, 2)
    run.let(3)
    first.join(PATIENCE_S)
    other.join(PATIENCE_S)
    assert first.found == [1, 2, 3, 4] and other.found == list(range(1, 13))
    assert len(run.batches) == 3


def test_other_slices_and_other_questions_share_no_answers() -> None:
    scheduler, run = BatchScheduler(BATCH), Recorder()
    run.let(9)
    callers = [
        Caller(scheduler, run, numbered(1, 4)),
        Caller(scheduler, run, numbered(1, 4), key="b"),
        Caller(scheduler, run, numbered(2, 4)),
    ]
    for caller in callers:
        caller.start()
        caller.join(PATIENCE_S)
    assert [caller.found[0] for caller in callers] == [1, 1, 2]


def test_a_fault_reaches_whoever_asked_and_nobody_after() -> None:
    scheduler = BatchScheduler(BATCH)

    def broken(batch: Floats) -> Mapping[str, Arrays]:
        raise MemoryError("no room")

    with pytest.raises(MemoryError, match="no room"):
        list(scheduler.results("broken", broken, numbered(1, 9)))
    run = Recorder()
    run.let(9)
    assert len(list(scheduler.results("a", run, numbered(1, 9)))) == 3


def test_a_thread_that_could_not_start_keeps_nobody_waiting_after(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scheduler, run = BatchScheduler(BATCH), Recorder()
    run.let(1)

    def no_thread(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as crowded:
        crowded.setattr(threading.Thread, "start", no_thread)
        with pytest.raises(RuntimeError, match="new thread"):
            list(scheduler.results("a", run, numbered(1, 2)))
    (piece,) = scheduler.results("a", run, numbered(7, 1))
    assert piece["member"][0].tolist() == [7]


def test_an_answer_that_cannot_be_shared_out_reaches_whoever_asked() -> None:
    scheduler, run = BatchScheduler(BATCH), Recorder()

    def broken(batch: Floats) -> Mapping[str, Arrays]:
        return {"member": (np.float32(1),)}  # type: ignore[dict-item]

    with pytest.raises(IndexError):
        list(scheduler.results("broken", broken, numbered(1, 2)))
    run.let(1)
    assert len(list(scheduler.results("a", run, numbered(1, 2)))) == 1


def test_no_slices_are_no_pieces() -> None:
    assert list(BatchScheduler(BATCH).results("a", Recorder(), numbered(1, 0))) == []


def test_the_thread_goes_when_nobody_waits_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asemble.models.batch_scheduler.POLL_S", 0.001)
    scheduler, run = BatchScheduler(BATCH), Recorder()
    run.let(9)
    for first in (1, 50):
        (piece,) = scheduler.results("a", run, numbered(first, 2))
        assert piece["member"][0].tolist() == [first, first + 1]
        deadline = time.monotonic() + PATIENCE_S
        while any(thread.name == "asemble batches" for thread in threading.enumerate()):
            assert time.monotonic() < deadline
            time.sleep(0.005)
