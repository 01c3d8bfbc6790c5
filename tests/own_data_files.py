"""Pictures and stacks with masks, as a hospital or a public set would have them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from asemble import io
from asemble.core.labels import Pattern, Plane, Weighting
from asemble.phantom import LesionType, render_slice, sample_case, sample_stack

SLICES = 6


@dataclass(frozen=True)
class Stack:
    """Neighbouring coronal STIR slices of one simulated patient, with the oedema in them."""

    kind: Pattern
    voxels: npt.NDArray[np.float32]
    oedema: npt.NDArray[np.bool_]
    affine_lps: npt.NDArray[np.float64]


def simulated_stack(seed: int, kind: Pattern) -> Stack:
    case = sample_case(seed, kind=kind, pelvis=0)  # one pelvis is built sooner than four
    rng = np.random.default_rng(seed)
    stack = sample_stack(rng, case, plane=Plane.CORONAL, weighting=Weighting.FLUID)
    first = stack.shape[0] // 2 - SLICES // 2
    rendered = [render_slice(case, stack, first + i, rng) for i in range(SLICES)]
    affine = stack.affine_lps.copy()
    affine[:3, 3] += first * affine[:3, 0]
    oedema = [r.masks.get((LesionType.OEDEMA, kind)) for r in rendered]
    return Stack(
        kind,
        np.stack([r.image for r in rendered]).astype(np.float32),
        np.stack([np.zeros(r.image.shape, bool) if m is None else m >= 0.5
                  for r, m in zip(rendered, oedema, strict=True)]),
        affine,
    )  # fmt: skip


def write_png(path: Path, image: npt.NDArray[np.float32]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    grey = (255 * image / np.percentile(image, 99.8)).clip(0, 255).astype(np.uint8)
    Image.fromarray(grey).save(path)


def write_pictures(folder: Path, stacks: list[Stack], *, by_patient: bool) -> None:
    """As public sets are laid out: coronal/AS and coronal/Normal, with or without patients."""
    for number, stack in enumerate(stacks):
        home = folder / "coronal" / ("AS" if stack.kind is Pattern.INFLAMMATORY else "Normal")
        for index, image in enumerate(stack.voxels):
            name = f"Muster{number}/{index}.png" if by_patient else f"{number}{index}.png"
            write_png(home / name, image)


def write_stacks(folder: Path, stacks: list[Stack]) -> None:
    """NIfTI with masks; the masks of odd patients are stored upside down, as some tools do."""
    for number, stack in enumerate(stacks):
        io.write_nifti(folder / f"{number}.nii.gz", stack.voxels, stack.affine_lps)
        if stack.kind is Pattern.NORMAL:
            continue
        mask, affine = stack.oedema.astype(np.uint8), stack.affine_lps.copy()
        if number % 2:
            affine[:3, 3] += (mask.shape[1] - 1) * affine[:3, 1]
            affine[:3, 1] *= -1
            mask = mask[:, ::-1]
        io.write_nifti(folder / f"{number}-mask.nii.gz", mask, affine)


def noise_picture(path: Path, seed: int, side: int = 96) -> None:
    rng = np.random.default_rng(seed)
    write_png(path, rng.gamma(4.0, 25.0, (side, side)).astype(np.float32))
