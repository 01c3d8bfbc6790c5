"""`asemble models --check`: the shipped files match their cards, and training repeats itself.

What equal files need on a CPU: the same seed, the same versions of Python, torch and the
simulator, and the same number of threads; no other setting. Sums are split among threads, and
split otherwise they round otherwise: with one thread and with two, each member repeated itself
to the bit, and the two files differed. A processor with other vector instructions rounds in
another order too, so two machines may end with different files.
"""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

from asemble.commands.model_list import words_of
from asemble.commands.terminal import REFUSED
from asemble.core.errors import InputError
from asemble.models import load_ensemble
from asemble.models.signing import SUFFIX
from asemble.training.config import CONFIGS

TINY_CONFIG = CONFIGS / "check" / "tiny.toml"
"""Trained twice by the check."""

FIXED: Mapping[str, str] = MappingProxyType(
    {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
)
"""Environment of each training: one thread, and no GPU, whose sums come in no fixed order."""


def check_models(
    weights: Path | None,
    *,
    config: Path = TINY_CONFIG,
    retrain: Callable[[Path, Path], str] | None = None,
) -> bool:
    """Hold the shipped files against their list and their cards, and train one tiny member twice.

    Each training is a process of its own that simulates its own slices.

    Args:
        weights: folder of the weights; by default as shipped.
        config: what to train.
        retrain: from a config and a folder to the SHA-256 of what was trained; by default
            `retrained`.

    Returns:
        Whether both trainings wrote the same file.

    Raises:
        AsembleError: a shipped file does not match its card, or the training was refused.
    """
    ensemble = load_ensemble(weights)
    for name, digest in ensemble.weights.items():
        print(f"{name:<32}{digest[:16]}…  signed, and matches its card")
    print(words_of(ensemble.signed))
    train = retrain or retrained
    with TemporaryDirectory(prefix="asemble-check-") as folder:
        first, second = (train(config, Path(folder) / turn) for turn in ("first", "second"))
    print(f"{config.name}, first training   sha256 {first}")
    print(f"{config.name}, second training  sha256 {second}")
    if first == second:
        print("The same seed gave the same file.")
    else:
        print("The same seed gave two different files: training does not repeat itself.")
    return first == second


def retrained(config: Path, folder: Path) -> str:
    """SHA-256 of the weights that a fresh process trains from `config`, all in `folder`.

    Raises:
        InputError: the training was refused; its own sentence is the message.
    """
    done = subprocess.run(
        [
            *(sys.executable, "-m", "asemble", "train", str(config.resolve())),
            *("--out", str(folder / "weights"), "--cache", str(folder / "slices")),
        ],
        env={**os.environ, **FIXED},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == REFUSED:
        raise InputError(
            done.stderr.strip().splitlines()[-1].removeprefix("asemble: "),
            code="training-run-refused",
        )
    done.check_returncode()
    (written,) = (folder / "weights").glob(f"*{SUFFIX}")
    return hashlib.sha256(written.read_bytes()).hexdigest()
