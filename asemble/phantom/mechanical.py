"""Mechanical patterns that mimic inflammation, by the topography of the clinical specification.

Section 6 there: strain, osteitis condensans ilii, degeneration, postpartum and athletes. Their
oedema reaches little deep and spares the ligaments; there is no erosion.
"""

from collections.abc import Callable, Mapping

import numpy as np

from asemble.core.labels import Pattern
from asemble.phantom.anatomy import Anatomy
from asemble.phantom.lesions import Lesion, LesionType, place_on_joint


def mechanical_lesions(rng: np.random.Generator, anatomy: Anatomy) -> list[Lesion]:
    """The lesions of one of the patterns, each equally likely."""
    names = list(PATTERNS_OF_STRESS)
    return PATTERNS_OF_STRESS[names[rng.integers(len(names))]](rng, anatomy)


def _ratio(rng: np.random.Generator, most: float) -> float:
    """As bright as inflammatory oedema or a little less."""
    return float(np.clip(np.exp(rng.normal(np.log(1.8), 0.28)), 1.3, most))


def _strain(rng: np.random.Generator, anatomy: Anatomy) -> list[Lesion]:
    """Small oedema on one or two slices, mostly in the front and middle of the sacrum."""
    lesions = []
    left = bool(rng.random() < 0.5)
    for _ in range(int(rng.integers(1, 4))):
        v, w = place_on_joint(rng, anatomy, front=-1.0, back=0.1)
        depth = float(rng.uniform(2, 8))
        lesions.append(
            Lesion(
                LesionType.OEDEMA, Pattern.MECHANICAL, left, bool(rng.random() < 0.66), v, w,
                float(rng.uniform(4, 11)), float(rng.uniform(2.5, 5.0)), 0.0, depth,
                _ratio(rng, 3.0),
                texture=int(rng.integers(16)),
            )
        )  # fmt: skip
    return lesions


def _osteitis_condensans(rng: np.random.Generator, anatomy: Anatomy) -> list[Lesion]:
    """Triangular iliac sclerosis in front, on both sides as a rule, with a rim of oedema."""
    lesions = []
    for left in (False, True) if rng.random() < 0.8 else (bool(rng.random() < 0.5),):
        v, w = place_on_joint(rng, anatomy, front=-1.0, back=-0.2)
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
                depth + float(rng.uniform(2, 5)), _ratio(rng, 2.8), texture=texture,
            )
        )  # fmt: skip
    return lesions


def _degenerative(rng: np.random.Generator, anatomy: Anatomy) -> list[Lesion]:
    """Little oedema high in front, beside narrow sclerosis."""
    lesions = []
    for _ in range(int(rng.integers(1, 3))):
        left = bool(rng.random() < 0.5)
        _, w = place_on_joint(rng, anatomy, front=-1.0, back=-0.3)
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
                _ratio(rng, 2.6), texture=int(rng.integers(16)),
            )
        )  # fmt: skip
    return lesions


def _postpartum(rng: np.random.Generator, anatomy: Anatomy) -> list[Lesion]:
    """Oedema in front and in the middle, on both sides, at times large; sclerosis may follow."""
    lesions = []
    for left in (False, True) if rng.random() < 0.6 else (bool(rng.random() < 0.5),):
        for _ in range(int(rng.integers(1, 4))):
            v, w = place_on_joint(rng, anatomy, front=-1.0, back=0.1)
            depth = float(rng.uniform(2, 11))
            lesions.append(
                Lesion(
                    LesionType.OEDEMA, Pattern.MECHANICAL, left, bool(rng.random() < 0.5), v, w,
                    float(rng.uniform(6, 18)), float(rng.uniform(4, 10)), 0.0, depth,
                    _ratio(rng, 3.0), texture=int(rng.integers(16)),
                )
            )  # fmt: skip
        if rng.random() < 0.4:
            v, w = place_on_joint(rng, anatomy, front=-1.0, back=-0.2)
            lesions.append(
                Lesion(
                    LesionType.SCLEROSIS, Pattern.MECHANICAL, left, False, v, w,
                    float(rng.uniform(8, 18)), float(rng.uniform(6, 12)), 0.0,
                    float(rng.uniform(4, 8)), float(rng.uniform(0.35, 0.65)),
                    texture=int(rng.integers(16)),
                )
            )  # fmt: skip
    return lesions


def _athlete(rng: np.random.Generator, anatomy: Anatomy) -> list[Lesion]:
    """Small oedema low and behind in the ilium first, then high in front in the sacrum."""
    lesions = []
    left = bool(rng.random() < 0.5)
    for _ in range(int(rng.integers(1, 4))):
        posterior = rng.random() < 0.6
        _, w = place_on_joint(
            rng, anatomy, front=0.3 if posterior else -1.0, back=0.9 if posterior else -0.3
        )
        top, bottom = (float(end) for end in anatomy.joint_ends(np.float32(w)))  # type: ignore[arg-type]
        off = float(rng.uniform(3, 16))
        side = left if rng.random() < 0.7 else not left
        lesions.append(
            Lesion(
                LesionType.OEDEMA, Pattern.MECHANICAL, side, not posterior,
                bottom + off if posterior else top - off, w, float(rng.uniform(4, 10)),
                float(rng.uniform(2.5, 6)), 0.0, float(rng.uniform(2, 7)), _ratio(rng, 2.8),
                texture=int(rng.integers(16)),
            )
        )  # fmt: skip
    return lesions


PATTERNS_OF_STRESS: Mapping[str, Callable[[np.random.Generator, Anatomy], list[Lesion]]] = {
    "strain": _strain,
    "osteitis condensans ilii": _osteitis_condensans,
    "degenerative": _degenerative,
    "postpartum": _postpartum,
    "athlete": _athlete,
}
"""By name, how each is drawn."""
