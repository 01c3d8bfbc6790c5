"""Lesions beside the joint: which, where, how large, how bright, by the cause of the pain.

Sizes, depths and brightness of bone marrow oedema are those measured on real STIR of eight axSpA
patients; topography of the mechanical patterns is the clinical specification's, section 6.
Inflammatory lesions are equally likely at every position of the joint, so that a slice's place in
the stack says nothing about its label.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from asemble.core.labels import Pattern
from asemble.phantom.anatomy import JOINT_DEPTH_MM, Anatomy
from asemble.phantom.noise import Field


class LesionType(StrEnum):
    """The change in the bone; the names are those of the mask files."""

    OEDEMA = "oedema"
    EROSION = "erosion"
    FAT = "fat"
    SCLEROSIS = "sclerosis"


@dataclass(frozen=True, slots=True)
class Lesion:
    """A lens of changed bone that lies on the joint surface.

    Args:
        type: what changed.
        cause: `normal` for findings that healthy people have too.
        left: which joint.
        sacral: the sacral side, else the iliac.
        v_mm, w_mm: centre on the joint surface.
        half_v_mm, half_w_mm: half-extent along the surface.
        start_mm, depth_mm: from and to how deep, at the centre; both thin out to the rim.
        ratio: STIR signal relative to the marrow around it.
        across: whether the joint space beside it is bright too.
        ragged: amplitude of the noise on its depth, 0 to 1.
        texture: which noise.
    """

    type: LesionType
    cause: Pattern
    left: bool
    sacral: bool
    v_mm: float
    w_mm: float
    half_v_mm: float
    half_w_mm: float
    start_mm: float
    depth_mm: float
    ratio: float
    across: bool = False
    ragged: float = 0.35
    texture: int = 0

    def profile(self, v: Field, w: Field) -> Field:
        """0 outside the lens to 1 at its centre, along the surface."""
        reach = ((v - self.v_mm) / self.half_v_mm) ** 2 + ((w - self.w_mm) / self.half_w_mm) ** 2
        height: Field = np.sqrt(np.maximum(1 - reach, 0))
        return height


def sample_lesions(rng: np.random.Generator, kind: Pattern, anatomy: Anatomy) -> tuple[Lesion, ...]:
    """Draw the lesions of one case, in the order in which they are painted."""
    lesions = _background_sclerosis(rng, anatomy)
    if kind is Pattern.INFLAMMATORY:
        lesions += _inflammatory(rng, anatomy)
    elif kind is Pattern.MECHANICAL:
        pattern = rng.choice(["strain", "condensans", "degenerative"])
        lesions += {
            "strain": _strain,
            "condensans": _osteitis_condensans,
            "degenerative": _degenerative,
        }[str(pattern)](rng, anatomy)
    order = [LesionType.SCLEROSIS, LesionType.FAT, LesionType.OEDEMA, LesionType.EROSION]
    return tuple(sorted(lesions, key=lambda lesion: order.index(lesion.type)))


def sample_oedema_ratio(rng: np.random.Generator) -> float:
    """Brightness of oedema relative to normal marrow: log-normal, median 1.9, measured."""
    return float(np.clip(np.exp(rng.normal(np.log(1.9), 0.33)), 1.3, 4.5))


def sample_oedema_depth_mm(rng: np.random.Generator) -> float:
    """Depth of oedema: mostly a thin subchondral band, measured."""
    low, high = ((1.0, 3.0), (2.0, 5.0), (4.0, 15.0))[rng.choice(3, p=[0.45, 0.35, 0.20])]
    return float(rng.uniform(low, high))


def sample_oedema_area_mm2(rng: np.random.Generator) -> float:
    """Area of oedema in its largest slice: median 100, 10th to 90th percentile 25 to 500."""
    return float(np.clip(np.exp(rng.normal(np.log(100), 1.2)), 15, 1400))


def _inflammatory(rng: np.random.Generator, anatomy: Anatomy) -> list[Lesion]:
    lesions: list[Lesion] = []
    one_sided = rng.random() < 0.25
    first_side = bool(rng.random() < 0.5)
    for _ in range(int(rng.integers(2, 8))):
        left = first_side if one_sided else bool(rng.random() < 0.5)
        v, w = _place(rng, anatomy, front=-1.0, back=1.0)
        depth, area = sample_oedema_depth_mm(rng), sample_oedema_area_mm2(rng)
        half_v = float(np.clip(2 * area / (np.pi * depth), max(3.0, 0.8 * depth), 26.0))
        half_w = float(rng.uniform(4.0, 12.0))
        ratio = sample_oedema_ratio(rng)
        start = float(rng.uniform(0.5, 3.0)) if rng.random() < 0.25 else 0.0
        for sacral in ((True, False), (False,), (True,))[rng.choice(3, p=[0.25, 0.40, 0.35])]:
            lesions.append(
                Lesion(
                    LesionType.OEDEMA, Pattern.INFLAMMATORY, left, sacral, v, w, half_v, half_w,
                    start, start + depth, ratio * float(rng.uniform(0.9, 1.1)),
                    across=bool(rng.random() < 0.25), texture=int(rng.integers(16)),
                )
            )  # fmt: skip
        if rng.random() < 0.40:
            lesions.append(_erosion(rng, left, v, w, half_v))
        if rng.random() < 0.25:
            lesions.append(
                Lesion(
                    LesionType.FAT, Pattern.INFLAMMATORY, left, bool(rng.random() < 0.6),
                    v + float(rng.normal(0, 6)), w + float(rng.normal(0, 5)),
                    float(rng.uniform(5, 16)), float(rng.uniform(4, 10)), 0.0,
                    float(rng.uniform(4, 14)), float(rng.uniform(0.4, 0.75)), ragged=0.15,
                    texture=int(rng.integers(16)),
                )
            )  # fmt: skip
    return lesions


def _erosion(rng: np.random.Generator, left: bool, v: float, w: float, half_v: float) -> Lesion:
    return Lesion(
        LesionType.EROSION, Pattern.INFLAMMATORY, left, bool(rng.random() < 0.3),
        v + float(rng.uniform(-0.6, 0.6) * half_v), w + float(rng.normal(0, 2)),
        float(rng.uniform(1.5, 4.5)), float(rng.uniform(2, 5)), 0.0,
        float(rng.uniform(1.0, 3.5)), float(rng.uniform(0.7, 2.6)), across=True, ragged=0.5,
        texture=int(rng.integers(16)),
    )  # fmt: skip


def _strain(rng: np.random.Generator, anatomy: Anatomy) -> list[Lesion]:
    """Small oedema on one or two slices, mostly in the front and middle of the sacrum."""
    lesions = []
    left = bool(rng.random() < 0.5)
    for _ in range(int(rng.integers(1, 4))):
        v, w = _place(rng, anatomy, front=-1.0, back=0.1)
        depth = float(rng.uniform(2, 8))
        lesions.append(
            Lesion(
                LesionType.OEDEMA, Pattern.MECHANICAL, left, bool(rng.random() < 0.66), v, w,
                float(rng.uniform(4, 11)), float(rng.uniform(2.5, 5.0)), 0.0, depth,
                float(np.clip(np.exp(rng.normal(np.log(1.7), 0.25)), 1.3, 3.0)),
                texture=int(rng.integers(16)),
            )
        )  # fmt: skip
    return lesions


def _osteitis_condensans(rng: np.random.Generator, anatomy: Anatomy) -> list[Lesion]:
    """Triangular iliac sclerosis in front, on both sides as a rule, with a rim of oedema."""
    lesions = []
    for left in (False, True) if rng.random() < 0.8 else (bool(rng.random() < 0.5),):
        v, w = _place(rng, anatomy, front=-1.0, back=-0.2)
        half_v, half_w = float(rng.uniform(12, 24)), float(rng.uniform(8, 16))
        depth, texture = float(rng.uniform(6, 16)), int(rng.integers(16))
        shape = (v, w, half_v, half_w)
        lesions.append(
            Lesion(
                LesionType.SCLEROSIS, Pattern.MECHANICAL, left, False, *shape, 0.0, depth,
                float(rng.uniform(0.3, 0.6)), texture=texture,
            )
        )  # fmt: skip
        lesions.append(
            Lesion(
                LesionType.OEDEMA, Pattern.MECHANICAL, left, False, *shape, depth,
                depth + float(rng.uniform(2, 5)), float(rng.uniform(1.3, 2.6)), texture=texture,
            )
        )  # fmt: skip
    return lesions


def _degenerative(rng: np.random.Generator, anatomy: Anatomy) -> list[Lesion]:
    """Little oedema high in front, beside narrow sclerosis."""
    lesions = []
    for _ in range(int(rng.integers(1, 3))):
        left = bool(rng.random() < 0.5)
        _, w = _place(rng, anatomy, front=-1.0, back=-0.3)
        top, _ = anatomy.joint_ends(np.float32(w))  # type: ignore[arg-type]
        v = float(top) - float(rng.uniform(2, 14))
        half_v, half_w = float(rng.uniform(4, 9)), float(rng.uniform(2.5, 5))
        sclerosis = float(rng.uniform(1.5, 4))
        for sacral in (True, False):
            lesions.append(
                Lesion(
                    LesionType.SCLEROSIS, Pattern.MECHANICAL, left, sacral, v, w, half_v * 1.5,
                    half_w * 1.5, 0.0, sclerosis, float(rng.uniform(0.35, 0.65)),
                )
            )  # fmt: skip
        lesions.append(
            Lesion(
                LesionType.OEDEMA, Pattern.MECHANICAL, left, bool(rng.random() < 0.5), v, w,
                half_v, half_w, sclerosis, sclerosis + float(rng.uniform(2, 5)),
                float(rng.uniform(1.3, 2.3)), texture=int(rng.integers(16)),
            )
        )  # fmt: skip
    return lesions


def _background_sclerosis(rng: np.random.Generator, anatomy: Anatomy) -> list[Lesion]:
    """A dark line of 1 to 4 mm along about 60% of joints, whatever the class."""
    lesions = []
    for left in (False, True):
        if rng.random() < 0.6:
            v, w = _place(rng, anatomy, front=-0.8, back=0.8)
            lesions.append(
                Lesion(
                    LesionType.SCLEROSIS, Pattern.NORMAL, left, bool(rng.random() < 0.25), v, w,
                    float(rng.uniform(10, 35)), float(rng.uniform(8, 30)), 0.0,
                    float(rng.uniform(1, 4)), float(rng.uniform(0.3, 0.7)),
                    texture=int(rng.integers(16)),
                )
            )  # fmt: skip
    return lesions


def _place(
    rng: np.random.Generator, anatomy: Anatomy, *, front: float, back: float
) -> tuple[float, float]:
    """A point of the joint surface: uniform in depth between two shares of it, then in height."""
    w = float(rng.uniform(front, back) * JOINT_DEPTH_MM * anatomy.scale[2])
    top, bottom = anatomy.joint_ends(np.float32(w))  # type: ignore[arg-type]
    return float(rng.uniform(float(bottom), float(top))), w
