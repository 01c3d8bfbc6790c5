"""What surrounds the joints in one case: bowel, bladder, vessels, and how muscle and discs look.

These are the distractors: bright things that are no lesion. Without them on every slice a network
trained on simulated MRI pointed at vessels and bowel of real scans.
"""

from dataclasses import dataclass

import numpy as np

from asemble.phantom.anatomy import Anatomy
from asemble.phantom.appearances import TRAINING, Ranges
from asemble.phantom.tissue import Tissue


@dataclass(frozen=True, slots=True)
class Blob:
    """An ellipsoid of one tissue.

    Args:
        centre_mm: (u, v, w).
        radii_mm: along u, v, w.
        tissue: its content.
        factor: brightness relative to that tissue.
        wall: whether a darker wall surrounds it, as in bowel.
    """

    centre_mm: tuple[float, float, float]
    radii_mm: tuple[float, float, float]
    tissue: Tissue
    factor: float
    wall: bool = False


@dataclass(frozen=True, slots=True)
class Vessel:
    """A tube along a polyline.

    Args:
        path_mm: points (u, v, w).
        radius_mm: of the tube.
        factor: brightness relative to slow blood; dark where flow is fast.
    """

    path_mm: tuple[tuple[float, float, float], ...]
    radius_mm: float
    factor: float


@dataclass(frozen=True, slots=True)
class Organs:
    """The soft tissue of one case.

    Args:
        blobs: bowel, bladder, uterus or prostate, rectum.
        vessels: iliac, gluteal, presacral.
        red_marrow: strength of red-marrow islands, 0 for none.
        modic: brightness of end-plate change at L5/S1 relative to marrow, 1 for none.
        disc_factors: brightness of the L5/S1 disc and two sacral remnants.
        facet_effusion: brightness of facet joints, 0 for none.
        septa: share of fat between muscle fibres.
        nerve_factor: brightness of nerve roots relative to muscle.
        grain: how coarse muscle and fat look, 1 as usual.
        failed_suppression: how much brighter fat is where its suppression fails.
    """

    blobs: tuple[Blob, ...]
    vessels: tuple[Vessel, ...]
    red_marrow: float
    modic: float
    disc_factors: tuple[float, float, float]
    facet_effusion: float
    septa: float
    nerve_factor: float
    grain: float
    failed_suppression: float


def sample_organs(rng: np.random.Generator, anatomy: Anatomy, ranges: Ranges = TRAINING) -> Organs:
    """Draw the soft tissue of one case."""
    return Organs(
        blobs=_sample_blobs(rng),
        vessels=_sample_vessels(rng, anatomy),
        red_marrow=float(rng.uniform(0.15, 0.7)) if rng.random() < 0.4 else 0.0,
        modic=float(rng.uniform(1.2, 2.4)) if rng.random() < 0.2 else 1.0,
        disc_factors=(
            float(rng.uniform(0.5, 1.1)),
            float(rng.uniform(0.4, 1.1)),
            float(rng.uniform(0.4, 1.1)),
        ),
        facet_effusion=float(rng.uniform(0.3, 0.9)) if rng.random() < 0.4 else 0.0,
        septa=float(rng.uniform(0.1, 0.5)),
        nerve_factor=float(rng.uniform(1.1, 2.6)),
        grain=float(np.exp(rng.uniform(np.log(0.6), np.log(2.4)))),
        failed_suppression=float(rng.uniform(*ranges.failed_suppression)),
    )


def _sample_blobs(rng: np.random.Generator) -> tuple[Blob, ...]:
    blobs = [
        Blob(
            (float(rng.normal(0, 4)), float(rng.uniform(-95, -65)), float(rng.uniform(-75, -55))),
            tuple(float(r) for r in rng.uniform((20, 15, 15), (45, 35, 35))),  # type: ignore[arg-type]
            Tissue.CSF,
            float(rng.uniform(0.6, 1.1)),
        ),
        Blob(
            (float(rng.normal(0, 10)), float(rng.uniform(-70, -35)), float(rng.uniform(-55, -38))),
            tuple(float(r) for r in rng.uniform((15, 15, 12), (35, 30, 22))),  # type: ignore[arg-type]
            Tissue.ORGAN,
            float(rng.uniform(0.7, 1.2)),
        ),
        Blob(  # the rectum, in front of the lower sacrum
            (float(rng.normal(0, 5)), float(rng.uniform(-65, -40)), float(rng.uniform(-26, -18))),
            tuple(float(r) for r in rng.uniform((9, 22, 8), (20, 40, 14))),  # type: ignore[arg-type]
            *_bowel_content(rng),
            wall=True,
        ),
    ]
    for _ in range(int(rng.integers(12, 26))):
        radius = rng.uniform(7, 19)
        blobs.append(
            Blob(
                (
                    float(rng.uniform(-75, 75)),
                    float(rng.uniform(-70, 75)),
                    float(rng.uniform(-95, -30)),
                ),
                tuple(float(radius * r) for r in rng.uniform(0.7, 1.6, 3)),  # type: ignore[arg-type]
                *_bowel_content(rng),
                wall=True,
            )
        )
    return tuple(blobs)


def _bowel_content(rng: np.random.Generator) -> tuple[Tissue, float]:
    tissue, low, high = (
        (Tissue.ORGAN, 0.6, 1.2),
        (Tissue.FLUID, 0.3, 0.8),
        (Tissue.CORTEX, 0.2, 1.5),  # gas
        (Tissue.FAT, 0.8, 1.4),
    )[rng.choice(4, p=[0.45, 0.25, 0.2, 0.1])]
    return tissue, float(rng.uniform(low, high))


def _sample_vessels(rng: np.random.Generator, anatomy: Anatomy) -> tuple[Vessel, ...]:
    vessels = []
    for side in (-1.0, 1.0):
        for offset in (0.0, 9.0):  # artery and vein: fast flow is dark, slow flow bright
            u, w = rng.normal(27, 4) - offset / 2, rng.normal(-50, 4) + offset
            factor = rng.uniform(0.15, 0.5) if rng.random() < 0.4 else rng.uniform(0.6, 1.1)
            vessels.append(
                Vessel(
                    (
                        (side * (u - 12), 80.0, w - 2),
                        (side * u, 40.0, w),
                        (side * (u + 12), 5.0, w - 4),
                        (side * (u + 26), -50.0, w - 22),
                    ),
                    float(rng.uniform(3, 6)),
                    float(factor),
                )
            )
        for _ in range(int(rng.integers(2, 7))):  # internal iliac branches along the sacrum
            u, v = rng.uniform(18, 58), rng.uniform(-35, 30)
            front = float(anatomy.front_w(np.float32(v)))  # type: ignore[arg-type]
            vessels.append(
                _branch(rng, (side * u, v, front - rng.uniform(4, 14)), rng.uniform(1.2, 3.0))
            )
        for _ in range(int(rng.integers(3, 12))):  # gluteal, around the notch and outside
            start = (side * rng.uniform(55, 95), rng.uniform(-65, 25), rng.uniform(-10, 45))
            vessels.append(_branch(rng, start, rng.uniform(0.8, 2.4)))
        for _ in range(int(rng.integers(1, 6))):  # nutrient and ligamentous veins near the joint
            start = (side * rng.uniform(30, 60), rng.uniform(-25, 35), rng.uniform(8, 34))
            vessels.append(_branch(rng, start, rng.uniform(0.6, 1.3)))
    return tuple(vessels)


def _branch(rng: np.random.Generator, start: tuple[float, float, float], radius: float) -> Vessel:
    point, direction = np.array(start), rng.normal(size=3)
    path = [point]
    for _ in range(3):
        direction = direction / np.linalg.norm(direction) + 0.6 * rng.normal(size=3)
        point = point + direction / np.linalg.norm(direction) * rng.uniform(8, 18)
        path.append(point)
    return Vessel(
        tuple((float(u), float(v), float(w)) for u, v, w in path),
        float(radius),
        float(rng.uniform(0.5, 1.1)),
    )
