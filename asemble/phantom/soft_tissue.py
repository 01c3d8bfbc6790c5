"""Paints everything around the joints: skin, fat, muscle, pelvic organs, spine, canal, nerves."""

import numpy as np

from asemble.core.labels import Weighting
from asemble.phantom.anatomy import Anatomy, Points, Relief
from asemble.phantom.appearances import Variant
from asemble.phantom.canvas import Canvas
from asemble.phantom.noise import LIMIT, Field
from asemble.phantom.organs import Blob, Organs, Vessel
from asemble.phantom.tissue import Appearance, Tissue, values_of

FOLDS = 0.12
"""How far the surface of an organ lies in or out of its ellipsoid, of its radius, by noise of 1."""


def paint_soft_tissue(
    canvas: Canvas, organs: Organs, look: Appearance, anatomy: Anatomy, relief: Relief
) -> None:
    """Body, fat, muscle, pelvic organs, vessels: all that lies under the bones."""
    p = canvas.points
    noise = anatomy.noise
    skin = _skin(p, anatomy)
    grain = organs.grain
    fat_texture = 1 + 0.16 * grain * noise.at(p.u, p.v, p.w, scale_mm=5, texture=6)
    field = noise.at(p.u, p.v, p.w, scale_mm=16, texture=14)
    fat = values_of(look, Tissue.FAT, np.maximum(fat_texture, 0.2))
    if organs.failed_suppression and Weighting.FLUID in canvas.signals:
        # The field drifts out of the band of the suppression towards the skin.
        drift = np.clip(0.5 * field + 1 + skin / 60, 0, 1)
        fat[Weighting.FLUID] = fat[Weighting.FLUID] * (1 + organs.failed_suppression * drift)
    canvas.paint(p.cover(skin), fat)
    fascia = np.clip(1 - np.abs(field) * 8, 0, 0.6)
    canvas.paint(p.cover(skin) * fascia, values_of(look, Tissue.MUSCLE, 0.9))
    canvas.paint(*_muscle(p, organs, look, anatomy, relief, beneath_skin=skin))
    for blob in organs.blobs:
        _paint_blob(canvas, look, anatomy, blob)
    for vessel in organs.vessels:
        _paint_vessel(canvas, look, vessel)
    _paint_lumbar(canvas, organs, look, anatomy)


def _muscle(
    p: Points,
    organs: Organs,
    look: Appearance,
    anatomy: Anatomy,
    relief: Relief,
    *,
    beneath_skin: Field,
) -> tuple[Field, dict[Weighting, Field | float]]:
    noise, au, joint = anatomy.noise, relief.au, relief.joint
    fat = anatomy.fat_back_mm
    # Gluteal muscle lies outside the ilium, its fibres fanning out from the hip.
    angle = np.arctan2(p.v + 75, au - 112) * 45
    reach = np.hypot(p.v + 75, au - 112) / 5
    fibres = noise.at(angle, reach, p.w / 2, scale_mm=2.6, texture=7)
    lateral = au - joint
    beneath = p.cover(beneath_skin + np.float32(min(fat, 30.0)))
    gluteal = beneath * np.clip((lateral - 6) / 3, 0, 1) * np.clip((p.w + 62) / 4, 0, 1)
    # Multifidus and erector spinae behind the sacrum: a network of muscle and fat.
    behind = np.clip((p.w - anatomy.back_w(p.v, au)) / 2, 0, 1) * p.cover(beneath_skin + fat)
    net = noise.at(p.u, p.v * 0.5, p.w, scale_mm=3.2, texture=8)
    multifidus = behind * np.clip((56 + 7 * net - au) / 9, 0, 1)
    multifidus = multifidus * np.clip((p.v + 66 + 8 * net) / 14, 0, 1)
    # Iliacus lies on the inner face of the wing, psoas inside it, piriformis below the joint.
    psoas_u = 40 + 0.35 * np.maximum(40 - p.v, 0)
    psoas_w = -38 - 0.45 * np.maximum(40 - p.v, 0)
    psoas = p.cover(np.hypot(au - psoas_u, p.w - psoas_w) - 19) * np.clip((p.v + 60) / 5, 0, 1)
    inner = np.clip((joint - au + 2) / 2, 0, 1) * np.clip((au - joint + 20) / 3, 0, 1)
    iliacus = inner * np.clip((relief.sacrum - 2) / 2, 0, 1) * np.clip((-6 - p.w) / 6, 0, 1)
    iliacus = np.maximum(iliacus * np.clip((p.v + 35) / 6, 0, 1), psoas)
    axis_v = -34 - 0.28 * (au - 20)
    axis_w = -10 + 0.22 * (au - 20)
    size = np.clip(1.15 - np.abs(au - 45) / 75, 0.3, 1) * 15
    piriformis = p.cover(np.hypot(p.v - axis_v, (p.w - axis_w) * 1.25) - size)
    piriformis = piriformis * np.clip((au - 12) / 4, 0, 1)
    cover = np.maximum(np.maximum(gluteal, multifidus), np.maximum(iliacus, piriformis))
    septa = np.where(multifidus > gluteal, net, fibres)
    level = np.maximum(1 + 0.13 * organs.grain * septa, 0.3)
    fatty = np.clip((septa - (1.6 - 1.6 * organs.septa)) * 1.2, 0, 0.9)
    values = {
        weighting: ratios[Tissue.MUSCLE] * level * (1 - fatty) + ratios[Tissue.FAT] * fatty
        for weighting, ratios in look.ratios.items()
    }
    return np.asarray(cover, dtype=np.float32), dict(values)


def _paint_lumbar(canvas: Canvas, organs: Organs, look: Appearance, anatomy: Anatomy) -> None:
    """L5 with its pedicles, the L5/S1 disc, facet joints."""
    p, au = canvas.points, np.abs(canvas.points.u)
    floor = anatomy.disc_v_mm + anatomy.disc_mm
    lean = 0.5 * np.maximum(p.v - floor, 0)
    front, back = -30 + lean, 4 + lean
    depth = np.maximum(front - p.w, p.w - back)
    height = np.maximum(floor - p.v, p.v - floor - 27)
    waist = 25 - 2.5 * np.clip(1 - np.abs(p.v - floor - 13) / 13, 0, 1)
    body = np.maximum(np.maximum(au - waist, depth), height)
    pedicle = np.hypot(au - 21, (p.v - floor - 18) * 0.8) - 9
    pedicle = np.maximum(pedicle, np.maximum(back - 4 - p.w, p.w - back - 26))
    bone = np.minimum(body, pedicle)
    grain = 1 + 0.12 * anatomy.noise.at(p.u, p.v, p.w, scale_mm=8, texture=9)
    canvas.paint(p.cover(bone), values_of(look, Tissue.CORTEX))
    edge = np.clip(1 - np.abs(p.v - floor - 5) / 6, 0, 1)
    change = {w: grain * _modic(organs.modic, w, edge) for w in canvas.signals}
    canvas.paint(p.cover(bone + 1.2), change)
    disc = np.maximum(
        np.abs(p.v - anatomy.disc_v_mm - anatomy.disc_mm / 2) - anatomy.disc_mm / 2 + 0.5,
        np.maximum(au - 25, np.maximum(-31 - p.w, p.w - 5)),
    )
    canvas.paint(p.cover(disc), values_of(look, Tissue.DISC, organs.disc_factors[0]))
    ring = np.clip(1 - np.abs(disc + 1.5) / 2, 0, 1) * p.cover(disc)
    canvas.paint(ring * 0.8, values_of(look, Tissue.LIGAMENT))
    if organs.facet_effusion:
        facet = np.hypot((au - 19) * 1.6, p.w - 26 - 0.5 * np.maximum(p.v - 40, 0)) - 5
        facet = np.maximum(facet, np.abs(p.v - anatomy.disc_v_mm - 4) - 9)
        canvas.paint(p.cover(facet), values_of(look, Tissue.FLUID, organs.facet_effusion))


def paint_sacral_contents(
    canvas: Canvas, organs: Organs, look: Appearance, anatomy: Anatomy, relief: Relief
) -> None:
    """Canal with sac and roots, foramina with nerve, vein and fat, disc remnants."""
    p, noise, au = canvas.points, anatomy.noise, relief.au
    inside_sacrum = p.cover(relief.sacrum)
    size, heights = anatomy.foramina_size, anatomy.foramina_v_mm
    for level, (height, factor) in enumerate(
        zip((heights[0] + 1, heights[1] + 1), organs.disc_factors[1:], strict=True)
    ):
        # In a transitional vertebra S1 is half lumbar, with a disc of its own below it.
        lumbar = anatomy.variant is Variant.TRANSITIONAL and level == 0
        wide, half = (23, 3.5) if lumbar else (15 - 3 * level, 1.6)
        remnant = np.maximum(
            np.abs(p.v - height) - half, np.maximum(au - wide, np.abs(p.w + 7 - 4 * level) - 10)
        )
        shade = max(factor, 0.7) if lumbar else factor
        canvas.paint(p.cover(remnant), values_of(look, Tissue.DISC, shade))
        rim = np.clip(1 - np.abs(remnant) / 1.5, 0, 1) * 0.6
        canvas.paint(rim, values_of(look, Tissue.CORTEX, 1.5))
    canal = anatomy.canal(p)
    canvas.paint(p.cover(canal), values_of(look, Tissue.FAT))
    for level, height in enumerate(heights):
        # From the canal forwards, outwards and down; it opens in front, and less behind.
        along = anatomy.canal_w_mm - p.w
        centre_u = 15 - 1.5 * level + 0.45 * np.clip(along, -6, 30)
        centre_v = height - 0.25 * np.clip(along, -6, 30)
        widen = 0.75 + 0.35 * np.clip(along / 25, 0, 1)
        radius = np.hypot(au - centre_u, (p.v - centre_v) * 1.1)
        hole = radius - (7.2 - 0.8 * level) * size * widen
        hole = np.maximum(hole, -along - 16)
        canvas.paint(p.cover(hole) * inside_sacrum, values_of(look, Tissue.FAT))
        root = np.maximum(radius - 3.0 * size, along - 48)
        nerve = values_of(look, Tissue.MUSCLE, organs.nerve_factor)
        canvas.paint(p.cover(root) * np.clip((along + 8) / 4, 0, 1), nerve)
        vein = np.hypot(au - centre_u - 4.0 * size, p.v - centre_v + 1.5) - 1.4 * size
        vein = np.maximum(vein, hole)
        canvas.paint(p.cover(vein) * inside_sacrum, values_of(look, Tissue.BLOOD, 0.8))
    sac_end = heights[1] + 8
    roots = 1 - 0.4 * np.clip(noise.at(p.u * 1.5, p.v / 6, p.w, scale_mm=2, texture=10), 0, 1)
    sac = np.maximum(canal + 1.5, sac_end - p.v)
    canvas.paint(p.cover(sac), values_of(look, Tissue.CSF, roots))
    low = p.cover(np.maximum(canal + 1.5, p.v - sac_end))
    strands = np.clip(noise.at(p.u * 1.5, p.v / 5, p.w, scale_mm=2.5, texture=11), 0, 1)
    canvas.paint(low * strands, values_of(look, Tissue.MUSCLE, organs.nerve_factor))


def _modic(ratio: float, weighting: Weighting, edge: Field) -> Field:
    change = ratio if weighting is Weighting.FLUID else 1 / ratio
    return np.asarray(1 + (change - 1) * edge, dtype=np.float32)


def _skin(p: Points, anatomy: Anatomy) -> Field:
    """Signed distance to the skin, roughly an ellipse in an axial slice."""
    back = 46 + anatomy.fat_back_mm + 0.1 * np.clip(-p.v, -60, 60)
    depth = np.where(p.w > -20, (p.w + 20) / (back + 20), (-20 - p.w) / 110)
    return np.asarray(
        (np.hypot(p.u / anatomy.body_u_mm, depth) - 1) * min(anatomy.body_u_mm, 70), np.float32
    )


def _paint_blob(canvas: Canvas, look: Appearance, anatomy: Anatomy, blob: Blob) -> None:
    radii = np.array(blob.radii_mm)
    if not canvas.points.touches(blob.centre_mm - 1.3 * radii, blob.centre_mm + 1.3 * radii):
        return
    reach = radii * (1 + FOLDS * LIMIT + canvas.points.edge_mm / radii.min())
    part = canvas.part(blob.centre_mm - reach, blob.centre_mm + reach)
    if part is None:
        return
    p = part.points
    scaled = [
        (axis - centre) / radius
        for axis, centre, radius in zip((p.u, p.v, p.w), blob.centre_mm, blob.radii_mm, strict=True)
    ]
    folds = FOLDS * anatomy.noise.at(p.u, p.v, p.w, scale_mm=9, texture=12)
    distance = np.sqrt(scaled[0] ** 2 + scaled[1] ** 2 + scaled[2] ** 2) + folds - 1
    distance = np.asarray(distance * min(blob.radii_mm), dtype=np.float32)
    inside = p.cover(distance)
    if blob.wall:
        part.paint(inside, values_of(look, Tissue.ORGAN, 0.75))
        inside = p.cover(distance + 2.2)
    texture = 1 + 0.18 * anatomy.noise.at(p.u, p.v, p.w, scale_mm=4, texture=13)
    part.paint(inside, values_of(look, blob.tissue, blob.factor * texture))


def _paint_vessel(canvas: Canvas, look: Appearance, vessel: Vessel) -> None:
    reach = vessel.radius_mm + canvas.points.edge_mm
    for start, end in zip(vessel.path_mm, vessel.path_mm[1:], strict=False):
        low = np.minimum(start, end) - reach
        high = np.maximum(start, end) + reach
        part = canvas.part(low, high)
        if part is None:
            continue
        p = part.points
        box = np.nonzero(
            (p.u > low[0]) & (p.u < high[0])
            & (p.v > low[1]) & (p.v < high[1])
            & (p.w > low[2]) & (p.w < high[2])
        )  # fmt: skip
        if box[0].size == 0:
            continue
        at = np.stack([p.u[box], p.v[box], p.w[box]], axis=-1)
        axis = np.subtract(end, start)
        share = np.clip((at - start) @ axis / (axis @ axis), 0, 1)
        gap = np.linalg.norm(at - (start + share[:, None] * axis), axis=-1)
        cover = np.clip(0.5 - (gap - vessel.radius_mm) / p.edge_mm, 0, 1)
        for weighting, signal in part.signals.items():
            value = look.ratios[weighting][Tissue.BLOOD] * vessel.factor
            signal[box] += cover * (value - signal[box])
