"""Three-valued logic, for answers that are not known yet: True, False, or None for still open."""

from collections.abc import Iterable

Truth = bool | None
"""None where it is not known."""


def at_least(needed: int, truths: Iterable[Truth]) -> Truth:
    """Whether enough are true; None while the open ones could still decide it.

    >>> at_least(2, [True, True, None]), at_least(2, [True, None]), at_least(2, [True, False])
    (True, None, False)
    """
    truths = list(truths)
    true, still_open = truths.count(True), truths.count(None)
    if true >= needed:
        return True
    return None if true + still_open >= needed else False


def any_of(truths: Iterable[Truth]) -> Truth:
    """Whether one is true."""
    return at_least(1, truths)


def all_of(truths: Iterable[Truth]) -> Truth:
    """Whether all are true."""
    truths = list(truths)
    return at_least(len(truths), truths)
