"""`make fuzz`: feeds spoilt files to the reader, watches it, and writes `docs/fuzzing.md`.

    PYTHONPATH=tests python tools/fuzz.py --count 50000 --seed 0

Each input is read exactly as an upload is, in a process that is watched from outside. A finding is
anything but a `Study` or an `InputError` of plain sentences: another exception, the end of the
process, a hang, memory over the limit, or a value of the file in a sentence. Findings are kept in
`out/fuzz/` and make the exit status 1. A run that was stopped goes on where it was.
"""

import argparse
import contextlib
import json
import logging
import os
import queue
import re
import subprocess
import sys
import threading
import time
import warnings
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import IO, Any

from fuzz_files import CANARIES
from fuzz_inputs import make_input
from kept_decoders import KeptDecoders

from asemble.core.errors import InputError
from asemble.core.study import Study
from asemble.io import Part, limits, read_parts
from asemble.io.decode import processes

ROOT = Path(__file__).parents[1]
OUT = ROOT / "out" / "fuzz"
PAGE = ROOT / "docs" / "fuzzing.md"

HANG_SECONDS = limits.DECODE_CLOCK * limits.MAX_DECODE_SECONDS + 10
"""One input; its files are small, so that the time of one decoder is the longest wait."""
MAX_MEMORY_MIB = 1024
"""Resident memory of the reading process over its whole life."""
LONGEST_SENTENCE = 400
ENDED = "made the decoder stop"
"""What is said where a library crashed; of the streams of one codec it is a finding."""


def main() -> int:
    """Run, or go on with a run; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--fresh", action="store_true", help="forget a run that was stopped")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        return _work(options.seed)
    OUT.mkdir(parents=True, exist_ok=True)
    tally = Tally.load(options.seed, fresh=options.fresh)
    if len(tally.done) >= options.count:  # that run is over
        tally = Tally(options.seed)
    started, before = time.monotonic(), tally.facts["seconds"]
    indices: queue.SimpleQueue[int] = queue.SimpleQueue()
    for index in range(options.count):
        if index not in tally.done:
            indices.put(index)
    threads = [
        threading.Thread(target=_watch, args=(indices, options.seed, tally))
        for _ in range(options.jobs)
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        time.sleep(5)
        tally.facts["seconds"] = before + time.monotonic() - started
        tally.save()
        print(tally.line(options.count), flush=True)
    tally.save()
    text = tally.page(options)
    PAGE.write_text(text, encoding="utf-8")
    print(text)
    return 1 if tally.facts["findings"] or len(tally.done) < options.count else 0


class Tally:
    """What has come out so far; kept in a file, so that a run can go on."""

    def __init__(self, seed: int) -> None:
        self._lock = threading.Lock()
        self._path = OUT / f"progress-{seed}.json"
        self.done: set[int] = set()
        self.facts: dict[str, Any] = {
            "seconds": 0.0, "kinds": {}, "reasons": {}, "findings": [], "slowest": [0.0, -1, ""],
            "peak_mib": 0.0, "starts": 0,
        }  # fmt: skip

    @classmethod
    def load(cls, seed: int, *, fresh: bool) -> "Tally":
        """The tally of a stopped run, or an empty one."""
        tally = cls(seed)
        if not fresh and tally._path.exists():
            stored = json.loads(tally._path.read_text())
            tally.done, tally.facts = set(stored["done"]), stored["facts"]
        return tally

    def save(self) -> None:
        """Write it down."""
        with self._lock:
            text = json.dumps({"done": sorted(self.done), "facts": self.facts})
        spare = self._path.with_suffix(".new")
        spare.write_text(text)
        spare.replace(self._path)

    def add(self, index: int, result: dict[str, Any]) -> None:
        """Count one input."""
        with self._lock:
            self.done.add(index)
            facts = self.facts
            of_kind = facts["kinds"].setdefault(result["kind"], {})
            of_kind[result["outcome"]] = of_kind.get(result["outcome"], 0) + 1
            for reason in result.get("reasons", []):
                facts["reasons"][reason] = facts["reasons"].get(reason, 0) + 1
            facts["slowest"] = max(facts["slowest"], [result["seconds"], index, result["kind"]])
            facts["peak_mib"] = max(facts["peak_mib"], result["peak_mib"])
            if result["outcome"] == "finding":
                facts["findings"].append([index, result["what"]])
                print(f"FINDING {index} ({result['kind']}): {result['what']}", flush=True)

    def line(self, count: int) -> str:
        """Progress in one line."""
        facts = self.facts
        return (
            f"{len(self.done)}/{count} inputs, {facts['seconds']:.0f} s, "
            f"peak {facts['peak_mib']:.0f} MiB, {len(facts['findings'])} findings"
        )

    def page(self, options: argparse.Namespace) -> str:
        """The summary as Markdown."""
        facts, kinds = self.facts, self.facts["kinds"]
        totals = Counter[str]()
        rows = []
        for kind, outcomes in sorted(kinds.items()):
            totals.update(outcomes)
            cells = [outcomes.get(o, 0) for o in ("study", "refused", "finding")]
            rows.append(f"| {kind} | {sum(cells):,} | {cells[0]:,} | {cells[1]:,} | {cells[2]:,} |")
        seconds, index, kind = facts["slowest"]
        reasons = sorted(facts["reasons"].items(), key=lambda pair: (-pair[1], pair[0]))
        findings = [f"- input {i}: {what}" for i, what in facts["findings"]] or ["None."]
        return "\n".join(
            [
                "# Fuzzing the reader",
                "",
                f"Written by `PYTHONPATH=tests python tools/fuzz.py --count {options.count} "
                f"--seed {options.seed} --jobs {options.jobs}` (`make fuzz`); do not edit by hand.",
                "",
                "Whole files (simulated, from pydicom's and nibabel's own tests, and of scanners "
                "where `../shared` is there) are spoilt: bits and bytes, cuts, repeats, splices, "
                "tokens, lengths, and single elements, headers and chunks by their meaning; of the "
                "streams of one codec their own bytes alone, and none may end a decoder. Each "
                "is read as an upload by a process that is watched from outside.",
                "",
                f"- inputs: {len(self.done):,}, seed {options.seed}",
                f"- time: {timedelta(seconds=round(facts['seconds']))} "
                f"({len(self.done) / max(facts['seconds'], 1):.0f} a second)",
                f"- slowest input: {seconds:.1f} s (input {index}, {kind}); "
                f"limit {HANG_SECONDS:g} s",
                f"- peak resident memory of a reading process: {facts['peak_mib']:.0f} MiB; "
                f"limit {MAX_MEMORY_MIB} MiB",
                f"- findings: {len(facts['findings'])}",
                "",
                "| kind | inputs | study | refused | findings |",
                "|---|---:|---:|---:|---:|",
                *rows,
                f"| **all** | {totals.total():,} | {totals['study']:,} | {totals['refused']:,} "
                f"| {totals['finding']:,} |",
                "",
                "A study may come with refused parts: an archive with one spoilt slice is read "
                "without it. Why inputs and parts were refused:",
                "",
                "| reason | times |",
                "|---|---:|",
                *[f"| {reason} | {times:,} |" for reason, times in reasons],
                "",
                "## Findings",
                "",
                *findings,
                "",
            ]
        )


def _watch(indices: "queue.SimpleQueue[int]", seed: int, tally: Tally) -> None:
    """Hand out inputs to a process, one at a time, and judge what becomes of it."""
    process = None
    while True:
        try:
            index = indices.get_nowait()
        except queue.Empty:
            break
        if process is None:
            process, ask, hear = _start(seed)
            tally.facts["starts"] += 1
        timer = threading.Timer(HANG_SECONDS, process.kill)
        timer.start()
        began = time.monotonic()
        with contextlib.suppress(BrokenPipeError):
            ask.write(f"{index}\n")
            ask.flush()
        line = hear.readline()
        timer.cancel()
        if line:
            result = json.loads(line)
        else:
            seconds = time.monotonic() - began
            is_late = seconds >= HANG_SECONDS
            what = "it hung" if is_late else f"the process ended with {process.wait()}"
            result = {"kind": make_input(seed, index).kind, "outcome": "finding", "what": what,
                      "seconds": seconds, "peak_mib": 0.0}  # fmt: skip
            process = None
        if result["outcome"] == "finding":
            made = make_input(seed, index)
            (OUT / f"finding-{seed}-{index}-{made.name}").write_bytes(made.data)
        tally.add(index, result)
        if process is not None and result["peak_mib"] > MAX_MEMORY_MIB:
            ask.close()  # its peak would be held against the next input
            process = None
    if process is not None:
        ask.close()
        process.wait()


def _start(seed: int) -> tuple["subprocess.Popen[str]", IO[str], IO[str]]:
    """A process to be watched, what it is asked by, and what it answers on."""
    process = subprocess.Popen(
        [sys.executable, __file__, "--worker", "--seed", str(seed)], text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    if process.stdin is None or process.stdout is None:
        raise ValueError("a process that is started with pipes has them")
    return process, process.stdin, process.stdout


def _work(seed: int) -> int:
    """The watched process: a number in, a result out."""
    processes._pool = KeptDecoders()
    warnings.simplefilter("ignore")
    logging.disable()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        made = make_input(seed, int(line))
        began = time.monotonic()
        result = _judge(made.name, made.data)
        if made.kind.endswith(" stream") and any(ENDED in r for r in result.get("reasons", [])):
            result |= {"outcome": "finding", "what": "it ended a decoder"}
        result |= {"kind": made.kind, "seconds": time.monotonic() - began, "peak_mib": _peak_mib()}
        if result["peak_mib"] > MAX_MEMORY_MIB and result["outcome"] != "finding":
            result |= {"outcome": "finding", "what": f"it took {result['peak_mib']:.0f} MiB"}
        answers.write(json.dumps(result) + "\n")
        answers.flush()
    return 0


def _judge(name: str, data: bytes) -> dict[str, Any]:
    try:
        study = read_parts([Part.from_bytes(name, data)])
    except InputError as error:
        return _judged("refused", [str(error)], [])
    except BaseException as error:
        place = error.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        where = "" if place is None else f"{Path(place.tb_frame.f_code.co_filename).name}"
        line = 0 if place is None else place.tb_lineno
        return {"outcome": "finding", "what": f"{type(error).__name__} at {where}:{line}"}
    said = [text for series in study.series for text in (*series.notes, series.description)]
    return _judged("study", [refusal.reason for refusal in study.refused], _of(study) + said)


def _of(study: Study) -> list[str]:
    return [f"{series.body_part} {series.modality}" for series in study.series]


def _judged(outcome: str, sentences: list[str], said: list[str]) -> dict[str, Any]:
    for text in (*sentences, *said):
        leaked = [canary for canary in CANARIES if canary.lower() in text.lower()]
        if leaked or "Traceback" in text or len(text) > LONGEST_SENTENCE or not text.isprintable():
            return {"outcome": "finding", "what": f"it said {text[:100]!r}"}
    for text in sentences:
        if not text.endswith(".") or not text[:1].isupper():
            return {"outcome": "finding", "what": f"no sentence: {text[:100]!r}"}
    return {"outcome": outcome, "reasons": sorted({_class(text) for text in sentences})}


def _class(sentence: str) -> str:
    """The first sentence without its numbers."""
    first = sentence.split(". ", maxsplit=1)[0].rstrip(".")
    first = first.removeprefix("None of ")
    first = re.sub(r"\(.*?\)|'.*?'", "(...)", first)
    return re.sub(r"-?\d[\d.,]*(e[+-]?\d+)?", "#", first).replace("|", "/")


def _peak_mib() -> float:
    try:
        import resource  # noqa: PLC0415  not on Windows
    except ImportError:
        return 0.0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main())
