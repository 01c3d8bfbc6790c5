"""The table of members: three networks that see the same slices differently."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from types import MappingProxyType
from typing import Any

import timm
from torch import nn

from asemble.core.errors import ConfigError
from asemble.models.asemblenet import ASembleBody
from asemble.models.evidence import STRIDES, EvidenceNetwork


class Kind(StrEnum):
    """How a network sees: by neighbourhoods, by tokens that look at each other, or both."""

    CONVOLUTIONAL = "convolutional"
    TRANSFORMER = "transformer"
    HYBRID = "hybrid"


@dataclass(frozen=True, slots=True)
class MemberSpec:
    """One line of the table.

    Args:
        name: in file names, results and on screen.
        title: for people.
        kind: what its body is made of.
        architecture: what `build` makes, said exactly enough to build it again; in every card.
        cam_layer: dotted name of the module that Grad-CAM reads, `(n, c, 64, 64)`.
        build: makes the network, freshly initialised.
    """

    name: str
    title: str
    kind: Kind
    architecture: str
    cam_layer: str
    build: Callable[[], EvidenceNetwork]

    def cam_module(self, network: EvidenceNetwork) -> nn.Module:
        """The module of `network` that Grad-CAM reads."""
        return network.get_submodule(self.cam_layer)


PVT_CHANGES: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {"depths": (1, 1, 2, 1), "mlp_ratios": (4, 4, 4, 4)}
)
"""PVTv2-B0 made shallower: 62 instead of 23 images a second in training on two cores."""


def asemblenet(seen: int = 1) -> EvidenceNetwork:
    """ASembleNet for images of so many channels; the members see one."""
    return EvidenceNetwork(ASembleBody(seen), ASembleBody.channels)


def _regnet() -> EvidenceNetwork:
    return _from_timm("regnetx_004", {})


def _pvt() -> EvidenceNetwork:
    return _from_timm("pvt_v2_b0", PVT_CHANGES)


def _from_timm(name: str, changes: Mapping[str, Any]) -> EvidenceNetwork:
    """A timm network without its last stage, ending in an evidence head."""
    make: Callable[..., Any] = partial(
        timm.create_model, name, features_only=True, in_chans=1, pretrained=False, **changes
    )
    reductions = make().feature_info.reduction()
    body = make(out_indices=[reductions.index(stride) for stride in STRIDES])
    return EvidenceNetwork(body, body.feature_info.channels())


MEMBERS: Mapping[str, MemberSpec] = MappingProxyType(
    {
        spec.name: spec
        for spec in (
            MemberSpec(
                name="asemblenet",
                title="ASembleNet",
                kind=Kind.HYBRID,
                architecture="asemblenet, head features 48",
                cam_layer="head.fuse",
                build=asemblenet,
            ),
            MemberSpec(
                name="regnet",
                title="RegNetX",
                kind=Kind.CONVOLUTIONAL,
                architecture="timm regnetx_004 to stride 16, head features 48",
                cam_layer="head.fuse",
                build=_regnet,
            ),
            MemberSpec(
                name="pvt",
                title="Pyramid vision transformer",
                kind=Kind.TRANSFORMER,
                architecture="timm pvt_v2_b0 to stride 16, depths 1-1-2, mlp ratios 4, "
                "head features 48",
                cam_layer="head.fuse",
                build=_pvt,
            ),
        )
    }
)
"""By name, in the order in which they are shown."""


def member_spec(name: str) -> MemberSpec:
    """The line of that name.

    Raises:
        ConfigError: there is none.

    >>> member_spec("pvt").kind.value
    'transformer'
    """
    try:
        return MEMBERS[name]
    except KeyError:
        raise ConfigError(
            f"There is no member named {name!r}.", hint=f"Members: {', '.join(MEMBERS)}."
        ) from None
