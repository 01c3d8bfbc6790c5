"""Slices of simulated people with real bones, as networks that know bone learn from them.

Each person is cut twice and shown in three contrasts a cut: the shape costs the most, and the
same shape in another contrast teaches that bone is a shape.
"""

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import repeat
from pathlib import Path

import numpy as np
import numpy.typing as npt

import asemble.phantom
from asemble.core.labels import PATTERNS, Pattern, Plane, Tissue, Weighting
from asemble.datasets import seeds
from asemble.datasets.simulated import PARTS
from asemble.datasets.slice_set import OUTSIDE, UNKNOWN, SliceSet
from asemble.imaging.intensity import RATIO_MAX, median_ratio
from asemble.imaging.slices import MASK_SIDE, SIDE
from asemble.phantom.acquisition import acquire
from asemble.phantom.cases import PELVISES_HELD_OUT
from asemble.phantom.contrast import sample_contrast
from asemble.phantom.findings import Focus
from asemble.phantom.painting import paint
from asemble.phantom.person import sample_person
from asemble.phantom.training_slices import (
    RANDOM_SHARE,
    SimulatedSlice,
    resampled,
    sample_scanner,
    sample_view,
    scanner_points,
    truth_of,
)

CUTS, CONTRASTS = 2, 3
"""Slices of a person, and contrasts of each."""
T1_OF_CUTS = 0.6
"""Share of cuts whose last contrast is T1: a fifth of all slices."""
AT_LESION = 0.85
"""Share of people with a lesion that lies in their first cut."""
NEIGHBOUR_SHARE, NEIGHBOUR_MM = 0.6, (2.0, 8.0)
"""Share of second cuts that lie beside the first and show its lesion mostly, and how far off."""
THIN_SHARE = 0.5
"""Share of cuts painted as one layer: it halves their cost."""
FULL_CELL = 0.5
"""Share of a cell of 1.6 mm that a lesion must cover to count in full."""
PEOPLE = (
    Pattern.NORMAL,
    Pattern.INFLAMMATORY,
    Pattern.MECHANICAL,
    Pattern.INFLAMMATORY,
    Pattern.INFLAMMATORY,
)
"""Patterns of people in turn: most of them inflammatory, whose masks teach the most."""


MIXED = (
    Pattern.NORMAL,
    Pattern.INFLAMMATORY,
    Pattern.MECHANICAL,
    Pattern.INFLAMMATORY,
    Pattern.MECHANICAL,
)
"""The same of people to go on learning from: as many mechanical, so that the two are told apart."""


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """One slice and its truth, small enough to keep many.

    Args:
        image: `(256, 256)` float16, ratio to the foreground median, 0 to `RATIO_MAX`, not squashed.
        tissue: `(128, 128)` uint8, a `Tissue` each, or `OUTSIDE` or `UNKNOWN`.
        lesions: `(2, 128, 128)` uint8, inflammatory and mechanical oedema, 255 in full cells.
        label: index into `PATTERNS`.
        fluid: whether the slice is fluid-sensitive.
    """

    image: npt.NDArray[np.float16]
    tissue: npt.NDArray[np.uint8]
    lesions: npt.NDArray[np.uint8]
    label: int
    fluid: bool


def lessons_of_person(
    rng: np.random.Generator, plane: Plane, pattern: Pattern, *, pelvis: int | None = None
) -> list[Lesson]:
    """Slices of one new person in that plane, each cut in `CONTRASTS`.

    Args:
        rng: of everything random.
        plane: of both cuts.
        pattern: of the person; a slice without a lesion is normal.
        pelvis: seed of the bones; None draws one of those that training uses.

    Raises:
        ShapeModelMissingError: the package with the shape model is not installed.
    """
    views = [sample_view(rng, plane, SIDE) for _ in range(CUTS)]
    if rng.random() < NEIGHBOUR_SHARE:
        away = rng.choice((-1, 1)) * rng.uniform(*NEIGHBOUR_MM) * views[0].normal
        views[1] = replace(views[0], centre=views[0].centre + away, pixel_mm=views[1].pixel_mm)
    focus = Focus(views[0].centre, views[0].normal) if rng.random() < AT_LESION else None
    person = sample_person(rng, pattern, seed=pelvis, focus=focus)
    lessons = []
    for view in views:
        weightings = [Weighting.FLUID] * CONTRASTS
        if rng.random() < T1_OF_CUTS:
            weightings[-1] = Weighting.T1
        contrasts = [
            sample_contrast(rng, weighting, is_random=rng.random() < RANDOM_SHARE)
            for weighting in weightings
        ]
        painted = paint(person, view, contrasts, rng, thin=rng.random() < THIN_SHARE)
        truth = truth_of(painted, view, plane, Weighting.FLUID)
        for signal, contrast in zip(painted.signals, contrasts, strict=True):
            image = acquire(rng, signal, scanner_points(view), sample_scanner(rng))
            image = resampled(rng, image)
            if contrast.is_random and rng.random() < 0.5:
                image = np.clip(image, 0, None) ** np.float32(rng.uniform(0.8, 1.4))
            lessons.append(lesson(replace(truth, image=image, weighting=contrast.weighting)))
    return lessons


def simulate_lessons(
    plane: Plane,
    part: str,
    people: int,
    cache: Path,
    *,
    progress: Callable[[int, int], None] | None = None,
    workers: int | None = None,
) -> SliceSet:
    """Slices of so many people, made in parallel once and read from `cache` after.

    Args:
        plane: of the slices.
        part: "training"; "further", with as many mechanical people as inflammatory ones; or
            "validation", the same of people whose bones training never shows, and whose slices
            are fluid-sensitive, one of each cut.
        people: how many.
        cache: folder; a changed simulator makes new slices.
        progress: told how many people are done, of how many.
        workers: processes; by default one a core.

    Raises:
        ShapeModelMissingError: the package with the shape model is not installed.
        ValueError: there are not so many people in that part.
    """
    numbers = PARTS[part].numbers(people)
    folder = cache / f"{plane}-people-{part}-{people}-{_digest(numbers)}"
    per_person = CUTS * (1 if part == "validation" else CONTRASTS)
    shapes = {
        "images": (np.float16, (SIDE, SIDE)),
        "tissue": (np.uint8, (MASK_SIDE, MASK_SIDE)),
        "lesions": (np.uint8, (2, MASK_SIDE, MASK_SIDE)),
        "labels": (np.int64, ()),
        "fluid": (np.bool_, ()),
        "cases": (np.int64, ()),
    }
    if not (folder / "done").exists():
        folder.mkdir(parents=True, exist_ok=True)
        arrays = {
            name: np.lib.format.open_memmap(
                folder / f"{name}.npy", "w+", kind, (people * per_person, *shape)
            )
            for name, (kind, shape) in shapes.items()
        }
        with ProcessPoolExecutor(workers or os.cpu_count()) as pool:
            made = pool.map(_lessons_of, numbers, repeat(plane), chunksize=4)
            for done, (number, lessons) in enumerate(zip(numbers, made, strict=True)):
                for at, one in enumerate(lessons, start=done * per_person):
                    arrays["images"][at], arrays["tissue"][at] = one.image, one.tissue
                    arrays["lesions"][at], arrays["labels"][at] = one.lesions, one.label
                    arrays["fluid"][at], arrays["cases"][at] = one.fluid, number
                if progress is not None:
                    progress(done + 1, people)
        for array in arrays.values():
            array.flush()
        (folder / "done").touch()
    return SliceSet(**{name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in shapes})


def _lessons_of(number: int, plane: Plane) -> list[Lesson]:
    rng = np.random.default_rng([number, list(Plane).index(plane), 3])
    pattern = (PEOPLE if number < seeds.FURTHER.first else MIXED)[number % len(PEOPLE)]
    if number < seeds.VALIDATION.first:
        return lessons_of_person(rng, plane, pattern)
    bones = PELVISES_HELD_OUT[number % len(PELVISES_HELD_OUT)]
    return lessons_of_person(rng, plane, pattern, pelvis=bones)[::CONTRASTS]


def _digest(numbers: range) -> str:
    digest = hashlib.sha256(Path(__file__).read_bytes())
    digest.update(repr((RATIO_MAX, OUTSIDE, UNKNOWN, numbers)).encode())
    for source in sorted(Path(asemble.phantom.__path__[0]).glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:12]


def lesson(one: SimulatedSlice) -> Lesson:
    """A simulated slice as it is kept."""
    cells = (MASK_SIDE, 2, MASK_SIDE, 2)
    tissues = range(UNKNOWN + 1)
    counts = np.stack([(one.tissue == t).reshape(cells).sum(axis=(1, 3)) for t in tissues])
    counts[[Tissue.REST, OUTSIDE]] -= 1  # a cell that is half something is that
    lesions = [
        (one.oedema * (one.lesion_kind == PATTERNS.index(cause))).reshape(cells).mean(axis=(1, 3))
        for cause in (Pattern.INFLAMMATORY, Pattern.MECHANICAL)
    ]
    return Lesson(
        image=median_ratio(one.image).astype(np.float16),
        tissue=counts.argmax(axis=0).astype(np.uint8),
        lesions=np.round(255 * np.clip(np.stack(lesions) / FULL_CELL, 0, 1)).astype(np.uint8),
        label=PATTERNS.index(one.pattern),
        fluid=one.weighting is Weighting.FLUID,
    )
