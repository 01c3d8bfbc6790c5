"""`asemble evaluate explanations`: where maps point, by which method, and whether they forget.

Measured on the inflammatory ones of the test studies, whose oedema is known, with records of their
own: the methods and the controls cost more than the prediction.
"""

from pathlib import Path

from asemble.commands.evaluate_studies import Run, both_sets, digest_of, keep
from asemble.commands.terminal import writing
from asemble.core.labels import Pattern
from asemble.evaluation.cam_methods import OTHER_METHODS
from asemble.evaluation.heatmap_metrics import heatmap_metrics
from asemble.evaluation.heatmap_records import DRAWS, measure_for_explanations, untrained_draws
from asemble.evaluation.study_types import StudyRecord
from asemble.models import Ensemble, load_ensemble
from asemble.performance.pages import explanations_parts
from asemble.performance.records import Appearances

MEASURED = {"maps": 1, "methods": sorted(OTHER_METHODS), "draws": DRAWS}
"""What a record here depends on beside the ensemble; raise the number when a measure changes."""


def measure_explanations(count: int, run: Run, *, docs: Path) -> None:
    """Write where maps point and how they forget, on both sets of simulated test studies.

    Args:
        count: studies in each set, of which the inflammatory ones are used.
        run: where from and how.
        docs: folder for the page.

    Raises:
        AsembleError: the weights are not right, or nothing can be written.
    """
    ensemble = load_ensemble(run.weights)
    records = examined(count, run, ensemble)
    sets = {which: heatmap_metrics(some) for which, some in records.items()}
    with writing():
        print(keep("explanations", sets, explanations_parts, run.weights, docs))


def examined(count: int, run: Run, ensemble: Ensemble) -> dict[Appearances, list[StudyRecord]]:
    """The records of the inflammatory studies of both sets, measured where they are not yet."""
    sets = {
        which: [case for case in cases if case.kind is Pattern.INFLAMMATORY]
        for which, cases in both_sets(count).items()
    }
    draws = untrained_draws(ensemble)
    with writing():
        return run.records_of(
            "explanations",
            sets,
            lambda simulated: measure_for_explanations(simulated, ensemble, draws),
            digest_of(ensemble, explanations=MEASURED),
        )
