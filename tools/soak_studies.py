"""Simulated studies for the soak test, each different, and what asemble says of each alone.

`soak_studies.py FOLDER` judges every study of a folder in a process of its own, one
after another, and writes beside each archive what a session of the app must then show.
"""

import hashlib
import json
import sys
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

import asemble
from asemble.benchmark.studies import rendered_study, stretched, write_files
from asemble.core.labels import Pattern
from asemble.core.results import ENSEMBLE
from asemble.core.study import Study
from asemble.imaging.orientation import Turn, as_shown
from asemble.io import read_study
from asemble.models import Ensemble, load_ensemble
from asemble.models.fusion import METHODS
from asemble.models.signing import LIST
from asemble.models.weights import weights_directory
from asemble.predict import assess
from asemble.reading import Reading, fingerprint
from asemble.report import reading_json
from asemble.ui.outlines import outline_bytes
from asemble.ui.stacks import heat_bytes, shelf_bytes, shelf_key, stack_bytes

SMALL = 10
"""Slices a plane of every third study, whose waiting tells whether the large one starves others."""
OTHERS = (6, 14, 8, 18, 12, 24)
"""Slices a plane of the rest."""
RENDERED = 12
"""Slices a plane that are rendered of each kind; studies are stretched from them."""


@dataclass(frozen=True, slots=True, eq=False)
class Expected:
    """What a session must show of its study.

    Args:
        stacks: SHA-256 of each series, its outlines and all small pictures for the viewer, by the
            key in their header.
        heats: the values of each heatmap for the viewer, by the key in their header.
        document: the report's JSON, without what the reader adds.
    """

    stacks: Mapping[str, str]
    heats: Mapping[str, npt.NDArray[np.uint8]]
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class SoakStudy:
    """One simulated study, zipped.

    Args:
        name: of its file.
        slices: in all.
        archive: the bytes that are uploaded.
        expected: what must be shown.
    """

    name: str
    slices: int
    archive: bytes
    expected: Expected


def make_archives(folder: Path, count: int, *, large: int, seed: int) -> list[Path]:
    """Simulate studies where they are not there already; the first has `large` slices a plane."""
    folder.mkdir(parents=True, exist_ok=True)
    sizes = [large, *(size_of(number) for number in range(1, count))]
    paths = [folder / f"{number:02d}-{size}.zip" for number, size in enumerate(sizes)]
    if all(path.exists() for path in paths):
        return paths
    bases = [rendered_study(RENDERED, seed=seed, kind=kind) for kind in Pattern]
    for number, path in enumerate(paths):
        study = stretched(bases[number % len(bases)], sizes[number], seed=seed + number)
        zip_study(study, path, seed=seed + number)
    return paths


def size_of(number: int) -> int:
    """Slices a plane of the study of that number, but for the large one."""
    return SMALL if number % 3 == 1 else OTHERS[number % len(OTHERS)]


def zip_study(study: Study, path: Path, *, seed: int) -> None:
    """Write a study as DICOM files in one archive."""
    with TemporaryDirectory() as name, zipfile.ZipFile(path, "w") as archive:
        for series in study.series:
            folder = Path(name) / series.id
            for file in write_files(series.volume, folder, seed=seed, is_compressed=False):
                archive.write(file, f"{series.id}/{file.name}")


def expect(path: Path, ensemble: Ensemble) -> Expected:
    """Judge one archive as the app would, and keep what the app would show."""
    study = read_study(path)
    prediction, heatmaps = assess(study, ensemble)
    shelf = shelf_key(study.key, study.series)
    stacks = {shelf: hashlib.sha256(shelf_bytes(study.series, shelf)).hexdigest()}
    heats = {}
    for series in study.series:
        key = f"{study.key}:{series.id}:{series.plane}"
        packed = stack_bytes(as_shown(series.volume, series.plane), key)
        stacks[key] = hashlib.sha256(packed).hexdigest()
        if series.id not in heatmaps:
            continue
        turn = Turn.to_display(series.volume.affine_lps, series.plane)
        lines = outline_bytes(heatmaps[series.id], f"{key}:outlines", turn)
        stacks[f"{key}:outlines"] = hashlib.sha256(lines).hexdigest()
        for method in METHODS:
            for member in (ENSEMBLE, *prediction.members):
                heatmap = heatmaps[series.id].get(method, member)
                name = f"{key}:{method}:{member}"
                heats[name] = unpacked(heat_bytes(heatmap, name, turn))[1]
    document = reading_json(Reading(study=fingerprint(study)), prediction, study)
    return Expected(stacks, heats, json.loads(json.dumps(document)))


def unpacked(packed: bytes) -> tuple[dict[str, Any], npt.NDArray[np.uint8]]:
    """The header and the values of what the viewer is sent, the latter as bytes."""
    start = 4 + int.from_bytes(packed[:4], "little")
    return json.loads(packed[4:start]), np.frombuffer(packed, np.uint8, offset=start)


def save_expected(path: Path, expected: Expected, digest: str = "") -> None:
    """Beside the archive."""
    facts = {
        "digest": digest,
        "stacks": dict(expected.stacks),
        "document": dict(expected.document),
    }
    path.with_suffix(".json").write_text(json.dumps(facts))
    np.savez(path.with_suffix(".npz"), allow_pickle=False, **dict(expected.heats))


def load_study(path: Path) -> SoakStudy:
    """An archive with what was expected of it."""
    facts = json.loads(path.with_suffix(".json").read_text())
    with np.load(path.with_suffix(".npz")) as arrays:
        heats = {name: arrays[name] for name in arrays.files}
    expected = Expected(facts["stacks"], heats, facts["document"])
    slices = sum(series["shape"][0] for series in facts["document"]["series"])
    return SoakStudy(path.stem, slices, path.read_bytes(), expected)


def digest_of(archive: Path) -> str:
    """Names the archive, the weights, the code and what else may change an answer."""
    package = Path(asemble.__file__).parent
    files = [*sorted(package.rglob("*.py")), weights_directory() / LIST, archive]
    digest = hashlib.sha256(f"{torch.__version__} {torch.get_num_threads()}".encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _is_known(path: Path, digest: str) -> bool:
    kept = path.with_suffix(".json")
    return kept.exists() and json.loads(kept.read_text()).get("digest") == digest


def main(folders: Sequence[str]) -> None:
    """Judge every archive of a folder that was not judged before by the same code."""
    ensemble = load_ensemble()
    for path in sorted(Path(folders[0]).glob("*.zip")):
        digest = digest_of(path)
        if not _is_known(path, digest):
            save_expected(path, expect(path, ensemble), digest)


if __name__ == "__main__":
    main(sys.argv[1:])
