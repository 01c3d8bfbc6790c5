"""`asemble bench`: the parts that are asked for, printed as they finish, and a page of them."""

import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from asemble.benchmark.cold_start import measure_cold_start
from asemble.benchmark.end_to_end import measure_end_to_end
from asemble.benchmark.file_reading import measure_file_reading
from asemble.benchmark.flops import measure_flops
from asemble.benchmark.machine import Machine, load, this_machine
from asemble.benchmark.result import Found, Settings
from asemble.benchmark.scaling import measure_scaling
from asemble.benchmark.throughput import measure_throughput
from asemble.commands.terminal import writing
from asemble.models import Ensemble, load_ensemble
from asemble.performance.pages import write_page

Part = Callable[[Ensemble, Machine, Settings], Found]

PARTS: Mapping[str, Part] = {
    "a": lambda ensemble, _, settings: measure_end_to_end(ensemble, settings),
    "b": measure_flops,
    "c": lambda _, __, settings: measure_file_reading(settings),
    "d": lambda _, __, settings: measure_cold_start(settings),
    "e": lambda ensemble, _, settings: measure_scaling(ensemble, settings),
    "f": lambda ensemble, _, settings: measure_throughput(ensemble, settings),
}
"""By the letter that chooses it."""

QUICK_NOTICE = (
    "A quick run on small inputs: it shows that everything runs, its figures mean nothing."
)


def measure(parts: Sequence[str], *, turns: int, is_quick: bool, page: Path | None) -> None:
    """Measure, print, and write the page where one is asked for.

    Args:
        parts: letters of `PARTS`.
        turns: timed repetitions of each contender.
        is_quick: small inputs.
        page: a file ending in `.md`; its JSON goes to `measurements` beside it.

    Raises:
        AsembleError: the weights are not right, or the page cannot be written.
    """
    machine, settings = this_machine(), Settings(turns, is_quick)
    command = shlex.join(["asemble", *sys.argv[1:]])
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    ensemble = load_ensemble(device="cpu")  # what is compared with it runs there; (f) is on CUDA
    print(machine.words(), end="\n\n")
    if is_quick:
        print(QUICK_NOTICE, end="\n\n")
    loads, found = [load()], {}
    for letter in parts:
        found[letter] = PARTS[letter](ensemble, machine, settings)
        loads.append(load())
        print(found[letter].as_text(), flush=True)
    loaded = (
        f"Load of the machine, before and after each part: {', '.join(f'{n:.1f}' for n in loads)}."
    )
    print(loaded)
    if page is None:
        return
    intro = [
        f"Measured on {when} by `{command}` with {turns} turns, on {machine.words()}",
        *([QUICK_NOTICE] if is_quick else []),
        "Contenders run in turns (A B A B) in one process after a warm-up. Every figure is a "
        "median with the first and third quartile; ratios are taken turn by turn, so that a "
        f"machine that others use as well slows both alike. {loaded}",
    ]
    measured: dict[str, Any] = {
        "date": when,
        "command": command,
        "turns": turns,
        "quick": is_quick,
        "machine": machine.as_dict(),
        "load": loads,
        "parts": {letter: one.measured for letter, one in found.items()},
    }
    with writing():
        write_page(
            page,
            title="Benchmark",
            command="asemble bench",
            parts=[*intro, *(one.as_markdown() for one in found.values())],
            numbers=measured,
        )
