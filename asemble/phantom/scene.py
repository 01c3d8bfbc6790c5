"""Paints a slice of one case, free of noise: tissue over tissue, back to front."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from asemble.core.labels import Weighting
from asemble.phantom.anatomy import Anatomy, Points, Relief
from asemble.phantom.canvas import Canvas
from asemble.phantom.lesions import Lesion, LesionType
from asemble.phantom.noise import Field
from asemble.phantom.organs import Organs
from asemble.phantom.soft_tissue import paint_sacral_contents, paint_soft_tissue
from asemble.phantom.tissue import Appearance, Tissue, values_of

FILLS_JOINT = (LesionType.BACKFILL, LesionType.ANKYLOSIS)
"""Lie in the joint space, so their brightness is not a multiple of what was there."""

AIR = 0.02
"""Signal outside the body, relative to marrow."""


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Everything that a slice of one case is painted from.

    Args:
        anatomy: bones, joints and canal.
        organs: soft tissue and distractors.
        lesions: in painting order.
        appearance: brightness by tissue.
        marrow_variation: coefficient of variation of normal marrow (0.10-0.24 measured).
        marrow_scale_mm: size of its coarse patches.
    """

    anatomy: Anatomy
    organs: Organs
    lesions: tuple[Lesion, ...]
    appearance: Appearance
    marrow_variation: float
    marrow_scale_mm: float


def render(scene: Scene, points: Points, weightings: tuple[Weighting, ...]) -> Canvas:
    """Paint one infinitely thin slice."""
    shape = points.u.shape
    points = scene.anatomy.warped(points)
    canvas = Canvas(points, {w: np.full(shape, AIR, np.float32) for w in weightings})
    relief = scene.anatomy.relief(points)
    around = (scene.organs, scene.appearance, scene.anatomy, relief)
    paint_soft_tissue(canvas, *around)
    _paint_cleft(canvas, scene, relief)
    _paint_bones(canvas, scene, relief)
    paint_sacral_contents(canvas, *around)
    _paint_joint(canvas, scene, relief)
    _paint_lesions(canvas, scene, relief)
    return canvas


def _paint_bones(canvas: Canvas, scene: Scene, relief: Relief) -> None:
    """Marrow with its texture inside a patchy cortex."""
    p, noise = canvas.points, scene.anatomy.noise
    coarse = noise.at(p.u, p.v, p.w, scale_mm=scene.marrow_scale_mm, texture=0)
    fine = noise.at(p.u, p.v, p.w, scale_mm=2.2, texture=1)
    grain = 1 + scene.marrow_variation * (0.75 * coarse + 0.65 * fine)
    grain = np.maximum(grain, 0.35)
    red = _red_marrow(scene, canvas.points, coarse)
    thickness = 0.9 + 0.7 * noise.at(p.u, p.v, p.w, scale_mm=7, texture=2)
    for bone, distance in ((0, relief.sacrum), (1, relief.ilium)):
        canvas.paint(p.cover(distance), values_of(scene.appearance, Tissue.CORTEX))
        marrow = p.cover(distance + np.maximum(thickness, 0.1))
        values: dict[Weighting, Field] = {}
        for weighting in canvas.signals:
            right, left = scene.appearance.ilium[weighting] if bone else (1.0, 1.0)
            level = np.where(relief.left, np.float32(left), np.float32(right))
            # Red marrow holds more water: brighter on STIR, darker on T1.
            island = red if weighting is Weighting.FLUID else 1 - 0.5 * (red - 1)
            values[weighting] = level * grain * island
        canvas.paint(marrow, values)


def _red_marrow(scene: Scene, p: Points, coarse: Field) -> Field | float:
    if scene.organs.red_marrow == 0:
        return 1.0
    patches = scene.anatomy.noise.at(p.u, p.v, p.w, scale_mm=14, texture=3)
    return 1 + scene.organs.red_marrow * np.clip(patches + 0.4 * coarse - 0.9, 0, 1)


def _paint_cleft(canvas: Canvas, scene: Scene, relief: Relief) -> None:
    """Fat, ligament strands and small vessels between the bones behind and above the joint."""
    p, noise = canvas.points, scene.anatomy.noise
    gap = relief.gap
    inside = p.cover(np.abs(relief.au - relief.joint) - gap / 2 - 1)
    inside = inside * np.clip((gap - 4) / 2, 0, 1) * np.clip((p.w + 25) / 6, 0, 1)
    inside = inside * np.clip((46 - p.w) / 6, 0, 1) * np.clip((60 - p.v) / 8, 0, 1)
    if not inside.any():
        return
    strands = noise.at(p.u, p.v * 1.6, p.w, scale_mm=3.2, texture=4)
    canvas.paint(inside, values_of(scene.appearance, Tissue.FAT))
    canvas.paint(inside * np.clip(strands, 0, 1), values_of(scene.appearance, Tissue.LIGAMENT))
    canvas.paint(
        inside * np.clip(-strands - 1.3, 0, 0.8), values_of(scene.appearance, Tissue.BLOOD, 0.8)
    )


def _paint_joint(canvas: Canvas, scene: Scene, relief: Relief) -> None:
    """Cartilage in the joint space, only where the joint is."""
    p, gap = canvas.points, relief.gap
    within = p.cover(np.abs(relief.au - relief.joint) - np.minimum(gap, 5) / 2)
    within = within * p.cover(scene.anatomy.in_joint(p.v, p.w) / 2)
    patchy = 1 + 0.25 * scene.anatomy.noise.at(p.u, p.v, p.w, scale_mm=6, texture=5)
    canvas.paint(within * np.clip((7 - gap) / 3, 0, 1),
                 values_of(scene.appearance, Tissue.CARTILAGE, patchy))  # fmt: skip


def _paint_lesions(canvas: Canvas, scene: Scene, relief: Relief) -> None:
    p, gap = canvas.points, relief.gap
    from_joint = relief.au - relief.joint
    hosts = {True: p.cover(relief.sacrum), False: p.cover(relief.ilium)}
    rim = scene.anatomy.in_joint(p.v, p.w)
    in_joint = p.cover((rim - 3) / 3)
    for lesion in scene.lesions:
        profile = lesion.profile(p.v, p.w)
        reached = (profile > 0) & (relief.left == lesion.left)
        if lesion.type is LesionType.CAPSULITIS:
            _paint_capsulitis(canvas, scene, lesion, reached, rim=rim, from_joint=from_joint)
            continue
        near = np.ones_like(in_joint) if lesion.ligamentous else in_joint
        box = np.nonzero(reached & (near > 0))
        if box[0].size == 0:
            continue
        depth = (-from_joint[box] if lesion.sacral else from_joint[box]) - gap[box] / 2
        bone = hosts[lesion.sacral][box]
        noise = scene.anatomy.noise.at(
            p.u[box], p.v[box], p.w[box], scale_mm=4, texture=lesion.texture
        )
        cover = _lens(lesion, profile[box], depth, noise, p.edge_mm)
        space = (depth > -gap[box]) * (depth < 0.5)
        if lesion.type is LesionType.ANKYLOSIS:  # from bone to bone
            cover = p.cover(np.abs(from_joint[box]) - gap[box] / 2 - lesion.depth_mm) * (
                np.clip(4 * profile[box], 0, 1)
            )
            host = np.ones_like(bone)
        else:
            host = np.clip(bone + space, 0, 1) if lesion.across else bone
        cover = cover * host * near[box]
        if cover.max() < 0.05:
            continue
        _paint_lesion(canvas, scene, lesion, box=box, cover=cover, noise=noise)


def _paint_capsulitis(
    canvas: Canvas,
    scene: Scene,
    lesion: Lesion,
    reached: npt.NDArray[np.bool_],
    *,
    rim: Field,
    from_joint: Field,
) -> None:
    """A bright band along the rim of the joint, outside the bones."""
    p = canvas.points
    band = p.cover(np.abs(rim - 1.5) - lesion.depth_mm / 2) * p.cover(np.abs(from_joint) - 5)
    cover = np.where(reached, band, 0).astype(np.float32)
    if cover.max() < 0.05:
        return
    for weighting, signal in canvas.signals.items():
        bright = lesion.ratio if weighting is Weighting.FLUID else 0.4
        np.add(signal, cover * (bright - signal), out=signal)
    canvas.masks[lesion.type, lesion.cause] = np.maximum(
        canvas.masks.get((lesion.type, lesion.cause), np.zeros_like(cover)), cover
    )


def _lens(lesion: Lesion, profile: Field, depth: Field, noise: Field, edge_mm: float) -> Field:
    """Share of each voxel that the lens covers; oedema fades, the other types end sharply."""
    ragged = 1 + lesion.ragged * noise
    fade = max(edge_mm, 0.35 * (lesion.depth_mm - lesion.start_mm))
    edge = fade if lesion.type is LesionType.OEDEMA else edge_mm
    outer = np.clip((lesion.depth_mm * profile * ragged - depth) / edge + 0.5, 0, 1)
    nearest = -2.0 if lesion.across else -0.3
    inner = np.clip((depth - np.maximum(lesion.start_mm * profile, nearest)) / edge_mm + 0.5, 0, 1)
    return np.asarray(outer * inner * np.clip(4 * profile, 0, 1), dtype=np.float32)


def _paint_lesion(
    canvas: Canvas,
    scene: Scene,
    lesion: Lesion,
    *,
    box: tuple[npt.NDArray[np.intp], ...],
    cover: Field,
    noise: Field,
) -> None:
    for weighting, signal in canvas.signals.items():
        ratios = scene.appearance.ratios[weighting]
        marrow = np.maximum(signal[box], 0.5) if lesion.type is LesionType.OEDEMA else signal[box]
        if weighting is Weighting.FLUID:
            value = marrow * lesion.ratio * (1 + 0.12 * noise)
            if lesion.type in FILLS_JOINT:
                value = lesion.ratio * (1 + 0.12 * noise)
            if lesion.type in (LesionType.EROSION, LesionType.OEDEMA) and lesion.across:
                value = np.maximum(value, lesion.ratio * 0.9)
        elif lesion.type is LesionType.OEDEMA:
            # Brighter oedema holds more water and is darker on T1.
            share = min((lesion.ratio - 1) / 3, 1)
            value = marrow * (1 - share * (1 - ratios[Tissue.OEDEMA]))
        else:
            tissue = {
                LesionType.EROSION: Tissue.FLUID,
                LesionType.FAT: Tissue.FAT,
                LesionType.SCLEROSIS: Tissue.SCLEROSIS,
                LesionType.BACKFILL: Tissue.FAT,
                LesionType.ANKYLOSIS: Tissue.MARROW,
            }[lesion.type]
            value = np.full_like(marrow, ratios[tissue])
        signal[box] += cover * (value - signal[box])
    key = (lesion.type, lesion.cause)
    mask = canvas.masks.setdefault(key, np.zeros(canvas.points.u.shape, np.float32))
    mask[box] = np.maximum(mask[box], cover)
