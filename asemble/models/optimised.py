"""A trained network made ready to run: the same answers, sooner.

Batch normalisation is folded into the convolution before it, and the weights lie channels last,
which together take a third of the time off on a processor without changing more than the sixth
digit. What else was tried, and what it measured, is in docs/decisions/0017.
"""

from copy import deepcopy
from itertools import pairwise

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from asemble.models.evidence_head import EvidenceNetwork


def optimised_for_inference(network: EvidenceNetwork) -> EvidenceNetwork:
    """A copy that is frozen, folded and laid out for inference, on the same device."""
    ready = deepcopy(network).eval().requires_grad_(False)
    for module in list(ready.modules()):
        _fold(module)
    for parameter in ready.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return ready


def _fold(parent: nn.Module) -> None:
    """Put each normalisation into the convolution that its parent calls just before it."""
    for (name, conv), (next_name, norm) in pairwise(list(parent.named_children())):
        if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            setattr(parent, name, fuse_conv_bn_eval(conv, norm))
            # timm's normalisation brings its activation along.
            rest = [part for part in norm.children() if not isinstance(part, nn.Identity)]
            setattr(parent, next_name, nn.Sequential(*rest))
