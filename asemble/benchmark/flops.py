"""(b) Achieved operations a second, against this machine's peak for a large matrix product."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import timm
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from asemble.benchmark.engine import AS_TRAINED, Forward, forwards
from asemble.benchmark.machine import Machine, cores
from asemble.benchmark.result import Found, Settings, met
from asemble.benchmark.timing import Spread, in_turns
from asemble.imaging.slices import SIDE
from asemble.models import Ensemble
from asemble.models.members import Kind

BATCH = 8
"""Images in one pass, of members (as the ensemble runs them) and of networks for comparison."""
PRODUCT_SIDE = 3072
"""Rows and columns of the matrices: 36 MiB each in single precision, far more than the caches."""
QUICK_BATCH, QUICK_PRODUCT_SIDE = 2, 512
AIM = 0.6
"""Of the peak, for convolutional members."""
KNOWN = {"resnet50": ("ResNet50", 224), "inception_v3": ("InceptionV3", 299)}
"""For comparison, by timm's names: title and side of the input."""
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
SEED = 502


@dataclass(frozen=True, slots=True)
class Runner:
    """Something that multiplies.

    Args:
        title: for people.
        kind: of network.
        operations: of one run, a multiplication and an addition counted as two.
        precision: in which it multiplies.
        run: once.
    """

    title: str
    kind: str
    operations: float
    precision: str
    run: Callable[[], object]


def measure_flops(ensemble: Ensemble, machine: Machine, settings: Settings) -> Found:
    """Time members, known networks and matrix products in turns, on one thread and on all."""
    before = torch.get_num_threads()
    rows: list[tuple[str, ...]] = []
    measured: dict[str, Any] = {}
    shares: dict[str, float] = {}
    try:
        for threads in sorted({1, cores()}):
            torch.set_num_threads(threads)
            products, networks = _contenders(ensemble, machine, threads, settings.is_quick)
            everyone = [*products.values(), *networks]
            runs = {one.title: one.run for one in everyone}
            seconds = in_turns(runs, turns=settings.turns, warmups=settings.warmups)
            for one in everyone:
                rates = [one.operations / s / 1e9 for s in seconds[one.title]]
                product = products[one.precision]
                peaks = [product.operations / s / 1e9 for s in seconds[product.title]]
                share = Spread.of([r / p for r, p in zip(rates, peaks, strict=True)])
                is_peak = one is product
                if one.kind == Kind.CONVOLUTIONAL and AS_TRAINED not in one.title:
                    shares[f"{one.title} on {threads} thread{'s' * (threads > 1)}"] = share.median
                rows.append(
                    (
                        one.title,
                        one.kind,
                        str(threads),
                        f"{one.operations / 1e9:.1f}",
                        Spread.of(rates).words(1),
                        "1" if is_peak else share.words(),
                    )
                )
                measured[f"{one.title}, {threads} threads"] = {
                    "kind": one.kind,
                    "precision": one.precision,
                    "operations": one.operations,
                    "seconds": seconds[one.title],
                    "share_of_peak": share.as_dict(),
                }
    finally:
        torch.set_num_threads(before)
    without = "" if machine.has_bfloat16 else " This processor has no bfloat16 of its own."
    told = ", ".join(f"{name} {share:.2f}" for name, share in shares.items())
    return Found(
        heading="(b) Operations a second against the peak",
        how=(
            f"Operations are counted by torch's FlopCounterMode (convolutions and matrix products, "
            "each multiply-add as two; what is elementwise counts nothing but takes its time) and "
            "divided by the time of a forward pass of "
            f"{QUICK_BATCH if settings.is_quick else BATCH} images. The peak is a product of two "
            f"matrices of {_product_side(settings.is_quick)} rows and columns by torch, on as many "
            "threads, in the same precision, in the same turn. Fewer operations than are counted "
            f"are done where a library convolves by Winograd's method.{without}"
        ),
        columns=(
            "what runs", "kind", "threads", "10^9 operations", "10^9 a second", "share of peak",
        ),
        rows=rows,
        verdict=(
            f"Aim: at least {AIM} of the peak for the convolutional members. "
            f"{met(all(share >= AIM for share in shares.values()))}: {told}."
        ),
        measured={"aim": AIM, "runs": measured},
    )  # fmt: skip


def _contenders(
    ensemble: Ensemble, machine: Machine, threads: int, is_quick: bool
) -> tuple[dict[str, Runner], list[Runner]]:
    """The product of each precision, and the networks."""
    precisions = ["float32", *(["bfloat16"] if machine.has_bfloat16 else [])]
    rng = np.random.default_rng(SEED)
    batch = QUICK_BATCH if is_quick else BATCH
    images = rng.uniform(0, 1.25, (batch, SIDE, SIDE)).astype(np.float32)
    plane = next(iter(ensemble.planes))  # the networks of the other are built alike
    members = [
        _member(forward, images.shape[0]) for forward in forwards(ensemble, plane, images, threads)
    ]
    used = {*precisions, *(member.precision for member in members)}
    products = {p: _product(p, _product_side(is_quick)) for p in DTYPES if p in used}
    known = [
        _known(name, precision, is_last, batch, threads)
        for name in KNOWN
        for precision, is_last in [
            ("float32", False),
            *((precision, True) for precision in precisions),
        ]
    ]
    return products, [*members, *known]


def _product_side(is_quick: bool) -> int:
    return QUICK_PRODUCT_SIDE if is_quick else PRODUCT_SIDE


def _product(precision: str, side: int) -> Runner:
    left, right = (torch.randn(side, side).to(DTYPES[precision]) for _ in range(2))
    out = torch.empty(side, side, dtype=DTYPES[precision])

    def run() -> None:
        with torch.inference_mode():
            torch.mm(left, right, out=out)

    return Runner(f"matrix product, {precision}", "product", 2.0 * side**3, precision, run)


def _member(forward: Forward, images: int) -> Runner:
    example = torch.zeros(images, 1, SIDE, SIDE)
    operations = count_operations(forward.network, example)
    title = f"{forward.title}, {forward.precision}"
    return Runner(title, forward.kind.value, operations, forward.precision, forward.run)


def _known(name: str, precision: str, is_last: bool, batch: int, threads: int) -> Runner:
    """A known network of timm: plain, or with channels last."""
    title, side = KNOWN[name]
    make: Any = timm.create_model
    network: nn.Module = make(name, pretrained=False, num_classes=3).eval()
    images = torch.randn(batch, 3, side, side)
    operations = count_operations(network, images)
    layout = torch.channels_last if is_last else torch.contiguous_format
    dtype = DTYPES[precision]
    # torch's own types know no memory format here.
    network = network.to(dtype=dtype).to(memory_format=layout)  # type: ignore[call-overload]
    images = images.to(dtype=dtype).contiguous(memory_format=layout)

    def run() -> None:
        with torch.inference_mode():
            network(images)

    how = f"{precision}, channels last" if is_last else precision
    return Runner(f"{title}, {how}", "for comparison", operations, precision, run)


def count_operations(network: nn.Module, images: Tensor) -> float:
    """Of one forward pass: a multiplication and an addition are two.

    >>> count_operations(nn.Linear(3, 5, bias=False), torch.zeros(2, 3))
    60.0
    """
    # The counter knows attention only as the products that it is made of.
    with _on(images.device), torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
        counter = FlopCounterMode(display=False)
        with counter:
            network(images)
    return float(counter.get_total_flops())


@contextmanager
def _on(device: torch.device) -> Iterator[None]:
    with torch.device(device):
        yield
