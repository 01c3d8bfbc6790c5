"""The training loop: draw, augment, learn; now and then validate, keep the best, and save.

Everything random in a step follows from the seed and the number of the step, so a run that was
stopped and resumed ends with the same weights as one that was not.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from asemble.core.errors import ConfigError
from asemble.core.labels import PATTERNS
from asemble.datasets.slice_set import SliceSet
from asemble.imaging.intensity import Preprocessing, preprocess, squash
from asemble.models.cards import Card
from asemble.models.classifiers import Trainable
from asemble.models.evidence_head import EvidenceNetwork
from asemble.models.weights import save_weights, weights_name
from asemble.training.augment import augment
from asemble.training.checkpoint import Progress, is_of_run, load_checkpoint, save_checkpoint
from asemble.training.config import TrainingConfig
from asemble.training.initial_weights import (
    FROM_SCRATCH,
    Start,
    new_network,
    new_optimiser,
    set_training,
)
from asemble.training.losses import total_loss
from asemble.training.progress_lines import progress_line, validation_line
from asemble.training.record import card_of
from asemble.training.segmentation import Batch, bone_loss, changed
from asemble.training.validation import Validation, validate

GRADIENT_NORM = 1.0
"""Longer gradients are shortened: the heatmap loss of a batch full of lesions jumps."""
FINAL_RATE = 0.01
"""Share of the peak learning rate at the end of the cosine."""
LOG_EVERY_S = 20.0
"""Seconds between two lines of progress."""
NARROW = ("DEFAULT", "NO AVX", "AVX2")
"""What torch calls processors for which it has no convolutions in bfloat16."""


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """What a run left behind.

    Args:
        weights: the file written, with its card beside it.
        card: as written.
        best: scores of the weights that were kept.
        passes: images seen before the run ended.
    """

    weights: Path
    card: Card
    best: Validation
    passes: int


def train(
    config: TrainingConfig,
    train_set: SliceSet,
    validation_set: SliceSet,
    out_dir: Path,
    *,
    start: Start = FROM_SCRATCH,
    resume: bool = True,
    replace_other: bool = False,
    log: Callable[[str], None] = print,
    command: str = "asemble train",
    data: Mapping[str, Any] | None = None,
) -> TrainingResult:
    """Train one member and write its weights and card to `out_dir`.

    Args:
        config: what to train and how.
        train_set: slices to learn from.
        validation_set: slices of other cases, for early stopping and calibration.
        out_dir: for the weights, the card and the checkpoint.
        start: with which weights the run begins, and which of them it may change.
        resume: go on from the checkpoint in `out_dir`, if there is one.
        replace_other: where that checkpoint is of another run, begin anew instead of refusing.
        log: takes one line of progress at a time.
        command: that started the run, for the card.
        data: what the slices are, for the card.

    Raises:
        ConfigError: a set is empty, the sets share a case, or the checkpoint in `out_dir` is of
            another run.
    """
    _check_sets(train_set, validation_set)
    out_dir.mkdir(parents=True, exist_ok=True)
    checkpoint = out_dir / f"{config.plane.value}-{config.member}.checkpoint"
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = new_network(config, start).to(device)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # a stub's gap
    optimiser = new_optimiser(network, config)
    kept = deepcopy(network) if config.average else network
    both = nn.ModuleList([network, kept]) if config.average else network
    absent = _absent_classes(train_set)
    counts = _counts(train_set, validation_set)
    run = config.as_dict() | counts | start.facts() | _digests(train_set, validation_set)
    progress = Progress()
    anew = replace_other and checkpoint.exists() and not is_of_run(checkpoint, run)
    if resume and checkpoint.exists() and not anew:
        progress = load_checkpoint(checkpoint, both, optimiser, run)
        log(f"resumed at {progress.step * config.batch:,} of {config.passes:,} passes")
    started = time.monotonic() - progress.seconds
    logged = progress.seconds
    while progress.step < config.steps and progress.stale <= config.patience:
        set_training(network, start)
        loss = _learn(network, optimiser, train_set, config, progress.step, absent=absent)
        if config.average:
            _average(kept, network, config.average)
        progress.step += 1
        progress.seconds = time.monotonic() - started
        if progress.seconds - logged > LOG_EVERY_S:
            logged = progress.seconds
            log(progress_line(config, progress, loss))
        if progress.step % config.validate_every_steps == 0 or progress.step == config.steps:
            score = evaluate(kept, validation_set, config, absent=absent)
            progress.keep_if_best(score, kept)
            save_checkpoint(checkpoint, progress, both, optimiser, run)
            log(validation_line(config, progress, score))
    if progress.best is None or progress.best_state is None:
        raise ValueError("a run ends with a validation; this one had none")
    if config.start_share and start.network is not None:
        kept.load_state_dict(progress.best_state)
        _average(kept, start.network.to(device), 1 - config.start_share)
        progress.best = evaluate(kept, validation_set, config, absent=absent)
        progress.best_state = {k: v.cpu() for k, v in kept.state_dict().items()}
    origin = {
        "command": command,
        "data": {**(data or {}), **counts, **_absent_facts(absent)},
        "start": start.facts(),
    }
    path = out_dir / weights_name(config.plane, config.member)
    card = card_of(config, progress, progress.best, origin)
    card = save_weights(path, progress.best_state, card)
    return TrainingResult(path, card, progress.best, progress.step * config.batch)


def evaluate(
    network: Trainable,
    slices: SliceSet,
    config: TrainingConfig,
    *,
    batch: int = 64,
    absent: Sequence[int] = (),
) -> Validation:
    """Scores of a network on slices, without augmentation; `absent` as in `total_loss`."""
    logits, evidence = outputs(network, slices, config.preprocessing, batch=batch)
    return validate(
        logits,
        evidence,
        torch.from_numpy(slices.lesions.astype(np.float32) / 255),
        torch.from_numpy(slices.labels.astype(np.int64)),
        lambda logits, evidence, lesions, labels: total_loss(
            logits, evidence, lesions, labels, config, masked=_masked(slices), absent=absent
        ),
    )


def outputs(
    network: Trainable, slices: SliceSet, preprocessing: Preprocessing, *, batch: int = 64
) -> tuple[Tensor, Tensor]:
    """Logits `(n, 3)` and evidence `(n, 3, 128, 128)` for slices, without augmentation."""
    device = next(network.parameters()).device
    network.eval()
    logits, evidence = [], []
    with torch.inference_mode():
        for first in range(0, len(slices), batch):
            ratios = np.asarray(slices.images[first : first + batch], dtype=np.float32)
            images = torch.from_numpy(preprocess(squash(ratios), preprocessing))
            if images.ndim == 3:
                images = images[:, None]
            with _autocast(device):
                some_logits, some_evidence = network.with_evidence(_to(images, device))
            logits.append(some_logits.float().cpu())
            evidence.append(some_evidence.float().cpu())
    return torch.cat(logits), torch.cat(evidence)


def _learn(
    network: Trainable,
    optimiser: torch.optim.Optimizer,
    slices: SliceSet,
    config: TrainingConfig,
    step: int,
    *,
    absent: Sequence[int],
) -> float:
    """One step of the optimiser; the loss before it."""
    device = next(network.parameters()).device
    for group in optimiser.param_groups:
        group["lr"] = config.learning_rate * group["share"] * _rate(step, config)
    generator = torch.Generator().manual_seed(config.seed * 1_000_003 + step)
    chosen = _batch_indices(step, len(slices), config)
    if slices.tissue is not None:
        loss = _bone_loss(network, slices, chosen, generator, config)
        return _descend(network, optimiser, loss)
    ratios = torch.from_numpy(slices.images[chosen].astype(np.float32))
    lesions = torch.from_numpy(slices.lesions[chosen].astype(np.float32) / 255)
    labels = torch.from_numpy(slices.labels[chosen].astype(np.int64)).to(device)
    images, lesions = augment(ratios.to(device), lesions.to(device), generator)
    if config.preprocessing is not Preprocessing.PLAIN:
        changed = preprocess(images[:, 0].cpu().numpy(), config.preprocessing)
        images = torch.from_numpy(changed)[:, None]
    with _autocast(device):
        logits, evidence = network.with_evidence(_to(images, device))
    masked = _masked(slices, chosen)
    loss = total_loss(
        logits.float(),
        evidence.float(),
        lesions,
        labels,
        config,
        masked=None if masked is None else masked.to(device),
        absent=absent,
    )
    return _descend(network, optimiser, loss)


def _bone_loss(
    network: Trainable,
    slices: SliceSet,
    chosen: npt.NDArray[np.int64],
    generator: torch.Generator,
    config: TrainingConfig,
) -> Tensor:
    """Of slices whose every place is known."""
    if slices.tissue is None or not isinstance(network, EvidenceNetwork):
        raise ValueError("bones are taught to members, by slices whose tissue is known")
    device = next(network.parameters()).device
    fluid = np.ones(len(chosen), bool) if slices.fluid is None else slices.fluid[chosen]
    batch = Batch(
        torch.from_numpy(slices.images[chosen][:, None]).to(device),
        torch.from_numpy(slices.tissue[chosen].astype(np.int64)).to(device),
        torch.from_numpy(slices.lesions[chosen].astype(np.float32) / 255).to(device),
        torch.from_numpy(slices.labels[chosen].astype(np.int64)).to(device),
        torch.from_numpy(fluid).to(device),
    )
    batch = changed(batch, generator)
    with _autocast(device):
        batch = replace(batch, images=_to(batch.images, device))
        loss, _ = bone_loss(network, batch, label_weight=config.label_weight)
    return loss


def _descend(network: Trainable, optimiser: torch.optim.Optimizer, loss: Tensor) -> float:
    """One step down; the loss before it."""
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]  # torch ships no type for it
    torch.nn.utils.clip_grad_norm_(network.parameters(), GRADIENT_NORM)
    optimiser.step()
    return float(loss.detach())


def _average(kept: Trainable, network: Trainable, decay: float) -> None:
    """Move the running mean a little towards the weights; whole numbers are taken over."""
    now = network.state_dict()
    with torch.no_grad():
        for name, value in kept.state_dict().items():
            if value.is_floating_point():
                value.lerp_(now[name], 1 - decay)
            else:
                value.copy_(now[name])


def _batch_indices(step: int, slices: int, config: TrainingConfig) -> npt.NDArray[np.int64]:
    """The slices of a step: every slice once, in a new order, before any comes again."""
    places = np.arange(step * config.batch, (step + 1) * config.batch)
    chosen = np.empty(config.batch, dtype=np.int64)
    for round_number in np.unique(places // slices):
        order = np.random.default_rng((config.seed, int(round_number))).permutation(slices)
        here = places // slices == round_number
        chosen[here] = order[places[here] % slices]
    return chosen


def _rate(step: int, config: TrainingConfig) -> float:
    """Share of the peak learning rate: a linear rise, then a cosine down to `FINAL_RATE`."""
    warmup = max(1, round(config.warmup * config.steps))
    if step < warmup:
        return (step + 1) / warmup
    done = (step - warmup) / max(1, config.steps - warmup)
    return FINAL_RATE + (1 - FINAL_RATE) * 0.5 * (1 + math.cos(math.pi * done))


def _autocast(device: torch.device) -> torch.autocast:
    # bfloat16 on the CPU too: measured 1.7 times as fast there, with channels last. But without
    # AVX-512 torch convolves bfloat16 one product at a time, tens of times slower than float32.
    has_kernels = device.type != "cpu" or torch.backends.cpu.get_cpu_capability() not in NARROW
    return torch.autocast(device.type, torch.bfloat16, enabled=has_kernels)


def _to(images: Tensor, device: torch.device) -> Tensor:
    return images.to(device).contiguous(memory_format=torch.channels_last)


def _masked(slices: SliceSet, chosen: npt.NDArray[np.int64] | None = None) -> Tensor | None:
    """`(n,)`: which slices' lesions are known; None where all are, as of simulated ones."""
    if slices.masked is None:
        return None
    return torch.from_numpy(slices.masked if chosen is None else slices.masked[chosen])


def _digests(*sets: SliceSet) -> dict[str, list[str]]:
    """What tells runs on own slices apart; simulated ones follow from the configuration."""
    digests = [one.digest for one in sets if one.masked is not None]
    return {"slices": digests} if digests else {}


def _absent_classes(slices: SliceSet) -> tuple[int, ...]:
    present = np.unique(slices.labels)
    return tuple(c for c in range(len(PATTERNS)) if c not in present)


def _absent_facts(absent: Sequence[int]) -> dict[str, Any]:
    return {"absent_classes": [PATTERNS[c].value for c in absent]} if absent else {}


def _check_sets(train_set: SliceSet, validation_set: SliceSet) -> None:
    if len(train_set) == 0 or len(validation_set) == 0:
        raise ConfigError("There are no slices to learn from or to validate on.", code="no-slices")
    shared = set(train_set.cases.tolist()) & set(validation_set.cases.tolist())
    if shared:
        raise ConfigError(
            f"{len(shared)} cases are in both the training and the validation set.",
            code="cases-in-two-parts",
        )


def _counts(train_set: SliceSet, validation_set: SliceSet) -> dict[str, int]:
    return {
        "training_slices": len(train_set),
        "training_cases": len(np.unique(train_set.cases)),
        "validation_slices": len(validation_set),
        "validation_cases": len(np.unique(validation_set.cases)),
    }
