"""Percentiles of a whole stack, exactly, without a copy of it.

Sorting a stack takes as much memory as it has, several times over. Here its values are counted
instead, slice by slice: first by the upper half of their bits, then, where a wanted one lies, by
the lower half. Bits of floats, with the sign turned, are in the order of the numbers.
"""

import math
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from asemble.core.interruption import checkpoint
from asemble.core.volume import Floats

Counts = npt.NDArray[np.int64]

_HALF = 16
_LOW = 2**_HALF - 1
_SIGN = np.uint32(1 << 31)


def percentiles(stack: Floats, wanted: Sequence[float]) -> list[float]:
    """Percentiles 0..100 of all values of `stack`, `(slice, row, column)`, between neighbours.

    Values that are no numbers do not count.

    >>> percentiles(np.arange(1001, dtype=np.float32).reshape(7, 11, 13), [0, 50, 99.95, 100])
    [0.0, 500.0, 999.5, 1000.0]
    """
    upper = _upper_counts(stack, -math.inf)
    last = int(upper.sum()) - 1
    places = [share / 100 * last for share in wanted]
    ranks = sorted({rank for place in places for rank in (math.floor(place), math.ceil(place))})
    found = dict(zip(ranks, _at_ranks(stack, upper, ranks, -math.inf), strict=True))
    return [
        _between(found[math.floor(place)], found[math.ceil(place)], place - math.floor(place))
        for place in places
    ]


def median_above(stack: Floats, least: float) -> float:
    """Median of the values above `least`; 0 where there is none.

    >>> median_above(np.array([[[0, 0.1, 2]], [[3, 4, 5]]], dtype=np.float32), 0.5)
    3.5
    """
    upper = _upper_counts(stack, least)
    count = int(upper.sum())
    if not count:
        return 0.0
    ranks = sorted({(count - 1) // 2, count // 2})
    return float(np.mean(np.array(_at_ranks(stack, upper, ranks, least), dtype=np.float32)))


def _between(low: float, high: float, share: float) -> float:
    return low + (high - low) * share if share < 0.5 else high - (high - low) * (1 - share)


def _upper_counts(stack: Floats, least: float) -> Counts:
    counts = np.zeros(_LOW + 1, dtype=np.int64)
    for keys in _keys(stack, least):
        counts += np.bincount(keys >> _HALF, minlength=_LOW + 1)
    return counts


def _at_ranks(stack: Floats, upper: Counts, ranks: Sequence[int], least: float) -> list[float]:
    """The values at `ranks`, counted from 0 in ascending order."""
    ends = np.cumsum(upper)
    halves = [int(np.searchsorted(ends, rank, side="right")) for rank in ranks]
    lower = {half: np.zeros(_LOW + 1, dtype=np.int64) for half in halves}
    for keys in _keys(stack, least):
        here = keys >> _HALF
        for half in lower:
            lower[half] += np.bincount(keys[here == half] & _LOW, minlength=_LOW + 1)
    return [
        _value(half, int(np.searchsorted(np.cumsum(lower[half]), rank - before, side="right")))
        for half, rank in zip(halves, ranks, strict=True)
        for before in [int(ends[half - 1]) if half else 0]
    ]


def _keys(stack: Floats, least: float) -> Iterable[npt.NDArray[np.uint32]]:
    """For each slice the bits of its values above `least`, in the order of the numbers."""
    for image in stack:
        checkpoint()
        values = image[image > least] if least > -math.inf else image[~np.isnan(image)]
        bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
        yield np.where(bits & _SIGN, ~bits, bits | _SIGN)


def _value(half: int, rest: int) -> float:
    key = np.uint32(half << _HALF | rest)
    bits = key ^ _SIGN if key & _SIGN else ~key
    return float(np.array([bits], dtype=np.uint32).view(np.float32)[0])
