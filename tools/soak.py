"""The soak test: sessions that read different studies at once, for minutes, each held to account.

`make soak` serves the app as it is served to people, lets sessions
upload, read, ask and leave or vanish, and holds every image, heatmap and number that they are sent
against what asemble says of their study alone in a process of its own. Then every session vanishes
while the server predicts, and it must come to rest; then its memory must be what it was after the
warm-up. One of the sessions attacks the whole time (`soak_attacker`), and nobody else may notice.
Writes a summary; its exit code is 1 where anything was wrong.
"""

import argparse
import os
import random
import shlex
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from served_app import ROOT, running
from soak_attacker import attack_on
from soak_sessions import Asked, Ending, Pool, Record, Session, read_on
from soak_studies import SMALL, SoakStudy, load_study, make_archives

from asemble.benchmark.machine import load, this_machine
from asemble.core.text_table import Table
from asemble.io.decode.processes import processor_seconds
from asemble.performance.pages import write_page
from asemble.ui.server import SWEEP_EVERY_S

MEMORY_LIMIT = 1.10
"""Times its value after the warm-up that memory may be at the end."""
STARVED = 5.0
"""Times the median of all small studies that the answer to one of them may take."""
REST_LIMIT_S = 10.0
"""Within it the server must be at rest after everybody has vanished."""
REST_CORES = 0.05
"""A server that uses less is at rest."""
SPARE_STUDIES = 4
"""More studies than sessions, so that each finds one that nobody reads."""
KIBIBYTE, MEBIBYTE = 1024, 1024**2


@dataclass(frozen=True, slots=True)
class Server:
    """The app in a process of its own.

    Args:
        address: of it.
        process: its number.
        forgets_after_s: how long it keeps a session whose connection is gone.
    """

    address: str
    process: int
    forgets_after_s: int

    def memory_mib(self) -> float:
        """Resident memory of the process and of those that it started."""
        return sum(_resident_bytes(each) for each in self._processes()) / MEBIBYTE

    def processor_s(self) -> float:
        """Seconds of the processor that they have used."""
        return sum(processor_seconds(each) or 0.0 for each in self._processes())

    def threads(self) -> int:
        """Threads of the process."""
        return len(list(Path(f"/proc/{self.process}/task").iterdir()))

    def _processes(self) -> list[int]:
        found, waiting = [], [self.process]
        while waiting:
            found.append(waiting.pop())
            for task in Path(f"/proc/{found[-1]}/task").glob("*/children"):
                waiting += [int(child) for child in task.read_text().split()]
        return found


def _resident_bytes(process: int) -> int:
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except FileNotFoundError:  # it has ended since it was listed
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def served(log: Path, *, forgets_after_s: int) -> Iterator[Server]:
    """The app, with as many threads for its networks as the studies were judged with alone."""
    options = [f"--server.disconnectedSessionTTL={forgets_after_s}"]
    threads = {"OMP_NUM_THREADS": str(torch.get_num_threads())}
    with running(log, options=options, environment=threads) as server:
        yield Server(server.address, server.process.pid, forgets_after_s)


def prepared(folder: Path, count: int, *, large: int, seed: int) -> list[SoakStudy]:
    """Studies and what is said of each alone, in a process of its own."""
    _tell(f"simulating {count} studies, where they are not there yet")
    paths = make_archives(folder, count, large=large, seed=seed)
    _tell("asking of each alone")
    subprocess.run(
        [sys.executable, str(Path(__file__).with_name("soak_studies.py")), str(folder)],
        check=True,
        cwd=ROOT,
    )
    return [load_study(path) for path in paths]


def warm_up(server: Server, studies: Sequence[SoakStudy], record: Record) -> None:
    """Each session reads one study to its report and closes its tab; the first reads the large."""

    def read(study: SoakStudy) -> None:
        session = Session(server.address, record)
        try:
            session.read(study, Ending.READ)
        except Exception as error:  # told at the end, with all others
            record.fault(f"{study.name}: {type(error).__name__}: {error}")
        finally:
            session.close()

    with ThreadPoolExecutor(len(studies)) as tabs:
        list(tabs.map(read, studies))


def soak(
    server: Server,
    pool: Pool,
    record: Record,
    *,
    readers: int,
    attackers: int,
    seconds: float,
    seed: int,
) -> tuple[float, Counter[str]]:
    """Sessions that read on until the time is up, and some that attack.

    Returns:
        The most memory that was seen in MiB, and how often each attack was tried.
    """
    ends = time.monotonic() + seconds
    peak = server.memory_mib()
    tried: Counter[str] = Counter()

    def sit(number: int) -> None:
        session = Session(server.address, record)
        rng = random.Random(f"{seed}-{number}")  # noqa: S311  to be repeated, not secret
        read_on(session, pool, record, rng=rng, goes_on=lambda: time.monotonic() < ends)
        session.close()

    def attack() -> None:
        tried.update(attack_on(server.address, lambda: time.monotonic() < ends))

    people = [
        *(threading.Thread(target=sit, args=(number,)) for number in range(readers)),
        *(threading.Thread(target=attack) for _ in range(attackers)),
    ]
    for person in people:
        person.start()
    told = time.monotonic()
    while any(person.is_alive() for person in people):
        time.sleep(0.5)
        peak = max(peak, server.memory_mib())
        if time.monotonic() - told > 30:
            told = time.monotonic()
            left = max(0, ends - told)
            _tell(f"{len(record.asked)} answers, {len(record.faults)} faults, {left:.0f} s left")
    return peak, tried


def vanish_together(server: Server, studies: Sequence[SoakStudy], record: Record) -> float | None:
    """Everybody asks, and vanishes while the server predicts; seconds until it is at rest.

    None where it was not at rest after ten times as long as it may take.
    """
    people = [Session(server.address, record) for _ in studies]
    with ThreadPoolExecutor(len(people)) as tabs:
        list(tabs.map(lambda pair: pair[0].ask_and_wait_for_progress(pair[1]),
                      zip(people, studies, strict=True)))  # fmt: skip
    for person in people:
        person.vanish()
    gone = time.monotonic()
    while time.monotonic() - gone < 10 * REST_LIMIT_S:
        began, before = time.monotonic(), server.processor_s()
        time.sleep(1)
        if (server.processor_s() - before) / (time.monotonic() - began) < REST_CORES:
            return began - gone
    return None


def memory_at_rest(server: Server) -> float:
    """Memory once the server has forgotten every session that is gone, the least of some looks."""
    time.sleep(server.forgets_after_s + SWEEP_EVERY_S)
    looks = []
    for _ in range(10):
        time.sleep(1)
        looks.append(server.memory_mib())
    return min(looks)


def main() -> int:
    """Run it as the command line says."""
    options = _options()
    readers = options.sessions - options.attackers
    count, large = readers + SPARE_STUDIES, options.large
    folder = ROOT / "cache" / "soak" / f"{options.seed}-{count}-{large}"
    studies = prepared(folder, count, large=large, seed=options.seed)
    record, warming = Record(), Record()
    log = folder / "server.log"
    with served(log, forgets_after_s=options.forgets_after) as server:
        memory = {"when it started": server.memory_mib()}
        _tell("warming up: each session reads one study")
        warm_up(server, studies[:readers], warming)
        memory["after the warm-up, all sessions closed"] = memory_at_rest(server)
        loads = [load()]
        _tell(f"soaking for {options.minutes:g} minutes")
        memory["at most"], tried = soak(
            server,
            Pool(studies),
            record,
            readers=readers,
            attackers=options.attackers,
            seconds=60 * options.minutes,
            seed=options.seed,
        )
        loads.append(load())
        _tell("everybody vanishes")
        rest_s = vanish_together(server, studies[:readers], record)
        memory["at the end, all sessions closed"] = memory_at_rest(server)
        threads = server.threads()
    if "Traceback" in log.read_text():
        record.fault("the server logged a traceback")
    record.faults[:0] = [f"while warming up: {fault}" for fault in warming.faults]
    summary = Summary(options, record, memory, rest_s, threads, loads, tried)
    for line in summary.lines():
        print(line)
    if options.out is not None:
        summary.write(options.out)
    return 1 if summary.faults() else 0


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run found.

    Args:
        options: of the command line.
        record: of the sessions.
        memory: MiB, by when.
        rest_s: seconds from the moment that everybody vanished; None where it did not rest.
        threads: of the server at the end.
        loads: of the machine, before and after.
        tried: how often each attack was tried.
    """

    options: argparse.Namespace
    record: Record
    memory: dict[str, float]
    rest_s: float | None
    threads: int
    loads: list[float]
    tried: Counter[str]

    def faults(self) -> list[str]:
        """Everything that must not be, one sentence each."""
        faults = list(self.record.faults)
        if not self.record.asked:
            faults.append("nobody was answered")
        if self.longest_wait > STARVED:
            faults.append(f"somebody waited {self.longest_wait:.1f} times as long as the others")
        if self.rest_s is None or self.rest_s > REST_LIMIT_S:
            faults.append(f"not at rest {REST_LIMIT_S:.0f} s after everybody had vanished")
        if self.memory_growth > MEMORY_LIMIT:
            faults.append(f"memory is {self.memory_growth:.2f} times what it was after the warm-up")
        return faults

    @property
    def longest_wait(self) -> float:
        """For the answer to a small study, in the median of them."""
        small = [one.seconds for one in self.record.asked if one.slices == 2 * SMALL]
        return max(small) / float(np.median(small)) if small else 0.0

    @property
    def memory_growth(self) -> float:
        """Memory at the end, in what it was after the warm-up."""
        return (
            self.memory["at the end, all sessions closed"]
            / self.memory["after the warm-up, all sessions closed"]
        )

    def rows(self) -> list[tuple[str, str]]:
        """What was counted, for the table."""
        record = self.record
        endings = "; ".join(f"{count} {ending}" for ending, count in record.endings.items())
        rest = "never" if self.rest_s is None else f"{self.rest_s:.0f} s"
        return [
            ("studies", f"{sum(record.endings.values())}: {endings}"),
            ("predictions held against the one alone", _held(
                record.predictions, record.predictions_to_the_bit,
                f"the largest difference {record.probability_difference:.1g}")),
            ("heatmaps held against the one alone", _held(
                record.heats, record.heats_to_the_bit,
                f"the largest difference {record.heat_difference} of 255")),
            ("stacks of images held against the session's own study", f"{record.stacks:,}"),
            ("seconds to the answer, all studies", _seconds(record.asked)),
            *((f"seconds to the answer, {what}", _seconds(some))
              for what, some in by_size(record.asked).items()),
            ("longest wait for a small study, in their median", f"{self.longest_wait:.1f}"),
            *((f"attacks: {what}", f"{count}") for what, count in self.tried.items()),
            ("at rest after everybody vanished", rest),
            *((f"memory {when}", f"{mib:,.0f} MiB") for when, mib in self.memory.items()),
            ("memory at the end, in that after the warm-up", f"{self.memory_growth:.2f}"),
            ("threads of the server at the end", str(self.threads)),
        ]  # fmt: skip

    def lines(self) -> list[str]:
        """For a terminal."""
        rows = [f"{what}: {value}" for what, value in self.rows()]
        return [*rows, *(f"FAULT: {fault}" for fault in self.faults())]

    def write(self, page: Path) -> None:
        """The page, and its figures beside it."""
        options, machine = self.options, this_machine()
        when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
        faults = [f"- {fault}" for fault in self.faults()] or ["Nothing was wrong."]
        measured: dict[str, Any] = {
            "date": when,
            "command": _command(),
            "machine": machine.as_dict(),
            "load": self.loads,
            "seed": options.seed,
            "sessions": options.sessions,
            "minutes": options.minutes,
            "memory_mib": self.memory,
            "rest_s": self.rest_s,
            "seconds": [[a.slices, a.started, a.seconds] for a in self.record.asked],
            "faults": self.faults(),
            "rows": dict(self.rows()),
        }
        write_page(
            page,
            title="Soak test",
            command=_command(),
            parts=[
                f"Run on {when} with seed {options.seed}, on {machine.words()} "
                f"Load of the machine before and after: {self.loads[0]:.1f}, {self.loads[1]:.1f}; "
                "the sessions of the test run on the same cores.",
                f"{options.sessions} sessions for {options.minutes:g} minutes, of which "
                f"{options.attackers} attacks the whole time (`tools/soak_attacker.py`). Each of "
                "the others has another simulated study over Streamlit's own websocket: upload, "
                "look at the slices, record a conclusion, ask the ensemble, look at both kinds of "
                "heatmaps in every series, take the report, without a pause to think, so that they "
                "ask for far more than as many people; one in five leaves or vanishes while the "
                "server predicts. Every image, heatmap and report that a session is sent is held "
                "against what asemble says of its study alone, in a process of its own. A broken "
                "connection is kept "
                f"for {options.forgets_after} s, in case it comes back, and then forgotten; "
                "memory is looked at after that.",
                Table(["what", "found"], self.rows()),
                "## What was wrong",
                "\n".join(faults),
            ],
            numbers=measured,
        )


def by_size(asked: Sequence[Asked]) -> dict[str, list[Asked]]:
    """Whether the large study starves small ones: those that waited beside it, and the others."""
    largest = max((one.slices for one in asked), default=0)
    large = [one for one in asked if one.slices == largest and largest > 2 * SMALL]
    small = [one for one in asked if one.slices == 2 * SMALL]
    beside = [one for one in small if any(one.overlaps(other) for other in large)]
    return {
        f"{largest} slices": large,
        f"{2 * SMALL} slices beside it": beside,
        f"{2 * SMALL} slices without it": [one for one in small if one not in beside],
    }


def _held(count: int, to_the_bit: int, most: str) -> str:
    return f"{count:,}, {to_the_bit:,} of them equal to the bit, {most}"


def _seconds(asked: Sequence[Asked]) -> str:
    if not asked:
        return "none"
    p50, p95 = np.percentile([one.seconds for one in asked], [50, 95])
    return f"p50 {p50:.1f}, p95 {p95:.1f} ({len(asked)} answers)"


def _options() -> argparse.Namespace:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--sessions", type=int, default=50)
    options.add_argument("--attackers", type=int, default=1, metavar="N", help="of the sessions")
    options.add_argument("--minutes", type=float, default=10)
    options.add_argument("--seed", type=int, default=5)
    options.add_argument(
        "--large", type=int, default=150, metavar="N", help="slices a plane of the large study"
    )
    options.add_argument(
        "--forgets-after",
        type=int,
        default=120,
        metavar="S",
        help="how long the server keeps a broken connection; Streamlit's own is 120",
    )
    options.add_argument("--out", type=Path, help="a page, with its JSON in measurements/")
    return options.parse_args()


def _command() -> str:
    return f"PYTHONPATH=tests {shlex.join(['python', 'tools/soak.py', *sys.argv[1:]])}"


def _tell(line: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S} {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
