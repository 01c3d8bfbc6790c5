"""L5 to L3 on the endplate of S1, with discs, facets and processes: the shape model ends at S1."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from asemble.phantom.landmarks import sacral_canal
from asemble.phantom.layer import Layer, band_of, cover_of

Floats = npt.NDArray[np.float32]

ENDPLATE_MM = (-33.0, 14.0)
"""(y, z) of the middle of the endplate of S1 in the mean pelvis."""
UPWARDS = (-0.72, 0.69)
"""(y, z) of its normal."""
LORDOSIS = (0.32, 0.18)
"""Added to that direction a level: the lumbar spine bends back to upright."""


@dataclass(frozen=True, slots=True, eq=False)
class _Level:
    """One vertebra and the disc below it, in a window of the slice.

    Args:
        window: rows and columns.
        x: mm from the midline.
        height: mm above the disc's lower face, along the spine.
        depth: mm, anterior negative.
        ring: mm outside the body's outline.
        disc_mm: thickness of the disc.
    """

    window: Any
    x: Floats
    height: Floats
    depth: Floats
    ring: Floats
    disc_mm: float


def paint_vertebrae(layer: Layer) -> None:
    """Discs, bodies, processes and facets of three levels."""
    reached = (layer.z > -8) & (layer.ax < 62)
    rows, columns = np.flatnonzero(reached.any(axis=1)), np.flatnonzero(reached.any(axis=0))
    if not rows.size:
        return
    window = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    n = layer.n
    canal = sacral_canal(layer.person.land)
    start = np.array(ENDPLATE_MM) + np.array([canal[4, 1] - 4, 0])
    up = np.array(UPWARDS)
    for number in range(3):
        up /= np.linalg.norm(up)
        disc = n["disc_mm"] * (1.0 - 0.1 * number)
        y, z = layer.y[window] - start[0], layer.z[window] - start[1]
        height = (y * up[0] + z * up[1]).astype(np.float32)
        depth = (z * up[0] - y * up[1]).astype(np.float32)
        ring = np.hypot(layer.x[window] / n["l5_width"], depth / n["l5_depth"])
        ring = ((ring - 1) * n["l5_depth"]).astype(np.float32)
        level = _Level(window, layer.x[window], height, depth, ring, disc)
        _disc(layer, level, wedge=n["wedge"] if number == 0 else 0.0)
        _body(layer, level, may_change=number < 2)
        _arch(layer, level)
        start = start + up * (disc + n["l5_height"])
        up = up + np.array(LORDOSIS)


def _disc(layer: Layer, level: _Level, *, wedge: float) -> None:
    """A dark ring around a nucleus; that of L5/S1 is thicker in front."""
    half = level.disc_mm / 2
    bulge = 1.5 * np.cos(np.clip(level.ring / 12, -1.5, 1.5))
    whole = band_of(level.height, half + 0.3 * wedge * level.depth, half + bulge * 0.4)
    layer.over_in(level.window, whole * cover_of(level.ring + 0.5, 1.0), "annulus")
    nucleus = band_of(level.height, half, half - 1.2, 1.5) * cover_of(level.ring + 4.5, 3.0)
    texture = 1 + 0.1 * layer.t.patch[level.window]
    layer.over_in(level.window, nucleus, "disc", texture)
    _mark_bright(layer, level, nucleus)


def _body(layer: Layer, level: _Level, *, may_change: bool) -> None:
    """A waisted block; its endplates may be bright (Modic change)."""
    n, tall = layer.n, layer.n["l5_height"]
    middle = level.disc_mm + tall / 2
    waist = 2.2 * (1 - (2 * (level.height - middle) / tall) ** 2)
    outline = level.ring + np.clip(waist, 0, 3)
    body = band_of(level.height, middle, tall / 2 - 0.4) * cover_of(outline, 1.0)
    inner = band_of(level.height, middle, tall / 2 - 1.4) * cover_of(outline + 1, 1.0)
    layer.over_in(level.window, body, "cortex", 1.2)
    layer.over_in(level.window, inner, "l5", layer.t.marrow[level.window])
    if n["modic"] and may_change:
        below = np.abs(level.height - level.disc_mm)
        near = np.exp(-np.minimum(below, np.abs(below - tall)) / 3.5)
        patchy = cover_of(0.2 - layer.frays[3][level.window], 0.8)
        change = inner * near * np.float32(n["modic"]) * patchy
        layer.over_in(level.window, change, "vein")
        _mark_bright(layer, level, change)


def _arch(layer: Layer, level: _Level) -> None:
    """Transverse and spinous processes, and facets with a slit that may hold fluid."""
    n, w = layer.n, level.window
    ax, marrow, fray = np.abs(level.x), layer.t.marrow[w], layer.frays[0][w]
    behind = level.depth + n["l5_depth"]
    up = level.height - level.disc_mm - 0.62 * n["l5_height"]
    process = np.hypot(up, behind + 3 - 0.1 * ax) - (6.5 - 0.05 * ax) + layer.frays[1][w] * 0.8
    process = cover_of(process, 1.0) * band_of(ax, 26, 20, 2.0)
    layer.over_in(w, process, "cortex", 1.3)
    layer.over_in(w, np.clip(process * 2 - 1, 0, 1), "l5", marrow * 0.95)
    across = level.height - level.disc_mm / 2
    facet = np.sqrt((ax - 19) ** 2 + (across + 2) ** 2 + (behind + 17) ** 2)
    facet = facet + 1.6 * fray + 0.8 * layer.t.patch[w]
    layer.over_in(w, cover_of(facet - 9, 1.2), "cortex", 1.2)
    layer.over_in(w, cover_of(facet - 7.8, 1.2), "l5", marrow)
    slit = cover_of(facet - 8, 1.0) * band_of(ax - 0.35 * across, 19 + 1.2 * fray, 0.7)
    layer.over_in(w, slit, "fluid" if n["facet"] else "cortex")
    if n["facet"]:
        _mark_bright(layer, level, slit)
    spinous = band_of(ax, 0, 3.2) * band_of(behind, -30, 10, 2)
    spinous *= band_of(level.height, level.disc_mm + 10, 8, 2)
    layer.over_in(w, spinous, "cortex", 1.2)
    layer.over_in(w, band_of(ax, 0, 2.2) * spinous, "l5", marrow)


def _mark_bright(layer: Layer, level: _Level, cover: Floats) -> None:
    part = layer.bright[level.window]
    np.maximum(part, cover, out=part)
