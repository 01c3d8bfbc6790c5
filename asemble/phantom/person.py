"""One simulated person: real bones, and what lies around them, in the frame of the pelvis.

Bones come from `pelvis`; everything else is placed by them. Ranges are those of the simulator
notes, which carried over to real scans.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from asemble.core.labels import Pattern
from asemble.phantom.findings import Focus, Lesion, sample_ankylosis, sample_findings
from asemble.phantom.landmarks import Landmarks, landmarks_of_seed
from asemble.phantom.lattice import Lattice, lattice
from asemble.phantom.pelvis import USUAL_SPREAD
from asemble.phantom.tubes import Balls, sample_tubes

Array = npt.NDArray[np.floating[Any]]

POOL = 48
"""Pelvises that training draws from; affine scaling and bending make them thousands."""


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """Everything that a slice of one person shows.

    Args:
        pattern: of the person as a whole.
        land: bones.
        affine: `(3, 3)` from mm in the scanner to mm in the pelvis.
        bend: three channels, in units of `bend_mm`.
        noise: four channels at 9 mm, for lesions and islands.
        broad: four channels at 26 mm, for borders of soft tissue.
        balls: vessels, bowel, nerves, in painting order.
        lesions: at the joints.
        n: named numbers (mm, shares) of the soft tissue.
    """

    pattern: Pattern
    land: Landmarks
    affine: npt.NDArray[np.float64]
    bend: Lattice
    noise: Lattice
    broad: Lattice
    balls: tuple[Balls, ...]
    lesions: tuple[Lesion, ...]
    n: dict[str, float]

    def to_scanner(self, points: Array) -> npt.NDArray[np.float64]:
        """The way back, good to a fraction of a millimetre."""
        inverse = np.linalg.inv(self.affine)
        guess = points @ inverse.T
        bent = np.moveaxis(self.bend.at(guess), 0, -1) * self.n["bend_mm"]
        return np.asarray((points - bent) @ inverse.T, dtype=np.float64)


def sample_person(
    rng: np.random.Generator,
    pattern: Pattern,
    *,
    seed: int | None = None,
    spread: float = USUAL_SPREAD,
    focus: Focus | None = None,
    ankylosed: bool = False,
) -> Person:
    """Draw one person.

    Args:
        rng: of everything.
        pattern: what the person shows.
        seed: of the pelvis; None draws one of the pool.
        spread: of the weights of the shape model.
        focus: where one lesion must lie, so that a slice to train on has one.
        ankylosed: whether marrow crosses a part of a joint.
    """
    land = landmarks_of_seed(int(rng.integers(POOL)) if seed is None else seed, spread)
    n = _numbers(rng)
    affine = _affine(rng)
    bend = lattice(rng, 58.0, 3, 8)
    person = Person(
        pattern,
        land,
        affine,
        bend,
        lattice(rng, 9.0, 4, 18),
        lattice(rng, 26.0, 4, 10),
        (),
        (),
        n,
    )
    # The pelvis may be mirrored: right and left are those of the scanner.
    turn = 1 if affine[0, 0] > 0 else -1
    joints = [person.to_scanner(points[::3]) for points in land.joint[::turn]]
    ligaments = [person.to_scanner(points) for points in land.ligament[::turn]]
    sclerosis_mm = (n["sclerosis_right"], n["sclerosis_left"])
    lesions = sample_findings(
        rng, pattern, joints, ligaments=ligaments, sclerosis_mm=sclerosis_mm, focus=focus
    )
    if ankylosed:
        lesions += sample_ankylosis(rng, joints)
    return Person(
        pattern,
        land,
        affine,
        bend,
        person.noise,
        person.broad,
        tuple(_placed(sample_tubes(rng, land, n), person)),
        tuple(lesions),
        n,
    )


def _placed(balls: list[Balls], person: Person) -> list[Balls]:
    """Balls with their centres in the scanner."""
    centres = person.to_scanner(np.concatenate([one.centres for one in balls]))
    ends = np.cumsum([len(one.centres) for one in balls])[:-1]
    return [
        replace(one, centres=placed)
        for one, placed in zip(balls, np.split(centres, ends), strict=True)
    ]


def _numbers(rng: np.random.Generator) -> dict[str, float]:
    u = rng.uniform
    return {
        "bend_mm": float(u(1, 5)),
        "gap_mm": float(u(0.5, 2.4)),
        "gap_side": float(u(-0.5, 0.5)),
        "cortex_mm": float(u(0.7, 1.5)),
        "skin_y": float(u(66, 104)),
        "skin_flat": float(u(110, 260)),
        "buttock": float(u(10, 34)),
        "cleft": float(u(6, 22)),
        "fat_mm": float(np.exp(u(np.log(9), np.log(38)))),
        "iliacus_mm": float(u(9, 22)),
        "psoas": float(u(0.8, 1.2)),
        "psoas_x": float(u(36, 44)),
        "glut_mm": float(u(9, 16)),
        "piriformis": float(u(0.75, 1.25)),
        "obturator_mm": float(u(5, 11)),
        "multifidus_low": float(u(-62, -30)),
        "multifidus_fat": float(rng.beta(1.2, 2.5)),
        "ligament": float(u(0.2, 1.0)),
        "l5_width": float(u(23, 28)),
        "l5_depth": float(u(15, 19)),
        "l5_height": float(u(23, 30)),
        "disc_mm": float(u(5, 13)),
        "wedge": float(u(0, 0.25)),
        "canal": float(u(0.8, 1.25)),
        "sac_end": float(u(-22, 12)),
        "s1s2_disc": float(u(0, 1)) if rng.random() < 0.75 else 0.0,
        "foramen": float(u(0.8, 1.35)),
        "islands": float(u(0.3, 1.0)) if rng.random() < 0.45 else 0.0,
        "fluid": float(u(0.4, 1)) if rng.random() < 0.3 else 0.0,
        "modic": float(u(0.4, 1)) if rng.random() < 0.3 else 0.0,
        "facet": float(u(0.4, 1)) if rng.random() < 0.3 else 0.0,
        "vein_rim": float(u(0.2, 1)) if rng.random() < 0.35 else 0.0,
        "pelvic_fat": float(u(0.4, 1.0)),
        "peritoneum": float(u(-30, 30)),
        "sclerosis_right": float(u(1, 4)) if rng.random() < 0.6 else 0.0,
        "sclerosis_left": float(u(1, 4)) if rng.random() < 0.6 else 0.0,
        "fibre": float(np.exp(u(np.log(0.04), np.log(0.26)))),
        "fibre_px": float(u(1.3, 3.2)),
        "muscle_fat": float(rng.beta(1.0, 3.0)),
        "belly": float(u(0, 1)) if rng.random() < 0.7 else 0.0,
        "fascia": float(u(0.1, 0.8)),
        "weave": float(u(0.02, 0.2)),
        "weave_slope": float(u(-0.9, 0.4)),
        "fine": float(u(0.02, 0.1)),
        "mesentery": float(u(0.0, 0.7)),
        "fan_x": float(u(-70, 15)),
        "fan_v": float(u(30, 130)),
    }


def _affine(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    # The model's people lie with the sacrum flatter than in the scanner: 14 degrees bring it to the
    # 25-51 degrees of tilt that real semicoronal stacks have.
    turns = np.radians(rng.normal((14.0, 0, 0), (5.0, 2.5, 2.5)))
    matrix = np.diag(1 / rng.uniform(0.88, 1.14, 3))
    if rng.random() < 0.5:
        matrix[0] *= -1  # a mirrored pelvis is another pelvis; sides are told by x afterwards
    for axis, turn in enumerate(turns):
        c, s = np.cos(turn), np.sin(turn)
        i, j = [k for k in range(3) if k != axis]
        r = np.eye(3)
        r[i, i] = r[j, j] = c
        r[i, j], r[j, i] = -s, s
        matrix = matrix @ r
    return matrix
