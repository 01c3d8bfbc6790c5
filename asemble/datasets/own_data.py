"""Rows of a manifest to labelled series, and to slices that a network learns from.

Images go the way of `predict`: read by `asemble.io`, prepared by `asemble.imaging.slices`. A mask
goes over the same grid. With a mask, a slice that it marks has the label of its row and every
other slice is normal; without one, every slice has the label of its row.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from asemble import io
from asemble.core.errors import InputError
from asemble.core.labels import PATTERNS, Pattern
from asemble.core.study import Series
from asemble.datasets.manifest import Problems, Row
from asemble.datasets.simulated import FULL_CELL
from asemble.datasets.slice_set import SliceSet
from asemble.imaging.fingerprints import Bits, fingerprints
from asemble.imaging.intensity import RATIO_MAX, SQUASH, SQUASH_GAIN
from asemble.imaging.slices import MASK_SIDE, SIDE, Grid, prepare

Progress = Callable[[int, int], None]
"""Called with the number of rows done and the number of rows."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelledSeries:
    """The image of one row.

    Args:
        row: that it was read from.
        series: of the plane and weighting that the row states.
        labels: `(slice,)` int64, index into `PATTERNS`.
        lesions: `(slice, row, column)`, or None without a mask.
        notes: sentences about choices made while reading.
    """

    row: Row
    series: Series
    labels: npt.NDArray[np.int64]
    lesions: npt.NDArray[np.bool_] | None
    notes: tuple[str, ...] = ()


def read_rows(
    rows: Sequence[Row], problems: Problems, *, progress: Progress | None = None
) -> Iterator[LabelledSeries]:
    """The image of each row; what is wrong is noted with the row's line.

    Ends early where more problems would not be told.
    """
    for done, row in enumerate(rows, start=1):
        if problems.full:
            return
        try:
            labelled = read_row(row)
        except InputError as error:
            problems.add(row.line, error.code, _sentence(error.message))
        else:
            yield labelled
        if progress is not None:
            progress(done, len(rows))


def read_row(row: Row) -> LabelledSeries:
    """The image of one row, with its mask.

    Raises:
        InputError: it cannot be read, holds no or several series that the row could mean, is
            empty, or its mask does not fit.
    """
    study = io.read_study(row.path)
    held = study.all_series
    fitting = [s for s in held if (s.plane, s.weighting) == (row.plane, row.weighting)]
    series = fitting if len(held) > 1 else list(held)
    if len(series) != 1:
        raise InputError(
            f"The path holds {len(held)} series, of which {len(fitting)} have the plane "
            "and weighting of the row; name a single one.",
            code="row-series-ambiguous",
        )
    (one,) = series
    notes = []
    if study.refused:
        notes.append("Files in the folder of a row could not be read and were left out.")
    if one.plane not in (None, row.plane):
        notes.append("The plane of the manifest was trusted where the geometry shows another.")
    voxels = one.volume.voxels
    if not np.isfinite(voxels).all() or float(voxels.max()) <= max(0.0, float(voxels.min())):
        raise InputError("The image is empty or of one grey.", code="image-empty")
    lesions = None
    if row.mask is not None:
        lesions = io.lay_on(io.read_mask(row.mask), one.volume)
        if row.label is Pattern.NORMAL and lesions.any():
            raise InputError(
                "The row is normal but its mask marks a lesion.", code="mask-on-normal"
            )
        if row.label is not Pattern.NORMAL and not lesions.any():
            raise InputError(
                f"The row is {row.label.value} but its mask is empty.", code="mask-empty"
            )
    elif row.label is not Pattern.NORMAL and one.volume.shape[0] > 1:
        notes.append("Without a mask, every slice of a stack was given the label of its row.")
    stated = replace(one, plane=row.plane, weighting=row.weighting)
    return LabelledSeries(row, stated, _labels(row, one, lesions), lesions, tuple(notes))


def _labels(
    row: Row, series: Series, lesions: npt.NDArray[np.bool_] | None
) -> npt.NDArray[np.int64]:
    label = PATTERNS.index(row.label)
    if lesions is None:
        return np.full(series.volume.shape[0], label, dtype=np.int64)
    normal = PATTERNS.index(Pattern.NORMAL)
    return np.where(lesions.any(axis=(1, 2)), label, normal).astype(np.int64)


@dataclass(slots=True)
class Collected:
    """Slices of many rows, as they grow.

    Args:
        images: `(slice, 256, 256)` float16 a row, as in `SliceSet`.
        lesions: `(slice, 2, 64, 64)` uint8 a row.
        labels: `(slice,)` a row.
        rows: the rows themselves.
        bits: perceptual hashes a row.
        notes: how many rows each note was said of.
    """

    images: list[npt.NDArray[np.float16]] = field(default_factory=list)
    lesions: list[npt.NDArray[np.uint8]] = field(default_factory=list)
    labels: list[npt.NDArray[np.int64]] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    bits: list[Bits] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)

    def add(self, labelled: LabelledSeries) -> None:
        """The slices of one more row."""
        stack = prepare(labelled.series.volume, labelled.series.plane)
        slices = len(stack.images)
        ratios = SQUASH * stack.images / (SQUASH_GAIN - stack.images)  # undoes the squash
        lesions = np.zeros((slices, 2, MASK_SIDE, MASK_SIDE), np.uint8)
        if labelled.lesions is not None and labelled.row.label is not Pattern.NORMAL:
            channel = PATTERNS.index(labelled.row.label) - 1
            lesions[:, channel] = np.round(255 * _cells(labelled.lesions, stack.grid))
        self.images.append(ratios.clip(0, RATIO_MAX).astype(np.float16))
        self.lesions.append(lesions)
        self.labels.append(labelled.labels)
        self.rows.append(labelled.row)
        self.bits.append(fingerprints(stack.images))
        self.notes.update(labelled.notes)

    def slices(self, chosen: Sequence[int], cases: npt.NDArray[np.int64]) -> SliceSet:
        """The slices of some rows.

        Where any row has a mask, a normal row counts as having an empty one: it has no lesion to
        draw. Without any mask the networks learn from labels alone.

        Args:
            chosen: indices of rows; not none.
            cases: `(row,)` number of the patient or group of each row.
        """
        any_mask = any(row.mask is not None for row in self.rows)
        counts = [len(self.labels[i]) for i in chosen]
        masked = [
            self.rows[i].mask is not None or (any_mask and self.rows[i].label is Pattern.NORMAL)
            for i in chosen
        ]
        return SliceSet(
            np.concatenate([self.images[i] for i in chosen]),
            np.concatenate([self.lesions[i] for i in chosen]),
            np.concatenate([self.labels[i] for i in chosen]),
            np.repeat(cases[list(chosen)], counts),
            masked=np.repeat(masked, counts),
        )


def _cells(lesions: npt.NDArray[np.bool_], grid: Grid) -> npt.NDArray[np.float32]:
    """`(slice, 128, 128)`: 0..1, as full as `SliceSet.lesions` counts it."""
    fine = grid.to_square(lesions.astype(np.float32))
    step = SIDE // MASK_SIDE
    share = fine.reshape(-1, MASK_SIDE, step, MASK_SIDE, step).mean(axis=(2, 4))
    return np.asarray((share / FULL_CELL).clip(0, 1), dtype=np.float32)


def _sentence(message: str) -> str:
    """As `Problems` tells it: without the capital and the full stop."""
    return message[:1].lower() + message[1:].rstrip(".")
