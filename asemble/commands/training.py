"""`asemble train`: one member, from a configuration to a weight file with its card."""

from pathlib import Path

from asemble.commands.terminal import progress, writing
from asemble.core.labels import Weighting
from asemble.training.config import read_config
from asemble.training.data import SliceRequest, SliceSet, simulate_slices
from asemble.training.loop import train


def train_member(config_file: Path, *, out: Path, cache: Path) -> None:
    """Simulate the slices once, train, and write weights and card to `out`.

    Raises:
        AsembleError: the configuration is not right, or nothing can be written.
    """
    config = read_config(config_file)

    def slices(part: str, cases: int) -> SliceSet:
        request = SliceRequest(config.plane, Weighting.FLUID, part, cases)
        return simulate_slices(request, cache, progress=progress(f"simulating {part}", "cases"))

    with writing():
        result = train(
            config,
            slices("training", config.training_cases),
            slices("validation", config.validation_cases),
            out,
            command=f"asemble train {_shown(config_file)}",
            data={"description": "simulated studies, split by case"},
        )
    print(f"Wrote {result.weights.name} after {result.passes:,} passes.")
    print("Now fit the ensemble to it: asemble evaluate calibrate")


def _shown(path: Path) -> str:
    """As it was given, unless that would tell where somebody's home is."""
    return path.name if path.is_absolute() else path.as_posix()
