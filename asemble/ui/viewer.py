"""The slice viewer: a whole series goes to the browser once, and slices move there.

Turning the wheel, the arrow keys or the slider change the slice without asking the server;
window and level, the heatmap and its opacity are drawn in the browser too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from asemble.core.geometry import edge_letters, slice_normal, slice_positions_mm, spacing_mm
from asemble.core.labels import Plane
from asemble.core.results import Heatmap
from asemble.core.study import Series
from asemble.core.volume import Affine
from asemble.imaging.orientation import Turn
from asemble.ui import cache
from asemble.ui.images import heat_colours, heat_uris

_HERE = Path(__file__).parent
_mount = st.components.v2.component(
    "asemble.viewer",
    html='<div class="viewer"></div>',
    css=(_HERE / "viewer.css").read_text(encoding="utf-8"),
    js=(_HERE / "viewer.js").read_text(encoding="utf-8"),
)

UNKNOWN_GEOMETRY = "Geometry unknown: no scale, no patient side, square pixels assumed."
"""Said in the pane of a series without an affine."""

PARALLEL_COSINE = 0.996
"""Two stacks within five degrees of each other are scrolled together."""

_TOWARDS = {
    Plane.CORONAL: (1, "posterior", "anterior"),
    Plane.AXIAL: (2, "superior", "inferior"),
    Plane.SAGITTAL: (0, "to the left", "to the right"),
}


@dataclass(frozen=True, slots=True)
class Pane:
    """One series in the viewer.

    Args:
        series: what is shown.
        start: the slice shown first.
        heatmap: laid over the slices when the reader asks for it.
    """

    series: Series
    start: int
    heatmap: Heatmap | None = None


def show(
    panes: Sequence[Pane],
    *,
    study_key: str,
    key: str,
    linked: bool = False,
    jump: int = 0,
    on_rest: Callable[[int], None] | None = None,
) -> None:
    """Draw the panes side by side.

    Args:
        panes: one or two.
        study_key: `Study.key`, under which this session keeps the images.
        key: names the viewer among the widgets of the page.
        linked: slices of one pane follow the other's by position.
        jump: each new number moves the panes to their `start`.
        on_rest: called with the slice of the first pane when the reader rests on it; without
            it the server hears nothing of slices.
    """
    data = {
        "panes": [_pane(pane, study_key) for pane in panes],
        "colours": heat_colours() if any(p.heatmap is not None for p in panes) else [],
        "linked": linked,
        "jump": jump,
        "tells": on_rest is not None,
    }

    def rested() -> None:
        if on_rest is not None:
            on_rest(int(st.session_state[key]["slice"]))

    _mount(key=key, data=data, on_slice_change=rested)


def may_link(one: Series, other: Series) -> bool:
    """Whether slices of both can follow each other by position: parallel, geometry known."""
    if one is other or one.volume.affine_lps is None or other.volume.affine_lps is None:
        return False
    cosine = slice_normal(one.volume.affine_lps) @ slice_normal(other.volume.affine_lps)
    return bool(cosine > PARALLEL_COSINE)


def slice_places(affine: Affine | None, slices: int, plane: Plane | None) -> list[str]:
    """Where each slice lies, in words.

    >>> affine = np.array([[0, 0, 1, 0], [4, 0, 0, 0], [0, -1, 0, 0], [0, 0, 0, 1.0]])
    >>> slice_places(affine, 3, Plane.CORONAL)
    ['4 mm anterior of the middle', 'middle of the stack', '4 mm posterior of the middle']
    >>> slice_places(None, 2, None)
    ['', '']
    """
    if affine is None or plane is None:
        return [""] * slices
    axis, positive, negative = _TOWARDS[plane]
    sign = np.sign(slice_normal(affine)[axis]) or 1.0
    offsets = slice_positions_mm(affine, slices)
    offsets = (offsets - offsets[slices // 2]) * sign
    return [
        "middle of the stack"
        if index == slices // 2
        else f"{abs(mm):.0f} mm {positive if mm > 0 else negative} of the middle"
        for index, mm in enumerate(offsets)
    ]


def _pane(pane: Pane, study_key: str) -> dict[str, Any]:
    series = pane.series
    turn = Turn.to_display(series.volume.affine_lps, series.plane)
    volume = turn.apply_to_volume(series.volume)
    slices, rows, columns = volume.shape
    affine = volume.affine_lps
    stack = cache.stack(study_key, series.id, series.plane, series.volume)
    plane = series.plane.heading if series.plane else "Plane not stated"
    row_mm, column_mm = (1.0, 1.0) if affine is None else spacing_mm(affine)[1:]
    return {
        "id": series.id,
        "title": f"{plane} · {series.weighting.heading.split(' (')[0]}",
        "subtitle": series.description,
        "badge": "SYNTHETIC" if series.synthetic else "",
        "images": stack.uris,
        "window": stack.window,
        "rows": rows,
        "columns": columns,
        "pixel": [row_mm, column_mm],
        "affine": None if affine is None else affine.tolist(),
        "letters": None if affine is None else edge_letters(affine),
        "places": slice_places(affine, slices, series.plane),
        "positions": None if affine is None else slice_positions_mm(affine, slices).tolist(),
        "unknown": UNKNOWN_GEOMETRY if affine is None else "",
        "heat": None if pane.heatmap is None else heat_uris(pane.heatmap, turn),
        "start": min(max(pane.start, 0), slices - 1),
    }
