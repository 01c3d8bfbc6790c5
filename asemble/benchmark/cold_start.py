"""(d) From a fresh process to the first prediction: imports, weights, first study."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from asemble.benchmark.result import Found, Settings, met
from asemble.benchmark.studies import rendered_study
from asemble.benchmark.timing import Spread, in_turns
from asemble.core.study import Study

SLICES = 8
"""In each of two planes: one batch of each."""
QUICK_SLICES = 3
SEED = 504
AIM_S = 6.0
"""From the start of the process to the first prediction, on two cores."""
LARGEST = 12
"""Packages named in the list of imports."""

FIRST_PREDICTION = """
import time
born = time.perf_counter()
import json, sys
import numpy as np
from asemble.core.labels import Plane, Weighting
from asemble.core.study import Series, Study
from asemble.core.volume import Volume
from asemble.models import load_ensemble
from asemble.predict import predict
imported = time.perf_counter()
ensemble = load_ensemble()
ensemble.fusion, ensemble.input_gate
loaded = time.perf_counter()
kept = np.load(sys.argv[1])
study = Study(tuple(
    Series(p, "", Volume(kept[p], kept[p + "_affine"]), Plane(p), Weighting.FLUID, modality="MR")
    for p in ("coronal", "axial")
), (), "0" * 64)
read = time.perf_counter()
first = predict(study, ensemble)
done = time.perf_counter()
predict(study, ensemble)
again = time.perf_counter()
if first.probabilities is None:
    sys.exit("the study was not judged")
print(json.dumps({
    "import": imported - born, "weights": loaded - imported, "first": done - read,
    "second": again - done,
}))
"""
"""Run in a process of its own; its arguments: a file with the study."""

UNTIL_FIRST = ("import", "weights", "first")
"""The steps up to the first prediction."""

FIRST_HEATMAPS = "import asemble.explain.gradcam"
APP = "import streamlit; import asemble.ui.assess, asemble.ui.results"
"""What the pages import beyond the prediction."""


def measure_cold_start(settings: Settings) -> Found:
    """Start processes in turns and read what each says of its steps."""
    slices = QUICK_SLICES if settings.is_quick else SLICES
    study = rendered_study(slices, seed=SEED, matrix=128)
    steps: list[dict[str, float]] = []
    seconds = in_turns(
        {
            "python alone": lambda: _python("-c", ""),
            "first prediction": lambda: steps.append(first_prediction(study)),
            "import what heatmaps need": lambda: _python("-c", FIRST_HEATMAPS),
            "import streamlit and the app": lambda: _python("-c", APP),
        },
        turns=settings.turns,
        warmups=settings.warmups,
    )
    counted = steps[-settings.turns :]  # those before warmed the page cache
    total = Spread.of(seconds["first prediction"])
    until_first = _until_first(seconds, counted)
    by_step = {step: Spread.of([one[step] for one in counted]) for step in counted[0]}
    rows = [
        ("the interpreter alone", Spread.of(seconds["python alone"]).words()),
        ("imports of the prediction", by_step["import"].words()),
        ("weights, fusion and scope, read and checked", by_step["weights"].words()),
        (f"first prediction, {slices} + {slices} slices", by_step["first"].words()),
        ("the same again (not in the sum)", by_step["second"].words()),
        ("**from the start of a process to its first prediction**", until_first.words()),
        ("a process that imports the heatmaps", _words(seconds, "import what heatmaps need")),
        ("a process that imports the app", _words(seconds, "import streamlit and the app")),
    ]
    packages = _by_package(_importtime("import asemble.predict"))
    heaviest = ", ".join(f"{name} {each:.2f}" for name, each in packages[:LARGEST])
    return Found(
        heading="(d) From a cold start to the first prediction",
        how=(
            "Processes are started in turns; files are in the page cache. Each says when its "
            "imports ended, when its weights were read and checked, and when its first study was "
            "judged. What imports take, by package, in one run of `python -X importtime` (seconds "
            f"in the package's own modules): {heaviest}."
        ),
        columns=("step", "seconds"),
        rows=rows,
        verdict=(
            f"Aim: under {AIM_S:.0f} s on two cores. "
            f"{met(until_first.median < AIM_S)}: {until_first.words()} s."
        ),
        measured={
            "aim_s": AIM_S,
            "seconds": {**seconds, "total": total.as_dict()},
            "steps": counted,
            "until_first": until_first.as_dict(),
            "imports": dict(packages),
        },
    )


def first_prediction(study: Study) -> dict[str, float]:
    """What a fresh process says of its steps, in seconds."""
    with TemporaryDirectory(prefix="asemble-bench-") as folder:
        path = _saved(study, Path(folder))
        steps: dict[str, float] = json.loads(_python("-c", FIRST_PREDICTION, str(path)))
    return steps


def _until_first(
    seconds: Mapping[str, Sequence[float]], steps: Sequence[Mapping[str, float]]
) -> Spread:
    """The steps added up: a whole process would also take in its end, in which torch lets go."""
    return Spread.of(
        [
            bare + sum(one[step] for step in UNTIL_FIRST)
            for bare, one in zip(seconds["python alone"], steps, strict=True)
        ]
    )


def _words(seconds: Mapping[str, Sequence[float]], name: str) -> str:
    return Spread.of(seconds[name]).words()


def _saved(study: Study, folder: Path) -> Path:
    path = folder / "study.npz"
    arrays: dict[str, Any] = {}
    for series in study.series:
        arrays[f"{series.plane}"] = series.volume.voxels
        arrays[f"{series.plane}_affine"] = series.volume.affine_lps
    np.savez(path, **arrays)
    return path


def _python(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], check=True, capture_output=True, text=True, timeout=300
    )
    return done.stdout


def _importtime(statement: str) -> str:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", statement],
        check=True,
        capture_output=True,
        text=True,
        timeout=300,
    )
    return done.stderr


def _by_package(told: str) -> list[tuple[str, float]]:
    r"""Seconds in the modules of each package themselves, the most first.

    >>> _by_package("import time: self [us] | cumulative | imported package\n"
    ...             "import time:    200 |    200 |   a.b\nimport time:    300 |    500 | a\n"
    ...             "import time:    100 |    100 | c")
    [('a', 0.0005), ('c', 0.0001)]
    """
    spent: Counter[str] = Counter()
    for line in told.splitlines():
        head, _, rest = line.partition(":")
        cells = [cell.strip() for cell in rest.split("|")]
        if head == "import time" and len(cells) == 3 and cells[0].isdecimal():
            spent[cells[2].split(".")[0]] += int(cells[0])
    return [(name, microseconds / 1e6) for name, microseconds in spent.most_common()]
