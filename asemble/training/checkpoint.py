"""Checkpoints: where a training run stands, on disk, so that it can go on."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from asemble.core.errors import ConfigError
from asemble.training.validation import Validation


@dataclass(slots=True)
class Progress:
    """What changes during a run, beside network and optimiser.

    Args:
        step: optimiser steps done.
        best_step: step of the best validation.
        best: its scores.
        best_state: the weights that it scored.
        stale: validations since then.
        seconds: spent so far.
    """

    step: int = 0
    best_step: int = 0
    best: Validation | None = None
    best_state: dict[str, Tensor] | None = None
    stale: int = 0
    seconds: float = 0.0

    def keep_if_best(self, score: Validation, network: nn.Module) -> None:
        """Remember the weights of `network` if no earlier ones had a lower loss."""
        if self.best is not None and score.loss >= self.best.loss:
            self.stale += 1
            return
        self.best, self.best_step, self.stale = score, self.step, 0
        self.best_state = {k: v.detach().cpu().clone() for k, v in network.state_dict().items()}


def save_checkpoint(
    path: Path,
    progress: Progress,
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    run: dict[str, Any],
) -> None:
    """Write everything that the rest of the run depends on, whole or not at all.

    Args:
        path: of the checkpoint; replaced.
        progress: where the run stands.
        network: being trained.
        optimiser: with its running means.
        run: plain values that say which run this is.
    """
    content = {
        "run": run,
        "network": network.state_dict(),
        "optimiser": optimiser.state_dict(),
        "step": progress.step,
        "best_step": progress.best_step,
        "best": None if progress.best is None else asdict(progress.best),
        "best_state": progress.best_state,
        "stale": progress.stale,
        "seconds": progress.seconds,
    }
    partial = path.with_suffix(".partial")
    torch.save(content, partial)
    partial.replace(path)


def is_of_run(path: Path, run: dict[str, Any]) -> bool:
    """Whether the checkpoint at `path` is of that run."""
    saved = torch.load(path, map_location="cpu", weights_only=True)
    return bool(saved["run"] == run)


def load_checkpoint(
    path: Path,
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    run: dict[str, Any],
) -> Progress:
    """Put network and optimiser back where they were, and say where the run stands.

    Raises:
        ConfigError: the checkpoint is of another run.
    """
    device = next(network.parameters()).device
    # weights_only: a checkpoint is data, and nothing in it is run.
    saved = torch.load(path, map_location=device, weights_only=True)
    if saved["run"] != run:
        raise ConfigError(
            f"{path.name} is the checkpoint of another run.",
            hint="Delete it, choose another folder, or say --force.",
            code="checkpoint-of-another-run",
        )
    network.load_state_dict(saved["network"], strict=True)
    optimiser.load_state_dict(saved["optimiser"])
    best = saved["best"]
    return Progress(
        step=saved["step"],
        best_step=saved["best_step"],
        best=None if best is None else Validation(**best),
        best_state=saved["best_state"],
        stale=saved["stale"],
        seconds=saved["seconds"],
    )
