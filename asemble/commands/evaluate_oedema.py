"""`asemble evaluate measurements`: what is measured of oedema, against simulated truth."""

from pathlib import Path

from asemble import measurements
from asemble.commands.evaluate_studies import PEOPLE, Run, keep
from asemble.commands.terminal import progress, writing
from asemble.datasets import seeds
from asemble.evaluation.oedema_agreement import by_rules, measure_agreement, oedema_agreement
from asemble.evaluation.simulated_studies import (
    plan,
    run_digest,
    run_studies,
    sources_digest,
)
from asemble.models import Ensemble, load_ensemble
from asemble.performance.pages import measurements_parts
from asemble.performance.records import OedemaMeasurements
from asemble.performance.tables import HELD_OUT, TRAINING
from asemble.phantom import HELD_OUT as HELD_OUT_APPEARANCES


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
    turns = [turn for name in HELD_OUT_APPEARANCES for turn in (None, name)]
    validation = plan(max(count // 4, 3), seeds.CALIBRATION, appearances=turns)
    tests = {
        TRAINING: plan(count, PEOPLE[TRAINING]),
        HELD_OUT: plan(count, PEOPLE[HELD_OUT], appearances=list(HELD_OUT_APPEARANCES)),
    }
    with writing():
        records = run_studies(
            [*(case for cases in tests.values() for case in cases), *validation],
            lambda simulated: measure_agreement(simulated, ensemble),
            records=run.records / "measurements.jsonl",
            digest=measurements_digest(ensemble),
            workers=run.workers,
            keep=run.keep,
            progress=progress("measuring", "studies"),
        )
        sets = {
            which: oedema_agreement(records[k * count : (k + 1) * count])
            for k, which in enumerate(tests)
        }
        measured = OedemaMeasurements(sets, by_rules(records[-len(validation) :]))
        print(keep("measurements", measured, measurements_parts, run.weights, docs))


def measurements_digest(ensemble: Ensemble) -> str:
    """Names all that the records depend on: no fusion, so that they outlive a new one."""
    shares = {str(plane): dict(ensemble.shares(plane)) for plane in ensemble.planes}
    return run_digest(
        ensemble.weights, {"shares": shares, "measurements": sources_digest(measurements)}
    )
