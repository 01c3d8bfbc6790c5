"""Native decoders at arm's length: what they may do, and what spoilt streams do to them."""

import contextlib
import random
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from codec_files import CODECS, dicom, smooth, spoilt

from asemble.core.errors import InputError
from asemble.io import Part, read_parts
from asemble.io.decode import processes
from asemble.io.decode.processes import DecoderPool, RefusedError

SPOILT = 60
"""Streams by codec; `make fuzz` tries thousands."""

WORK = """
import os, signal, socket, sys
from asemble.io.decode import sandbox
from asemble.io.decode.worker import import_all
import_all()
filtered = sandbox.confine()
def tried(what):
    try:
        what()
    except OSError as error:
        return type(error).__name__
    return "done"
print(filtered, *map(tried, (
    lambda: open("/etc/hostname"), lambda: open("x", "w"), lambda: socket.socket(),
    lambda: os.pipe(), *([
        lambda: os.rename("a", "b"), lambda: os.kill(os.getppid(), 0), lambda: os.fork(),
        lambda: os.listdir("/"), lambda: os.stat("/"),
    ] if filtered else []),
)))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limits")
def test_a_decoder_opens_no_file_and_no_connection_and_reaches_no_process() -> None:
    command = [sys.executable, "-P", "-c", WORK]
    ran = subprocess.run(
        command, env=processes.environment(), capture_output=True, text=True, check=True
    )
    filtered, *said = ran.stdout.split()
    assert len(said) == (9 if filtered == "True" else 4)
    assert set(said) <= {"PermissionError", "OSError"}, said


@pytest.mark.parametrize("codec", CODECS)
def test_a_confined_decoder_reads_every_codec(codec: str) -> None:
    syntax, encode = CODECS[codec]
    pixels = smooth()
    (series,) = read_parts([Part.from_bytes("a", dicom(encode(pixels), syntax, pixels))]).series
    if codec != "JPEG":  # which loses
        np.testing.assert_array_equal(series.volume.voxels[0], pixels)


@pytest.mark.parametrize("codec", ["JPEG 2000", "JPEG-LS", "JPEG"])
def test_spoilt_streams_end_no_decoder(codec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    syntax, encode = CODECS[codec]
    pixels, rng = smooth(), random.Random(7)
    stream = encode(pixels)
    pool = DecoderPool(1)
    monkeypatch.setattr(processes, "pool", lambda: pool)
    started: list[Any] = []
    start = processes._Decoder.__init__

    def counted(decoder: Any, command: Any) -> None:
        started.append(1)
        start(decoder, command)

    monkeypatch.setattr(processes._Decoder, "__init__", counted)
    files = [dicom(spoilt(stream, rng), syntax, pixels) for _ in range(SPOILT)]
    with contextlib.suppress(InputError):  # of one upload, which has a process of its own
        read_parts([Part.from_bytes(str(number), each) for number, each in enumerate(files)])
    pool.close()
    assert len(started) == 1


def test_a_decoder_that_was_asked_for_a_picture_reads_dicom_after() -> None:
    pool = DecoderPool(1)
    with pytest.raises(RefusedError):
        pool.decode({"kind": "picture"}, b"", check=lambda *_: True)
    pool.close()
