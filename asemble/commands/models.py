"""`asemble models`: the cards of the networks, each file held against its card."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asemble.core.results import ENSEMBLE
from asemble.models import load_ensemble


def list_models(weights: Path | None) -> None:
    """Print a line for each network; loading has checked every file against its card.

    Raises:
        WeightsError: a file and its card do not agree.
    """
    ensemble = load_ensemble(weights)
    for plane, members in ensemble.planes.items():
        for member in members:
            card = member.card
            parameters = sum(p.numel() for p in member.network.parameters())
            print(
                f"{member.name:<12}{plane:<9}{parameters / 1e6:5.2f} M parameters  "
                f"{card.training.get('passes', 0):>9,} passes  "
                f"sha256 {card.sha256[:12]}  file matches its card"
            )
            for name, value in card.metrics.items():
                print(f"    {name}: {_shown(value)}")
    fitted = ensemble.fusion.fitted_on.get("studies", 0)
    print(f"{ENSEMBLE:<12}fitted on {fitted} simulated studies")
    for which, measured in ensemble.fusion.measured("studies").get("sets", {}).items():
        for name, value in measured["figures"].items():
            print(f"    {which}: {name}: {_shown(value)}")
    print("All figures are of simulated MRI; accuracy on patients has not been measured.")


def _shown(value: Any) -> str:
    if isinstance(value, Mapping) and {"value", "low", "high"} <= set(value):
        return f"{value['value']:.3f} (95% interval {value['low']:.3f} to {value['high']:.3f})"
    return "not measurable" if value is None else str(value)
