"""The same person examined a second time: on another day, another scanner, another technician.

Anatomy and lesions stay; contrast, coil, noise, position, field of view and the places of the
slices are drawn afresh from the same appearance. How far an answer moves between two such
examinations is what the interval around it has to cover.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from asemble.core.labels import JUDGED_PLANES, Pattern, Plane, Weighting
from asemble.core.study import Series, Study
from asemble.core.volume import Volume
from asemble.datasets.seeds import SECOND_VISIT
from asemble.phantom import Case, render_series, sample_case, sample_stack

RETEST_FILE = "again.npz"
"""Beside the first examination."""


def second_visit(*, kind: Pattern, seed: int, appearance: str | None) -> Case:
    """The person of that seed on another day."""
    person = sample_case(seed, kind=kind, appearance=appearance)
    visit = sample_case(seed + SECOND_VISIT, kind=kind, appearance=appearance)
    return replace(
        person,
        seed=visit.seed,
        contrasts=visit.contrasts,
        placement=visit.placement,
        scanner=visit.scanner,
        field_t=visit.field_t,
    )


def write_retest(path: Path, *, kind: Pattern, seed: int, appearance: str | None) -> None:
    """Simulate the second examination and keep its voxels and geometry."""
    case = second_visit(kind=kind, seed=seed, appearance=appearance)
    arrays: dict[str, Any] = {}
    for plane in JUDGED_PLANES:
        rng = np.random.default_rng([case.seed, list(Plane).index(plane)])
        stack = sample_stack(rng, case, plane=plane, weighting=Weighting.FLUID)
        arrays[f"{plane}-voxels"] = np.stack([s.image for s in render_series(case, stack)])
        arrays[f"{plane}-affine"] = stack.affine_lps
    np.savez(path, allow_pickle=False, **arrays)


def read_retest(path: Path) -> Study:
    """The second examination as a study."""
    with np.load(path) as arrays:
        series = tuple(
            Series(
                id=f"again-{plane}",
                description="SYNTHETIC STIR",
                volume=Volume(arrays[f"{plane}-voxels"], arrays[f"{plane}-affine"]),
                plane=plane,
                weighting=Weighting.FLUID,
                modality="MR",
                synthetic=True,
            )
            for plane in JUDGED_PLANES
        )
    return Study(series, (), path.stem)
