"""Grey values of tissues, relative to sacral marrow: measured ratios, or drawn at random.

STIR ratios were measured on real stacks (simulator notes); T1 ratios follow the order that readers
know. A third of training slices has random values, so that networks learn shapes, not greys.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from asemble.core.labels import Weighting

Span = tuple[float, float]

FLUID: Mapping[str, Span] = {
    "fat": (0.35, 0.9),
    "pelvic fat": (0.4, 1.0),
    "marrow fat": (0.55, 0.85),
    "septum": (0.4, 1.5),
    "muscle": (0.45, 1.1),
    "cortex": (0.1, 0.35),
    "ligament": (0.15, 0.6),
    "joint": (0.3, 1.1),
    "csf": (4.0, 8.0),
    "vein": (1.8, 4.5),
    "artery": (0.1, 1.6),
    "nerve": (1.1, 3.4),
    "foramen": (0.5, 1.6),
    "disc": (0.6, 2.8),
    "annulus": (0.15, 0.6),
    "l5": (0.8, 1.2),
    "bladder": (3.5, 8.0),
    "organ": (0.9, 2.2),
    "fluid": (2.5, 6.0),
    "bowel": (0.7, 2.4),
    "stool": (0.1, 1.2),
    "gas": (0.02, 0.15),
    "wall": (0.8, 2.4),
    "skin": (0.5, 1.6),
    "sclerosis": (0.2, 0.55),
    "island": (1.15, 1.55),
    "air": (0.0, 0.0),
    "fatty": (0.4, 0.7),
}
T1: Mapping[str, Span] = {
    "fat": (1.4, 2.6),
    "pelvic fat": (1.3, 2.5),
    "marrow fat": (1.2, 1.7),
    "septum": (1.0, 2.4),
    "muscle": (0.4, 0.75),
    "cortex": (0.08, 0.3),
    "ligament": (0.2, 0.5),
    "joint": (0.3, 0.75),
    "csf": (0.2, 0.45),
    "vein": (0.25, 0.8),
    "artery": (0.08, 0.4),
    "nerve": (0.45, 0.8),
    "foramen": (1.0, 2.2),
    "disc": (0.4, 0.75),
    "annulus": (0.2, 0.5),
    "l5": (0.8, 1.15),
    "bladder": (0.25, 0.5),
    "organ": (0.4, 0.75),
    "fluid": (0.25, 0.5),
    "bowel": (0.35, 0.9),
    "stool": (0.3, 1.2),
    "gas": (0.03, 0.15),
    "wall": (0.4, 0.8),
    "skin": (0.4, 1.0),
    "sclerosis": (0.2, 0.5),
    "island": (0.6, 0.85),
    "air": (0.0, 0.0),
    "fatty": (1.4, 2.2),
}
ALWAYS_DARK = ("air", "gas", "cortex")


@dataclass(frozen=True, slots=True, eq=False)
class Contrast:
    """One sequence's grey values.

    Args:
        weighting: fluid or T1.
        values: by tissue, sacral marrow = 1.
        is_random: whether they were drawn without regard to what was measured.
    """

    weighting: Weighting
    values: Mapping[str, float]
    is_random: bool = False

    def __getitem__(self, tissue: str) -> float:
        return self.values[tissue]


def sample_contrast(
    rng: np.random.Generator, weighting: Weighting, *, is_random: bool = False
) -> Contrast:
    """Draw the grey values of one sequence."""
    table = T1 if weighting is Weighting.T1 else FLUID
    values = {name: float(rng.uniform(*span)) for name, span in table.items()}
    # Ilium beside sacrum; the two sides nearly alike.
    low, high = (0.8, 1.3) if weighting is Weighting.T1 else (0.65, 1.5)
    ilium = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    if is_random:
        for name in values:
            if name not in ALWAYS_DARK and rng.random() < 0.75:
                values[name] = float(rng.uniform(0.15, 2.2))
        ilium = float(rng.uniform(0.5, 1.6))
        if rng.random() < 0.8:
            values["cortex"] = float(rng.uniform(0.03, 0.45))
    values["sacrum"] = 1.0
    side = rng.normal(0, 0.05)
    values["right"], values["left"] = ilium * (1 + side), ilium * (1 - side)
    for name in ("gluteal", "multifidus", "psoas", "iliacus", "piriformis", "obturator"):
        values[name] = values["muscle"] * float(rng.uniform(0.85, 1.15))
    return Contrast(weighting, values, is_random)
