"""One simulated person with real bones, and the series acquired of him or her."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

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
)
from asemble.phantom.appearances import Ingredient, Ranges, ranges_of
from asemble.phantom.contrast import Contrast, sample_contrast
from asemble.phantom.findings import LesionType
from asemble.phantom.painting import Painted, paint
from asemble.phantom.person import POOL, Person, sample_person
from asemble.phantom.training_slices import (
    LABEL_AREA_MM2,
    sample_scanner,
    scanner_points,
    tissue_map,
)
from asemble.phantom.view import View

LesionKey = tuple[LesionType, Pattern]


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One simulated person in one examination.

    Args:
        kind: what the person as a whole shows.
        seed: regenerates it.
        appearance: the held-out appearance, or None for one that training may sample.
        person: bones, soft tissue and lesions.
        contrasts: grey values by weighting.
        placement: where the pelvis lies.
        scanner: image quality.
        field_t: field strength.
    """

    kind: Pattern
    seed: int
    appearance: str | None
    person: Person
    contrasts: Mapping[Weighting, Contrast]
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
        tissue: `(row, column)` uint8, a `training_slices.Tissue` each.
    """

    image: Floats
    masks: Mapping[LesionKey, Floats]
    label: Pattern
    tissue: npt.NDArray[np.uint8]


FIRST_UNSEEN = 500_000
"""Cases from this seed on are kept from training, and so are their bones."""
PELVISES_HELD_OUT = range(1000, 1016)
"""Seeds of their pelvises."""


def sample_case(
    seed: int,
    *,
    kind: Pattern,
    appearance: str | None = None,
    without: Collection[Ingredient] = (),
    pelvis: int | None = None,
) -> Case:
    """The case of that seed and kind; the same arguments give the same case.

    Args:
        seed: of everything random.
        kind: what the case shows.
        appearance: a name in `HELD_OUT`, or None for an appearance that training may sample.
        without: what of the simulator is left out, to measure what it is worth.
        pelvis: seed of the bones; None draws one that training uses, or, from the seed
            `FIRST_UNSEEN` on, one that it never does.
    """
    ranges = ranges_of(appearance)
    rng = np.random.default_rng([seed, list(Pattern).index(kind), 2])
    person = sample_person(
        rng,
        kind,
        seed=_pelvis(rng, seed) if pelvis is None else pelvis,
        spread=ranges.shape_spread,
        ankylosed=rng.random() < ranges.ankylosis,
    )
    contrasts = {
        Weighting.FLUID: _suppressed(rng, sample_contrast(rng, Weighting.FLUID), ranges),
        Weighting.T1: sample_contrast(rng, Weighting.T1),
    }
    scanner = sample_scanner(rng, ranges)
    if Ingredient.ACQUISITION in without:
        scanner = PERFECT
    return Case(
        kind,
        seed,
        appearance,
        _without(person, without),
        contrasts,
        sample_placement(rng),
        scanner,
        float(rng.choice(ranges.field_t)),
    )


def _pelvis(rng: np.random.Generator, seed: int) -> int:
    pool = range(POOL) if seed < FIRST_UNSEEN else PELVISES_HELD_OUT
    return pool[int(rng.integers(len(pool)))]


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
    """One slice in several weightings, painted once and acquired with the noise of each."""
    view = view_of(stack, case.placement, index)
    texture = np.random.default_rng([case.seed, list(Plane).index(stack.plane), round(index * 16)])
    contrasts = [case.contrasts[weighting] for weighting in rngs]
    painted = paint(case.person, view, contrasts, texture)
    masks = lesion_masks(painted)
    label = slice_label(masks, view.pixel_mm)
    tissue = tissue_map(painted)
    rendered = {}
    for signal, (weighting, rng) in zip(painted.signals, rngs.items(), strict=True):
        image = acquire(rng, signal, scanner_points(view), case.scanner)
        rendered[weighting] = RenderedSlice(image, masks, label, tissue)
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
        seeds = {w: [case.seed, plane, list(Weighting).index(w), index, 2] for w in weightings}
        rngs = {w: np.random.default_rng(seed) for w, seed in seeds.items()}
        yield render_weightings(case, stack, index, rngs)


def view_of(stack: Stack, placement: Placement, index: float) -> View:
    """One slice of a stack, seen from the middle of the joints."""
    _, rows, columns = stack.shape
    affine = stack.affine_lps
    centre = affine @ (index, (rows - 1) / 2, (columns - 1) / 2, 1)
    pixel = float(np.linalg.norm(affine[:3, 2]))
    return View(
        centre=centre[:3] - placement.origin_lps,
        row=affine[:3, 1] / np.linalg.norm(affine[:3, 1]),
        column=affine[:3, 2] / pixel,
        rows=rows,
        columns=columns,
        pixel_mm=pixel,
        thickness_mm=stack.thickness_mm,
    )


def lesion_masks(painted: Painted) -> dict[LesionKey, Floats]:
    """Share of each voxel by lesion type and cause."""
    masks: dict[LesionKey, Floats] = {
        (LesionType.OEDEMA, cause): cover for cause, cover in painted.oedema.items() if cover.any()
    }
    for (what, cause), cover in painted.structural.items():
        if cover.any():
            masks[LesionType(what), cause] = cover
    return masks


def slice_label(masks: Mapping[LesionKey, Floats], pixel_mm: float) -> Pattern:
    """The class that one slice shows: that of the oedema in it, if there is enough."""
    for cause in (Pattern.INFLAMMATORY, Pattern.MECHANICAL):
        oedema = masks.get((LesionType.OEDEMA, cause))
        if oedema is not None and float(oedema.sum()) * pixel_mm**2 >= LABEL_AREA_MM2:
            return cause
    return Pattern.NORMAL


def _suppressed(rng: np.random.Generator, contrast: Contrast, ranges: Ranges) -> Contrast:
    """Fat as bright as its suppression leaves it."""
    low, high = np.log(ranges.suppressed_fat)
    fat = float(np.exp(rng.uniform(low, high)))
    names = {"fat": 1.0, "pelvic fat": 1.1, "foramen": 1.2, "marrow fat": 0.9}
    return replace(
        contrast, values={**contrast.values, **{name: fat * by for name, by in names.items()}}
    )


def _without(person: Person, ingredients: Collection[Ingredient]) -> Person:
    numbers = dict(person.n)
    balls, lesions = person.balls, person.lesions
    if Ingredient.DISTRACTORS in ingredients:
        kept = ("foramen", "nerve")
        balls = tuple(one for one in balls if one.tissue in kept)
        numbers |= dict.fromkeys(("modic", "facet", "fluid", "vein_rim", "belly", "mesentery"), 0.0)
    if Ingredient.RED_MARROW in ingredients:
        numbers["islands"] = 0.0
    if Ingredient.TEXTURE in ingredients:
        numbers |= dict.fromkeys(("fibre", "muscle_fat", "fascia", "mesentery"), 0.0)
    if Ingredient.BACKGROUND_SCLEROSIS in ingredients:
        lesions = tuple(
            one for one in lesions if one.what != "sclerosis" or one.kind is not Pattern.NORMAL
        )
    if Ingredient.JOINT_LINE in ingredients:
        lesions = tuple(one for one in lesions if one.what != "oedema" or one.depth_mm > 3)
    return replace(person, n=numbers, balls=balls, lesions=lesions)
