"""Patient-disjoint parts of a manifest: as it names them, or drawn by chance, equal for all labels.

Where no patient is named, near-duplicate slices stand for one: a group of them stays together.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from asemble.core.labels import PATTERNS, Pattern
from asemble.datasets.manifest import SPLITS, TRAINING, VALIDATION, Problems, Row
from asemble.imaging.fingerprints import Bits, near_duplicate_groups

VALIDATION_SHARE = 0.2
"""Of the patients of each label, where the manifest names no split."""


def case_numbers(rows: Sequence[Row], bits: Sequence[Bits]) -> npt.NDArray[np.int64]:
    """`(row,)`: a number for each patient, or for each group of near-duplicates without patients.

    Args:
        rows: at least one.
        bits: perceptual hashes of the slices of each row.
    """
    if any(row.patient for row in rows):
        numbers: dict[str, int] = {}
        found = [numbers.setdefault(row.patient, len(numbers)) for row in rows]
        return np.array(found, dtype=np.int64)
    groups = near_duplicate_groups(np.concatenate(bits))
    of_row = np.repeat(np.arange(len(rows)), [len(some) for some in bits])
    # The slices of one image belong together, alike or not: join the groups that rows connect.
    home = np.arange(groups.max() + 1)
    for row in range(len(rows)):
        touched = np.unique(home[groups[of_row == row]])
        home[np.isin(home, touched)] = touched[0]
    first_slice = np.searchsorted(of_row, np.arange(len(rows)))
    return np.unique(home[groups[first_slice]], return_inverse=True)[1].astype(np.int64)


def case_labels(rows: Sequence[Row], cases: npt.NDArray[np.int64]) -> dict[int, Pattern]:
    """The label of each case: inflammatory if any row is, else mechanical if any is."""
    severity = (Pattern.NORMAL, Pattern.MECHANICAL, Pattern.INFLAMMATORY)
    labels: dict[int, Pattern] = {}
    for row, case in zip(rows, cases.tolist(), strict=True):
        labels[case] = max(labels.get(case, Pattern.NORMAL), row.label, key=severity.index)
    return labels


def draw_splits(
    labels: Mapping[int, Pattern], shares: Mapping[str, float], seed: int
) -> dict[int, str]:
    """A part for each case, by chance and for each label in the same shares.

    A label with at least as many cases as parts has a case in every part.

    Args:
        labels: of the cases.
        shares: of the parts after the first; the rest is `TRAINING`.
        seed: of the draw; equal input gives an equal draw.

    >>> drawn = draw_splits({1: Pattern.NORMAL, 2: Pattern.NORMAL}, {"validation": 0.2}, seed=0)
    >>> sorted(drawn.values())
    ['training', 'validation']
    """
    by_label: defaultdict[Pattern, list[int]] = defaultdict(list)
    for case in sorted(labels):
        by_label[labels[case]].append(case)
    parts: dict[int, str] = {}
    for label in PATTERNS:
        order = np.random.default_rng((seed, PATTERNS.index(label))).permutation(by_label[label])
        left = [int(case) for case in order]
        for part, share in shares.items():
            taken = max(1, round(share * len(order)))
            taken = min(taken, max(0, len(left) - 1))  # one stays to learn from
            parts |= dict.fromkeys(left[:taken], part)
            left = left[taken:]
        parts |= dict.fromkeys(left, TRAINING)
    return parts


def split_rows(
    rows: Sequence[Row], cases: npt.NDArray[np.int64], seed: int
) -> dict[str, list[int]]:
    """Indices of the rows of each part: as the manifest names them, else drawn."""
    if any(row.split for row in rows):
        names = [row.split for row in rows]
    else:
        drawn = draw_splits(case_labels(rows, cases), {VALIDATION: VALIDATION_SHARE}, seed)
        names = [drawn[case] for case in cases.tolist()]
    parts: dict[str, list[int]] = {part: [] for part in SPLITS}
    for index, name in enumerate(names):
        parts[name].append(index)
    return parts


def check_classes(
    training: npt.NDArray[np.int64], validation: npt.NDArray[np.int64], problems: Problems
) -> None:
    """Note what a network could not be taught or scored with; mechanical may be missing.

    Args:
        training: index into `PATTERNS` of every slice.
        validation: the same.
        problems: where to note it, on the line of the header: no row is there to name.
    """
    for part, labels in ((TRAINING, training), (VALIDATION, validation)):
        for pattern in (Pattern.NORMAL, Pattern.INFLAMMATORY):
            if PATTERNS.index(pattern) not in labels:
                problems.add(1, "class-missing", f"no slice for {part} is {pattern.value}")
    mechanical = PATTERNS.index(Pattern.MECHANICAL)
    if mechanical in validation and mechanical not in training:
        problems.add(
            1, "class-missing", "slices for validation are mechanical, and none for training is"
        )


def groups_in_several(groups: npt.NDArray[np.int64], parts: npt.NDArray[np.int64]) -> set[int]:
    """Numbers of the groups whose members lie in more than one part."""
    pairs = np.unique(np.stack([groups, parts], axis=1), axis=0)
    numbers, counts = np.unique(pairs[:, 0], return_counts=True)
    return set(numbers[counts > 1].tolist())
