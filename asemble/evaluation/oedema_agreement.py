"""What measurements are worth on simulated studies: against the known bones and the known oedema.

The truth is measured by the same rules from the simulator's own maps, painted again without a
scanner, so that what is compared is what the networks find, not how it is counted.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from asemble.clinical.sparcc import ASAS_MATCH, inflammation
from asemble.core.joints import Mark
from asemble.core.labels import Plane, Tissue, Weighting
from asemble.core.measurements import Measurements
from asemble.core.study import Series
from asemble.core.volume import Floats
from asemble.evaluation.documents import markdown_table
from asemble.evaluation.simulated_studies import PlannedCase, Record, SimulatedStudy
from asemble.imaging.slices import MASK_SIDE, grid_of, prepare
from asemble.measurements import Rules, cells_of, measure
from asemble.measurements.cells import oedema_at
from asemble.measurements.measuring import RULES
from asemble.metrics.agreement import dice, icc, limits_of_agreement
from asemble.metrics.estimates import NOT_MEASURABLE, with_interval
from asemble.metrics.resampling import over_cases
from asemble.models import Ensemble
from asemble.models.ensemble import judging, sum_of_shares
from asemble.models.seeing import oedema_share
from asemble.phantom import Case, sample_case, sample_stack
from asemble.phantom.acquisition import Stack
from asemble.phantom.cases import view_of
from asemble.phantom.painting import paint
from asemble.phantom.training_slices import tissue_map

TRUTH = Rules(sure=0.0, quadrant_mm2=12.0)
"""What is true is sure, and as large as labels a slice."""
CHOICES = tuple(Rules(sure, mm2) for sure in (0.5, 0.8, 0.9, 0.95, 0.99) for mm2 in (12.0, 30.0))
"""Of rules, by which the ones in use are judged."""
PUBLISHED = (
    "Published networks reach an ICC of 0.83 against readers on real scans. That is not the same "
    "thing: here a network is held against the truth of the simulator that trained it, a reader "
    "is not that truth, and no figure here says how well it does on a patient."
)
SAME_RULES = (
    "The truth is counted by the same rules from the simulator's own bones and oedema: the "
    "figures say what the networks find, not whether the rules are those of a reader."
)
VOLUME = (
    "The volume of hyperintense inflammation (Hepburn et al. 2023, 10.1371/journal.pone.0284508) "
    "is bone beside the joint that is brighter than all normal marrow, after a radiologist has "
    "removed what is none. The volume here is what the networks call oedema in bone at the joint: "
    "no threshold from normal marrow makes it, and nobody has cleaned it."
)

Maps = tuple[Floats, Floats]
"""Tissue `(slice, 6, side, side)` and how likely oedema is `(slice, side, side)`."""


def true_maps(case: PlannedCase, series: Series) -> Maps:
    """The simulator's own tissue and oedema of a fluid-sensitive series, on the networks' cells."""
    plane = Plane(str(series.plane))
    person = sample_case(case.seed, kind=case.kind, appearance=case.appearance)
    rng = np.random.default_rng([case.seed, list(Plane).index(plane)])
    stack = sample_stack(rng, person, plane=plane, weighting=Weighting.FLUID)
    if stack.shape != series.volume.shape:
        raise ValueError(f"truth is for {stack.shape}, the series is {series.volume.shape}")
    slices = [true_slice(person, stack, index) for index in range(stack.shape[0])]
    tissue, oedema = (np.stack(maps) for maps in zip(*slices, strict=True))
    return on_cells(series, tissue, oedema)


def true_slice(case: Case, stack: Stack, index: int) -> tuple[npt.NDArray[np.uint8], Floats]:
    """`(row, column)`: the `Tissue` of each voxel of a slice, and its share of oedema.

    As the series was rendered (`phantom.cases`), without grey values and without a scanner.
    """
    rng = np.random.default_rng([case.seed, list(Plane).index(stack.plane), round(index * 16)])
    painted = paint(case.person, view_of(stack, case.placement, index), [], rng)
    covers = [np.zeros(stack.shape[1:], np.float32), *painted.oedema.values()]
    return tissue_map(painted), np.asarray(np.max(covers, axis=0), dtype=np.float32)


def on_cells(series: Series, tissue: npt.NDArray[np.uint8], oedema: Floats) -> Maps:
    """Maps on the grid of a series, on the networks' cells.

    Args:
        series: whose grid it is.
        tissue: `(slice, row, column)`, a `Tissue` each.
        oedema: `(slice, row, column)`, share of each voxel.
    """
    grid = grid_of(series.volume, series.plane)
    shares = [grid.to_square((tissue == k).astype(np.float32), MASK_SIDE) for k in Tissue]
    return np.stack(shares, axis=1), grid.to_square(oedema, MASK_SIDE)


def maps_of(series: Series, ensemble: Ensemble) -> Maps:
    """Tissue and oedema of a series by the ensemble, as `predict` measures them."""
    plane = Plane(str(series.plane))
    shares = ensemble.shares(plane)
    tissue, oedema = [], []
    for piece in ensemble.each(plane, prepare(series.volume, plane).images, judging):
        tissue.append(sum_of_shares({n: of[2] for n, of in piece.items()}, shares))
        oedema.append(sum_of_shares({n: of[3] for n, of in piece.items()}, shares))
    maps = np.concatenate(tissue).astype(np.float16).astype(np.float32)
    return maps, oedema_share(np.concatenate(oedema))


def measure_agreement(simulated: SimulatedStudy, ensemble: Ensemble) -> Record:
    """What is measured of the truth of the semicoronal series, and of what the networks find."""
    series = next(s for s in simulated.study.series if s.plane is Plane.CORONAL)
    truth, maps = true_maps(simulated.case, series), maps_of(series, ensemble)
    true, found = measure(series, *truth, rules=TRUTH), measure(series, *maps)
    if true is None or found is None:
        raise ValueError(f"{simulated.case.name} has no geometry")
    return {
        "truth": _figures(true),
        "found": _figures(found),
        "cells": _cells(series, truth, maps),
        "quadrants": _quadrants(true.marks, found.marks),
        "by_rules": {
            name_of(rules): _total(measure(series, *maps, rules=rules)) for rules in CHOICES
        },
    }


def name_of(rules: Rules) -> str:
    """For a table.

    >>> name_of(Rules(0.9, 30.0))
    '0.9, 30 mm²'
    """
    return f"{rules.sure:g}, {rules.quadrant_mm2:.0f} mm²"


def agreement_figures(records: Sequence[Record]) -> dict[str, Any]:
    """Every figure of a set of studies."""
    scored = [r for r in records if r["truth"]["total"] is not None]
    both = [r for r in scored if r["found"]["total"] is not None]
    found_dice = over_cases([tuple(r["cells"]) for r in records], dice)
    figures: dict[str, Any] = {
        "studies": len(records),
        "not proposed": len(scored) - len(both),
        "sparcc": _agreement(both, "total"),
        "sparcc of studies with oedema": _agreement(
            [r for r in both if r["truth"]["total"] > 0], "total"
        ),
        "quadrants with oedema": _agreement(both, "oedema"),
        "depth": _agreement(both, "depth"),
        "intensity": _agreement(both, "intensity"),
        "volume in mL": _agreement(records, "volume_ml"),
        "dice": None if found_dice is None else found_dice.as_dict(),
    }
    sums = [sum(r["quadrants"][k] for r in records) for k in range(3)]
    figures["quadrants"] = dict(zip(("both", "true", "found"), sums, strict=True))
    healthy = [r["found"]["total"] for r in both if r["truth"]["total"] == 0]
    figures["healthy"] = len(healthy)
    figures["healthy, proposed"] = sum(total >= ASAS_MATCH for total in healthy)
    return figures


def by_rules(records: Sequence[Record]) -> dict[str, float | None]:
    """ICC of the proposed SPARCC by the rules of `CHOICES`."""
    found = {}
    for name in map(name_of, CHOICES):
        pairs = [(r["truth"]["total"], r["by_rules"][name]) for r in records]
        known = [pair for pair in pairs if None not in pair]
        value = icc(known) if len(known) > 1 else None
        found[name] = None if value is None else round(value, 3)
    return found


def agreement_parts(measured: Mapping[str, Any]) -> list[str]:
    """The page for people."""
    parts = [PUBLISHED, SAME_RULES, VOLUME]
    for name, figures in measured["sets"].items():
        rows = [
            [
                title,
                with_interval(found["icc"]),
                with_interval(_limits(found["limits"]), "+.1f"),
                str(found["cases"]),
            ]
            for title, found in figures.items()
            if isinstance(found, Mapping) and "limits" in found
        ]
        head = ["measure", "ICC(2,1)", "found less true: mean (limits of agreement)", "studies"]
        quadrants = figures["quadrants"]
        parts += [
            f"## {name.capitalize()}",
            f"{figures['studies']} studies; SPARCC could not be proposed in "
            f"{figures['not proposed']}.",
            markdown_table(head, rows),
            f"Of {quadrants['true']} quadrants with oedema, on all slices, {quadrants['both']} are "
            f"proposed, and {quadrants['found'] - quadrants['both']} without. Dice of oedema, all "
            f"cells together: {with_interval(figures['dice'])}.",
            f"Of {figures['healthy']} studies whose true score is 0, "
            f"{figures['healthy, proposed']} are proposed one of {ASAS_MATCH} or more, from which "
            "on SPARCC agrees best with an MRI that is positive by ASAS.",
        ]
    rows = [
        [name, NOT_MEASURABLE if value is None else f"{value:.3f}"]
        for name, value in measured["rules"].items()
    ]
    return [
        *parts,
        "## The rules",
        "Validation studies: ICC of the proposed SPARCC by how likely oedema is at the surest "
        f"place of a patch, and by its area in a quadrant. In use: {name_of(RULES)}. Surer is "
        "better here, but real oedema is fainter, and lost where more is asked (decision 30).",
        markdown_table(["rules", "ICC(2,1)"], rows),
    ]


def _figures(measured: Measurements) -> Record:
    figures: Record = {
        "volume_ml": round(measured.volume_ml, 4),
        "fluid_ratio": measured.fluid_ratio,
        "reference": len(measured.reference.slices),
        "oedema": None,
        "depth": None,
        "intensity": None,
        "total": None,
    }
    if measured.first_scored is not None:
        score = inflammation(measured.marks, measured.first_scored)
        figures |= {"oedema": score.oedema, "depth": score.depth}
        figures |= {"intensity": score.intensity, "total": score.total}
    return figures


def _total(measured: Measurements | None) -> int | None:
    if measured is None or measured.first_scored is None:
        return None
    return inflammation(measured.marks, measured.first_scored).total


def _cells(series: Series, truth: Maps, maps: Maps) -> list[int]:
    """Cells of oedema in both, in the truth, and as found."""
    true, seen = cells_of(series, *truth), cells_of(series, *maps)
    if true is None or seen is None:
        return [0, 0, 0]
    one, other = oedema_at(true, TRUTH.sure), oedema_at(seen)
    return [int((one & other).sum()), int(one.sum()), int(other.sum())]


def _quadrants(true: Sequence[Mark], found: Sequence[Mark]) -> list[int]:
    """Quadrants of all slices in both, in the truth, and as found."""
    one, other = ({(mark.slice, mark.quadrant) for mark in marks} for marks in (true, found))
    return [len(one & other), len(one), len(other)]


def _agreement(records: Sequence[Record], name: str) -> dict[str, Any]:
    """ICC with its interval over cases, and limits of agreement."""
    pairs = [(r["truth"][name], r["found"][name]) for r in records]
    estimate = over_cases(pairs, icc) if len(pairs) > 1 else None
    limits = limits_of_agreement([found - true for true, found in pairs])
    return {
        "icc": None if estimate is None else estimate.as_dict(),
        "limits": None if limits is None else limits.as_dict(),
        "cases": len(pairs),
    }


def _limits(limits: Mapping[str, float] | None) -> Mapping[str, float] | None:
    return limits and {"value": limits["mean"], **limits}
