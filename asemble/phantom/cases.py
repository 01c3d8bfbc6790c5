"""One simulated person: a scene, a position in the scanner, and the series acquired of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from asemble.core.labels import Pattern, Plane, Weighting
from asemble.core.volume import Floats
from asemble.phantom.acquisition import (
    Placement,
    Scanner,
    Stack,
    acquire,
    place_stack,
    sample_placement,
    sample_scanner,
    slice_points,
)
from asemble.phantom.anatomy import sample_anatomy
from asemble.phantom.lesions import LesionType, sample_lesions
from asemble.phantom.noise import Field
from asemble.phantom.organs import sample_organs
from asemble.phantom.scene import Scene, render
from asemble.phantom.tissue import sample_appearance

LABEL_AREA_MM2 = 12.0
"""A slice carries its case's label from this area of oedema on: four voxels or so."""

LesionKey = tuple[LesionType, Pattern]


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One simulated person.

    Args:
        kind: what the case as a whole shows.
        seed: regenerates it.
        scene: what is painted.
        placement: where it lies.
        scanner: image quality.
        field_t: field strength.
    """

    kind: Pattern
    seed: int
    scene: Scene
    placement: Placement
    scanner: Scanner
    field_t: float


@dataclass(frozen=True, slots=True, eq=False)
class RenderedSlice:
    """One acquired slice and its truth.

    Args:
        image: `(row, column)` float32, marrow near 1.
        masks: share of each voxel that a lesion covers, by type and cause.
        label: what this slice shows by itself.
    """

    image: Floats
    masks: Mapping[LesionKey, Field]
    label: Pattern


def sample_case(seed: int, *, kind: Pattern) -> Case:
    """The case of that seed and kind; the same arguments give the same case."""
    rng = np.random.default_rng([seed, list(Pattern).index(kind)])
    field_t = float(rng.choice([1.5, 3.0]))
    anatomy = sample_anatomy(rng)
    scene = Scene(
        anatomy=anatomy,
        organs=sample_organs(rng, anatomy),
        lesions=sample_lesions(rng, kind, anatomy),
        appearance=sample_appearance(rng, field_t=field_t),
        marrow_variation=float(rng.uniform(0.08, 0.2)),
    )
    return Case(kind, seed, scene, sample_placement(rng), sample_scanner(rng), field_t)


def sample_stack(
    rng: np.random.Generator, case: Case, *, plane: Plane, weighting: Weighting
) -> Stack:
    """A stack of one of the protocols in use, over the joints of this case."""
    narrow = rng.random() < 0.6
    field_of_view = 200 * rng.uniform(0.86, 1.15) if narrow else rng.uniform(240, 300)
    return place_stack(
        rng,
        case.placement,
        plane=plane,
        weighting=weighting,
        field_of_view_mm=float(field_of_view),
        matrix=int(rng.choice([240, 256, 288])),
        slices=int(rng.integers(17, 25)),
        thickness_mm=float(rng.choice([3.0, 3.3, 4.0])),
        gap_mm=float(rng.uniform(0, 0.5)),
    )


def render_slice(case: Case, stack: Stack, index: float, rng: np.random.Generator) -> RenderedSlice:
    """One slice, between two where the index is fractional.

    Two thin layers are averaged through its thickness, then acquired.
    """
    half = 0.29 * stack.thickness_mm / float(np.linalg.norm(stack.affine_lps[:3, 0]))
    layers = [
        render(case.scene, slice_points(stack, case.placement, index + offset), (stack.weighting,))
        for offset in (-half, half)
    ]
    signal: Field = (layers[0].signals[stack.weighting] + layers[1].signals[stack.weighting]) / 2
    masks: dict[LesionKey, Field] = {}
    for layer in layers:
        for key, cover in layer.masks.items():
            masks[key] = masks.get(key, np.zeros(cover.shape, np.float32)) + cover / 2
    image = acquire(rng, signal, layers[0].points, case.scanner)
    return RenderedSlice(image, masks, slice_label(masks, stack))


def render_series(case: Case, stack: Stack) -> Iterator[RenderedSlice]:
    """Every slice of a stack, in order; noise depends on the case, the series and the slice."""
    for index in range(stack.shape[0]):
        series = [list(Plane).index(stack.plane), list(Weighting).index(stack.weighting)]
        yield render_slice(case, stack, index, np.random.default_rng([case.seed, *series, index]))


def slice_label(masks: Mapping[LesionKey, Field], stack: Stack) -> Pattern:
    """The class that one slice shows: that of the oedema in it, if there is enough."""
    _, row, column = np.linalg.norm(stack.affine_lps[:3, :3], axis=0)
    for cause in (Pattern.INFLAMMATORY, Pattern.MECHANICAL):
        oedema = masks.get((LesionType.OEDEMA, cause))
        if oedema is not None and float(oedema.sum() * row * column) >= LABEL_AREA_MM2:
            return cause
    return Pattern.NORMAL
