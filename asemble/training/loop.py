"""The training loop: draw, augment, learn; now and then validate, keep the best, and save.

Everything random in a step follows from the seed and the number of the step, so a run that was
stopped and resumed ends with the same weights as one that was not.
"""

import math
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from asemble.core.errors import ConfigError
from asemble.core.labels import PATTERNS
from asemble.imaging.intensity import Preprocessing, preprocess, squash
from asemble.models.cards import Card, input_facts
from asemble.models.evidence import EvidenceNetwork
from asemble.models.members import member_spec
from asemble.models.weights import save_weights, weights_name
from asemble.training.augment import augment
from asemble.training.config import TrainingConfig
from asemble.training.data import SliceSet
from asemble.training.losses import total_loss
from asemble.training.validation import Validation, validate

GRADIENT_NORM = 1.0
"""Longer gradients are shortened: the heatmap loss of a batch full of lesions jumps."""
FINAL_RATE = 0.01
"""Share of the peak learning rate at the end of the cosine."""
LOG_EVERY_S = 20.0
"""Seconds between two lines of progress."""


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


@dataclass(slots=True)
class _Progress:
    """What a checkpoint holds beside network and optimiser."""

    step: int = 0
    best_step: int = 0
    best: Validation | None = None
    best_state: dict[str, Tensor] | None = None
    stale: int = 0
    seconds: float = 0.0


def train(
    config: TrainingConfig,
    train_set: SliceSet,
    validation_set: SliceSet,
    out_dir: Path,
    *,
    resume: bool = True,
    log: Callable[[str], None] = print,
    command: str = "asemble train",
    data: dict[str, Any] | None = None,
    stop_after: int | None = None,
) -> TrainingResult:
    """Train one member and write its weights and card to `out_dir`.

    Args:
        config: what to train and how.
        train_set: slices to learn from.
        validation_set: slices of other cases, for early stopping and calibration.
        out_dir: for the weights, the card and the checkpoint.
        resume: go on from the checkpoint in `out_dir`, if there is one.
        log: takes one line of progress at a time.
        command: that started the run, for the card.
        data: what the slices are, for the card.
        stop_after: end this call after so many steps of the run; the checkpoint stays for the
            next call.

    Raises:
        ConfigError: a set is empty, the sets share a case, or the checkpoint in `out_dir` is of
            another run.
    """
    _check_sets(train_set, validation_set)
    out_dir.mkdir(parents=True, exist_ok=True)
    checkpoint = out_dir / f"{config.plane.value}-{config.member}.checkpoint"
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = _new_network(config).to(device, memory_format=torch.channels_last)
    optimiser = _new_optimiser(network, config)
    run = config.as_dict() | {"slices": len(train_set), "validation_slices": len(validation_set)}
    progress = _Progress()
    if resume and checkpoint.exists():
        progress = _load_checkpoint(checkpoint, run, network, optimiser)
        log(f"resumed at {progress.step * config.batch:,} of {config.passes:,} passes")
    last_step = config.steps if stop_after is None else min(stop_after, config.steps)
    started, logged = time.monotonic() - progress.seconds, 0.0
    while progress.step < last_step and progress.stale <= config.patience:
        loss = _learn(network, optimiser, train_set, config, progress.step)
        progress.step += 1
        progress.seconds = time.monotonic() - started
        if progress.seconds - logged > LOG_EVERY_S:
            logged = progress.seconds
            log(_progress_line(config, progress, loss))
        if progress.step % config.validate_every_steps == 0 or progress.step == config.steps:
            score = evaluate(network, validation_set, config)
            _keep_if_best(progress, score, network)
            log(_validation_line(config, progress, score))
            _save_checkpoint(checkpoint, run, network, optimiser, progress)
    if progress.best is None or progress.best_state is None:  # stopped before any validation
        _keep_if_best(progress, evaluate(network, validation_set, config), network)
    _save_checkpoint(checkpoint, run, network, optimiser, progress)
    return _write(config, progress, train_set, validation_set, out_dir, command, data or {})


def evaluate(
    network: EvidenceNetwork, slices: SliceSet, config: TrainingConfig, *, batch: int = 64
) -> Validation:
    """Scores of a network on slices, without augmentation."""
    device = next(network.parameters()).device
    network.eval()
    logits, evidence = [], []
    with torch.inference_mode():
        for start in range(0, len(slices), batch):
            ratios = np.asarray(slices.images[start : start + batch], dtype=np.float32)
            images = torch.from_numpy(preprocess(squash(ratios), config.preprocessing))[:, None]
            with _autocast(device):
                some_logits, some_evidence = network.with_evidence(_to(images, device))
            logits.append(some_logits.float().cpu())
            evidence.append(some_evidence.float().cpu())
    return validate(
        torch.cat(logits),
        torch.cat(evidence),
        torch.from_numpy(slices.lesions.astype(np.float32) / 255),
        torch.from_numpy(slices.labels.astype(np.int64)),
        lambda *outputs: total_loss(*outputs, config),
    )


def _learn(
    network: EvidenceNetwork,
    optimiser: torch.optim.Optimizer,
    slices: SliceSet,
    config: TrainingConfig,
    step: int,
) -> float:
    """One step of the optimiser; the loss before it."""
    device = next(network.parameters()).device
    for group in optimiser.param_groups:
        group["lr"] = config.learning_rate * _rate(step, config)
    generator = torch.Generator().manual_seed(config.seed * 1_000_003 + step)
    chosen = _batch_indices(step, len(slices), config)
    ratios = torch.from_numpy(slices.images[chosen].astype(np.float32))
    lesions = torch.from_numpy(slices.lesions[chosen].astype(np.float32) / 255)
    labels = torch.from_numpy(slices.labels[chosen].astype(np.int64)).to(device)
    images, lesions = augment(ratios.to(device), lesions.to(device), generator)
    if config.preprocessing is not Preprocessing.PLAIN:
        changed = preprocess(images[:, 0].cpu().numpy(), config.preprocessing)
        images = torch.from_numpy(changed)[:, None]
    network.train()
    with _autocast(device):
        logits, evidence = network.with_evidence(_to(images, device))
    loss = total_loss(logits.float(), evidence.float(), lesions, labels, config)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), GRADIENT_NORM)
    optimiser.step()
    return float(loss.detach())


def _batch_indices(step: int, slices: int, config: TrainingConfig) -> np.ndarray[Any, Any]:
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
    # bfloat16 on the CPU too: measured 1.7 times as fast there, with channels last.
    return torch.autocast(device.type, torch.bfloat16)


def _to(images: Tensor, device: torch.device) -> Tensor:
    return images.to(device).contiguous(memory_format=torch.channels_last)


def _new_network(config: TrainingConfig) -> EvidenceNetwork:
    with torch.random.fork_rng(devices=[]):  # the caller's random numbers stay as they were
        torch.manual_seed(config.seed)
        return member_spec(config.member).build()


def _new_optimiser(network: EvidenceNetwork, config: TrainingConfig) -> torch.optim.Optimizer:
    parameters = list(network.parameters())
    matrices = [p for p in parameters if p.ndim > 1]
    vectors = [p for p in parameters if p.ndim <= 1]  # norms and biases are not decayed
    return torch.optim.AdamW(
        [
            {"params": matrices, "weight_decay": config.weight_decay},
            {"params": vectors, "weight_decay": 0.0},
        ],
        lr=config.learning_rate,
    )


def _keep_if_best(progress: _Progress, score: Validation, network: EvidenceNetwork) -> None:
    if progress.best is not None and score.loss >= progress.best.loss:
        progress.stale += 1
        return
    progress.best, progress.best_step, progress.stale = score, progress.step, 0
    progress.best_state = {k: v.detach().cpu().clone() for k, v in network.state_dict().items()}


def _check_sets(train_set: SliceSet, validation_set: SliceSet) -> None:
    if len(train_set) == 0 or len(validation_set) == 0:
        raise ConfigError("There are no slices to learn from or to validate on.")
    shared = set(train_set.cases.tolist()) & set(validation_set.cases.tolist())
    if shared:
        raise ConfigError(f"{len(shared)} cases are in both the training and the validation set.")


def _save_checkpoint(
    path: Path,
    run: dict[str, Any],
    network: EvidenceNetwork,
    optimiser: torch.optim.Optimizer,
    progress: _Progress,
) -> None:
    best = None if progress.best is None else asdict(progress.best)
    partial = path.with_suffix(".partial")
    torch.save(
        {
            "run": run,
            "network": network.state_dict(),
            "optimiser": optimiser.state_dict(),
            "step": progress.step,
            "best_step": progress.best_step,
            "best": best,
            "best_state": progress.best_state,
            "stale": progress.stale,
            "seconds": progress.seconds,
        },
        partial,
    )
    partial.replace(path)


def _load_checkpoint(
    path: Path,
    run: dict[str, Any],
    network: EvidenceNetwork,
    optimiser: torch.optim.Optimizer,
) -> _Progress:
    device = next(network.parameters()).device
    saved = torch.load(path, map_location=device, weights_only=True)
    if saved["run"] != run:
        raise ConfigError(
            f"{path.name} is the checkpoint of another run.",
            hint="Delete it, or choose another folder.",
        )
    network.load_state_dict(saved["network"], strict=True)
    optimiser.load_state_dict(saved["optimiser"])
    best = saved["best"]
    return _Progress(
        step=saved["step"],
        best_step=saved["best_step"],
        best=None if best is None else Validation(**best),
        best_state=saved["best_state"],
        stale=saved["stale"],
        seconds=saved["seconds"],
    )


def _progress_line(config: TrainingConfig, progress: _Progress, loss: float) -> str:
    passes = progress.step * config.batch
    speed = passes / max(progress.seconds, 1e-9)
    minutes = (config.passes - passes) / speed / 60
    return (
        f"{config.plane.value}-{config.member} {passes:,} of {config.passes:,} passes, "
        f"loss {loss:.3f}, {speed:.0f} images/s, {max(0.0, minutes):.1f} min left"
    )


def _validation_line(config: TrainingConfig, progress: _Progress, score: Validation) -> str:
    return (
        f"{config.plane.value}-{config.member} validation at {progress.step * config.batch:,}: "
        f"loss {score.loss:.3f}, AUC {_shown(score.auc)}, pointing {_shown(score.pointing)}, "
        f"accuracy {score.accuracy:.3f}"
        + (", best so far" if progress.best_step == progress.step else "")
    )


def _write(
    config: TrainingConfig,
    progress: _Progress,
    train_set: SliceSet,
    validation_set: SliceSet,
    out_dir: Path,
    command: str,
    data: dict[str, Any],
) -> TrainingResult:
    if progress.best is None or progress.best_state is None:
        raise ValueError("nothing was validated")
    best = progress.best
    card = Card(
        member=config.member,
        plane=config.plane.value,
        architecture=member_spec(config.member).architecture,
        classes=tuple(p.value for p in PATTERNS),
        input=input_facts(config.preprocessing),
        training={
            "command": command,
            "config": config.as_dict(),
            "seed": config.seed,
            "passes": progress.step * config.batch,
            "best_at_passes": progress.best_step * config.batch,
            "seconds": round(progress.seconds),
            "software": {"python": platform.python_version(), "torch": str(torch.__version__)},
        },
        data={
            **data,
            "training_slices": len(train_set),
            "training_cases": len(np.unique(train_set.cases)),
            "validation_slices": len(validation_set),
            "validation_cases": len(np.unique(validation_set.cases)),
        },
        metrics={
            "validation_slice_auc_inflammatory": _rounded(best.auc),
            "validation_pointing_inflammatory": _rounded(best.pointing),
            "validation_slice_accuracy": _rounded(best.accuracy),
            "validation_loss": _rounded(best.loss),
        },
        calibration={"temperature": best.temperature},
    )
    path = out_dir / weights_name(config.plane, config.member)
    return TrainingResult(
        weights=path,
        card=save_weights(path, progress.best_state, card),
        best=best,
        passes=progress.step * config.batch,
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _shown(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"
