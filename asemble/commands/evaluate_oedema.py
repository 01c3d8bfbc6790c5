"""`asemble evaluate measurements`: what is measured of oedema, against simulated truth."""

from pathlib import Path

from asemble import measurements
from asemble.commands.evaluate_studies import Run, both_sets, keep, validation_studies
from asemble.commands.terminal import writing
from asemble.evaluation.oedema_agreement import by_rules, measure_agreement, oedema_agreement
from asemble.evaluation.simulated_studies import run_digest, sources_digest
from asemble.models import Ensemble, load_ensemble
from asemble.performance.pages import measurements_parts
from asemble.performance.records import Appearances, OedemaMeasurements


def measure_measurements(count: int, run: Run, *, docs: Path) -> None:
    """Write how far measurements agree with the truth, on both sets of test studies.

    What other rules would give is looked at on a quarter as many validation studies.

    Args:
        count: studies in each set.
        run: where from and how.
        docs: folder for the page.

    Raises:
        AsembleError: the weights are not right, or nothing can be written.
    """
    ensemble = load_ensemble(run.weights)
    studies = {str(which): cases for which, cases in both_sets(count).items()}
    studies["validation"] = validation_studies(max(count // 4, 3))
    with writing():
        records = run.records_of(
            "measurements",
            studies,
            lambda simulated: measure_agreement(simulated, ensemble),
            measurements_digest(ensemble),
        )
        sets = {which: oedema_agreement(records[which]) for which in Appearances}
        measured = OedemaMeasurements(sets, by_rules(records["validation"]))
        print(keep("measurements", measured, measurements_parts, run.weights, docs))


def measurements_digest(ensemble: Ensemble) -> str:
    """Names all that the records depend on: no fusion, so that they outlive a new one."""
    shares = {str(plane): dict(ensemble.shares(plane)) for plane in ensemble.planes}
    return run_digest(
        ensemble.weights, {"shares": shares, "measurements": sources_digest(measurements)}
    )
