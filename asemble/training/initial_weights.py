"""The weights that a training run begins with, and which of them it may change."""

from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from asemble.core.errors import ConfigError
from asemble.models.classifiers import Trainable, build_network
from asemble.models.imagenet import fill_from_imagenet
from asemble.models.weights import load_weights, weights_name
from asemble.training.config import TrainingConfig


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """The beginning of a run.

    Args:
        network: to go on from, itself left as it is; None draws one by chance.
        sha256: of the weight file that holds it.
        freeze_body: learn in the evidence head alone; the body keeps every bit, the running means
            of its norms too.
    """

    network: Trainable | None = None
    sha256: str = ""
    freeze_body: bool = False

    def facts(self) -> dict[str, Any]:
        """For the card and the checkpoint; nothing for a run from scratch."""
        if self.network is None:
            return {}
        return {"from_weights": self.sha256, "freeze_body": self.freeze_body}


FROM_SCRATCH = Start()
"""Weights drawn by chance, all of them to be learned."""


def start_from(source: Path, config: TrainingConfig, *, freeze_body: bool) -> Start:
    """A start from trained weights.

    Args:
        source: a weight file, or a folder that holds one of the member and plane of `config`.
        config: of the run that will go on from it.
        freeze_body: learn in the evidence head alone.

    Raises:
        WeightsError: the file, its card and this package do not agree.
        ConfigError: the weights are of another member or plane, or read another input.
    """
    path = source / weights_name(config.plane, config.member) if source.is_dir() else source
    network, card = load_weights(path)
    if (card.member, card.plane) != (config.member, config.plane.value):
        raise ConfigError(
            f"The weights are of {card.plane}-{card.member}, the configuration trains "
            f"{config.plane.value}-{config.member}.",
            code="weights-of-another-member",
        )
    if card.preprocessing is not config.preprocessing:
        raise ConfigError(
            f"The weights read {card.preprocessing.value} slices, the configuration makes "
            f"{config.preprocessing.value} ones.",
            hint="Set preprocessing to that of the weights.",
            code="weights-of-another-input",
        )
    return Start(network, card.sha256, freeze_body)


def start_of(config: TrainingConfig) -> Start:
    """The start that a configuration names: from scratch, or from one weight file and no other.

    Raises:
        WeightsError: the file, its card and this package do not agree.
        ConfigError: it is another file than the configuration means.
    """
    if not config.from_folder:
        return FROM_SCRATCH
    start = start_from(Path(config.from_folder), config, freeze_body=False)
    if start.sha256 != config.from_sha256:
        raise ConfigError(
            f"The weights in {config.from_folder} are not those that this run goes on from.",
            hint="Take the folder as the repository has it, or state the sha256 of yours.",
            code="start-weights-changed",
        )
    return start


def new_network(config: TrainingConfig, start: Start) -> Trainable:
    """The network at the first step, with frozen weights marked as such."""
    if start.network is None:
        with torch.random.fork_rng(devices=[]):  # the caller's random numbers stay as they were
            torch.manual_seed(config.seed)
            network = build_network(config.member)
        if config.imagenet:
            fill_from_imagenet(network.body.get_submodule("body"))
    else:
        network = deepcopy(start.network)
    if start.freeze_body:
        network.body.requires_grad_(False)
    return network


def set_training(network: Trainable, start: Start) -> None:
    """Training mode, but for a frozen body: its norms would go on to average."""
    network.train()
    if start.freeze_body:
        network.body.eval()


def new_optimiser(network: Trainable, config: TrainingConfig) -> torch.optim.Optimizer:
    """AdamW over whatever is not frozen."""
    groups = []
    for of_body, share in ((False, 1.0), (True, config.body_rate)):
        parameters = [
            p
            for name, p in network.named_parameters()
            if p.requires_grad and name.startswith("body.") == of_body
        ]
        matrices = [p for p in parameters if p.ndim > 1]
        vectors = [p for p in parameters if p.ndim <= 1]  # norms and biases are not decayed
        for some, decay in ((matrices, config.weight_decay), (vectors, 0.0)):
            if some:
                groups.append({"params": some, "weight_decay": decay, "share": share})
    return torch.optim.AdamW(groups, lr=config.learning_rate)
