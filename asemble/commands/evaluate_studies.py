"""`asemble evaluate`: the ensemble on simulated studies that no network has seen.

`calibrate` fits what `ensemble.json` holds. `studies` and `calibration` measure on the same test
studies, whose records they share: whichever comes first simulates and predicts, the other
reads. `explanations` and `trust` have records of their own. What they find goes to `docs` for
people and to `ensemble.json` and the cards, which the app shows.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from asemble.commands.terminal import progress, writing
from asemble.core.errors import WeightsError
from asemble.core.labels import PATTERNS, Plane
from asemble.datasets import seeds
from asemble.evaluation.calibration_metrics import calibration_figures
from asemble.evaluation.documents import markdown_table, write_measurement
from asemble.evaluation.fusion_fit import fit_fusion, pulls
from asemble.evaluation.gallery import GALLERY_FILE, entry, worst, write_strip
from asemble.evaluation.pages import calibration_parts, studies_parts
from asemble.evaluation.simulated_studies import (
    Record,
    plan,
    run_digest,
    run_studies,
)
from asemble.evaluation.study_metrics import (
    IN_DISTRIBUTION,
    NOTICE,
    SETS,
    SHIFTED,
    Measured,
    as_dicts,
    by_appearance,
    evaluation_card,
    figures,
    member_metrics,
    table,
)
from asemble.evaluation.study_records import measure_for_figures, measure_for_fusion
from asemble.explain.telling import limits_of
from asemble.models import Ensemble, load_ensemble
from asemble.models.cards import card_path, write_card
from asemble.models.fusion import (
    METHODS,
    PLANE_SETS,
    Fusion,
    load_fusion,
    save_fusion,
    store_measurement,
    stored_measurement,
    uncalibrated,
)
from asemble.models.scope import accepts_all
from asemble.models.weights import weights_directory
from asemble.phantom import HELD_OUT

TWICE = 3
"""One in so many test studies is examined a second time, which costs as much as the first."""

SAME = 1e-3
"""A number of a fit that moves less, as from one processor to another, is the same."""

TITLES = {
    "studies": "Simulated test studies",
    "explanations": "Where heatmaps point, on simulated studies",
    "trust": "Accuracy of the heatmap checks, on simulated studies",
    "calibration": "Calibration on simulated studies",
    "measurements": "Measurements of oedema, on simulated studies",
}
"""Of the pages in `docs`."""

PEOPLE = {IN_DISTRIBUTION: seeds.TEST, SHIFTED: seeds.HELD_OUT_TEST}
"""Of the test sets."""


@dataclass(frozen=True, slots=True)
class Run:
    """What every command here is told.

    Args:
        weights: folder of the weights; None for the shipped ones.
        records: folder of records, from which a stopped run goes on.
        workers: processes that simulate.
        keep: whether simulated studies stay beside the records, for other weights.
    """

    weights: Path | None
    records: Path
    workers: int
    keep: bool = False


def calibrate(count: int, run: Run) -> None:
    """Fit the fusion on simulated validation studies and write `ensemble.json`.

    Half of the studies look as training does and half as held-out appearances; half of them are
    examined twice.

    Raises:
        AsembleError: the weights are not right, too few studies, or nothing can be written.
    """
    ensemble = load_ensemble(run.weights)
    names = member_names(ensemble)
    ensemble.fusion = uncalibrated(ensemble.weights, names)  # in place of what this will write
    ensemble.scope = accepts_all()  # which studies are judged is no matter of calibration
    turns = [turn for name in HELD_OUT for turn in (None, name)]
    studies = max(count, len(PATTERNS))
    with writing():
        measured = run_studies(
            plan(studies, seeds.CALIBRATION, appearances=turns, again=studies // 2),
            lambda simulated: measure_for_fusion(simulated, ensemble),
            records=run.records / "calibrate.jsonl",
            digest=run_digest(ensemble.weights),
            workers=run.workers,
            keep=run.keep,
            progress=progress("calibrating", "studies"),
        )
        fusion = fit_fusion(measured, ensemble.weights, names, first_seed=seeds.CALIBRATION.first)
        directory = weights_directory(run.weights)
        path = save_fusion(directory, replace(fusion, evaluation=_kept(directory, fusion)))
    print(NOTICE)
    for key in PLANE_SETS:
        print(f"{key}: {fusion.coefficients[key].round(3).tolist()}")
    for plane, least in fusion.counting.items():
        print(f"{plane} slices count with at least {least:.0%} of their evidence at the joints")
    for plane, rule in fusion.slices.items():
        print(f"{plane} slices: {rule}")
    print(fusion.interval)
    columns = ["pull", "loss", f"{', '.join(PATTERNS)} called so", "calibration error"]
    print(f"\n{markdown_table(columns, pulls(measured, fusion.counting))}\n")
    print(f"Wrote {path.name}, fitted on {len(measured)} simulated studies.")


def _kept(directory: Path, fusion: Fusion) -> dict[str, Any]:
    """The figures that outlive a new fit, by their name.

    What is in scope does not depend on the members. Where maps point, whether they are to be
    trusted and what is measured in them depends on the scale of the heatmaps and the calibration
    of slices, not on how slices make a study.
    """
    kept = {"scope": stored_measurement(directory, "scope")}
    members = {Plane(p): list(of) for p, of in fusion.references[METHODS[0]].items()}
    try:
        before = load_fusion(directory, fusion.weights, members)
    except WeightsError:
        return kept
    old, new = _of_maps(before), _of_maps(fusion)
    if len(old) == len(new) and np.allclose(old, new, rtol=SAME):
        of_maps = ("explanations", "trust", "measurements")
        kept |= {name: stored_measurement(directory, name) for name in of_maps}
    return {name: measured for name, measured in kept.items() if measured}


def _of_maps(fusion: Fusion) -> list[float]:
    """What figures of heatmaps and of single slices depend on."""
    references = [
        strength
        for method in sorted(fusion.references)
        for plane in sorted(fusion.references[method])
        for _, strength in sorted(fusion.references[method][plane].items())
    ]
    slices = [list(asdict(fusion.slices[plane]).values()) for plane in sorted(fusion.slices)]
    return [*references, *(number for numbers in slices for number in numbers)]


def measure_studies(count: int, run: Run, *, docs: Path, store: bool) -> None:
    """Print the figures of the ensemble on both sets of simulated test studies.

    Args:
        count: studies in each set.
        run: where from and how.
        docs: folder for the page and its numbers.
        store: write them, and keep them in `ensemble.json` and in the cards.

    Raises:
        AsembleError: the weights are not right, or nothing can be written.
    """
    ensemble, records = tested(count, run)
    found = {name: figures(records[name]) for name in SETS}
    for name in SETS:
        print(f"\n{name.upper()}\n{table(records[name], found[name])}")
    if not store:
        return
    measured = studies_content(records, found)
    directory = weights_directory(run.weights)
    with writing():
        keep("studies", studies_parts(measured["sets"], measured["gallery"]), measured, run, docs)
        write_strip(directory / GALLERY_FILE, worst(records[SHIFTED]))
        for name, card in ensemble.cards.items():
            metrics = member_metrics(found, Plane(card.plane), card.member)
            write_card(card_path(directory / name), card.with_metrics(metrics).with_use())
    print(f"Stored in {docs}, in ensemble.json and in the cards.", file=sys.stderr)


def studies_content(
    records: Mapping[str, Sequence[Record]], found: Mapping[str, Measured]
) -> dict[str, Any]:
    """What `studies` keeps of the records of both sets and of their figures."""
    sets: dict[str, dict[str, Any]] = {
        name: evaluation_card(records[name], found[name], first_seed=PEOPLE[name].first)
        for name in SETS
    }
    sets[SHIFTED]["by appearance"] = {
        name: as_dicts(measured) for name, measured in by_appearance(records[SHIFTED]).items()
    }
    return {"sets": sets, "gallery": [entry(record) for record in worst(records[SHIFTED])]}


def measure_calibration(count: int, run: Run, *, docs: Path) -> None:
    """Write calibration errors and the coverage of the interval, on both sets.

    Raises:
        AsembleError: the weights are not right, or nothing can be written.
    """
    _, records = tested(count, run)
    sets = {name: calibration_figures(records[name]) for name in SETS}
    parts = calibration_parts(sets)
    with writing():
        keep("calibration", parts, {"sets": sets}, run, docs)
    print("\n\n".join(parts))


def tested(count: int, run: Run) -> tuple[Ensemble, dict[str, list[Record]]]:
    """The ensemble and the records of both test sets, measured where they are not yet.

    Args:
        count: studies in each set.
        run: where from and how.

    Raises:
        AsembleError: the weights are not right, or nothing can be written.
    """
    ensemble = load_ensemble(run.weights)
    again = count // TWICE
    plans = {
        IN_DISTRIBUTION: plan(count, PEOPLE[IN_DISTRIBUTION], again=again),
        SHIFTED: plan(count, PEOPLE[SHIFTED], appearances=list(HELD_OUT), again=again),
    }
    with writing():
        measured = run_studies(
            [case for cases in plans.values() for case in cases],
            lambda simulated: measure_for_figures(simulated, ensemble),
            records=run.records / "studies.jsonl",
            digest=digest_of(ensemble),
            workers=run.workers,
            keep=run.keep,
            progress=progress("measuring", "studies"),
        )
    return ensemble, {IN_DISTRIBUTION: measured[:count], SHIFTED: measured[count:]}


def digest_of(ensemble: Ensemble, **facts: object) -> str:
    """Names all that the answers and the maps of an ensemble depend on, and further facts."""
    return run_digest(
        ensemble.weights,
        fusion_facts(ensemble.fusion),
        {"scope": repr(dict(ensemble.scope.limits))} | facts,
    )


def member_names(ensemble: Ensemble) -> dict[Plane, list[str]]:
    """Names of the members by plane."""
    return {plane: [m.name for m in members] for plane, members in ensemble.planes.items()}


def fusion_facts(fusion: Fusion) -> dict[str, object]:
    """What of a fusion changes figures."""
    return {
        "coefficients": {key: fusion.coefficients[key].tolist() for key in PLANE_SETS},
        "references": fusion.references,
        "slices": {plane: repr(rule) for plane, rule in fusion.slices.items()},
        "interval": repr(fusion.interval),
        "counting": dict(fusion.counting),
        "limits": dict(limits_of(fusion)),
    }


def keep(
    name: str, parts: Sequence[str], measured: Mapping[str, Any], run: Run, docs: Path
) -> None:
    """Write the page, its numbers, and the same numbers into `ensemble.json`."""
    content = {"notice": NOTICE, **measured}
    write_measurement(docs, name, title=TITLES[name], parts=parts, measured=content)
    store_measurement(weights_directory(run.weights), name, content)
