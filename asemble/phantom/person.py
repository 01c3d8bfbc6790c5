"""One simulated person: real bones, and what lies around them, in the frame of the pelvis.

Bones come from `pelvis`; everything else is placed by them. Long things (vessels, bowel, nerves)
are chains of balls in three dimensions, so that every slice cuts them where it should. Ranges are
from the simulator notes; a comment names another source.
"""

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from asemble.core.labels import Pattern
from asemble.phantom.pelvis import (
    GRID_MM,
    LOW_MM,
    STEP_MM,
    Pelvis,
    pelvis_of_seed,
)

Array = npt.NDArray[np.floating[Any]]

POOL = 48
"""Pelvises that training draws from; affine scaling and bending make them thousands."""

SIDES = (-1, 1)
"""Right and left, as the sign of x."""


@dataclass(frozen=True, slots=True, eq=False)
class Landmarks:
    """Maps of one pelvis over its grid, from which soft tissue is placed.

    Args:
        pelvis: distances to the bones.
        blade_x: `(side, y, z)` |x| of the middle of the hip bone, carried on where there is none.
        blade: `(side, y, z)` share of a 15 mm neighbourhood where there is hip bone, 0..1.
        sacrum_y: `(x, z)` y of the middle of the sacrum, carried on.
        front_y: `(x, z)` y of its front.
        joint: two arrays `(n, 3)`: points in the joint space, right and left, mm.
    """

    pelvis: Pelvis
    blade_x: Array
    blade: Array
    sacrum_y: Array
    front_y: Array
    joint: tuple[Array, Array]


@cache
def landmarks_of_seed(seed: int) -> Landmarks:
    """Maps of the pelvis of a seed, worked out once in a process."""
    return _landmarks(pelvis_of_seed(seed))


def _landmarks(pelvis: Pelvis) -> Landmarks:
    sacrum, hips = pelvis.fields
    x, y, z = (LOW_MM[k] + GRID_MM * np.arange(hips.shape[k]) for k in range(3))
    blade_x, blade = [], []
    for side in SIDES:
        mine = (hips < 0) & (side * x > 8)[:, None, None]
        count = mine.sum(axis=0).astype(np.float32)
        place = np.einsum("xyz,x->yz", mine, np.abs(x)).astype(np.float32)
        blade_x.append(_carried_on(place, count))
        blade.append(ndimage.gaussian_filter((count > 0).astype(np.float32), 8.0 / GRID_MM))
    bone = sacrum < 0
    count = bone.sum(axis=1).astype(np.float32)
    place = np.einsum("xyz,y->xz", bone, y).astype(np.float32)
    first = np.where(count > 0, y[bone.argmax(axis=1)], 0) * (count > 0)
    gap = (sacrum.astype(np.int16) + hips) * STEP_MM
    near = (sacrum > -4) & (hips > -4) & (gap < 3.5)
    points = np.argwhere(near) * GRID_MM + LOW_MM
    return Landmarks(
        pelvis,
        np.stack(blade_x),
        np.stack(blade),
        _carried_on(place, count),
        _carried_on(first.astype(np.float32), (count > 0).astype(np.float32)),
        (points[points[:, 0] < 0], points[points[:, 0] > 0]),
    )


def _carried_on(total: Array, count: Array) -> Array:
    """Means where there is something, smoothly continued by wider and wider neighbourhoods."""
    known = np.zeros_like(total)
    weight = np.zeros_like(total)
    for scale in (1.5, 4, 10, 25):
        t, c = (ndimage.gaussian_filter(one, scale) for one in (total, count))
        more = (1 - weight) * np.clip(c / 0.02, 0, 1)
        known += more * t / np.maximum(c, 1e-6)
        weight += more
    everywhere = total.sum() / max(1.0, float(count.sum()))
    return np.asarray(known + (1 - weight) * everywhere, dtype=np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Lattice:
    """Smooth noise in space, about normal; the same point always has the same value.

    Args:
        values: `(channel, n, n, n)`; it repeats beyond.
        step_mm: between neighbours.
    """

    values: npt.NDArray[np.float32]
    step_mm: float

    def at(self, points: Array) -> npt.NDArray[np.float32]:
        """`(channel, ...)` at `(..., 3)` points in mm."""
        where = np.moveaxis(np.asarray(points, np.float32) / np.float32(self.step_mm), -1, 0)
        return np.stack(
            [
                ndimage.map_coordinates(one, where, order=1, mode="grid-wrap", output=np.float32)
                for one in self.values
            ]
        )


def lattice(rng: np.random.Generator, scale_mm: float, channels: int = 1, n: int = 12) -> Lattice:
    """Noise whose bumps are about `scale_mm` wide: cubic B-splines over white noise."""
    values = rng.standard_normal((channels, n, n, n), dtype=np.float32)
    spline = _spline(n)
    for axis in (1, 2, 3):
        values = np.moveaxis(np.tensordot(spline, values, axes=(1, axis)), 0, axis)
    values /= values.std(axis=(1, 2, 3), keepdims=True)
    return Lattice(np.ascontiguousarray(values), scale_mm / _FINER)


_FINER = 3
"""Points of a lattice between two of its random values, so that linear interpolation is smooth."""


@cache
def _spline(n: int) -> npt.NDArray[np.float32]:
    """`(3 n, n)`: weights of the cubic B-splines, periodic."""
    away = np.abs((np.arange(_FINER * n)[:, None] / _FINER - np.arange(n) + n / 2) % n - n / 2)
    near = 2 / 3 - away**2 + away**3 / 2
    far = np.clip(2 - away, 0, None) ** 3 / 6
    return np.where(away < 1, near, far).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Balls:
    """A thing made of balls.

    Args:
        centres: `(n, 3)` mm, in the pelvis while they are placed, in the scanner of a `Person`.
        radii: `(n,)` mm.
        tissue: what it is filled with.
        wall_mm: thickness of its wall, 0 for none.
        tone: factor of its grey value.
        opacity: share of it that is painted.
    """

    centres: Array
    radii: Array
    tissue: str
    wall_mm: float = 0.0
    tone: float = 1.0
    opacity: float = 1.0


@dataclass(frozen=True, slots=True)
class Lesion:
    """Something at a joint surface.

    Args:
        kind: what causes it.
        what: oedema, sclerosis, fat or erosion.
        side: -1 right, 1 left.
        iliac: in the ilium, else in the sacrum.
        centre: mm in the scanner, in the joint space.
        radius_mm: along the joint.
        depth_mm: into the bone.
        strength: ratio of oedema to marrow; share of the effect for the others.
        channel: of the person's noise, which frays it.
        ragged: how much.
    """

    kind: Pattern
    what: str
    side: int
    iliac: bool
    centre: tuple[float, float, float]
    radius_mm: float
    depth_mm: float
    strength: float
    channel: int
    ragged: float


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """Everything that a slice of one person shows.

    Args:
        pattern: of the person as a whole.
        land: bones.
        affine: `(3, 3)` from mm in the scanner to mm in the pelvis.
        bend: three channels, in units of `bend_mm`.
        noise: four channels at 9 mm, for lesions and islands.
        broad: four channels at 26 mm, for borders of soft tissue.
        balls: vessels, bowel, nerves, in painting order.
        lesions: at the joints.
        n: named numbers (mm, shares) of the soft tissue.
    """

    pattern: Pattern
    land: Landmarks
    affine: npt.NDArray[np.float64]
    bend: Lattice
    noise: Lattice
    broad: Lattice
    balls: tuple[Balls, ...]
    lesions: tuple[Lesion, ...]
    n: dict[str, float]

    def to_pelvis(self, points: Array) -> npt.NDArray[np.float32]:
        """`(..., 3)` mm in the scanner to mm in the pelvis."""
        straight = points @ self.affine.T
        bent = np.moveaxis(self.bend.at(points), 0, -1) * self.n["bend_mm"]
        return np.asarray(straight + bent, dtype=np.float32)

    def to_scanner(self, points: Array) -> npt.NDArray[np.float64]:
        """The way back, good to a fraction of a millimetre."""
        inverse = np.linalg.inv(self.affine)
        guess = points @ inverse.T
        bent = np.moveaxis(self.bend.at(guess), 0, -1) * self.n["bend_mm"]
        return np.asarray((points - bent) @ inverse.T, dtype=np.float64)


def sample_person(
    rng: np.random.Generator,
    pattern: Pattern,
    *,
    seed: int | None = None,
    focus: "Focus | None" = None,
    ankylosed: bool = False,
) -> Person:
    """Draw one person.

    Args:
        rng: of everything.
        pattern: what the person shows.
        seed: of the pelvis; None draws one of the pool.
        focus: where one lesion must lie, so that a slice to train on has one.
        ankylosed: whether marrow crosses a part of a joint.
    """
    land = landmarks_of_seed(int(rng.integers(POOL)) if seed is None else seed)
    n = _numbers(rng)
    affine = _affine(rng)
    bend = lattice(rng, 58.0, 3, 8)
    person = Person(
        pattern,
        land,
        affine,
        bend,
        lattice(rng, 9.0, 4, 18),
        lattice(rng, 26.0, 4, 10),
        (),
        (),
        n,
    )
    lesions = _lesions(rng, pattern, person, focus)
    if ankylosed:
        lesions += _ankylosis(rng, person)
    return Person(
        pattern,
        land,
        affine,
        bend,
        person.noise,
        person.broad,
        tuple(_placed(_balls(rng, land, n), person)),
        tuple(lesions),
        n,
    )


def _placed(balls: list[Balls], person: Person) -> list[Balls]:
    """Balls with their centres in the scanner."""
    centres = person.to_scanner(np.concatenate([one.centres for one in balls]))
    ends = np.cumsum([len(one.centres) for one in balls])[:-1]
    return [
        replace(one, centres=placed)
        for one, placed in zip(balls, np.split(centres, ends), strict=True)
    ]


@dataclass(frozen=True, slots=True, eq=False)
class Focus:
    """A plane in the scanner in which a lesion must lie.

    Args:
        point: on it, mm.
        normal: unit vector.
    """

    point: npt.NDArray[np.float64]
    normal: npt.NDArray[np.float64]


def _numbers(rng: np.random.Generator) -> dict[str, float]:
    u = rng.uniform
    return {
        "bend_mm": float(u(1, 5)),
        "gap_mm": float(u(0.5, 2.4)),
        "gap_side": float(u(-0.5, 0.5)),
        "cortex_mm": float(u(0.7, 1.5)),
        "skin_y": float(u(66, 104)),
        "skin_flat": float(u(110, 260)),
        "buttock": float(u(10, 34)),
        "cleft": float(u(6, 22)),
        "fat_mm": float(np.exp(u(np.log(9), np.log(38)))),
        "iliacus_mm": float(u(9, 22)),
        "psoas": float(u(0.8, 1.2)),
        "psoas_x": float(u(36, 44)),
        "glut_mm": float(u(9, 16)),
        "piriformis": float(u(0.75, 1.25)),
        "obturator_mm": float(u(5, 11)),
        "multifidus_low": float(u(-62, -30)),
        "multifidus_fat": float(rng.beta(1.2, 2.5)),
        "ligament": float(u(0.2, 1.0)),
        "l5_width": float(u(23, 28)),
        "l5_depth": float(u(15, 19)),
        "l5_height": float(u(23, 30)),
        "disc_mm": float(u(5, 13)),
        "wedge": float(u(0, 0.25)),
        "canal": float(u(0.8, 1.25)),
        "sac_end": float(u(-22, 12)),
        "s1s2_disc": float(u(0, 1)) if rng.random() < 0.75 else 0.0,
        "foramen": float(u(0.8, 1.35)),
        "islands": float(u(0.3, 1.0)) if rng.random() < 0.45 else 0.0,
        "fluid": float(u(0.4, 1)) if rng.random() < 0.3 else 0.0,
        "modic": float(u(0.4, 1)) if rng.random() < 0.3 else 0.0,
        "facet": float(u(0.4, 1)) if rng.random() < 0.3 else 0.0,
        "vein_rim": float(u(0.2, 1)) if rng.random() < 0.35 else 0.0,
        "pelvic_fat": float(u(0.4, 1.0)),
        "peritoneum": float(u(-30, 30)),
        "sclerosis_right": float(u(1, 4)) if rng.random() < 0.6 else 0.0,
        "sclerosis_left": float(u(1, 4)) if rng.random() < 0.6 else 0.0,
        "fibre": float(np.exp(u(np.log(0.04), np.log(0.26)))),
        "fibre_px": float(u(1.3, 3.2)),
        "muscle_fat": float(rng.beta(1.0, 3.0)),
        "belly": float(u(0, 1)) if rng.random() < 0.7 else 0.0,
        "fascia": float(u(0.1, 0.8)),
        "mesentery": float(u(0.0, 1.0)),
        "fan_x": float(u(-70, 15)),
        "fan_v": float(u(30, 130)),
    }


def _affine(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    # The model's people lie with the sacrum flatter than in the scanner: 14 degrees bring it to the
    # 25-51 degrees of tilt that real semicoronal stacks have.
    turns = np.radians(rng.normal((14.0, 0, 0), (5.0, 2.5, 2.5)))
    matrix = np.diag(1 / rng.uniform(0.88, 1.14, 3))
    if rng.random() < 0.5:
        matrix[0] *= -1  # a mirrored pelvis is another pelvis; sides are told by x afterwards
    for axis, turn in enumerate(turns):
        c, s = np.cos(turn), np.sin(turn)
        i, j = [k for k in range(3) if k != axis]
        r = np.eye(3)
        r[i, i] = r[j, j] = c
        r[i, j], r[j, i] = -s, s
        matrix = matrix @ r
    return matrix


# --- chains of balls ---


def _chain(
    rng: np.random.Generator,
    points: Any,
    radii: Any,
    tissue: str,
    *,
    wander_mm: float = 4.0,
    wall_mm: float = 0.0,
    step_mm: float = 1.6,
) -> Balls:
    """Balls along a smooth line through `points`, shifted at random."""
    knots = np.asarray(points, float) + rng.normal(0, wander_mm, (len(points), 3))
    r = np.broadcast_to(np.asarray(radii, float), len(knots))
    length = float(np.linalg.norm(np.diff(knots, axis=0), axis=1).sum())
    count = max(4, int(length / step_mm))
    t = np.linspace(0, len(knots) - 1, count)
    return Balls(_catmull(knots, t), np.interp(t, np.arange(len(r)), r), tissue, wall_mm)


def _catmull(v: Array, t: Array) -> Array:
    """`(len(t), 3)`: the curve through knots `(n, 3)` at 0 to n - 1."""
    i = np.clip(t.astype(int), 0, len(v) - 2)
    f = (t - i)[:, None]
    p = np.concatenate([[2 * v[0] - v[1]], v, [2 * v[-1] - v[-2]]])
    a, b, c, d = p[i], p[i + 1], p[i + 2], p[i + 3]
    return np.asarray(
        0.5
        * (2 * b + (c - a) * f + (2 * a - 5 * b + 4 * c - d) * f**2 + (3 * (b - c) + d - a) * f**3)
    )


def _walk(
    rng: np.random.Generator,
    start: Any,
    direction: Any,
    length_mm: float,
    radius_mm: float,
    tissue: str,
    *,
    curl: float = 0.5,
    wall_mm: float = 0.0,
    step_mm: float = 4.0,
) -> Balls:
    """A winding tube."""
    count = max(3, int(length_mm / step_mm))
    turn = np.asarray(direction, float) + 1e-6
    points = [np.asarray(start, float)]
    for _ in range(count):
        turn = turn / np.linalg.norm(turn) + rng.normal(0, curl, 3)
        points.append(points[-1] + turn / np.linalg.norm(turn) * step_mm)
    taper = np.linspace(1, rng.uniform(0.4, 1.0), count + 1) * radius_mm
    return _chain(
        rng,
        points,
        taper,
        tissue,
        wander_mm=0.0,
        wall_mm=wall_mm,
        step_mm=max(0.7, min(2.0, radius_mm * 0.6)),
    )


def _map(values: Array, first: Any, second: Any, axes: tuple[int, int]) -> Array:
    """A map of `Landmarks` at some mm."""
    a = (np.asarray(first) - LOW_MM[axes[0]]) / GRID_MM
    b = (np.asarray(second) - LOW_MM[axes[1]]) / GRID_MM
    return np.asarray(ndimage.map_coordinates(values, [a, b], order=1, mode="nearest"))


def sacral_canal(land: Landmarks) -> Array:
    """`(n, 3)` mm: middle of the canal from L4 down to S5, behind the vertebral bodies."""
    z = np.array([84.0, 62, 45, 30, 18, 4, -12, -28, -46, -62])
    y = np.array([-22.0, -20, -14, -6, 4, 17, 29, 38, 44, 47])
    middle = _map(land.sacrum_y, np.zeros(10), z, (0, 2))
    mean = np.array([0, 0, 0, 3.0, 8.0, 14, 25, 36, 44, 48])
    shift = np.where(z < 25, np.clip(middle - mean, -10, 10), 0)
    shift[:4] = shift[4] * np.array([0.4, 0.5, 0.7, 0.9])
    return np.stack([np.zeros(10), y + shift, z], axis=1)


def _balls(rng: np.random.Generator, land: Landmarks, n: dict[str, float]) -> list[Balls]:
    """Chains of everything that runs through the pelvis, in painting order."""
    made: list[Balls] = []
    made += _pelvic_organs(rng, land)
    made += _great_vessels(rng)
    made += _small_vessels(rng, land)
    return made + _sacral_nerves(rng, land, n)


def _pelvic_organs(rng: np.random.Generator, land: Landmarks) -> list[Balls]:
    made = []
    if rng.random() < 0.85:  # bladder
        r = rng.uniform(14, 34)
        middle = np.array([rng.normal(0, 6), rng.uniform(-92, -62), rng.uniform(-110, -62)])
        shift = rng.normal(0, 0.35 * r, (5, 3)) * (1.4, 0.7, 0.7)
        made.append(
            Balls(
                middle + shift, r * rng.uniform(0.6, 0.9, 5), "bladder", float(rng.uniform(1.5, 4))
            )
        )
    if rng.random() < 0.6:  # uterus, prostate and seminal vesicles
        middle = np.array([rng.normal(0, 8), rng.uniform(-62, -25), rng.uniform(-85, -40)])
        line = [middle, middle + rng.normal(0, 12, 3), middle + rng.normal(0, 18, 3)]
        made.append(
            _chain(rng, line, rng.uniform(8, 20), "organ", wander_mm=2, wall_mm=rng.uniform(0, 3))
        )
        if rng.random() < 0.6:
            made.append(_chain(rng, line, rng.uniform(1.5, 5), "fluid", wander_mm=2))
    # Rectum, in the hollow of the sacrum, and the sigmoid before it.
    z = np.array([-88.0, -66, -44, -22, 0])
    y = _map(land.front_y, np.zeros(5), z, (0, 2)) - rng.uniform(14, 26)
    x = rng.normal(0, 7, 5)
    gas = "gas" if rng.random() < 0.5 else "stool"
    wall = float(rng.uniform(1.8, 4))
    made.append(
        _chain(rng, np.stack([x, y, z], 1), rng.uniform(7, 19, 5), gas, wander_mm=3, wall_mm=wall)
    )
    for _ in range(int(rng.integers(5, 18))):
        start = rng.uniform((-60, -105, -70), (60, -32, 85))
        fill = str(rng.choice(["gas", "stool", "stool", "bowel", "bowel", "fluid"]))
        loop = _walk(
            rng,
            start,
            rng.normal(0, 1, 3),
            rng.uniform(40, 170),
            rng.uniform(5, 14),
            fill,
            curl=0.45,
            wall_mm=float(rng.uniform(1.2, 3.5)),
            step_mm=9,
        )
        # Bowel stays before the spine and between the hip bones.
        x, y, z = loop.centres.T
        free = (y + loop.radii < _map(land.front_y, x, z, (0, 2))) & (y < -0.5 * z)
        free &= np.abs(x) < 62
        if free.sum() > 3:
            made.append(replace(loop, centres=loop.centres[free], radii=loop.radii[free]))
    return made


def _great_vessels(rng: np.random.Generator) -> list[Balls]:
    made = []
    lift = rng.normal(0, 6)
    for side in SIDES:
        for shift, tissue, r in (
            (0.0, "vein", rng.uniform(3, 6.5)),
            (6.5, "artery", rng.uniform(3, 5)),
        ):
            out = shift * 0.6
            common = [
                (side * 4, -62 - shift, 62 + lift),
                (side * (14 + out), -60 - shift, 40 + lift),
                (side * (30 + out), -54 - shift, 22 + lift),
            ]
            outer = [
                *common,
                (side * (46 + out), -66 - shift, 0),
                (side * (58 + out), -84 - shift, -28),
                (side * (64 + out), -104, -50),
            ]
            inner = [
                common[-1],
                (side * (37 + out), -38 - shift / 2, 2),
                (side * (43 + out), -18 - shift / 2, -20),
                (side * (47 + out), -4, -36),
            ]
            made.append(_chain(rng, outer, r, tissue, wander_mm=3.0))
            made.append(
                _chain(rng, inner, np.linspace(r * 0.7, r * 0.35, 4), tissue, wander_mm=3.0)
            )
    return made


def _small_vessels(rng: np.random.Generator, land: Landmarks) -> list[Balls]:
    """Many thin, winding veins and some arteries, where readers know them."""
    u, g = rng.uniform, rng.normal
    starts: list[Any] = []
    turns: list[Any] = []
    lengths: list[float] = []
    radii: list[float] = []

    def add(start: Any, turn: Any, length: float, radius: float) -> None:
        starts.append(start)
        turns.append(turn)
        lengths.append(length)
        radii.append(radius)

    for side in SIDES:
        for _ in range(int(rng.integers(2, 6))):
            # Superior gluteal vessels, through the notch and between the gluteal muscles.
            add(
                (side * u(48, 62), u(-10, 18), u(-45, -22)),
                (side, g(0.4, 0.4), g(0.1, 0.6)),
                u(30, 75),
                u(0.7, 1.7),
            )
        for _ in range(int(rng.integers(8, 30))):  # in the gluteal muscles and the fat
            add(
                (side * u(62, 110), u(-40, 60), u(-90, 50)),
                g((side * 0.5, 0.2, -0.5), 0.6),
                u(10, 50),
                u(0.3, 1.0),
            )
        for _ in range(int(rng.integers(5, 18))):  # iliolumbar and in front of the joint
            add(
                (side * u(26, 66), u(-70, -20), u(-20, 50)),
                g((side * 0.5, -0.3, 0.0), 0.7),
                u(15, 60),
                u(0.5, 1.7),
            )
        place = land.joint[0 if side < 0 else 1]
        for _ in range(int(rng.integers(2, 12))):
            # Behind the joint, between the ligaments: the classic pseudo-lesion.
            at = place[rng.integers(len(place))] + g((-side * 3, 11, 7), (3, 5, 5))
            add(at, g(0, 1, 3), u(5, 24), u(0.4, 1.3))
    for _ in range(int(rng.integers(8, 40))):  # pelvic plexus and mesentery
        add(u((-60, -100, -80), (60, -10, 60)), g(0, 1, 3), u(20, 80), u(0.4, 2.2))
    for _ in range(int(rng.integers(4, 16))):  # presacral
        x, z = u(-34, 34), u(-60, 10)
        y = float(_map(land.front_y, [x], [z], (0, 2))[0]) - u(1, 5)
        add((x, y, z), (g(), 0.2, g()), u(10, 40), u(0.5, 1.4))
    for _ in range(int(rng.integers(6, 30))):  # between the muscles of the back
        add(u((-45, 25, -45), (45, 70, 70)), g((0, 0.2, 0.6), 0.6), u(8, 40), u(0.4, 1.3))
    for _ in range(int(rng.integers(4, 40))):  # in the fat under the skin
        add(u((-100, 45, -90), (100, 105, 70)), g(0, 1, 3), u(6, 30), u(0.3, 0.8))
    return _walks(
        rng,
        np.asarray(starts, float),
        np.asarray(turns, float),
        np.asarray(lengths),
        np.asarray(radii),
    )


def _walks(
    rng: np.random.Generator, starts: Array, turns: Array, lengths: Array, radii: Array
) -> list[Balls]:
    """Winding tubes, all at once, in six groups that each have a brightness."""
    steps = 16
    length = (lengths / steps)[:, None]
    points = [starts]
    turn = turns
    for _ in range(steps):
        turn = turn / (np.linalg.norm(turn, axis=1, keepdims=True) + 1e-9)
        turn = turn + rng.normal(0, 0.38, turn.shape)
        points.append(points[-1] + turn / np.linalg.norm(turn, axis=1, keepdims=True) * length)
    line = np.stack(points, axis=1)  # (tube, knot, 3)
    taper = radii[:, None] * np.linspace(1, 0.5, steps + 1)
    made = []
    group = rng.integers(0, 6, len(starts))
    for k in range(6):
        mine = np.flatnonzero(group == k)
        if not mine.size:
            continue
        centres, sizes = [], []
        for i in mine:
            count = max(2, round(lengths[i] / steps / max(0.7, 0.8 * radii[i])))
            t = np.arange(steps * count) / count
            j = t.astype(int)
            f = (t - j)[:, None]
            centres.append(line[i, j] * (1 - f) + line[i, j + 1] * f)
            sizes.append(taper[i, j])
        tissue = "vein" if k else "artery"
        made.append(
            Balls(
                np.concatenate(centres),
                np.concatenate(sizes),
                tissue,
                tone=float(rng.uniform(0.4, 1.2)),
                opacity=float(rng.uniform(0.35, 1)),
            )
        )
    return made


def _sacral_nerves(rng: np.random.Generator, land: Landmarks, n: dict[str, float]) -> list[Balls]:
    """Foramina of S1 to S4, filled with fat, a root and veins; the roots go on to the plexus."""
    canal = sacral_canal(land)
    made = []
    levels = (20.0, 0.0, -19.0, -36.0)[: 4 if rng.random() < 0.5 else 3]
    for level, z in enumerate(levels):
        size = n["foramen"] * (1.0, 1.0, 0.85, 0.7)[level]
        y = float(np.interp(z, canal[::-1, 2], canal[::-1, 1]))
        for side in SIDES:
            out = (15.0, 15.5, 14.5, 13.0)[level] + rng.normal(0, 1.0)
            exit_z = z - (9, 7, 5, 4)[level]
            front = float(_map(land.front_y, [side * (out + 5)], [exit_z - 3], (0, 2))[0])
            line = [
                (side * 7, y, z + 4),
                (side * out, (y * 2 + front) / 3, z - 2),
                (side * (out + 4), (y + 2 * front) / 3, exit_z),
                (side * (out + 7), front - 3, exit_z - 5),
            ]
            knots = np.asarray(line) + rng.normal(0, 0.8, (4, 3))
            made.append(
                _chain(rng, knots, np.array([3.0, 4.6, 5.4, 5.4]) * size, "foramen", wander_mm=0)
            )
            # Towards the back: the smaller, dorsal foramen.
            back = [knots[1], knots[1] + (side * 3.0, 9, 0), knots[1] + (side * 4.0, 18, 1)]
            made.append(
                _chain(rng, back, np.array([2.8, 2.4, 2.2]) * size, "foramen", wander_mm=0.5)
            )
            root = [*knots, knots[-1] + (side * 14, -2, -14), knots[-1] + (side * 26, 3, -26)]
            made.append(
                _chain(
                    rng,
                    root,
                    np.array([1.5, 2.4, 2.6, 2.3, 2.2, 2.4]) * size * (1.1, 1.0, 0.75, 0.55)[level],
                    "nerve",
                    wander_mm=0.4,
                )
            )
            for _ in range(int(rng.integers(1, 5))):
                shifted = knots + rng.normal(0, 2.4, 3)
                made.append(
                    _chain(
                        rng,
                        shifted[rng.integers(0, 2) :],
                        rng.uniform(0.6, 1.5),
                        "vein",
                        wander_mm=1.0,
                    )
                )
    return made


# --- lesions ---


def _lesions(
    rng: np.random.Generator, pattern: Pattern, person: Person, focus: Focus | None
) -> list[Lesion]:
    joint = [
        person.to_scanner(points[:: max(1, len(points) // 600)]) for points in person.land.joint
    ]
    # The pelvis may be mirrored: sides are those of the scanner.
    joint = sorted(joint, key=lambda points: float(points[:, 0].mean()))
    lesions: list[Lesion] = []
    for side, points in zip(SIDES, joint, strict=True):
        depth = person.n["sclerosis_right" if side < 0 else "sclerosis_left"]
        if depth:
            for _ in range(int(rng.integers(1, 4))):
                lesions.append(
                    _lesion(
                        rng,
                        Pattern.NORMAL,
                        "sclerosis",
                        side,
                        rng.random() < 0.75,
                        points,
                        radius=rng.uniform(8, 24),
                        depth=depth,
                        strength=rng.uniform(0.4, 0.9),
                    )
                )
        if rng.random() < 0.12:
            lesions.append(
                _lesion(
                    rng,
                    Pattern.NORMAL,
                    "fat",
                    side,
                    rng.random() < 0.5,
                    points,
                    radius=rng.uniform(5, 16),
                    depth=rng.uniform(2, 10),
                    strength=rng.uniform(0.4, 1),
                )
            )
        for _ in range(int(rng.poisson(0.3))):
            lesions.append(
                _lesion(
                    rng,
                    Pattern.NORMAL,
                    "erosion",
                    side,
                    rng.random() < 0.7,
                    points,
                    radius=rng.uniform(1, 2),
                    depth=rng.uniform(1, 2),
                    strength=rng.uniform(0.4, 1),
                )
            )
    if pattern is Pattern.INFLAMMATORY:
        lesions += _inflammatory(rng, joint, focus)
    elif pattern is Pattern.MECHANICAL:
        lesions += _mechanical(rng, joint, focus)
    return lesions


def _inflammatory(
    rng: np.random.Generator, joint: list[Array], focus: Focus | None
) -> list[Lesion]:
    """Anywhere along the joint, also behind; thin or deep, one bone or both; erosions beside."""
    made: list[Lesion] = []
    sides = (
        [(-1, 0), (1, 1)] if rng.random() < 0.65 else [(-1, 0)] if rng.random() < 0.5 else [(1, 1)]
    )
    base = float(np.exp(rng.normal(np.log(1.9), 0.28)))
    first = True
    for side, index in sides:
        for _ in range(int(rng.integers(1, 4))):
            place = _place(rng, joint[index], focus if first or rng.random() < 0.4 else None)
            first = False
            kind = rng.random()
            depth = (
                rng.uniform(1.2, 3)
                if kind < 0.42
                else rng.uniform(2, 5.5)
                if kind < 0.77
                else rng.uniform(4, 16)
            )
            radius = float(np.exp(rng.uniform(np.log(4), np.log(19))))
            radius = max(radius, 0.8 * depth)
            which = rng.random()
            bones = [True] if which < 0.4 else [False] if which < 0.75 else [True, False]
            strength = float(np.clip(base * np.exp(rng.normal(0, 0.17)), 1.3, 4.5))
            for iliac in bones:
                made.append(
                    _lesion(
                        rng,
                        Pattern.INFLAMMATORY,
                        "oedema",
                        side,
                        iliac,
                        place[None],
                        radius=radius * rng.uniform(0.8, 1.2),
                        depth=depth * rng.uniform(0.7, 1.3),
                        strength=strength,
                        ragged=rng.uniform(0.2, 0.8),
                    )
                )
                if rng.random() < 0.4:
                    for _ in range(int(rng.integers(1, 4))):
                        made.append(
                            _lesion(
                                rng,
                                Pattern.INFLAMMATORY,
                                "erosion",
                                side,
                                iliac,
                                place[None] + rng.normal(0, radius / 3, 3),
                                radius=rng.uniform(1.2, 3.5),
                                depth=rng.uniform(1.2, 3.5),
                                strength=rng.uniform(0.5, 1),
                            )
                        )
                if rng.random() < 0.5:
                    made.append(
                        _lesion(
                            rng,
                            Pattern.INFLAMMATORY,
                            "sclerosis",
                            side,
                            iliac,
                            place[None] + rng.normal(0, 4, 3),
                            radius=radius,
                            depth=rng.uniform(1, 4),
                            strength=rng.uniform(0.4, 0.9),
                        )
                    )
    return made


def _mechanical(rng: np.random.Generator, joint: list[Array], focus: Focus | None) -> list[Lesion]:
    """Small, in front, alike on both sides, beside triangular iliac sclerosis; no erosions."""
    made: list[Lesion] = []
    both = rng.random() < 0.7
    only = rng.random() < 0.5
    depth, radius = rng.uniform(1.2, 5.5), rng.uniform(4, 11)
    strength = float(np.clip(np.exp(rng.normal(np.log(1.75), 0.2)), 1.3, 2.8))
    front = [np.quantile(points[:, 1], 0.38) for points in joint]
    condensing = rng.random() < 0.6
    for index, side in enumerate(SIDES):
        if not both and (side < 0) == only:
            continue
        ahead = joint[index][joint[index][:, 1] < front[index]]
        for _ in range(int(rng.integers(1, 3))):
            place = _place(rng, ahead, focus)
            iliac = rng.random() < (0.7 if condensing else 0.4)
            made.append(
                _lesion(
                    rng,
                    Pattern.MECHANICAL,
                    "oedema",
                    side,
                    iliac,
                    place[None],
                    radius=radius * rng.uniform(0.8, 1.2),
                    depth=depth * rng.uniform(0.8, 1.2),
                    strength=strength,
                    ragged=rng.uniform(0.1, 0.5),
                )
            )
            if condensing:
                made.append(
                    _lesion(
                        rng,
                        Pattern.MECHANICAL,
                        "sclerosis",
                        side,
                        True,
                        place[None],
                        radius=rng.uniform(9, 20),
                        depth=rng.uniform(4, 11),
                        strength=rng.uniform(0.6, 1),
                    )
                )
    return made


def _ankylosis(rng: np.random.Generator, person: Person) -> list[Lesion]:
    """Bone across a part of one joint or both."""
    made = []
    for side in SIDES:
        points = person.to_scanner(person.land.joint[0 if side < 0 else 1])
        real_side = -1 if points[:, 0].mean() < 0 else 1
        if rng.random() < 0.75:
            made.append(
                _lesion(
                    rng,
                    Pattern.INFLAMMATORY,
                    "ankylosis",
                    real_side,
                    False,
                    points,
                    radius=rng.uniform(6, 16),
                    depth=3.0,
                    strength=rng.uniform(0.8, 1),
                )
            )
    return made


def _place(rng: np.random.Generator, points: Array, focus: Focus | None) -> Array:
    """A point of a joint, in the scanner; on the plane of `focus` where the joint meets it."""
    if focus is not None:
        away = np.abs((points - focus.point) @ focus.normal)
        near = points[away < 2.5]
        if len(near):
            return np.asarray(near[rng.integers(len(near))])
    return np.asarray(points[rng.integers(len(points))])


def _lesion(
    rng: np.random.Generator,
    kind: Pattern,
    what: str,
    side: int,
    iliac: bool,
    points: Array,
    *,
    radius: float,
    depth: float,
    strength: float,
    ragged: float = 0.4,
) -> Lesion:
    x, y, z = points[rng.integers(len(points))]
    return Lesion(
        kind,
        what,
        side,
        bool(iliac),
        (float(x), float(y), float(z)),
        float(radius),
        float(depth),
        float(strength),
        int(rng.integers(4)),
        float(ragged),
    )
