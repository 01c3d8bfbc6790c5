"""What a lesion is, and where on the joint surface it may lie."""

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
    BACKFILL = "backfill"
    ANKYLOSIS = "ankylosis"
    CAPSULITIS = "capsulitis"


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
        ligamentous: on the bone behind the joint, where ligaments attach.
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
    ligamentous: bool = False

    def profile(self, v: Field, w: Field) -> Field:
        """0 outside the lens to 1 at its centre, along the surface."""
        reach = ((v - self.v_mm) / self.half_v_mm) ** 2 + ((w - self.w_mm) / self.half_w_mm) ** 2
        height: Field = np.sqrt(np.maximum(1 - reach, 0))
        return height


PAINTING_ORDER = (
    LesionType.SCLEROSIS,
    LesionType.FAT,
    LesionType.ANKYLOSIS,
    LesionType.OEDEMA,
    LesionType.BACKFILL,
    LesionType.EROSION,
    LesionType.CAPSULITIS,
)
"""Later ones lie over earlier ones."""


def background_sclerosis(rng: np.random.Generator, anatomy: Anatomy) -> list[Lesion]:
    """A dark line of 1 to 4 mm along about 60% of joints, whatever the class."""
    lesions = []
    for left in (False, True):
        if rng.random() < 0.6:
            v, w = place_on_joint(rng, anatomy, front=-0.8, back=0.8)
            lesions.append(
                Lesion(
                    LesionType.SCLEROSIS, Pattern.NORMAL, left, bool(rng.random() < 0.25), v, w,
                    float(rng.uniform(10, 35)), float(rng.uniform(8, 30)), 0.0,
                    float(rng.uniform(1, 4)), float(rng.uniform(0.3, 0.7)),
                    texture=int(rng.integers(16)),
                )
            )  # fmt: skip
    return lesions


def place_on_joint(
    rng: np.random.Generator, anatomy: Anatomy, *, front: float, back: float
) -> tuple[float, float]:
    """A point of the joint surface: uniform in depth between two shares of it, then in height."""
    w = float(rng.uniform(front, back) * JOINT_DEPTH_MM * anatomy.scale[2])
    top, bottom = anatomy.joint_ends(np.float32(w))  # type: ignore[arg-type]
    return float(rng.uniform(float(bottom), float(top))), w
