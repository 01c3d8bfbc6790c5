"""Perceptual hashes: which slices are near-duplicates of each other.

Neighbouring slices of one stack, and turned, shifted, mirrored or brightened copies of one slice,
differ little in the signs of their low frequencies. Where no patient is named, slices that are so
alike must stay on one side of a split.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy.fft import dctn
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from asemble.imaging.slices import SIDE

Bits = npt.NDArray[np.bool_]
"""`(n, 2, 255)`: hash of each slice and of its mirror image."""

REDUCED_SIDE = 64
"""Pixels along a side before the transform: noise is gone, joints are not."""
FREQUENCIES = 16
"""Lowest frequencies kept along each side, without the mean of the image."""
NEAR_DUPLICATE = 0.30
"""Share of bits that near-duplicates differ in, at most.

Measured on simulated stacks: neighbouring slices 0.12-0.31, copies turned by 3 degrees 0.14-0.29,
slices of different cases 0.35-0.63.
"""
_CHUNK = 1024


def fingerprints(images: npt.NDArray[np.floating]) -> Bits:
    """The hash of each prepared slice `(n, 256, 256)` and of its mirror image.

    >>> fingerprints(np.zeros((3, 256, 256))).shape
    (3, 2, 255)
    """
    step = SIDE // REDUCED_SIDE
    blocks = images.reshape(-1, REDUCED_SIDE, step, REDUCED_SIDE, step)
    reduced = blocks.mean(axis=(2, 4), dtype=np.float32)  # (n, 64, 64)
    both = np.stack([reduced, reduced[..., ::-1]], axis=1)
    low = dctn(both, axes=(2, 3), norm="ortho")[..., :FREQUENCIES, :FREQUENCIES]
    low = low.reshape(len(images), 2, -1)[..., 1:]
    return np.asarray(low > np.median(low, axis=2, keepdims=True))


def differences(one: Bits, other: Bits) -> npt.NDArray[np.float32]:
    """`(n, m)`: share of bits that differ, of the better of image and mirror image."""
    straight = _signs(one[:, 0]) @ _signs(other[:, 0]).T
    mirrored = _signs(one[:, 0]) @ _signs(other[:, 1]).T
    return np.asarray((1 - np.maximum(straight, mirrored) / one.shape[2]) / 2, dtype=np.float32)


def near_duplicate_groups(bits: Bits) -> npt.NDArray[np.int64]:
    """`(n,)` number of the group of each slice: chains of near-duplicates share one."""
    pairs = [
        (rows + start, columns)
        for start, part in _chunks(bits)
        for rows, columns in [np.nonzero(differences(part, bits) <= NEAR_DUPLICATE)]
    ]
    rows, columns = (np.concatenate([np.empty(0, int), *some]) for some in zip(*pairs, strict=True))
    links = coo_array((np.ones(len(rows), bool), (rows, columns)), shape=(len(bits), len(bits)))
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.int64)


def nearest(bits: Bits, among: Bits) -> npt.NDArray[np.int64]:
    """`(n,)`: for each of `bits`, the index of the most alike of `among`, the first of equals."""
    found = [differences(part, among).argmin(axis=1) for _, part in _chunks(bits)]
    return np.concatenate(found)


def _signs(bits: Bits) -> npt.NDArray[np.float32]:
    return 2 * bits.astype(np.float32) - 1


def _chunks(bits: Bits) -> Iterator[tuple[int, Bits]]:
    """Parts whose table of differences fits into memory, with where each begins."""
    for start in range(0, len(bits), _CHUNK):
        yield start, bits[start : start + _CHUNK]
