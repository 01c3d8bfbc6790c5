"""The input gate: do slices show sacroiliac joints, the right way up? A glance, then the bones.

The glance costs next to nothing: a very small network looks at each slice at 3 mm a pixel with its
contrast evened out, so that it sees where things lie and not how they are painted. One answer is
given for a whole stack, the mean over its slices. It is fitted on simulated slices in appearances
far beyond any scanner's, against slices turned, shuffled and scrambled, and pictures of other
things (`evaluation.scope_fit`). It declines only what lies far below its limits.

What it lets pass goes through the members, and then the bones that they name decide, whatever the
glance thought: a stack is in scope where enough of its slices show a sacrum between two ilia, with
a joint on either side (`imaging.arrangement`). So real scans that look strange are judged, and
strange pictures that please the glance are not.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from pydantic import BaseModel, ConfigDict
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.nn import functional

from asemble.core.errors import WeightsError
from asemble.core.interruption import checkpoint
from asemble.core.labels import JUDGED_PLANES, Plane
from asemble.core.results import Remark
from asemble.core.volume import Floats
from asemble.models.signing import SUFFIX, sign

GATE_FILE, NETWORK_FILE = "scope.json", f"scope{SUFFIX}"
"""The card of the gate and its network, beside the weights."""
COARSE = 64
"""Pixels along a side of what the network sees: 3 mm each."""
FEWEST_SLICES = 5
"""Fewer slices are not asked: one slice at the edge of a stack may show anything."""
LOGIT_LIMIT = 6.0
"""A slice counts at most so much, so that few cannot decide for a stack."""
WIDTHS = (16, 32, 48, 48)
"""Channels of the four stages; each halves the sides."""
DOUBT = 4.3
"""So far below the limit of what it takes for joints, in logits, the glance is sure that there are
none; of four real stacks it took three for joints, and one lay 2.4 below (docs/decisions/0029)."""
LEAST_SLICES = 2
"""A stack shows the joints where at least so many of its slices do,"""
LEAST_SHARE, OF_SLICES = 0.15, 25
"""so great a share of so many, that is four of them, where a stack has more,"""
LEAST_SHARE_LONG = 0.08
"""and so great a share of all, however long: a pelvis of 300 mm holds joints of 40 mm. Of four real
stacks 44% and more do, of turned ones and of pictures of other things hardly a slice."""

NOT_THE_JOINTS = "not-the-joints"
"""Code of what the gate declines."""

TURNS: Mapping[str, Callable[[Floats], Floats]] = MappingProxyType(
    {
        "upside down": lambda images: images[:, ::-1],
        "turned by 90 degrees": lambda images: np.rot90(images, 1, (1, 2)),
        "turned by 90 degrees the other way": lambda images: np.rot90(images, -1, (1, 2)),
    }
)
"""What is wrong with `(slice, row, column)` that are right after the turn beside it. Mirror images
look like the joints too, so that each stands for two ways to be stored."""

_EVEN_PIXELS = 8
"""Reach of the evening of contrast: 25 mm, about one joint."""
_EVEN_FLOOR = 0.02
"""Contrast below this is not raised: it is air."""
Bools = npt.NDArray[np.bool_]

_HINT = "Fit it with: asemble evaluate scope --fit"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a stack must reach in one plane, in mean logits.

    Args:
        shown: below it the slices show something else.
        upright: how much the slices as shown must not fall behind the same slices turned.
    """

    shown: float
    upright: float


class _GateCard(BaseModel):
    """What `scope.json` holds; without a checksum the gate accepts everything."""

    model_config = ConfigDict(strict=True, extra="forbid")

    format: Literal[2] = 2
    sha256: str
    limits: Mapping[Plane, Limits]
    fitted_on: Mapping[str, Any]


class InputGateNetwork(nn.Module):
    """Evened slices `(n, 1, 64, 64)` to logits `(n, 2)`, one per plane of `JUDGED_PLANES`."""

    def __init__(self) -> None:
        super().__init__()
        stages: list[nn.Module] = []
        channels = 1
        for width in WIDTHS:
            stages += [
                nn.Conv2d(channels, width, 3, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(width),
                nn.SiLU(),
            ]
            channels = width
        self.trunk = nn.Sequential(*stages)
        self.drop = nn.Dropout(0.2)
        self.answer = nn.Linear(channels * (COARSE >> len(WIDTHS)) ** 2, len(JUDGED_PLANES))

    def forward(self, evened: Tensor) -> Tensor:
        """See the class."""
        logits: Tensor = self.answer(self.drop(self.trunk(evened).flatten(1)))
        return logits


@dataclass(frozen=True, slots=True, eq=False)
class InputGate:
    """A network and the limits that its answers are held against.

    Args:
        network: evaluation mode, on the CPU; None accepts everything.
        limits: by plane.
        fitted_on: seeds, counts and figures of the fit, for people.
    """

    network: InputGateNetwork | None
    limits: Mapping[Plane, Limits]
    fitted_on: Mapping[str, Any] = field(default_factory=dict)

    def glance(self, plane: Plane, images: Floats) -> Remark | None:
        """Why these slices are surely out of scope, or None where the bones are to decide.

        Args:
            plane: as the series has it or the user states it.
            images: prepared slices `(slice, 256, 256)`.
        """
        if self.network is None or len(images) < FEWEST_SLICES:
            return None
        if self._logit(plane, images) >= self.limits[plane].shown - DOUBT:
            return None
        return Remark(
            NOT_THE_JOINTS,
            f"The slices do not look like {plane.value} slices of the sacroiliac joints; check "
            "the plane that is stated, or upload the series of the joints.",
        )

    def by_bones(self, shown: Bools) -> Remark | None:
        """Why slices are out of scope by the bones that the members name, or None.

        Args:
            shown: `(slice,)`, which slices show a pelvis (`imaging.arrangement.pelvis_shown`).
        """
        if self.network is None or len(shown) < FEWEST_SLICES:
            return None
        share = LEAST_SHARE * min(len(shown), OF_SLICES)
        if shown.sum() >= max(LEAST_SLICES, share, LEAST_SHARE_LONG * len(shown)):
            return None
        found = f"only {shown.sum()} of {len(shown)} slices" if shown.any() else "no slice"
        return Remark(
            NOT_THE_JOINTS,
            f"The networks see a sacrum between two ilia on {found}; check the plane that is "
            "stated, or upload the series of the joints.",
        )

    def would_show(self, plane: Plane, images: Floats) -> str | None:
        """The turn in `TURNS` after which the slices would look right, or None.

        A guess of the glance, which the bones have to confirm.
        """
        if self.network is None or len(images) < FEWEST_SLICES:
            return None
        shown, turned = self._logit(plane, images), self._turned(plane, images)
        best = int(np.argmax(turned))
        limits = self.limits[plane]
        if shown - turned[best] >= limits.upright or turned[best] < limits.shown:
            return None
        return list(TURNS)[best]

    def scores(self, plane: Plane, images: Floats) -> tuple[float, float]:
        """Mean logit of the slices as they are, and of the best of three wrong turns.

        Raises:
            ValueError: this gate accepts everything and has no scores.
        """
        return self._logit(plane, images), max(self._turned(plane, images))

    def _turned(self, plane: Plane, images: Floats) -> list[float]:
        """Mean logits after each turn in `TURNS`."""
        return [self._logit(plane, turn(images)) for turn in TURNS.values()]

    def _logit(self, plane: Plane, images: Floats) -> float:
        if self.network is None:
            raise ValueError("a gate that accepts everything has no scores")
        checkpoint()
        evened = even(torch.from_numpy(np.array(images, dtype=np.float32))[:, None])
        with torch.inference_mode():
            logits = self.network(evened)[:, JUDGED_PLANES.index(plane)]
        return float(logits.clamp(-LOGIT_LIMIT, LOGIT_LIMIT).mean())


def accepts_all() -> InputGate:
    """A gate that refuses nothing, for weights that are not meant for real studies."""
    return InputGate(None, {})


def even(images: Tensor) -> Tensor:
    """Prepared slices `(n, 1, h, w)` at 64 x 64, each place measured against its surroundings."""
    coarse = functional.adaptive_avg_pool2d(images, COARSE)
    mean = _around(coarse)
    spread = _around((coarse - mean) ** 2).sqrt()
    return (coarse - mean) / (spread + _EVEN_FLOOR)


def _around(images: Tensor) -> Tensor:
    size, pad = 2 * _EVEN_PIXELS + 1, _EVEN_PIXELS
    for kernel, padding in (((size, 1), (pad, 0)), ((1, size), (0, pad))):
        images = functional.avg_pool2d(images, kernel, 1, padding, count_include_pad=False)
    return images


def save_input_gate(directory: Path, gate: InputGate) -> Path:
    """Write and sign the network and its card in the folder of the weights.

    Equal gates give equal bytes.

    Returns:
        Path of the card.
    """
    card, stored = directory / GATE_FILE, directory / NETWORK_FILE
    digest = ""
    if gate.network is not None:
        state = _floating(gate.network.state_dict())
        content = save({name: value.detach().half() for name, value in state.items()})
        stored.write_bytes(content)
        sign(stored)
        digest = hashlib.sha256(content).hexdigest()
    written = _GateCard(sha256=digest, limits=gate.limits, fitted_on=gate.fitted_on)
    text = json.dumps(written.model_dump(mode="json"), indent=1, sort_keys=True)
    card.write_text(text + "\n", encoding="utf-8")
    sign(card)
    return card


def load_input_gate(directory: Path, read: Callable[[Path], bytes] = Path.read_bytes) -> InputGate:
    """Read the card and its network.

    Args:
        directory: folder of the weights.
        read: gives the content of a file; `Signed.read` where it has to be the signed one.

    Raises:
        WeightsError: one of them is absent, damaged, or of another version.
    """
    if not (directory / GATE_FILE).is_file():
        raise WeightsError(f"{GATE_FILE} is missing beside the weights.", hint=_HINT)
    try:
        card = _GateCard.model_validate_json(read(directory / GATE_FILE))
        if not card.sha256:
            return accepts_all()
        content = read(directory / NETWORK_FILE)
        if hashlib.sha256(content).hexdigest() != card.sha256 or set(card.limits) != set(
            JUDGED_PLANES
        ):
            raise ValueError("not the network of this card, or limits are missing")
        network = _filled(load(content))
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise WeightsError(f"{GATE_FILE} is damaged or incomplete.", hint=_HINT) from error
    return InputGate(network, card.limits, card.fitted_on)


def _filled(stored: Mapping[str, Tensor]) -> InputGateNetwork:
    network = InputGateNetwork()
    if not all(bool(torch.isfinite(value).all()) for value in stored.values()):
        raise ValueError("a weight is not finite")
    counters = {k: v for k, v in network.state_dict().items() if not v.is_floating_point()}
    network.load_state_dict({**stored, **counters}, strict=True)
    return network.eval()


def _floating(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights, without the counters of the normalisation."""
    return {name: value for name, value in state.items() if value.is_floating_point()}
