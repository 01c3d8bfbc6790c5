"""Normal marrow, against which oedema is held, and the fluid against which it counts as intense.

Readers hold oedema against the marrow of the sacrum between its foramina, on the same slice where
they can; here it is found from the bones alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from asemble.core.joints import Joint
from asemble.core.labels import Tissue
from asemble.core.measurements import Reference
from asemble.core.volume import Floats
from asemble.measurements.cells import Bools, Cells

FROM_JOINT_MM = 15.0
"""Reference marrow is this far from either joint: deep oedema begins at 10 mm."""
FROM_MIDLINE_MM = 20.0
"""And this near to the midline: the first foramina lie about 20 mm beside it."""
SURELY_NO_OEDEMA = 0.2
"""How likely oedema may be in reference marrow."""
LEAST_MM2 = 150.0
"""Of it on a slice: 60 cells, so that their median is known to a twentieth."""
FLUID_NEAR_MM = 25.0
"""Fluid further from the sacrum is bladder and bowel, which no reader holds oedema against."""
LEAST_FLUID_MM2 = 150.0
"""Of fluid in the series."""

NO_JOINT = "No slice shows a joint."
TOO_LITTLE = (
    f"No slice shows {LEAST_MM2:.0f} mm² of sacral marrow between the foramina, away from the "
    "joints and from oedema."
)


@dataclass(frozen=True, slots=True)
class Marrow:
    """Grey values of reference marrow.

    Args:
        reference: where it was seen.
        values: raw grey value for every slice of the series: its own, or that of the nearest slice
            that shows enough. None without reference.
    """

    reference: Reference
    values: tuple[float, ...] | None


def reference_marrow(cells: Cells) -> Marrow:
    """The marrow of the interforaminal sacrum, slice by slice: the median of its cells."""
    if not cells.with_joint:
        return Marrow(Reference((), 0.0, NO_JOINT), None)
    where = _interforaminal(cells)
    areas = {k: float(where[k].sum()) * cells.area_mm2 for k in cells.with_joint}
    found = {
        k: float(np.median(cells.values[k][where[k]])) for k, a in areas.items() if a >= LEAST_MM2
    }
    found = {k: value for k, value in found.items() if value > 0}
    if not found:
        return Marrow(Reference((), 0.0, TOO_LITTLE), None)
    reference = Reference(tuple(found), round(sum(areas[k] for k in found), 1))
    return Marrow(reference, _by_slice(found, len(cells.labels)))


def ratios(cells: Cells, marrow: Marrow) -> Floats | None:
    """`(slice, row, column)`: how many times as bright as reference marrow; None without it."""
    if marrow.values is None:
        return None
    by = np.array(marrow.values, dtype=np.float32)[:, None, None]
    return np.asarray(cells.values / by)


def fluid_ratio(cells: Cells, ratio: Floats) -> float | None:
    """How many times as bright as marrow vessels, fluid and discs beside the sacrum are.

    The median over the slices with joints; None where too little is seen.
    """
    found = []
    for k in cells.with_joint:
        sacrum = cells.labels[k] == Tissue.SACRUM
        near = ndimage.distance_transform_edt(~sacrum) * cells.cell_mm <= FLUID_NEAR_MM
        found.append(ratio[k][near & cells.bright[k]])
    values = np.concatenate(found) if found else np.zeros(0)
    if len(values) * cells.area_mm2 < LEAST_FLUID_MM2:
        return None
    return float(np.median(values))


def _interforaminal(cells: Cells) -> Bools:
    """Sacral marrow about the midline between the joints, without its rim and without oedema."""
    near = np.minimum(*cells.depth_mm.values())
    inner = ndimage.binary_erosion(cells.labels == Tissue.SACRUM, structure=_CROSS)
    columns = np.arange(cells.labels.shape[-1])
    about = np.abs(columns - _midline(cells)) * cells.cell_mm <= FROM_MIDLINE_MM
    clear = cells.suspected <= SURELY_NO_OEDEMA
    return np.asarray(inner & about & clear & (near >= FROM_JOINT_MM) & ~cells.bright)


_CROSS = np.zeros((3, 3, 3), dtype=np.bool_)
_CROSS[1] = ndimage.generate_binary_structure(2, 1)


def _midline(cells: Cells) -> float:
    """Column halfway between the joints, or the middle of the sacrum where one alone is seen."""
    middles = {j: np.flatnonzero(cells.seam[j].any(axis=(0, 1))) for j in Joint}
    if all(len(found) for found in middles.values()):
        return float(np.mean([np.median(np.nonzero(cells.seam[j])[2]) for j in Joint]))
    return float(np.median(np.nonzero(cells.labels == Tissue.SACRUM)[2]))


def _by_slice(found: Mapping[int, float], slices: int) -> tuple[float, ...]:
    known = np.array(sorted(found))
    nearest = [known[np.abs(known - k).argmin()] for k in range(slices)]
    return tuple(found[int(k)] for k in nearest)
