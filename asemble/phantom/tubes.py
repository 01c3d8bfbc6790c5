"""Vessels, bowel, bladder and nerves: chains of balls, so that every slice cuts them rightly."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from asemble.phantom.landmarks import SIDES, Landmarks, sacral_canal, value_at

Array = npt.NDArray[np.floating[Any]]


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


def sample_tubes(rng: np.random.Generator, land: Landmarks, n: dict[str, float]) -> list[Balls]:
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
    y = value_at(land.front_y, np.zeros(5), z, (0, 2)) - rng.uniform(14, 26)
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
            length_mm=rng.uniform(40, 170),
            radius_mm=rng.uniform(5, 14),
            tissue=fill,
            curl=0.45,
            wall_mm=float(rng.uniform(1.2, 3.5)),
            step_mm=9,
        )
        # Bowel stays before the spine and between the hip bones.
        x, y, z = loop.centres.T
        free = (y + loop.radii < value_at(land.front_y, x, z, (0, 2))) & (y < -0.5 * z)
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
        y = float(value_at(land.front_y, [x], [z], (0, 2))[0]) - u(1, 5)
        add((x, y, z), (g(), 0.2, g()), u(10, 40), u(0.5, 1.4))
    for _ in range(int(rng.integers(6, 30))):  # between the muscles of the back
        add(u((-45, 25, -45), (45, 70, 70)), g((0, 0.2, 0.6), 0.6), u(8, 40), u(0.4, 1.3))
    for _ in range(int(rng.integers(4, 40))):  # in the fat under the skin
        add(u((-100, 45, -90), (100, 105, 70)), g(0, 1, 3), u(6, 30), u(0.3, 0.8))
    lengths = [1.35 * length for length in lengths]
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
        turn = turn + rng.normal(0, 0.26, turn.shape)
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
            front = float(value_at(land.front_y, [side * (out + 5)], [exit_z - 3], (0, 2))[0])
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
    # Close enough that a slanted cut shows a tube, not beads.
    count = max(4, int(length / min(step_mm, max(0.6, 0.3 * float(r.min())))))
    t = np.linspace(0, len(knots) - 1, count)
    thick = np.interp(t, np.arange(len(r)), r)
    if wall_mm:  # bowel narrows and widens
        bumps = rng.normal(0, 0.14, int(length / 8) + 2)
        thick = thick * np.exp(np.interp(t, np.linspace(0, t[-1], len(bumps)), bumps))
    return Balls(_catmull(knots, t), thick, tissue, wall_mm)


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
    *,
    length_mm: float,
    radius_mm: float,
    tissue: str,
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
