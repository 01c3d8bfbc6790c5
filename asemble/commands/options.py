"""How the verbs of the command line are told to argparse."""

import argparse
from collections.abc import Callable
from typing import TypeAlias

from asemble.core.labels import STANDING_NOTICE

Verbs: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
"""Verbs beside each other; argparse has no public name for them."""


def add_verb(
    verbs: Verbs,
    name: str,
    purpose: str,
    run: Callable[[argparse.Namespace], int | None] | None = None,
) -> argparse.ArgumentParser:
    """One verb more, with the standing notice in its help.

    Args:
        verbs: of the parser above.
        name: as it is typed.
        purpose: in a few words.
        run: does it and returns the exit code, None for 0; a verb of verbs has none.
    """
    added = verbs.add_parser(name, help=purpose, description=f"{purpose}. {STANDING_NOTICE}")
    if run is not None:
        added.set_defaults(verb=run)
    return added


def count_from_zero(text: str) -> int:
    """A whole number, 0 or more."""
    return _count(text, 0)


def count_from_one(text: str) -> int:
    """A whole number, 1 or more."""
    return _count(text, 1)


def _count(text: str, least: int) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} on")
    return int(text)
