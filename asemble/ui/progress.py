"""A progress bar with the time that is left, for work of more than a second."""

from time import monotonic

import streamlit as st

SURE_AFTER = 0.1
"""The share of the work before which no time is told: it would be a guess."""


class Progress:
    """A bar that says what is done and how long it will take yet.

    Args:
        text: what is being done at first.
    """

    def __init__(self, text: str) -> None:
        self._started = monotonic()
        self._bar = st.progress(0.0, text)

    def show(self, share: float, text: str) -> None:
        """`share` of the work is done, 0 to 1, and `text` is under way."""
        spent = monotonic() - self._started
        self._bar.progress(share, f"{text}{time_left(share, spent)}")

    def clear(self) -> None:
        """Take the bar away."""
        self._bar.empty()


def time_left(share: float, spent: float) -> str:
    """The time that is left at the pace so far, to be read after what is being done.

    >>> time_left(0.25, 2.0), time_left(0.01, 2.0), time_left(0.9, 1200)
    (', about 6 s left', '', ', about 2 min left')
    """
    if share < SURE_AFTER or share >= 1:
        return ""
    seconds = spent * (1 - share) / share
    if seconds < 100:
        return f", about {max(1, round(seconds))} s left"
    return f", about {round(seconds / 60)} min left"
