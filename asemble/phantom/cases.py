"""One simulated person: a scene, a position in the scanner, and the series acquired of it."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from asemble.core.labels import Pattern, Plane, Weighting
from asemble.core.volume import Floats
from asemble.phantom.acquisition import (
    PERFECT,
    Placement,
    Scanner,
    Stack,
    acquire,
    place_stack,
    sample_placement,
    sample_scanner,
    slice_points,
)
from asemble.phantom.anatomy import Anatomy, sample_anatomy
from asemble.phantom.appearances import Ingredient, Ranges, ranges_of
from asemble.phantom.inflammatory import inflammatory_lesions
from asemble.phantom.lesions import PAINTING_ORDER, Lesion, LesionType, background_sclerosis
from asemble.phantom.mechanical import mechanical_lesions
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
        appearance: the held-out appearance, or None for one that training may sample.
        scene: what is painted.
        placement: where it lies.
        scanner: image quality.
        field_t: field strength.
    """

    kind: Pattern
    seed: int
    appearance: str | None
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


def sample_case(
    seed: int,
    *,
    kind: Pattern,
    appearance: str | None = None,
    without: Collection[Ingredient] = (),
) -> Case:
    """The case of that seed and kind; the same arguments give the same case.

    Args:
        seed: of everything random.
        kind: what the case shows.
        appearance: a name in `HELD_OUT`, or None for an appearance that training may sample.
        without: what of the simulator is left out, to measure what it is worth.
    """
    ranges = ranges_of(appearance)
    rng = np.random.default_rng([seed, list(Pattern).index(kind)])
    field_t = float(rng.choice(ranges.field_t))
    anatomy = sample_anatomy(rng, ranges)
    scene = Scene(
        anatomy=anatomy,
        organs=sample_organs(rng, anatomy, ranges),
        lesions=_sample_lesions(rng, kind, anatomy, ranges, without),
        appearance=sample_appearance(rng, field_t=field_t, suppressed_fat=ranges.suppressed_fat),
        marrow_variation=float(rng.uniform(0.08, 0.22)),
        marrow_scale_mm=float(rng.uniform(5, 14)),
    )
    scanner = sample_scanner(rng, ranges)
    placement = sample_placement(rng)
    if Ingredient.ACQUISITION in without:
        scanner = PERFECT
    return Case(kind, seed, appearance, _without(scene, without), placement, scanner, field_t)


def _sample_lesions(
    rng: np.random.Generator,
    kind: Pattern,
    anatomy: Anatomy,
    ranges: Ranges,
    without: Collection[Ingredient],
) -> tuple[Lesion, ...]:
    """The lesions of one case, in the order in which they are painted."""
    lesions = background_sclerosis(rng, anatomy)
    if Ingredient.BACKGROUND_SCLEROSIS in without:
        lesions = []
    if kind is Pattern.INFLAMMATORY:
        joint_line = Ingredient.JOINT_LINE not in without
        lesions += inflammatory_lesions(
            rng, anatomy, ankylosis=ranges.ankylosis, joint_line=joint_line
        )
    elif kind is Pattern.MECHANICAL:
        lesions += mechanical_lesions(rng, anatomy)
    return tuple(sorted(lesions, key=lambda lesion: PAINTING_ORDER.index(lesion.type)))


def _without(scene: Scene, ingredients: Collection[Ingredient]) -> Scene:
    organs, anatomy = scene.organs, scene.anatomy
    if Ingredient.DISTRACTORS in ingredients:
        organs = replace(organs, blobs=(), vessels=(), modic=1.0, facet_effusion=0.0)
    if Ingredient.RED_MARROW in ingredients:
        organs = replace(organs, red_marrow=0.0)
    if Ingredient.VARIANTS in ingredients:
        anatomy = replace(anatomy, variant=None)
    if Ingredient.TEXTURE in ingredients:
        organs = replace(organs, grain=0.0)
        scene = replace(scene, marrow_variation=0.0)
    return replace(scene, organs=organs, anatomy=anatomy)


def sample_stack(
    rng: np.random.Generator, case: Case, *, plane: Plane, weighting: Weighting
) -> Stack:
    """A stack of one of the protocols in use, over the joints of this case."""
    ranges = ranges_of(case.appearance)
    narrow, wide = ranges.fields_of_view_mm
    return place_stack(
        rng,
        case.placement,
        plane=plane,
        weighting=weighting,
        field_of_view_mm=float(rng.uniform(*(narrow if rng.random() < 0.6 else wide))),
        matrix=int(rng.choice(ranges.matrices)),
        slices=int(rng.integers(ranges.slices[0], ranges.slices[1] + 1)),
        thickness_mm=float(rng.uniform(*ranges.thickness_mm)),
        gap_mm=float(rng.uniform(0, 0.5)),
    )


def render_slice(case: Case, stack: Stack, index: float, rng: np.random.Generator) -> RenderedSlice:
    """One slice, between two where the index is fractional."""
    return render_weightings(case, stack, index, {stack.weighting: rng})[stack.weighting]


def render_weightings(
    case: Case, stack: Stack, index: float, rngs: Mapping[Weighting, np.random.Generator]
) -> dict[Weighting, RenderedSlice]:
    """One slice in several weightings, painted once and acquired with the noise of each.

    Two thin layers are averaged through its thickness, then acquired.
    """
    half = 0.29 * stack.thickness_mm / float(np.linalg.norm(stack.affine_lps[:3, 0]))
    layers = [
        render(case.scene, slice_points(stack, case.placement, index + offset), tuple(rngs))
        for offset in (-half, half)
    ]
    masks: dict[LesionKey, Field] = {}
    for layer in layers:
        for key, cover in layer.masks.items():
            masks[key] = masks.get(key, np.zeros(cover.shape, np.float32)) + cover / 2
    label = slice_label(masks, stack)
    rendered = {}
    for weighting, rng in rngs.items():
        signal: Field = (layers[0].signals[weighting] + layers[1].signals[weighting]) / 2
        image = acquire(rng, signal, layers[0].points, case.scanner)
        rendered[weighting] = RenderedSlice(image, masks, label)
    return rendered


def render_series(case: Case, stack: Stack) -> Iterator[RenderedSlice]:
    """Every slice of a stack, in order."""
    for slices in render_series_in(case, stack, [stack.weighting]):
        yield slices[stack.weighting]


def render_series_in(
    case: Case, stack: Stack, weightings: Sequence[Weighting]
) -> Iterator[dict[Weighting, RenderedSlice]]:
    """The same in several weightings; noise depends on the case, the series and the slice."""
    plane = list(Plane).index(stack.plane)
    for index in range(stack.shape[0]):
        seeds = {w: [case.seed, plane, list(Weighting).index(w), index] for w in weightings}
        rngs = {w: np.random.default_rng(seed) for w, seed in seeds.items()}
        yield render_weightings(case, stack, index, rngs)


def slice_label(masks: Mapping[LesionKey, Field], stack: Stack) -> Pattern:
    """The class that one slice shows: that of the oedema in it, if there is enough."""
    _, row, column = np.linalg.norm(stack.affine_lps[:3, :3], axis=0)
    for cause in (Pattern.INFLAMMATORY, Pattern.MECHANICAL):
        oedema = masks.get((LesionType.OEDEMA, cause))
        if oedema is not None and float(oedema.sum() * row * column) >= LABEL_AREA_MM2:
            return cause
    return Pattern.NORMAL
