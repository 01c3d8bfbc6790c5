"""One thin layer of a slice while it is painted: what is where, and the brushes."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from asemble.core.labels import Pattern
from asemble.phantom.contrast import Contrast
from asemble.phantom.pelvis import GRID_MM, LOW_MM, STEP_MM
from asemble.phantom.person import Person
from asemble.phantom.texture import Texture
from asemble.phantom.tubes import Balls
from asemble.phantom.view import View

Floats = npt.NDArray[np.float32]

SMALL_MM = 2.4
"""Radius below which a vessel is thinner than a slice."""
BRIGHT_BALLS = frozenset({"vein", "bladder", "fluid", "bowel", "nerve"})
"""What a network might take for oedema."""


def cover_of(distance_mm: Floats, edge_mm: float = 1.0) -> Floats:
    """Share inside, from a signed distance (negative inside)."""
    return np.asarray(np.clip(0.5 - distance_mm / np.float32(edge_mm), 0, 1), dtype=np.float32)


def band_of(value: Floats, at: Any, half: Any, edge: float = 0.8) -> Floats:
    """Share within `half` of `at`, in the units of `value`."""
    return cover_of(np.abs(value - at) - half, edge)


class Layer:
    """One thin layer while it is painted."""

    def __init__(
        self,
        person: Person,
        view: View,
        shift_mm: float,
        contrasts: Sequence[Contrast],
        texture: Texture,
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
        self.under: Floats = np.zeros_like(self.bright)
        """Depth below the skin, mm."""
        self.deep: Floats = np.zeros_like(self.bright)
        """Depth below the fat under the skin, mm."""
        self.brim: Floats = np.zeros_like(self.bright)
        """Height above the brim of the pelvis, mm."""
        self.is_muscle: Floats = np.zeros_like(self.bright)
        self.oedema: dict[Pattern, Floats] = {}
        self.structural: dict[tuple[str, Pattern], Floats] = {}
        self._bones()

    def over(self, cover: Any, tissue: str, texture: Any = 1.0) -> None:
        """Paint a tissue over what is there: its share of each pixel, times a texture."""
        for k, contrast in enumerate(self.contrasts):
            self.image[k] += cover * (np.float32(contrast[tissue]) * texture - self.image[k])

    def over_in(self, window: Any, cover: Any, tissue: str, texture: Any = 1.0) -> None:
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
        self.sacrum, ilium = cover_of(self.ds, edge), cover_of(self.di, edge)
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

    def paint_balls(self, tissues: Sequence[str], keep: Any = 1.0) -> None:
        """Paint the chains of balls of these tissues, as far as `keep` lets them."""
        for balls in self.person.balls:
            if balls.tissue not in tissues:
                continue
            # A slice is thick beside a small vessel, which it shows longer and fainter.
            small = not balls.wall_mm and float(balls.radii.max()) < SMALL_MM
            slab = 0.3 * self.view.thickness_mm if small else 0.0
            outer, inner = self.ball_covers(balls.centres, balls.radii, balls.wall_mm, slab)
            if outer is None:
                continue
            window, cover = outer
            if small:
                cover = cover * np.float32(min(1.0, 1.3 * float(np.median(balls.radii)) / slab))
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
        if tissue == "wall":
            tone = tone + 0.12 * self.t.patch[window] + 0.12 * self.t.cloud[window]
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

    def ball_covers(
        self, centres: Any, radii: Any, wall_mm: float, slab_mm: float = 0.0
    ) -> tuple[Any, Any]:
        """(window, cover) of the balls that this layer cuts, whole and without their wall.

        `slab_mm` to both sides belongs to the layer too.
        """
        view = self.view
        at = centres - view.centre
        away = (np.abs(at @ view.normal - self.shift) - slab_mm).clip(0)
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
