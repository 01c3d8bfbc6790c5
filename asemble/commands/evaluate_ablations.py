"""`asemble evaluate ablations`: ASembleNet trained without single parts of the simulator."""

from pathlib import Path

from asemble.commands.evaluate_table import answers_of, train_runs
from asemble.commands.terminal import writing
from asemble.core.labels import Plane
from asemble.evaluation.ablations import ablated
from asemble.evaluation.comparison_table import NetworkAnswers
from asemble.performance.pages import ablations_parts, as_markdown, write_page
from asemble.performance.records import Ablations
from asemble.performance.store import as_plain
from asemble.training.comparison import read_runs


def make_ablations(
    networks: Path,
    *,
    passes: int,
    test_cases: int,
    workers: int,
    cache: Path,
    out: Path,
    docs: Path,
) -> None:
    """Train what is not finished, ask every network, and write the page.

    Args:
        networks: which are trained, the first being what the others are set against.
        passes: images that each sees in training.
        test_cases: cases of each kind of appearance.
        workers: networks trained at once, each on one thread.
        cache: folder of simulated slices.
        out: folder of finished runs, from which a run that was stopped goes on.
        docs: folder of the page.

    Raises:
        AsembleError: the configuration is not right, or nothing can be written.
    """
    runs = read_runs(networks, passes=passes, test_cases=test_cases)
    with writing():
        train_runs(runs, out, cache, workers)
        answers: dict[Plane, list[NetworkAnswers]] = {}
        for run in runs:
            answers.setdefault(run.config.plane, []).append(answers_of(run, out))
        measured = Ablations(passes, runs[0].config.training_cases, test_cases, ablated(answers))
        parts = ablations_parts(measured)
        write_page(
            docs / "ablations.md",
            title="Ablations of the simulator",
            command="asemble evaluate ablations",
            parts=parts,
            numbers=as_plain(Ablations, measured),
        )
    print(as_markdown(parts))
