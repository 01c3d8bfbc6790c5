"""Joint lines and SPARCC marks from the bones, in the form in which a reader makes them."""

from collections.abc import Sequence

import numpy as np

from asemble.core.errors import LineError
from asemble.core.joints import Bone, Half, Joint, JointLine, Lesion, Mark, Points, Quadrant, point
from asemble.core.volume import Floats
from asemble.measurements.cells import Bools, Cells
from asemble.reading.joint_lines import JointLines, Slice, lay, line_at
from asemble.reading.quadrants import Hit, hits

LEAST_QUADRANT_MM2 = 30.0
"""Oedema in a quadrant from which it is proposed: networks draw it about twice as large as it is,
and 12 mm² label a simulated slice."""
DEEP_MM = 10.0
"""SPARCC: oedema that reaches this far from the joint surface is deep."""
DEEPEST_CELLS = 3
"""So many cells must reach a depth: one alone is noise."""
BRIGHTEST_MM2 = 12.0
"""Oedema is as bright as its brightest area of this size."""
SCORED_FROM_MM = 10.0
"""SPARCC scores no joint that is lower than this on a slice."""
BOTH_HALVES_FROM_MM = 30.0
"""SPARCC: a joint that is lower than this on a slice has upper quadrants alone."""
BENDS = (0.5, 0.4, 0.6, 0.3, 0.7)
"""Shares of a joint's height at which it may bend; of equals the first."""


def proposed_lines(cells: Cells) -> tuple[JointLine, ...]:
    """A line along each joint on each slice that shows it, as a reader would lay it.

    What a reader could not lay either, because it is too short or too flat, is left out.
    """
    lines = JointLines("")
    for joint in Joint:
        for index in cells.seen(joint):
            rows, columns = np.nonzero(cells.seam[joint][index])
            drawn = cells.places_mm(index, _along(rows, columns))
            try:
                lines = lay(lines, joint, drawn, Slice.of(cells.affine, index))
            except LineError:
                continue
    return lines.lines


def proposed_marks(
    cells: Cells,
    oedema: Bools,
    lines: Sequence[JointLine],
    *,
    ratio: Floats | None = None,
    fluid_ratio: float | None = None,
    least_mm2: float = LEAST_QUADRANT_MM2,
) -> tuple[Mark, ...]:
    """Every quadrant with oedema on every slice that shows a joint, as a reader marks it.

    Which bone oedema lies in the bones say, which joint and half the lines, so that marks follow
    the lines that a reader corrects.

    Args:
        cells: of the series.
        oedema: `(slice, row, column)`, from `cells.oedema_at`.
        lines: proposed, or as the reader left them.
        ratio: how many times as bright as reference marrow each cell is.
        fluid_ratio: from which on oedema is intense; without it none is.
        least_mm2: of oedema in a quadrant, for it to be marked.
    """
    laid = JointLines("", tuple(lines))
    marks: list[Mark] = []
    for index in cells.with_joint:
        at = Slice.of(cells.affine, index)
        heights = {joint: _height_mm(laid, joint, at) for joint in Joint}
        if not any(heights.values()) or not oedema[index].any():
            continue
        where = np.argwhere(oedema[index])
        found = hits(laid, at, cells.places_mm(index, where))
        groups: dict[Quadrant, list[int]] = {}
        for n, (one, cell) in enumerate(zip(found, where, strict=True)):
            quadrant = _quadrant(cells, index, cell, one, heights)
            if quadrant is not None:
                groups.setdefault(quadrant, []).append(n)
        for quadrant in sorted(groups):
            members = where[groups[quadrant]]
            if len(members) * cells.area_mm2 < least_mm2:
                continue
            depth = cells.depth_mm[quadrant.joint][index][tuple(members.T)]
            place, line_mm = _place(quadrant, where, found, groups[quadrant])
            values = None if ratio is None else ratio[index][tuple(members.T)]
            marks.append(
                Mark(
                    Lesion.OEDEMA,
                    index,
                    quadrant,
                    is_deep=reach_mm(depth) >= DEEP_MM,
                    is_intense=bool(is_intense(cells, values, fluid_ratio)),
                    place_mm=point(cells.places_mm(index, place[None])[0]),
                    line_mm=round(line_mm, 1),
                )
            )
    return tuple(marks)


def reach_mm(depth: Floats) -> float:
    """How deep oedema reaches, from the depth of its cells: the third deepest, 0 of none.

    >>> reach_mm(np.array([3.0, 12.0, 4.0, 5.0]))
    4.0
    """
    if not len(depth):
        return 0.0
    return float(np.sort(depth)[-min(DEEPEST_CELLS, len(depth))])


def is_intense(cells: Cells, values: Floats | None, fluid_ratio: float | None) -> bool | None:
    """Whether the brightest `BRIGHTEST_MM2` of oedema are as bright as fluid; None if unknown."""
    if values is None or fluid_ratio is None:
        return None
    count = max(1, round(BRIGHTEST_MM2 / cells.area_mm2))
    return bool(np.sort(values)[-count:].mean() >= fluid_ratio)


def _along(rows: np.ndarray, columns: np.ndarray) -> Points:
    """`(3, 2)` row and column: upper end, bend and lower end of the line nearest to some cells."""
    top, bottom = float(rows.min()), float(rows.max())
    best: tuple[float, Points] | None = None
    for share in BENDS:
        knots = np.array([top, top + share * (bottom - top), bottom])
        hats = np.stack([np.interp(rows, knots, each) for each in np.eye(3)], axis=1)
        found, *_ = np.linalg.lstsq(hats, columns.astype(np.float64), rcond=None)
        off = round(float(np.square(hats @ found - columns).sum()), 6)
        if best is None or off < best[0]:
            best = off, np.stack([knots, found], axis=1)
    if best is None:
        raise ValueError("a line needs a place to bend")
    return best[1]


def _height_mm(lines: JointLines, joint: Joint, at: Slice) -> float:
    here = line_at(lines, joint, at)
    if here is None:
        return 0.0
    return float(np.linalg.norm(np.diff(here.points, axis=0), axis=1).sum())


def _quadrant(
    cells: Cells, index: int, cell: np.ndarray, found: Hit, heights: dict[Joint, float]
) -> Quadrant | None:
    """Of one cell of oedema; None where its joint is not scored on the slice."""
    row, column = cell
    joint = found.quadrant.joint
    if heights[joint] < SCORED_FROM_MM or not np.isfinite(
        cells.depth_mm[joint][index, row, column]
    ):
        return None
    half = found.quadrant.half if heights[joint] >= BOTH_HALVES_FROM_MM else Half.UPPER
    is_sacral = cells.labels[index, row, column] == 1
    return Quadrant(joint, half, Bone.SACRAL if is_sacral else Bone.ILIAC)


def _place(
    quadrant: Quadrant, where: np.ndarray, found: list[Hit], members: list[int]
) -> tuple[np.ndarray, float]:
    """The cell nearest to the middle of a quadrant's oedema, where the lines agree, and mm."""
    agreeing = [n for n in members if found[n].quadrant == quadrant] or members
    off = np.square(where[agreeing] - where[members].mean(axis=0)).sum(axis=1).round(6)
    chosen = agreeing[int(off.argmin())]
    return where[chosen], found[chosen].line_mm
