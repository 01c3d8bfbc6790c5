"""Accuracy of the measurements on simulated studies: against the known bones and the known oedema.

The truth is measured by the same rules from the simulator's own maps, painted again without a
scanner, so that what is compared is what the networks find, not how it is counted.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from asemble.clinical.sparcc import ASAS_MATCH, inflammation
from asemble.core.joints import Mark
from asemble.core.labels import Plane, Tissue, Weighting
from asemble.core.measurements import Measurements
from asemble.core.study import Series
from asemble.core.volume import Floats
from asemble.evaluation.simulated_studies import PlannedCase, SimulatedStudy
from asemble.evaluation.study_types import Figures, OedemaRecord
from asemble.explain import infer
from asemble.imaging.slices import MASK_SIDE, grid_of, prepare
from asemble.measurements import Rules, cells_of, measure
from asemble.measurements.cells import oedema_at
from asemble.metrics.agreement import dice, icc, limits_of_agreement
from asemble.metrics.resampling import over_cases
from asemble.models import Ensemble
from asemble.performance.records import Agreement, OedemaAgreement, RulesIcc
from asemble.performance.tables import rules_words
from asemble.phantom import Case, sample_case, sample_stack
from asemble.phantom.acquisition import Stack
from asemble.phantom.cases import view_of
from asemble.phantom.painting import paint
from asemble.phantom.training_slices import tissue_map

TRUTH = Rules(sure=0.0, quadrant_mm2=12.0)
"""What is true is sure, and as large as labels a slice."""
CHOICES = tuple(Rules(sure, mm2) for sure in (0.5, 0.8, 0.9, 0.95, 0.99) for mm2 in (12.0, 30.0))
"""Of rules, by which the ones in use are judged."""
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
    found = infer(plane, prepare(series.volume, plane), ensemble, with_cam=False)
    return found.tissue.astype(np.float32), found.oedema


def measure_agreement(simulated: SimulatedStudy, ensemble: Ensemble) -> OedemaRecord:
    """What is measured of the truth of the semicoronal series, and of what the networks find."""
    series = next(s for s in simulated.study.series if s.plane is Plane.CORONAL)
    truth, maps = true_maps(simulated.case, series), maps_of(series, ensemble)
    true, found = measure(series, *truth, rules=TRUTH), measure(series, *maps)
    if true is None or found is None:
        raise ValueError(f"{simulated.case.name} has no geometry")
    return {
        **simulated.case.written,
        "truth": _figures(true),
        "found": _figures(found),
        "cells": _cells(series, truth, maps),
        "quadrants": _quadrants(true.marks, found.marks),
        "by_rules": {
            name_of(rules): _total(measure(series, *maps, rules=rules)) for rules in CHOICES
        },
    }


def oedema_agreement(records: Sequence[OedemaRecord]) -> OedemaAgreement:
    """Every metric of a set of studies."""
    scored = sum(r["truth"]["total"] is not None for r in records)
    totals = _pairs(records, "total")
    shared, true, found = (sum(r["quadrants"][k] for r in records) for k in range(3))
    healthy = [found for true, found in totals if true == 0]
    return OedemaAgreement(
        studies=len(records),
        not_proposed=scored - len(totals),
        sparcc=_agreement(totals),
        sparcc_with_oedema=_agreement([pair for pair in totals if pair[0] > 0]),
        oedema=_agreement(_pairs(records, "oedema")),
        depth=_agreement(_pairs(records, "depth")),
        intensity=_agreement(_pairs(records, "intensity")),
        volume_ml=_agreement(_pairs(records, "volume_ml")),
        dice=over_cases([r["cells"] for r in records], dice),
        true=true,
        found=found,
        both=shared,
        healthy=len(healthy),
        healthy_positive=sum(total >= ASAS_MATCH for total in healthy),
    )


def by_rules(records: Sequence[OedemaRecord]) -> tuple[RulesIcc, ...]:
    """ICC of the proposed SPARCC by the rules of `CHOICES`."""
    found = []
    for rules in CHOICES:
        known = [
            (true, proposed)
            for r in records
            if (true := r["truth"]["total"]) is not None
            and (proposed := r["by_rules"][name_of(rules)]) is not None
        ]
        value = icc(known) if len(known) > 1 else None
        rounded = None if value is None else round(value, 3)
        found.append(RulesIcc(rules.sure, rules.quadrant_mm2, rounded))
    return tuple(found)


def name_of(rules: Rules) -> str:
    """In records."""
    return rules_words(rules.sure, rules.quadrant_mm2)


def _figures(measured: Measurements) -> Figures:
    figures: dict[str, float | None] = {
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


def _cells(series: Series, truth: Maps, maps: Maps) -> tuple[int, int, int]:
    """Cells of oedema in both, in the truth, and as found."""
    true, seen = cells_of(series, *truth), cells_of(series, *maps)
    if true is None or seen is None:
        return 0, 0, 0
    one, other = oedema_at(true, TRUTH.sure), oedema_at(seen)
    return int((one & other).sum()), int(one.sum()), int(other.sum())


def _quadrants(true: Sequence[Mark], found: Sequence[Mark]) -> tuple[int, int, int]:
    """Quadrants of all slices in both, in the truth, and as found."""
    one, other = ({(mark.slice, mark.quadrant) for mark in marks} for marks in (true, found))
    return len(one & other), len(one), len(other)


def _pairs(records: Sequence[OedemaRecord], name: str) -> list[tuple[float, float]]:
    """A figure of each study, true and found, where both are known."""
    return [
        (true, found)
        for r in records
        if (true := r["truth"][name]) is not None and (found := r["found"][name]) is not None
    ]


def _agreement(pairs: Sequence[tuple[float, float]]) -> Agreement:
    """ICC with its interval over cases, and limits of agreement."""
    estimate = over_cases(pairs, icc) if len(pairs) > 1 else None
    return Agreement(
        estimate, limits_of_agreement([found - true for true, found in pairs]), len(pairs)
    )
