"""Make the pictures of docs/simulator again: `python tools/simulator_pictures.py`.

Rows are cases, columns slices through the stack; oedema is outlined in red (inflammatory) or
yellow (mechanical). Seeds are of the test set, so no network has learned from what is shown.
"""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from asemble.core.labels import Pattern, Plane, Weighting
from asemble.datasets import seeds
from asemble.imaging.intensity import squash
from asemble.imaging.slices import Grid, resample_slice
from asemble.phantom import HELD_OUT, Case, LesionType, render_slice, sample_case, sample_stack

PICTURES = Path(__file__).parents[1] / "docs" / "simulator"
FIRST_SEED = seeds.TEST.first + 21
DEPTHS = (0.2, 0.35, 0.5, 0.65, 0.8)
"""Where in the stack the slices lie."""
SIDE = 176
"""Pixels of a slice in the picture."""
OUTLINES = {Pattern.INFLAMMATORY: (60, 60, 255), Pattern.MECHANICAL: (60, 230, 255)}
"""Blue, green, red."""

Picture = npt.NDArray[np.uint8]


def main() -> None:
    """Write every picture."""
    cases = [(kind, seed) for kind in Pattern for seed in (FIRST_SEED, FIRST_SEED + 1)]
    for plane, weighting in (
        (Plane.CORONAL, Weighting.FLUID),
        (Plane.CORONAL, Weighting.T1),
        (Plane.AXIAL, Weighting.FLUID),
    ):
        rows = [row(sample_case(seed, kind=kind), plane, weighting) for kind, seed in cases]
        write(f"{plane}-{weighting}", [str(kind) for kind, _ in cases], rows)
    inflammatory = Pattern.INFLAMMATORY
    rows = [
        row(sample_case(FIRST_SEED + 2, kind=inflammatory, appearance=name),
            Plane.CORONAL, Weighting.FLUID)
        for name in HELD_OUT
    ]  # fmt: skip
    write("held-out", list(HELD_OUT), rows)


def row(case: Case, plane: Plane, weighting: Weighting) -> Picture:
    """Slices of one case side by side."""
    rng = np.random.default_rng(case.seed)
    stack = sample_stack(rng, case, plane=plane, weighting=weighting)
    spacing = tuple(float(v) for v in np.linalg.norm(stack.affine_lps[:3, 1:3], axis=0))
    pictures = []
    for depth in DEPTHS:
        rendered = render_slice(case, stack, round(depth * (stack.shape[0] - 1)), rng)
        grey = np.clip(squash(resample_slice(rendered.image, (spacing[0], spacing[1]))), 0, 1)
        picture = cv2.cvtColor((255 * grey).astype(np.uint8), cv2.COLOR_GRAY2BGR)
        for cause, colour in OUTLINES.items():
            mask = rendered.masks.get((LesionType.OEDEMA, cause))
            if mask is None:
                continue
            square = Grid.of_spacing(mask.shape, (spacing[0], spacing[1])).to_square(mask)
            edges, _ = cv2.findContours(
                (square > 0.4).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
            )
            cv2.drawContours(picture, edges, -1, colour, 1)
        pictures.append(cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA))
    return np.hstack(pictures)


def write(name: str, titles: Sequence[str], rows: Sequence[Picture]) -> None:
    """One picture of all rows, each with its title."""
    for title, picture in zip(titles, rows, strict=True):
        cv2.putText(picture, title, (5, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255, 255, 255), 1)
    path = PICTURES / f"{name}.jpg"
    cv2.imwrite(str(path), np.vstack(rows), [cv2.IMWRITE_JPEG_QUALITY, 85])


if __name__ == "__main__":
    main()
