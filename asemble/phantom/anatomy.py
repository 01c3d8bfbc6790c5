"""One procedural pelvis: where each tissue lies, as functions of a point in the sacrum's frame.

The frame: `u` to the patient's left, `v` superior along the sacrum, `w` posterior and
perpendicular to the sacrum, all in mm from the middle of the sacroiliac joints. A semicoronal
slice has constant `w`, a semiaxial slice constant `v`. Distances are signed, negative inside, and
good to about a millimetre near the surface, which is what partial volume needs.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from asemble.phantom.appearances import TRAINING, Ranges, Variant
from asemble.phantom.noise import Field, Noise

JOINT_LINE_MM = (
    (-22.0, ((70, 32), (66, 19), (60, 5), (55, -8))),
    (-11.0, ((68, 36), (64, 18), (57, 0), (51, -18))),
    (0.0, ((61, 37), (58, 12), (52, -12), (43, -40))),
    (11.0, ((54, 26), (51, 5), (46, -18), (37, -44))),
    (22.0, ((55, 22), (54, 0), (49, -20), (38, -46))),
)
"""`(w, ((u, v), ...))`: the joint line at five depths from the front of the sacrum to its back,
traced on real semicoronal scans; the depths themselves are our spacing for a joint of 44 mm."""

JOINT_DEPTH_MM = 22.0
"""The joint reaches this far in front of and behind its middle."""

WARP_SCALE_MM = 28.0
"""Correlation length of the unevenness: about half a joint."""


def _fit_joint() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Least-squares surface u(v, w), and the joint's upper and lower end v(w)."""
    points = np.array([(u, v, w) for w, line in JOINT_LINE_MM for u, v in line], dtype=np.float64)
    u, v, w = points.T
    terms = np.stack([np.ones_like(v), v, v**2, w, w**2, v * w], axis=1)
    surface = np.linalg.lstsq(terms, u, rcond=None)[0]
    depths = [w for w, _ in JOINT_LINE_MM]
    ends = np.stack(
        [
            np.polyfit(depths, [line[0][1] for _, line in JOINT_LINE_MM], 2),
            np.polyfit(depths, [line[-1][1] for _, line in JOINT_LINE_MM], 2),
        ]
    )
    return surface, ends


_SURFACE, _ENDS = _fit_joint()


@dataclass(frozen=True, eq=False)
class Points:
    """Points of a slice in the sacrum's frame.

    Args:
        u: `(row, column)` mm, left positive.
        v: superior positive.
        w: posterior positive.
        edge_mm: width over which a boundary is blurred: a pixel or a little more.
    """

    u: Field
    v: Field
    w: Field
    edge_mm: float

    @cached_property
    def _lines_mm(self) -> tuple[npt.NDArray[np.floating[Any]], ...]:
        """Least and greatest u, v and w of each row, then of each column: `(2, axis, line)` each.

        By these, what lies elsewhere is not painted at all.
        """
        axes = (self.u, self.v, self.w)
        return tuple(
            np.array([[a.min(axis=across) for a in axes], [a.max(axis=across) for a in axes]])
            for across in (1, 0)
        )

    def touches(self, low_mm: Field, high_mm: Field) -> bool:
        """Whether a box in (u, v, w) reaches this slice."""
        least, most = self._lines_mm[0]
        return bool(((least.min(axis=1) <= high_mm) & (most.max(axis=1) >= low_mm)).all())

    def window(self, low_mm: Field, high_mm: Field) -> tuple[slice, slice] | None:
        """The rows and columns that a box in (u, v, w) may reach, or None where there are none."""
        reached = []
        for least, most in self._lines_mm:
            lines = np.flatnonzero(((low_mm <= most.T) & (high_mm >= least.T)).all(axis=1))
            if lines.size == 0:
                return None
            reached.append(slice(int(lines[0]), int(lines[-1]) + 1))
        return reached[0], reached[1]

    def within(self, window: tuple[slice, slice]) -> "Points":
        """Those of some rows and columns, as views."""
        return Points(self.u[window], self.v[window], self.w[window], self.edge_mm)

    def cover(self, distance_mm: Field) -> Field:
        """Share of each voxel inside a surface, from its signed distance (negative inside)."""
        cover: Field = np.clip(0.5 - distance_mm / np.float32(self.edge_mm), 0, 1)
        return cover


@dataclass(frozen=True, slots=True, eq=False)
class Relief:
    """Where the bones lie, seen from the points of a slice.

    Args:
        left: whether a point is on the left.
        au: |u|, mm.
        joint: |u| of the middle of the joint space.
        gap: width of the joint space.
        sacrum: signed distance to the sacrum.
        ilium: signed distance to the nearer ilium.
    """

    left: npt.NDArray[np.bool_]
    au: Field
    joint: Field
    gap: Field
    sacrum: Field
    ilium: Field


@dataclass(frozen=True, slots=True, eq=False)
class Anatomy:
    """The random shape of one pelvis; lengths in mm, pairs are right then left.

    Args:
        scale: of the joint surface along u, v and w.
        side_scale: extra scale of u by side.
        bump_mm: amplitude of the joint surface's waviness.
        gap_mm: joint space by side.
        ilium_mm: thickness of the ilium beside the joint by side.
        wing_lean: how far the iliac wing leans out above the joint, mm/mm.
        wing_forward: how far it leans out in front of the joint.
        cleft_mm: width of the ligamentous cleft behind the joint.
        canal_w_mm: depth of the sacral canal.
        canal_size: scale of the canal.
        foramina_v_mm: heights of the four foramina.
        foramina_size: scale of the foramina.
        disc_v_mm: lower face of the L5/S1 disc.
        disc_mm: its thickness.
        fat_back_mm: thickness of the fat behind.
        body_u_mm: half-width of the body.
        warp_mm: standard deviation of the displacement that makes the pelvis uneven.
        variant: how the joint departs from the usual, or None.
        variant_left: on which side, where it is of one side.
        variant_v_mm, variant_w_mm: its middle on the joint surface.
        variant_mm: its size.
        noise: lattice from which every texture of the case is read.
    """

    scale: tuple[float, float, float]
    side_scale: tuple[float, float]
    bump_mm: float
    bump_phase: tuple[float, float, float]
    gap_mm: tuple[float, float]
    ilium_mm: tuple[float, float]
    wing_lean: float
    wing_forward: float
    cleft_mm: float
    canal_w_mm: float
    canal_size: float
    foramina_v_mm: tuple[float, float, float, float]
    foramina_size: float
    disc_v_mm: float
    disc_mm: float
    fat_back_mm: float
    body_u_mm: float
    warp_mm: float
    variant: Variant | None
    variant_left: bool
    variant_v_mm: float
    variant_w_mm: float
    variant_mm: float
    noise: Noise

    def warped(self, p: Points) -> Points:
        """The points as the unwarped pelvis has them: no two people are mirror images.

        Smooth in three dimensions, so slices in different planes agree.
        """
        if not self.warp_mm:
            return p
        size = np.float32(self.warp_mm)
        u, v, w = (
            axis + size * self.noise.at(p.u, p.v, p.w, scale_mm=WARP_SCALE_MM, texture=texture)
            for axis, texture in ((p.u, 16), (p.v, 17), (p.w, 18))
        )
        return Points(u, v, w, p.edge_mm)

    def relief(self, p: Points) -> Relief:
        """The bones around the points of a slice."""
        left, au = p.u > 0, np.abs(p.u)
        joint, gap = self.joint_u(p.v, p.w, left), self.gap(p.v, p.w, left)
        uneven = 0.6 * self.noise.at(p.u, p.v, p.w, scale_mm=8, texture=9)
        sacrum = self.sacrum(p, joint, gap) + uneven
        ilium = self.ilium(p, joint, gap, left) - uneven
        return Relief(left, au, joint, gap, sacrum, ilium)

    def joint_u(self, v: Field, w: Field, left: npt.NDArray[np.bool_]) -> Field:
        """|u| of the middle of the joint space, continued beyond the joint's ends.

        Above the joint the surface leans out with the iliac wing, in front of it with the wing's
        inner face, behind it straightens.
        """
        su, sv, sw = self.scale
        at_w = np.clip(w / sw, -JOINT_DEPTH_MM, JOINT_DEPTH_MM)
        top, bottom = self.joint_ends(w)
        at_v = np.clip(v, bottom, top) / sv
        a, b, c, d, e, f = (np.float32(k) for k in _SURFACE)
        u = a + b * at_v + c * at_v**2 + d * at_w + e * at_w**2 + f * at_v * at_w
        p, q, r = self.bump_phase
        u = u * su + self.bump_mm * (
            np.sin(v / 9 + p) * np.cos(w / 11 + q) + 0.6 * np.sin(v / 4.3 + w / 6 + r)
        )
        if self.variant is Variant.CRESCENT:
            u = u + self.variant_mm * (1 - ((v - self.variant_v_mm) / 30) ** 2).clip(-1, 1)
        elif self.variant is Variant.COMPLEX:  # a hump of the ilium in a hollow of the sacrum
            u = u - abs(self.variant_mm) * self._near_variant(v, w, left, reach_mm=9)
        u = u * np.where(left, np.float32(self.side_scale[1]), np.float32(self.side_scale[0]))
        above = np.maximum(v - top, 0)
        front = np.maximum(-JOINT_DEPTH_MM * sw - w, 0)
        below = np.maximum(bottom - v, 0)
        behind = np.maximum(w - JOINT_DEPTH_MM * sw, 0)
        # Below the joint the front of the ilium runs out to the hip, its back ends at the notch.
        outward = np.clip((-w - 2) / 18, 0, 1)
        u = u + self.wing_lean * above + self.wing_forward * front
        return np.asarray(u + 0.75 * outward * below - 0.3 * behind, dtype=np.float32)

    def joint_ends(self, w: Field) -> tuple[Field, Field]:
        """Upper and lower end of the joint, v in mm, at depth w."""
        _, sv, sw = self.scale
        at_w = np.clip(w / sw, -JOINT_DEPTH_MM, JOINT_DEPTH_MM)
        top, bottom = (k[0] * at_w**2 + k[1] * at_w + k[2] for k in _ENDS.astype(np.float32))
        return top * np.float32(sv), bottom * np.float32(sv)

    def in_joint(self, v: Field, w: Field, *, margin_mm: float = 0.0) -> Field:
        """Signed distance along the joint surface from its rim, mm, negative within."""
        top, bottom = self.joint_ends(w)
        depth = JOINT_DEPTH_MM * self.scale[2]
        return np.maximum(np.maximum(v - top, bottom - v), np.abs(w) - depth) - margin_mm

    def gap(self, v: Field, w: Field, left: npt.NDArray[np.bool_]) -> Field:
        """Width of the joint space, mm; it opens into the ligamentous cleft behind and above."""
        base = np.where(left, np.float32(self.gap_mm[1]), np.float32(self.gap_mm[0]))
        top, _ = self.joint_ends(w)
        depth = JOINT_DEPTH_MM * self.scale[2]
        opening = np.clip((w - 0.45 * depth + 0.35 * np.minimum(v - 5, 20)) / (0.75 * depth), 0, 1)
        above = np.clip((v - top) / 6, 0, 1)
        gap = base + self.cleft_mm * opening**2 + 9.0 * above
        if self.variant is Variant.SEMICIRCULAR:
            gap = gap + abs(self.variant_mm) * self._near_variant(v, w, left, reach_mm=5)
        elif self.variant is Variant.ACCESSORY:  # the bones meet again behind the joint
            gap = gap - (gap - 1.8) * self._near_variant(v, w, left, reach_mm=8)
        return np.asarray(gap, dtype=np.float32)

    def _near_variant(
        self, v: Field, w: Field, left: npt.NDArray[np.bool_], *, reach_mm: float
    ) -> Field:
        """1 in the middle of a one-sided variant, 0 far from it and on the other side."""
        away = (v - self.variant_v_mm) ** 2 + (w - self.variant_w_mm) ** 2
        near = np.exp(-away / np.float32(2 * reach_mm**2))
        return np.where(left == self.variant_left, near, 0).astype(np.float32)

    def sacrum(self, p: Points, joint: Field, gap: Field) -> Field:
        """Signed distance to the sacrum, mm."""
        au = np.abs(p.u)
        top, bottom = self.joint_ends(p.w)
        wing = joint - gap / 2
        # Below the joint the sacrum tapers to the coccyx.
        end = -88 * self.scale[1]
        taper = np.clip((p.v - end) / np.maximum(bottom - end, 1), 0, 1)
        side = au - np.where(p.v < bottom, 8 + (np.minimum(wing, 60) - 8) * taper, wing)
        # Its upper face: the S1 end plate in the middle, sloping down over the wings.
        plate = np.float32(self.disc_v_mm)
        reach = np.clip((au - 24) / np.maximum(wing - 24, 5), 0, 1)
        upper = p.v - (plate + (np.minimum(top, plate) - plate) * reach**0.8)
        front = self.front_w(p.v) - p.w - 3 * np.clip((au - 20) / 30, 0, 1)
        back = p.w - self.back_w(p.v, au)
        return np.maximum(np.maximum(side * 0.9, upper * 0.9), np.maximum(front, back))

    def front_w(self, v: Field) -> Field:
        """Depth of the sacrum's concave front."""
        _, sv, sw = self.scale
        return np.asarray(
            np.interp(
                v / sv,
                [-100, -88, -60, -40, -18, 0, 32, 45, 60, 110],
                np.array([-10, -7, 0, -2, -13, -24, -27, -31, -28, -18]) * sw,
            ),
            dtype=np.float32,
        )

    def back_w(self, v: Field, au: Field) -> Field:
        """Depth of the sacrum's back: a median ridge and, beside it, the joint's back end."""
        sw = self.scale[2]
        middle = np.interp(
            v, [-88, -60, -40, 0, 25, 45, 110], np.array([3, 14, 22, 29, 27, 20, 50]) * sw
        )
        groove = np.clip((au - 6) / 8, 0, 1) - np.clip((au - 22) / 12, 0, 1)
        return np.asarray(middle - 7 * groove - 4 * np.clip((au - 30) / 20, 0, 1), np.float32)

    def ilium(self, p: Points, joint: Field, gap: Field, left: npt.NDArray[np.bool_]) -> Field:
        """Signed distance to the ilia, mm."""
        au = np.abs(p.u)
        top, bottom = self.joint_ends(p.w)
        thick = np.where(left, np.float32(self.ilium_mm[1]), np.float32(self.ilium_mm[0]))
        # The wing thins above and in front of the joint and is thickest behind it.
        thin = np.clip((p.v - top) / 60, 0, 0.4) + np.clip((-p.w - 25) / 60, 0, 0.35)
        swell = self.noise.at(p.u, p.v, p.w, scale_mm=30, texture=15)
        middle = np.clip((p.v + 10) / 45, -1, 1) ** 2
        thick = thick * (1.1 - np.minimum(thin, 0.6) - 0.3 * middle + 0.08 * swell)
        thick = thick + 0.12 * np.clip(p.w, 0, 30)
        medial = joint + gap / 2 - au
        lateral = au - (joint + gap / 2 + thick)
        # Lower edge: the sciatic notch behind, open towards the hip in front.
        notch = bottom - 9 - 55 * np.clip((-p.w - 4) / 14, 0, 1)
        crest = 62 + 0.35 * np.clip(-p.w, -40, 60) - 0.5 * np.clip(p.w, 0, 40)
        ends = np.maximum(np.maximum(notch - p.v, p.v - crest), p.w - 44)
        distance: Field = np.maximum(np.maximum(medial, lateral) * 0.9, ends)
        return distance

    def canal(self, p: Points) -> Field:
        """Signed distance to the sacral and lumbar canal, mm."""
        size = np.interp(p.v, [-60, -40, 0, 40, 90], [0.25, 0.4, 0.8, 1.1, 1.15])
        centre = np.interp(p.v, [-88, -40, 0, 35, 60, 110], [-10, 0, 2, 2, 10, 42])
        depth = p.w - (centre + self.canal_w_mm).astype(np.float32)
        radius = np.hypot(p.u / 12, depth / 8) - (size * self.canal_size).astype(np.float32)
        distance: Field = radius * 8
        return distance


def sample_anatomy(rng: np.random.Generator, ranges: Ranges = TRAINING) -> Anatomy:
    """Draw one pelvis; sizes from the clinical specification, section 7, where it gives them."""

    def pair(low: float, high: float, spread: float) -> tuple[float, float]:
        middle = rng.uniform(low, high)
        right, left = middle * (1 + rng.normal(0, spread, size=2))
        return float(right), float(left)

    start, step = rng.uniform(10, 17), rng.uniform(20, 25)
    variant = None
    if rng.random() < ranges.varied:
        variant = ranges.variants[rng.integers(len(ranges.variants))]
    behind = variant in (Variant.ACCESSORY, Variant.COMPLEX)
    foramina = [float(start - step * k * (1 - 0.05 * k) + rng.normal(0, 1)) for k in range(4)]
    return Anatomy(
        scale=(
            float(rng.normal(1.0, 0.05)),
            float(rng.normal(1.0, 0.07)),
            float(rng.uniform(0.85, 1.2)),
        ),
        side_scale=pair(0.99, 1.01, 0.02),
        bump_mm=float(rng.uniform(0.3, 1.6)),
        bump_phase=tuple(float(v) for v in rng.uniform(0, 6.28, 3)),  # type: ignore[arg-type]
        gap_mm=pair(1.2, 3.2, 0.08),
        ilium_mm=pair(15, 27, 0.05),
        wing_lean=float(rng.uniform(0.45, 0.95)),
        wing_forward=float(rng.uniform(0.6, 1.1)),
        cleft_mm=float(rng.uniform(3, 12)),
        canal_w_mm=float(rng.uniform(9, 15)),
        canal_size=float(rng.uniform(0.8, 1.2)),
        foramina_v_mm=(foramina[0], foramina[1], foramina[2], foramina[3]),
        foramina_size=float(rng.uniform(0.75, 1.25)),
        disc_v_mm=float(rng.uniform(36, 46)),
        disc_mm=float(rng.uniform(5, 12)),
        fat_back_mm=float(rng.uniform(12, 45)),
        body_u_mm=float(rng.uniform(155, 200)),
        warp_mm=float(rng.uniform(0.5, 3.0)),
        variant=variant,
        variant_left=bool(rng.random() < 0.5),
        variant_v_mm=float(rng.uniform(-8, 14)),
        variant_w_mm=float(rng.uniform(14, 26) if behind else rng.uniform(-12, 12)),
        variant_mm=float(rng.uniform(3, 7) * rng.choice([-1, 1])),
        noise=Noise.sample(rng),
    )
