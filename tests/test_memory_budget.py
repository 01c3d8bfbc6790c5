"""All studies of a process share its memory: who comes too late waits, then is told."""

import gc
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from mr_files import mr_image, set_pixels, to_bytes

from asemble.core import memory_budget
from asemble.core.errors import InputError
from asemble.core.memory_budget import MIB, MemoryBudget
from asemble.io import Part, limits, read_parts
from asemble.ui import connections, memory

SOON = 60
"""Seconds in which a thread that may go on does; nothing is measured by it."""


class Thing:
    """What can be referred to weakly."""


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryBudget]:
    small = MemoryBudget(64 * MIB, wait_s=0.2)
    monkeypatch.setattr(memory_budget, "shared", lambda: small)
    monkeypatch.setattr(limits, "FIRST_BYTES", MIB)
    yield small
    gc.collect()


def study(slices: int, side: int = 256) -> list[Part]:
    parts = []
    for index in range(slices):
        image = mr_image(index)
        set_pixels(image, np.random.default_rng(index).integers(0, 999, (side, side), np.uint16))
        parts.append(Part.from_bytes(f"{index}", to_bytes(image)))
    return parts


def test_who_comes_too_late_is_told_waits_and_then_goes_on() -> None:
    of_all, told, entered = MemoryBudget(100, wait_s=SOON), threading.Event(), threading.Event()

    def late() -> None:
        with of_all.reserve(60, told.set):
            entered.set()

    with of_all.reserve(60):
        thread = threading.Thread(target=late)
        thread.start()
        assert told.wait(SOON) and not entered.is_set()
    assert entered.wait(SOON)
    thread.join()
    assert of_all.used == 0


def test_who_waits_too_long_is_refused_with_a_code() -> None:
    of_all = MemoryBudget(100, wait_s=0)
    with of_all.reserve(60), pytest.raises(InputError, match="as many studies as") as refused:
        of_all.reserve(60)
    assert refused.value.code == memory_budget.NO_ROOM


def test_what_never_fits_is_refused_at_once() -> None:
    with pytest.raises(InputError, match="more than this server gives") as refused:
        MemoryBudget(100, wait_s=10**9).reserve(101)
    assert refused.value.code == memory_budget.NO_ROOM


def test_of_two_that_hold_what_the_other_waits_for_one_is_refused_at_once() -> None:
    of_all, told, done = MemoryBudget(100, wait_s=SOON), threading.Event(), threading.Event()

    def first() -> None:
        with of_all.reserve(40, told.set) as held:
            held.grow(70, 70)
            done.set()

    with of_all.reserve(40) as held:
        thread = threading.Thread(target=first)
        thread.start()
        assert told.wait(SOON)
        while not of_all.lacking:
            thread.join(0.01)
        with pytest.raises(InputError):
            held.grow(70, 70)
    assert done.wait(SOON)
    thread.join()


def test_who_waits_for_much_holds_up_nobody_who_needs_less() -> None:
    of_all, told = MemoryBudget(100, wait_s=SOON), threading.Event()

    def asks_for_too_much() -> None:
        with of_all.reserve(10, told.set) as held:
            held.grow(90, 90)

    with of_all.reserve(20):
        thread = threading.Thread(target=asks_for_too_much)
        thread.start()
        assert told.wait(SOON)
        while not of_all.lacking:
            thread.join(0.01)
        assert of_all.lacking == 10
        with of_all.reserve(20) as ordinary:  # neither waits nor is refused
            ordinary.grow(70, 70)
            assert of_all.used == 100
    thread.join()
    assert (of_all.used, of_all.lacking) == (0, 0)


def test_what_is_kept_holds_its_room_for_as_long_as_it_lives() -> None:
    of_all, thing = MemoryBudget(100), Thing()
    with of_all.reserve(80) as held:
        held.keep([(30, thing)])
    assert of_all.used == 30
    del thing
    gc.collect()
    assert of_all.used == 0


def test_an_open_study_holds_its_room_and_a_closed_one_gives_it_back(shared: MemoryBudget) -> None:
    opened = read_parts(study(8))
    assert shared.used == limits.KEPT_BYTES_A_VOXEL * 8 * 256 * 256
    del opened
    gc.collect()
    assert shared.used == 0


def test_an_upload_without_room_is_told_so_and_leaves_nothing_behind(shared: MemoryBudget) -> None:
    opened = [read_parts(study(40)), read_parts(study(40))]
    held, told = shared.used, []
    with pytest.raises(InputError) as refused:
        read_parts(study(100), waiting=lambda: told.append(1))
    assert refused.value.code == memory_budget.NO_ROOM and told
    assert shared.used == held
    del opened


def test_a_large_file_without_pixels_needs_room_too(shared: MemoryBudget) -> None:
    with pytest.raises(InputError) as refused:
        read_parts([Part.from_bytes("a", bytes([1]) * (65 * MIB))])
    assert refused.value.code == memory_budget.NO_ROOM


def test_an_upload_that_is_refused_gives_its_room_back(shared: MemoryBudget) -> None:
    with pytest.raises(InputError):
        read_parts([Part.from_bytes("a", b"no image at all")])
    assert shared.used == 0


def test_a_container_bounds_what_a_machine_has() -> None:
    size = memory_budget.machine_bytes()
    assert size is None or size > 64 * MIB


HELD_BELOW = """
    import resource
    import numpy as np
    from test_memory_budget import study
    from asemble.core.errors import InputError
    from asemble.io import Part, read_parts
    from asemble.ui import connections, memory
    import asemble.models, torch  # as a server has it

    small, large = study(4), study(600)
    read_parts(small)
    used = [int(x.split()[1]) for x in open("/proc/self/status") if x.startswith("VmData")][0]
    memory.hold_below(used * 1024 + 32 * 2**20)
    try:
        read_parts(large)
    except InputError as error:
        print(error.code, error)
    print(len(read_parts(small).series), float(torch.ones(64, 64).matmul(torch.ones(64, 64)).sum()))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_DATA bounds mappings on Linux alone")
def test_what_takes_more_than_the_process_may_have_costs_its_study_alone() -> None:
    tests = Path(__file__).parent
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(HELD_BELOW)],
        cwd=tests, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("no-memory There was not enough memory for this study")
    assert ran.stdout.endswith("1 262144.0\n")


def test_the_operators_page_says_how_memory_is_parted() -> None:
    page = (Path(__file__).parents[1] / "docs" / "operations.md").read_text(encoding="utf-8")
    rest = 6 * 1024 * MIB - memory.BASE
    for part in (memory.BASE, int(memory.STUDIES * rest), int(memory.UPLOADS * rest)):
        assert f"| {part // MIB:,} MiB |" in page
    assert f"reading takes {limits.BYTES_A_VOXEL} bytes a voxel, an open study " in page
    assert f"an open study {limits.KEPT_BYTES_A_VOXEL} |" in page
    assert f"may have {connections.MESSAGE_BYTES // MIB} MiB" in page
    assert f"those that have not all come {connections.UNFINISHED_BYTES // MIB} MiB" in page
    assert f"session beyond {limits.MAX_PACKED_BYTES // MIB:,} MiB" in page
    assert (
        memory.MEMORY in page and memory_budget.NO_ROOM in page and memory_budget.NO_MEMORY in page
    )
