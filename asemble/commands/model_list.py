"""`asemble models`: the cards of the networks, each file held against its list and its card."""

from pathlib import Path

from asemble.commands.terminal import writing
from asemble.core.results import ENSEMBLE
from asemble.metrics.estimates import NOT_MEASURABLE
from asemble.models import load_ensemble
from asemble.models.signing import LIST, Signed, sign_all
from asemble.models.weights import weights_directory
from asemble.performance.store import performance_of
from asemble.performance.tables import study_rows


def list_models(weights: Path | None) -> None:
    """Print a line for each network; loading has checked every file against list and card.

    Raises:
        WeightsError: a file was changed since it was signed, or does not fit its card.
    """
    ensemble = load_ensemble(weights)
    _ = ensemble.fusion, ensemble.input_gate  # checked as well
    for plane, members in ensemble.planes.items():
        for member in members:
            card = member.card
            parameters = sum(p.numel() for p in member.network.parameters())
            print(
                f"{member.name:<12}{plane:<9}{parameters / 1e6:5.2f} M parameters  "
                f"{card.training.get('passes', 0):>9,} passes  "
                f"sha256 {card.sha256[:12]}  signed, matches its card"
            )
            for name, value in card.metrics.items():
                print(f"    {name}: {NOT_MEASURABLE if value is None else value}")
    fitted = 0 if ensemble.fusion.fitted_on is None else ensemble.fusion.fitted_on.studies
    print(f"{ENSEMBLE:<12}fitted on {fitted} simulated studies")
    studies = performance_of(ensemble.signed).studies
    for which, measured in {} if studies is None else studies.sets.items():
        for name, found in study_rows(measured):
            print(f"    {which.words}: {name}: {NOT_MEASURABLE if found is None else found}")
    print(words_of(ensemble.signed))
    print("All figures are of simulated MRI; accuracy on patients has not been measured.")


def sign_weights(weights: Path | None) -> None:
    """Write the list of a folder of weights anew, for the files that lie there now.

    Raises:
        WeightsError: there is no such folder, or nothing in it to sign.
        InputError: the list could not be written.
    """
    with writing():
        signed = sign_all(weights_directory(weights))
    print(f"Signed {len(signed.digests)} files in {LIST}.")
    print(words_of(signed))


def words_of(signed: Signed) -> str:
    """Whose weights these are, and by which list."""
    return f"These are {signed.words} ({LIST} {signed.digest[:12]}…)."
