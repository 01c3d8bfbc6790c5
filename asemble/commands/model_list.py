"""`asemble models`: the cards of the networks, each file held against its list and its card."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asemble.commands.terminal import writing
from asemble.core.results import ENSEMBLE
from asemble.metrics.estimates import NOT_MEASURABLE, with_interval
from asemble.models import load_ensemble
from asemble.models.signing import LIST, Signed, sign_all
from asemble.models.weights import weights_directory


def list_models(weights: Path | None) -> None:
    """Print a line for each network; loading has checked every file against list and card.

    Raises:
        WeightsError: a file was changed since it was signed, or does not fit its card.
    """
    ensemble = load_ensemble(weights)
    _ = ensemble.fusion, ensemble.scope  # checked as well
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
                print(f"    {name}: {_shown(value)}")
    fitted = ensemble.fusion.fitted_on.get("studies", 0)
    print(f"{ENSEMBLE:<12}fitted on {fitted} simulated studies")
    for which, measured in ensemble.fusion.measured("studies").get("sets", {}).items():
        for name, value in measured["figures"].items():
            print(f"    {which}: {name}: {_shown(value)}")
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


def _shown(value: Any) -> str:
    if isinstance(value, Mapping) and {"value", "low", "high"} <= set(value):
        known = {name: value[name] for name in ("value", "low", "high")}
        return with_interval(known, ".3f", named=True)
    return NOT_MEASURABLE if value is None else str(value)
