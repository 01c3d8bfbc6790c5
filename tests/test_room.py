"""All studies of a process share its memory: who comes too late waits, then is told."""

import asyncio
import gc
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mr_files import mr_image, set_pixels, to_bytes

from asemble.core import room
from asemble.core.errors import InputError
from asemble.core.room import MIB, Room
from asemble.io import Part, limits, read_parts
from asemble.ui import memory

SOON = 60
"""Seconds in which a thread that may go on does; nothing is measured by it."""


class Thing:
    """What can be referred to weakly."""


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    small = Room(64 * MIB, wait_s=0.2)
    monkeypatch.setattr(room, "_room", small)
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
    of_all, told, entered = Room(100, wait_s=SOON), threading.Event(), threading.Event()

    def late() -> None:
        with of_all.enter(60, told.set):
            entered.set()

    with of_all.enter(60):
        thread = threading.Thread(target=late)
        thread.start()
        assert told.wait(SOON) and not entered.is_set()
    assert entered.wait(SOON)
    thread.join()
    assert of_all.used == 0


def test_who_waits_too_long_is_refused_with_a_code() -> None:
    of_all = Room(100, wait_s=0)
    with of_all.enter(60), pytest.raises(InputError, match="as many studies as") as refused:
        of_all.enter(60)
    assert refused.value.code == room.NO_ROOM


def test_what_never_fits_is_refused_at_once() -> None:
    with pytest.raises(InputError, match="more than this server gives") as refused:
        Room(100, wait_s=10**9).enter(101)
    assert refused.value.code == room.NO_ROOM


def test_of_two_that_hold_what_the_other_waits_for_one_is_refused_at_once() -> None:
    of_all, told, done = Room(100, wait_s=SOON), threading.Event(), threading.Event()

    def first() -> None:
        with of_all.enter(40, told.set) as held:
            held.grow(70, 70)
            done.set()

    with of_all.enter(40) as held:
        thread = threading.Thread(target=first)
        thread.start()
        assert told.wait(SOON)
        while not of_all._holders_waiting:
            thread.join(0.01)
        with pytest.raises(InputError):
            held.grow(70, 70)
    assert done.wait(SOON)
    thread.join()


def test_who_waits_for_much_holds_up_nobody_who_needs_less() -> None:
    of_all, told = Room(100, wait_s=SOON), threading.Event()

    def asks_for_too_much() -> None:
        with of_all.enter(10) as held:
            held._told = told.set
            held.grow(90, 90)

    with of_all.enter(20):
        thread = threading.Thread(target=asks_for_too_much)
        thread.start()
        assert told.wait(SOON)
        while not of_all.lacking:
            thread.join(0.01)
        assert of_all.lacking == 10
        with of_all.enter(20) as ordinary:  # neither waits nor is refused
            ordinary.grow(70, 70)
            assert of_all.used == 100
    thread.join()
    assert (of_all.used, of_all.lacking) == (0, 0)


def test_what_is_kept_holds_its_room_for_as_long_as_it_lives() -> None:
    of_all, thing = Room(100), Thing()
    with of_all.enter(80) as held:
        held.keep([(30, thing)])
    assert of_all.used == 30
    del thing
    gc.collect()
    assert of_all.used == 0


def test_an_open_study_holds_its_room_and_a_closed_one_gives_it_back(shared: Room) -> None:
    opened = read_parts(study(8))
    assert shared.used == limits.KEPT_BYTES_A_VOXEL * 8 * 256 * 256
    del opened
    gc.collect()
    assert shared.used == 0


def test_an_upload_without_room_is_told_so_and_leaves_nothing_behind(shared: Room) -> None:
    opened = [read_parts(study(40)), read_parts(study(40))]
    held, told = shared.used, []
    with pytest.raises(InputError) as refused:
        read_parts(study(100), waiting=lambda: told.append(1))
    assert refused.value.code == room.NO_ROOM and told
    assert shared.used == held
    del opened


def test_a_large_file_without_pixels_needs_room_too(shared: Room) -> None:
    with pytest.raises(InputError) as refused:
        read_parts([Part.from_bytes("a", bytes([1]) * (65 * MIB))])
    assert refused.value.code == room.NO_ROOM


def test_an_upload_that_is_refused_gives_its_room_back(shared: Room) -> None:
    with pytest.raises(InputError):
        read_parts([Part.from_bytes("a", b"no image at all")])
    assert shared.used == 0


def test_a_container_bounds_what_a_machine_has() -> None:
    size = room.machine_bytes()
    assert size is None or size > 64 * MIB


HELD_BELOW = """
    import resource
    import numpy as np
    from test_room import study
    from asemble.core.errors import InputError
    from asemble.io import Part, read_parts
    from asemble.ui import memory
    import asemble.models, torch  # as a server has it

    small, large = study(4), study(600)
    read_parts(small)
    used = [int(x.split()[1]) for x in open("/proc/self/status") if x.startswith("VmData")][0]
    memory._hold_below(used * 1024 + 32 * 2**20)
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


# Uploads that nobody has read.


class Answers:
    """The app behind the middleware: takes a body, and answers 204."""

    def __init__(self) -> None:
        self.taken = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise memory.ClientDisconnect
            self.taken += len(message.get("body", b""))
            more = message.get("more_body", False)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})


def put(size: int, *, said: int | None = None, piece: int = MIB) -> tuple[int, str, int]:
    """Status and words of the answer to an upload, and how much of it was taken in."""
    app, sent = Answers(), []
    pieces = [piece] * (size // piece)
    scope = {
        "type": "http", "method": "PUT", "path": f"{memory.UPLOAD}session/file",
        "headers": [] if said == -1 else [(b"content-length", str(said or size).encode())],
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        if not pieces:
            return {"type": "http.disconnect"}
        body = bytes(pieces.pop())
        return {"type": "http.request", "body": body, "more_body": bool(pieces)}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(memory.Uploads(app)(scope, receive, send))
    return sent[0]["status"], b"".join(m.get("body", b"") for m in sent[1:]).decode(), app.taken


@pytest.fixture
def budget(monkeypatch: pytest.MonkeyPatch) -> Any:
    kept = memory._Budget()
    kept.total = 20 * MIB
    stored: dict[str, int] = {}
    monkeypatch.setattr(memory, "_budget", kept)
    monkeypatch.setattr(memory, "WAIT_S", 0)
    monkeypatch.setattr(memory, "_stored", lambda: stored)
    return stored


def test_an_upload_is_taken_where_there_is_room(budget: Any) -> None:
    assert put(8 * MIB)[::2] == (204, 8 * MIB)
    assert not memory._budget.coming


def test_unread_uploads_of_others_leave_no_room(budget: Any) -> None:
    budget["other"] = 15 * MIB
    assert put(8 * MIB) == (507, memory.FULL, 0)


def test_a_file_that_never_fits_is_told_how_large_it_may_be(budget: Any) -> None:
    status, sentence, taken = put(11 * MIB)
    assert (status, taken) == (413, 0)
    assert "larger than the 10 MiB" in sentence


def test_an_upload_waits_until_others_are_read(
    budget: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "WAIT_S", SOON)
    budget["other"] = 15 * MIB
    looked = []

    async def read_meanwhile(_seconds: float) -> None:
        looked.append(1)
        budget.clear()

    monkeypatch.setattr(memory.asyncio, "sleep", read_meanwhile)
    assert put(8 * MIB)[0] == 204 and looked


@pytest.mark.parametrize(
    ("held", "age_s", "status"),
    [(15, 2 * memory.UNREAD_S, 204), (15, 0, 507), (7, 2 * memory.UNREAD_S, 507)],
)
def test_who_holds_most_and_does_not_read_it_gives_where_others_have_no_room(
    budget: Any, monkeypatch: pytest.MonkeyPatch, held: int, age_s: float, status: int
) -> None:
    told: list[tuple[str, str]] = []
    monkeypatch.setattr(memory, "WAIT_S", 0.05)
    monkeypatch.setattr(memory, "LOOKS_EVERY_S", 0.01)
    monkeypatch.setattr(memory, "_forget", budget.pop)
    monkeypatch.setattr(memory, "_say", lambda *said: told.append(said))
    budget.update(other=held * MIB, another=3 * MIB)
    memory._budget.came_at = dict.fromkeys(budget, time.monotonic() - age_s)
    assert put(9 * MIB if held == 7 else 8 * MIB)[0] == status
    assert (("other", memory.GIVEN_UP) in told) is (status == 204)
    assert "another" in budget


def test_since_when_something_waits_is_not_changed_by_more_that_comes(budget: Any) -> None:
    budget["session"] = MIB
    put(MIB)
    first = memory._budget.came_at["session"]
    put(MIB)
    assert memory._budget.came_at == {"session": first}
    budget.clear()
    put(MIB)
    assert not memory._budget.came_at


def test_files_of_one_session_have_a_limit_together(budget: Any) -> None:
    memory._budget.total = None
    budget["session"] = limits.MAX_PACKED_BYTES
    assert put(8 * MIB) == (413, memory.TOO_MUCH, 0)


def test_an_upload_is_counted_as_it_comes_whatever_it_says(budget: Any) -> None:
    status, sentence, taken = put(40 * MIB, said=10)
    assert (status, sentence) == (507, memory.FULL)
    assert taken <= 10 * MIB
    assert not memory._budget.coming
    assert put(MIB, said=-1) == (411, memory.UNKNOWN_LENGTH, 0)


def test_the_operators_page_says_how_memory_is_parted() -> None:
    page = (Path(__file__).parents[1] / "docs" / "operations.md").read_text(encoding="utf-8")
    rest = 6 * 1024 * MIB - memory.BASE
    for part in (memory.BASE, int(memory.STUDIES * rest), int(memory.UPLOADS * rest)):
        assert f"| {part // MIB:,} MiB |" in page
    assert f"reading takes {limits.BYTES_A_VOXEL} bytes a voxel, an open study " in page
    assert f"an open study {limits.KEPT_BYTES_A_VOXEL} |" in page
    assert f"may have {memory.SOCKET_BYTES // MIB} MiB" in page
    assert f"session beyond {limits.MAX_PACKED_BYTES // MIB:,} MiB" in page
    assert memory.MEMORY in page and room.NO_ROOM in page and room.NO_MEMORY in page
