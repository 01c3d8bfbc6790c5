"""Fits the input gate: the small network first, then its limits, both from seeds.

Real scans are painted otherwise than simulated ones, so every example is repainted: greys
remapped, inverted too, shaded, blurred, noisy, bent, cropped, moved. What stays is where things
lie. The same repainting falls on what shows the joints and on what does not, so that it tells the
network nothing.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from asemble.core.labels import JUDGED_PLANES, Plane
from asemble.core.volume import Floats
from asemble.datasets import seeds
from asemble.evaluation.input_gate_examples import FIELD_MM as EXAMPLE_MM
from asemble.evaluation.input_gate_examples import (
    SIDE,
    SLICES,
    Examples,
    out_of_distribution,
    simulated,
)
from asemble.imaging.intensity import SQUASH, SQUASH_GAIN
from asemble.imaging.slices import FIELD_MM
from asemble.models.input_gate import COARSE, LOGIT_LIMIT, InputGate, InputGateNetwork, Limits, even

FIRST_SEED = seeds.SCOPE.first
"""Simulated people from here on are the scope's own: no network is trained or measured on them."""
VALIDATION_SHARE = 0.2
"""Of the people, kept from the network to set the limits on."""
BATCH = 64
"""Examples a step, half of them wrong ones."""
RATE = 3e-3
"""Greatest learning rate of the one cycle."""
SHOWN_MARGIN = 0.5
"""How far, in logits, the limit lies below what must be judged and below what is refused.

What real scans score is not known, and none may be lost.
"""
UPRIGHT_MARGIN = 0.15
"""The same for turned stacks, as a share of how far a usual stack is ahead of its turns."""

Progress = Callable[[int, int], None]
"""Called with steps done and steps in all."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How much is drawn and learned.

    Args:
        people: simulated, three stacks each.
        pictures: out-of-distribution stacks.
        steps: of learning.
    """

    people: int = 360
    pictures: int = 500
    steps: int = 4000


def fit(budget: Budget, progress: Progress | None = None) -> InputGate:
    """The scope of that budget; the same budget gives the same scope on one thread."""
    total = budget.people + budget.pictures + budget.steps
    done = 0

    def on_step(amount: int = 1) -> None:
        nonlocal done
        done += amount
        if progress is not None:
            progress(done, total)

    def collected(stacks: Iterable[Examples]) -> Examples:
        parts = []
        for stack in stacks:
            parts.append(stack)
            on_step()
        return reduce(Examples.joined, parts)

    drawn = collected(simulated(seed) for seed in seeds.SCOPE.numbers(budget.people))
    pictures = collected(out_of_distribution(FIRST_SEED + seed) for seed in range(budget.pictures))
    return fit_on(drawn, pictures, budget, on_step)


def fit_on(
    drawn: Examples, pictures: Examples, budget: Budget, on_step: Callable[[], None]
) -> InputGate:
    """The scope fitted on those examples."""
    drawn_train, drawn_rest = _split(drawn, 3 * SLICES)
    pictures_train, pictures_rest = _split(pictures, SLICES)
    network = _train(drawn_train.joined(pictures_train), budget.steps, on_step)
    limits, figures = _limits(network, drawn_rest, pictures_rest)
    facts = {
        "people": budget.people,
        "pictures": budget.pictures,
        "steps": budget.steps,
        "first_seed": FIRST_SEED,
        "scores": figures,
    }
    return InputGate(network, limits, facts)


def _train(examples: Examples, steps: int, on_step: Callable[[], None]) -> InputGateNetwork:
    torch.manual_seed(FIRST_SEED)
    network = InputGateNetwork()
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=0.02)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps)
    rng = np.random.default_rng(FIRST_SEED)
    shown, other = np.flatnonzero(examples.is_shown), np.flatnonzero(~examples.is_shown)
    network.train()
    for _ in range(steps):
        right = rng.choice(shown, BATCH // 2)
        spoiled = rng.choice(shown, BATCH // 4)
        wrong = rng.choice(other, BATCH - len(right) - len(spoiled))
        images = _tensor(examples.images[np.concatenate([right, spoiled, wrong])])
        images[len(right) : len(right) + len(spoiled)] = spoil(
            images[len(right) : len(right) + len(spoiled)], rng
        )
        targets, counts = _targets(examples.planes[right], len(spoiled) + len(wrong))
        logits = network(even(repaint(images, rng)))
        loss = functional.binary_cross_entropy_with_logits(logits, targets, counts)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        cycle.step()
        on_step()
    return network.eval()


def _targets(planes: np.ndarray, wrong: int) -> tuple[Tensor, Tensor]:
    """Targets and weights `(n, 2)`: a slice of one plane says nothing of the other plane."""
    targets = torch.zeros(len(planes) + wrong, len(JUDGED_PLANES))
    counts = torch.ones_like(targets)
    counts[: len(planes)] = 0
    rows = torch.arange(len(planes))
    columns = torch.from_numpy(planes)
    targets[rows, columns] = 1
    counts[rows, columns] = 2
    return targets, counts


def spoil(images: Tensor, rng: np.random.Generator) -> Tensor:
    """Each `(n, 1, h, w)` made wrong: turned, shuffled, scrambled, doubled or far too near."""
    return torch.stack([_spoiled(image, rng) for image in images])


def _spoiled(image: Tensor, rng: np.random.Generator) -> Tensor:
    way = rng.choice(6, p=[0.42, 0.2, 0.14, 0.06, 0.08, 0.1])
    if way == 0:
        return image.flip(-2)
    if way == 1:
        return image.rot90(int(rng.choice([-1, 1])), (-2, -1))
    if way == 2:
        return _shuffled(image, int(rng.choice([4, 8])), rng)
    if way == 3:
        return _scrambled(image, rng)
    if way == 4:
        top = image[:, : SIDE // 2] if rng.random() < 0.5 else image[:, SIDE // 2 :]
        return torch.cat([top, top.flip(-2)], dim=-2)
    cut = int(rng.integers(24, 40))
    row, column = rng.integers(10, SIDE - cut - 10, 2)
    part = image[None, :, row : row + cut, column : column + cut]
    return functional.interpolate(part, size=(SIDE, SIDE), mode="bilinear")[0]


def _shuffled(image: Tensor, pieces: int, rng: np.random.Generator) -> Tensor:
    size = SIDE // pieces
    tiles = image.reshape(pieces, size, pieces, size).permute(0, 2, 1, 3).reshape(-1, size, size)
    order = torch.from_numpy(rng.permutation(len(tiles)))
    return (
        tiles[order].reshape(pieces, pieces, size, size).permute(0, 2, 1, 3).reshape(1, SIDE, SIDE)
    )


def _scrambled(image: Tensor, rng: np.random.Generator) -> Tensor:
    """The same spectrum with the phases of noise."""
    noise = torch.from_numpy(rng.standard_normal((1, SIDE, SIDE)).astype(np.float32))
    phase = torch.fft.rfft2(noise).angle()
    wave = torch.polar(torch.fft.rfft2(image).abs(), phase)
    scrambled: Tensor = torch.fft.irfft2(wave, s=(SIDE, SIDE)).abs()
    return scrambled


def repaint(images: Tensor, rng: np.random.Generator, strength: float = 1.0) -> Tensor:
    """Examples `(n, 1, 128, 128)` as a strange scanner would show them, `(n, 1, 64, 64)`.

    Args:
        images: ratios to tissue over 300 mm.
        rng: draws a scanner for each.
        strength: 1 as in fitting; more to test beyond it.
    """
    moved = _moved(images, rng, strength)
    squashed = moved / (moved + SQUASH) * SQUASH_GAIN
    painted = torch.stack([_painted(image, rng, strength) for image in squashed])
    field = torch.from_numpy(_field(len(images), rng))
    return painted * field


def _moved(images: Tensor, rng: np.random.Generator, strength: float) -> Tensor:
    """Turned up to 12 degrees, scaled, moved, mirrored and bent, in a field of 200 mm."""
    count = len(images)
    angle = np.radians(rng.uniform(-12, 12, count) * strength)
    scale = FIELD_MM / EXAMPLE_MM * np.exp(rng.uniform(-0.35, 0.35, count) * strength)
    mirror = rng.choice([-1.0, 1.0], count)
    theta = np.zeros((count, 2, 3), np.float32)
    theta[:, 0, 0], theta[:, 0, 1] = scale * np.cos(angle) * mirror, -scale * np.sin(angle)
    theta[:, 1, 0], theta[:, 1, 1] = scale * np.sin(angle) * mirror, scale * np.cos(angle)
    theta[:, :, 2] = rng.uniform(-20, 20, (count, 2)) * strength * 2 / EXAMPLE_MM
    grid = functional.affine_grid(
        torch.from_numpy(theta), [count, 1, COARSE, COARSE], align_corners=False
    )
    bend = torch.from_numpy(rng.normal(0, 0.025, (count, 2, 5, 5)).astype(np.float32))
    bend = functional.interpolate(bend, size=(COARSE,) * 2, mode="bicubic")
    grid = grid + bend.permute(0, 2, 3, 1)
    sampled: Tensor = functional.grid_sample(images, grid, align_corners=False)
    return sampled


def _painted(image: Tensor, rng: np.random.Generator, strength: float) -> Tensor:
    """One slice `(1, 64, 64)` in other greys, with shading, texture, blur and noise."""
    if rng.random() < 0.6:
        image = _remapped(image, rng)
    image = image * torch.exp(_smooth(rng, 4, 0.35 * strength * rng.random()))
    if rng.random() < 0.5:
        image = image * (1 + _smooth(rng, int(rng.integers(8, 40)), 0.3 * strength * rng.random()))
    if rng.random() < 0.4:
        kernel = int(rng.choice([3, 5]))
        image = functional.avg_pool2d(image[None], kernel, 1, kernel // 2)[0]
    noise = rng.standard_normal((1, COARSE, COARSE)) * 0.08 * strength * rng.random()
    return (image + torch.from_numpy(noise.astype(np.float32))).clamp(0, 1.5)


def _remapped(image: Tensor, rng: np.random.Generator) -> Tensor:
    """Greys through a random curve: bent, in part reversed, or inverted."""
    knots = np.linspace(0, 1.25, 7)
    kind = rng.random()
    if kind < 0.4:
        values = 1.25 * (knots / 1.25) ** np.exp(rng.uniform(-0.8, 0.8))
    elif kind < 0.75:
        values = np.sort(rng.uniform(0, 1.25, 7))
        values[2:] += rng.normal(0, 0.15, 5)
    else:
        values = 1.25 - np.sort(rng.uniform(0, 1.25, 7))
        values[0] = rng.choice([0.0, values[0]])  # air stays dark, or not
    curve = np.interp(image.numpy(), knots, values.clip(0, 1.4))
    return torch.from_numpy(curve.astype(np.float32))


def _smooth(rng: np.random.Generator, lattice: int, strength: float) -> Tensor:
    coarse = rng.standard_normal((1, 1, lattice, lattice)).astype(np.float32) * strength
    return functional.interpolate(torch.from_numpy(coarse), size=(COARSE,) * 2, mode="bicubic")[0]


def _field(count: int, rng: np.random.Generator) -> Floats:
    """What a smaller field of view leaves `(n, 1, 64, 64)`: 1 inside, 0 outside."""
    field = np.ones((count, 1, COARSE, COARSE), np.float32)
    for one in field:
        if rng.random() < 0.4:
            rows, columns = rng.integers(0, COARSE // 7, 2)
            one[:, :rows] = one[:, COARSE - rows :] = 0
            one[:, :, :columns] = one[:, :, COARSE - columns :] = 0
    return field


def _limits(
    network: InputGateNetwork, drawn: Examples, pictures: Examples
) -> tuple[dict[Plane, Limits], dict[str, Any]]:
    """Limits by plane below what must be judged, and the scores that they follow from."""
    rng = np.random.default_rng(FIRST_SEED + 1)
    limits, figures = {}, {}
    for number, plane in enumerate(JUDGED_PLANES):
        right = drawn.images[(drawn.planes == number) & drawn.is_shown]
        side = np.concatenate([drawn.images[~drawn.is_shown], pictures.images])
        stacks = [_stack_scores(network, right, number, rng) for _ in range(4)]
        shown, turned = np.concatenate(stacks, axis=1)
        other = _stack_scores(network, side, number, rng)[0]
        refused, judged = np.quantile(other, 0.99), np.quantile(shown, 0.005)
        least, usual = np.quantile(shown - turned, [0.005, 0.5])
        limits[plane] = Limits(
            shown=round(float(min(refused, judged) - SHOWN_MARGIN), 3),
            upright=round(float(min(least, 0) - UPRIGHT_MARGIN * usual), 3),
        )
        figures[plane.value] = {
            "shown": _spread(shown),
            "ahead_of_turns": _spread(shown - turned),
            "elsewhere": _spread(other),
        }
    return limits, figures


def _stack_scores(
    network: InputGateNetwork, images: np.ndarray, column: int, rng: np.random.Generator
) -> np.ndarray:
    """`(2, stack)`: mean logits as shown, and of the best wrong turn."""
    with torch.inference_mode():
        evened = even(repaint(_tensor(images), rng))
        turns = (evened, evened.flip(-2), evened.rot90(1, (-2, -1)), evened.rot90(-1, (-2, -1)))
        means = [
            network(turn)[:, column]
            .clamp(-LOGIT_LIMIT, LOGIT_LIMIT)
            .reshape(-1, SLICES)
            .mean(dim=1)
            .numpy()
            for turn in turns
        ]
    return np.stack([means[0], np.max(means[1:], axis=0)])


def _spread(values: np.ndarray) -> list[float]:
    """Quantiles 0.5%, 50% and 99.5%."""
    return [round(float(v), 3) for v in np.quantile(values, [0.005, 0.5, 0.995])]


def _split(examples: Examples, group: int) -> tuple[Examples, Examples]:
    count = len(examples.is_shown) // group
    at = group * min(round(count * (1 - VALIDATION_SHARE)), count - 1)
    parts = (slice(None, at), slice(at, None))
    return tuple(  # type: ignore[return-value]
        Examples(examples.images[p], examples.planes[p], examples.is_shown[p]) for p in parts
    )


def _tensor(images: np.ndarray) -> Tensor:
    return torch.from_numpy(images.astype(np.float32))[:, None]
