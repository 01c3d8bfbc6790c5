"""Held-out simulated studies, one after another, each recorded as it is finished.

Every study goes the way of a patient's: written as DICOM, read through the same door, predicted.
Studies are simulated in parallel processes while the networks work in this one. One JSON line a
finished study makes a run resumable; a line counts only for the weights and the simulator
that it was measured with.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any, TypeVar

import nibabel as nib
import numpy as np
import numpy.typing as npt

from asemble import imaging, io, phantom
from asemble.core.geometry import ras_affine
from asemble.core.labels import PATTERNS, Pattern, Plane, Weighting
from asemble.core.study import Series, Study
from asemble.datasets.seeds import SeedRange
from asemble.evaluation.retest import RETEST_FILE, read_retest, write_retest
from asemble.evaluation.study_types import Written

RECORD_FORMAT = 5
"""Raised when what is written down of a study changes."""

Record = TypeVar("Record")
"""What was measured of one study, as JSON holds it: one of `study_types`."""

AFFINE_TOLERANCE_MM = 0.01
"""DICOM holds positions as decimal strings."""


@dataclass(frozen=True, slots=True)
class PlannedCase:
    """A study to simulate.

    Args:
        kind: what the case shows.
        seed: of everything random.
        appearance: a name in `asemble.phantom.HELD_OUT`, or None for one that training samples.
        retest: whether the same person is examined a second time.
    """

    kind: Pattern
    seed: int
    appearance: str | None = None
    retest: bool = False

    @property
    def written(self) -> Written:
        """What records say of it."""
        return {"kind": self.kind.value, "seed": self.seed, "appearance": self.appearance}

    @property
    def name(self) -> str:
        """Names the study in records."""
        parts = [self.kind.value, str(self.seed), *(self.appearance or "").split()]
        return "-".join([*parts, "twice"] if self.retest else parts)


@dataclass(frozen=True, slots=True, eq=False)
class SeriesTruth:
    """What is true of one series.

    Args:
        labels: the class that each slice shows by itself.
        oedema: `(slice, row, column)`, the inflammatory oedema on the grid of the series.
    """

    labels: Sequence[Pattern]
    oedema: npt.NDArray[np.bool_]

    @property
    def played(self) -> list[int]:
        """Slices of the pointing game: labelled inflammatory, and with oedema to point at.

        The mask is of voxels at least half full of oedema; a slice labelled for thin partial
        oedema alone has none.
        """
        return [
            index
            for index, label in enumerate(self.labels)
            if label == Pattern.INFLAMMATORY and self.oedema[index].any()
        ]


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedStudy:
    """A study as it was read.

    Args:
        case: that was simulated.
        study: through the door of every study.
        truth: by series id.
        retest: the same person examined a second time, where that was planned.
    """

    case: PlannedCase
    study: Study
    truth: Mapping[str, SeriesTruth]
    retest: Study | None = None


def plan(
    count: int,
    people: SeedRange,
    *,
    appearances: Sequence[str | None] = (None,),
    retest: int = 0,
) -> list[PlannedCase]:
    """So many cases, the three kinds in turn, each of its own seed.

    Appearances take turns so that every one meets every kind equally often.

    Args:
        count: how many.
        people: from the first of whom they are taken.
        appearances: to take turns.
        retest: how many of them, from the first, are examined a second time.

    Raises:
        ValueError: there are not so many people.

    >>> from asemble.datasets.seeds import TEST
    >>> [case.name for case in plan(2, TEST)]
    ['normal-1000000', 'inflammatory-1000001']
    >>> [case.appearance for case in plan(6, TEST, appearances=("noise", "coil"))]
    ['noise', 'coil', 'noise', 'coil', 'noise', 'coil']
    """
    stride = -(-len(appearances) // len(PATTERNS))
    cases = []
    for i, seed in enumerate(people.numbers(count)):
        turn, kind = divmod(i, len(PATTERNS))
        appearance = appearances[(turn + kind * stride) % len(appearances)]
        cases.append(PlannedCase(PATTERNS[kind], seed, appearance, i < retest))
    return cases


def run_digest(*facts: Mapping[str, Any]) -> str:
    """One short name for the facts, the simulator and the preparation of slices."""
    content = [RECORD_FORMAT, facts, simulator_digest()]
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode())
    return _with_sources(digest, imaging)


def simulator_digest() -> str:
    """One short name for the simulator."""
    return sources_digest(phantom)


def sources_digest(package: ModuleType) -> str:
    """One short name for the modules of a package."""
    return _with_sources(hashlib.sha256(), package)


def _with_sources(digest: "hashlib._Hash", package: ModuleType) -> str:
    for source in sorted(Path(package.__path__[0]).glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def run_studies(
    cases: Sequence[PlannedCase],
    measure: Callable[[SimulatedStudy], Record],
    *,
    records: Path,
    digest: str,
    workers: int,
    progress: Callable[[int, int], None] | None = None,
    keep: bool = False,
) -> list[Record]:
    """Measure every case that `records` does not hold yet, and return all in the order asked.

    Args:
        cases: what to simulate.
        measure: what to write down of a study; runs in this process.
        records: JSON lines, made if absent and appended to.
        digest: from `run_digest`, of all that `measure` depends on.
        workers: processes that simulate.
        progress: told how many cases are done, of how many.
        keep: whether the simulated studies stay beside the records, some 15 MB each, for other
            weights to be measured on.
    """
    records.parent.mkdir(parents=True, exist_ok=True)
    done: dict[str, Record] = _finished(records, digest)
    missing = [case for case in cases if case.name not in done]
    kept = records.parent / f"simulated-{simulator_digest()}" if keep else None
    for count, simulated in enumerate(_simulated(missing, workers, kept), start=1):
        name = simulated.case.name
        done[name] = measure(simulated)
        with records.open("a", encoding="utf-8") as lines:
            line = {"name": name, "digest": digest, "record": done[name]}
            lines.write(json.dumps(line) + "\n")
        if progress is not None:
            progress(len(cases) - len(missing) + count, len(cases))
    return [done[case.name] for case in cases]


def _finished(records: Path, digest: str) -> dict[str, Any]:
    if not records.is_file():
        return {}
    text = records.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:  # the last line was being written when the run was cut off
        records.write_text(whole, encoding="utf-8")
    read = [json.loads(line) for line in whole.splitlines()]
    return {line["name"]: line["record"] for line in read if line["digest"] == digest}


def _simulated(
    cases: Sequence[PlannedCase], workers: int, kept: Path | None
) -> Iterator[SimulatedStudy]:
    """The cases in order, each read back, with a few more under way in other processes.

    Those in `kept` are not simulated again, and new ones stay there.
    """
    ahead = workers + 1
    # Spawned, not forked: a fork copies the locks of the networks' threads, and may hang.
    with (
        TemporaryDirectory(prefix="asemble-studies-") as folder,
        ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool,
    ):
        waiting: list[tuple[PlannedCase, Path, Future[None]]] = []
        for index in range(len(cases) + ahead):
            if index < len(cases):
                case = cases[index]
                out = _place_of(case, kept or Path(folder))
                waiting.append((case, out, pool.submit(_write_once, case, out)))
            if index >= ahead and waiting:
                yield _read(*waiting.pop(0), keep=kept is not None)
        for left in waiting:
            yield _read(*left, keep=kept is not None)


def _place_of(case: PlannedCase, folder: Path) -> Path:
    """Where a case is kept; one that was examined twice serves for once, too."""
    twice = folder / replace(case, retest=True).name
    return twice if twice.is_dir() else folder / case.name


def _write_once(case: PlannedCase, out: Path) -> None:
    """Simulate a case that is not there yet; what is there is whole."""
    if out.exists():
        return
    begun = out.with_name(f"{out.name}.begun")
    shutil.rmtree(begun, ignore_errors=True)
    write_case(case, begun)
    begun.rename(out)


def write_case(case: PlannedCase, out: Path) -> None:
    """Simulate the series that the networks read."""
    phantom.write_sample(
        out,
        kind=case.kind,
        seed=case.seed,
        weightings=(Weighting.FLUID,),
        appearance=case.appearance,
    )
    if case.retest:
        write_retest(out / RETEST_FILE, kind=case.kind, seed=case.seed, appearance=case.appearance)


def _read(case: PlannedCase, out: Path, written: Future[None], *, keep: bool) -> SimulatedStudy:
    written.result()
    simulated = read_simulated(case, out)
    if not keep:
        shutil.rmtree(out)
    return simulated


def read_simulated(case: PlannedCase, out: Path) -> SimulatedStudy:
    """A written sample through the door of every study, with its truth.

    Raises:
        ValueError: what was read is not what was written.
    """
    facts = json.loads((out / "truth.json").read_text(encoding="utf-8"))
    study = io.read_study([out / entry["folder"] for entry in facts["series"]])
    by_contrast = {(entry["plane"], entry["weighting"]): entry for entry in facts["series"]}
    truth = {}
    for series in study.series:
        plane = Plane(series.plane) if series.plane else None
        entry = by_contrast.pop((plane, series.weighting), None)
        if entry is None:
            raise ValueError(f"{case.name}: no truth for {plane} {series.weighting}")
        truth[series.id] = _truth(out, entry, series)
    if by_contrast:
        raise ValueError(f"{case.name}: not read: {sorted(by_contrast)}")
    retest = read_retest(out / RETEST_FILE) if case.retest else None
    return SimulatedStudy(case, study, truth, retest)


def _truth(out: Path, entry: Mapping[str, Any], series: Series) -> SeriesTruth:
    if entry["shape"] != list(series.volume.shape):
        raise ValueError(f"truth is for {entry['shape']}, the series is {series.volume.shape}")
    name = entry["masks"].get(f"{phantom.LesionType.OEDEMA}-{Pattern.INFLAMMATORY}")
    mask = np.zeros(series.volume.shape, dtype=np.bool_)
    if name is not None:
        image: Any = nib.load(out / name)
        affine = ras_affine(image.affine)
        own = series.volume.affine_lps
        if own is None or not np.allclose(affine, own, atol=AFFINE_TOLERANCE_MM):
            raise ValueError("the mask lies on another grid than the series")
        mask = np.asarray(image.dataobj).transpose(2, 1, 0) > 0
    return SeriesTruth([Pattern(label) for label in entry["slice_labels"]], mask)
