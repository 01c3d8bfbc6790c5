"""The blind test of simulated against real slices."""

import base64
import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from asemble import io

SCRIPT = Path(__file__).parents[1] / "tools" / "realism.py"


@pytest.fixture(scope="module")
def realism() -> ModuleType:
    spec = importlib.util.spec_from_file_location("realism", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    import sys  # noqa: PLC0415  dataclasses look their module up

    sys.modules["realism"] = module
    spec.loader.exec_module(module)
    return module


def write_stack(path: Path, *, slices: int = 9) -> None:
    rng = np.random.default_rng(0)
    affine = np.zeros((4, 4))
    affine[1, 0], affine[2, 1], affine[0, 2], affine[3, 3] = 5.2, -0.91, 0.91, 1
    voxels = rng.gamma(4, 25, (slices, 250, 230)).astype(np.float32)
    io.write_nifti(path, voxels + 100 * np.arange(slices)[:, None, None], affine)


def test_without_real_slices_it_says_what_to_name(
    realism: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in ([], ["--real", str(tmp_path)], ["--real", str(tmp_path / "nowhere")]):
        assert realism.main([*folder, "--out", str(tmp_path / "out")]) == 2
        assert "asemble cases fetch" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_real_stacks_are_read_front_first_and_other_files_are_left_out(
    realism: ModuleType, tmp_path: Path
) -> None:
    write_stack(tmp_path / "a_t1.nii.gz")
    write_stack(tmp_path / "few_t1.nii.gz", slices=3)
    (tmp_path / "LICENCE.txt").write_text("CC BY 4.0")
    (stack,) = realism.real_stacks(tmp_path)
    assert stack.shape == (9, 250, 230)
    means = stack.mean(axis=(1, 2))
    assert (np.diff(means) > 0).all()
    picture = realism.real_slice(stack, 0.5, np.random.default_rng(1))
    assert picture.shape == (256, 256) and picture.dtype == np.uint8


def test_the_page_holds_slices_and_source_and_its_key_decodes_to_the_answers(
    realism: ModuleType,
) -> None:
    rng = np.random.default_rng(2)
    answers = [True, False, False, True, True]
    slices = [realism.Slice(np.uint8(rng.integers(0, 255, (256, 256))), a) for a in answers]
    page = realism.test_page(slices, "A & B, CC BY 4.0")
    assert "A &amp; B, CC BY 4.0" in page and "@@" not in page
    assert "http" not in page  # works without a network
    pictures = json.loads(re.search(r"const pictures = (\[.*?\]);", page)[1])  # type: ignore[index]
    assert [base64.b64decode(one)[:4] for one in pictures] == [b"\x89PNG"] * 5
    key = base64.b64decode(re.search(r'atob\("(.*?)"\)', page)[1])  # type: ignore[index]
    assert [c ^ ((37 * n + 11) & 255) for n, c in enumerate(key)] == [int(a) for a in answers]


def test_the_panel_names_each_row_and_the_source(realism: ModuleType) -> None:
    grey = np.full((256, 256), 90, np.uint8)
    made = realism.panel([("real", [grey] * 2), ("simulated", [grey] * 2)], "Source, CC BY 4.0")
    assert made.shape == (2 * 256 + 44, 512)
    assert (made[512:] > 200).any()
