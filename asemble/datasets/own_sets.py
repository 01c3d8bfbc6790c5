"""From a manifest to what a network learns from and is validated on: nothing until all is right."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from asemble.core.labels import PATTERNS, Plane, Weighting
from asemble.datasets.leakage import Inflation, measure_inflation
from asemble.datasets.manifest import TRAINING, VALIDATION, Manifest
from asemble.datasets.own_data import Collected, Progress, read_rows
from asemble.datasets.slice_set import SliceSet
from asemble.datasets.splits import (
    case_numbers,
    check_classes,
    groups_in_several,
    split_rows,
)

WEIGHTING = Weighting.FLUID
"""The contrast that the networks read."""


@dataclass(frozen=True, slots=True, eq=False)
class OwnSets:
    """What a run needs.

    Args:
        training: slices to learn from.
        validation: slices of other patients.
        notes: sentences for the person who started the run.
        facts: for the card.
    """

    training: SliceSet
    validation: SliceSet
    notes: tuple[str, ...]
    facts: Mapping[str, Any]


def own_sets(
    manifest: Manifest, plane: Plane, *, seed: int, progress: Progress | None = None
) -> OwnSets:
    """Read every row of a plane and split by patient.

    Args:
        manifest: as `read_manifest` reads it.
        plane: of the network.
        seed: of the split, where the manifest names none.
        progress: told how many rows are read.

    Raises:
        InputError: anything at all is wrong with the manifest or its images.
    """
    rows = [r for r in manifest.rows if r.plane is plane and r.weighting is WEIGHTING]
    problems = manifest.problems
    collected = Collected()
    for labelled in read_rows(rows, problems, progress=progress):
        collected.add(labelled)
    if not rows and not problems.found:
        problems.add(1, "no-slices", f"no row is {plane.value} and {WEIGHTING.value}")
    problems.refuse()
    cases = case_numbers(collected.rows, collected.bits)
    parts = split_rows(collected.rows, cases, seed)
    part_of = np.empty(len(rows), dtype=np.int64)
    for number, indices in enumerate(parts.values()):
        part_of[indices] = number
    groups = cases
    crossing = groups_in_several(groups, part_of)
    if crossing:  # groups of near-duplicates: patients were checked with the manifest
        cases = cases * len(parts) + part_of
    labels = {
        part: np.concatenate([np.empty(0, np.int64), *(collected.labels[i] for i in indices)])
        for part, indices in parts.items()
    }
    check_classes(labels[TRAINING], labels[VALIDATION], problems)
    problems.refuse()
    inflation = None
    if not manifest.names_patients:
        sizes = [len(some) for some in collected.labels]
        inflation = measure_inflation(
            np.concatenate(collected.bits),
            np.concatenate(collected.labels),
            np.repeat(groups, sizes),
        )
    return OwnSets(
        collected.slices(parts[TRAINING], cases),
        collected.slices(parts[VALIDATION], cases),
        (
            *manifest.notes,
            *(f"{note} ({count} rows)" for note, count in collected.notes.items()),
            *_left_out(manifest, len(rows), plane),
            *_without_patients(manifest, len(crossing), inflation),
            _counted(labels, cases, parts),
        ),
        _facts(manifest, inflation),
    )


def _left_out(manifest: Manifest, used: int, plane: Plane) -> list[str]:
    left = len(manifest.rows) - used
    return [f"{left} rows are not {plane.value} and {WEIGHTING.value} and were not used."] * (
        left > 0
    )


def _without_patients(manifest: Manifest, crossing: int, inflation: Inflation | None) -> list[str]:
    if manifest.names_patients:
        return []
    told = [
        "No patients are named: near-duplicate slices were taken for one patient. Two slices of a "
        "patient that look different may still lie on both sides of the split."
    ]
    if crossing:
        told.append(
            f"{crossing} groups of near-duplicate slices lie in more than one part of the "
            "manifest's own split: its figures will be too good."
        )
    return told if inflation is None else [*told, str(inflation)]


def _counted(
    labels: Mapping[str, np.ndarray[Any, np.dtype[np.int64]]],
    cases: np.ndarray[Any, np.dtype[np.int64]],
    parts: Mapping[str, list[int]],
) -> str:
    each = []
    for part, indices in parts.items():
        if indices:
            found = np.bincount(labels[part], minlength=len(PATTERNS))
            kinds = ", ".join(f"{n} {p.value}" for n, p in zip(found, PATTERNS, strict=True))
            each.append(f"{part}: {len(np.unique(cases[indices]))} patients or groups ({kinds})")
    return f"Slices for {'; for '.join(each)}."


def _facts(manifest: Manifest, inflation: Inflation | None) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "description": "own data from a manifest, split by "
        + ("patient" if manifest.names_patients else "groups of near-duplicate slices"),
        "manifest_sha256": manifest.digest,
    }
    if inflation is not None:
        facts["nearest_neighbour_accuracy"] = {
            "images_split_one_by_one": asdict(inflation.by_image),
            "near_duplicates_kept_together": asdict(inflation.by_case),
        }
    return facts
