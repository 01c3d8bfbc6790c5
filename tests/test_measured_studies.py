"""Measurements of a simulated person by the shipped weights, against the known bones and oedema."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from asemble.core.joints import Joint
from asemble.core.labels import Pattern, Plane, Weighting
from asemble.core.measurements import Measurements
from asemble.core.study import Series
from asemble.core.volume import Floats, Volume
from asemble.evaluation.oedema_agreement import (
    CHOICES,
    TRUTH,
    by_rules,
    maps_of,
    name_of,
    oedema_agreement,
    on_cells,
    true_slice,
)
from asemble.measurements import measure
from asemble.models import load_ensemble
from asemble.performance.pages import PUBLISHED, as_markdown, measurements_parts
from asemble.performance.records import Appearances, OedemaMeasurements
from asemble.phantom import Case, LesionType, render_slice, sample_case, sample_stack
from asemble.phantom.acquisition import Stack

SEED = 750_061
"""An inflamed person with oedema at both joints, of those that no network has seen."""
SLICES = range(5, 11)


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """Six slices of a person, and what is true of them."""

    case: Case
    stack: Stack
    series: Series
    tissue: np.ndarray
    oedema: Floats


@pytest.fixture(scope="module")
def person() -> Person:
    case = sample_case(SEED, kind=Pattern.INFLAMMATORY)
    rng = np.random.default_rng(SEED)
    stack = sample_stack(rng, case, plane=Plane.CORONAL, weighting=Weighting.FLUID)
    slices = [render_slice(case, stack, index, rng) for index in SLICES]
    affine = stack.affine_lps.copy()
    affine[:3, 3] += SLICES[0] * affine[:3, 0]
    volume = Volume(np.stack([one.image for one in slices]), affine)
    series = Series("s01", "STIR", volume, Plane.CORONAL, Weighting.FLUID, modality="MR")
    key = (LesionType.OEDEMA, Pattern.INFLAMMATORY)
    none = np.zeros(stack.shape[1:], np.float32)
    oedema = np.stack([one.masks.get(key, none) for one in slices])
    return Person(case, stack, series, np.stack([one.tissue for one in slices]), oedema)


@pytest.fixture(scope="module")
def both(person: Person) -> tuple[Measurements, Measurements]:
    """As it is, and as the shipped networks find it."""
    truth = on_cells(person.series, person.tissue, person.oedema)
    true = measure(person.series, *truth, rules=TRUTH)
    found = measure(person.series, *maps_of(person.series, load_ensemble(device="cpu")))
    assert true is not None and found is not None
    return true, found


def test_truth_painted_again_is_the_truth_that_was_rendered(person: Person) -> None:
    tissue, oedema = true_slice(person.case, person.stack, SLICES[2])
    assert (tissue == person.tissue[2]).all()
    assert (oedema >= person.oedema[2]).all()


def test_shipped_networks_lay_the_joints_where_they_are(
    both: tuple[Measurements, Measurements],
) -> None:
    true, found = both
    for joint in Joint:
        lines = [[o for o in m.joint_lines if o.joint is joint] for m in both]
        assert len(lines[1]) >= len(lines[0]) - 1 > 0
        middles = [np.mean([line.points.mean(axis=0) for line in of], axis=0) for of in lines]
        assert np.abs(middles[0] - middles[1])[0] < 4  # mm to the side
    assert true.reference.why_not is found.reference.why_not is None


def test_shipped_networks_find_most_quadrants_with_oedema(
    both: tuple[Measurements, Measurements],
) -> None:
    true, found = ({(mark.slice, mark.quadrant) for mark in measured.marks} for measured in both)
    assert len(true) >= 4
    assert 2 * len(true & found) / (len(true) + len(found)) > 0.5


def record(true: int | None, found: int | None) -> dict[str, Any]:
    def figures(total: int | None) -> dict[str, object]:
        parts = dict.fromkeys(("oedema", "depth", "intensity", "total"), total)
        return {**parts, "volume_ml": total or 0.0}

    both = min(true or 0, found or 0)
    return {
        "truth": figures(true),
        "found": figures(found),
        "cells": [both, true or 0, found or 0],
        "quadrants": [both, true or 0, found or 0],
        "by_rules": {name_of(rules): found for rules in CHOICES},
    }


def test_agreement_leaves_out_what_could_not_be_proposed_and_says_so() -> None:
    records = [record(0, 0), record(10, 12), record(30, 27), record(5, None)]
    found = oedema_agreement(records)
    assert found.not_proposed == 1
    assert found.sparcc.icc is not None and found.sparcc.limits is not None
    assert found.sparcc.cases == 3 and found.sparcc.icc.value > 0.95
    assert found.sparcc_with_oedema.cases == 2
    assert (found.healthy, found.healthy_positive) == (1, 0)
    assert found.sparcc.limits.mean == pytest.approx(-1 / 3, abs=0.01)
    assert len(by_rules(records)) == len(CHOICES)
    measured = OedemaMeasurements({Appearances.TRAINING: found}, by_rules(records))
    page = as_markdown(measurements_parts(measured))
    assert PUBLISHED in page and "could not be proposed in 1" in page
