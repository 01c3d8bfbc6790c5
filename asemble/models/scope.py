"""Whether slices show sacroiliac joints at all, the right way up: asked before any member judges.

A very small network looks at each slice at 3 mm a pixel with its contrast evened out, so that it
sees where things lie and not how they are painted. One answer is given for a whole stack, the mean
over its slices. It is fitted on simulated slices in appearances far beyond any scanner's, against
slices turned, shuffled and scrambled, and pictures of other things (`evaluation.scope_fit`).

The limits are set on the lenient side: a real scan that is refused by mistake costs more here than
a strange one that is judged.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from asemble.core.errors import WeightsError
from asemble.core.labels import JUDGED_PLANES, Plane
from asemble.core.volume import Floats

SCOPE_FILE = "scope.json"
"""Stands beside the weights."""
SHIPPED_DIRECTORY = Path(__file__).parents[2] / "weights"
"""Where the scope is taken from for weights without one of their own, as fine-tuned ones are."""
FORMAT = 1
"""Raised when a field changes its meaning."""
COARSE = 64
"""Pixels along a side of what the network sees: 3 mm each."""
FEWEST_SLICES = 5
"""Fewer slices are not asked: one slice at the edge of a stack may show anything."""
LOGIT_LIMIT = 6.0
"""A slice counts at most so much, so that few cannot decide for a stack."""
WIDTHS = (16, 32, 48, 48)
"""Channels of the four stages; each halves the sides."""

_EVEN_PIXELS = 8
"""Reach of the evening of contrast: 25 mm, about one joint."""
_EVEN_FLOOR = 0.02
"""Contrast below this is not raised: it is air."""
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


class ScopeNetwork(nn.Module):
    """Evened slices `(n, 1, 64, 64)` to logits `(n, 2)`, one a plane of `JUDGED_PLANES`."""

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
class Scope:
    """What `scope.json` holds.

    Args:
        network: evaluation mode, on the CPU; None accepts everything.
        limits: by plane.
        fitted_on: seeds, counts and figures of the fit, for people.
    """

    network: ScopeNetwork | None
    limits: Mapping[Plane, Limits]
    fitted_on: Mapping[str, Any] = field(default_factory=dict)

    def why_not(self, plane: Plane, images: Floats) -> str | None:
        """One sentence why these slices are out of scope, or None where they are not.

        Args:
            plane: as the series has it or the user states it.
            images: prepared slices `(slice, 256, 256)`.
        """
        if self.network is None or len(images) < FEWEST_SLICES:
            return None
        shown, turned = self.scores(plane, images)
        limits = self.limits[plane]
        if shown - turned < limits.upright:
            return (
                "The slices seem to be stored upside down or turned, which misleads the models; "
                "export them again as they are shown."
            )
        if shown < limits.shown:
            return (
                f"The slices do not look like {plane.value} slices of the sacroiliac joints; check "
                "the plane that is stated, or upload the series of the joints."
            )
        return None

    def scores(self, plane: Plane, images: Floats) -> tuple[float, float]:
        """Mean logit of the slices as they are, and of the best of three wrong turns.

        Raises:
            ValueError: this scope accepts everything and has no scores.
        """
        if self.network is None:
            raise ValueError("a scope that accepts everything has no scores")
        evened = even(torch.from_numpy(np.array(images, dtype=np.float32))[:, None])
        turns = (
            evened,
            evened.flip(-2),
            evened.rot90(1, (-2, -1)),
            evened.rot90(-1, (-2, -1)),
        )
        column = JUDGED_PLANES.index(plane)
        with torch.inference_mode():
            means = [
                float(self.network(turn)[:, column].clamp(-LOGIT_LIMIT, LOGIT_LIMIT).mean())
                for turn in turns
            ]
        return means[0], max(means[1:])


def accepts_all() -> Scope:
    """A scope that refuses nothing, for weights that are not meant for real studies."""
    return Scope(None, {})


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


def save_scope(directory: Path, scope: Scope) -> Path:
    """Write `scope.json` into the folder of the weights; the same scope writes the same bytes."""
    state = {} if scope.network is None else scope.network.state_dict()
    half = [v.detach().numpy().astype("<f2").tobytes() for v in _floating(state).values()]
    stored = b"".join(half)
    content = {
        "format": FORMAT,
        "widths": list(WIDTHS) if scope.network is not None else [],
        "limits": {
            plane.value: {"shown": limits.shown, "upright": limits.upright}
            for plane, limits in scope.limits.items()
        },
        "sha256": hashlib.sha256(stored).hexdigest(),
        "network": base64.b64encode(stored).decode("ascii"),
        "fitted_on": dict(scope.fitted_on),
    }
    path = directory / SCOPE_FILE
    path.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return path


def load_scope(directory: Path) -> Scope:
    """Read `scope.json`.

    Raises:
        WeightsError: it is absent, damaged, or of another version.
    """
    path = directory / SCOPE_FILE
    if not path.is_file():
        raise WeightsError(f"{SCOPE_FILE} is missing beside the weights.", hint=_HINT)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        stored = base64.b64decode(content["network"], validate=True)
        if content["format"] != FORMAT or content["sha256"] != hashlib.sha256(stored).hexdigest():
            raise ValueError("another format, or changed since it was written")
        if not content["widths"]:
            return accepts_all()
        if content["widths"] != list(WIDTHS):
            raise ValueError("another network")
        limits = {
            plane: Limits(
                float(content["limits"][plane.value]["shown"]),
                float(content["limits"][plane.value]["upright"]),
            )
            for plane in JUDGED_PLANES
        }
        network = _filled(stored)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise WeightsError(f"{SCOPE_FILE} is damaged or incomplete.", hint=_HINT) from error
    return Scope(network, limits, dict(content.get("fitted_on", {})))


def _filled(stored: bytes) -> ScopeNetwork:
    network = ScopeNetwork()
    values = np.frombuffer(stored, dtype="<f2").astype(np.float32)
    wanted = _floating(network.state_dict())
    if len(values) != sum(v.numel() for v in wanted.values()) or not np.isfinite(values).all():
        raise ValueError("the network does not fit")
    start = 0
    for value in wanted.values():
        part = values[start : start + value.numel()].reshape(value.shape)
        value.copy_(torch.from_numpy(part))
        start += value.numel()
    return network.eval()


def _floating(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights, without the counters of the normalisation."""
    return {name: value for name, value in state.items() if value.is_floating_point()}
