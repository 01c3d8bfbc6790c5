"""The slice viewer: series go to the browser once, everything after that happens there.

Scrolling, window and level, zoom, ruler, regions, layouts and the heatmap's layer ask nothing of
the server. It hears of the slice a reader rests on, of clicks that mark, of joint lines that were
laid, and of series that were hung in other panes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from asemble.core.geometry import edge_letters, slice_normal, slice_positions_mm
from asemble.core.labels import Plane
from asemble.core.results import Heatmap
from asemble.core.study import Series
from asemble.core.volume import Affine, Volume
from asemble.explain import SeriesBones
from asemble.imaging.orientation import Turn
from asemble.ui import cache, measuring, modules, stacks, state
from asemble.ui.images import heat_colours
from asemble.ui.stacks import heat_bytes

_HERE = Path(__file__).parent


def _text(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


_mount = st.components.v2.component(
    "asemble.viewer",
    html='<div class="viewer"></div>',
    css=_text("viewer.css"),
    js=modules.entry(),
)
_carry = st.components.v2.component(
    "asemble.courier", html="<span></span>", js=_text(modules.COURIER)
)

UNKNOWN_GEOMETRY = "Geometry unknown: no scale, no patient side, square pixels assumed."
UNKNOWN_ORIENTATION = "Orientation unknown: no patient side."
"""Said in the pane of a series without an affine, the second where its voxel sizes are known."""

_HEARD = "asemble_viewer_heard"
"""By viewer: the name of the one in the browser, and the number of its last word that was heard."""

REMEMBERED_MS = 2000
"""Where nothing on the page follows the slice, it is only remembered for the next page."""
FOLLOWED_MS = 300
"""Where something on the page follows the slice."""

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
        found: what the networks found on the series; bones, and oedema where they looked for it,
            are outlined when the reader asks for them.
        marking: marks and joint lines (`asemble.ui.marking.shown`); None where none are offered.
        row: the time point that it belongs to, such as "Current" and "Prior"; panes of one label
            stand in one row, in the order that they come in. Empty where there is but one.
        offset_mm: added along the slice axis (towards left, posterior or superior) where slices
            are compared with those of another frame of reference; None where only those of its own
            are. Panes with an offset scroll together, and "Same level here" is offered.
    """

    series: Series
    start: int
    heatmap: Heatmap | None = None
    found: SeriesBones | None = None
    marking: Mapping[str, Any] | None = None
    row: str = ""
    offset_mm: float | None = None


@dataclass(frozen=True, slots=True)
class Listeners:
    """What the server wants to hear; without a listener nothing is said.

    Args:
        on_rest: the slices of the panes, by series id, when the reader rests on them or leaves.
        on_said: what the reader did to marks and joint lines, in its order, each once
            (`asemble.ui.marking.hear`).
        on_hung: the series of all panes, by id and in order, when one was dragged or tapped onto
            another: the next `show` is to bring them.
        on_levelled: offsets in mm, by series id, when the reader says that the slices shown are of
            one level: the next `show` is to bring them as `Pane.offset_mm`.
    """

    on_rest: Callable[[Mapping[str, int]], None] | None = None
    on_said: Callable[[Mapping[str, Any]], None] | None = None
    on_hung: Callable[[Sequence[str]], None] | None = None
    on_levelled: Callable[[Mapping[str, float]], None] | None = None

    def hear(self, said: Mapping[str, Any]) -> None:
        """Pass one word of the browser on to who listens to its kind."""
        match said["what"]:
            case "hang" if self.on_hung is not None:
                self.on_hung([str(id_) for id_ in said["order"]])
            case "level" if self.on_levelled is not None:
                offsets = said["offsets_mm"].items()
                self.on_levelled({str(id_): float(mm) for id_, mm in offsets})
            case "hang" | "level":
                pass
            case "measure" | "unmeasure" | "key":
                measuring.hear(said)
            case _ if self.on_said is not None:
                self.on_said(said)


def show(
    panes: Sequence[Pane],
    *,
    study_key: str,
    key: str,
    shelf: Sequence[Series] = (),
    rests_ms: int = REMEMBERED_MS,
    has_heat_row: bool = False,
    listeners: Listeners | None = None,
) -> None:
    """Draw the panes, as many as the layout that the browser remembers has room for.

    The viewer fills the height from where it begins to the end of the window, or has the page's
    `--viewer-height`. Panes of one plane
    scroll together: by millimetres where their files state one frame of reference or an offset is
    told, else once the reader links them by hand.

    Args:
        panes: one or more, in the order in which layouts take them; of one series each.
        study_key: `Study.key`, under which this session keeps the images.
        key: names the viewer among the widgets of the page.
        shelf: the series that small pictures offer, to be hung in any pane; without any the panes
            are shown as they are given, side by side in a window of any size.
        rests_ms: how long the reader stays on a slice before the server hears of it; it hears at
            once when the reader leaves the page by a link.
        has_heat_row: whether there are controls for a heatmap, before there is one as well.
        listeners: what the server wants to hear.
    """
    told = listeners or Listeners()
    with st.container(key=f"couriers:{key}", gap=None):
        shown = [_pane(pane, study_key) for pane in panes]
        offered = _carry_shelf(shelf, study_key) if shelf else None
    data = {
        "panes": shown,
        "shelf": offered,
        "colours": heat_colours(),
        "has_heat_row": has_heat_row,
        "rests_ms": rests_ms if told.on_rest is not None else None,
        "heard": dict([_heard(key)]),
    }

    def rested() -> None:
        said = st.session_state[key]["slice"]
        if told.on_rest is not None and said is not None:
            told.on_rest({str(id_): int(index) for id_, index in said["slices"].items()})

    def heard() -> None:
        said = st.session_state[key]["said"]
        for each in () if said is None else news(key, said):
            told.hear(each)

    _mount(key=key, data=data, on_slice_change=rested, on_said_change=heard)


def _heard(key: str) -> tuple[str, int]:
    """The viewer in the browser, and the number of the last that was heard of it."""
    all_heard: dict[str, tuple[str, int]] = st.session_state.setdefault(_HEARD, {})
    return all_heard.get(key, ("", 0))


def news(key: str, said: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What was not heard yet: the browser repeats itself until it is answered."""
    name, number = _heard(key)
    last = number if name == said["viewer"] else 0
    news = [each for each in said["queue"] if each["number"] > last]
    if news:
        st.session_state[_HEARD][key] = (said["viewer"], news[-1]["number"])
    return news


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
    """What the viewer is told of a pane; its numbers are sent on the way."""
    series = pane.series
    turn = Turn.to_display(series.volume.affine_lps, series.plane)
    volume = turn.apply_to_volume(series.volume)
    affine = volume.affine_lps
    slices, rows, columns = volume.shape
    refused = stacks.why_not_shown(volume)
    key = f"{study_key}:{series.id}:{series.plane}"
    if not refused:
        stack = cache.stack(key, series.plane, series.volume)
        for number, piece in enumerate(stacks.pieces(stack)):
            _carry(key=f"stack:{key}:{number}", data=piece)
    letters = None if affine is None else edge_letters(affine)
    _, row_mm, column_mm = volume.spacing_mm or (1.0, 1.0, 1.0)
    return {
        "id": series.id,
        "stack": key,
        "refused": refused,
        "heat": None if refused else _carry_heat(pane, key, turn),
        "outlines": None if refused else _carry_outlines(pane, key, turn),
        "title": _title(series),
        "subtitle": series.description,
        "row": pane.row,
        "badge": "SYNTHETIC" if series.synthetic else "",
        "slices": slices,
        "rows": rows,
        "columns": columns,
        "pixel": [row_mm, column_mm],
        "unit": "pixels" if volume.spacing_mm is None else "mm",
        "affine": None if affine is None else affine.tolist(),
        "plane": series.plane,
        "frame": series.frame_of_reference,
        "offset_mm": pane.offset_mm,
        "letters": letters,
        "places": slice_places(affine, slices, series.plane),
        "unknown": _unknown(volume),
        "start": min(max(pane.start, 0), slices - 1),
        "jump": state.jumps_of(series.id),
        "place": f"{state.studies_opened()}:{key}",
        "marking": pane.marking,
        "measures": measuring.shown(series),
        "key_slices": measuring.key_slices(series),
    }


def _title(series: Series) -> str:
    plane = series.plane.heading if series.plane else "Plane not stated"
    return f"{plane} · {series.weighting.heading.split(' (')[0]}"


def _carry_shelf(shelf: Sequence[Series], study_key: str) -> dict[str, Any]:
    """Titles of the series, and the key of their small pictures."""
    key = stacks.shelf_key(study_key, shelf)
    _carry(key=f"shelf:{study_key}", data=cache.shelf(key, shelf))
    named = [(s, " ".join(filter(None, (state.examination_of(s.id), _title(s))))) for s in shelf]
    told = [{"id": s.id, "title": title, "subtitle": s.description} for s, title in named]
    return {"pictures": key, "series": told}


def _unknown(volume: Volume) -> str:
    if volume.affine_lps is not None:
        return ""
    return UNKNOWN_GEOMETRY if volume.spacing_mm is None else UNKNOWN_ORIENTATION


def _carry_heat(pane: Pane, stack_key: str, turn: Turn) -> str | None:
    heatmap = pane.heatmap
    if heatmap is None:
        return None
    key = f"{stack_key}:{heatmap.method}:{heatmap.member}"
    _carry(key=f"heat:{stack_key}", data=heat_bytes(heatmap, key, turn))
    return key


def _carry_outlines(pane: Pane, stack_key: str, turn: Turn) -> str | None:
    if pane.found is None:
        return None
    key = f"{stack_key}:outlines"
    data = cache.outlines(state.study_token(), key, turn, pane.found)
    _carry(key=f"outlines:{stack_key}", data=data)
    return key
