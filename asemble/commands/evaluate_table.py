"""`asemble evaluate table`: the abstract's comparison, trained and measured alike for all."""

import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch

from asemble.commands.evaluate_studies import keep
from asemble.commands.terminal import clock, progress, writing
from asemble.core.labels import Plane
from asemble.datasets.simulated import simulate_slices
from asemble.datasets.slice_set import SliceSet
from asemble.evaluation.comparison_table import NetworkAnswers, compared
from asemble.imaging.intensity import squash
from asemble.metrics.slice_metrics import ScoredSlices
from asemble.models import Ensemble, load_ensemble
from asemble.models.ensemble import sum_of_shares
from asemble.performance.pages import table_parts
from asemble.performance.records import Appearances, Comparison
from asemble.performance.tables import networks_table
from asemble.training.comparison import (
    TEST_PARTS,
    Run,
    finish,
    load_scored,
    read_facts,
    read_runs,
    save_scored,
    score,
    source_digest,
)

PARTS = dict(zip(Appearances, TEST_PARTS, strict=True))
"""Of the slices of a run, by test set."""

BATCH = 64
"""Slices that the ensemble is asked about at once."""


def make_table(
    networks: Path,
    *,
    passes: int,
    test_cases: int,
    pretrained: bool,
    workers: int,
    weights: Path | None,
    cache: Path,
    out: Path,
    docs: Path,
) -> None:
    """Train what is not finished, ask every network, and write the table and its page.

    Args:
        networks: which are compared.
        passes: images that each sees in training.
        test_cases: cases of each kind of appearance.
        pretrained: start the comparison networks from ImageNet weights.
        workers: networks trained at once, each on one thread.
        weights: folder of the ensemble, and of the table.
        cache: folder of simulated slices.
        out: folder of finished runs, from which a run that was stopped goes on.
        docs: folder of the page.

    Raises:
        AsembleError: the configuration or the weights are not right, or nothing can be written.
    """
    runs = read_runs(networks, passes=passes, test_cases=test_cases, pretrained=pretrained)
    ensemble = load_ensemble(weights)
    with writing():
        train_runs(runs, out, cache, workers)
        answers: dict[Plane, list[NetworkAnswers]] = {}
        for run in runs:
            answers.setdefault(run.config.plane, []).append(answers_of(run, out))
        for plane, rows in answers.items():
            first = next(run for run in runs if run.config.plane is plane)
            rows.append(_ensemble_answers(ensemble, first, out, cache))
        config = runs[0].config
        measured = Comparison(
            passes=passes,
            batch=config.batch,
            learning_rate=config.learning_rate,
            test_cases=test_cases,
            start="the comparison networks from ImageNet weights, ASembleNet from scratch"
            if pretrained
            else "from scratch",
            weights=ensemble.weights,
            planes=compared(answers),
        )
        keep("table", measured, table_parts, weights, docs)
    for plane in answers:
        for which in Appearances:
            print(f"{plane}, {which.words}:\n{networks_table(measured, plane, which).text()}")


def train_runs(runs: Sequence[Run], out: Path, cache: Path, workers: int) -> None:
    """Finish the unfinished runs, the longest first, so that none is left over at the end."""
    requests = {request: None for run in runs for request in run.requests().values()}
    for request in requests:  # here, with all processors, so that the trainings find them made
        what = f"simulating {request.plane} {request.part}"
        simulate_slices(request, cache, progress=progress(what, "slices"))
    waiting = sorted((r for r in runs if not r.is_finished(out)), key=lambda run: -run.cost)
    _tell(f"{len(runs) - len(waiting)} of {len(runs)} networks were trained before")
    if not waiting:
        return
    started, cost = time.monotonic(), sum(run.cost for run in waiting)
    # Spawned, not forked: a fork copies the locks of torch's threads, and may hang.
    pool = ProcessPoolExecutor(workers, get_context("spawn"), torch.set_num_threads, (1,))
    try:
        futures = {pool.submit(finish, run, out, cache, _tell): run for run in waiting}
        spent = 0.0
        for done, future in enumerate(as_completed(futures), start=1):
            future.result()
            spent += futures[future].cost
            left = (time.monotonic() - started) * (cost - spent) / spent
            _tell(f"{done} of {len(waiting)} networks trained, about {clock(left)} left")
    finally:
        pool.shutdown(cancel_futures=True)  # where one failed, those not yet begun stay undone


def answers_of(run: Run, out: Path) -> NetworkAnswers:
    """What a finished run says of the test slices."""
    facts = read_facts(run, out)
    return NetworkAnswers(
        name=run.name,
        title=run.title,
        taught_by=run.taught_by,
        passes=(facts["passes"],),
        parameters=facts["parameters"],
        scored={
            which: load_scored(run.folder(out) / f"{part}.npz") for which, part in PARTS.items()
        },
    )


def _ensemble_answers(ensemble: Ensemble, like: Run, out: Path, cache: Path) -> NetworkAnswers:
    """The ensemble as shipped, asked about the test slices of a run of the same plane."""
    plane = like.config.plane
    members = ensemble.planes[plane]
    facts = {"weights": dict(ensemble.weights), "plane": plane, "cases": like.test_cases}
    folder = out / f"{plane}-ensemble-{source_digest(facts)}"
    folder.mkdir(parents=True, exist_ok=True)
    scored: dict[Appearances, ScoredSlices] = {}
    for which, part in PARTS.items():
        path = folder / f"{part}.npz"
        if not path.exists():
            slices = simulate_slices(like.requests()[part], cache)
            save_scored(path, judge_slices(ensemble, plane, slices))
        scored[which] = load_scored(path)
    return NetworkAnswers(
        name="ensemble",
        title=f"Ensemble of {len(members)}",
        taught_by="masks",
        passes=tuple(int(member.card.training.get("passes", 0)) for member in members),
        parameters=sum(p.numel() for m in members for p in m.network.parameters()),
        scored=scored,
    )


def judge_slices(ensemble: Ensemble, plane: Plane, slices: SliceSet) -> ScoredSlices:
    """The members' probabilities and evidence, each counted by its share, slice by slice."""
    shares = ensemble.shares(plane)
    probabilities, evidence = [], []
    tell = progress(f"asking the ensemble, {plane}", "slices")
    for first in range(0, len(slices), BATCH):
        ratios = np.asarray(slices.images[first : first + BATCH], dtype=np.float32)
        outputs = ensemble.infer(plane, squash(ratios))
        said = {name: output.probabilities for name, output in outputs.items()}
        probabilities.append(sum_of_shares(said, shares))
        seen = {name: output.evidence for name, output in outputs.items()}
        evidence.append(sum_of_shares(seen, shares))
        if tell is not None:
            tell(min(first + BATCH, len(slices)), len(slices))
    maps = torch.from_numpy(np.concatenate(evidence))
    return score(slices, np.concatenate(probabilities), maps)


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
