"""`asemble evaluate trust`: limits and accuracy of the heatmap checks."""

from dataclasses import replace
from pathlib import Path

from asemble.commands.evaluate_studies import Run, digest_of, keep
from asemble.commands.terminal import writing
from asemble.core.labels import JUDGED_PLANES
from asemble.datasets import seeds
from asemble.evaluation.heatmap_check_records import look_at
from asemble.evaluation.heatmap_checks import heatmap_checks, limits_of_checks
from asemble.evaluation.joint_band_fit import fit_band
from asemble.evaluation.simulated_studies import plan
from asemble.models import load_ensemble
from asemble.models.fusion import save_fusion
from asemble.models.weights import weights_directory
from asemble.performance.pages import trust_parts
from asemble.phantom import HELD_OUT

JOINT_CASES = 60
"""Cases on which a band is fitted; twice as many move its ends by less than a millimetre."""

MEASURED = {"looks": 1}
"""What a record here depends on beside the ensemble; raise it when a measure changes."""


def measure_trust(count: int, run: Run, *, docs: Path) -> None:
    """Find the limits on validation studies and their accuracy on test studies.

    Args:
        count: studies in each of the two sets.
        run: where from and how.
        docs: folder for the page.

    Raises:
        AsembleError: the weights are not right, or nothing can be written.
    """
    ensemble = load_ensemble(run.weights)
    names = list(HELD_OUT)
    validation = plan(count, seeds.CALIBRATION, appearances=[None, *names])
    test = plan(count, seeds.HELD_OUT_TEST, appearances=names)
    with writing():
        validated, tested = run.records_of(
            "trust",
            {"validation": validation, "test": test},
            lambda simulated: look_at(simulated, ensemble),
            digest_of(ensemble, trust=MEASURED),
        ).values()
        bands = {plane: fit_band(plane, JOINT_CASES) for plane in JUDGED_PLANES}
        limits = limits_of_checks(validated)
        measured = heatmap_checks(validated, tested, limits, bands=bands, joint_cases=JOINT_CASES)
        directory = weights_directory(run.weights)
        save_fusion(directory, replace(ensemble.fusion, limits=limits))
        print(keep("trust", measured, lambda found: trust_parts(found, limits), run.weights, docs))
