"""A slice through a person: tissue by tissue, from the back of the picture to its front.

Every tissue has a cover (share of each pixel, 0..1) and a grey value by sequence; painting one over
the other gives the signal before the scanner, in all sequences at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from asemble.core.labels import Pattern, Weighting
from asemble.phantom.contrast import Contrast
from asemble.phantom.findings import Lesion
from asemble.phantom.landmarks import sacral_canal
from asemble.phantom.layer import Layer, band_of, cover_of
from asemble.phantom.muscles import paint_muscles
from asemble.phantom.person import Person
from asemble.phantom.texture import Texture
from asemble.phantom.vertebrae import paint_vertebrae
from asemble.phantom.view import View

Floats = npt.NDArray[np.float32]


@dataclass(slots=True, eq=False)
class Painted:
    """A slice before the scanner, and its truth.

    Args:
        signals: `(sequence, row, column)`.
        covers: shares of each pixel: sacrum, right, left, joint, bright.
        oedema: share of each pixel, by cause.
        structural: the same of sclerosis, fat and erosion, by what it is and its cause.
    """

    signals: Floats
    covers: dict[str, Floats] = field(default_factory=dict)
    oedema: dict[Pattern, Floats] = field(default_factory=dict)
    structural: dict[tuple[str, Pattern], Floats] = field(default_factory=dict)


def paint(
    person: Person,
    view: View,
    contrasts: Sequence[Contrast],
    rng: np.random.Generator,
    *,
    thin: bool = False,
) -> Painted:
    """Paint one slice: two thin layers of it, averaged.

    Args:
        person: whom.
        view: where.
        contrasts: of the sequences.
        rng: of texture that no neighbouring slice shares.
        thin: one layer, in half of the time.
    """
    texture = Texture(rng, view)
    texture.of_person(person)
    shifts = (0.0,) if thin else (-0.27, 0.27)
    layers = [
        _paint_layer(Layer(person, view, shift * view.thickness_mm, contrasts, texture))
        for shift in shifts
    ]
    if thin:
        return layers[0]
    first, second = layers
    return Painted(
        np.asarray((first.signals + second.signals) / 2),
        {name: np.asarray((first.covers[name] + second.covers[name]) / 2) for name in first.covers},
        _mean(first.oedema, second.oedema),
        _mean(first.structural, second.structural),
    )


def _mean(a: dict[Any, Floats], b: dict[Any, Floats]) -> dict[Any, Floats]:
    zero = np.float32(0)
    return {k: np.asarray((a.get(k, zero) + b.get(k, zero)) / 2) for k in sorted({*a, *b})}


def _paint_layer(layer: Layer) -> Painted:
    """From the skin to the lesions."""
    _body(layer)
    paint_muscles(layer)
    _pelvis_inside(layer)
    _weave(layer)
    paint_vertebrae(layer)
    _joint_space(layer)
    _bone_marrow(layer)
    _canal_and_foramina(layer)
    _lesions(layer)
    _cortex(layer)
    _vessels_in_front(layer)
    covers = {
        "sacrum": layer.sacrum,
        "right": layer.right,
        "left": layer.left,
        "joint": layer.joint,
        "bright": layer.bright,
    }
    return Painted(layer.image, covers, layer.oedema, layer.structural)


def _body(layer: Layer) -> None:
    n = layer.n
    x, y, z = (layer.p[..., k] for k in range(3))
    low = 1 / (1 + np.exp((z + 25) / 18))
    skin_y = (
        n["skin_y"]
        - x**2 / (2 * n["skin_flat"])
        + n["buttock"] * np.exp(-(((layer.ax - 55) / 42) ** 2)) * low
        - n["cleft"] * np.exp(-np.abs(x + 1.5 * layer.broad[0]) / 3.5) * low
        - 0.0012 * np.clip(z - 10, 0, None) ** 2
        + 2.5 * layer.broad[1]
    )
    layer.under = np.asarray(skin_y - y, dtype=np.float32)  # depth below the skin
    thick = (
        n["fat_mm"]
        * np.exp(0.22 * layer.broad[2])
        * (0.75 + 0.8 * low * np.clip((layer.ax - 12) / 30, 0, 1))
    )
    layer.deep = np.asarray(layer.under - thick, dtype=np.float32)
    inside = cover_of(-layer.under, 1.2)
    septa = np.exp(-((layer.t.mesh / 0.22) ** 2)) * (layer.t.cloud > 0.1)
    layer.over(
        inside, "fat", 1 + 0.05 * layer.t.cloud + 0.05 * layer.t.patch + 0.03 * layer.t.grain
    )
    layer.over(inside * septa * 0.35, "septum")
    layer.over(band_of(layer.under, 1.2, 1.0), "skin")


def _pelvis_inside(layer: Layer) -> None:
    t, n = layer.t, layer.n
    cavity = cover_of(layer.lateral + n["obturator_mm"], 3.0) * cover_of(layer.behind + 8, 3.0)
    cavity = cavity * (1 - layer.is_muscle)
    layers = np.sin((layer.y + layer.z * 0.4 + 9 * layer.broad[0] + 6 * layer.broad[1]) / 3.2)
    layer.over(cavity * np.clip(layers * 1.4 - 0.95, 0, 0.5) * n["pelvic_fat"], "septum")
    # Above and before it lies the bowel of the belly, a jumble of loops.
    fascia = np.mod(t.cloud * 1.1 + 0.22 * t.patch + layer.broad[0], 1) - np.float32(0.5)
    broken = np.clip(0.35 + 0.4 * t.patch + 0.4 * layer.frays[2], 0, 1) * np.float32(n["fascia"])
    layer.over(cavity * np.exp(-((fascia / 0.07) ** 2)) * broken, "septum")
    # Mesentery and folds: fat that is brighter and darker in streaks.
    folds = 0.28 * layer.frays[3] + 0.22 * t.patch + 0.12 * t.mesh
    layer.over(cavity * np.clip(folds + 0.1, 0, 0.7) * np.float32(n["mesentery"]), "bowel", 0.75)
    layer.over(cavity * np.clip(-folds - 0.1, 0, 0.6) * np.float32(n["mesentery"]), "ligament", 1.3)
    belly = (
        np.float32(n["belly"] > 0)
        * cavity
        * cover_of(layer.y + 46 + 8 * layer.broad[2] + 0.25 * (30 - layer.z), 6.0)
    )
    belly = belly * cover_of(n["peritoneum"] - layer.z - 30 + 6 * layer.broad[3], 10.0)
    jumble = 0.3 * layer.frays[0] + layer.broad[1] - np.float32(n["belly"]) + 1.0
    layer.over(
        belly * cover_of(-(jumble - 0.3), 0.25), "bowel", 0.85 + 0.08 * t.patch + 0.2 * t.cloud
    )
    layer.over(belly * band_of(jumble, 0.3, 0.11, 0.2), "wall")
    layer.over(belly * cover_of(-(layer.frays[1] - 0.9), 0.2), "stool")
    layer.over(belly * cover_of(-(layer.frays[2] - 1.35), 0.2), "gas")
    layer.bright = np.maximum(layer.bright, belly * cover_of(-(jumble - 0.3), 0.25))
    layer.paint_balls(("bladder", "organ", "stool", "gas", "bowel", "fluid"))
    layer.paint_balls(("artery",))


def _weave(layer: Layer) -> None:
    """Fine strands through all soft tissue, which is never smooth."""
    n, t = layer.n, layer.t
    strands = t.weave(n["weave_slope"], across=n["fibre_px"], along=5 * n["fibre_px"])
    tone = 1 + np.float32(n["weave"]) * strands + np.float32(n["fine"]) * t.mesh
    layer.image *= np.clip(tone, 0.3, 2)


def _joint_space(layer: Layer) -> None:
    """Cartilage where the bones are close; ligaments, fat and vessels where they part."""
    n, t = layer.n, layer.t
    between = cover_of(-layer.ds, 1.0) * cover_of(-layer.di, 1.0)
    wide = layer.total
    back = cover_of(wide - 26, 8) * cover_of(-(layer.behind + 12), 6) * between
    layer.over(back * 0.8, "pelvic fat", 1 + 0.1 * t.patch)
    strands = np.clip(0.3 + 0.55 * layer.frays[2] + 0.25 * t.mesh, 0, 1)
    layer.over(back * strands * np.float32(n["ligament"]), "ligament", 1 + 0.2 * t.grain)
    layer.joint = between * cover_of(wide - 4.5, 1.0)
    fill = 1 + 0.2 * t.patch + 0.25 * layer.frays[1]
    layer.over(layer.joint, "joint", np.clip(fill, 0.3, 2))
    if n["fluid"]:
        wet = layer.joint * np.clip((layer.frays[2] - 0.3) * 2, 0, 1) * np.float32(n["fluid"])
        layer.over(wet, "fluid")
        layer.bright = np.maximum(layer.bright, wet)


def _bone_marrow(layer: Layer) -> None:
    t, n = layer.t, layer.n
    layer.bright *= 1 - np.maximum(layer.sacrum, layer.ilium)
    for cover, name in ((layer.sacrum, "sacrum"), (layer.right, "right"), (layer.left, "left")):
        layer.over(cover, name, t.marrow * (1 + 0.07 * layer.broad[2]))
    bone = np.maximum(layer.sacrum, layer.ilium)
    fatty = bone * np.clip(layer.broad[3] * 0.5 + 0.15 * t.patch, 0, 0.6)
    layer.over(fatty, "marrow fat", t.marrow)
    if n["islands"]:
        depth = np.minimum(layer.ds, layer.di)
        spots = cover_of(-(layer.frays[3] - 0.75), 0.5) * bone * cover_of(depth + 2.5, 2.0)
        layer.over(spots * np.float32(n["islands"]), "island", t.marrow)
    if n["s1s2_disc"]:
        # Rests of the discs between the sacral bodies.
        canal = sacral_canal(layer.person.land)
        for z, width in ((-2.0, 15.0), (-21.0, 12.0), (-38.0, 9.0)):
            y = float(np.interp(z, canal[::-1, 2], canal[::-1, 1]))
            plane = (0.55 * (layer.y - y + 14) * 0.9 + (layer.z - z - 9)) / 1.15
            rest = band_of(plane.astype(np.float32), 0.6 * layer.frays[0], 1.0) * cover_of(
                layer.ax - width, 3.0
            )
            rest = rest * cover_of(layer.y - y + 6, 3.0) * layer.sacrum * np.float32(n["s1s2_disc"])
            layer.over(rest * 0.85, "annulus")
            if n["s1s2_disc"] > 0.6:
                inner = (
                    rest
                    * cover_of(np.abs(plane).astype(np.float32) - 0.5, 0.6)
                    * cover_of(layer.ax - width + 5, 3.0)
                )
                layer.over(inner, "disc")


def _canal_and_foramina(layer: Layer) -> None:
    n, t = layer.n, layer.t
    canal = sacral_canal(layer.person.land)
    z = canal[::-1, 2]
    y = np.interp(layer.z, z, canal[::-1, 1])
    # Steps down the canal are taken across it, so the tilt makes it no wider.
    slope = np.gradient(canal[::-1, 1], z)
    lean = 1 / np.sqrt(1 + np.interp(layer.z, z, slope) ** 2)
    half = n["canal"] * np.interp(
        layer.z, z, np.array([2, 3, 4.2, 5.2, 6.2, 7.2, 8, 8.5, 8.5, 8.5])
    )
    wide = n["canal"] * np.interp(layer.z, z, np.array([3, 5, 8, 10, 11, 12, 12, 12, 11.5, 11.5]))
    ring = np.sqrt((layer.x / wide) ** 2 + ((layer.y - y) * lean / half) ** 2)
    ring = ((ring - 1) * half).astype(np.float32)
    hollow = cover_of(ring, 1.0) * cover_of(-62 - layer.z, 4.0)
    layer.over(band_of(ring, 0.5, 0.6) * layer.sacrum, "cortex")
    layer.over(hollow, "foramen", 1 + 0.12 * t.patch)
    end = n["sac_end"]
    taper = np.clip((layer.z - end) / 14, 0, 1).astype(np.float32)
    sac = cover_of(ring + 1.0 + (1 - taper) * half.astype(np.float32), 1.2) * (taper > 0)
    roots = np.clip(0.75 + 0.35 * t.mesh, 0, 1)
    layer.over(sac, "csf", 1 - 0.25 * (1 - roots))
    below = hollow * (1 - np.clip(sac, 0, 1)) * cover_of(layer.z - end - 4, 6)
    layer.over(below * np.clip(t.mesh - 0.8, 0, 1), "nerve")
    layer.bright = np.maximum(layer.bright * (1 - hollow), np.maximum(sac, 0.0))
    layer.sacrum = layer.sacrum * (1 - hollow)
    _foramina(layer)


def _foramina(layer: Layer) -> None:
    hole = np.zeros_like(layer.ds)
    rim = np.zeros_like(layer.ds)
    for balls in layer.person.balls:
        if balls.tissue != "foramen":
            continue
        for grow, into in ((0.0, hole), (0.9, rim)):
            found, _ = layer.ball_covers(balls.centres, balls.radii + grow, 0.0)
            if found is not None:
                part = into[found[0]]
                np.maximum(part, found[1], out=part)
    layer.over(
        np.clip(rim - hole, 0, 1) * layer.sacrum * np.clip(0.7 + 0.3 * layer.t.patch, 0, 1),
        "cortex",
    )
    layer.over(hole * np.maximum(layer.sacrum, 0.15), "foramen", 1 + 0.15 * layer.t.patch)
    layer.sacrum = layer.sacrum * (1 - hole)
    layer.paint_balls(("nerve",))


def _cortex(layer: Layer) -> None:
    """A dark line along the surface, patchy, thick on the outside of the hip bone."""
    n, t = layer.n, layer.t
    patchy = np.clip(0.82 + 0.28 * t.patch + 0.15 * layer.frays[0], 0.15, 1)
    inflamed = np.clip(sum(layer.oedema.values(), np.zeros_like(layer.ds)), 0, 1)
    for distance, more in ((layer.ds, 0.0), (layer.di, 0.25)):
        thick = n["cortex_mm"] * (1 + more) * np.exp(0.2 * layer.broad[0]).astype(np.float32)
        line = band_of(distance, -thick / 2 + 0.15, thick / 2, 0.9) * (1 - _fused(layer))
        # Oedema blurs the bone's surface, and what stays dark is not called oedema.
        line = line * cover_of(distance - 0.4, 0.9) * patchy * (1 - 0.5 * inflamed)
        layer.over(line, "cortex")
        for cover in layer.oedema.values():
            np.multiply(cover, 1 - 0.8 * line, out=cover)
    if n["vein_rim"]:
        # A thin bright line under the cartilage that is no oedema.
        rim = band_of(layer.di, -n["cortex_mm"] - 0.6, 0.4) * cover_of(layer.ds - 4.5, 2)
        layer.over(rim * np.float32(0.3 * n["vein_rim"]) * np.clip(layer.frays[1], 0, 1), "nerve")


def _fused(layer: Layer) -> Floats | float:
    """Where bone crosses the joint."""
    return layer.structural.get(("ankylosis", Pattern.INFLAMMATORY), 0.0)


def _vessels_in_front(layer: Layer) -> None:
    """Veins in everything but bone; those at the foramina too."""
    layer.paint_balls(("vein",), keep=1 - 0.92 * np.maximum(layer.sacrum, layer.ilium))


def _lesions(layer: Layer) -> None:
    order = ("sclerosis", "fat", "ankylosis", "oedema", "erosion")
    for lesion in sorted(layer.person.lesions, key=lambda one: order.index(one.what)):
        cover = _lesion_cover(layer, lesion)
        if cover is None:
            continue
        window, share = cover
        if lesion.what == "oedema":
            _oedema(layer, lesion, window, share)
        else:
            _structural(layer, lesion, window, share)


def _lesion_cover(layer: Layer, lesion: Lesion) -> tuple[Any, Floats] | None:
    view = layer.view
    at = np.asarray(lesion.centre) - view.centre
    away = float(at @ view.normal) - layer.shift
    reach = 1.6 * lesion.radius_mm + 2 + (lesion.depth_mm if lesion.what != "erosion" else 0)
    if abs(away) > reach:
        return None
    px = view.pixel_mm
    row, column = (
        float(at @ v) / px + (k - 1) / 2
        for v, k in ((view.row, view.rows), (view.column, view.columns))
    )
    r0, r1 = max(0, int(row - reach / px)), min(view.rows, int(row + reach / px) + 2)
    c0, c1 = max(0, int(column - reach / px)), min(view.columns, int(column + reach / px) + 2)
    if r1 - r0 < 2 or c1 - c0 < 2:
        return None
    w = (slice(r0, r1), slice(c0, c1))
    offset = layer.p[w] - np.asarray(lesion.centre, np.float32)
    far = np.sqrt((offset**2).sum(axis=-1))
    other = layer.ds[w] if lesion.iliac else layer.di[w]
    own = layer.ilium[w] if lesion.iliac else layer.sacrum[w]
    side = layer.is_left[w] if lesion.side > 0 else ~layer.is_left[w]
    fray = layer.frays[lesion.channel][w]
    if lesion.what == "erosion":
        share = cover_of(far - lesion.radius_mm + 0.3 * fray, 0.8)
        return w, np.asarray(share * own * side)
    if lesion.what == "ankylosis":
        share = cover_of(far - lesion.radius_mm + 1.5 * fray, 1.0)
        across = cover_of(np.maximum(layer.ds[w], layer.di[w]) - 3.2, 1.0) * cover_of(
            layer.total[w] - 5, 1
        )
        return w, np.asarray(share * across * side)
    gap = np.float32(layer.n["gap_mm"])
    depth = lesion.depth_mm * np.exp(
        0.35 * lesion.ragged * layer.frays[(lesion.channel + 1) % 4][w]
    )
    if lesion.what == "sclerosis" and lesion.kind is Pattern.MECHANICAL:
        depth = depth * np.clip(1.15 - far / (1.4 * lesion.radius_mm), 0, 1)  # a triangle
    under = other - gap
    if lesion.what == "oedema":
        under = under - np.float32(layer.n["cortex_mm"])
    if lesion.ligamentous:
        under = -(layer.di[w] if lesion.iliac else layer.ds[w])
    inward = under - depth
    # The sphere is measured along the joint: depth has its own limit.
    beside = far**2 - np.clip(under + (5 if lesion.ligamentous else gap), 0, 12) ** 2
    spread = 1 - np.sqrt(np.maximum(beside, 0)) / lesion.radius_mm
    spread = spread + 0.45 * lesion.ragged * fray + 0.12 * layer.t.patch[w] * lesion.ragged
    share = cover_of(-spread.astype(np.float32) * 4, 1.0) * cover_of(inward.astype(np.float32), 1.0)
    return w, np.asarray(share * own * side, dtype=np.float32)


def _oedema(layer: Layer, lesion: Lesion, w: Any, share: Floats) -> None:
    fade = np.clip(
        0.85 + 0.22 * layer.frays[(lesion.channel + 2) % 4][w] + 0.12 * layer.t.patch[w], 0.3, 1.3
    )
    marrow = {
        k: (c["left"] if lesion.side > 0 else c["right"]) if lesion.iliac else 1.0
        for k, c in enumerate(layer.contrasts)
    }
    for k, contrast in enumerate(layer.contrasts):
        part = layer.image[k][w]
        base = np.float32(marrow[k])
        if contrast.weighting is Weighting.T1:
            dark = np.clip(1 - 0.28 * (lesion.strength - 1), 0.4, 0.92)
            part *= 1 - share * (1 - np.float32(dark)) * np.clip(fade, 0, 1)
        else:
            more = base * np.float32(lesion.strength - 1) * fade
            added = part + share * more
            put = part + share * (base + more - part)
            part[...] = (added + put) / 2
    into = layer.oedema.setdefault(lesion.kind, np.zeros_like(layer.ds))
    part = into[w]
    np.maximum(part, share * (fade > 0.42), out=part)


def _structural(layer: Layer, lesion: Lesion, w: Any, share: Floats) -> None:
    tissue = {
        "sclerosis": "sclerosis",
        "fat": "fatty",
        "erosion": "joint",
        "ankylosis": "sacrum",
    }[lesion.what]
    strong = share * np.float32(lesion.strength)
    for k, contrast in enumerate(layer.contrasts):
        part = layer.image[k][w]
        level = contrast[tissue]
        if lesion.what == "erosion" and contrast.weighting is not Weighting.T1:
            level = 0.6 * level + 0.8
        part += strong * (np.float32(level) * (1 + 0.12 * layer.t.patch[w]) - part)
    into = layer.structural.setdefault((lesion.what, lesion.kind), np.zeros_like(layer.ds))
    part = into[w]
    np.maximum(part, strong, out=part)
    if lesion.what != "fat":
        for cover in layer.oedema.values():
            cover[w] *= 1 - 0.8 * share * (lesion.what == "erosion")
