"""(f) Studies a second on CUDA, and whether what CUDA answers is the same in any company."""

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import torch

from asemble.benchmark.engine import assess
from asemble.benchmark.result import Found, Settings
from asemble.benchmark.studies import rendered_study, stretched
from asemble.benchmark.timing import Spread
from asemble.core.study import Study
from asemble.models import Ensemble, load_ensemble
from asemble.models.calibration import Floats64

HEADING = "(f) Studies a second on CUDA"
STUDIES = 16
"""In a turn, each of its own slices."""
SLICES = 24
"""Of each of two planes."""
SESSIONS = (1, 8)
"""At once."""
QUICK_STUDIES, QUICK_SLICES = 2, 4
RENDERED = 12
"""Slices per plane that are rendered; the studies are stretched from them."""
SEED = 606


def measure_throughput(processor: Ensemble, settings: Settings) -> Found:
    """Time a row of studies, of one session and of several at once, in turns.

    Args:
        processor: the ensemble on the CPU, whose answers those of CUDA are held against.
        settings: how long to measure.
    """
    if not torch.cuda.is_available():
        why = "Not measured: this machine has no CUDA device."
        return Found(HEADING, why, ("sessions at once",), (), why, {"studies_a_second": None})
    count, slices = (QUICK_STUDIES, QUICK_SLICES) if settings.is_quick else (STUDIES, SLICES)
    source = rendered_study(min(slices, RENDERED), seed=SEED)
    studies = [stretched(source, slices, seed=SEED + n) for n in range(count)]
    ensemble = load_ensemble(device="cuda")
    alone = [_answer(study, ensemble) for study in studies]
    rates: dict[int, list[float]] = {sessions: [] for sessions in SESSIONS}
    others = 0
    for _ in range(settings.turns):
        for sessions, found in rates.items():
            started = time.perf_counter()
            with ThreadPoolExecutor(sessions) as pool:
                answers = list(pool.map(partial(_answer, ensemble=ensemble), studies))
            found.append(count / (time.perf_counter() - started))
            others += sum(not np.array_equal(a, b) for a, b in zip(answers, alone, strict=True))
    asked = settings.turns * len(SESSIONS) * count
    away = float(np.abs(_answer(studies[0], processor) - alone[0]).max())
    spreads = {sessions: Spread.of(found) for sessions, found in rates.items()}
    return Found(
        heading=HEADING,
        how=(
            f"Prediction and heatmaps of {count} studies of {slices} + {slices} slices, one after "
            "another, then by several sessions at once that share the networks."
        ),
        columns=("sessions at once", "studies a second"),
        rows=[(str(sessions), spread.words()) for sessions, spread in spreads.items()],
        verdict=(
            f"Of {asked} answers, {asked - others} equal those of the study alone to the last bit. "
            f"From the CPU's, probabilities of slices and heat differ by {away:.1g} at most, in "
            "one study."
        ),
        measured={
            "studies": count,
            "slices_a_plane": slices,
            "studies_a_second": {str(n): spread.as_dict() for n, spread in spreads.items()},
            "answers": asked,
            "answers_that_differ": others,
            "away_from_the_processor": away,
        },
    )


def _answer(study: Study, ensemble: Ensemble) -> Floats64:
    """All that is shown of a study, in a row: probabilities of slices, then heat, 0..1."""
    prediction, heatmaps = assess(study, ensemble)
    said = [s.probabilities.as_array() for one in prediction.series for s in one.slices]
    heat = [maps.clip(0, 1).ravel() for one in heatmaps.values() for maps in one.maps.values()]
    return np.concatenate([*said, *heat])
