"""Work that nobody waits for any more."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from asemble.core.interruption import check_with


@contextmanager
def ended_at_the_first_checkpoint() -> Iterator[None]:
    """What is done inside has to ask whether it is to go on, and ends."""

    def end() -> None:
        raise InterruptedError

    check_with(end)
    try:
        with pytest.raises(InterruptedError):
            yield
    finally:
        check_with(lambda: None)
