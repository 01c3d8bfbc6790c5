"""Slices to train on, each of another person, with the truth of every pixel."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from asemble.core.labels import PATTERNS, Pattern, Plane, Weighting
from asemble.core.volume import Floats
from asemble.phantom import acquisition
from asemble.phantom.acquisition import Points, Scanner, acquire, rotation
from asemble.phantom.appearances import TRAINING, Ranges
from asemble.phantom.contrast import sample_contrast
from asemble.phantom.findings import Focus
from asemble.phantom.painting import Painted, paint
from asemble.phantom.person import sample_person
from asemble.phantom.view import View

FIELD_MM = 200.0
"""Side of the square that networks read (`imaging.slices`)."""
T1_SHARE = 0.25
"""Of training slices; bones must be found on T1 too."""
RANDOM_SHARE = 0.35
"""Of training slices with grey values drawn without regard to what was measured."""
NEAR_COIL = 2.5
"""Brightness of coil elements beside that of `Ranges.coil_spots`."""
THIN_SHARE = 0.6
"""Of training slices painted as one layer: it halves their cost."""
LABEL_AREA_MM2 = 12.0
"""A slice shows a pattern from this area of oedema on: four voxels or so."""


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedSlice:
    """One acquired slice on the networks' square and its truth.

    Args:
        image: `(256, 256)` float32, arbitrary units as acquired (not yet divided or squashed);
            the field is 200 mm as `imaging.slices` prepares it, shown as a reader sees it
            (patient's right at the left edge).
        plane: coronal or axial.
        weighting: fluid or t1.
        tissue: `(256, 256)` uint8, a `Tissue` each.
        oedema: `(256, 256)` float32, share of the pixel that is oedema, 0..1.
        lesion_kind: `(256, 256)` uint8, 0 none, 1 inflammatory, 2 mechanical (index of Pattern).
        pattern: of this slice: that of the oedema in it where it covers >= 12 mm2, else normal.
    """

    image: Floats
    plane: Plane
    weighting: Weighting
    tissue: npt.NDArray[np.uint8]
    oedema: Floats
    lesion_kind: npt.NDArray[np.uint8]
    pattern: Pattern


def simulate_slice(
    rng: np.random.Generator,
    *,
    plane: Plane,
    pattern: Pattern,
    weighting: Weighting | None = None,
    side: int = 256,
    pelvis: int | None = None,
) -> SimulatedSlice:
    """One slice of a fresh person.

    Args:
        rng: of everything.
        plane: coronal (semicoronal) or axial (semiaxial).
        pattern: that of the person; the slice's own `pattern` is normal where no lesion lies.
        weighting: None draws T1 for a quarter.
        side: pixels of the square of 200 mm.
        pelvis: seed of the bones; None draws one of the pool.
    """
    if weighting is None:
        weighting = Weighting.T1 if rng.random() < T1_SHARE else Weighting.FLUID
    contrast = sample_contrast(rng, weighting, is_random=rng.random() < RANDOM_SHARE)
    view = sample_view(rng, plane, side)
    focus = Focus(view.centre, view.normal) if rng.random() < 0.8 else None
    person = sample_person(rng, pattern, seed=pelvis, focus=focus)
    painted = paint(person, view, [contrast], rng, thin=rng.random() < THIN_SHARE)
    image = acquire(rng, painted.signals[0], scanner_points(view), sample_scanner(rng))
    image = resampled(rng, image)
    if contrast.is_random and rng.random() < 0.5:
        image = np.clip(image, 0, None) ** np.float32(rng.uniform(0.8, 1.4))
    return replace(truth_of(painted, view, plane, weighting), image=image)


def sample_view(rng: np.random.Generator, plane: Plane, side: int) -> View:
    """A plane as protocols lay it, anywhere from before the sacrum to behind it."""
    tilt = np.radians(rng.uniform(20, 56))
    u = np.array([1.0, 0, 0])
    v = np.array([0, -np.sin(tilt), np.cos(tilt)])
    w = np.array([0, np.cos(tilt), np.sin(tilt)])
    if plane is Plane.CORONAL:
        row, normal = -v, w
        # Mostly where there is joint, also before and behind it.
        along = rng.uniform(-32, 30) if rng.random() < 0.75 else rng.uniform(-58, 44)
        centre = along * w + rng.normal(0, (5, 0, 0)) + rng.normal(-6, 10) * v
    else:
        turn = rng.uniform(0, tilt)
        normal = np.cos(turn) * v + np.sin(turn) * w
        row = np.cos(turn) * w - np.sin(turn) * v
        along = rng.uniform(-38, 34) if rng.random() < 0.75 else rng.uniform(-70, 55)
        centre = along * normal + rng.normal(0, (5, 0, 0)) + rng.normal(-8, 12) * row
    wobble = rotation(rng.normal(0, 2.5, 3))
    row, u = wobble @ row, wobble @ u
    pixel = FIELD_MM / side * rng.uniform(0.9, 1.12)
    return View(centre, row, u, side, side, float(pixel), float(rng.uniform(2.8, 4.4)))


def sample_scanner(rng: np.random.Generator, ranges: Ranges = TRAINING) -> Scanner:
    """Image quality of one examination.

    As `acquisition.sample_scanner`, with coil elements at the back as bright as on real stacks,
    where fat under the skin outshines everything in front.
    """
    spots = tuple(
        (
            float(rng.uniform(-110, 110)),
            float(rng.uniform(-90, 90)),
            float(rng.uniform(35, 85)),
            float(NEAR_COIL * rng.uniform(*ranges.coil_spots)),
        )
        for _ in range(int(rng.integers(0, 6)))
    )
    return replace(acquisition.sample_scanner(rng, ranges), coil_spots=spots)


def resampled(rng: np.random.Generator, image: Floats) -> Floats:
    """What resampling to the square leaves of the finest detail, noise included."""
    if rng.random() < 0.25:
        side = int(rng.integers(150, 230))
        small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.resize(small, image.shape[::-1], interpolation=cv2.INTER_CUBIC))
    if rng.random() < 0.7:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.3, 0.6))))
    return image


def scanner_points(view: View) -> Points:
    """Where the pixels of a view lie for the coil: left, superior, posterior in mm."""
    points = view.points().astype(np.float32)
    x, y, z = (np.ascontiguousarray(points[..., k]) for k in range(3))
    return Points(x, z, y)


def tissue_map(painted: Painted) -> npt.NDArray[np.uint8]:
    """`(row, column)` uint8: the `Tissue` that covers most of a pixel, at least half of it."""
    names = ("sacrum", "right", "left", "joint", "bright")
    stack = np.stack([painted.covers[name] for name in names])
    stack[4] = np.minimum(stack[4], 1 - stack[:3].sum(axis=0))
    best = stack.argmax(axis=0)
    share = np.take_along_axis(stack, best[None], axis=0)[0]
    return np.where(share > 0.45, best + 1, 0).astype(np.uint8)


def oedema_truth(
    covers: Iterable[tuple[Pattern, Floats]], shape: tuple[int, ...], pixel_mm: float
) -> tuple[Floats, npt.NDArray[np.uint8], Pattern]:
    """How much of each pixel is oedema, of which cause, and what the slice shows by itself.

    Args:
        covers: share of each pixel that the oedema of a cause covers; of two causes that are enough
            for the slice's pattern the last one counts.
        shape: of the slice.
        pixel_mm: side of a pixel.
    """
    oedema = np.zeros(shape, np.float32)
    kind = np.zeros(shape, np.uint8)
    pattern = Pattern.NORMAL
    for cause, cover in covers:
        kind[(cover > oedema) & (cover > 0.3)] = PATTERNS.index(cause)
        oedema = np.maximum(oedema, cover)
        if float(cover.sum()) * pixel_mm**2 >= LABEL_AREA_MM2:
            pattern = cause
    return oedema, kind, pattern


def truth_of(painted: Painted, view: View, plane: Plane, weighting: Weighting) -> SimulatedSlice:
    """The truth of a painted slice; its image is the signal before the scanner."""
    causes = (Pattern.MECHANICAL, Pattern.INFLAMMATORY)
    covers = [(cause, painted.oedema[cause]) for cause in causes if cause in painted.oedema]
    image = painted.signals[0]
    oedema, kind, pattern = oedema_truth(covers, image.shape, view.pixel_mm)
    return SimulatedSlice(
        image=image,
        plane=plane,
        weighting=weighting,
        tissue=tissue_map(painted),
        oedema=oedema,
        lesion_kind=kind,
        pattern=pattern,
    )
