"""Weights drawn by chance, saved as real ones are, and small studies of noise to judge by them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from asemble.core.labels import JUDGED_PLANES, PATTERNS, Plane, Weighting
from asemble.core.study import Series, Study
from asemble.core.volume import Volume
from asemble.models import MEMBERS, Ensemble, load_ensemble
from asemble.models.cards import Card, input_facts
from asemble.models.fusion import save_fusion, uncalibrated
from asemble.models.input_gate import accepts_all, save_input_gate
from asemble.models.signing import open_signed
from asemble.models.weights import save_weights, weights_name

# Columns step along slices, rows and columns; a true coronal and a true axial stack.
CORONAL = np.array([[0, 0, 1.8, -80], [4.0, 0, 0, 10], [0, -1.9, 0, 90], [0, 0, 0, 1]])
AXIAL = np.array([[0, 0, 1.8, -80], [0, 1.9, 0, -70], [4.0, 0, 0, 5], [0, 0, 0, 1]])


def write_random_weights(folder: Path, *, fusion: bool = True) -> Ensemble:
    for plane in JUDGED_PLANES:
        for number, spec in enumerate(MEMBERS.values()):
            torch.manual_seed(number + 10 * JUDGED_PLANES.index(plane))
            network = spec.build()
            with torch.no_grad():  # a fresh head sees nothing anywhere; this one sees something
                network.head.evidence.bias.zero_()
                network.head.evidence.weight.mul_(4)
            card = Card(
                member=spec.name,
                plane=plane.value,
                architecture=spec.architecture,
                classes=tuple(p.value for p in PATTERNS),
                input=input_facts(),
                training={},
                data={},
                metrics={"chance": 0.5},
                calibration={"temperature": 1.5},
            )
            save_weights(folder / weights_name(plane, spec.name), network.state_dict(), card)
    save_input_gate(folder, accepts_all())  # these studies are noise, which a real scope declines
    ensemble = load_ensemble(folder, device="cpu")
    if fusion:
        names = {plane: list(MEMBERS) for plane in JUDGED_PLANES}
        save_fusion(folder, uncalibrated(ensemble.weights, names))
        ensemble.signed = open_signed(folder, must_be_shipped=False)
    return ensemble


def noise_series(
    plane: Plane | None = Plane.CORONAL,
    *,
    slices: int = 6,
    seed: int = 0,
    id: str = "s01",
    weighting: Weighting = Weighting.FLUID,
) -> Series:
    rng = np.random.default_rng(seed)
    body = np.kron(rng.gamma(4.0, 25.0, size=(20, 24)), np.ones((4, 4)))  # slices share it
    voxels = (body + rng.gamma(4.0, 8.0, size=(slices, 80, 96))).astype(np.float32)
    voxels[:, 30:50, 40:60] += rng.uniform(0, 300, size=(slices, 1, 1)).astype(np.float32)
    affine = AXIAL if plane is Plane.AXIAL else CORONAL
    return Series(id, "STIR", Volume(voxels, affine), plane, weighting, modality="MR")


def study_of(*series: Series) -> Study:
    return Study(tuple(series), (), "0" * 64)


def two_plane_study(seed: int = 0, *, slices: int = 6) -> Study:
    return study_of(
        noise_series(Plane.CORONAL, seed=seed, slices=slices),
        replace(noise_series(Plane.AXIAL, seed=seed + 100, slices=slices), id="s02"),
    )
