"""The table of members: three networks that see the same slices differently."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from asemble.core.errors import ConfigError
from asemble.models.asemblenet import ASembleBody
from asemble.models.backbones import efficientnet, pvt
from asemble.models.evidence_head import EvidenceNetwork


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
        build: makes the network, freshly initialised.
    """

    name: str
    title: str
    kind: Kind
    architecture: str
    build: Callable[[], EvidenceNetwork]


def asemblenet(seen: int = 1) -> EvidenceNetwork:
    """ASembleNet for images of so many channels; the members see one."""
    return EvidenceNetwork(ASembleBody(seen), ASembleBody.channels)


MEMBERS: Mapping[str, MemberSpec] = MappingProxyType(
    {
        spec.name: spec
        for spec in (
            MemberSpec(
                name="asemblenet",
                title="ASembleNet",
                kind=Kind.HYBRID,
                architecture="asemblenet, decoder 64-32 to 128x128",
                build=asemblenet,
            ),
            MemberSpec(
                name="efficientnet",
                title="EfficientNet-lite0",
                kind=Kind.CONVOLUTIONAL,
                architecture="timm tf_efficientnet_lite0 to stride 16, decoder 64-32 to 128x128",
                build=efficientnet,
            ),
            MemberSpec(
                name="pvt",
                title="Pyramid vision transformer",
                kind=Kind.TRANSFORMER,
                architecture="timm pvt_v2_b0 to stride 16, depths 1-1-2, mlp ratios 4, "
                "2 convolutions at stride 2, decoder 64-32 to 128x128",
                build=pvt,
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
            f"There is no member named {name!r}.",
            hint=f"Members: {', '.join(MEMBERS)}.",
            code="member-unknown",
        ) from None
