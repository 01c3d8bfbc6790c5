"""(a) Prediction with heatmaps, against one slice at a time with timm and grad-cam."""

from functools import partial

import numpy as np

from asemble.benchmark.baseline import TITLES, slice_by_slice
from asemble.benchmark.engine import assess
from asemble.benchmark.result import Found, Settings, met
from asemble.benchmark.studies import rendered_study
from asemble.benchmark.timing import Spread, in_turns, ratio
from asemble.core.study import Study
from asemble.core.volume import Floats
from asemble.models import Ensemble

SLICES = 24
"""In each of the two planes."""
QUICK_SLICES = 3
QUICK_LOOPED = 1
"""Slices of the loops in a quick run, scaled up to all; a run that counts loops over every one."""
SEED = 501
AIM = 10.0
"""How many times faster than the Xception loop asemble is to be."""
OURS = "asemble, three members per plane, both methods of heatmaps"


def measure_end_to_end(ensemble: Ensemble, settings: Settings) -> Found:
    """Time the whole way from a study in memory to its heatmaps."""
    count = QUICK_SLICES if settings.is_quick else SLICES
    study = rendered_study(count, seed=SEED, matrix=128 if settings.is_quick else 256)
    slices = _slices_of(study)
    looped = slices[:QUICK_LOOPED] if settings.is_quick else slices
    loops = {title: slice_by_slice(name) for name, title in TITLES.items()}
    seconds = in_turns(
        {
            OURS: partial(assess, study, ensemble),
            **{title: partial(loop, looped) for title, loop in loops.items()},
        },
        turns=settings.turns,
        warmups=settings.warmups,
    )
    for title in loops:
        seconds[title] = [spent * len(slices) / len(looped) for spent in seconds[title]]
    ratios = {title: ratio(seconds[title], seconds[OURS]) for title in loops}
    rows = [(OURS, Spread.of(seconds[OURS]).words(), f"{_each(seconds[OURS], slices):.3f}", "1")]
    rows += [
        (
            f"timm's {title} and grad-cam, slice by slice",
            Spread.of(seconds[title]).words(),
            f"{_each(seconds[title], slices):.3f}",
            spread.words(1),
        )
        for title, spread in ratios.items()
    ]
    against = ratios[TITLES["legacy_xception"]]
    return Found(
        heading="(a) Prediction with heatmaps",
        how=(
            f"A simulated study of {count} coronal and {count} axial slices, from the volumes in "
            "memory to probabilities and heatmaps. The loops run one network, on all slices, with "
            "random weights (the arithmetic is the same), at its own input size: for each slice a "
            "forward pass for the probabilities, then grad-cam at the last convolutional map. "
            "Making the models is not timed. asemble also answers for the study, checks whether "
            "the slices are in scope, and puts its maps back on the grid of the series."
        ),
        columns=("what runs", "seconds a study", "seconds a slice", "times asemble"),
        rows=rows,
        verdict=(
            f"Aim: at least {AIM:.0f} times faster than the Xception loop. "
            f"{met(against.median >= AIM)}: {against.words(1)} times."
        ),
        measured={
            "slices": len(slices),
            "seconds": seconds,
            "ratios": {title: spread.as_dict() for title, spread in ratios.items()},
            "aim": AIM,
        },
    )


def _slices_of(study: Study) -> Floats:
    return np.concatenate([series.volume.voxels for series in study.series])


def _each(seconds: list[float], slices: Floats) -> float:
    return Spread.of(seconds).median / len(slices)
