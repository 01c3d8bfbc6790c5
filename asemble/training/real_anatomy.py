"""Slices painted on the real pelvises of a folder, made once and read from a cache after."""

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

import asemble.phantom
from asemble.datasets import people, seeds
from asemble.datasets.people import Lesson
from asemble.datasets.slice_set import OUTSIDE, UNKNOWN, SliceSet
from asemble.imaging.intensity import RATIO_MAX
from asemble.models.evidence_head import EvidenceNetwork
from asemble.training import painted, real_pelvises, segmentation
from asemble.training.painted import painted_lesson
from asemble.training.real_pelvises import RealPelvis, read_pelvises

CHUNK = 16
"""Slices that a process makes at a time."""

_pelvises: list[RealPelvis] = []


def paint_lessons(
    folder: Path,
    networks: Sequence[EvidenceNetwork],
    count: int,
    cache: Path,
    *,
    progress: Callable[[int, int], None] | None = None,
    workers: int | None = None,
) -> SliceSet:
    """So many slices of the real pelvises of a folder, each in another contrast.

    Args:
        folder: of coronal T1 stacks.
        networks: coronal members, which find the bones.
        count: of slices; each pelvis in turn.
        cache: folder; other stacks, networks or code make new slices.
        progress: told how many slices are done, of how many.
        workers: processes; by default one a core.

    Raises:
        InputError: there is no folder, or no such stack in it.
    """
    kept = cache / f"painted-{count}-{_digest(folder, networks)}.npz"
    if not kept.exists():
        pelvises = read_pelvises(folder, networks, workers=workers)
        numbers = [range(n, min(n + CHUNK, count)) for n in range(0, count, CHUNK)]
        lessons: list[Lesson] = []
        with ProcessPoolExecutor(
            workers or os.cpu_count(),
            mp_context=get_context("spawn"),
            initializer=_take,
            initargs=(pelvises,),
        ) as pool:
            for some in pool.map(_painted, numbers):
                lessons += some
                if progress is not None:
                    progress(len(lessons), count)
        kept.parent.mkdir(parents=True, exist_ok=True)
        partial = kept.with_suffix(".partial.npz")
        np.savez(
            partial,
            images=np.stack([one.image for one in lessons]),
            tissue=np.stack([one.tissue for one in lessons]),
            lesions=np.stack([one.lesions for one in lessons]),
            labels=np.array([one.label for one in lessons], np.int64),
            fluid=np.array([one.fluid for one in lessons], np.bool_),
            cases=seeds.REAL_PELVISES.first + np.arange(count) % len(pelvises),
        )
        partial.replace(kept)
    with np.load(kept) as arrays:
        return SliceSet(**{name: arrays[name] for name in arrays})


def _take(pelvises: list[RealPelvis]) -> None:
    """Keep them in this process; sent once, not with every slice."""
    _pelvises[:] = pelvises


def _painted(numbers: Sequence[int]) -> list[Lesson]:
    return [
        painted_lesson(np.random.default_rng([number, 4]), _pelvises[number % len(_pelvises)])
        for number in numbers
    ]


def _digest(folder: Path, networks: Sequence[EvidenceNetwork]) -> str:
    digest = hashlib.sha256()
    sources = [segmentation, people, painted, real_pelvises]
    files = [Path(str(one.__file__)) for one in sources]
    for source in [*files, *sorted(Path(asemble.phantom.__path__[0]).glob("*.py"))]:
        digest.update(source.read_bytes())
    digest.update(repr((RATIO_MAX, OUTSIDE, UNKNOWN)).encode())
    for stack in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(stack.read_bytes())
    for network in networks:
        for values in network.state_dict().values():
            digest.update(values.cpu().numpy().tobytes())
    return digest.hexdigest()[:12]
