"""Weight files: safetensors in half precision, checked against their card before use."""

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save_file
from torch import Tensor

from asemble.core.errors import WeightsError
from asemble.core.labels import Plane
from asemble.models.cards import Card, card_path, read_card, write_card
from asemble.models.evidence_head import EvidenceNetwork
from asemble.models.members import MEMBERS
from asemble.models.signing import FETCH_AGAIN, SHIPPED_DIRECTORY, SUFFIX, sign

DIRECTORY_VARIABLE = "ASEMBLE_WEIGHTS"
"""Environment variable that names another directory of weights."""


def weights_directory(directory: Path | None = None) -> Path:
    """Where weights are looked for: the argument, else `ASEMBLE_WEIGHTS`, else the shipped."""
    if directory is not None:
        return directory
    named = os.environ.get(DIRECTORY_VARIABLE)
    return Path(named) if named else SHIPPED_DIRECTORY


def weights_name(plane: Plane, member: str) -> str:
    """File name of a member's weights.

    >>> weights_name(Plane.AXIAL, "pvt")
    'axial-pvt.safetensors'
    """
    return f"{plane.value}-{member}{SUFFIX}"


def save_weights(path: Path, state: Mapping[str, Tensor], card: Card) -> Card:
    """Write weights in half precision and the card beside them, and sign both.

    Returns:
        The card with the checksum of the file that was written.

    Raises:
        WeightsError: a weight is not finite in half precision; the training diverged.
    """
    half = {name: _half(name, value) for name, value in state.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    # One entry: the writer orders several at random, and the file would hash differently.
    save_file(half, partial, metadata={"network": f"{card.plane}-{card.member}"})
    complete = replace(card, sha256=_sha256(partial.read_bytes()))
    partial.replace(path)
    sign(path)
    write_card(card_path(path), complete)
    return complete


def load_weights(
    path: Path, read: Callable[[Path], bytes] = Path.read_bytes
) -> tuple[EvidenceNetwork, Card]:
    """The network of a weight file, in single precision and evaluation mode, with its card.

    Args:
        path: of the weight file.
        read: gives the content of a file; `Signed.read` where it has to be the signed one.

    Raises:
        WeightsError: the file, its card and this package do not agree in every respect.
    """
    card = read_card(card_path(path), read)
    if path.name != weights_name(Plane(card.plane), card.member):
        raise WeightsError(
            f"{path.name} lies beside the card of {card.plane}-{card.member}.", hint=FETCH_AGAIN
        )
    spec = MEMBERS.get(card.member)
    if spec is None or spec.architecture != card.architecture:
        raise WeightsError(
            f"{path.name} holds the architecture {card.architecture!r}, which this version "
            "does not build.",
            hint=FETCH_AGAIN,
        )
    with torch.device("meta"):  # without drawing values that are replaced at once
        network = spec.build()
    _fill(network, _read_checked(path, card, read), path.name)
    return network.eval(), card


def _read_checked(path: Path, card: Card, read: Callable[[Path], bytes]) -> dict[str, Tensor]:
    try:
        content = read(path)
    except OSError as error:
        raise WeightsError(f"{path.name} cannot be read.", hint=FETCH_AGAIN) from error
    if _sha256(content) != card.sha256:
        raise WeightsError(
            f"{path.name} is not the file that its card describes.", hint=FETCH_AGAIN
        )
    try:
        return load(content)
    except SafetensorError as error:
        raise WeightsError(f"{path.name} is not a safetensors file.", hint=FETCH_AGAIN) from error


def _fill(network: EvidenceNetwork, state: Mapping[str, Tensor], name: str) -> None:
    try:
        single = {k: v.float() if v.is_floating_point() else v for k, v in state.items()}
        network.load_state_dict(single, strict=True, assign=True)
    except RuntimeError as error:  # torch's own: missing, unexpected or misshapen weights
        raise WeightsError(
            f"{name} does not fit the architecture that its card names.", hint=FETCH_AGAIN
        ) from error


def _half(name: str, value: Tensor) -> Tensor:
    if not value.is_floating_point():
        return value.contiguous()
    half = value.detach().to("cpu", torch.float16).contiguous()
    if not bool(torch.isfinite(half).all()):
        raise WeightsError(
            f"The weight {name} is not finite in half precision.",
            hint="The training diverged: train again with a lower learning_rate.",
        )
    return half


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
