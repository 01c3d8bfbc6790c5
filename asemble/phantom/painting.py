"""A slice through a person: tissue by tissue, from the back of the picture to its front.

Every tissue has a cover (share of each pixel, 0..1) and a grey value by sequence; painting one over
the other gives the signal before the scanner, in all sequences at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from asemble.core.labels import Pattern, Weighting
from asemble.phantom.contrast import Contrast
from asemble.phantom.pelvis import GRID_MM, LOW_MM, STEP_MM
from asemble.phantom.person import Balls, Lesion, Person, sacral_canal

Floats = npt.NDArray[np.float32]

COARSE = 4
"""Smooth noise is worked out at every fourth pixel and interpolated."""

BRIGHT_BALLS = frozenset({"vein", "bladder", "fluid", "bowel", "nerve"})
"""What a network might take for oedema."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A slice in the scanner, in mm from the middle of the joints, LPS.

    Args:
        centre: of the slice.
        row: unit vector downwards in the picture.
        column: unit vector to the right.
        rows: pixels.
        columns: pixels.
        pixel_mm: of both sides.
        thickness_mm: of the slice.
    """

    centre: npt.NDArray[np.float64]
    row: npt.NDArray[np.float64]
    column: npt.NDArray[np.float64]
    rows: int
    columns: int
    pixel_mm: float
    thickness_mm: float = 3.5

    @property
    def normal(self) -> npt.NDArray[np.float64]:
        """Unit vector through the slice."""
        return np.cross(self.column, self.row)

    def points(self, step: int = 1, shift_mm: float = 0.0) -> npt.NDArray[np.float64]:
        """`(row, column, 3)` mm of every pixel, or of every `step`-th block's middle."""
        start = (step - 1) / 2
        r = np.arange(-(-self.rows // step)) * step + start - (self.rows - 1) / 2
        c = np.arange(-(-self.columns // step)) * step + start - (self.columns - 1) / 2
        down = (r * self.pixel_mm)[:, None, None] * self.row
        right = (c * self.pixel_mm)[None, :, None] * self.column
        return np.asarray(self.centre + down + right + shift_mm * self.normal)

    def widen(self, coarse: Floats) -> Floats:
        """A coarse `(row, column)` map to the pixels."""
        step = -(-self.rows // coarse.shape[0])
        shape = (coarse.shape[1] * step, coarse.shape[0] * step)
        wide = cv2.resize(coarse, shape, interpolation=cv2.INTER_LINEAR)
        return np.asarray(wide[: self.rows, : self.columns])


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
    texture = _Texture(rng, view)
    texture.of_person(person)
    shifts = (0.0,) if thin else (-0.27, 0.27)
    layers = [
        _Layer(person, view, shift * view.thickness_mm, contrasts, texture).paint()
        for shift in shifts
    ]
    if thin:
        return layers[0]
    first, second = layers
    return Painted(
        (first.signals + second.signals) / 2,
        {name: (first.covers[name] + second.covers[name]) / 2 for name in first.covers},
        _mean(first.oedema, second.oedema),
        _mean(first.structural, second.structural),
    )


def _mean(a: dict[Any, Floats], b: dict[Any, Floats]) -> dict[Any, Floats]:
    zero = np.float32(0)
    return {k: np.asarray((a.get(k, zero) + b.get(k, zero)) / 2) for k in sorted({*a, *b})}


class _Texture:
    """Random patterns of one slice, shared by its layers."""

    def __init__(self, rng: np.random.Generator, view: View) -> None:
        self.rng, self.view = rng, view
        self.px = 0.78 / view.pixel_mm  # patterns are in units of the usual pixel
        shape = (view.rows, view.columns)
        self.grain = self.noise(1.3)
        self.patch = self.noise(5.0)
        self.cloud = self.noise(26.0)
        self.rough = self.noise(3.0)
        self.marrow = np.exp(
            rng.uniform(0.06, 0.12) * self.cloud
            + rng.uniform(0.05, 0.11) * self.patch
            + rng.uniform(0.04, 0.11) * self.grain
        ).astype(np.float32)
        self.mesh = self.noise(2.2)
        self.strands = rng.standard_normal((256, 256), dtype=np.float32)
        self.strands = cv2.GaussianBlur(self.strands, (0, 0), 0.7)
        self.strands /= self.strands.std()
        self.shape = shape

    def of_person(self, person: Person) -> None:
        """Smooth noise of the person, at the middle of the slice."""
        view = self.view
        wide = view.points(2 * COARSE)
        self.bend = [
            view.widen(one) for one in person.bend.at(wide) * np.float32(person.n["bend_mm"])
        ]
        self.broad = [view.widen(one) for one in person.broad.at(wide)]
        self.frays = [view.widen(one) for one in person.noise.at(view.points(COARSE))]

    def noise(self, scale_px: float) -> Floats:
        """Noise with bumps of some pixels."""
        scale = max(1.0, scale_px * self.px)
        rows, columns = self.view.rows, self.view.columns
        small = self.rng.standard_normal(
            (int(rows / scale) + 3, int(columns / scale) + 3), dtype=np.float32
        )
        wide = cv2.resize(
            small,
            (int(small.shape[1] * scale) + 1, int(small.shape[0] * scale) + 1),
            interpolation=cv2.INTER_CUBIC,
        )
        r, c = (
            int(self.rng.integers(0, wide.shape[k] - n + 1)) for k, n in enumerate((rows, columns))
        )
        cut = wide[r : r + rows, c : c + columns]
        return np.asarray((cut - cut.mean()) / (cut.std() + 1e-6), dtype=np.float32)

    def fibres(
        self, middle: tuple[float, float], *, across: float, along: float, warp: float
    ) -> Floats:
        """Strands that radiate from a place in the picture (row, column), about `across` px wide."""
        r = np.arange(self.view.rows, dtype=np.float32)[:, None] - np.float32(middle[0])
        c = np.arange(self.view.columns, dtype=np.float32)[None] - np.float32(middle[1])
        far = np.sqrt(r * r + c * c)
        angle = np.arctan2(r, c) + np.float32(warp) * self.broad[0]
        mean_far = np.float32(max(20.0, float(far.mean())))
        a = angle * (mean_far / np.float32(across * self.px)) + 800
        s = far / np.float32(along * self.px) + 3 * self.patch * np.float32(0.12)
        return np.asarray(
            cv2.remap(
                self.strands,
                np.mod(a, 255).astype(np.float32),
                np.mod(s, 255).astype(np.float32),
                cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_WRAP,
            )
        )


def _cover(distance_mm: Floats, edge_mm: float = 1.0) -> Floats:
    """Share inside, from a signed distance (negative inside)."""
    return np.asarray(np.clip(0.5 - distance_mm / np.float32(edge_mm), 0, 1), dtype=np.float32)


def _band(value: Floats, at: Any, half: Any, edge: float = 0.8) -> Floats:
    return _cover(np.abs(value - at) - half, edge)


class _Layer:
    """One thin layer while it is painted."""

    def __init__(
        self,
        person: Person,
        view: View,
        shift_mm: float,
        contrasts: Sequence[Contrast],
        texture: _Texture,
    ) -> None:
        self.person, self.view, self.shift = person, view, shift_mm
        self.n, self.t, self.contrasts = person.n, texture, contrasts
        self.p = view.points(1, shift_mm).astype(np.float32)
        straight = self.p @ person.affine.T.astype(np.float32)
        self.x, self.y, self.z = (straight[..., k] + texture.bend[k] for k in range(3))
        self.ax = np.abs(self.x)
        self.broad, self.frays = texture.broad, texture.frays
        self.image = np.zeros((len(contrasts), view.rows, view.columns), np.float32)
        self.bright = np.zeros((view.rows, view.columns), np.float32)
        self.oedema: dict[Pattern, Floats] = {}
        self.structural: dict[tuple[str, Pattern], Floats] = {}
        self._bones()

    def paint(self) -> Painted:
        """From the skin to the lesions."""
        self._body()
        self._muscles()
        self._pelvis_inside()
        self._spine()
        self._joint_space()
        self._bone_marrow()
        self._canal_and_foramina()
        self._lesions()
        self._cortex()
        self._vessels_in_front()
        covers = {
            "sacrum": self.sacrum,
            "right": self.right,
            "left": self.left,
            "joint": self.joint,
            "bright": self.bright,
        }
        return Painted(self.image, covers, self.oedema, self.structural)

    # --- tools ---

    def _over(self, cover: Floats, tissue: str, texture: Floats | float = 1.0) -> None:
        for k, contrast in enumerate(self.contrasts):
            self.image[k] += cover * (np.float32(contrast[tissue]) * texture - self.image[k])

    def _over_in(
        self, window: Any, cover: Floats, tissue: str, texture: Floats | float = 1.0
    ) -> None:
        """The same for a part of the slice: cover and texture are those of the part."""
        for k, contrast in enumerate(self.contrasts):
            part = self.image[k][window]
            part += cover * (np.float32(contrast[tissue]) * texture - part)

    def _grid(self, values: Any, coordinates: Sequence[Floats], axes: Sequence[int]) -> Floats:
        index = [
            (c - LOW_MM[a]) / np.float32(GRID_MM) for c, a in zip(coordinates, axes, strict=True)
        ]
        return np.asarray(
            ndimage.map_coordinates(values, index, order=1, mode="nearest", output=np.float32)
        )

    def _map(self, values: Any, first: Floats, second: Floats, axes: tuple[int, int]) -> Floats:
        a = ((first - LOW_MM[axes[0]]) / np.float32(GRID_MM)).astype(np.float32)
        b = ((second - LOW_MM[axes[1]]) / np.float32(GRID_MM)).astype(np.float32)
        return np.asarray(
            cv2.remap(
                np.ascontiguousarray(values, np.float32),
                b,
                a,
                cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REPLICATE,
            )
        )

    # --- bones ---

    def _bones(self) -> None:
        land = self.person.land
        where = (self.x, self.y, self.z)
        rough = np.float32(0.3) * self.t.rough
        ds = self._grid(land.pelvis.fields[0], where, (0, 1, 2)) * np.float32(STEP_MM) + rough
        di = self._grid(land.pelvis.fields[1], where, (0, 1, 2)) * np.float32(STEP_MM) - rough
        left = self.p[..., 0] > 0
        gap = np.where(left, self.n["gap_mm"] + self.n["gap_side"], self.n["gap_mm"])
        gap = np.maximum(gap * np.exp(0.3 * self.broad[0]), 0.4).astype(np.float32)
        narrow = np.clip((gap - (ds + di)) / 2, 0, None) * (np.abs(ds) < 12) * (np.abs(di) < 12)
        self.ds, self.di = ds + narrow, di + narrow
        self.total = self.ds + self.di  # width of the gap near the joint
        edge = max(0.8, self.view.pixel_mm)
        self.sacrum, ilium = _cover(self.ds, edge), _cover(self.di, edge)
        self.is_left = left
        self.right, self.left = ilium * ~left, ilium * left
        self.ilium = ilium
        mirrored = np.linalg.det(self.person.affine) < 0
        side = (self.x > 0).astype(int)
        blade_x = [self._map(land.blade_x[k], self.y, self.z, (1, 2)) for k in (0, 1)]
        blade = [self._map(land.blade[k], self.y, self.z, (1, 2)) for k in (0, 1)]
        self.lateral = self.ax - np.where(side, blade_x[1], blade_x[0])
        self.blade = np.where(side, blade[1], blade[0])
        self.behind = self.y - self._map(land.sacrum_y, self.x, self.z, (0, 2))
        self.mirrored = bool(mirrored)
        self.joint = np.zeros_like(self.ds)

    # --- soft tissue ---

    def _body(self) -> None:
        n = self.n
        x, y, z = (self.p[..., k] for k in range(3))
        low = 1 / (1 + np.exp((z + 25) / 18))
        skin_y = (
            n["skin_y"]
            - x**2 / (2 * n["skin_flat"])
            + n["buttock"] * np.exp(-(((self.ax - 55) / 42) ** 2)) * low
            - n["cleft"] * np.exp(-np.abs(x + 1.5 * self.broad[0]) / 3.5) * low
            - 0.0012 * np.clip(z - 10, 0, None) ** 2
            + 2.5 * self.broad[1]
        )
        self.under = np.asarray(skin_y - y, dtype=np.float32)  # depth below the skin
        thick = (
            n["fat_mm"]
            * np.exp(0.22 * self.broad[2])
            * (0.75 + 0.8 * low * np.clip((self.ax - 12) / 30, 0, 1))
        )
        self.deep = np.asarray(self.under - thick, dtype=np.float32)
        inside = _cover(-self.under, 1.2)
        septa = np.exp(-((self.t.mesh / 0.22) ** 2)) * (self.t.cloud > 0.1)
        self._over(
            inside, "fat", 1 + 0.05 * self.t.cloud + 0.05 * self.t.patch + 0.03 * self.t.grain
        )
        self._over(inside * septa * 0.35, "septum")
        self._over(_band(self.under, 1.2, 1.0), "skin")
        self.inside = inside

    def _muscles(self) -> None:
        n, t = self.n, self.t
        deep = _cover(-self.deep, 1.5)
        rows, columns = self.view.rows, self.view.columns
        px = self.view.pixel_mm
        front = self.behind < -6
        # Fat and sheets between the muscles come first; muscles leave gaps.
        self._over(deep, "pelvic fat", 1 + 0.06 * t.cloud + 0.06 * t.patch)
        c0 = columns / 2 - float(self.view.centre @ self.view.column) / px
        r0 = rows / 2 - float(self.view.centre @ self.view.row) / px
        out = n["fan_x"] / px
        # Gluteal fibres run outwards and down; across the body, outwards and forward.
        lift = n["fan_v"] * (1.0 if abs(self.view.row[2]) > 0.5 else -0.8) / px
        right = self.p[..., 0] < 0
        fan_r = t.fibres((r0 - lift, c0 - out), across=n["fibre_px"], along=30, warp=0.045)
        fan_l = t.fibres((r0 - lift, c0 + out), across=n["fibre_px"], along=30, warp=0.045)
        fan = np.where(right, fan_r, fan_l)
        back = t.fibres((r0 + 150 / px, c0), across=0.8 * n["fibre_px"], along=20, warp=0.03)
        # Lateral to the hip bone: the gluteal muscles in sheets.
        no_blade = _cover(self.blade - 0.3 + 0.05 * self.broad[3], 0.2)
        above_crest = (
            no_blade * _cover(-(self.z - 8 + 3 * self.broad[1]), 4.0) * _cover(self.y - 30, 10.0)
        )
        glut = deep * _cover(-(self.lateral + 1.0), 2.0) * (1 - above_crest)
        glut = glut * _cover(-(self.behind + 40), 8)
        medial_edge = 6 + 0.5 * np.clip(-self.z - 40, 0, None) + 4 * self.broad[1]
        below = deep * _cover(
            self.z + 34 - 0.25 * (self.ax - 30) + 6 * self.broad[3] + 2.5 * self.frays[0], 3.0
        )
        below = below * _cover(-(self.behind - 4), 3.0) * _cover(medial_edge - self.ax, 3)
        glut = np.maximum(glut, below)
        self._muscle(glut, "gluteal", fan, fat=0.22)
        for at in (n["glut_mm"], 2.1 * n["glut_mm"]):
            sheet = _band(self.di, at + 1.8 * self.broad[3], 0.5) * glut
            self._over(sheet * np.clip(0.55 + 0.3 * t.patch, 0, 0.9), "septum")
        # Behind the sacrum, between the hip bones.
        above = 70 * np.clip((0.4 - self.blade) / 0.25, 0, 1)
        spinal = deep * _cover(self.lateral + 2.0 - above, 2.0) * _cover(-(self.behind - 2), 2.0)
        taper = 14 + 0.9 * (self.z - n["multifidus_low"]) + 4 * self.broad[3]
        spinal = spinal * _cover(self.ax - taper, 3.0)
        spinal = spinal * _cover(self.ax - 62 + 3 * self.broad[2], 3.0)
        self._muscle(spinal, "multifidus", back, fat=0.15 + 0.5 * n["multifidus_fat"])
        raphe = _band(self.x + 1.5 * self.broad[0] + 0.4 * t.patch, 0.0, 0.9) * np.clip(
            0.5 + 0.4 * t.patch, 0, 0.9
        )
        self._over(spinal * raphe, "ligament")
        split = _band(self.ax, 24 + 5 * self.broad[0] + 0.12 * self.z, 0.6) * spinal
        self._over(split * 0.7, "septum")
        # In front of the hip bone and on the wall of the pelvis.
        brim = self.z + 15 - 0.72 * (self.y + 15) + 3 * self.broad[0]  # positive above the brim
        medial = _cover(self.lateral, 1.5) * _cover(self.behind + 3, 2.0) * deep
        thick = n["iliacus_mm"] * np.exp(0.2 * self.broad[1])
        iliacus = (
            medial
            * _cover(self.di - thick, 1.2)
            * _cover(-brim, 3.0)
            * _cover(-(self.di - 1.2), 1.0)
        )
        self._muscle(iliacus, "iliacus", back, fat=0.1)
        z = np.array([90.0, 60, 35, 10, -15, -40, -70])
        cx = (
            np.interp(self.z, z[::-1], np.array([33, 37, 42, 50, 60, 70, 80.0])[::-1])
            + n["psoas_x"]
            - 40
        )
        cy = np.interp(self.z, z[::-1], np.array([-26, -28, -38, -56, -76, -96, -112.0])[::-1])
        size = n["psoas"] * np.interp(
            self.z, z[::-1], np.array([17, 19, 19, 17, 15, 13, 11.0])[::-1]
        )
        psoas = (
            np.sqrt(((self.ax - cx) / 1.0) ** 2 + (self.y - cy) ** 2) - size + 1.5 * self.broad[3]
        )
        psoas = psoas.astype(np.float32)
        self._muscle(_cover(psoas, 1.3) * deep, "psoas", back, fat=0.05)
        quadratus = (
            np.sqrt(((self.ax - 62) / 1.6) ** 2 + (self.y - 6) ** 2) - 11 + 1.5 * self.broad[2]
        )
        quadratus = _cover(quadratus.astype(np.float32), 1.3) * _cover(44 - self.z, 4.0) * deep
        self._muscle(quadratus, "psoas", back, fat=0.1)
        along = (self.ax - 25) / 50
        piriformis = (
            np.sqrt((self.y - (26 - 22 * along)) ** 2 + ((self.z - (-36 - 16 * along)) / 1.35) ** 2)
            - n["piriformis"] * (12 - 2 * along)
            + 1.5 * self.broad[1]
        )
        piriformis = _cover(piriformis.astype(np.float32), 1.3) * _cover(14 - self.ax, 4) * deep
        self._muscle(piriformis * _cover(-(self.ds - 1), 1), "piriformis", fan, fat=0.12)
        wall = _cover(self.lateral + 1.5, 1.5) * _cover(
            -(self.lateral + n["obturator_mm"] + 1.5 * self.broad[2]), 1.2
        )
        wall = (
            wall
            * _cover(brim + 14 + 4 * self.broad[0], 6.0)
            * _cover(self.z + 30 + 6 * self.broad[3], 6.0)
        )
        wall = wall * _cover(self.behind + 10 + 4 * self.broad[2], 5) * deep
        self._muscle(wall, "obturator", fan, fat=0.08)
        self.brim = brim
        self.is_muscle = np.clip(glut + spinal + iliacus + piriformis + wall, 0, 1)

    def _muscle(self, cover: Floats, name: str, strands: Floats, fat: float) -> None:
        t = self.t
        amount = np.float32(self.n["fibre"])
        tone = 1 + 0.05 * t.cloud + amount * strands + 0.05 * t.grain + 0.04 * t.patch
        self._over(cover, name, tone)
        share = 2.0 - 1.6 * fat - 1.2 * self.n["muscle_fat"]
        streak = np.clip((strands - np.float32(share)) * 0.9 + 0.1 * t.patch, 0, 0.85)
        self._over(cover * streak, "septum", 1 + 0.08 * t.patch)

    def _pelvis_inside(self) -> None:
        t, n = self.t, self.n
        cavity = _cover(self.lateral + n["obturator_mm"], 3.0) * _cover(self.behind + 8, 3.0)
        cavity = cavity * (1 - self.is_muscle)
        layers = np.sin((self.y + self.z * 0.4 + 9 * self.broad[0] + 6 * self.broad[1]) / 3.2)
        self._over(cavity * np.clip(layers * 1.4 - 0.95, 0, 0.5) * n["pelvic_fat"], "septum")
        # Above and before it lies the bowel of the belly, a jumble of loops.
        fascia = np.mod(t.cloud * 1.1 + 0.22 * t.patch + self.broad[0], 1) - np.float32(0.5)
        broken = np.clip(0.35 + 0.4 * t.patch + 0.4 * self.frays[2], 0, 1) * np.float32(n["fascia"])
        self._over(cavity * np.exp(-((fascia / 0.07) ** 2)) * broken, "septum")
        # Mesentery and folds: fat that is brighter and darker in streaks.
        folds = 0.28 * self.frays[3] + 0.22 * t.patch + 0.12 * t.mesh
        self._over(
            cavity * np.clip(folds + 0.1, 0, 0.7) * np.float32(n["mesentery"]), "bowel", 0.75
        )
        self._over(
            cavity * np.clip(-folds - 0.1, 0, 0.6) * np.float32(n["mesentery"]), "ligament", 1.3
        )
        belly = (
            np.float32(n["belly"] > 0)
            * cavity
            * _cover(self.y + 46 + 8 * self.broad[2] + 0.25 * (30 - self.z), 6.0)
        )
        belly = belly * _cover(n["peritoneum"] - self.z - 30 + 6 * self.broad[3], 10.0)
        jumble = 0.3 * self.frays[0] + self.broad[1] - np.float32(n["belly"]) + 1.0
        self._over(
            belly * _cover(-(jumble - 0.3), 0.25), "bowel", 0.85 + 0.08 * t.patch + 0.2 * t.cloud
        )
        self._over(belly * _band(jumble, 0.3, 0.11, 0.2), "wall")
        self._over(belly * _cover(-(self.frays[1] - 0.9), 0.2), "stool")
        self._over(belly * _cover(-(self.frays[2] - 1.35), 0.2), "gas")
        self.bright = np.maximum(self.bright, belly * _cover(-(jumble - 0.3), 0.25))
        self._balls(("bladder", "organ", "stool", "gas", "bowel", "fluid"))
        self._balls(("artery",))

    def _balls(self, tissues: Sequence[str], keep: Floats | float = 1.0) -> None:
        for balls in self.person.balls:
            if balls.tissue not in tissues:
                continue
            outer, inner = self._ball_covers(balls.centres, balls.radii, balls.wall_mm)
            if outer is None:
                continue
            window, cover = outer
            self._patch(window, cover, "wall" if balls.wall_mm else balls.tissue, balls, keep)
            if inner is not None:
                self._patch(inner[0], inner[1], balls.tissue, balls, keep)

    def _patch(
        self, window: Any, cover: Floats, tissue: str, balls: Balls, keep: Floats | float
    ) -> None:
        kind = balls.tissue
        kept = np.float32(balls.opacity) * (
            cover if isinstance(keep, float) else cover * keep[window]
        )
        tone = balls.tone + np.float32(0.04) * self.t.patch[window]
        if kind in ("organ", "bowel", "stool", "fluid"):
            tone = tone + 0.12 * self.t.patch[window] + 0.08 * self.t.cloud[window]
        for k, contrast in enumerate(self.contrasts):
            part = self.image[k][window]
            part += kept * (np.float32(contrast[tissue]) * tone - part)
        part = self.bright[window]
        if kind in BRIGHT_BALLS:
            np.maximum(part, kept, out=part)
        elif tissue != "wall":
            part *= 1 - kept

    def _ball_covers(self, centres: Any, radii: Any, wall_mm: float) -> tuple[Any, Any]:
        """(window, cover) of the balls that this layer cuts, whole and without their wall."""
        view = self.view
        at = centres - view.centre
        away = at @ view.normal - self.shift
        flat = radii**2 - away**2
        cut = flat > 0.04
        if not cut.any():
            return None, None
        row = at[cut] @ view.row / view.pixel_mm + (view.rows - 1) / 2
        column = at[cut] @ view.column / view.pixel_mm + (view.columns - 1) / 2
        radius = np.sqrt(flat[cut]) / view.pixel_mm
        seen = (
            (row > -radius)
            & (row < view.rows + radius)
            & (column > -radius)
            & (column < view.columns + radius)
        )
        if not seen.any():
            return None, None
        row, column, radius = row[seen], column[seen], radius[seen]
        outer = self._discs(row, column, radius)
        if not wall_mm:
            return outer, None
        flat = (radii[cut][seen] - wall_mm).clip(0) ** 2 - away[cut][seen] ** 2
        some = flat > 0.04
        if not some.any():
            return outer, None
        return outer, self._discs(row[some], column[some], np.sqrt(flat[some]) / view.pixel_mm)

    def _discs(self, row: Any, column: Any, radius: Any) -> Any:
        """Antialiased discs as one cover, within their bounding window."""
        view = self.view
        low = np.floor(np.stack([row - radius, column - radius]).min(axis=1)).astype(int) - 2
        high = np.ceil(np.stack([row + radius, column + radius]).max(axis=1)).astype(int) + 3
        low = np.maximum(low, 0)
        high = np.minimum(high, (view.rows, view.columns))
        if (high - low < 1).any():
            return (slice(0, 1), slice(0, 1)), np.zeros((1, 1), np.float32)
        canvas = np.zeros(tuple(high - low), np.uint8)
        # Thin ones first: a disc thinner than a pixel is drawn fainter, and covered by a full one.
        for k in np.argsort(radius):
            r, c, a = row[k] - low[0], column[k] - low[1], radius[k]
            drawn, level = (a, 255) if a > 0.75 else (0.75, int(255 * (a / 0.75) ** 2))
            at = (round(c * 16), round(r * 16))
            cv2.circle(canvas, at, round(drawn * 16), level, -1, cv2.LINE_AA, 4)
        window = (slice(int(low[0]), int(high[0])), slice(int(low[1]), int(high[1])))
        return window, canvas.astype(np.float32) / 255

    # --- spine and bones ---

    def _spine(self) -> None:
        """L5 and L4 on the endplate of S1, their discs, facets and transverse processes."""
        reached = (self.z > -8) & (self.ax < 62)
        rows, columns = np.flatnonzero(reached.any(axis=1)), np.flatnonzero(reached.any(axis=0))
        if not rows.size:
            return
        w = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
        n = self.n
        x_, ax, y_, z_ = self.x[w], self.ax[w], self.y[w], self.z[w]
        frays = [one[w] for one in self.frays]
        patch, marrow, bright = self.t.patch[w], self.t.marrow[w], self.bright[w]
        canal = sacral_canal(self.person.land)
        shift = float(canal[4, 1] - 4)
        start = np.array([-33.0 + shift, 14.0])
        up = np.array([-0.72, 0.69])
        for level in range(3):
            up /= np.linalg.norm(up)
            ahead = np.array([-up[1], up[0]])
            disc = n["disc_mm"] * (1.0 - 0.1 * level)
            y, z = y_ - start[0], z_ - start[1]
            height = (y * up[0] + z * up[1]).astype(np.float32)
            depth = (y * ahead[0] + z * ahead[1]).astype(np.float32)
            ring = np.sqrt((x_ / n["l5_width"]) ** 2 + (depth / n["l5_depth"]) ** 2)
            ring = ((ring - 1) * n["l5_depth"]).astype(np.float32)
            bulge = 1.5 * np.cos(np.clip(ring / 12, -1.5, 1.5))
            wedge = np.float32(n["wedge"]) * depth * (level == 0)
            in_disc = _band(height, disc / 2 + wedge * 0.3, disc / 2 + bulge * 0.4) * _cover(
                ring + 0.5, 1.0
            )
            self._over_in(w, in_disc, "annulus")
            nucleus = _band(height, disc / 2, disc / 2 - 1.2, 1.5) * _cover(ring + 4.5, 3.0)
            self._over_in(w, nucleus, "disc", 1 + 0.1 * patch)
            np.maximum(bright, nucleus, out=bright)
            waist = 2.2 * (1 - (2 * (height - disc - n["l5_height"] / 2) / n["l5_height"]) ** 2)
            body = _band(height, disc + n["l5_height"] / 2, n["l5_height"] / 2 - 0.4) * _cover(
                ring + np.clip(waist, 0, 3).astype(np.float32), 1.0
            )
            inner = _band(height, disc + n["l5_height"] / 2, n["l5_height"] / 2 - 1.4) * _cover(
                ring + 1 + np.clip(waist, 0, 3).astype(np.float32), 1.0
            )
            self._over_in(w, body, "cortex", 1.2)
            self._over_in(w, inner, "l5", marrow)
            if n["modic"] and level < 2:
                near = np.exp(
                    -np.minimum(np.abs(height - disc), np.abs(height - disc - n["l5_height"])) / 3.5
                )
                change = inner * near * np.float32(n["modic"]) * _cover(-(frays[3] - 0.2), 0.8)
                self._over_in(w, change, "vein")
                np.maximum(bright, change, out=bright)
            # Transverse process and arch.
            middle = disc + n["l5_height"] * 0.62
            process = np.sqrt((height - middle) ** 2 + (depth + n["l5_depth"] + 3 - 0.1 * ax) ** 2)
            process = process - (6.5 - 0.05 * ax) + frays[1] * 0.8
            process = _cover(process.astype(np.float32), 1.0) * _band(ax, 26, 20, 2.0)
            self._over_in(w, process, "cortex", 1.3)
            core = np.clip(process * 2 - 1, 0, 1)
            self._over_in(w, core, "l5", marrow * 0.95)
            facet = np.sqrt(
                (ax - 19) ** 2 + (height - disc / 2 + 2) ** 2 + (depth + n["l5_depth"] + 17) ** 2
            )
            facet = facet.astype(np.float32) + 1.6 * frays[0] + 0.8 * patch
            self._over_in(w, _cover(facet - 9, 1.2), "cortex", 1.2)
            self._over_in(w, _cover(facet - 7.8, 1.2), "l5", marrow)
            slit = _cover(facet - 8, 1.0) * _band(
                ax - 0.35 * (height - disc / 2), 19 + 1.2 * frays[0], 0.7
            )
            self._over_in(w, slit, "fluid" if n["facet"] else "cortex")
            if n["facet"]:
                np.maximum(bright, slit, out=bright)
            spinous = (
                _band(ax, 0, 3.2)
                * _band(depth, -(n["l5_depth"] + 30), 10, 2)
                * _band(height, disc + 10, 8, 2)
            )
            self._over_in(w, spinous, "cortex", 1.2)
            self._over_in(w, _band(ax, 0, 2.2) * spinous, "l5", marrow)
            start = start + up * (disc + n["l5_height"])
            up = up + np.array([0.32, 0.18])

    def _joint_space(self) -> None:
        """Cartilage where the bones are close; ligaments, fat and vessels where they part."""
        n, t = self.n, self.t
        between = _cover(-self.ds, 1.0) * _cover(-self.di, 1.0)
        wide = self.total
        back = _cover(wide - 26, 8) * _cover(-(self.behind + 12), 6) * between
        self._over(back * 0.8, "pelvic fat", 1 + 0.1 * t.patch)
        strands = np.clip(0.3 + 0.55 * self.frays[2] + 0.25 * t.mesh, 0, 1)
        self._over(back * strands * np.float32(n["ligament"]), "ligament", 1 + 0.2 * t.grain)
        self.joint = between * _cover(wide - 4.5, 1.0)
        fill = 1 + 0.2 * t.patch + 0.25 * self.frays[1]
        self._over(self.joint, "joint", np.clip(fill, 0.3, 2))
        if n["fluid"]:
            wet = self.joint * np.clip((self.frays[2] - 0.3) * 2, 0, 1) * np.float32(n["fluid"])
            self._over(wet, "fluid")
            self.bright = np.maximum(self.bright, wet)

    def _bone_marrow(self) -> None:
        t, n = self.t, self.n
        self.bright *= 1 - np.maximum(self.sacrum, self.ilium)
        for cover, name in ((self.sacrum, "sacrum"), (self.right, "right"), (self.left, "left")):
            self._over(cover, name, t.marrow * (1 + 0.07 * self.broad[2]))
        bone = np.maximum(self.sacrum, self.ilium)
        fatty = bone * np.clip(self.broad[3] * 0.5 + 0.15 * t.patch, 0, 0.6)
        self._over(fatty, "marrow fat", t.marrow)
        if n["islands"]:
            depth = np.minimum(self.ds, self.di)
            spots = _cover(-(self.frays[3] - 0.75), 0.5) * bone * _cover(depth + 2.5, 2.0)
            self._over(spots * np.float32(n["islands"]), "island", t.marrow)
        if n["s1s2_disc"]:
            # Rests of the discs between the sacral bodies.
            canal = sacral_canal(self.person.land)
            for z, width in ((-2.0, 15.0), (-21.0, 12.0), (-38.0, 9.0)):
                y = float(np.interp(z, canal[::-1, 2], canal[::-1, 1]))
                plane = (0.55 * (self.y - y + 14) * 0.9 + (self.z - z - 9)) / 1.15
                rest = _band(plane.astype(np.float32), 0.6 * self.frays[0], 1.0) * _cover(
                    self.ax - width, 3.0
                )
                rest = rest * _cover(self.y - y + 6, 3.0) * self.sacrum * np.float32(n["s1s2_disc"])
                self._over(rest * 0.85, "annulus")
                if n["s1s2_disc"] > 0.6:
                    inner = (
                        rest
                        * _cover(np.abs(plane).astype(np.float32) - 0.5, 0.6)
                        * _cover(self.ax - width + 5, 3.0)
                    )
                    self._over(inner, "disc")

    def _canal_and_foramina(self) -> None:
        n, t = self.n, self.t
        canal = sacral_canal(self.person.land)
        z = canal[::-1, 2]
        y = np.interp(self.z, z, canal[::-1, 1])
        # Steps down the canal are taken across it, so the tilt makes it no wider.
        slope = np.gradient(canal[::-1, 1], z)
        lean = 1 / np.sqrt(1 + np.interp(self.z, z, slope) ** 2)
        half = n["canal"] * np.interp(
            self.z, z, np.array([2, 3, 4.2, 5.2, 6.2, 7.2, 8, 8.5, 8.5, 8.5])
        )
        wide = n["canal"] * np.interp(
            self.z, z, np.array([3, 5, 8, 10, 11, 12, 12, 12, 11.5, 11.5])
        )
        ring = np.sqrt((self.x / wide) ** 2 + ((self.y - y) * lean / half) ** 2)
        ring = ((ring - 1) * half).astype(np.float32)
        hollow = _cover(ring, 1.0) * _cover(-62 - self.z, 4.0)
        self._over(_band(ring, 0.5, 0.6) * self.sacrum, "cortex")
        self._over(hollow, "foramen", 1 + 0.12 * t.patch)
        end = n["sac_end"]
        taper = np.clip((self.z - end) / 14, 0, 1).astype(np.float32)
        sac = _cover(ring + 1.0 + (1 - taper) * half.astype(np.float32), 1.2) * (taper > 0)
        roots = np.clip(0.75 + 0.35 * t.mesh, 0, 1)
        self._over(sac, "csf", 1 - 0.25 * (1 - roots))
        below = hollow * (1 - np.clip(sac, 0, 1)) * _cover(self.z - end - 4, 6)
        self._over(below * np.clip(t.mesh - 0.8, 0, 1), "nerve")
        self.bright = np.maximum(self.bright * (1 - hollow), np.maximum(sac, 0.0))
        self.sacrum = self.sacrum * (1 - hollow)
        self._foramina()

    def _foramina(self) -> None:
        hole = np.zeros_like(self.ds)
        rim = np.zeros_like(self.ds)
        for balls in self.person.balls:
            if balls.tissue != "foramen":
                continue
            for grow, into in ((0.0, hole), (0.9, rim)):
                found, _ = self._ball_covers(balls.centres, balls.radii + grow, 0.0)
                if found is not None:
                    part = into[found[0]]
                    np.maximum(part, found[1], out=part)
        self._over(
            np.clip(rim - hole, 0, 1) * self.sacrum * np.clip(0.7 + 0.3 * self.t.patch, 0, 1),
            "cortex",
        )
        self._over(hole * np.maximum(self.sacrum, 0.15), "foramen", 1 + 0.15 * self.t.patch)
        self.sacrum = self.sacrum * (1 - hole)
        self._balls(("nerve",))

    def _cortex(self) -> None:
        """A dark line along the surface, patchy, thick on the outside of the hip bone."""
        n, t = self.n, self.t
        patchy = np.clip(0.82 + 0.28 * t.patch + 0.15 * self.frays[0], 0.15, 1)
        for distance, keep, more in ((self.ds, self.sacrum, 0.0), (self.di, self.ilium, 0.25)):
            thick = n["cortex_mm"] * (1 + more) * np.exp(0.2 * self.broad[0]).astype(np.float32)
            line = _band(distance, -thick / 2 + 0.15, thick / 2, 0.9) * (1 - self._fused())
            bone = _cover(distance - 0.4, 0.9)
            self._over(line * bone * patchy, "cortex")
        if n["vein_rim"]:
            # A thin bright line under the cartilage that is no oedema.
            rim = _band(self.di, -n["cortex_mm"] - 0.6, 0.4) * _cover(self.ds - 4.5, 2)
            self._over(
                rim * np.float32(0.3 * n["vein_rim"]) * np.clip(self.frays[1], 0, 1), "nerve"
            )

    def _fused(self) -> Floats | float:
        """Where bone crosses the joint."""
        return self.structural.get(("ankylosis", Pattern.INFLAMMATORY), 0.0)

    def _vessels_in_front(self) -> None:
        """Veins in everything but bone; those at the foramina too."""
        self._balls(("vein",), keep=1 - 0.92 * np.maximum(self.sacrum, self.ilium))

    # --- lesions ---

    def _lesions(self) -> None:
        order = ("sclerosis", "fat", "ankylosis", "oedema", "erosion")
        for lesion in sorted(self.person.lesions, key=lambda one: order.index(one.what)):
            cover = self._lesion_cover(lesion)
            if cover is None:
                continue
            window, share = cover
            if lesion.what == "oedema":
                self._oedema(lesion, window, share)
            else:
                self._structural(lesion, window, share)

    def _lesion_cover(self, lesion: Lesion) -> tuple[Any, Floats] | None:
        view = self.view
        at = np.asarray(lesion.centre) - view.centre
        away = float(at @ view.normal) - self.shift
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
        offset = self.p[w] - np.asarray(lesion.centre, np.float32)
        far = np.sqrt((offset**2).sum(axis=-1))
        other = self.ds[w] if lesion.iliac else self.di[w]
        own = self.ilium[w] if lesion.iliac else self.sacrum[w]
        side = self.is_left[w] if lesion.side > 0 else ~self.is_left[w]
        fray = self.frays[lesion.channel][w]
        if lesion.what == "erosion":
            share = _cover(far - lesion.radius_mm + 0.3 * fray, 0.8)
            return w, np.asarray(share * own * side)
        if lesion.what == "ankylosis":
            share = _cover(far - lesion.radius_mm + 1.5 * fray, 1.0)
            across = _cover(np.maximum(self.ds[w], self.di[w]) - 3.2, 1.0) * _cover(
                self.total[w] - 5, 1
            )
            return w, np.asarray(share * across * side)
        gap = np.float32(self.n["gap_mm"])
        depth = lesion.depth_mm * np.exp(
            0.35 * lesion.ragged * self.frays[(lesion.channel + 1) % 4][w]
        )
        if lesion.what == "sclerosis" and lesion.kind is Pattern.MECHANICAL:
            depth = depth * np.clip(1.15 - far / (1.4 * lesion.radius_mm), 0, 1)  # a triangle
        inward = other - gap - depth
        # The sphere is measured along the joint: depth has its own limit.
        spread = 1 - np.sqrt(np.maximum(far**2 - np.clip(other, 0, 12) ** 2, 0)) / lesion.radius_mm
        spread = spread + 0.45 * lesion.ragged * fray + 0.12 * self.t.patch[w] * lesion.ragged
        share = _cover(-spread.astype(np.float32) * 4, 1.0) * _cover(inward.astype(np.float32), 1.0)
        return w, np.asarray(share * own * side, dtype=np.float32)

    def _oedema(self, lesion: Lesion, w: Any, share: Floats) -> None:
        fade = np.clip(
            0.85 + 0.22 * self.frays[(lesion.channel + 2) % 4][w] + 0.12 * self.t.patch[w], 0.3, 1.3
        )
        marrow = {
            k: (c["left"] if lesion.side > 0 else c["right"]) if lesion.iliac else 1.0
            for k, c in enumerate(self.contrasts)
        }
        for k, contrast in enumerate(self.contrasts):
            part = self.image[k][w]
            base = np.float32(marrow[k])
            if contrast.weighting is Weighting.T1:
                dark = np.clip(1 - 0.28 * (lesion.strength - 1), 0.4, 0.92)
                part *= 1 - share * (1 - np.float32(dark)) * np.clip(fade, 0, 1)
            else:
                more = base * np.float32(lesion.strength - 1) * fade
                added = part + share * more
                put = part + share * (base + more - part)
                part[...] = (added + put) / 2
        into = self.oedema.setdefault(lesion.kind, np.zeros_like(self.ds))
        part = into[w]
        np.maximum(part, share * (fade > 0.42), out=part)

    def _structural(self, lesion: Lesion, w: Any, share: Floats) -> None:
        tissue = {
            "sclerosis": "sclerosis",
            "fat": "fatty",
            "erosion": "joint",
            "ankylosis": "sacrum",
        }[lesion.what]
        strong = share * np.float32(lesion.strength)
        for k, contrast in enumerate(self.contrasts):
            part = self.image[k][w]
            level = contrast[tissue]
            if lesion.what == "erosion" and contrast.weighting is not Weighting.T1:
                level = 0.6 * level + 0.8
            part += strong * (np.float32(level) * (1 + 0.12 * self.t.patch[w]) - part)
        into = self.structural.setdefault((lesion.what, lesion.kind), np.zeros_like(self.ds))
        part = into[w]
        np.maximum(part, strong, out=part)
        if lesion.what != "fat":
            for cover in self.oedema.values():
                cover[w] *= 1 - 0.8 * share * (lesion.what == "erosion")
