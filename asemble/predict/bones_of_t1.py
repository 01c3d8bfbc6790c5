"""Bones of a T1 series beside a fluid-sensitive one that is judged.

T1 shows marrow and cortex as no fluid-sensitive slice does, and networks find bones on it better.
Where both were taken in one frame of reference, bones are the mean of what is found on both; what
is oedema, and which class a slice is, the fluid-sensitive series says alone (docs/decisions/0035).
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from asemble.core.geometry import slice_normal
from asemble.core.labels import Plane, Weighting
from asemble.core.results import Level, Remark
from asemble.core.study import Series
from asemble.core.volume import Affine, Floats
from asemble.explain.series_bones import SeriesBones
from asemble.imaging.arrangement import pelvis_shown
from asemble.imaging.bones import bone_labels
from asemble.imaging.slices import MASK_SIDE, SIDE, grid_of, prepare
from asemble.models import Ensemble
from asemble.models.ensemble import forward_tissue
from asemble.models.input_gate import FEWEST_SLICES

Bools = npt.NDArray[np.bool_]

READER = "efficientnet"
"""The member that looks at T1: alone it finds bones there nearly as well as all three together, in
a third of the time (docs/decisions/0035)."""
MOST_TILT_DEG = 15.0
"""Between slices that are nearly parallel; technicians copy one planning to the other."""
LEAST_COVERED = 0.5
"""Of what a series shows on its squares, so much has to lie in the T1."""
COARSE = 32
"""Cells along a side of a slice, to ask that."""
MOST_SLICES = 2
"""A T1 of more slices than so many for each slice of the series takes longer than it gains."""
LEAST_OVERLAP = 0.70
"""Dice of the bones on both, from which on they are of one place. Four patients who had not moved
reach 0.78 to 0.82; T1 moved by 5 mm falls to it, and from there on the mean of both is worse than
the series alone (docs/decisions/0035)."""
ELSEWHERE = "t1-elsewhere"
"""Code of the note that a T1 was left out for it."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """The bones of a series that was judged.

    Args:
        tissue: `(slice, 6, 128, 128)` float16, how likely each place is each `Tissue`.
        series_ids: on which they were found, that of the series itself first.
        t1: those of the T1 series on its own grid, of both series too; None where none was used.
        notes: why a T1 was left out.
    """

    tissue: npt.NDArray[np.float16]
    series_ids: tuple[str, ...]
    t1: SeriesBones | None = None
    notes: tuple[Remark, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Squares:
    """Where the cells of the maps of one series lie.

    Args:
        shape: slices, rows and columns of cells.
        affine: `(slice, row, column, 1)` of a cell to mm LPS.
        lowest: `(3,)`, from which slice, row and column on, in cells, there is an image.
        highest: up to which.
    """

    shape: tuple[int, int, int]
    affine: Affine
    lowest: npt.NDArray[np.float64]
    highest: npt.NDArray[np.float64]

    @classmethod
    def of(cls, series: Series, side: int = MASK_SIDE) -> "Squares":
        """Those of a series.

        Args:
            series: whose geometry is known.
            side: cells along a side of a slice.

        Raises:
            ValueError: its geometry is not known.
        """
        grid = grid_of(series.volume, series.plane)
        shown = grid.turn.affine_of(series.volume)
        if shown is None:
            raise ValueError(f"series {series.id} has no geometry")
        slices = series.volume.shape[0]
        steps = np.array([grid.row_step, grid.column_step]) * SIDE / side
        first = grid.places_shown([0, 0], side)
        cells = np.diag([1.0, *steps, 1.0])
        cells[1:3, 3] = first
        last = (np.array([grid.rows, grid.columns]) - 0.5 - first) / steps
        return cls(
            (slices, side, side),
            shown @ cells,
            np.array([-0.5, *np.maximum((-0.5 - first) / steps, -0.5)]),
            np.array([slices - 0.5, *np.minimum(last, side - 0.5)]),
        )

    def cover(self, other: "Squares") -> Bools:
        """`other.shape`: which cells of another series lie in these slices."""
        back = self._back_from(other)
        at = np.indices(other.shape, sparse=True)
        covered = np.ones(other.shape, dtype=np.bool_)
        for axis, (low, high) in enumerate(zip(self.lowest, self.highest, strict=True)):
            place = back[axis, 3] + sum(back[axis, k] * at[k] for k in range(3))
            place = np.round(place, 6)  # so that no cell on an edge is in or out by the last bit
            covered &= (place >= np.round(low, 6)) & (place <= np.round(high, 6))
        return covered

    def onto(self, other: "Squares", tissue: Floats) -> Floats:
        """`(slice, 6, row, column)` of these cells on those of another series.

        Between cells by straight lines; outside them as on the outermost.
        """
        back = self._back_from(other)
        each_on_other = [
            ndimage.affine_transform(
                each, back[:3, :3], back[:3, 3], other.shape, order=1, mode="nearest"
            )
            for each in tissue.swapaxes(0, 1)
        ]
        return np.stack(each_on_other, axis=1)

    def _back_from(self, other: "Squares") -> Affine:
        return np.asarray(np.linalg.inv(self.affine) @ other.affine)


class BesideT1:
    """The T1 series beside the series of one study that are judged, each looked at once.

    Args:
        partners: the T1 of a series, by its id (`partners_of`).
        ensemble: whose member looks.
        count: told how many of their slices are done.
    """

    def __init__(
        self,
        partners: Mapping[str, Series],
        ensemble: Ensemble,
        count: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._partners, self._ensemble, self._count = partners, ensemble, count
        self._looked_at: dict[str, npt.NDArray[np.float16]] = {}

    def beside(self, series: Series, tissue: npt.NDArray[np.float16]) -> Found:
        """What both series say of bone, or the series alone where there is no T1 to trust.

        A series on which no slice shows a pelvis has no T1: it is not judged.

        Args:
            series: that is judged.
            tissue: `(slice, 6, 128, 128)`, what was found on it.
        """
        t1 = self._partners.get(series.id)
        alone = Found(tissue, (series.id,))
        if t1 is None or not pelvis_shown(tissue.astype(np.float32)).any():
            return alone
        here, there = Squares.of(series), Squares.of(t1)
        own, other = tissue.astype(np.float32), self._tissue(t1).astype(np.float32)
        seen, covered = there.onto(here, other), there.cover(here)
        shared = overlap(own, seen, covered)
        if shared < LEAST_OVERLAP:
            note = Remark(
                ELSEWHERE,
                f"The bones on {t1.id} (T1) lie elsewhere than on this series (overlap "
                f"{shared:.2f}, at least {LEAST_OVERLAP} is asked for): the patient may have moved "
                "between them, or T1 shows too little. Bones are those of this series alone.",
                Level.NOTE,
            )
            return Found(tissue, (series.id,), notes=(note,))
        on_t1 = together(other, here.onto(there, own), here.cover(there))
        return Found(
            together(own, seen, covered),
            (series.id, t1.id),
            SeriesBones(t1.id, grid_of(t1.volume, t1.plane), on_t1),
        )

    def _tissue(self, t1: Series) -> npt.NDArray[np.float16]:
        if t1.id not in self._looked_at:
            plane = Plane(str(t1.plane))
            images = prepare(t1.volume, plane).images
            found = []
            pieces = self._ensemble.each(plane, images, forward_tissue, member=READER)
            with closing(pieces):
                for piece in pieces:
                    found.append(piece[READER][0].astype(np.float16))
                    self._count(len(found[-1]))
            self._looked_at[t1.id] = np.concatenate(found)
        return self._looked_at[t1.id]


def partners_of(judged: Iterable[Series], series: Iterable[Series]) -> dict[str, Series]:
    """By id of a series that is judged, the T1 that is looked at beside it, where there is one.

    A T1 of the same plane and frame of reference, nearly parallel, that covers enough of it. Of
    several the nearest in tilt, then the first. What it shows is asked later, of its bones.
    """
    of_t1 = [one for one in series if one.weighting is Weighting.T1]
    found = {}
    for one in judged:
        beside = [t1 for t1 in of_t1 if _lies_beside(t1, one)]
        if beside:
            tilts = [round(tilt_deg(one, t1), 1) for t1 in beside]
            found[one.id] = beside[tilts.index(min(tilts))]
    return found


def slices_of(partners: Mapping[str, Series]) -> int:
    """Slices of all of them, each counted once."""
    return sum(one.volume.shape[0] for one in {t1.id: t1 for t1 in partners.values()}.values())


def overlap(one: Floats, other: Floats, covered: Bools) -> float:
    """Dice of the bones of two maps `(slice, 6, side, side)` where both were looked for.

    >>> bone = np.zeros((1, 6, 1, 2), np.float32)
    >>> bone[0, 1, 0] = 1
    >>> half = bone * np.float32([1, 0])
    >>> round(overlap(bone, half, np.ones((1, 1, 2), bool)), 3)
    0.667
    """
    bones = [(bone_labels(each) > 0) & covered for each in (one, other)]
    total = sum(int(each.sum()) for each in bones)
    return 2 * int((bones[0] & bones[1]).sum()) / total if total else 0.0


def together(own: Floats, other: Floats, covered: Bools) -> npt.NDArray[np.float16]:
    """The mean of both where the other covers it, else its own."""
    return np.where(covered[:, None], (own + other) / 2, own).astype(np.float16)


def tilt_deg(one: Series, other: Series) -> float:
    """Angle between the slices of two series whose geometry is known, 0 to 90.

    Raises:
        ValueError: it is not.
    """
    normals = []
    for series in (one, other):
        if series.volume.affine_lps is None:
            raise ValueError(f"series {series.id} has no geometry")
        normals.append(slice_normal(series.volume.affine_lps))
    return float(np.degrees(np.arccos(min(abs(float(normals[0] @ normals[1])), 1.0))))


def _lies_beside(t1: Series, series: Series) -> bool:
    if not t1.shares_frame_with(series) or t1.plane is not series.plane:
        return False
    if t1.volume.affine_lps is None or series.volume.affine_lps is None:
        return False
    slices = t1.volume.shape[0]
    if not FEWEST_SLICES <= slices <= MOST_SLICES * series.volume.shape[0]:
        return False
    if round(tilt_deg(series, t1), 1) > MOST_TILT_DEG:
        return False
    here, there = Squares.of(series, COARSE), Squares.of(t1, COARSE)
    return float(there.cover(here)[here.cover(here)].mean()) >= LEAST_COVERED
