"""The server's log: one JSON object a line on standard error, with nothing out of a study in it.

What asemble has to say are events with numbers. What libraries have to say is cut down to the
logger, the place in the code and, of the libraries that see no study, the sentence without its
values: a message may quote a file, a traceback the value that caused it.
"""

import json
import logging
import sys
import threading
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from asemble import __version__
from asemble.core.faults import Fault

Fact = int | float | str | bool
"""Counts, sizes, seconds, and words out of the code, such as the name of a device or a class."""

SERVERS = ("streamlit", "uvicorn", "websockets", "asyncio")
"""Their sentences are logged, without the values that belong in them; they read no study."""

SECONDS_DIGITS = 3

OFTEN, WITHIN_S = 20, 60.0
"""What libraries say more often than so within so long is only counted."""
MOST_REMEMBERED = 1000
_NEVER = -1
"""A level that no handler takes."""

_LOGGER = logging.getLogger("asemble")


@dataclass(slots=True)
class _Said:
    since: float
    times: int = 0


_repeated: dict[str, _Said] = {}


@dataclass(frozen=True, slots=True)
class _Event:
    name: str
    facts: dict[str, Fact]


def event(name: str, **facts: Fact) -> None:
    """Log that something happened.

    Args:
        name: what, as a word.
        facts: how much and how long. Never a name, a path or a value from a file.
    """
    _LOGGER.info(_Event(name, facts))


def fault(error: BaseException) -> None:
    """Log an exception by its class and place."""
    _LOGGER.error("fault", exc_info=error)


def install() -> None:
    """Make every logger of this process write such lines, whoever owns it and whenever it comes.

    The records themselves are cut down, not only what one handler makes of them: Streamlit gives
    each of its loggers a handler of its own. `.streamlit/config.toml` has these write the bare
    message, which then is the line.
    """
    plain = logging.Formatter("%(message)s")
    if not logging.root.handlers:
        logging.root.addHandler(logging.StreamHandler())
    logging.root.setLevel(logging.INFO)
    for logger in [logging.root, *logging.root.manager.loggerDict.values()]:
        for handler in getattr(logger, "handlers", []):
            handler.setFormatter(plain)
    logging.setLogRecordFactory(_record)
    logging.captureWarnings(True)
    warnings.simplefilter("default")
    sys.excepthook = _tell
    threading.excepthook = lambda args: _tell(args.exc_type, args.exc_value, args.exc_traceback)
    sys.unraisablehook = lambda args: _tell(args.exc_type, args.exc_value, args.exc_traceback)


def _tell(
    kind: type[BaseException], error: BaseException | None, trace: TracebackType | None
) -> None:
    fault((error or kind()).with_traceback(trace))


def _record(*arguments: Any, **more: Any) -> logging.LogRecord:
    """A record whose message is its line, with nothing else left to print."""
    record = logging.LogRecord(*arguments, **more)
    said = _said(record)
    left_out = 0 if isinstance(record.msg, _Event) else _times_left_out(said, record.created)
    if left_out is None:
        record.levelno = _NEVER
    elif left_out:
        said["left_out"] = left_out
    line = {"time": _time(record.created), "level": record.levelname.lower(), **said}
    record.msg = json.dumps({**line, "version": __version__})
    record.args, record.exc_info, record.exc_text, record.stack_info = (), None, None, None
    return record


def _times_left_out(said: dict[str, Fact], now: float) -> int | None:
    """How often this was said and not logged, or None where it is not to be logged now."""
    key = json.dumps(said)
    before = _repeated.get(key)
    if before is None or now - before.since > WITHIN_S:
        if len(_repeated) > MOST_REMEMBERED:
            _repeated.clear()
        _repeated[key] = _Said(now, 1)
        return max(0, before.times - OFTEN) if before is not None else 0
    before.times += 1
    return 0 if before.times <= OFTEN else None


def _said(record: logging.LogRecord) -> dict[str, Fact]:
    if isinstance(record.msg, _Event):
        facts = {k: round(v, SECONDS_DIGITS) if isinstance(v, float) else v
                 for k, v in record.msg.facts.items()}  # fmt: skip
        return {"event": record.msg.name, **facts}
    error = record.exc_info[1] if record.exc_info else None
    if error is not None:
        told = Fault.of(error)
        return {"event": "fault", "logger": record.name, "error": told.kind, "place": told.place}
    said: dict[str, Fact] = {
        "event": "log",
        "logger": record.name,
        "place": f"{record.filename}, line {record.lineno}, {record.funcName}",
    }
    # Without arguments the values may be in the sentence already.
    if record.args and record.name.split(".")[0] in SERVERS:
        said["template"] = str(record.msg)
    return said


def _time(created: float) -> str:
    moment = datetime.fromtimestamp(created, UTC).isoformat(timespec="milliseconds")
    return moment.replace("+00:00", "Z")
