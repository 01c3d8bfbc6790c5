"""`asemble evaluate explanations`: where maps point, by which method, and whether they forget.

Measured on the inflammatory ones of the test studies, whose oedema is known, with records of their
own: the methods and the controls cost more than the prediction.
"""

from collections.abc import Sequence
from pathlib import Path

from asemble.commands.evaluate_studies import (
    PEOPLE,
    Run,
    digest_of,
    keep,
)
from asemble.commands.terminal import progress, writing
from asemble.core.labels import Pattern, Plane
from asemble.evaluation.heatmap_metrics import card_metrics, explanations
from asemble.evaluation.heatmap_records import DRAWS, measure_for_explanations, untrained_draws
from asemble.evaluation.pages import explanations_parts
from asemble.evaluation.simulated_studies import PlannedCase, Record, plan, run_studies
from asemble.evaluation.study_metrics import IN_DISTRIBUTION, SETS, SHIFTED
from asemble.explain.methods import OTHER_METHODS
from asemble.models import Ensemble, load_ensemble
from asemble.models.cards import card_path, write_card
from asemble.models.weights import weights_directory
from asemble.phantom import HELD_OUT

MEASURED = {"maps": 1, "methods": sorted(OTHER_METHODS), "draws": DRAWS}
"""What a record here depends on beside the ensemble; raise the number when a measure changes."""


def measure_explanations(count: int, run: Run, *, docs: Path) -> None:
    """Write where maps point and how they forget, on both sets of simulated test studies.

    Args:
        count: studies in each set, of which the inflammatory ones are used.
        run: where from and how.
        docs: folder for the page and its numbers.

    Raises:
        AsembleError: the weights are not right, or nothing can be written.
    """
    ensemble = load_ensemble(run.weights)
    records = examined(count, run, ensemble)
    sets = {name: explanations(records[name]) for name in SETS}
    parts = explanations_parts(sets)
    directory = weights_directory(run.weights)
    with writing():
        keep("explanations", parts, {"sets": sets}, run, docs)
        for name, card in ensemble.cards.items():
            metrics = card_metrics(sets, Plane(card.plane), card.member)
            write_card(card_path(directory / name), card.with_metrics(metrics))
    print("\n\n".join(parts))


def examined(count: int, run: Run, ensemble: Ensemble) -> dict[str, list[Record]]:
    """The records of the inflammatory studies of both sets, measured where they are not yet."""
    plans = {
        IN_DISTRIBUTION: _inflammatory(plan(count, PEOPLE[IN_DISTRIBUTION])),
        SHIFTED: _inflammatory(plan(count, PEOPLE[SHIFTED], appearances=list(HELD_OUT))),
    }
    draws = untrained_draws(ensemble)
    with writing():
        measured = run_studies(
            [case for cases in plans.values() for case in cases],
            lambda simulated: measure_for_explanations(simulated, ensemble, draws),
            records=run.records / "explanations.jsonl",
            digest=digest_of(ensemble, explanations=MEASURED),
            workers=run.workers,
            keep=run.keep,
            progress=progress("measuring", "studies"),
        )
    first = len(plans[IN_DISTRIBUTION])
    return {IN_DISTRIBUTION: measured[:first], SHIFTED: measured[first:]}


def _inflammatory(cases: Sequence[PlannedCase]) -> list[PlannedCase]:
    return [case for case in cases if case.kind is Pattern.INFLAMMATORY]
