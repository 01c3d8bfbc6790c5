"""The classifiers that the abstract compared itself with; trained for a table, never shipped.

Each ends, as it was published, in the mean over its last map and one linear layer. Such a network
has a class activation map (Zhou 2016, arXiv:1512.04150): the linear layer at every place of the
last map, whose mean is the logit. It stands where a member has its evidence, so that the same
training loop and the same measurements serve both; it is coarse, 8x8 for 256x256.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import timm
import torch
from torch import Tensor, nn
from torch.nn import functional

from asemble.core.errors import ConfigError
from asemble.core.labels import PATTERNS
from asemble.imaging.slices import MASK_SIDE
from asemble.models.evidence_head import EvidenceNetwork
from asemble.models.members import MEMBERS, member_spec


class LabelNetwork(nn.Module):
    """A published classifier of one-channel slices.

    Args:
        body: of timm, `(n, 1, 256, 256)` to `(n, 3)` through a mean over its last map.
    """

    def __init__(self, body: Any) -> None:
        super().__init__()
        self.body = body

    def forward(self, images: Tensor) -> Tensor:
        """Logits `(n, 3)`."""
        return self.with_evidence(images)[0]

    def with_evidence(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Logits `(n, 3)` and the class activation map, resized to `(n, 3, 128, 128)`."""
        features = self.body.forward_features(images)  # (n, c, 8, 8)
        logits: Tensor = self.body.forward_head(features)
        linear = self.body.get_classifier()
        cells = functional.conv2d(features, linear.weight[:, :, None, None], linear.bias)
        maps = functional.interpolate(
            cells.float(), (MASK_SIDE, MASK_SIDE), mode="bilinear", align_corners=False
        )
        return logits, maps


Trainable = EvidenceNetwork | LabelNetwork
"""What the training loop can train."""


@dataclass(frozen=True, slots=True)
class ComparisonSpec:
    """One line of the table of comparison networks.

    Args:
        name: in configurations and files.
        title: for people.
        timm_name: what timm calls it.
        source: where it was published.
    """

    name: str
    title: str
    timm_name: str
    source: str

    @property
    def architecture(self) -> str:
        """What is built, said exactly enough to build it again."""
        return f"timm {self.timm_name}, 1 channel, {len(PATTERNS)} classes"


COMPARISON: Mapping[str, ComparisonSpec] = MappingProxyType(
    {
        spec.name: spec
        for spec in (
            ComparisonSpec(
                "xception", "Xception", "legacy_xception", "Chollet 2017, arXiv:1610.02357"
            ),
            ComparisonSpec("resnet50", "ResNet50", "resnet50", "He 2016, arXiv:1512.03385"),
            ComparisonSpec(
                "inceptionv3", "InceptionV3", "inception_v3", "Szegedy 2016, arXiv:1512.00567"
            ),
        )
    }
)
"""By name, in the order in which the abstract names them."""

TRAINABLE = (*MEMBERS, *COMPARISON)
"""Names that a training configuration may give."""


def architecture_of(name: str) -> str:
    """What is built for the name of a member or of a comparison network.

    >>> architecture_of("resnet50")
    'timm resnet50, 1 channel, 3 classes'
    """
    return (COMPARISON[name] if name in COMPARISON else member_spec(name)).architecture


def build_network(name: str) -> Trainable:
    """A member or a comparison network, freshly initialised.

    Raises:
        ConfigError: there is no network of that name.
    """
    if name in COMPARISON:
        return LabelNetwork(_classifier(COMPARISON[name], pretrained=False))
    return member_spec(name).build()


def pretrained_network(name: str, *, seed: int) -> LabelNetwork:
    """A comparison network with timm's ImageNet weights, its last layer drawn from `seed`.

    Raises:
        ConfigError: it is no comparison network, or its weights could not be fetched.
    """
    if name not in COMPARISON:
        raise ConfigError(
            f"{name} has no ImageNet weights.",
            hint=f"These have: {', '.join(COMPARISON)}.",
            code="no-imagenet-weights",
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            return LabelNetwork(_classifier(COMPARISON[name], pretrained=True))
        except OSError as error:  # what every failed download is, of the hub's and of urllib's
            raise ConfigError(
                f"The ImageNet weights of {name} could not be fetched.",
                hint="Check the network, or train from scratch, without --pretrained.",
                code="imagenet-not-fetched",
            ) from error


def _classifier(spec: ComparisonSpec, *, pretrained: bool) -> Any:
    return timm.create_model(
        spec.timm_name, in_chans=1, num_classes=len(PATTERNS), pretrained=pretrained
    )
