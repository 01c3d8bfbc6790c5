"""The server's side of the decoder processes: a small pool, a clock for each image, no trust.

A process is started when it is first needed, is lent to one thread at a time, and is kept for the
next image of the same upload, never for another's: whatever a stream made of its decoder, it sees
the images of its own upload alone. One that crashes, hangs, or answers anything but what was
promised is ended; its file is refused, and the next file gets a fresh process. A decoder ends by
itself when its server does, because its input ends.
"""

import atexit
import contextlib
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, ClassVar
from weakref import WeakSet

import numpy as np
import numpy.typing as npt

from asemble.core.errors import FileError
from asemble.io import limits
from asemble.io.decode import protocol

COMMAND = (sys.executable, "-P", "-m", "asemble.io.decode.worker")
"""How a decoder is started; `-P` keeps the working directory off its import path."""

Check = Callable[[np.dtype[Any], tuple[int, ...]], bool]
"""Whether an array of this type and shape was asked for."""

BEHIND = 5
"""Of 19 steps of priority (nice): beside another image a slow one gets a quarter of a processor."""
STALLED = 5
"""What takes so many times its limit by the clock is slow, whatever it does with a processor."""
LOOK_SECONDS = 0.25
"""Between two looks at a decoder that is at work."""

KEPT_FOR_EACH = 4
"""Processes that wait for the next image of their upload, for each image that may be decoded at
once; each takes 50 MiB."""

_SAVE_PLAIN = "Export the series uncompressed."


class RefusedError(Exception):
    """The decoder's word for why it does not decode: damaged, memory, bits, colour or size."""


@dataclass(slots=True, eq=False)
class Share:
    """What one upload has taken of the decoders: processor time, in seconds."""

    spent: float = 0.0

    @property
    def is_light(self) -> bool:
        """Whether it is so little that it need not wait behind others."""
        return self.spent <= limits.LIGHT_SECONDS


_local = threading.local()


def take_part(share: Share | None) -> None:
    """Count what this thread decodes from now on for one upload; None: each image for itself."""
    _local.share = share


@dataclass(slots=True, eq=False)
class _Job:
    """Somebody who waits for a place, or has one."""

    share: Share
    is_light: bool
    is_slow: bool = False


class Places:
    """Who decodes next: of those who wait, the upload that has taken least.

    Uploads that have taken much have places of their own, half as many, and so has an image that
    is slow: it gives its place to the next one and goes on beside it, out of the way of all.
    """

    def __init__(self, size: int) -> None:
        self._light, self._heavy = size, max(1, size // 2)
        self._all = 3 * size
        self._changed = threading.Condition()
        self._waiting: list[_Job] = []
        self._running: list[_Job] = []

    @property
    def waiting(self) -> int:
        """How many wait for a place."""
        return len(self._waiting)

    @contextlib.contextmanager
    def place(self, share: Share) -> Iterator[_Job]:
        """A place, from when there is one.

        Raises:
            FileError: there was none for too long.
        """
        job = _Job(share, share.is_light)
        with self._changed:
            self._waiting.append(job)
            try:
                if not self._changed.wait_for(lambda: self._is_next(job), limits.MAX_WAIT_SECONDS):
                    raise _busy()
                self._running.append(job)
            finally:
                self._waiting.remove(job)
                self._changed.notify_all()
        try:
            yield job
        finally:
            with self._changed:
                self._running.remove(job)
                self._changed.notify_all()

    def note_slow(self, job: _Job) -> None:
        """Let the next one begin beside an image that takes long."""
        with self._changed:
            job.is_slow = True
            self._changed.notify_all()

    def _is_next(self, job: _Job) -> bool:
        job.is_light = job.share.is_light
        alike = [each for each in self._waiting if each.is_light == job.is_light]
        if min(alike, key=lambda each: each.share.spent) is not job:
            return False
        places = self._light if job.is_light else self._heavy
        taken = sum(
            each.is_light and not each.is_slow
            if job.is_light
            else each.is_slow or not each.is_light
            for each in self._running
        )
        return taken < places and len(self._running) < self._all


class DecoderPool:
    """Decoder processes for `size` images at once, shared by all threads of this process.

    Args:
        size: images that may be decoded at once, but for slow ones.
        command: what starts a process.
    """

    is_filtered: bool | None = None
    """Whether every process so far has had its system calls filtered; None before the first."""

    def __init__(self, size: int, *, command: Sequence[str] = COMMAND) -> None:
        self._command = command
        self._size, self._most_idle = size, KEPT_FOR_EACH * size
        self._places = Places(size)
        self._lock = threading.Lock()
        self._idle: list[tuple[Share, _Decoder]] = []
        self._most_ready = 0
        self._ready: list[_Decoder] = []
        self._filling = threading.Lock()

    def decode(
        self, request: dict[str, Any], payload: protocol.Bytes, *, check: Check
    ) -> npt.NDArray[Any]:
        """The array that a decoder makes of `payload`.

        Raises:
            RefusedError: the decoder does not want it.
            FileError: the decoder crashed, took too long or did not keep to `check`, there was
                none to be had, or the upload has taken too much of them.
        """
        of_upload: Share | None = getattr(_local, "share", None)
        share = of_upload or Share()
        if share.spent > limits.MAX_DECODER_SECONDS:
            raise _too_much()
        with self._places.place(share) as job:
            decoder = self._take(share)

            def slow() -> None:
                self._places.note_slow(job)
                decoder.step_back()

            if not job.is_light:
                decoder.step_back()
            try:
                values = decoder.decode(request, payload, check=check, slow=slow)
            except RefusedError:
                self._give_back(decoder, of_upload)
                raise
            except BaseException:
                decoder.end()
                raise
            finally:
                share.spent += decoder.seconds
            self._give_back(decoder, of_upload)
            return values

    def keep_ready(self) -> None:
        """Have processes that have seen no image yet wait for the next upload, from now on.

        Raises:
            FileError: they do not start.
        """
        self._most_ready = self._size
        self._fill()

    def let_go(self, share: Share) -> None:
        """End the processes of an upload that is over."""
        with self._lock:
            over = [decoder for of, decoder in self._idle if of is share]
            self._idle = [each for each in self._idle if each[0] is not share]
            lacks_some = len(self._ready) < self._most_ready
        for decoder in over:
            decoder.end()
        if over and lacks_some:
            threading.Thread(target=self._fill_again, name="asemble-decoder", daemon=True).start()

    def close(self) -> None:
        """End every process that is not at work."""
        with self._lock:
            all_ = [*self._ready, *(decoder for _, decoder in self._idle)]
            self._most_ready = 0
            self._idle, self._ready = [], []
        for decoder in all_:
            decoder.end()

    def _fill(self) -> None:
        """Start what is to be ready; one thread does."""
        if not self._filling.acquire(blocking=False):
            return
        try:
            while len(self._ready) < self._most_ready:
                decoder = self._start()
                with self._lock:
                    if self._most_ready:
                        self._ready.append(decoder)
                        continue
                decoder.end()  # closed meanwhile
        finally:
            self._filling.release()

    def _fill_again(self) -> None:
        with contextlib.suppress(FileError):  # the next upload starts its own
            self._fill()

    def _take(self, share: Share) -> "_Decoder":
        decoder: _Decoder | None
        while True:
            with self._lock:
                own = next((each for each in self._idle if each[0] is share), None)
                if own is not None:
                    self._idle.remove(own)
                    decoder = own[1]
                else:
                    decoder = self._ready.pop() if self._ready else None
            if decoder is None:
                return self._start()
            if decoder.is_alive:
                return decoder
            decoder.end()

    def _start(self) -> "_Decoder":
        try:
            decoder = _Decoder(self._command)
        except OSError as error:  # no memory for one more process
            raise _busy() from error
        decoder.start()
        self.is_filtered = decoder.is_filtered and self.is_filtered is not False
        return decoder

    def _give_back(self, decoder: "_Decoder", of_upload: Share | None) -> None:
        if of_upload is None or not decoder.is_alive or decoder.has_stepped_back:
            decoder.end()
            return
        given_up = None
        with self._lock:
            self._idle.append((of_upload, decoder))
            if len(self._idle) > self._most_idle:
                # Of the upload that has most, so that as many uploads as possible have one.
                has = Counter(id(share) for share, _ in self._idle)
                given_up = max(self._idle, key=lambda each: has[id(each[0])])
                self._idle.remove(given_up)
        if given_up is not None:
            given_up[1].end()


class _Decoder:
    """One process."""

    living: ClassVar["WeakSet[_Decoder]"] = WeakSet()

    def __init__(self, command: Sequence[str]) -> None:
        self._count = 0
        self.seconds = 0.0
        """Processor time that it says the last image took; wall clock where it says nothing."""
        self.has_stepped_back = False
        self.is_filtered = False
        """Whether it says that its system calls are filtered."""
        self._process = subprocess.Popen(
            command, env=environment(), bufsize=0,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        _Decoder.living.add(self)

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def start(self) -> None:
        """Wait until it has imported its libraries: on a busy machine that takes its time.

        Raises:
            FileError: it does not start.
        """
        with _Deadline(self._process, lambda: None, limits.MAX_START_SECONDS) as deadline:
            try:
                protocol.send(_Whole(self._process.stdin), {"kind": "start", "id": 0})  # type: ignore[arg-type]
                stream = _Whole(self._process.stdout)
                answer = protocol.receive_header(stream)  # type: ignore[arg-type]
                stream.read(min(answer["size"], protocol.MAX_HEADER_BYTES))
                self.is_filtered = answer.get("filtered") is True
            except (OSError, protocol.WireError) as error:
                self.end()
                raise (_busy() if deadline.is_over else _stopped(is_late=False)) from error

    def step_back(self) -> None:
        """Let all others go first, for as long as it lives."""
        self.has_stepped_back = True
        if hasattr(os, "setpriority"):
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, self._process.pid, BEHIND)

    def decode(
        self,
        request: dict[str, Any],
        payload: protocol.Bytes,
        *,
        check: Check,
        slow: Callable[[], None] = lambda: None,
    ) -> npt.NDArray[Any]:
        """As `DecoderPool.decode`; after any error but `RefusedError` the process is of no use.

        Args:
            request: what to decode.
            payload: the bytes.
            check: as there.
            slow: called by another thread when it has taken `limits.SLOW_SECONDS`.
        """
        began = time.monotonic()
        self.seconds = 0.0
        clock = limits.DECODE_CLOCK * limits.MAX_DECODE_SECONDS
        with _Deadline(self._process, slow, clock) as deadline:
            try:
                self._count += 1
                numbered = {**request, "id": self._count}
                protocol.send(_Whole(self._process.stdin), numbered, payload)  # type: ignore[arg-type]
                return self._receive(check)
            except (OSError, protocol.WireError) as error:
                raise _stopped(is_late=deadline.is_over) from error
            finally:
                took = time.monotonic() - began
                self.seconds = min(self.seconds or took, took)

    def _receive(self, check: Check) -> npt.NDArray[Any]:
        stream = _Whole(self._process.stdout)
        answer = protocol.receive_header(stream)  # type: ignore[arg-type]
        if answer.get("id") != self._count:
            raise protocol.WireError("the answer is to another question")
        if isinstance(said := answer.get("seconds"), float) and said > 0:
            self.seconds = said
        if "refused" in answer:
            raise RefusedError(str(answer["refused"]))
        try:
            dtype, shape = np.dtype(str(answer["dtype"])), tuple(int(n) for n in answer["shape"])
        except (KeyError, TypeError, ValueError) as error:
            raise protocol.WireError("the answer describes no array") from error
        # Before memory is taken: the answer must be what the header of the file promised.
        is_plain = dtype.kind in "iuf"
        if (
            not is_plain
            or not check(dtype, shape)
            or answer["size"] != dtype.itemsize * int(np.prod(shape))
        ):
            raise protocol.WireError("the answer is not what was asked for")
        values: npt.NDArray[Any] = np.empty(shape, dtype)
        protocol.receive_into(stream, values.data)  # type: ignore[arg-type]
        return values

    def end(self) -> None:
        """Close the pipes, which ends an idle process, and kill one that is not."""
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()  # type: ignore[union-attr]
        self._process.kill()
        self._process.wait()


class _Whole:
    """A raw pipe that reads and writes all that it is asked to."""

    def __init__(self, pipe: IO[bytes] | None) -> None:
        self._pipe: Any = pipe

    def read(self, size: int) -> bytes:
        data = bytearray(size)
        at = 0
        while at < size and (count := self._pipe.readinto(memoryview(data)[at:])):
            at += count
        return bytes(data[:at])

    def readinto(self, target: protocol.Bytes) -> int:
        return int(self._pipe.readinto(target) or 0)

    def write(self, data: protocol.Bytes) -> None:
        view = memoryview(data)
        while view.nbytes:
            view = view[self._pipe.write(view) :]

    def flush(self) -> None:
        """Nothing is kept back."""


class _Deadline:
    """Kills a process that is not done in time, which also ends every wait on its pipes.

    Says before, once, that it is slow.
    """

    def __init__(
        self, process: subprocess.Popen[bytes], slow: Callable[[], None], seconds: float
    ) -> None:
        self._process, self._slow, self._seconds = process, slow, seconds
        self._is_done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="asemble-deadline", daemon=True)
        self.is_over = False

    def __enter__(self) -> "_Deadline":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_done.set()
        self._thread.join()  # so that it never kills the next image's decoder

    def _watch(self) -> None:
        began, used = time.monotonic(), processor_seconds(self._process.pid)
        is_slow = False
        while not self._is_done.wait(min(LOOK_SECONDS, limits.SLOW_SECONDS, self._seconds)):
            took = time.monotonic() - began
            if took >= self._seconds:
                self._kill()
                return
            # By the processor where it is known: on a busy machine all is slow by the clock.
            now = processor_seconds(self._process.pid)
            work = took if used is None or now is None else max(now - used, took / STALLED)
            if not is_slow and work >= limits.SLOW_SECONDS:
                is_slow = True
                self._slow()

    def _kill(self) -> None:
        self.is_over = True
        self._process.kill()
        self._process.wait()  # so that it does not look alive to whoever gets it next


def processor_seconds(process: int) -> float | None:
    """Seconds of a processor that a process used; None where no system says (not on Linux)."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError, ValueError):
        return None


def _busy() -> FileError:
    return FileError(
        "The server was too busy to decode this file.",
        hint="Upload it again later.",
        code="decoder-busy",
    )


def _too_much() -> FileError:
    return FileError(
        f"The compressed images of this upload took more than {limits.MAX_DECODER_SECONDS:g} "
        "seconds to decode, so this one was left out.",
        hint=_SAVE_PLAIN,
        code="decoder-seconds",
    )


def _stopped(*, is_late: bool) -> FileError:
    if is_late:
        return FileError(
            f"The pixels of this file took longer than {limits.MAX_DECODE_SECONDS:g} seconds "
            "to decode, so it was left out.",
            hint=_SAVE_PLAIN,
            code="decoder-timeout",
        )
    return FileError(
        "The pixels of this file made the decoder stop, so it was left out.",
        hint=_SAVE_PLAIN,
        code="decoder-stopped",
    )


def environment() -> dict[str, str]:
    """What a decoder needs to start: where to import from, and one thread."""
    here = str(Path(__file__).parents[2])
    path = os.pathsep.join(dict.fromkeys([here, *(entry for entry in sys.path if entry)]))
    kept = {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}  # Windows
    return {**kept, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


DECODERS = min(limits.MAX_DECODERS, os.cpu_count() or 1)
"""Images that are decoded at once."""

_pool = DecoderPool(DECODERS)


def pool() -> DecoderPool:
    """The decoders of this process."""
    return _pool


def _close() -> None:
    """End all, those at work too: Python can hang while it ends if one is left to warn about."""
    _pool.close()
    for decoder in list(_Decoder.living):
        decoder.end()


def _forget() -> None:
    """A forked child has its parent's pipes, which are the parent's to use."""
    global _pool  # noqa: PLW0603  one pool a process is the point
    _pool = DecoderPool(DECODERS)
    _Decoder.living.clear()


atexit.register(_close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
