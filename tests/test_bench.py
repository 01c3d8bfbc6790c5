"""`asemble bench`: every part runs on small inputs; no figure of time is asserted."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from asemble.benchmark.baseline import slice_by_slice, timm
from asemble.benchmark.cold_start import QUICK_SLICES, first_prediction
from asemble.benchmark.file_reading import QUICK_FILES
from asemble.benchmark.flops import count_operations
from asemble.benchmark.machine import this_machine
from asemble.benchmark.studies import enlarged, rendered_study, stretched, write_files
from asemble.benchmark.timing import Exponent, in_turns, ratio
from asemble.cli import main
from asemble.core.study import Study
from asemble.io import read_study


@pytest.fixture(scope="module")
def small_study() -> Study:
    return rendered_study(3, seed=11, matrix=64)


def test_contenders_take_turns_and_warm_up_untimed() -> None:
    said: list[str] = []
    contenders = {name: (lambda name=name: said.append(name)) for name in "ab"}
    seconds = in_turns(contenders, turns=2, warmups=1)
    assert said == list("ababab")
    assert [len(spent) for spent in seconds.values()] == [2, 2]


def test_a_ratio_is_taken_turn_by_turn() -> None:
    # The machine was three times slower in the second turn; the ratio of each turn is the same.
    assert ratio([2.0, 6.0, 2.0], [1.0, 3.0, 1.0]).as_dict() == {
        "median": 2.0,
        "low": 2.0,
        "high": 2.0,
        "count": 3,
    }


def test_the_exponent_tells_even_growth_from_quadratic() -> None:
    sizes = [10.0, 30.0, 100.0]
    assert Exponent.fit(sizes, [s * 0.1 for s in sizes]).value == pytest.approx(1)
    assert Exponent.fit(sizes, [s**2 for s in sizes]).value == pytest.approx(2)


def test_a_convolution_is_counted_with_two_operations_a_weight_and_place() -> None:
    layer = nn.Conv2d(3, 5, kernel_size=3, padding=1, bias=False)
    assert count_operations(layer, torch.zeros(2, 3, 8, 6)) == 2 * (2 * 5 * 8 * 6) * (3 * 3 * 3)


def test_a_stretched_study_keeps_its_length_and_differs_by_its_seed(small_study: Study) -> None:
    long = stretched(small_study, 9, seed=1)
    for series, source in zip(long.series, small_study.series, strict=True):
        assert series.volume.shape == (9, 64, 64)
        affine, before = series.volume.affine_lps, source.volume.affine_lps
        assert affine is not None and before is not None
        assert np.allclose(affine[:3, 0] * 8, before[:3, 0] * 2)
    other = stretched(small_study, 9, seed=2).series[0].volume.voxels
    assert not np.array_equal(other, long.series[0].volume.voxels)


@pytest.mark.parametrize("is_compressed", [False, True])
def test_written_files_read_back_as_the_series_that_they_hold(
    small_study: Study, tmp_path: Path, is_compressed: bool
) -> None:
    source = small_study.series[0]
    write_files(enlarged(source.volume, 128), tmp_path, seed=3, is_compressed=is_compressed)
    (read,) = read_study(tmp_path).series
    assert (read.volume.shape, read.plane) == ((3, 128, 128), source.plane)
    assert (
        np.corrcoef(read.volume.voxels[:, ::2, ::2].ravel(), source.volume.voxels.ravel())[0, 1]
        > 0.9
    )


def test_the_loop_of_a_user_runs_forward_for_the_answer_and_again_for_the_heatmap(
    small_study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_gradients: list[bool] = []
    loop = slice_by_slice("resnet50")
    network = timm.models.resnet.ResNet
    plain = network.forward

    def forward(self: nn.Module, images: torch.Tensor) -> torch.Tensor:
        with_gradients.append(torch.is_grad_enabled())
        assert images.shape == (1, 3, 224, 224)
        return plain(self, images)

    monkeypatch.setattr(network, "forward", forward)
    loop(small_study.series[0].volume.voxels[:2])
    assert with_gradients == [False, True] * 2


def test_a_cold_start_is_split_into_its_steps() -> None:
    steps = first_prediction(rendered_study(QUICK_SLICES, seed=1, matrix=128))
    assert set(steps) == {"import", "weights", "first", "second"}
    assert all(seconds > 0 for seconds in steps.values())


def test_a_quick_run_writes_its_page_and_its_figures(
    tmp_path: Path,
    random_weights: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ASEMBLE_WEIGHTS", str(random_weights))
    page = tmp_path / "benchmark.md"
    assert main(["bench", "--quick", "--turns", "1", "--only", "e,c,f", "--out", str(page)]) == 0
    assert "times the bare loop" in capsys.readouterr().out
    said = page.read_text()
    assert "its figures mean nothing" in said
    assert said.index("(e) Growth") < said.index("(c) Reading")
    written = json.loads((tmp_path / "measurements" / "benchmark.json").read_text())
    assert written["machine"]["cores"] == this_machine().cores
    assert set(written["parts"]) == {"c", "e", "f"}
    assert (written["parts"]["f"]["studies_a_second"] is None) is not torch.cuda.is_available()
    assert written["parts"]["c"]["files"] == QUICK_FILES


def test_a_part_that_there_is_not_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["bench", "--only", "a,z"])
    assert stopped.value.code == 2
    assert "'a,z' is not some of a,b,c,d,e,f" in capsys.readouterr().err
