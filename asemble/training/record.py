"""What a training run writes into the card of its weights."""

import platform
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import torch

from asemble.core.labels import PATTERNS
from asemble.models.cards import Card, input_facts
from asemble.models.classifiers import architecture_of
from asemble.training.checkpoint import Progress
from asemble.training.config import TrainingConfig
from asemble.training.validation import Validation


def card_of(
    config: TrainingConfig, progress: Progress, best: Validation, origin: Mapping[str, Any]
) -> Card:
    """The card of the weights that a run kept.

    Args:
        config: of the run.
        progress: at its end.
        best: scores of the weights that were kept.
        origin: "command", "data" and "start": where the run came from.
    """
    return Card(
        member=config.member,
        plane=config.plane.value,
        architecture=architecture_of(config.member),
        classes=tuple(p.value for p in PATTERNS),
        input=input_facts(config.preprocessing),
        training={
            "command": origin["command"],
            "config": config.as_dict(),
            "seed": config.seed,
            "passes": progress.step * config.batch,
            "best_at_passes": progress.best_step * config.batch,
            "seconds": round(progress.seconds),
            **origin["start"],
            "software": {
                "python": platform.python_version(),
                "torch": str(torch.__version__),
                # Sums in another order round otherwise: with other threads or on another device
                # the file differs.
                "threads": torch.get_num_threads(),
                "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
            },
        },
        data=origin["data"],
        metrics={
            f"validation_{f.name}": None if value is None else round(value, 4)
            for f in fields(best)
            if f.name != "temperature"
            for value in [getattr(best, f.name)]
        },
        calibration={"temperature": best.temperature},
    )
