"""`asemble evaluate`: the ensemble on simulated studies that no network has seen.

`calibrate` fits what `ensemble.json` holds. `studies` and `calibration` measure on the same test
studies, whose records they share: whichever comes first simulates and predicts, the other
reads. `explanations` and `trust` have records of their own. What they find goes into
`performance.json` beside the weights, which the app shows, and from there to the pages in `docs`.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from asemble.commands.terminal import progress, writing
from asemble.core.errors import WeightsError
from asemble.core.labels import PATTERNS, Plane
from asemble.core.text_table import Table
from asemble.datasets import seeds
from asemble.evaluation.calibration_metrics import calibration_metrics
from asemble.evaluation.fusion_fit import fit_fusion, pulls
from asemble.evaluation.gallery import worst, write_strip
from asemble.evaluation.simulated_studies import (
    PlannedCase,
    Record,
    SimulatedStudy,
    plan,
    run_digest,
    run_studies,
)
from asemble.evaluation.study_metrics import studies_measured
from asemble.evaluation.study_records import measure_for_figures, measure_for_fusion
from asemble.evaluation.study_types import StudyRecord
from asemble.models import Ensemble, load_ensemble
from asemble.models.fusion import (
    METHODS,
    PLANE_SETS,
    Fusion,
    load_fusion,
    save_fusion,
    uncalibrated,
)
from asemble.models.input_gate import accepts_all
from asemble.models.weights import weights_directory
from asemble.performance import pages
from asemble.performance import store as performance_store
from asemble.performance.pages import Parts, as_markdown, write_page
from asemble.performance.records import NOTICE, Appearances, Performance
from asemble.performance.store import GALLERY_FILE
from asemble.performance.tables import HELD_OUT, TRAINING, confusion_table, study_table
from asemble.phantom import HELD_OUT as HELD_OUT_APPEARANCES

Set = TypeVar("Set")

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
    "scope": "What the ensemble declines to judge",
    "table": "The comparison table",
}
"""Of the pages in `docs`."""

PEOPLE = {TRAINING: seeds.TEST, HELD_OUT: seeds.HELD_OUT_TEST}
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

    def records_of(
        self,
        name: str,
        sets: Mapping[Set, Sequence[PlannedCase]],
        measure: Callable[[SimulatedStudy], Record],
        digest: str,
    ) -> dict[Set, list[Record]]:
        """The records of each set of studies, measured where they are not yet.

        Args:
            name: of the file of records.
            sets: of studies, by any name.
            measure: what to write down of a study.
            digest: of all that it depends on.
        """
        found = iter(
            run_studies(
                [case for cases in sets.values() for case in cases],
                measure,
                records=self.records / f"{name}.jsonl",
                digest=digest,
                workers=self.workers,
                keep=self.keep,
                progress=progress("measuring", "studies"),
            )
        )
        return {which: list(islice(found, len(cases))) for which, cases in sets.items()}


def both_sets(count: int, *, retest: int = 0) -> dict[Appearances, list[PlannedCase]]:
    """The studies of both test sets.

    Args:
        count: of each.
        retest: how many of each are examined a second time.
    """
    held_out = list(HELD_OUT_APPEARANCES)
    return {
        TRAINING: plan(count, PEOPLE[TRAINING], retest=retest),
        HELD_OUT: plan(count, PEOPLE[HELD_OUT], appearances=held_out, retest=retest),
    }


def validation_studies(count: int, *, retest: int = 0) -> list[PlannedCase]:
    """Studies that look as training does and as held-out appearances, in turn."""
    turns = [turn for name in HELD_OUT_APPEARANCES for turn in (None, name)]
    return plan(count, seeds.CALIBRATION, appearances=turns, retest=retest)


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
    ensemble.input_gate = accepts_all()  # which studies are judged is no matter of calibration
    studies = max(count, len(PATTERNS))
    with writing():
        (measured,) = run.records_of(
            "calibrate",
            {"validation": validation_studies(studies, retest=studies // 2)},
            lambda simulated: measure_for_fusion(simulated, ensemble),
            run_digest(ensemble.weights),
        ).values()
        fusion = fit_fusion(measured, ensemble.weights, names, first_seed=seeds.CALIBRATION.first)
        directory = weights_directory(run.weights)
        kept, limits = _kept(directory, fusion)
        path = save_fusion(directory, replace(fusion, limits=limits))
        performance_store.write_performance(directory, kept)
    print(NOTICE)
    for key in PLANE_SETS:
        print(f"{key}: {fusion.coefficients[key].round(3).tolist()}")
    for plane, least in fusion.counting.items():
        print(f"{plane} slices count with at least {least:.0%} of their evidence at the joints")
    for plane, rule in fusion.slices.items():
        print(f"{plane} slices: {rule}")
    print(fusion.interval)
    columns = ["pull", "loss", f"{', '.join(PATTERNS)} called so", "calibration error"]
    print(f"\n{Table(columns, pulls(measured, fusion.counting)).markdown()}\n")
    print(f"Wrote {path.name}, fitted on {len(measured)} simulated studies.")


def _kept(directory: Path, fusion: Fusion) -> tuple[Performance, Mapping[str, float | None]]:
    """What was measured that outlives a new fit, and the limits of the heatmap checks.

    What is in scope does not depend on the members. Where maps point, whether they are to be
    trusted and what is measured in them depends on the scale of the heatmaps and the calibration
    of slices, not on how slices make a study.
    """
    measured = performance_store.read_performance(directory)
    kept = Performance(scope=measured.scope, table=measured.table)
    members = {Plane(p): list(of) for p, of in fusion.references[METHODS[0]].items()}
    try:
        before = load_fusion(directory, fusion.weights, members)
    except WeightsError:
        return kept, {}
    old, new = _of_maps(before), _of_maps(fusion)
    if len(old) != len(new) or not np.allclose(old, new, rtol=SAME):
        return kept, {}
    of_maps = replace(measured, studies=None, calibration=None)
    return of_maps, before.limits


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
    """Print the metrics of the ensemble on both sets of simulated test studies.

    Args:
        count: studies in each set.
        run: where from and how.
        docs: folder for the page.
        store: write it, and keep them beside the weights.

    Raises:
        AsembleError: the weights are not right, or nothing can be written.
    """
    ensemble, records = tested(count, run)
    limits = ensemble.fusion.limits
    first_seeds = {which: people.first for which, people in PEOPLE.items()}
    measured = replace(studies_measured(records, first_seeds), limits=limits)
    print(f"{NOTICE}\nAUC is for inflammatory against the rest; intervals resample studies.\n")
    print(study_table(measured.sets).text())
    for which, of_set in measured.sets.items():
        print(f"\n{of_set.studies} studies of {which.words}\n")
        print(confusion_table(of_set.confusion).text())
    if store:
        with writing():
            write_strip(weights_directory(run.weights) / GALLERY_FILE, worst(records[HELD_OUT]))
            keep(
                "studies",
                measured,
                lambda found: pages.studies_parts(found, limits),
                run.weights,
                docs,
            )
        print(f"Stored in {docs} and beside the weights.", file=sys.stderr)


def measure_calibration(count: int, run: Run, *, docs: Path) -> None:
    """Write calibration errors and the coverage of the interval, on both sets.

    Raises:
        AsembleError: the weights are not right, or nothing can be written.
    """
    _, records = tested(count, run)
    sets = {which: calibration_metrics(some) for which, some in records.items()}
    with writing():
        print(keep("calibration", sets, pages.calibration_parts, run.weights, docs))


def tested(count: int, run: Run) -> tuple[Ensemble, dict[Appearances, list[StudyRecord]]]:
    """The ensemble and the records of both test sets, measured where they are not yet.

    Args:
        count: studies in each set.
        run: where from and how.

    Raises:
        AsembleError: the weights are not right, or nothing can be written.
    """
    ensemble = load_ensemble(run.weights)
    with writing():
        return ensemble, run.records_of(
            "studies",
            both_sets(count, retest=count // TWICE),
            lambda simulated: measure_for_figures(simulated, ensemble),
            digest_of(ensemble),
        )


def digest_of(ensemble: Ensemble, **facts: object) -> str:
    """Names all that the answers and the maps of an ensemble depend on, and further facts."""
    return run_digest(
        ensemble.weights,
        fusion_facts(ensemble.fusion),
        {"scope": repr(dict(ensemble.input_gate.limits))} | facts,
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
        "limits": dict(fusion.limits),
    }


def keep(
    name: str, measured: Any, parts_of: Callable[[Any], Parts], weights: Path | None, docs: Path
) -> str:
    """Put what a verb measured beside the weights, write its page, and return its text.

    Args:
        name: of the verb.
        measured: its record.
        parts_of: from the record, as it is stored, to the parts of the page.
        weights: their folder; None for the shipped ones.
        docs: folder of the page.
    """
    stored = performance_store.keep(weights_directory(weights), **{name: measured})
    parts = parts_of(getattr(stored, name))
    command = f"asemble evaluate {name}"
    write_page(docs / f"{name}.md", title=TITLES[name], command=command, parts=parts)
    return as_markdown(parts)
