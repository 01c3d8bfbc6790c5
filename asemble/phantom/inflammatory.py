"""Inflammatory lesions: bone marrow oedema, and what the course of the disease adds to it.

Sizes, depths and brightness of bone marrow oedema are those measured on real STIR of eight axSpA
patients. Lesions of the joint are equally likely at every position of it, so that a slice's place
in the stack says nothing about its label.
"""

from dataclasses import dataclass, replace

import numpy as np

from asemble.core.labels import Pattern
from asemble.phantom.anatomy import JOINT_DEPTH_MM, Anatomy
from asemble.phantom.lesions import Lesion, LesionType, place_on_joint

SIDES = ((True, False), (False,), (True,))
"""Sacral sides of an area of oedema: both, iliac, sacral."""
SIDE_SHARES = (0.25, 0.40, 0.35)
RATIO_MEDIAN = 1.9
"""Median brightness of oedema relative to normal marrow."""
LESION_SPREAD, CASE_SPREAD = 0.20, 0.26
"""Standard deviations of log brightness within and between patients; together the 0.33 measured."""


@dataclass(frozen=True, slots=True)
class Stage:
    """How often an area of oedema comes with a structural lesion.

    Args:
        erosion: share of areas.
        fat: share of areas.
        backfill: share of areas.
        sclerosis: share of areas.
    """

    erosion: float
    fat: float
    backfill: float
    sclerosis: float


STAGES = (
    Stage(erosion=0.15, fat=0.0, backfill=0.0, sclerosis=0.1),
    Stage(erosion=0.5, fat=0.1, backfill=0.0, sclerosis=0.5),
    Stage(erosion=0.5, fat=0.6, backfill=0.4, sclerosis=0.3),
)
"""Early, active, and after long inflammation; together erosion accompanies 40% of areas."""


def inflammatory_lesions(
    rng: np.random.Generator, anatomy: Anatomy, *, ankylosis: float, joint_line: bool = True
) -> list[Lesion]:
    """The lesions of one inflammatory case.

    Args:
        rng: source of chance.
        anatomy: on which they lie.
        ankylosis: how likely part of a joint is fused.
        joint_line: whether the joint space beside an area of oedema may be bright too.
    """
    stage = STAGES[rng.integers(len(STAGES))]
    florid = rng.random() < 0.2  # oedema on nearly every slice, as in two of eight real scans
    areas = int(rng.integers(8, 15) if florid else rng.integers(2, 8))
    one_sided = rng.random() < 0.25
    first_side = bool(rng.random() < 0.5)
    brightness = sample_case_brightness(rng)
    lesions: list[Lesion] = []
    for _ in range(areas):
        left = first_side if one_sided else bool(rng.random() < 0.5)
        lesions += _area(rng, anatomy, stage, left=left, brightness=brightness, wide=florid)
    if rng.random() < 0.15:
        lesions.append(_capsulitis(rng, anatomy, first_side))
    if rng.random() < ankylosis:
        lesions += [_ankylosis(rng, anatomy, left) for left in (False, True)]
    if not joint_line:
        lesions = [replace(lesion, across=False) for lesion in lesions]
    return lesions


def sample_case_brightness(rng: np.random.Generator) -> float:
    """How bright oedema is in one patient, relative to the median of all."""
    return float(np.exp(rng.normal(0, CASE_SPREAD)))


def sample_oedema_ratio(rng: np.random.Generator, brightness: float) -> float:
    """Brightness of oedema relative to normal marrow: log-normal, median 1.9, measured."""
    ratio = RATIO_MEDIAN * brightness * np.exp(rng.normal(0, LESION_SPREAD))
    return float(np.clip(ratio, 1.3, 4.5))


def sample_oedema_depth_mm(rng: np.random.Generator) -> float:
    """Depth of oedema: mostly a thin subchondral band, measured."""
    low, high = ((1.0, 3.0), (2.0, 5.0), (4.0, 15.0))[rng.choice(3, p=[0.45, 0.35, 0.20])]
    return float(rng.uniform(low, high))


def sample_oedema_area_mm2(rng: np.random.Generator) -> float:
    """Area of oedema in its largest slice: median 100, 10th to 90th percentile 25 to 500."""
    return float(np.clip(np.exp(rng.normal(np.log(100), 1.2)), 15, 1400))


def _area(
    rng: np.random.Generator,
    anatomy: Anatomy,
    stage: Stage,
    *,
    left: bool,
    brightness: float,
    wide: bool,
) -> list[Lesion]:
    """One area of oedema with the structural lesions beside it."""
    ligamentous = rng.random() < 0.12
    v, w = place_on_joint(rng, anatomy, front=-1.0, back=1.0)
    if ligamentous:
        v, w = float(rng.uniform(-5, 30)), float(rng.uniform(0.9, 1.5) * JOINT_DEPTH_MM)
    depth, area = sample_oedema_depth_mm(rng), sample_oedema_area_mm2(rng)
    half_v = float(np.clip(2 * area / (np.pi * depth), max(3.0, 0.8 * depth), 32.0))
    half_w = float(rng.uniform(7.0, 18.0) if wide else rng.uniform(4.0, 12.0))
    ratio = sample_oedema_ratio(rng, brightness)
    start = float(rng.uniform(0.5, 3.0)) if rng.random() < 0.25 else 0.0
    lesions = [
        Lesion(
            LesionType.OEDEMA, Pattern.INFLAMMATORY, left, sacral, v, w, half_v, half_w,
            start, start + depth, ratio * float(rng.uniform(0.9, 1.1)),
            across=bool(rng.random() < 0.25) and not ligamentous,
            ragged=float(rng.uniform(0.2, 0.6)), texture=int(rng.integers(16)),
            ligamentous=ligamentous,
        )
        for sacral in SIDES[rng.choice(3, p=SIDE_SHARES)]
    ]  # fmt: skip
    if ligamentous:
        return lesions
    if rng.random() < stage.erosion:
        lesions.append(_erosion(rng, left, v, w, half_v))
    if rng.random() < stage.fat:
        lesions.append(_fat(rng, left, v, w))
    if rng.random() < stage.backfill:
        lesions.append(_backfill(rng, left, v, w))
    if rng.random() < stage.sclerosis:
        lesions.append(_sclerosis(rng, left, v, w, half_v))
    return lesions


def _erosion(rng: np.random.Generator, left: bool, v: float, w: float, half_v: float) -> Lesion:
    return Lesion(
        LesionType.EROSION, Pattern.INFLAMMATORY, left, bool(rng.random() < 0.3),
        v + float(rng.uniform(-0.6, 0.6) * half_v), w + float(rng.normal(0, 2)),
        float(rng.uniform(1.5, 4.5)), float(rng.uniform(2, 5)), 0.0,
        float(rng.uniform(1.0, 3.5)), float(rng.uniform(0.7, 2.6)), across=True, ragged=0.5,
        texture=int(rng.integers(16)),
    )  # fmt: skip


def _fat(rng: np.random.Generator, left: bool, v: float, w: float) -> Lesion:
    return Lesion(
        LesionType.FAT, Pattern.INFLAMMATORY, left, bool(rng.random() < 0.6),
        v + float(rng.normal(0, 6)), w + float(rng.normal(0, 5)),
        float(rng.uniform(5, 16)), float(rng.uniform(4, 10)), 0.0,
        float(rng.uniform(4, 14)), float(rng.uniform(0.4, 0.75)), ragged=0.15,
        texture=int(rng.integers(16)),
    )  # fmt: skip


def _backfill(rng: np.random.Generator, left: bool, v: float, w: float) -> Lesion:
    """Fat that fills an excavated joint space."""
    return Lesion(
        LesionType.BACKFILL, Pattern.INFLAMMATORY, left, bool(rng.random() < 0.4),
        v + float(rng.normal(0, 5)), w + float(rng.normal(0, 3)),
        float(rng.uniform(4, 12)), float(rng.uniform(3, 8)), 0.0,
        float(rng.uniform(1.5, 4)), float(rng.uniform(0.4, 0.8)), across=True, ragged=0.5,
        texture=int(rng.integers(16)),
    )  # fmt: skip


def _sclerosis(rng: np.random.Generator, left: bool, v: float, w: float, half_v: float) -> Lesion:
    """Dark bone beneath thin oedema, mostly iliac."""
    return Lesion(
        LesionType.SCLEROSIS, Pattern.INFLAMMATORY, left, bool(rng.random() < 0.25),
        v + float(rng.normal(0, 3)), w, half_v * float(rng.uniform(0.7, 1.3)),
        float(rng.uniform(5, 14)), 0.0, float(rng.uniform(2, 8)),
        float(rng.uniform(0.3, 0.65)), texture=int(rng.integers(16)),
    )  # fmt: skip


def _capsulitis(rng: np.random.Generator, anatomy: Anatomy, left: bool) -> Lesion:
    """A bright band along the capsule at the rim of the joint; no bone marrow oedema."""
    v, w = place_on_joint(rng, anatomy, front=-1.0, back=-0.7)
    return Lesion(
        LesionType.CAPSULITIS, Pattern.INFLAMMATORY, left, False, v, w,
        float(rng.uniform(8, 25)), float(rng.uniform(4, 9)), 0.0, float(rng.uniform(1, 3)),
        float(rng.uniform(1.6, 3.5)), texture=int(rng.integers(16)),
    )  # fmt: skip


def _ankylosis(rng: np.random.Generator, anatomy: Anatomy, left: bool) -> Lesion:
    """Marrow that bridges the joint: 3 to 30 mm, cortices erased."""
    v, w = place_on_joint(rng, anatomy, front=-0.9, back=0.9)
    return Lesion(
        LesionType.ANKYLOSIS, Pattern.INFLAMMATORY, left, False, v, w,
        float(rng.uniform(3, 15)), float(rng.uniform(3, 15)), 0.0, float(rng.uniform(1.5, 4)),
        float(rng.uniform(0.75, 1.0)), texture=int(rng.integers(16)),
    )  # fmt: skip
