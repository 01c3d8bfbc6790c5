"""Slices rendered from simulated cases, resampled as a patient's slices are.

A set is a range of people (`datasets.seeds`), so no case is ever on both sides of a split.
"""

import hashlib
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import repeat
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

import asemble.phantom
from asemble.core.labels import PATTERNS, Pattern, Plane, Weighting
from asemble.datasets import seeds
from asemble.datasets.seeds import SeedRange
from asemble.datasets.slice_set import SliceSet
from asemble.imaging.intensity import RATIO_MAX
from asemble.imaging.slices import MASK_SIDE, SIDE, resample_mask, resample_slice
from asemble.phantom import (
    HELD_OUT,
    Case,
    Ingredient,
    LesionType,
    RenderedSlice,
    render_slice,
    sample_case,
    sample_stack,
)
from asemble.phantom.acquisition import Stack

PARTS: Mapping[str, SeedRange] = MappingProxyType(
    {
        "training": seeds.TRAINING,
        "further": seeds.FURTHER,
        "validation": seeds.VALIDATION,
        "test": seeds.TEST,
        "held-out": seeds.HELD_OUT_SLICES,
    }
)
"""People of each set. Those of "held-out" have appearances that training never samples, in turn."""

KINDS = (Pattern.NORMAL, Pattern.INFLAMMATORY, Pattern.MECHANICAL, Pattern.INFLAMMATORY)
"""Cases take these kinds in turn: half of them inflammatory, whose masks teach the most."""

SLICES_PER_CASE = 3
"""Slices taken of a case: neighbours look alike, so more cases beat more slices of each."""

AT_LESION = 0.5
"""Share of slices of a case with lesions that are taken through one of them."""

VISIBLE = 0.3
"""Share of a voxel that a lesion covers from which on it is taken to be seen."""

FULL_CELL = 0.4
"""Share of a cell of 1.6 mm that a lesion must cover to count in full."""


class ExtraChannels(StrEnum):
    """What is shown beside each slice, as further channels. The shipped members see none."""

    NOTHING = "nothing"
    NEIGHBOURS = "neighbouring slices"
    T1 = "T1"

    @property
    def channels(self) -> int:
        """With the slice itself, which comes first."""
        return {"nothing": 1, "neighbouring slices": 3, "T1": 2}[self.value]


@dataclass(frozen=True, slots=True)
class SliceRequest:
    """Which slices to make.

    Args:
        plane: coronal or axial.
        weighting: contrast.
        part: "training", "validation", "test" or "held-out".
        cases: how many.
        beside: what is shown with each slice.
        without: what the simulator leaves out.
    """

    plane: Plane
    weighting: Weighting
    part: str
    cases: int
    beside: ExtraChannels = ExtraChannels.NOTHING
    without: Ingredient | None = None

    def case_numbers(self) -> range:
        """Numbers of the cases."""
        return PARTS[self.part].numbers(self.cases)


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
    arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in _layout(0, 1)}
    return SliceSet(**arrays)


def case_kind(number: int) -> Pattern:
    """What the case of that number shows."""
    return KINDS[number % len(KINDS)]


def case_appearance(number: int) -> str | None:
    """The held-out appearance of the case of that number, None before the set "held-out"."""
    names = list(HELD_OUT)
    since = number - seeds.HELD_OUT_SLICES.first
    return names[since // len(KINDS) % len(names)] if since >= 0 else None


def slices_of_case(number: int, request: SliceRequest) -> list[dict[str, Any]]:
    """The slices taken of one case, as rows of a `SliceSet`.

    What is shown beside a slice has random numbers of its own: the slice is the same with it.
    """
    case = sample_case(
        number,
        kind=case_kind(number),
        appearance=case_appearance(number),
        without=[request.without] if request.without else [],
    )
    seed = [number, list(Plane).index(request.plane)]
    rng, other_rng = (np.random.default_rng([*seed, stream]) for stream in (1, 2))
    stack = sample_stack(rng, case, plane=request.plane, weighting=request.weighting)
    rows = []
    for _ in range(SLICES_PER_CASE):
        index = _choose_index(rng, case, stack)
        row = _row(render_slice(case, stack, index, rng), stack, number)
        others = [
            _image(render_slice(case, other, at, other_rng), other)
            for other, at in _beside(stack, index, request.beside)
        ]
        if others:
            row["images"] = np.stack([row["images"], *others])
        rows.append(row)
    return rows


def _beside(stack: Stack, index: float, beside: ExtraChannels) -> list[tuple[Stack, float]]:
    """Stacks and positions of what is shown beside a slice; at an end, the slice once more."""
    if beside is ExtraChannels.T1:
        return [(replace(stack, weighting=Weighting.T1), index)]
    if beside is ExtraChannels.NEIGHBOURS:
        last = stack.shape[0] - 1
        return [(stack, max(index - 1, 0)), (stack, min(index + 1, last))]
    return []


def _choose_index(rng: np.random.Generator, case: Case, stack: Stack) -> float:
    """A position in the stack: through a lesion, or anywhere; positions need not be whole."""
    last = stack.shape[0] - 1
    lesions = [one for one in case.person.lesions if one.what == LesionType.OEDEMA]
    if not lesions or rng.random() > AT_LESION:
        return float(rng.uniform(0, last))
    lesion = lesions[rng.integers(len(lesions))]
    normal = stack.affine_lps[:3, 0] / np.linalg.norm(stack.affine_lps[:3, 0])
    off = rng.uniform(-0.8, 0.8) * lesion.radius_mm
    lps = case.placement.origin_lps + np.asarray(lesion.centre) + off * normal
    inverse = np.linalg.inv(stack.affine_lps)
    return float(np.clip((inverse @ [*lps, 1])[0], 0, last))


def _row(rendered: RenderedSlice, stack: Stack, number: int) -> dict[str, Any]:
    spacing = _spacing(stack)
    lesions = np.zeros((2, MASK_SIDE, MASK_SIDE), np.uint8)
    for channel, cause in enumerate((Pattern.INFLAMMATORY, Pattern.MECHANICAL)):
        mask = rendered.masks.get((LesionType.OEDEMA, cause))
        if mask is not None:
            share = resample_mask(mask >= VISIBLE, spacing) / FULL_CELL
            lesions[channel] = np.round(255 * np.minimum(share, 1))
    return {
        "images": _image(rendered, stack),
        "lesions": lesions,
        "labels": PATTERNS.index(rendered.label),
        "cases": number,
    }


def _image(rendered: RenderedSlice, stack: Stack) -> npt.NDArray[np.float16]:
    return resample_slice(rendered.image, _spacing(stack)).astype(np.float16)


def _spacing(stack: Stack) -> tuple[float, float]:
    _, row_mm, column_mm = np.linalg.norm(stack.affine_lps[:3, :3], axis=0)
    return float(row_mm), float(column_mm)


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
        for name, (dtype, shape) in _layout(
            len(numbers) * SLICES_PER_CASE, request.beside.channels
        ).items()
    }
    with ProcessPoolExecutor(workers) as pool:
        at = 0
        for rows in pool.map(slices_of_case, numbers, repeat(request), chunksize=8):
            for row in rows:
                for name, value in row.items():
                    arrays[name][at] = value
                at += 1
            if progress is not None:
                progress(at, len(numbers) * SLICES_PER_CASE)
    for array in arrays.values():
        array.flush()
    (folder / "done").touch()


def _layout(count: int, channels: int) -> dict[str, tuple[Any, tuple[int, ...]]]:
    image = (SIDE, SIDE) if channels == 1 else (channels, SIDE, SIDE)
    return {
        "images": (np.float16, (count, *image)),
        "lesions": (np.uint8, (count, 2, MASK_SIDE, MASK_SIDE)),
        "labels": (np.int64, (count,)),
        "cases": (np.int64, (count,)),
    }


def _cache_name(request: SliceRequest) -> str:
    digest = hashlib.sha256()
    for source in sorted(Path(asemble.phantom.__path__[0]).glob("*.py")):
        digest.update(source.read_bytes())
    digest.update(Path(__file__).read_bytes())
    digest.update(repr((RATIO_MAX, request.case_numbers())).encode())
    parts = [request.plane, request.weighting, request.part, str(request.cases)]
    if request.beside is not ExtraChannels.NOTHING:
        parts.append(f"beside-{request.beside}")
    if request.without is not None:
        parts.append(f"without-{request.without}")
    return "-".join((*parts, digest.hexdigest()[:12])).replace(" ", "-")
