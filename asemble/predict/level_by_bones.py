"""At which level two examinations of one patient show the same bones.

Each slice of one is held against each slice of the other, moved in its plane until their bones lie
upon each other. The level is the offset along the slice axis at which slices that then lie side by
side agree best.
"""

from contextlib import closing
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from asemble.core import memory_budget
from asemble.core.errors import SeriesError
from asemble.core.geometry import slice_axis, slice_middle_mm
from asemble.core.labels import Plane
from asemble.core.study import Series
from asemble.imaging.bones import bone_labels
from asemble.imaging.slices import prepare
from asemble.models import Ensemble
from asemble.models.ensemble import forward_tissue
from asemble.predict.assessment import SLICE_BYTES
from asemble.predict.bones_of_t1 import READER

STEP_MM = 0.5
"""Between the offsets that are tried; slices are some millimetres apart."""
LEAST_SLICES = 5
"""That both show bone on where they lie side by side; fewer fit by chance at an end of a stack."""
LEAST_AGREEMENT = 0.6
"""Dice of the bones. Two simulated people, moved along the slice axis by -35 to 20 mm and in the
slice, cut and with noise: 0.67 to 0.86, and within 0.3 mm of where they were; one and the other:
0.44."""
MOST_SLICES = 60
"""Of a stack; of more every second or third is looked at."""
LEAST_CELLS = 200
"""A slice with less bone than this is passed over."""

Labels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Level:
    """What is added to the slices of the prior.

    Args:
        offset_mm: along the slice axis of the current series, towards left, posterior or superior.
        agreement: Dice of the bones at that offset, 0 to 1.
    """

    offset_mm: float
    agreement: float


def level_by_bones(current: Series, prior: Series, ensemble: Ensemble) -> Level:
    """The offset at which the prior shows the bones of the current series.

    Args:
        current: of the current examination.
        prior: of the prior, of the same plane.
        ensemble: one member of which names the bones.

    Raises:
        SeriesError: geometry is not known, or the bones do not agree anywhere.
        InputError: the process has no room, nor after waiting.
    """
    here, there = current.volume.affine_lps, prior.volume.affine_lps
    if here is None or there is None or current.plane is None or current.plane is not prior.plane:
        raise SeriesError(
            "Two series of one plane with known geometry are needed to find their level.",
            hint="Choose Same level here in the viewer.",
            code="no-level-without-geometry",
        )
    axis = slice_axis(here)
    most = sum(min(each.volume.shape[0], MOST_SLICES) for each in (current, prior))
    with memory_budget.shared().reserve(SLICE_BYTES * most):
        found = [_bones(each, current.plane, ensemble) for each in (current, prior)]
    (ours, own_at), (theirs, at) = found
    own_mm, mm = (
        np.array([axis @ slice_middle_mm(affine, each.volume.shape, index) for index in indices])
        for affine, each, indices in ((here, current, own_at), (there, prior, at))
    )
    level = best_level(agreement_of(ours, theirs), own_mm, mm)
    if level.agreement < LEAST_AGREEMENT:
        raise SeriesError(
            f"The bones of both examinations agree too little (overlap {level.agreement:.2f}), so "
            "no level was set.",
            hint="Choose Same level here in the viewer.",
            code="bones-of-no-level",
        )
    return level


def agreement_of(ours: Labels, theirs: Labels) -> npt.NDArray[np.float64]:
    """Dice of the bones of each slice of one `(slice, row, column)` with each of the other."""
    ours, theirs = (np.stack([_centred(each) for each in labels]) for labels in (ours, theirs))
    sizes = [np.count_nonzero(labels, axis=(1, 2)) for labels in (ours, theirs)]
    same = [
        [np.count_nonzero((one == other) & (one > 0)) for other in theirs] for one in ours
    ]  # of the same bone
    return np.asarray(2 * np.array(same) / np.add.outer(*sizes), dtype=np.float64)


def best_level(
    agreement: npt.NDArray[np.float64],
    own_mm: npt.NDArray[np.float64],
    mm: npt.NDArray[np.float64],
) -> Level:
    """The offset at which slices that lie side by side agree best.

    Args:
        agreement: of each slice of one with each of the other.
        own_mm: where those of one lie.
        mm: where those of the other lie, before it is moved.

    >>> at = np.arange(6) * 4.0
    >>> best_level(np.eye(6), at, at + 12).offset_mm
    -12.0
    """
    order = np.argsort(mm)
    mm, agreement = mm[order], agreement[:, order]
    best = Level(0.0, 0.0)
    for offset in np.arange(own_mm.min() - mm.max(), own_mm.max() - mm.min() + STEP_MM, STEP_MM):
        moved = mm + offset
        beside = np.flatnonzero((own_mm >= moved[0] - 0.01) & (own_mm <= moved[-1] + 0.01))
        if len(beside) < min(LEAST_SLICES, len(own_mm), len(mm)):
            continue
        found = [np.interp(own_mm[one], moved, agreement[one]) for one in beside]
        mean = float(np.mean(found))
        if mean > best.agreement:
            best = Level(round(float(offset), 1), mean)
    return best


def _bones(
    series: Series, plane: Plane, ensemble: Ensemble
) -> tuple[Labels, npt.NDArray[np.int64]]:
    """Bones of the slices that show some, and the numbers of these slices."""
    slices = series.volume.shape[0]
    at = np.arange(0, slices, -(-slices // MOST_SLICES))
    images = prepare(series.volume, plane).images[at]
    with closing(ensemble.each(plane, images, forward_tissue, member=READER)) as pieces:
        labels = np.concatenate([bone_labels(piece[READER][0]) for piece in pieces])
    shown = np.flatnonzero(np.count_nonzero(labels, axis=(1, 2)) >= LEAST_CELLS)
    if not len(shown):
        raise SeriesError(
            "No bones are found on a series of one of both examinations.",
            hint="Choose Same level here in the viewer.",
            code="no-bones-to-level",
        )
    return labels[shown], at[shown]


def _centred(labels: Labels) -> Labels:
    """A slice with the middle of its bones in the middle of the square."""
    rows, columns = np.nonzero(labels)
    side = np.array(labels.shape)
    shift = np.round(side / 2 - [rows.mean(), columns.mean()]).astype(int)
    return np.roll(labels, tuple(shift), axis=(0, 1))
