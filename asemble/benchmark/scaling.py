"""(e) Growth of the time with the slices of a study and with the sessions at once."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from asemble.benchmark.engine import assess
from asemble.benchmark.result import Found, Settings
from asemble.benchmark.studies import rendered_study, stretched
from asemble.benchmark.timing import Exponent, Spread, in_turns
from asemble.core.study import Study
from asemble.models import Ensemble

SLICES = (10, 30, 100, 300, 1000)
"""Of a study, half of them in each plane."""
SESSIONS = (1, 2, 5, 10, 20)
"""At once, each with a study of its own."""
SESSION_SLICES = 16
QUICK_SLICES, QUICK_SESSIONS, QUICK_SESSION_SLICES = (2, 4, 6), (1, 2, 3), 2
RENDERED = 12
"""Slices per plane that are rendered; longer stacks are stretched from them."""
SEED = 505


def measure_scaling(ensemble: Ensemble, settings: Settings) -> Found:
    """Time studies of growing size, then growing numbers of sessions, in turns."""
    quick = settings.is_quick
    matrix = 128 if quick else 256
    source = rendered_study(3 if quick else RENDERED, seed=SEED, matrix=matrix)
    by_slices = _by_slices(source, ensemble, settings)
    by_sessions = _by_sessions(source, ensemble, settings)
    slope, shared = _exponent(by_slices), _exponent(by_sessions)
    per_session = QUICK_SESSION_SLICES if quick else SESSION_SLICES
    rows = [
        (f"{count} slices, 1 session", *_cells(spent, count)) for count, spent in by_slices.items()
    ]
    rows += [
        (f"{count} x {per_session} slices, {count} sessions", *_cells(spent, count * per_session))
        for count, spent in by_sessions.items()
    ]
    return Found(
        heading="(e) Growth with slices and sessions",
        how=(
            "Prediction and heatmaps of studies whose slices lie between rendered ones, with noise "
            "of their own; then as many threads at once as there are sessions, each with another "
            "study. The exponent is the slope of a straight line through the logarithms of size "
            "and time, with its 95% interval; 1 is even growth, below it a fixed part is shared "
            "by more slices."
        ),
        columns=("size", "seconds", "seconds a slice"),
        rows=rows,
        verdict=(
            "Aim: linear growth. Time grows as the number of slices to the power "
            f"{slope.words()}, and as the number of sessions to the power {shared.words()}."
        ),
        measured={
            "by_slices": {str(count): spent for count, spent in by_slices.items()},
            "by_sessions": {str(count): spent for count, spent in by_sessions.items()},
            "slices_a_session": per_session,
            "exponent_of_slices": slope.as_dict(),
            "exponent_of_sessions": shared.as_dict(),
        },
    )


def _by_slices(source: Study, ensemble: Ensemble, settings: Settings) -> dict[int, list[float]]:
    counts = QUICK_SLICES if settings.is_quick else SLICES
    studies = {count: stretched(source, count // 2, seed=count) for count in counts}
    return _timed(
        {count: partial(assess, study, ensemble) for count, study in studies.items()}, settings
    )


def _by_sessions(source: Study, ensemble: Ensemble, settings: Settings) -> dict[int, list[float]]:
    counts = QUICK_SESSIONS if settings.is_quick else SESSIONS
    slices = QUICK_SESSION_SLICES if settings.is_quick else SESSION_SLICES
    studies = [stretched(source, slices // 2, seed=1000 + n) for n in range(max(counts))]

    def at_once(count: int) -> None:
        with ThreadPoolExecutor(count) as sessions:
            for done in [sessions.submit(assess, s, ensemble) for s in studies[:count]]:
                done.result()

    return _timed({count: partial(at_once, count) for count in counts}, settings)


def _timed(runs: Mapping[int, Callable[[], object]], settings: Settings) -> dict[int, list[float]]:
    if not settings.is_quick:
        runs[min(runs)]()  # the first run of all makes what later ones find made
    named = {str(size): run for size, run in runs.items()}
    seconds = in_turns(named, turns=settings.turns, warmups=0)
    return {int(size): spent for size, spent in seconds.items()}


def _exponent(by_size: Mapping[int, list[float]]) -> Exponent:
    points = [(size, second) for size, spent in by_size.items() for second in spent]
    return Exponent.fit([size for size, _ in points], [second for _, second in points])


def _cells(spent: list[float], slices: int) -> tuple[str, str]:
    return Spread.of(spent).words(), f"{Spread.of(spent).median / slices:.4f}"
