"""Findings at the joints: what a reader must see, and what must not be taken for it.

Sizes, depths and brightness: simulator notes (measured on patients); where each pattern lies:
clinical specification, section 6.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from asemble.core.labels import Pattern
from asemble.phantom.landmarks import SIDES

Array = npt.NDArray[np.floating[Any]]


BAND_SHARE = 0.45
"""Of inflamed joints: with a thin band of oedema along much of the joint."""
IN_FOCUS = 0.6
"""Share of further lesions that lie in the wanted plane, too."""


class LesionType(StrEnum):
    """The change in the bone; the names are those of the mask files."""

    OEDEMA = "oedema"
    EROSION = "erosion"
    FAT = "fat"
    SCLEROSIS = "sclerosis"
    ANKYLOSIS = "ankylosis"


@dataclass(frozen=True, slots=True)
class Lesion:
    """Something at a joint surface.

    Args:
        kind: what causes it.
        what: oedema, sclerosis, fat or erosion.
        side: -1 right, 1 left.
        iliac: in the ilium, else in the sacrum.
        centre: mm in the scanner, in the joint space.
        radius_mm: along the joint.
        depth_mm: into the bone.
        strength: ratio of oedema to marrow; share of the effect for the others.
        channel: of the person's noise, which frays it.
        ragged: how much.
        ligamentous: behind the joint, where ligaments attach: deep to the bone's own surface.
    """

    kind: Pattern
    what: str
    side: int
    iliac: bool
    centre: tuple[float, float, float]
    radius_mm: float
    depth_mm: float
    strength: float
    channel: int
    ragged: float
    ligamentous: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Focus:
    """A plane in the scanner in which a lesion must lie.

    Args:
        point: on it, mm.
        normal: unit vector.
    """

    point: npt.NDArray[np.float64]
    normal: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """Where a finding may lie: one of some points of a joint, in one of its two bones."""

    side: int
    iliac: bool
    points: Array
    ligamentous: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a joint, in shares of its points: from front to back, and upwards."""

    front_to_back: tuple[float, float] = (0.0, 0.38)
    upwards: tuple[float, float] = (0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Stress:
    """One mechanical pattern (clinical specification, section 6).

    Args:
        name: for people.
        ilium: where in the ilium.
        sacrum: where in the sacrum.
        iliac: share of lesions that lie in the ilium.
        bilateral: share of people with both sides.
        radius_mm: along the joint.
        depth_mm: into the bone.
        sclerosis: share with triangular sclerosis of the ilium beside it.
        sclerosis_mm: its depth.
    """

    name: str
    ilium: Part = Part()
    sacrum: Part = Part()
    iliac: float = 0.4
    bilateral: float = 0.3
    radius_mm: tuple[float, float] = (5.0, 10.0)
    depth_mm: tuple[float, float] = (1.2, 4.0)
    sclerosis: float = 0.2
    sclerosis_mm: tuple[float, float] = (2.0, 5.0)

    def of_bone(self, iliac: bool) -> Part:
        """Where in that bone."""
        return self.ilium if iliac else self.sacrum


STRESSES = (
    Stress("strain", iliac=0.34, bilateral=0.25),
    Stress("osteitis condensans", iliac=0.75, bilateral=0.85, radius_mm=(5, 11),
           depth_mm=(1.5, 5.5), sclerosis=1.0, sclerosis_mm=(5, 12)),
    Stress("postpartum", ilium=Part((0.0, 0.55)), sacrum=Part((0.0, 0.55)), iliac=0.5,
           bilateral=0.5, radius_mm=(6, 15), depth_mm=(1.5, 7), sclerosis=0.35),
    Stress("athlete", ilium=Part((0.5, 1.0), (0.0, 0.5)), sacrum=Part((0.0, 0.4), (0.5, 1.0)),
           iliac=0.65, bilateral=0.5),
    Stress("degeneration", ilium=Part((0.0, 0.5), (0.4, 1.0)),
           sacrum=Part((0.0, 0.5), (0.4, 1.0)), iliac=0.5, bilateral=0.35,
           radius_mm=(4, 8), depth_mm=(1.2, 3), sclerosis=0.6),
)  # fmt: skip
"""What loads a joint, each as likely as the others."""

LIGAMENTOUS_SHARE = 0.13
"""Of inflammatory lesions, those behind the joint."""


def sample_findings(
    rng: np.random.Generator,
    pattern: Pattern,
    joints: Sequence[Array],
    *,
    ligaments: Sequence[Array],
    sclerosis_mm: tuple[float, float],
    focus: Focus | None = None,
) -> list[Lesion]:
    """Findings of one person.

    Args:
        rng: of everything.
        pattern: what the person shows.
        joints: points of the right and of the left joint space, mm in the scanner.
        ligaments: the same, of the places behind the joints.
        sclerosis_mm: depth of sclerosis that means nothing, right and left; 0 for none.
        focus: where one lesion must lie.
    """
    made: list[Lesion] = []
    u = rng.uniform
    for side, points, depth in zip(SIDES, joints, sclerosis_mm, strict=True):
        for _ in range(int(rng.integers(1, 4)) if depth else 0):
            place = _Place(side, rng.random() < 0.75, points)
            made.append(
                _finding(
                    rng,
                    Pattern.NORMAL,
                    "sclerosis",
                    place,
                    radius=u(8, 24),
                    depth=depth,
                    strength=u(0.4, 0.9),
                )
            )
        if rng.random() < 0.12:
            place = _Place(side, rng.random() < 0.5, points)
            made.append(
                _finding(
                    rng,
                    Pattern.NORMAL,
                    "fat",
                    place,
                    radius=u(5, 16),
                    depth=u(2, 10),
                    strength=u(0.4, 1),
                )
            )
        for _ in range(int(rng.poisson(0.3))):
            place = _Place(side, rng.random() < 0.7, points)
            made.append(
                _finding(
                    rng,
                    Pattern.NORMAL,
                    "erosion",
                    place,
                    radius=u(1, 2),
                    depth=u(1, 2),
                    strength=u(0.4, 1),
                )
            )
    if pattern is Pattern.INFLAMMATORY:
        made += _inflammatory(rng, joints, ligaments, focus)
    elif pattern is Pattern.MECHANICAL:
        made += _mechanical(rng, joints, focus)
    return made


def _inflammatory(
    rng: np.random.Generator,
    joints: Sequence[Array],
    ligaments: Sequence[Array],
    focus: Focus | None,
) -> list[Lesion]:
    """Anywhere along the joint, also behind; thin or deep, one bone or both; erosions beside."""
    sides = (0, 1) if rng.random() < 0.65 else (int(rng.integers(2)),)
    base = float(np.exp(rng.normal(np.log(1.9), 0.28)))
    made: list[Lesion] = []
    for index in sides:
        for _ in range(int(rng.integers(1, 6))):
            here = focus if not made or rng.random() < IN_FOCUS else None
            behind = rng.random() < LIGAMENTOUS_SHARE and len(ligaments[index]) > 20
            at = _point(rng, ligaments[index] if behind else joints[index], here)[None]
            kind = rng.random()
            span = (1.2, 3.0) if kind < 0.42 else (2.0, 5.5) if kind < 0.77 else (4.0, 16.0)
            depth = rng.uniform(*span)
            radius = max(float(np.exp(rng.uniform(np.log(4.5), np.log(22)))), 0.8 * depth)
            strength = float(np.clip(base * np.exp(rng.normal(0, 0.17)), 1.3, 4.5))
            which = rng.random()
            bones = (True,) if which < 0.4 else (False,) if which < 0.75 else (True, False)
            for iliac in bones:
                place = _Place(SIDES[index], iliac, at, behind)
                made += _inflamed(rng, place, radius=radius, depth=depth, strength=strength)
        if rng.random() < BAND_SHARE:
            here = focus if rng.random() < IN_FOCUS else None
            at = _point(rng, joints[index], here)[None]
            made += _bands(rng, SIDES[index], at, strength=base)
    return made


def _bands(rng: np.random.Generator, side: int, points: Array, *, strength: float) -> list[Lesion]:
    """Thin, broken oedema along much of a joint, as many masks of real patients show it."""
    u, which = rng.uniform, rng.random()
    return [
        _finding(
            rng,
            Pattern.INFLAMMATORY,
            "oedema",
            _Place(side, iliac, points),
            radius=u(14, 38),
            depth=u(1.2, 4.0),
            strength=float(np.clip(strength * np.exp(rng.normal(-0.1, 0.17)), 1.25, 4.5)),
            ragged=u(0.8, 2.2),
        )
        for iliac in ((True,) if which < 0.4 else (False,) if which < 0.75 else (True, False))
    ]


def _inflamed(
    rng: np.random.Generator, place: _Place, *, radius: float, depth: float, strength: float
) -> list[Lesion]:
    """Oedema in one bone, with the erosions and the sclerosis that may go with it."""
    u, cause = rng.uniform, Pattern.INFLAMMATORY
    made = [
        _finding(
            rng,
            cause,
            "oedema",
            place,
            radius=radius * u(0.8, 1.2),
            depth=depth * u(0.7, 1.3),
            strength=strength,
            ragged=u(0.2, 0.8),
        )
    ]
    for _ in range(int(rng.integers(1, 4)) if rng.random() < 0.4 else 0):
        at = place.points + rng.normal(0, radius / 3, 3)
        beside = _Place(place.side, place.iliac, at, place.ligamentous)
        made.append(
            _finding(
                rng,
                cause,
                "erosion",
                beside,
                radius=u(1.2, 3.5),
                depth=u(1.2, 3.5),
                strength=u(0.5, 1),
            )
        )
    if rng.random() < 0.5:
        at = place.points + rng.normal(0, 4, 3)
        beside = _Place(place.side, place.iliac, at, place.ligamentous)
        made.append(
            _finding(
                rng, cause, "sclerosis", beside, radius=radius, depth=u(1, 4), strength=u(0.4, 0.9)
            )
        )
    return made


def _mechanical(
    rng: np.random.Generator, joints: Sequence[Array], focus: Focus | None
) -> list[Lesion]:
    """One of the five kinds of stress: small, mostly in front; no erosions."""
    u, cause = rng.uniform, Pattern.MECHANICAL
    stress = STRESSES[rng.integers(len(STRESSES))]
    sides = (0, 1) if rng.random() < stress.bilateral else (int(rng.integers(2)),)
    depth, radius = u(*stress.depth_mm), u(*stress.radius_mm)
    strength = float(np.clip(np.exp(rng.normal(np.log(1.75), 0.2)), 1.3, 2.8))
    condensing = rng.random() < stress.sclerosis
    made: list[Lesion] = []
    for index in sides:
        for _ in range(int(rng.integers(1, 3))):
            iliac = rng.random() < stress.iliac
            at = _point(rng, part_of(joints[index], stress.of_bone(iliac)), focus)[None]
            place = _Place(SIDES[index], iliac, at)
            made.append(
                _finding(
                    rng,
                    cause,
                    "oedema",
                    place,
                    radius=radius * u(0.8, 1.2),
                    depth=depth * u(0.8, 1.2),
                    strength=strength,
                    ragged=u(0.1, 0.5),
                )
            )
            if condensing:
                made.append(
                    _finding(
                        rng,
                        cause,
                        "sclerosis",
                        _Place(SIDES[index], True, at),
                        radius=u(9, 20),
                        depth=u(*stress.sclerosis_mm),
                        strength=u(0.6, 1),
                    )
                )
    return made


def part_of(points: Array, part: Part) -> Array:
    """The points of a joint within quantiles from front to back and from below to above."""
    kept = np.ones(len(points), bool)
    for axis, (low, high) in ((1, part.front_to_back), (2, part.upwards)):
        at = points[:, axis]
        kept &= (at >= np.quantile(at, low)) & (at <= np.quantile(at, high))
    return points[kept] if kept.sum() > 5 else points


def sample_ankylosis(rng: np.random.Generator, joints: Sequence[Array]) -> list[Lesion]:
    """Bone across a part of one joint or both."""
    u = rng.uniform
    return [
        _finding(
            rng,
            Pattern.INFLAMMATORY,
            "ankylosis",
            _Place(side, False, points),
            radius=u(6, 16),
            depth=3.0,
            strength=u(0.8, 1),
        )
        for side, points in zip(SIDES, joints, strict=True)
        if rng.random() < 0.75
    ]


def _point(rng: np.random.Generator, points: Array, focus: Focus | None) -> Array:
    """A point of a joint; on the plane of `focus` where the joint meets it."""
    if focus is not None:
        away = np.abs((points - focus.point) @ focus.normal)
        near = points[away < 2.5]
        if len(near):
            return np.asarray(near[rng.integers(len(near))])
    return np.asarray(points[rng.integers(len(points))])


def _finding(
    rng: np.random.Generator,
    kind: Pattern,
    what: str,
    place: _Place,
    *,
    radius: float,
    depth: float,
    strength: float,
    ragged: float = 0.4,
) -> Lesion:
    x, y, z = place.points[rng.integers(len(place.points))]
    return Lesion(
        kind=kind,
        what=what,
        side=place.side,
        iliac=bool(place.iliac),
        centre=(float(x), float(y), float(z)),
        radius_mm=float(radius),
        depth_mm=float(depth),
        strength=float(strength),
        channel=int(rng.integers(4)),
        ragged=float(ragged),
        ligamentous=place.ligamentous,
    )
