"""Slices to learn from: rendered from simulated cases, resampled as a patient's slices are.

Cases are numbered; a set is a range of numbers, and the ranges of training, validation and test
do not meet, so no case is ever on both sides of a split.
"""

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import asemble.phantom
from asemble.core.labels import PATTERNS, Pattern, Plane, Weighting
from asemble.imaging.slices import MASK_SIDE, SIDE, resample_mask, resample_slice
from asemble.phantom import (
    HELD_OUT,
    Case,
    LesionType,
    RenderedSlice,
    render_slice,
    sample_case,
    sample_stack,
)
from asemble.phantom.acquisition import Stack

FIRST_CASE = {"training": 0, "validation": 500_000, "test": 1_000_000, "held-out": 1_500_000}
"""Number of the first case of each set; a set has fewer than 500,000.

Cases of the set "held-out" have appearances that training never samples, each in turn.
"""

KINDS = (Pattern.NORMAL, Pattern.INFLAMMATORY, Pattern.MECHANICAL, Pattern.INFLAMMATORY)
"""Cases take these kinds in turn: half of them inflammatory, whose masks teach the most."""

SLICES_PER_CASE = 3
"""Slices taken of a case: neighbours look alike, so more cases beat more slices of each."""

AT_LESION = 0.5
"""Share of slices of a case with lesions that are taken through one of them."""

VISIBLE = 0.3
"""Share of a voxel that a lesion covers from which on it is taken to be seen."""

FULL_CELL = 0.4
"""Share of a cell of 3 mm that a lesion must cover to count in full: bands are 1 to 3 mm thick."""

CLIP = 20.0
"""Brightest ratio to the foreground median that is kept."""


@dataclass(frozen=True, slots=True, eq=False)
class SliceSet:
    """Slices of one plane.

    Args:
        images: `(n, 256, 256)` float16, ratio to the foreground median, 0 to `CLIP`, not squashed.
        lesions: `(n, 2, 64, 64)` uint8, how much inflammatory and mechanical oedema is in each
            cell, 255 from `FULL_CELL` on.
        labels: `(n,)` int64, index into `PATTERNS`.
        cases: `(n,)` int64, number of the case; splits are by case.
    """

    images: npt.NDArray[np.float16]
    lesions: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    cases: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, slots=True)
class SliceRequest:
    """Which slices to make.

    Args:
        plane: coronal or axial.
        weighting: contrast.
        part: "training", "validation", "test" or "held-out".
        cases: how many.
    """

    plane: Plane
    weighting: Weighting
    part: str
    cases: int

    def case_numbers(self) -> range:
        """Numbers of the cases."""
        first = FIRST_CASE[self.part]
        return range(first, first + self.cases)


def simulate_slices(
    request: SliceRequest,
    cache: Path,
    *,
    progress: Callable[[int, int], None] | None = None,
    workers: int | None = None,
) -> SliceSet:
    """The slices of a request, made in parallel once and read from `cache` after.

    The cache's name holds a digest of the simulator's source, so that a changed simulator makes
    new slices.
    """
    folder = cache / _cache_name(request)
    if not (folder / "done").exists():
        _fill(request, folder, progress, workers or os.cpu_count() or 1)
    arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in _layout(0)}
    return SliceSet(**arrays)


def case_kind(number: int) -> Pattern:
    """What the case of that number shows."""
    return KINDS[number % len(KINDS)]


def case_appearance(number: int) -> str | None:
    """The held-out appearance of the case of that number, None before the set "held-out"."""
    names = list(HELD_OUT)
    since = number - FIRST_CASE["held-out"]
    return names[since // len(KINDS) % len(names)] if since >= 0 else None


def slices_of_case(number: int, plane: Plane, weighting: Weighting) -> list[dict[str, Any]]:
    """The slices taken of one case, as rows of a `SliceSet`."""
    case = sample_case(number, kind=case_kind(number), appearance=case_appearance(number))
    rng = np.random.default_rng([number, list(Plane).index(plane), 1])
    stack = sample_stack(rng, case, plane=plane, weighting=weighting)
    rows = []
    for _ in range(SLICES_PER_CASE):
        index = _choose_index(rng, case, stack)
        rendered = render_slice(case, stack, index, rng)
        rows.append(_row(rendered, stack, number))
    return rows


def _choose_index(rng: np.random.Generator, case: Case, stack: Stack) -> float:
    """A position in the stack: through a lesion, or anywhere; positions need not be whole."""
    last = stack.shape[0] - 1
    lesions = [lesion for lesion in case.scene.lesions if lesion.type is LesionType.OEDEMA]
    if not lesions or rng.random() > AT_LESION:
        return float(rng.uniform(0, last))
    lesion = lesions[rng.integers(len(lesions))]
    side = 55.0 if lesion.left else -55.0
    half = lesion.half_w_mm if stack.plane is Plane.CORONAL else lesion.half_v_mm
    off = rng.uniform(-0.8, 0.8) * half
    at = np.array([side, lesion.v_mm, lesion.w_mm])
    at[2 if stack.plane is Plane.CORONAL else 1] += off
    lps = case.placement.origin_lps + at @ case.placement.axes_lps
    inverse = np.linalg.inv(stack.affine_lps)
    return float(np.clip((inverse @ [*lps, 1])[0], 0, last))


def _row(rendered: RenderedSlice, stack: Stack, number: int) -> dict[str, Any]:
    _, row_mm, column_mm = np.linalg.norm(stack.affine_lps[:3, :3], axis=0)
    spacing = (float(row_mm), float(column_mm))
    lesions = np.zeros((2, MASK_SIDE, MASK_SIDE), np.uint8)
    for channel, cause in enumerate((Pattern.INFLAMMATORY, Pattern.MECHANICAL)):
        mask = rendered.masks.get((LesionType.OEDEMA, cause))
        if mask is not None:
            share = resample_mask(mask >= VISIBLE, spacing) / FULL_CELL
            lesions[channel] = np.round(255 * np.minimum(share, 1))
    image = np.clip(resample_slice(rendered.image, spacing), 0, CLIP)
    return {
        "images": image.astype(np.float16),
        "lesions": lesions,
        "labels": PATTERNS.index(rendered.label),
        "cases": number,
    }


def _fill(
    request: SliceRequest,
    folder: Path,
    progress: Callable[[int, int], None] | None,
    workers: int,
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    numbers = request.case_numbers()
    arrays = {
        name: np.lib.format.open_memmap(folder / f"{name}.npy", "w+", dtype, shape)
        for name, (dtype, shape) in _layout(len(numbers) * SLICES_PER_CASE).items()
    }
    plane, weighting = [request.plane] * len(numbers), [request.weighting] * len(numbers)
    with ProcessPoolExecutor(workers) as pool:
        at = 0
        for rows in pool.map(slices_of_case, numbers, plane, weighting, chunksize=8):
            for row in rows:
                for name, value in row.items():
                    arrays[name][at] = value
                at += 1
            if progress is not None:
                progress(at, len(numbers) * SLICES_PER_CASE)
    for array in arrays.values():
        array.flush()
    (folder / "done").touch()


def _layout(count: int) -> dict[str, tuple[Any, tuple[int, ...]]]:
    return {
        "images": (np.float16, (count, SIDE, SIDE)),
        "lesions": (np.uint8, (count, 2, MASK_SIDE, MASK_SIDE)),
        "labels": (np.int64, (count,)),
        "cases": (np.int64, (count,)),
    }


def _cache_name(request: SliceRequest) -> str:
    digest = hashlib.sha256()
    for source in sorted(Path(asemble.phantom.__path__[0]).glob("*.py")):
        digest.update(source.read_bytes())
    digest.update(Path(__file__).read_bytes())
    parts = (request.plane, request.weighting, request.part, str(request.cases))
    return "-".join((*parts, digest.hexdigest()[:12]))
