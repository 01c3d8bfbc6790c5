"""Another set of kernels, as an older processor has it: the same reading, the same answer."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

OLDER = {
    "OPENBLAS_CORETYPE": "Nehalem",
    "ATEN_CPU_CAPABILITY": "default",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
}
"""Kernels without AVX for NumPy and torch; elsewhere than on x86 they change nothing."""
WITHIN = 0.001
"""By how much a probability may differ; on one machine it was 0.0000001."""


def asemble(*arguments: object, kernels: dict[str, str]) -> None:
    command = [sys.executable, "-m", "asemble", *map(str, arguments)]
    plain = {name: value for name, value in os.environ.items() if name not in OLDER}
    environment = {**plain, "OMP_NUM_THREADS": "1", **kernels}
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=300)


@pytest.fixture(scope="module")
def few_slices(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("few")
    for path in sorted((sample / "semicoronal-stir").glob("*.dcm"))[9:11]:
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def test_another_set_of_kernels_reads_the_same(few_slices: Path, tmp_path: Path) -> None:
    for name, kernels in (("a", {}), ("b", OLDER)):
        asemble("convert", few_slices, tmp_path / name, kernels=kernels)
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert files == sorted(path.name for path in (tmp_path / "b").iterdir())
    first, second = (json.loads((tmp_path / name / "s01.json").read_text()) for name in "ab")
    for name in first.keys() - {"affine_lps"}:
        assert first[name] == second[name]
    assert first["affine_lps"] == [pytest.approx(row, abs=1e-9) for row in second["affine_lps"]]


def test_another_set_of_kernels_gives_the_same_answer(few_slices: Path, tmp_path: Path) -> None:
    answers = []
    for name, kernels in (("a.json", {}), ("b.json", OLDER)):
        asemble("predict", few_slices, "--json", tmp_path / name, kernels=kernels)
        answers.append(json.loads((tmp_path / name).read_text()))
    first, second = answers
    assert probabilities(first) == [pytest.approx(row, abs=WITHIN) for row in probabilities(second)]
    for name in ("decision", "reasons"):
        assert first["study"][name] == second["study"][name]


def probabilities(answer: dict[str, Any]) -> list[dict[str, float]]:
    slices = [one["probabilities"] for series in answer["series"] for one in series["slices"]]
    assert len(slices) == 2
    return [answer["study"]["probabilities"], *slices]
