"""The ensemble: the members of each plane, loaded strictly, run in batches."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import NormalDist
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from asemble.core.errors import ConfigError, WeightsError
from asemble.core.labels import JUDGED_PLANES, PATTERNS, Plane
from asemble.core.volume import Floats
from asemble.imaging.intensity import preprocess
from asemble.imaging.slices import MASK_SIDE, SIDE
from asemble.models.batch_scheduler import Arrays, BatchScheduler, Pieces
from asemble.models.cards import Card
from asemble.models.evidence_head import EvidenceNetwork
from asemble.models.fusion import Fusion, load_fusion
from asemble.models.input_gate import GATE_FILE, NETWORK_FILE, InputGate, load_input_gate
from asemble.models.members import MEMBERS, MemberSpec
from asemble.models.optimised import optimised_for_inference
from asemble.models.output import forward
from asemble.models.signing import SHIPPED_DIRECTORY, SUFFIX, Signed, open_signed
from asemble.models.weights import load_weights, weights_directory, weights_name

_Scalar = TypeVar("_Scalar", bound=np.floating[Any])

BATCH = {"cpu": 4, "cuda": 32}
"""Slices in one forward pass, by device: on a processor 4 slices stay in its cache, 8 took
EfficientNet half as long again, and a series of 25 fills its last pass better."""


@dataclass(frozen=True, slots=True, eq=False)
class MemberOutput:
    """What one member says of some slices.

    Args:
        probabilities: `(n, 3)` calibrated, in the order of `PATTERNS`.
        evidence: `(n, 3, 128, 128)` float32, raw maps in the same order; above 0 speaks for it.
    """

    probabilities: npt.NDArray[np.float64]
    evidence: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """One trained network of one plane.

    Args:
        spec: its line in the table of members.
        card: what is known of its weights.
        network: single precision, evaluation mode; as it was trained. What judges studies is a
            copy of it, which only the ensemble runs (`Ensemble.each`).
    """

    spec: MemberSpec
    card: Card
    network: EvidenceNetwork

    @property
    def name(self) -> str:
        """In file names, results and on screen."""
        return self.spec.name

    @property
    def skill(self) -> float:
        """Squared discriminability d' of its validation AUC; 0 at chance, or where unknown.

        Scores of two normal classes that lie d' standard deviations apart have an AUC of
        Phi(d' / sqrt 2) (Green and Swets 1966 [K]).
        """
        auc = self.card.metrics.get("validation_auc")
        if not isinstance(auc, float) or not 0.5 < auc < 1:
            return 0.0
        return 2 * NormalDist().inv_cdf(auc) ** 2

    def inputs(self, images: Floats) -> Tensor:
        """Prepared slices `(n, 256, 256)` as `(n, 1, 256, 256)` on the network's device."""
        read = np.array(preprocess(images, self.card.preprocessing), dtype=np.float32)
        return torch.from_numpy(read)[:, None].to(next(self.network.parameters()).device)

    def calibrated(self, logits: Tensor) -> npt.NDArray[np.float64]:
        """Probabilities `(n, 3)` from logits `(n, 3)`."""
        return torch.softmax(logits.double() / self.card.temperature, dim=1).cpu().numpy()


Step = Callable[[Member, EvidenceNetwork, Floats], Arrays]
"""What is done with prepared slices `(n, 256, 256)` by one member; runs the network that is given,
which is the member's own made ready, and returns arrays `(n, ...)`."""


def forward_classes(member: Member, network: EvidenceNetwork, images: Floats) -> Arrays:
    """Calibrated probabilities and evidence, as of `MemberOutput`."""
    found = forward(network, member.inputs(images), images)
    return member.calibrated(found.logits), found.evidence


def forward_tissue(member: Member, network: EvidenceNetwork, images: Floats) -> Arrays:
    """How likely each place is each `Tissue`, `(n, 6, 128, 128)`, and nothing of lesions."""
    with torch.inference_mode():
        tissue, _ = network.head.places(network.features(member.inputs(images)))
        return (torch.softmax(tissue, dim=1).cpu().numpy(),)


def sum_of_shares(
    members: Mapping[str, npt.NDArray[_Scalar]], shares: Mapping[str, float]
) -> npt.NDArray[_Scalar]:
    """The members' arrays put together, each counted by its share.

    >>> sum_of_shares({"a": np.array([1.0]), "b": np.array([0.0])}, {"a": 0.75, "b": 0.25})
    array([0.75])
    """
    total = np.zeros_like(next(iter(members.values())))
    for name, values in members.items():
        total += shares[name] * values
    return total


class Ensemble:
    """The members of each plane, shared by all who ask.

    One thread runs the slices of many, in fair turns (`models.batch_scheduler`), so that no two
    passes and no hook of Grad-CAM ever meet on a network (without that, 26 of 40 maps were wrong).

    Args:
        planes: members by plane, in the order of the table.
        signed: where the weights lie, and the study calibration beside them.
        device: where the networks are.
    """

    def __init__(
        self, planes: Mapping[Plane, tuple[Member, ...]], *, signed: Signed, device: str
    ) -> None:
        self.planes = MappingProxyType(dict(planes))
        self.device = device
        self.signed = signed
        self._scheduler = BatchScheduler(BATCH[device])
        self._ready: dict[tuple[Plane, str], EvidenceNetwork] = {}

    @property
    def cards(self) -> Mapping[str, Card]:
        """The card of each weight file, by file name."""
        return {
            weights_name(plane, member.name): member.card
            for plane, members in self.planes.items()
            for member in members
        }

    @property
    def weights(self) -> Mapping[str, str]:
        """SHA-256 of each weight file, by file name."""
        return {name: card.sha256 for name, card in self.cards.items()}

    def shares(self, plane: Plane) -> Mapping[str, float]:
        """How much each member of `plane` counts in the ensemble: by its skill; they sum to 1.

        Equal where no member's skill is known.
        """
        members = self.planes[plane]
        skills = {member.name: member.skill for member in members}
        total = sum(skills.values())
        if total == 0:
            return {name: 1 / len(members) for name in skills}
        return {name: skill / total for name, skill in skills.items()}

    @cached_property
    def fusion(self) -> Fusion:
        """How slices make a study, fitted for exactly these weights.

        Raises:
            WeightsError: it is missing, damaged, or of other weights.
        """
        names = {plane: [m.name for m in members] for plane, members in self.planes.items()}
        return load_fusion(self.signed.folder, self.weights, names, self.signed.read)

    @cached_property
    def input_gate(self) -> InputGate:
        """What tells slices of the joints from others; without one of its own, the shipped one.

        Raises:
            WeightsError: it is missing, damaged, or of another version.
        """
        has_own = GATE_FILE in self.signed.digests
        signed = self.signed if has_own else open_signed(SHIPPED_DIRECTORY, must_be_shipped=True)
        return load_input_gate(signed.folder, signed.read)

    def each(
        self, plane: Plane, images: Floats, step: Step, *, member: str | None = None
    ) -> Pieces:
        """What `step` finds by each member of `plane`, piece after piece, in the order of `images`.

        Whoever asks for the same plane and step shares its batches. Close the generator to give up.

        Args:
            plane: whose members are asked.
            images: prepared slices `(n, 256, 256)`.
            step: a function of a module, so that callers can share it.
            member: the name of the one that is asked; by default all are.

        Raises:
            ValueError: the plane has no members, or the slices are of another size.
        """
        if plane not in self.planes:
            raise ValueError(f"no members judge the {plane} plane")
        if images.ndim != 3 or images.shape[1:] != (SIDE, SIDE):
            raise ValueError(f"images must be (n, {SIDE}, {SIDE}), got {images.shape}")
        asked = [m for m in self.planes[plane] if member in (None, m.name)]
        if not asked:
            raise ValueError(f"no member {member!r} judges the {plane} plane")

        def run(batch: Floats) -> Mapping[str, Arrays]:
            return {m.name: step(m, self._network(plane, m), batch) for m in asked}

        return self._scheduler.results((plane, step, member), run, images)

    def infer(self, plane: Plane, images: Floats) -> Mapping[str, MemberOutput]:
        """What each member of `plane` says of prepared slices `(n, 256, 256)`, by its name.

        Raises:
            ValueError: the plane has no members, or the slices are of another size.
        """
        pieces = list(self.each(plane, images, forward_classes))
        outputs = {}
        for member in self.planes[plane]:
            found = [piece[member.name] for piece in pieces]
            outputs[member.name] = MemberOutput(
                np.concatenate([np.empty((0, len(PATTERNS))), *(f[0] for f in found)]),
                np.concatenate([_no_evidence(), *(f[1] for f in found)]),
            )
        return outputs

    def _network(self, plane: Plane, member: Member) -> EvidenceNetwork:
        """The member's network made ready at its first use; only the scheduler's thread asks."""
        key = (plane, member.name)
        if key not in self._ready:
            self._ready[key] = optimised_for_inference(member.network)
        return self._ready[key]


def load_ensemble(directory: Path | None = None, *, device: str | None = None) -> Ensemble:
    """Load every member of every plane, and refuse the whole if one does not fit.

    Args:
        directory: of the weights; by default `ASEMBLE_WEIGHTS`, else those that
            asemble ships, which have to be the signed ones.
        device: "cpu" or "cuda"; by default CUDA where there is one.

    Raises:
        WeightsError: a file is not the one that was signed, does not fit its card or its
            architecture, or the folder holds weights that no member reads.
        ConfigError: the device does not exist on this machine.
    """
    folder = weights_directory(directory)
    chosen = _device(device)
    members = {weights_name(plane, name) for plane in JUDGED_PLANES for name in MEMBERS}
    expected = {*members, NETWORK_FILE}
    strangers = sorted(p.name for p in folder.glob(f"*{SUFFIX}") if p.name not in expected)
    if strangers:
        raise WeightsError(
            f"The weights folder holds files of no member: {', '.join(strangers)}.",
            hint="Move them elsewhere.",
        )
    is_named = directory is not None or folder != SHIPPED_DIRECTORY
    signed = open_signed(folder, must_be_shipped=not is_named)
    return Ensemble(
        {
            plane: tuple(_member(signed, plane, spec, chosen) for spec in MEMBERS.values())
            for plane in JUDGED_PLANES
        },
        signed=signed,
        device=chosen,
    )


def _member(signed: Signed, plane: Plane, spec: MemberSpec, device: str) -> Member:
    path = signed.folder / weights_name(plane, spec.name)
    network, card = load_weights(path, signed.read)
    return Member(spec, card, network.to(device))


def _device(asked: str | None) -> str:
    available = torch.cuda.is_available()
    if asked is None:
        return "cuda" if available else "cpu"
    if asked not in ("cpu", "cuda") or (asked == "cuda" and not available):
        raise ConfigError(
            f"There is no device {asked!r} here.",
            hint=f"Use {'cuda or cpu' if available else 'cpu'}.",
            code="device-missing",
        )
    return asked


def _no_evidence() -> Floats:
    return np.empty((0, len(PATTERNS), MASK_SIDE, MASK_SIDE), dtype=np.float32)
