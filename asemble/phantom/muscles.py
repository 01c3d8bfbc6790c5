"""Muscle by muscle, with fibres, sheets and fat between them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from asemble.phantom.layer import Layer, band_of, cover_of

Floats = npt.NDArray[np.float32]

PSOAS_MM = np.array(
    [
        (-70.0, 80, -112, 11),
        (-40, 70, -96, 13),
        (-15, 60, -76, 15),
        (10, 50, -56, 17),
        (35, 42, -38, 19),
        (60, 37, -28, 19),
        (90, 33, -26, 17),
    ]
)
"""(z, |x|, y, radius): the psoas from beside L4 to the groin, placed by eye on real slices."""


@dataclass(frozen=True, slots=True, eq=False)
class _Strands:
    """Patterns of fibres.

    Args:
        gluteal: outwards and down, or across the body outwards and forward.
        lengthwise: along the spine.
    """

    gluteal: Floats
    lengthwise: Floats


def paint_muscles(layer: Layer) -> None:
    """Fat and sheets first, then the muscles, which leave gaps."""
    t = layer.t
    deep = cover_of(-layer.deep, 1.5)
    layer.over(deep, "pelvic fat", 1 + 0.06 * t.cloud + 0.06 * t.patch)
    strands = _strands(layer)
    layer.brim = layer.z + 15 - 0.72 * (layer.y + 15) + 3 * layer.broad[0]
    muscles = [
        _gluteal(layer, deep, strands),
        _behind_the_sacrum(layer, deep, strands),
        _iliacus(layer, deep, strands),
        _piriformis(layer, deep, strands),
        _obturator(layer, deep, strands),
    ]
    _beside_the_spine(layer, deep, strands)
    layer.is_muscle = np.clip(np.sum(muscles, axis=0), 0, 1)


def _strands(layer: Layer) -> _Strands:
    n, t, view = layer.n, layer.t, layer.view
    px = view.pixel_mm
    c0 = view.columns / 2 - float(view.centre @ view.column) / px
    r0 = view.rows / 2 - float(view.centre @ view.row) / px
    out = n["fan_x"] / px
    lift = n["fan_v"] * (1.0 if abs(view.row[2]) > 0.5 else -0.8) / px
    across = n["fibre_px"]
    right = t.fibres((r0 - lift, c0 - out), across=across, along=30, warp=0.045)
    left = t.fibres((r0 - lift, c0 + out), across=across, along=30, warp=0.045)
    back = t.fibres((r0 + 150 / px, c0), across=0.8 * across, along=20, warp=0.03)
    return _Strands(np.where(layer.p[..., 0] < 0, right, left), back)


def _gluteal(layer: Layer, deep: Floats, strands: _Strands) -> Floats:
    """Lateral to the hip bone, and below the sacrum: in sheets."""
    n, t = layer.n, layer.t
    no_blade = cover_of(layer.blade - 0.3 + 0.05 * layer.broad[3], 0.2)
    above_crest = no_blade * cover_of(-(layer.z - 8 + 3 * layer.broad[1]), 4.0)
    above_crest *= cover_of(layer.y - 30, 10.0)
    outside = deep * cover_of(-(layer.lateral + 1.0), 2.0) * (1 - above_crest)
    outside *= cover_of(-(layer.behind + 40), 8)
    medial_edge = 6 + 0.5 * np.clip(-layer.z - 40, 0, None) + 4 * layer.broad[1]
    upper_edge = layer.z + 34 - 0.25 * (layer.ax - 30)
    below = deep * cover_of(upper_edge + 6 * layer.broad[3] + 2.5 * layer.frays[0], 3.0)
    below *= cover_of(-(layer.behind - 4), 3.0) * cover_of(medial_edge - layer.ax, 3)
    gluteal: Floats = np.maximum(outside, below)
    _muscle(layer, gluteal, "gluteal", strands.gluteal, fat=0.22)
    for at in (n["glut_mm"], 2.1 * n["glut_mm"]):
        sheet = band_of(layer.di, at + 1.8 * layer.broad[3], 0.5) * gluteal
        layer.over(sheet * np.clip(0.55 + 0.3 * t.patch, 0, 0.9), "septum")
    return gluteal


def _behind_the_sacrum(layer: Layer, deep: Floats, strands: _Strands) -> Floats:
    """Multifidus and the erector of the spine, between the hip bones, tapering down."""
    n, t = layer.n, layer.t
    above = 70 * np.clip((0.4 - layer.blade) / 0.25, 0, 1)
    spinal = deep * cover_of(layer.lateral + 2.0 - above, 2.0)
    spinal *= cover_of(-(layer.behind - 2), 2.0)
    taper = 14 + 0.9 * (layer.z - n["multifidus_low"]) + 4 * layer.broad[3]
    spinal *= cover_of(layer.ax - taper, 3.0)
    spinal *= cover_of(layer.ax - 62 + 3 * layer.broad[2], 3.0)
    fat = 0.15 + 0.5 * n["multifidus_fat"]
    _muscle(layer, spinal, "multifidus", strands.lengthwise, fat=fat)
    raphe = band_of(layer.x + 1.5 * layer.broad[0] + 0.4 * t.patch, 0.0, 0.9)
    layer.over(spinal * raphe * np.clip(0.5 + 0.4 * t.patch, 0, 0.9), "ligament")
    split = band_of(layer.ax, 24 + 5 * layer.broad[0] + 0.12 * layer.z, 0.6)
    layer.over(spinal * split * 0.7, "septum")
    return spinal


def _iliacus(layer: Layer, deep: Floats, strands: _Strands) -> Floats:
    """On the inside of the wing, above the brim."""
    thick = layer.n["iliacus_mm"] * np.exp(0.2 * layer.broad[1])
    medial = cover_of(layer.lateral, 1.5) * cover_of(layer.behind + 3, 2.0) * deep
    iliacus = medial * cover_of(layer.di - thick, 1.2) * cover_of(-layer.brim, 3.0)
    iliacus *= cover_of(-(layer.di - 1.2), 1.0)
    _muscle(layer, iliacus, "iliacus", strands.lengthwise, fat=0.1)
    return iliacus


def _beside_the_spine(layer: Layer, deep: Floats, strands: _Strands) -> None:
    """Psoas and quadratus lumborum."""
    n = layer.n
    at, x, y, radius = PSOAS_MM.T
    cx, cy, size = (np.interp(layer.z, at, one).astype(np.float32) for one in (x, y, radius))
    cx += np.float32(n["psoas_x"] - 40)
    psoas = np.hypot(layer.ax - cx, layer.y - cy) - n["psoas"] * size + 1.5 * layer.broad[3]
    _muscle(layer, cover_of(psoas, 1.3) * deep, "psoas", strands.lengthwise, fat=0.05)
    quadratus = np.hypot((layer.ax - 62) / 1.6, layer.y - 6) - 11 + 1.5 * layer.broad[2]
    quadratus = cover_of(quadratus, 1.3) * cover_of(44 - layer.z, 4.0) * deep
    _muscle(layer, quadratus, "psoas", strands.lengthwise, fat=0.1)


def _piriformis(layer: Layer, deep: Floats, strands: _Strands) -> Floats:
    """From the front of the sacrum out through the notch."""
    along = (layer.ax - 25) / 50
    away = np.hypot(layer.y - (26 - 22 * along), (layer.z - (-36 - 16 * along)) / 1.35)
    away += 1.5 * layer.broad[1] - layer.n["piriformis"] * (12 - 2 * along)
    piriformis = cover_of(away, 1.3) * cover_of(14 - layer.ax, 4) * deep
    free = piriformis * cover_of(-(layer.ds - 1), 1)
    _muscle(layer, free, "piriformis", strands.gluteal, fat=0.12)
    return piriformis


def _obturator(layer: Layer, deep: Floats, strands: _Strands) -> Floats:
    """On the wall of the pelvis, below the brim."""
    wall = cover_of(layer.lateral + 1.5, 1.5)
    wall *= cover_of(-(layer.lateral + layer.n["obturator_mm"] + 1.5 * layer.broad[2]), 1.2)
    wall *= cover_of(layer.brim + 14 + 4 * layer.broad[0], 6.0)
    wall *= cover_of(layer.z + 30 + 6 * layer.broad[3], 6.0)
    wall *= cover_of(layer.behind + 10 + 4 * layer.broad[2], 5) * deep
    _muscle(layer, wall, "obturator", strands.gluteal, fat=0.08)
    return wall


def _muscle(layer: Layer, cover: Floats, name: str, strands: Floats, fat: float) -> None:
    t = layer.t
    amount = np.float32(layer.n["fibre"])
    tone = 1 + 0.05 * t.cloud + amount * strands + 0.05 * t.grain + 0.04 * t.patch
    layer.over(cover, name, tone)
    share = 2.0 - 1.6 * fat - 1.2 * layer.n["muscle_fat"]
    streak = np.clip((strands - np.float32(share)) * 0.9 + 0.1 * t.patch, 0, 0.85)
    layer.over(cover * streak, "septum", 1 + 0.08 * t.patch)
