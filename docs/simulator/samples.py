"""Choose the samples of the app: `python docs/simulator/samples.py`.

Of each pattern it is the first simulated person, from `FIRST_SEED` on, whose study the shipped
ensemble calls what it is. Samples so show what asemble does where it is right; how often it is,
on people who were not chosen, stands in docs/studies.md. The seeds go into `asemble/ui/cache.py`,
and a test holds the shipped weights to them.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from asemble.core.labels import Pattern, Weighting
from asemble.core.results import StudyPrediction
from asemble.io import read_study
from asemble.models import Ensemble, load_ensemble
from asemble.phantom import write_sample
from asemble.predict import predict

FIRST_SEED = 3_000_000
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
                break
        else:
            print(f"{kind}: none of {TRIES} was answered right")


def answer_of(kind: Pattern, seed: int, ensemble: Ensemble) -> StudyPrediction:
    """What the ensemble says of that person; T1 is not judged, and not simulated here."""
    with TemporaryDirectory() as folder:
        write_sample(Path(folder), kind=kind, seed=seed, weightings=(Weighting.FLUID,))
        return predict(read_study(sorted(Path(folder).glob("*-stir"))), ensemble)


if __name__ == "__main__":
    main()
