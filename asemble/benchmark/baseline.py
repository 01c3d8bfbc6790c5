"""What a user would write today: a network of timm, one slice at a time, with grad-cam.

Random weights, three classes, the network's own input size, mean and deviation. The model and
grad-cam's object are made once, before the clock starts. For each slice: the slice as an 8-bit
picture through timm's own transform, a forward pass without gradients for the probabilities, then
grad-cam at the last convolutional map for one class (which runs its own forward and backward pass).
"""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import timm
import torch
from PIL import Image
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn

from asemble.core.labels import PATTERNS, Pattern
from asemble.core.volume import Floats
from asemble.imaging.intensity import percentile_window, to_bytes

LAYERS = {"legacy_xception": "act4", "resnet50": "layer4"}
"""The last convolutional map of each network, as grad-cam's README advises, by timm's names."""
TITLES = {"legacy_xception": "Xception", "resnet50": "ResNet50"}
"""For people."""


def slice_by_slice(name: str) -> Callable[[Floats], None]:
    """The loop for a network of `LAYERS`: takes slices `(n, row, column)`, raw intensities."""
    model = _model(name)
    data: Any = timm.data  # ships no types
    transform = data.create_transform(**data.resolve_model_data_config(model), is_training=False)
    cam = GradCAM(model, [model.get_submodule(LAYERS[name])])
    target = [ClassifierOutputTarget(PATTERNS.index(Pattern.INFLAMMATORY))]

    def run(slices: Floats) -> None:
        window = percentile_window(slices, 1, 99)
        for each in slices:
            picture = Image.fromarray(to_bytes(each, window)).convert("RGB")
            batch = cast(torch.Tensor, transform(picture))[None]
            with torch.no_grad():
                probabilities = torch.softmax(model(batch), dim=1).numpy()
            heat = cam(batch, targets=target)[0]
            if not (np.isfinite(probabilities).all() and np.isfinite(heat).all()):
                raise ValueError(f"{name} gave values that are not numbers")

    return run


def _model(name: str) -> nn.Module:
    make: Any = timm.create_model
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return cast(nn.Module, make(name, pretrained=False, num_classes=len(PATTERNS)).eval())
