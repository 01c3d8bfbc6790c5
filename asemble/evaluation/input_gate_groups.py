"""Studies that the input gate must refuse, and those that it must pass, group by group.

Simulated stacks are drawn once and then spoiled in many ways. All are stated to be fluid-sensitive
and of a judged plane, as a user might by mistake, so that nothing is declined by its header alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from asemble import io
from asemble.core.errors import InputError
from asemble.core.labels import JUDGED_PLANES, PATTERNS, Plane, Weighting
from asemble.core.study import Series, Study
from asemble.core.volume import Floats, Volume
from asemble.datasets import seeds
from asemble.evaluation.input_gate_examples import sagittal
from asemble.evaluation.out_of_distribution import FAMILIES
from asemble.phantom import HELD_OUT, render_slice, sample_case, sample_stack
from asemble.phantom.acquisition import Stack

FIRST_SEED = seeds.HELD_OUT_SLICES.first
"""Simulated people from here on measure the scope; nothing was fitted on them, and no limit was
chosen on them: that was done on `seeds.SCOPE_LIMITS`."""
SLICES = 7
"""Slices drawn of each stack, over its whole depth."""
TRAINING, HELD = "simulated joints, training appearances", "simulated joints, held-out: "
FILES, JOINTS = "given files, stated ", "given joints"

PHOTOGRAPHS = {
    "sklearn": ("datasets/images/china.jpg", "datasets/images/flower.jpg"),
    "matplotlib": ("mpl-data/sample_data/grace_hopper.jpg",),
}
"""Photographs that lie in packages which may be installed."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One study of one group.

    Args:
        group: its name.
        must_judge: whether the ensemble must judge it.
        study: to judge or decline.
    """

    group: str
    must_judge: bool
    study: Study


def simulated_samples(index: int) -> Iterator[Sample]:
    """Sample `index`: a stack of training appearances, one held out, and what is made of them."""
    names = list(HELD_OUT)
    plane = JUDGED_PLANES[index % len(JUDGED_PLANES)]
    appearance = names[index // len(JUDGED_PLANES) % len(names)]
    trained = drawn_series(FIRST_SEED + index, plane)
    held_out = drawn_series(seeds.SCOPE_HELD_OUT.first + index, plane, appearance)
    yield Sample(TRAINING, True, study_of(trained))
    yield Sample(HELD + appearance, True, study_of(held_out))
    source = trained if index % 4 < 2 else held_out
    yield from _turned(source, "")
    rng = np.random.default_rng([FIRST_SEED, index])
    for group, voxels in _spoiled(source.volume.voxels, rng):
        volume = Volume(voxels, source.volume.affine_lps)
        yield Sample(group, False, study_of(replace(source, volume=volume)))
    few = Volume(source.volume.voxels[2:5], source.volume.affine_lps)
    yield Sample("too few slices", False, study_of(replace(source, volume=few)))
    for group, field_mm in (("field of 100 mm", 100.0), ("field of 600 mm", 600.0)):
        scaled = Volume(source.volume.voxels, _scaled(source.volume, field_mm))
        yield Sample(group, False, study_of(replace(source, volume=scaled)))
    side = drawn_series(FIRST_SEED + index, plane, from_the_side=True)
    yield Sample("from the side, geometry known", False, study_of(side))
    bare = replace(side, volume=Volume(side.volume.voxels, None))
    yield Sample("from the side, geometry lost", False, study_of(bare))


def foreign_samples(index: int) -> Iterator[Sample]:
    """Sample `index` of each kind of picture of something else."""
    rng = np.random.default_rng([FIRST_SEED, index, 1])
    plane = JUDGED_PLANES[index % len(JUDGED_PLANES)]
    affine = _plain_affine(plane)
    down, right = np.mgrid[0:1:256j, 0:1:256j]
    ramp = 100 + 800 * (down * rng.random() + right * rng.random())
    stacks: dict[str, Floats] = {name: draw(rng, SLICES) for name, draw in FAMILIES.items()}
    stacks["noise"] = rng.gamma(rng.uniform(1, 9), 50, (SLICES, 256, 256)).astype(np.float32)
    stacks["one grey"] = np.full((SLICES, 256, 256), rng.uniform(1, 999), np.float32)
    stacks["ramp"] = np.repeat(ramp[None], SLICES, axis=0).astype(np.float32)
    photographs = _photographs()
    if photographs:
        stacks["photographs"] = _panned(photographs[index % len(photographs)], rng)
    for group, voxels in stacks.items():
        yield Sample(group, False, study_of(_series(voxels, affine, plane)))


def joint_samples(folder: Path) -> Iterator[Sample]:
    """Every series of every file or folder in `folder`, taken for fluid, as it is and turned."""
    for source in sorted(folder.iterdir()):
        for series in io.read_study(source).series:
            stated = series.corrected(weighting=Weighting.FLUID)
            yield Sample(JOINTS, True, study_of(stated))
            yield from _turned(stated, f"{JOINTS}, ")


def _turned(series: Series, group: str) -> Iterator[Sample]:
    """A stack mirrored and from back to front, which is judged, and turned, which is not."""
    volume = series.volume
    mirrored = Volume(volume.voxels[:, :, ::-1].copy(), volume.affine_lps)
    yield Sample(f"{group}mirrored", True, study_of(replace(series, volume=mirrored)))
    backwards = Volume(volume.voxels[::-1].copy(), volume.affine_lps)
    yield Sample(f"{group}last slice first", True, study_of(replace(series, volume=backwards)))
    flipped = Volume(volume.voxels[:, ::-1].copy(), volume.affine_lps)
    yield Sample(f"{group}upside down", False, study_of(replace(series, volume=flipped)))
    side = min(volume.shape[1:])
    aside = Volume(np.rot90(volume.voxels[:, :side, :side], 1, (1, 2)).copy(), volume.affine_lps)
    yield Sample(f"{group}turned by 90 degrees", False, study_of(replace(series, volume=aside)))
    if series.plane in JUDGED_PLANES:
        (other,) = set(JUDGED_PLANES) - {series.plane}
        bare = replace(series, plane=other, volume=_without_place(volume))
        yield Sample(f"{group}stated to be of the other plane", False, study_of(bare))


def _without_place(volume: Volume) -> Volume:
    """Pixels of known size, and nothing about where they lie."""
    return Volume(volume.voxels, None, sizes_mm=volume.spacing_mm)


def file_samples(folder: Path, group: str = FILES) -> Iterator[Sample]:
    """Every series below each folder of `folder`, as it is and stated to be of each plane."""
    for source in sorted(folder.iterdir()):
        try:
            study = io.read_study(source)
        except InputError:
            continue  # declined at the door
        for series in study.series:
            yield Sample(group + "nothing", False, study_of(series))
            for plane in JUDGED_PLANES:
                stated = series.corrected(plane=plane, weighting=Weighting.FLUID)
                yield Sample(group + plane.value, False, study_of(stated))


def pydicom_samples() -> Iterator[Sample]:
    """The MR files that come with pydicom, one study each."""
    spec = find_spec("pydicom")
    if spec is None or spec.origin is None:
        return
    folder = Path(spec.origin).parent / "data" / "test_files"
    for path in sorted(folder.glob("MR*.dcm")):
        try:
            study = io.read_study(path)
        except InputError:
            continue  # declined at the door
        for plane in JUDGED_PLANES:
            stated = [s.corrected(plane=plane, weighting=Weighting.FLUID) for s in study.series]
            yield Sample("MR files of pydicom", False, replace(study, series=tuple(stated)))


def drawn_series(
    seed: int, plane: Plane, appearance: str | None = None, *, from_the_side: bool = False
) -> Series:
    """Slices over the whole depth of one simulated stack, stored as a scanner would."""
    case = sample_case(seed, kind=PATTERNS[seed % len(PATTERNS)], appearance=appearance)
    rng = np.random.default_rng([seed, 7])
    weighting = Weighting.FLUID
    cut = Plane.CORONAL if from_the_side else plane
    stack = sample_stack(rng, case, plane=cut, weighting=weighting)
    if from_the_side:
        stack = sagittal(stack)
    places = np.linspace(1, stack.shape[0] - 2, SLICES)
    images = np.stack([render_slice(case, stack, float(at), rng).image for at in places])
    stored = np.clip(images / np.percentile(images, 99.95) * 4000, 0, 4095).astype(np.uint16)
    return _series(stored.astype(np.float32), _thinned(stack, places), plane)


def study_of(series: Series) -> Study:
    """A study of one series."""
    return Study((series,), (), "")


def _series(voxels: Floats, affine: np.ndarray | None, plane: Plane) -> Series:
    return Series("s01", "", Volume(voxels, affine), plane, Weighting.FLUID, modality="MR")


def _thinned(stack: Stack, places: np.ndarray) -> np.ndarray:
    affine = stack.affine_lps.copy()
    affine[:3, 3] += places[0] * affine[:3, 0]
    affine[:3, 0] *= places[1] - places[0]
    return affine


def _spoiled(voxels: Floats, rng: np.random.Generator) -> Iterator[tuple[str, Floats]]:
    side = min(voxels.shape[1:])
    yield "cut off at one white", np.minimum(voxels, np.quantile(voxels, rng.uniform(0.5, 0.8)))
    yield "metal", _with_void(voxels, rng)
    # Copies further away than this are not seen in a field of 200 mm out of 340.
    amplitude, shift = rng.uniform(0.45, 0.9), int(side * rng.uniform(0.15, 0.28))
    moved = np.roll(voxels, shift, 1) + np.roll(voxels, -shift, 1)
    yield "motion, copies", voxels + np.float32(amplitude) * moved
    width = side / 256 * rng.uniform(5, 9)
    yield "motion, blur", np.stack([cv2.GaussianBlur(v, (0, 0), width) for v in voxels])
    tiles = side // 8
    whole = voxels[:, : tiles * 8, : tiles * 8].reshape(len(voxels), 8, tiles, 8, tiles)
    flat = whole.transpose(1, 3, 0, 2, 4).reshape(64, len(voxels), tiles, tiles)
    shuffled = flat[rng.permutation(64)].reshape(8, 8, len(voxels), tiles, tiles)
    yield (
        "shuffled patches",
        shuffled.transpose(2, 0, 3, 1, 4).reshape(len(voxels), tiles * 8, tiles * 8),
    )


def _with_void(voxels: Floats, rng: np.random.Generator) -> Floats:
    """A hole with a bright rim over most of the middle, as beside an implant."""
    rows, columns = voxels.shape[1:]
    down, right = np.mgrid[:rows, :columns]
    centre = np.array([rows, columns]) / 2 + rng.normal(0, rows * 0.02, 2)
    far = np.hypot(down - centre[0], right - centre[1]) / (
        min(rows, columns) * rng.uniform(0.24, 0.32)
    )
    changed = voxels * np.clip(4 * (far - 1), 0, 1)
    return np.where((far > 1) & (far < 1.15), voxels * 2.5, changed).astype(np.float32)


def _scaled(volume: Volume, field_mm: float) -> np.ndarray:
    if volume.affine_lps is None:
        raise ValueError("a field needs geometry")
    affine = volume.affine_lps.copy()
    for axis in (1, 2):
        affine[:3, axis] *= field_mm / volume.shape[axis] / np.linalg.norm(affine[:3, axis])
    return affine


def _plain_affine(plane: Plane) -> np.ndarray:
    affine = np.zeros((4, 4))
    if plane is Plane.CORONAL:
        affine[1, 0], affine[2, 1] = 4.0, -0.85
    else:
        affine[2, 0], affine[1, 1] = 4.0, 0.85
    affine[0, 2], affine[3, 3] = 0.85, 1.0
    return affine


def _photographs() -> Sequence[Path]:
    found = []
    for package, files in PHOTOGRAPHS.items():
        spec = find_spec(package)
        if spec is not None and spec.origin is not None:
            paths = [Path(spec.origin).parent / file for file in files]
            found += [path for path in paths if path.is_file()]
    return found


def _panned(path: Path, rng: np.random.Generator) -> Floats:
    """A camera moving over a photograph."""
    grey = np.asarray(Image.open(path).convert("L"), dtype=np.float32)
    side = int(min(grey.shape) * rng.uniform(0.4, 0.85))
    rows, columns = (rng.integers(0, n - side, 2) for n in grey.shape)
    steps = np.linspace(0, 1, SLICES)[:, None]
    first, last = np.array([rows[0], columns[0]]), np.array([rows[1], columns[1]])
    at = (first * (1 - steps) + last * steps).astype(int)
    cuts = [grey[r : r + side, c : c + side] for r, c in at]
    return np.stack([cv2.resize(c, (256, 256), interpolation=cv2.INTER_AREA) for c in cuts])
