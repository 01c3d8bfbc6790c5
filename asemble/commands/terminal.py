"""Output to a terminal: progress, refusals, and files that cannot be written."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from asemble.core.errors import InputError

if TYPE_CHECKING:  # these import NumPy, which `asemble --help` does not wait for
    from asemble.core.results import SeriesPrediction
    from asemble.core.study import Refusal, Study

REFUSED = 2
"""Exit code where the input was refused; the same as for wrong arguments."""

FAULT = 1
"""Exit code of a fault of ours."""


def progress(action: str, things: str) -> Callable[[int, int], None] | None:
    """A line that counts up on standard error with the time left; None where nobody watches."""
    if not sys.stderr.isatty():
        return None
    started = time.monotonic()
    first: list[int] = []

    def show(done: int, total: int) -> None:
        first.append(done)
        fresh = done - first[0]  # what an earlier run had finished took no time in this one
        left = (total - done) * (time.monotonic() - started) / fresh if fresh > 0 else None
        ending = "\n" if done >= total else ""
        wait = "" if left is None or done >= total else f", {clock(left)} left"
        print(f"\r{action}: {done} of {total} {things}{wait}   ", end=ending, file=sys.stderr)
        sys.stderr.flush()

    return show


class Printable:
    r"""A stream that shows what it is told and never obeys it.

    Names of files and what a file says may hold sequences that move the cursor, hide text or write
    into a terminal's clipboard, and marks that turn the direction of writing: each such character
    becomes U+FFFD. A line's own beginning (a progress line) and end stay.

    Args:
        stream: what is written to.

    >>> _ = Printable(sys.stdout).write("A \x1b[2J\u202eB")
    A �[2J�B
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """As of any stream."""
        begins = "\r" if text.startswith("\r") else ""
        try:
            return self._stream.write(begins + text.removeprefix("\r").translate(_UNPRINTABLE))
        except BrokenPipeError:
            self._drop()
            return len(text)

    def flush(self) -> None:
        """As of any stream."""
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._drop()

    def _drop(self) -> None:
        """Who read along has gone (`| head`); what the verb writes into files goes on."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


_UNPRINTABLE = {
    code: "\N{REPLACEMENT CHARACTER}"
    for code in (*range(0x20), *range(0x7F, 0xA0), *range(0x2028, 0x202F), *range(0x2066, 0x206A))
    if chr(code) not in "\n\t"
} | dict.fromkeys((1564, 8206, 8207), "�")
"""Control characters of both kinds, and those that turn the direction of writing."""


def clock(seconds: float) -> str:
    """Minutes and seconds.

    >>> clock(125.4)
    '2:05'
    """
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}"


def tell_refusals(refused: "Sequence[Refusal]") -> None:
    """What was left out and why, on standard error; without file names, which may name a person."""
    from asemble.core.study import grouped_by_reason  # noqa: PLC0415  imports NumPy

    for group in grouped_by_reason(refused):
        left_out = f"{group.files} left out" if group.files > 1 else "left out"
        print(f"asemble: {left_out}: {' '.join(group.reason.split())}", file=sys.stderr)


def tell_prior(study: "Study") -> None:
    """That an earlier examination was read beside the one that is judged, on standard error."""
    if study.prior is not None:
        when = f"{study.prior.interval} before"
        print(f"asemble: an examination {when} was read too, and not judged", file=sys.stderr)


def tell_series(study: "Study", predictions: "Sequence[SeriesPrediction]") -> None:
    """Which series were not judged and why, and what to check of the others, on standard error."""
    for one in predictions:
        series = study.series_by_id(one.series_id)
        name = f"{series.id} ({series.description})" if series.description else series.id
        said = series.notes if one.used else (f"read but not judged: {one.why_not}",)
        for sentence in said:
            print(f"asemble: {name}{':' if one.used else ''} {sentence}", file=sys.stderr)


def require_empty_folder(folder: Path) -> None:
    """Make `folder`, or find it empty.

    Raises:
        InputError: there is something in it, or it is a file.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(
            "The output folder is not empty.",
            hint="Name a folder that is absent or empty.",
            code="output-not-empty",
        )
    folder.mkdir(parents=True, exist_ok=True)


@contextmanager
def writing() -> Iterator[None]:
    """Turns a file that cannot be written into a refusal.

    Raises:
        InputError: the operating system would not write.
    """
    try:
        yield
    except OSError as error:
        raise InputError(
            f"The output could not be written: {error.strerror}.",
            hint="Check the path and the space left.",
            code="output-not-written",
        ) from error
