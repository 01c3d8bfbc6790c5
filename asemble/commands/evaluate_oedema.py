"""`asemble evaluate measurements`: what is measured of oedema, against simulated truth."""

from pathlib import Path

from asemble import measurements
from asemble.commands.evaluate_studies import PEOPLE, Run, keep
from asemble.commands.terminal import progress, writing
from asemble.datasets import seeds
from asemble.evaluation.oedema_agreement import (
    agreement_figures,
    agreement_parts,
    by_rules,
    measure_agreement,
)
from asemble.evaluation.simulated_studies import (
    plan,
    run_digest,
    run_studies,
    sources_digest,
)
from asemble.evaluation.study_metrics import IN_DISTRIBUTION, SETS, SHIFTED
from asemble.models import Ensemble, load_ensemble
from asemble.phantom import HELD_OUT


def measure_measurements(count: int, run: Run, *, docs: Path) -> None:
    """Write how far measurements agree with the truth, on both sets of test studies.

    What other rules would give is looked at on a quarter as many validation studies.

    Args:
        count: studies in each set.
        run: where from and how.
        docs: folder for the page and its numbers.

    Raises:
        AsembleError: the weights are not right, or nothing can be written.
    """
    ensemble = load_ensemble(run.weights)
    turns = [turn for name in HELD_OUT for turn in (None, name)]
    validation = plan(max(count // 4, 3), seeds.CALIBRATION, appearances=turns)
    tests = {
        IN_DISTRIBUTION: plan(count, PEOPLE[IN_DISTRIBUTION]),
        SHIFTED: plan(count, PEOPLE[SHIFTED], appearances=list(HELD_OUT)),
    }
    with writing():
        records = run_studies(
            [*(case for name in SETS for case in tests[name]), *validation],
            lambda simulated: measure_agreement(simulated, ensemble),
            records=run.records / "measurements.jsonl",
            digest=measurements_digest(ensemble),
            workers=run.workers,
            keep=run.keep,
            progress=progress("measuring", "studies"),
        )
        sets = {
            name: agreement_figures(records[k * count : (k + 1) * count])
            for k, name in enumerate(SETS)
        }
        measured = {"sets": sets, "rules": by_rules(records[-len(validation) :])}
        parts = agreement_parts(measured)
        keep("measurements", parts, measured, run, docs)
    print("\n\n".join(parts))


def measurements_digest(ensemble: Ensemble) -> str:
    """Names all that the records depend on: no fusion, so that they outlive a new one."""
    shares = {str(plane): dict(ensemble.shares(plane)) for plane in ensemble.planes}
    return run_digest(
        ensemble.weights, {"shares": shares, "measurements": sources_digest(measurements)}
    )
