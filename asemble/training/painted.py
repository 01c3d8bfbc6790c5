"""Oedema painted on real anatomy whose contrast is drawn anew: lessons from real T1 stacks.

A real pelvis has the layers of muscle, fascia, vessels and bowel that no simulator draws. Its bones
are found by networks (`training.real_pelvises`); grey values are redrawn so that the slice looks as
if it were fat-suppressed, or like nothing at all; findings are those of `phantom.findings`, laid
along its joints. So what is painted means what it means in the simulator, in 2D. What is bright
outside bone on a redrawn slice nobody knows, so it teaches only that it is no bone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from asemble.core.labels import Pattern, Plane, Tissue, Weighting
from asemble.datasets.people import Lesson, lesson
from asemble.datasets.slice_set import OUTSIDE, UNKNOWN
from asemble.imaging.slices import FIELD_MM, SIDE
from asemble.phantom.acquisition import Points, acquire
from asemble.phantom.findings import Focus, Lesion, sample_findings
from asemble.phantom.layer import cover_of
from asemble.phantom.training_slices import (
    SimulatedSlice,
    oedema_truth,
    resampled,
    sample_scanner,
)
from asemble.training.real_pelvises import WIDE_PIXEL_MM, RealPelvis, joint_between

Floats = npt.NDArray[np.float32]

T1_SHARE, RANDOM_SHARE = 0.1, 0.35
"""Of slices left as they are, to teach bones alone; and of those with grey values of nothing."""
PATTERN_SHARES = {Pattern.NORMAL: 0.3, Pattern.INFLAMMATORY: 0.4, Pattern.MECHANICAL: 0.3}
JOINT_SHARE = 0.85
"""Of slices that show a joint; the rest lie in front of the sacrum."""
FRONT = 0.5
"""Mechanical lesions lie in this front part of the joints mostly."""
MOST_POINTS = 400
"""Of each joint, from which findings are laid."""
DEEP_MM = 2.0
"""Marrow so far below the surface of a bone says how bright its marrow is."""


@dataclass(slots=True, eq=False)
class _Canvas:
    """A slice while it is painted, sacral marrow = 1.

    Args:
        image: `(256, 256)`.
        distance: `(3, 256, 256)` mm, of sacrum, right and left ilium.
        x: mm to the patient's left, in the stack.
        z: mm upwards.
        y: mm backwards, of the whole slice.
        dark: 0..1, cortex and sclerosis as T1 shows them.
        levels: of the marrow of sacrum, right and left ilium.
        pixel_mm: of the slice.
    """

    image: Floats
    distance: Floats
    x: Floats
    z: Floats
    y: float
    dark: Floats
    levels: tuple[float, float, float]
    pixel_mm: float

    @property
    def bone(self) -> Floats:
        """Share of each pixel that is bone."""
        return cover_of(self.distance.min(axis=0))


def painted_lesson(rng: np.random.Generator, pelvis: RealPelvis) -> Lesson:
    """One slice of a real pelvis in another contrast, often with oedema that was never there."""
    shares = list(PATTERN_SHARES.values())
    pattern = tuple(PATTERN_SHARES)[rng.choice(len(shares), p=shares)]
    at = _choose_slice(rng, pelvis, pattern)
    place, pixel_mm = _sample_place(rng)
    ratio, distance, doubtful = _placed(pelvis, at, place)
    rows, columns = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    middle = (SIDE - 1) / 2
    across = place[0, 0] * columns + place[0, 1] * rows + place[0, 2] - middle
    down = place[1, 0] * columns + place[1, 1] * rows + place[1, 2] - middle
    y = (at - len(pelvis.images) / 2) * pelvis.step_mm
    is_t1 = rng.random() < T1_SHARE
    redrawn = not is_t1
    image, dark, levels = _redrawn(rng, ratio, distance, as_t1=is_t1)
    canvas = _Canvas(
        image,
        distance,
        across * np.float32(WIDE_PIXEL_MM),
        -down * np.float32(WIDE_PIXEL_MM),
        y,
        dark,
        levels,
        pixel_mm,
    )
    oedema: dict[Pattern, Floats] = {}
    bright = np.zeros_like(image)
    if redrawn:
        _islands(rng, canvas)
        joints, ligaments = _points(rng, pelvis)
        if all(len(one) > 20 for one in joints):
            sclerosis = tuple(rng.uniform(1, 4) if rng.random() < 0.5 else 0.0 for _ in range(2))
            focus = Focus(np.array([0.0, y, 0.0]), np.array([0.0, 1.0, 0.0]))
            findings = sample_findings(
                rng,
                pattern,
                joints,
                ligaments=ligaments,
                sclerosis_mm=(sclerosis[0], sclerosis[1]),
                focus=focus,
            )
            _paint_findings(rng, canvas, findings, oedema)
        bright = _distractors(rng, canvas)
    scanned = acquire(
        rng,
        np.maximum(canvas.image, 0),
        Points(canvas.x, canvas.z, np.full_like(canvas.x, y)),
        sample_scanner(rng),
    )
    weighting = Weighting.T1 if is_t1 else Weighting.FLUID
    tissue = _tissue(distance, doubtful, bright, weighting)
    return lesson(_truth(canvas, resampled(rng, scanned), tissue, oedema, weighting))


def _choose_slice(rng: np.random.Generator, pelvis: RealPelvis, pattern: Pattern) -> int:
    with_joint = np.flatnonzero(pelvis.joints)
    others = np.setdiff1d(pelvis.usable, with_joint)
    if len(others) and rng.random() > JOINT_SHARE:
        return int(rng.choice(others))
    if pattern is Pattern.MECHANICAL and rng.random() < 0.8:
        with_joint = with_joint[: max(1, int(np.ceil(FRONT * len(with_joint))))]
    return int(rng.choice(with_joint))


def _sample_place(rng: np.random.Generator) -> tuple[npt.NDArray[np.float64], float]:
    """`(2, 3)` from a pixel of the lesson to one of the stack, and the pixel in mm."""
    pixel_mm = FIELD_MM / SIDE * rng.uniform(0.9, 1.1)
    scale = pixel_mm / WIDE_PIXEL_MM
    angle = np.radians(rng.normal(0, 3))
    stretch = rng.uniform(0.94, 1.06)
    turn = scale * np.array(
        [[np.cos(angle) * stretch, -np.sin(angle)], [np.sin(angle) * stretch, np.cos(angle)]]
    )
    middle = np.full(2, (SIDE - 1) / 2)
    shift = rng.normal(0, (4.0, 6.0)) / WIDE_PIXEL_MM
    return np.column_stack([turn, middle + shift - turn @ middle]), float(pixel_mm)


def _placed(
    pelvis: RealPelvis, at: int, place: npt.NDArray[np.float64]
) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    def warped(image: npt.NDArray[Any], how: int, beyond: float) -> Floats:
        return np.asarray(
            cv2.warpAffine(
                image,
                place,
                (SIDE, SIDE),
                flags=how | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_CONSTANT,
                borderValue=beyond,
            ),
            dtype=np.float32,
        )

    ratio = np.maximum(warped(pelvis.images[at], cv2.INTER_CUBIC, 0.0), 0)
    distance = np.stack(
        [warped(one.astype(np.float32), cv2.INTER_LINEAR, 99.0) for one in pelvis.distance[at]]
    )
    doubtful = warped(pelvis.doubtful[at].astype(np.float32), cv2.INTER_LINEAR, 0.0) > 0.5
    return ratio, distance, doubtful


def _redrawn(
    rng: np.random.Generator, ratio: Floats, distance: Floats, *, as_t1: bool
) -> tuple[Floats, Floats, tuple[float, float, float]]:
    """Another contrast, what is dark in bone, and how bright the marrow of each bone is."""
    u = rng.uniform
    ilia = distance[1:].min(axis=0)
    inside = distance.min(axis=0) < -DEEP_MM
    marrow = float(np.median(ratio[inside])) if inside.sum() > 100 else float(np.median(ratio))
    marrow = max(marrow, 0.05)
    bone = cover_of(distance.min(axis=0))
    local = _smooth_within(ratio, bone, 14.0, marrow)
    dark = np.clip((0.62 - ratio / np.maximum(local, 0.05)) / 0.25, 0, 1) * bone
    if as_t1:
        image = (ratio / marrow) ** np.float32(u(0.85, 1.2))
        return np.asarray(image, np.float32), np.asarray(dark, np.float32), (1.0, 1.0, 1.0)
    is_random = rng.random() < RANDOM_SHARE
    image = _curve(rng, ratio, is_random=is_random)
    if is_random and rng.random() < 0.6:
        image = _filtered(rng, image)
    ilium = float(np.exp(u(np.log(0.6), np.log(1.6))))
    side = rng.normal(0, 0.05)
    levels = (1.0, ilium * (1 + side), ilium * (1 - side))
    level = np.where(
        distance[0] < ilia, levels[0], np.where(distance[1] < distance[2], levels[1], levels[2])
    ).astype(np.float32)
    # Fat in marrow is bright on T1 and dark where it is suppressed: its texture mostly turns over.
    fine = np.log(np.clip(ratio / np.maximum(local, 0.05), 0.4, 2.5))
    broad = np.log(np.clip(local / marrow, 0.5, 2.0))
    strength, slow = u(-0.8, 0.3), u(-0.6, 0.4)
    if is_random:
        strength, slow = u(-0.8, 0.9), u(-0.6, 0.6)
    tone = np.exp(strength * fine * (1 - dark) + slow * broad + u(0.02, 0.1) * _noise(rng, 26))
    tone = tone * np.exp(u(0.0, 0.06) * _noise(rng, 5) + u(0.0, 0.05) * _noise(rng, 1.3))
    cortex = u(0.1, 0.4)
    within = level * tone
    within = within + dark * (cortex * level - within)
    image = image * np.exp(u(0.0, 0.08) * _noise(rng, 20))
    image = image + bone * (within - image)
    return np.asarray(image, np.float32), np.asarray(dark, np.float32), levels


def _curve(rng: np.random.Generator, ratio: Floats, *, is_random: bool) -> Floats:
    """A grey scale for everything but bone, through dark, muscle and fat as T1 has them."""
    u = rng.uniform
    scale = np.percentile(ratio, 98)
    grey = np.clip(ratio / max(float(scale), 1e-3) * 255, 0, 255).astype(np.uint8)
    body = grey[grey > 25]
    if len(body) < 100:
        body = grey.ravel()
    edge, _ = cv2.threshold(body[:, None], 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    muscle = float(np.median(body[body <= edge])) if (body <= edge).any() else 90.0
    fat = float(np.median(body[body > edge])) if (body > edge).any() else 200.0
    muscle, fat = min(muscle, fat - 20), max(fat, 60.0)
    places = [0, 0.3 * muscle, 0.75 * muscle, muscle, (muscle + fat) / 2, fat, 1.3 * fat, 340]
    if is_random:
        values = [u(0, 0.15), *u(0.1, 2.2, 7)]
    else:
        lean, suppressed = u(0.4, 1.15), float(np.exp(u(np.log(0.3), np.log(0.95))))
        values = [
            u(0, 0.08),
            u(0.05, 0.5),
            lean * u(0.8, 1.3),
            lean,
            u(min(lean, suppressed), max(lean, suppressed) * 1.2),
            suppressed,
            suppressed * u(0.7, 1.25),
            suppressed,
        ]
    # As many steps as grey values that a stack has, smoothed so that no edge is drawn by a knot.
    table = np.interp(np.arange(0, 340, 0.5), np.maximum.accumulate(places), values)
    table = cv2.GaussianBlur(table[None].astype(np.float32), (0, 0), 10.0)[0]
    index = np.clip(ratio / max(float(scale), 1e-3) * 510, 0, len(table) - 1)
    low = index.astype(np.int32)
    part = index - low
    high = np.minimum(low + 1, len(table) - 1)
    return np.asarray(table[low] * (1 - part) + table[high] * part, dtype=np.float32)


def _filtered(rng: np.random.Generator, image: Floats) -> Floats:
    """Partly what a shallow random network makes of it."""
    hidden = [image]
    for _ in range(int(rng.integers(1, 4))):
        made = []
        for _ in range(2):
            total = np.zeros_like(image)
            for one in hidden:
                kernel = rng.standard_normal((3, 3)).astype(np.float32)
                if rng.random() < 0.5:
                    kernel = kernel * np.eye(1, 9, 4, dtype=np.float32).reshape(3, 3)
                total += cv2.filter2D(one, -1, kernel)
            total += np.float32(rng.normal(0, 0.5))
            made.append(np.where(total > 0, total, np.float32(0.1) * total))
        hidden = made
    strange = np.abs(hidden[0])
    strange = strange * (np.mean(image) / max(float(strange.mean()), 1e-3))
    share = np.float32(rng.uniform(0.1, 0.6))
    # Air stays black: a scanner has nothing to show there.
    return np.asarray(image * (1 - share) + share * np.minimum(strange, 4) * (image > 0.1))


def _islands(rng: np.random.Generator, canvas: _Canvas) -> None:
    """Red marrow away from the joint, which is brighter and no oedema."""
    if rng.random() > 0.45:
        return
    depth = canvas.distance.min(axis=0)
    spots = cover_of(0.75 - _noise(rng, 10), 0.5) * canvas.bone * cover_of(depth + 2.5, 2.0)
    spots = spots * np.float32(rng.uniform(0.3, 1.0)) * (1 - canvas.dark)
    canvas.image *= 1 + spots * np.float32(rng.uniform(0.15, 0.55))


def _points(
    rng: np.random.Generator, pelvis: RealPelvis
) -> tuple[list[npt.NDArray[np.float64]], list[npt.NDArray[np.float64]]]:
    """Points of the right and left joint, and of the ligaments behind: left, posterior, up, mm."""
    middle = (SIDE - 1) / 2
    joints: list[list[npt.NDArray[np.float64]]] = [[], []]
    ligaments: list[list[npt.NDArray[np.float64]]] = [[], []]
    shown = np.flatnonzero(pelvis.joints)
    half = float(np.median(shown))
    for at in shown:
        distance = pelvis.distance[at].astype(np.float32)
        near = joint_between(distance)
        ilium = distance[1:].min(axis=0)
        wide = distance[0] + ilium
        behind = (distance[0] > 0) & (ilium > 0) & (wide > 5) & (wide < 16) & (at >= half)
        behind &= (distance[0] < 9) & (ilium < 9)
        for places, into in ((near, joints), (behind, ligaments)):
            row, column = np.nonzero(places)
            y = (at - len(pelvis.images) / 2 + rng.uniform(-0.45, 0.45, len(row))) * pelvis.step_mm
            points = np.stack(
                [(column - middle) * WIDE_PIXEL_MM, y, (middle - row) * WIDE_PIXEL_MM], axis=1
            )
            is_right = distance[1][row, column] < distance[2][row, column]
            into[0].append(points[is_right])
            into[1].append(points[~is_right])

    def some(parts: list[npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
        points = np.concatenate(parts)
        if len(points) > MOST_POINTS:
            points = points[rng.choice(len(points), MOST_POINTS, replace=False)]
        return points

    return [some(one) for one in joints], [some(one) for one in ligaments]


def _paint_findings(
    rng: np.random.Generator,
    canvas: _Canvas,
    findings: Sequence[Lesion],
    oedema: dict[Pattern, Floats],
) -> None:
    """As `phantom.painting` does it, with depths measured in the slice."""
    frays = [_noise(rng, 11) for _ in range(4)]
    patch = _noise(rng, 5)
    cortex_mm = np.float32(rng.uniform(0.5, 1.3))
    order = ("sclerosis", "fat", "oedema", "erosion")
    sclerosis, fatty = rng.uniform(0.2, 0.55), rng.uniform(0.4, 0.75)
    joint = rng.uniform(0.3, 1.1)
    for one in sorted((f for f in findings if f.what in order), key=lambda f: order.index(f.what)):
        share = _share(canvas, one, frays, patch, cortex_mm)
        if share is None:
            continue
        level = np.float32(canvas.levels[_bone_of(one)])
        if one.what == "oedema":
            fade = np.clip(0.85 + 0.22 * frays[(one.channel + 2) % 4] + 0.12 * patch, 0.3, 1.3)
            seen = share * (1 - np.float32(0.8) * canvas.dark)
            more = level * np.float32(one.strength - 1) * fade
            added = canvas.image + seen * more
            put = canvas.image + seen * (level + more - canvas.image)
            canvas.image = np.asarray((added + put) / 2, dtype=np.float32)
            into = oedema.setdefault(one.kind, np.zeros_like(share))
            np.maximum(into, seen * (fade > 0.42), out=into)
            continue
        value = {"sclerosis": sclerosis, "fat": fatty, "erosion": 0.6 * joint + 0.8}[one.what]
        strong = share * np.float32(one.strength)
        canvas.image += strong * (np.float32(value) * level * (1 + 0.12 * patch) - canvas.image)
        if one.what == "erosion":
            for cover in oedema.values():
                np.multiply(cover, 1 - 0.8 * share, out=cover)


def _bone_of(one: Lesion) -> int:
    if not one.iliac:
        return 0
    return 1 if one.side < 0 else 2


def _share(
    canvas: _Canvas, one: Lesion, frays: Sequence[Floats], patch: Floats, cortex_mm: np.float32
) -> Floats | None:
    """Share of each pixel that a finding covers; None where it does not reach the slice."""
    x, y, z = one.centre
    reach = 1.6 * one.radius_mm + 2 + one.depth_mm
    if abs(y - canvas.y) > reach:
        return None
    far2 = (canvas.x - x) ** 2 + (canvas.z - z) ** 2 + (canvas.y - y) ** 2
    far = np.sqrt(far2).astype(np.float32)
    ilium = canvas.distance[1 if one.side < 0 else 2]
    sacrum = canvas.distance[0]
    own, other = (ilium, sacrum) if one.iliac else (sacrum, ilium)
    inside = cover_of(own)
    fray = frays[one.channel]
    if one.what == "erosion":
        return cover_of(far - one.radius_mm + 0.3 * fray, 0.8) * inside
    gap = np.clip(sacrum + ilium, 0.5, 5.0)
    depth = one.depth_mm * np.exp(0.35 * one.ragged * frays[(one.channel + 1) % 4])
    if one.what == "sclerosis" and one.kind is Pattern.MECHANICAL:
        depth = depth * np.clip(1.15 - far / (1.4 * one.radius_mm), 0, 1)  # a triangle
    under = other - gap
    if one.what == "oedema":
        under = under - cortex_mm
    if one.ligamentous:
        under = -own
    beside = far2 - np.clip(under + (5 if one.ligamentous else gap), 0, 12) ** 2
    spread = 1 - np.sqrt(np.maximum(beside, 0)) / one.radius_mm
    spread = spread + 0.45 * one.ragged * fray + 0.12 * patch * one.ragged
    share = cover_of(-spread.astype(np.float32) * 4) * cover_of((under - depth).astype(np.float32))
    return np.asarray(share * inside, dtype=np.float32)


def _distractors(rng: np.random.Generator, canvas: _Canvas) -> Floats:
    """Bright things outside bone, and fluid in the joint; the share of each pixel they cover."""
    u = rng.uniform
    bright = np.zeros_like(canvas.image)
    allowed = 1 - np.float32(0.94) * canvas.bone
    body = cv2.GaussianBlur((canvas.image > 0.12).astype(np.float32), (0, 0), 3.0) > 0.6

    def put(cover: Floats, value: Floats | np.float32) -> None:
        kept = cover * allowed * body
        canvas.image = np.asarray(canvas.image + kept * (value - canvas.image), dtype=np.float32)
        np.maximum(bright, kept, out=bright)

    for _ in range(int(rng.integers(4, 36))):
        put(_tube(rng), np.float32(u(1.5, 4.5)))
    for _ in range(int(rng.integers(0, 7))):
        put(_blob(rng), np.float32(u(1.3, 6.0)) * (1 + np.float32(0.15) * _noise(rng, 6)))
    for _ in range(int(rng.integers(0, 3))):  # whatever has this grey value hereabouts
        low = u(0.2, 1.2)
        near = (canvas.image > low) & (canvas.image < low * u(1.2, 1.7)) & (canvas.bone < 0.1)
        where = cover_of(u(0.2, 1.2) - _noise(rng, 24), 0.5)
        soft = cv2.GaussianBlur(near.astype(np.float32), (0, 0), 0.7)
        put(soft * where, canvas.image * np.float32(u(1.6, 4.0)))
    if rng.random() < 0.3:
        between = joint_between(canvas.distance).astype(np.float32)
        wet = between * np.clip((_noise(rng, 11) - 0.3) * 2, 0, 1) * np.float32(u(0.4, 1))
        put(cv2.GaussianBlur(wet, (0, 0), 0.6), np.float32(u(2.0, 5.0)))
    return bright


def _tube(rng: np.random.Generator) -> Floats:
    """A vessel that wanders through the slice, or is cut across."""
    u = rng.uniform
    canvas = np.zeros((SIDE, SIDE), np.uint8)
    steps = int(rng.integers(1, 22))
    heading = u(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.35, steps))
    moves = np.stack([np.cos(heading), np.sin(heading)], axis=1) * u(3, 7)
    path = u(0, SIDE, 2) + np.cumsum(moves, axis=0)
    width = float(np.exp(u(np.log(0.8), np.log(5.0))))
    points = np.round(path * 16).astype(np.int32)
    if steps == 1:
        centre = (int(points[0, 0]), int(points[0, 1]))
        cv2.circle(canvas, centre, round(width * 16), 255, -1, cv2.LINE_AA, 4)
    else:
        cv2.polylines(canvas, [points], False, 255, max(1, round(width)), cv2.LINE_AA, 4)
    soft = cv2.GaussianBlur(canvas.astype(np.float32) / 255, (0, 0), 0.6)
    return np.asarray(soft * np.float32(u(0.5, 1)))


def _blob(rng: np.random.Generator) -> Floats:
    """Bowel, bladder, fluid, a lymph node: round, with or without a wall."""
    rows, columns = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    row, column = rng.uniform(0, SIDE, 2)
    long = float(np.exp(rng.uniform(np.log(4), np.log(34))))
    wide = long * rng.uniform(0.4, 1)
    turn = rng.uniform(0, np.pi)
    a = (rows - row) * np.cos(turn) + (columns - column) * np.sin(turn)
    b = (columns - column) * np.cos(turn) - (rows - row) * np.sin(turn)
    edge = (np.sqrt((a / long) ** 2 + (b / wide) ** 2) - 1) * wide
    edge = edge + 0.15 * wide * _noise(rng, 14)
    if rng.random() < 0.35:
        edge = np.abs(edge) - np.float32(rng.uniform(0.8, 2.5))
    return cover_of(edge.astype(np.float32), 1.2)


def _tissue(
    distance: Floats,
    doubtful: npt.NDArray[np.bool_],
    bright: Floats,
    weighting: Weighting,
) -> npt.NDArray[np.uint8]:
    tissue = np.full(doubtful.shape, OUTSIDE, np.uint8)
    tissue[doubtful] = UNKNOWN
    ilium = distance[1:].min(axis=0)
    between = (distance[0] > 0) & (ilium > 0) & (distance[0] + ilium < 4.5)
    tissue[between] = Tissue.JOINT_SPACE
    if weighting is not Weighting.T1:
        tissue[bright > 0.5] = Tissue.BRIGHT
    for number, one in enumerate(distance, start=int(Tissue.SACRUM)):
        tissue[(one < 0) & (one <= distance.min(axis=0))] = number
    return tissue


def _truth(
    canvas: _Canvas,
    image: Floats,
    tissue: npt.NDArray[np.uint8],
    oedema: dict[Pattern, Floats],
    weighting: Weighting,
) -> SimulatedSlice:
    total, kind, pattern = oedema_truth(oedema.items(), image.shape, canvas.pixel_mm)
    return SimulatedSlice(
        image=image,
        plane=Plane.CORONAL,
        weighting=weighting,
        tissue=tissue,
        oedema=total,
        lesion_kind=kind,
        pattern=pattern,
    )


def _noise(rng: np.random.Generator, scale_px: float) -> Floats:
    """`(256, 256)`, about normal, with bumps of some pixels."""
    side = int(SIDE / scale_px) + 4
    small = rng.standard_normal((side, side), dtype=np.float32)
    step = np.float32(1 / scale_px)
    first = rng.uniform(0, 1, 2)
    place = np.array([[step, 0, 1 + first[0]], [0, step, 1 + first[1]]])
    wide = cv2.warpAffine(
        small,
        place,
        (SIDE, SIDE),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REFLECT,
    )
    return np.asarray((wide - wide.mean()) / (wide.std() + 1e-6), dtype=np.float32)


def _smooth_within(image: Floats, share: Floats, sigma_px: float, beyond: float) -> Floats:
    """Local mean of what a mask covers; `beyond` where it covers nothing near."""
    weight = cv2.GaussianBlur(share, (0, 0), sigma_px)
    total = cv2.GaussianBlur(image * share, (0, 0), sigma_px)
    little = np.float32(0.01)
    return np.asarray((total + little * beyond) / (weight + little), dtype=np.float32)
