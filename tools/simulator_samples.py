"""Choose the samples of the app: `python tools/simulator_samples.py`.

Of each pattern it is the first simulated person, from `FIRST_SEED` on, whose study the shipped
ensemble calls what it is. Samples so show what asemble does where it is right; how often it is,
on people who were not chosen, stands in docs/studies.md. The seeds go into `asemble/ui/cache.py`,
and a test holds the shipped weights to them. The ends of the joints, as a screenshot lays them, go
into `tests/tour.py`.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from asemble.core.labels import Pattern, Plane, Weighting
from asemble.core.results import StudyPrediction
from asemble.datasets import seeds
from asemble.io import read_study
from asemble.models import Ensemble, load_ensemble
from asemble.phantom import sample_case, sample_stack, write_sample
from asemble.predict import predict

FIRST_SEED = seeds.SAMPLES.first
TRIES = 20


def main() -> None:
    """Print every try, and the seed to take."""
    ensemble = load_ensemble()
    for kind in Pattern:
        for seed in range(FIRST_SEED, FIRST_SEED + TRIES):
            answer = answer_of(kind, seed, ensemble)
            said = answer.probabilities.as_dict() if answer.probabilities else {}
            shares = ", ".join(f"{name} {value:.2f}" for name, value in said.items())
            print(f"{kind} {seed}: {answer.decision} ({shares})", flush=True)
            if answer.decision == kind:
                print(f"  its joints: {joint_ends(kind, seed)}")
                break
        else:
            print(f"{kind}: none of {TRIES} was answered right")


def answer_of(kind: Pattern, seed: int, ensemble: Ensemble) -> StudyPrediction:
    """What the ensemble says of that person; T1 is not judged, and not simulated here."""
    with TemporaryDirectory() as folder:
        write_sample(Path(folder), kind=kind, seed=seed, weightings=(Weighting.FLUID,))
        return predict(read_study(sorted(Path(folder).glob("*-stir"))), ensemble)


def joint_ends(kind: Pattern, seed: int) -> list[tuple[float, float]]:
    """Upper and lower end of the right and the left joint on the middle semicoronal slice.

    Shares of its width and height.
    """
    case = sample_case(seed, kind=kind)
    rng = np.random.default_rng([seed, list(Plane).index(Plane.CORONAL)])  # as render_study does
    stack = sample_stack(rng, case, plane=Plane.CORONAL, weighting=Weighting.T1)
    slices, rows, columns = stack.shape
    places = np.concatenate([case.person.to_scanner(points) for points in case.person.land.joint])
    from_lps = np.linalg.inv(stack.affine_lps)
    at = (places + case.placement.origin_lps) @ from_lps[:3, :3].T + from_lps[:3, 3]
    at = at[np.abs(at[:, 0] - slices // 2) < 1]
    ends = []
    for side in (at[at[:, 2] < columns / 2], at[at[:, 2] >= columns / 2]):
        for low, high in ((0.0, 0.1), (0.9, 1.0)):
            edges = np.quantile(side[:, 1], (low, high))
            end = side[(side[:, 1] >= edges[0]) & (side[:, 1] <= edges[1])].mean(axis=0)
            ends.append((round(float(end[2]) / columns, 3), round(float(end[1]) / rows, 3)))
    return ends


if __name__ == "__main__":
    main()
