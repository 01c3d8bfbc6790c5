"""A fault of ours in words that can be logged: what and where, never the message.

A message may quote the data that caused it, and data may name a person.
"""

import traceback
from dataclasses import dataclass
from pathlib import Path

_PACKAGE = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Fault:
    """The class of an exception and the place in the code where it came up.

    Args:
        kind: name of the class.
        place: file, line and function; empty where no code of ours or others was running.

    >>> print(Fault("ValueError", "asemble/io/series/stack.py, line 12, stack"))
    ValueError in asemble/io/series/stack.py, line 12, stack
    """

    kind: str
    place: str

    @classmethod
    def of(cls, error: BaseException) -> "Fault":
        """What can be said of `error`: the innermost line of asemble, else the innermost one."""
        frames = traceback.extract_tb(error.__traceback__)
        ours = [frame for frame in frames if Path(frame.filename).is_relative_to(_PACKAGE)]
        for frame in reversed(ours or frames):
            file = Path(frame.filename)
            name = file.relative_to(_PACKAGE.parent).as_posix() if ours else file.name
            return cls(type(error).__name__, f"{name}, line {frame.lineno}, {frame.name}")
        return cls(type(error).__name__, "")

    def __str__(self) -> str:
        return f"{self.kind} in {self.place}" if self.place else self.kind
