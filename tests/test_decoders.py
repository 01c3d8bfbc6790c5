"""The decoder processes: a crash, a hang or a lie costs one file, never the server."""

import io
import os
import platform
import signal
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mr_files import mr_image, set_pixels, to_bytes
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, RLELossless

from asemble.core.errors import FileError, InputError
from asemble.io import Part, limits, read_parts
from asemble.io.decode import processes, protocol
from asemble.io.decode.processes import DecoderPool, RefusedError, Share

FAKE = """
import os, struct, sys, time
from asemble.io.decode import protocol
requests, answers = sys.stdin.buffer, sys.stdout.buffer
while True:
    request = protocol.receive_header(requests)
    payload = bytearray(request["size"])
    protocol.receive_into(requests, payload)
    word, to = bytes(payload).decode(), {"id": request["id"]}
    if word == "crash":
        os.abort()
    if word == "hang":
        time.sleep(600)
    if word == "nonsense":
        answers.write(bytes([255] * 5000))
        answers.flush()
    if word == "much":
        protocol.send(answers, {**to, "dtype": "<u2", "shape": [40000, 40000]}, b"")
    if word == "short":
        answers.write(struct.pack(">L", 59) + b'{"id": 1, "dtype": "<u2", "shape": [2, 3], "size": 12}     ')
        answers.flush()
        os._exit(0)
    if word == "object":
        protocol.send(answers, {**to, "dtype": "O", "shape": [2, 3]}, bytes(48))
    if word == "stale":
        protocol.send(answers, {"id": 0, "dtype": "<u2", "shape": [2, 3]}, bytes(12))
    if word == "pid":
        values = struct.pack("<6q", *[os.getpid()] * 6)
        protocol.send(answers, {**to, "dtype": "<i8", "shape": [2, 3]}, values)
        continue
    protocol.send(answers, {**to, "dtype": "<u2", "shape": [2, 3]}, struct.pack("<6H", *range(6)))
"""  # noqa: E501
"""A decoder that does what the payload says."""

FILTERED = ("x86_64", "aarch64")
LIES = ["crash", "nonsense", "much", "short", "object", "stale"]


@pytest.fixture
def pool() -> Iterator[DecoderPool]:
    pool = DecoderPool(1, command=(sys.executable, "-P", "-c", FAKE))
    yield pool
    pool.close()


def ask(pool: DecoderPool, word: str) -> Any:
    return pool.decode({}, word.encode(), check=lambda dtype, shape: shape == (2, 3))


@pytest.mark.parametrize("word", LIES)
def test_a_decoder_that_crashes_or_lies_costs_one_file(pool: DecoderPool, word: str) -> None:
    with pytest.raises(FileError, match="made the decoder stop"):
        ask(pool, word)
    assert ask(pool, "fine").tolist() == [[0, 1, 2], [3, 4, 5]]


def test_a_decoder_that_hangs_is_ended_in_time(
    pool: DecoderPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ask(pool, "fine") is not None  # started
    monkeypatch.setattr(limits, "MAX_DECODE_SECONDS", 0.3)
    with pytest.raises(FileError, match=r"longer than 0.3 seconds"):
        ask(pool, "hang")  # ten minutes
    monkeypatch.setattr(limits, "MAX_DECODE_SECONDS", 20)
    assert ask(pool, "fine") is not None


def test_who_waits_too_long_for_a_decoder_is_told(
    pool: DecoderPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_WAIT_SECONDS", 0.1)
    monkeypatch.setattr(limits, "MAX_DECODE_SECONDS", 2)
    before = decoders()
    with ThreadPoolExecutor() as threads:
        hanging = threads.submit(ask, pool, "hang")
        while decoders() == before:  # it has no place yet
            time.sleep(0.01)
        with pytest.raises(FileError, match="too busy"):
            ask(pool, "fine")
        assert isinstance(hanging.exception(), FileError)


def test_slow_images_hold_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SLOW_SECONDS", 0.1)
    pool = DecoderPool(1, command=(sys.executable, "-P", "-c", FAKE))
    with ThreadPoolExecutor() as threads:
        slow = threads.submit(ask, pool, "hang")
        while not (behind := [d for d in decoders() if os.getpriority(os.PRIO_PROCESS, d) > 0]):
            time.sleep(0.01)
        assert ask(pool, "fine") is not None
        assert not slow.done()
        (process,) = behind
        os.kill(process, signal.SIGKILL)
        assert isinstance(slow.exception(), FileError)
    pool.close()


def decoders() -> list[int]:
    """Processes that this one started and that still run."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == os.getpid() and fields[0] != "Z":
            found.append(int(status.parent.name))
    return found


def test_of_those_who_wait_the_upload_that_took_least_comes_first() -> None:
    places, order = processes.Places(1), []

    def decode(name: str, share: Share) -> None:
        with places.place(share):
            order.append(name)

    begun = []
    with ThreadPoolExecutor() as threads, places.place(Share()):
        for name, spent in (("much", 4.0), ("more", 4.5), ("little", 0.5)):
            begun.append(threads.submit(decode, name, Share(spent)))
            while places.waiting < len(begun):
                time.sleep(0.01)
    assert order == ["little", "much", "more"]


def test_uploads_that_took_much_leave_the_places_of_the_others() -> None:
    places, heavy = processes.Places(2), Share(limits.LIGHT_SECONDS + 1)
    waiting = threading.Event()

    def second() -> None:
        waiting.set()
        with places.place(heavy):
            pass

    with ThreadPoolExecutor() as threads:
        with places.place(heavy):
            behind = threads.submit(second)
            assert waiting.wait(60)
            with places.place(Share()), places.place(Share()):  # both at once, beside it
                assert not behind.done()
        behind.result(60)


def test_an_upload_has_so_many_seconds_of_all_decoders_together(
    pool: DecoderPool, share: Share
) -> None:
    processes.take_part(Share(limits.MAX_DECODER_SECONDS + 1))
    with pytest.raises(FileError, match="took more than 180 seconds") as refused:
        ask(pool, "fine")
    assert refused.value.code == "decoder-seconds"
    processes.take_part(share)
    assert ask(pool, "fine") is not None
    assert share.spent > 0


def test_a_decoder_that_cannot_be_started_costs_one_file() -> None:
    pool = DecoderPool(1, command=("/nonexistent/python",))
    for _ in range(2):  # the place is free again
        with pytest.raises(FileError, match="too busy"):
            ask(pool, "fine")


def test_the_memory_of_one_image_does_not_bound_the_next() -> None:
    small = (
        "from asemble.io import limits\nfrom asemble.io.decode import worker\n"
        "limits.DECODER_BYTES = 150 * limits.MIB; worker.main()"
    )
    pool = DecoderPool(1, command=(sys.executable, "-P", "-c", small))
    for size in (1, 150 * limits.MIB):
        with pytest.raises(RefusedError, match="damaged"):
            pool.decode({"kind": "picture"}, bytes(size), check=lambda *_: True)
    pool.close()


@pytest.fixture
def share() -> Iterator[Share]:
    """This thread reads an upload."""
    share = Share()
    processes.take_part(share)
    yield share
    processes.take_part(None)


def pid(pool: DecoderPool) -> int:
    return int(ask(pool, "pid")[0, 0])


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.usefixtures("share")
def test_a_process_is_kept_and_one_that_died_between_images_is_replaced(pool: DecoderPool) -> None:
    first, again = pid(pool), pid(pool)
    assert first == again
    os.kill(first, signal.SIGKILL)
    until = time.monotonic() + 10
    while first in decoders() and time.monotonic() < until:
        time.sleep(0.01)
    assert pid(pool) != first


def test_a_process_that_saw_an_upload_never_sees_another(pool: DecoderPool, share: Share) -> None:
    first = pid(pool)
    processes.take_part(other := Share())
    second = pid(pool)
    assert second != first  # while the first upload goes on
    assert is_running(first)
    pool.let_go(share)
    pool.let_go(other)
    assert not is_running(first) and not is_running(second)
    processes.take_part(share)
    assert pid(pool) != first


def test_a_process_for_one_image_alone_ends_with_it(pool: DecoderPool) -> None:
    assert not is_running(pid(pool))


@pytest.mark.usefixtures("share")
def test_as_many_uploads_as_possible_have_a_process_that_waits() -> None:
    pool = DecoderPool(2, command=(sys.executable, "-P", "-c", FAKE))
    beside = []  # a second process of this upload, while the first is at work

    def check(_dtype: object, _shape: object) -> bool:
        beside.append(pid(pool))
        return True

    own = int(pool.decode({}, b"pid", check=check)[0, 0])
    others = []
    for _ in range(2 * processes.KEPT_FOR_EACH - 1):
        processes.take_part(Share())
        others.append(pid(pool))
    assert all(map(is_running, others))
    assert sorted(map(is_running, [own, *beside])) == [False, True]
    pool.close()


def test_those_that_have_seen_nothing_are_ready_for_the_next_upload(share: Share) -> None:
    pool, before = DecoderPool(2), set(decoders())
    assert pool.is_filtered is None
    pool.keep_ready()
    assert pool.is_filtered is (sys.platform == "linux" and platform.machine() in FILTERED)
    ready = set(decoders()) - before
    assert len(ready) == 2
    picture = io.BytesIO()
    Image.new("L", (9, 5)).save(picture, "PNG")
    pool.decode({"kind": "picture"}, picture.getvalue(), check=lambda *_: True)
    assert set(decoders()) - before == ready
    pool.let_go(share)
    until = time.monotonic() + limits.MAX_START_SECONDS
    while len(now := set(decoders()) - before) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    assert len(now) == 2 and len(now & ready) == 1  # what saw an upload has ended
    pool.close()
    while any(map(is_running, now)) and time.monotonic() < until:  # one may just be starting
        time.sleep(0.05)
    assert not any(map(is_running, now))


def test_every_upload_has_decoders_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    before, seen = set(decoders()), set()

    class Watched(DecoderPool):
        def let_go(self, share: Share) -> None:
            seen.update(set(decoders()) - before)
            super().let_go(share)

    pool = Watched(1)
    monkeypatch.setattr(processes, "pool", lambda: pool)
    for _ in range(2):
        read_parts([Part.from_bytes(str(i), to_bytes(compressed(i))) for i in range(3)])
    assert len(seen) == 2 and not any(map(is_running, seen))


def test_a_study_goes_on_after_a_decoder_crashed(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = DecoderPool(1, command=(sys.executable, "-c", ""))
    monkeypatch.setattr(processes, "pool", lambda: pool)
    files = [to_bytes(compressed(0)), *(to_bytes(mr_image(i)) for i in range(3))]
    study = read_parts([Part.from_bytes(f"f{i}", data) for i, data in enumerate(files)])
    (refusal,) = study.refused
    assert refusal.name == "f0"
    assert "made the decoder stop" in refusal.reason
    assert study.series[0].volume.shape[0] == 3


def compressed(index: int, shape: tuple[int, int] = (6, 5), seed: int = 0) -> Any:
    image = mr_image(index)
    noise = np.random.default_rng([seed, index]).integers(0, 4096, shape)
    set_pixels(image, noise.astype(np.uint16))
    image.compress(RLELossless)
    return image


def test_many_threads_get_their_own_pixels() -> None:
    studies = [[to_bytes(compressed(i, (16, 12), seed)) for i in range(4)] for seed in range(6)]

    def voxels(files: list[bytes]) -> Any:
        parts = [Part.from_bytes(f"{i}", data) for i, data in enumerate(files)]
        return read_parts(parts).series[0].volume.voxels

    with ThreadPoolExecutor(6) as threads:
        for seed, found in enumerate(threads.map(voxels, studies)):
            for index in range(4):
                noise = np.random.default_rng([seed, index]).integers(0, 4096, (16, 12))
                assert np.array_equal(found[index], noise)


@pytest.mark.skipif(processes.DECODERS < 2, reason="one processor decodes one image at a time")
def test_a_study_is_decoded_by_several_at_once_and_keeps_its_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool, running, most = processes.pool(), [0], [0]

    class Slow:
        def decode(self, request: dict[str, Any], payload: Any, *, check: Any) -> Any:
            running[0] += 1
            most[0] = max(most[0], running[0])
            time.sleep(0.05)
            try:
                return pool.decode(request, payload, check=check)
            finally:
                running[0] -= 1

        def let_go(self, share: Share) -> None:
            pool.let_go(share)

    monkeypatch.setattr(processes, "pool", Slow)
    images = [compressed(i, (16, 12)) for i in range(6)]
    images[0].Rows = images[5].Rows = 40
    parts = [Part.from_bytes(f"{i}", to_bytes(image)) for i, image in enumerate(images)]
    study = read_parts(parts)
    assert most[0] == processes.DECODERS
    assert [refusal.name for refusal in study.refused] == ["0", "5"]


def test_pixels_that_are_fewer_than_the_header_says_are_refused() -> None:
    image = compressed(0, (16, 12))
    image.Rows = 20
    parts = [Part.from_bytes("a", to_bytes(image)), Part.from_bytes("b", to_bytes(mr_image(1)))]
    (refusal,) = read_parts(parts).refused
    assert refusal.name == "a"


@pytest.mark.parametrize(
    ("kind", "syntax", "options"),
    [("JPEG", JPEGBaseline8Bit, {}), ("JPEG2000", JPEG2000Lossless, {"no_jp2": True})],
)
def test_pixels_that_outgrow_their_header_are_refused(
    kind: str, syntax: str, options: dict[str, bool]
) -> None:
    packed = io.BytesIO()
    Image.new("L", (3000, 3000)).save(packed, kind, **options)
    image = mr_image(0, BitsAllocated=8, BitsStored=8, HighBit=7)
    image.file_meta.TransferSyntaxUID = syntax
    image.PixelData = encapsulate([packed.getvalue()])
    image["PixelData"].VR, image["PixelData"].is_undefined_length = "OB", True
    began = time.monotonic()
    with pytest.raises(InputError, match="damaged or cut off"):
        read_parts([Part.from_bytes("a", to_bytes(image))])
    assert time.monotonic() - began < 5


def test_a_picture_that_claims_to_be_huge_is_refused_at_its_header() -> None:
    header = b"IHDR" + struct.pack(">LLBBBBB", 30_000, 30_001, 8, 0, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n\0\0\0\r" + header + struct.pack(">L", zlib.crc32(header))
    with pytest.raises(InputError, match="This picture has more than 16 million pixels"):
        read_parts([Part.from_bytes("a.png", start + b"\0\0\0\0IDAT\x35\xaf\x06\x1e")])


def test_a_decoder_starts_light_and_knows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASEMBLE_SECRET", "hidden")
    look = "import sys, os; from asemble.io.decode import worker; print(*sys.modules, *os.environ)"
    command = [sys.executable, "-P", "-c", look]
    environment = processes.environment()
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    for heavy in ("torch", "streamlit", "pydicom", "nibabel", "numpy", "PIL", "ASEMBLE_SECRET"):
        assert heavy not in said.stdout.split()


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for processes in /proc")
def test_no_decoder_outlives_a_server_that_is_killed() -> None:
    server = (
        "import sys; from asemble.io.decode import processes; pool = processes.pool()\n"
        "processes.take_part(processes.Share())\n"
        "try: pool.decode({'kind': 'picture'}, b'', check=lambda *_: True)\n"
        "except processes.RefusedError: pass\n"
        "print(open('/proc/thread-self/children').read(), flush=True); sys.stdin.read()"
    )
    path = os.pathsep.join(entry for entry in sys.path if entry)
    process = subprocess.Popen(
        [sys.executable, "-c", server], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env={"PYTHONPATH": path},
    )  # fmt: skip
    assert process.stdout is not None
    decoder = Path("/proc") / process.stdout.readline().decode().strip()
    assert decoder.exists()
    process.kill()
    process.communicate()
    until = time.monotonic() + 10
    while decoder.exists() and "Z" not in (decoder / "stat").read_text().split(")")[1]:
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_message_is_what_was_sent_and_a_header_is_bounded() -> None:
    stream = io.BytesIO()
    protocol.send(stream, {"kind": "x"}, b"abc")
    stream.seek(0)
    assert protocol.receive_header(stream) == {"kind": "x", "size": 3}
    assert stream.read() == b"abc"
    for bad in (b"", b"\0\0\0\5ab", b"\xff\xff\xff\xff", b"\0\0\0\2[]", b"\0\0\0\2{}"):
        with pytest.raises(protocol.WireError):
            protocol.receive_header(io.BytesIO(bad))


def test_a_decoder_says_why_it_does_not_decode() -> None:
    with pytest.raises(RefusedError, match="damaged"):
        processes.pool().decode({"kind": "picture"}, b"no picture", check=lambda *_: True)
