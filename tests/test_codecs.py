"""Native decoders at arm's length: what they may do, and what spoilt streams do to them."""

import io
import random
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import jpeg_ls
import numpy as np
import pytest
from mr_files import mr_image, set_pixels, to_bytes
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, JPEGLSLossless

from asemble.core.errors import InputError
from asemble.io import Part, decoders, read_parts
from asemble.io.decoders import DecoderPool, RefusedError

SPOILT = 60
"""Streams by codec; `make fuzz` tries thousands."""

WORK = """
import os, signal, socket, sys
from asemble.io import confined
from asemble.io.decoder import _import_all
_import_all()
filtered = confined.confine()
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


def smooth(side: int = 96) -> np.ndarray:
    rng = np.random.default_rng(5)
    return (np.add.outer(np.arange(side), np.arange(side)) * 8 + rng.integers(0, 50)).astype("<u2")


def wavelet(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG2000", irreversible=False, no_jp2=True)
    return out.getvalue()


def cosines(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray((pixels >> 4).astype(np.uint8)).save(out, "JPEG")
    return out.getvalue()


CODECS: dict[str, tuple[str, Callable[[np.ndarray], bytes]]] = {
    "JPEG 2000": (JPEG2000Lossless, wavelet),
    "JPEG-LS": (JPEGLSLossless, lambda pixels: bytes(jpeg_ls.encode_array(pixels))),
    "JPEG": (JPEGBaseline8Bit, cosines),
}


def dicom(stream: bytes, syntax: str, pixels: np.ndarray) -> bytes:
    image = mr_image(0)
    set_pixels(image, pixels)
    image.file_meta.TransferSyntaxUID = syntax
    if syntax == JPEGBaseline8Bit:
        image.BitsAllocated = image.BitsStored = 8
        image.HighBit = 7
    image.PixelData = encapsulate([stream])
    image["PixelData"].VR, image["PixelData"].is_undefined_length = "OB", True
    return to_bytes(image)


def spoilt(stream: bytes, rng: random.Random) -> bytes:
    altered = bytearray(stream)
    for _ in range(rng.choice((1, 1, 2, 4, 8))):
        end = min(len(altered), 200) if rng.random() < 0.6 else len(altered)
        altered[rng.randrange(end)] = rng.choice((0, 255, 127, 128, rng.randrange(256)))
    return bytes(altered)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limits")
def test_a_decoder_opens_no_file_and_no_connection_and_reaches_no_process() -> None:
    command = [sys.executable, "-P", "-c", WORK]
    ran = subprocess.run(
        command, env=decoders._environment(), capture_output=True, text=True, check=True
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
    monkeypatch.setattr(decoders, "pool", lambda: pool)
    started: list[Any] = []
    start = decoders._Decoder.__init__

    def counted(decoder: Any, command: Any) -> None:
        started.append(1)
        start(decoder, command)

    monkeypatch.setattr(decoders._Decoder, "__init__", counted)
    for _ in range(SPOILT):
        try:
            read_parts([Part.from_bytes("a", dicom(spoilt(stream, rng), syntax, pixels))])
        except InputError as error:
            assert str(error)
    pool.close()
    assert len(started) == 1


def test_a_decoder_that_was_asked_for_a_picture_reads_dicom_after() -> None:
    pool = DecoderPool(1)
    with pytest.raises(RefusedError):
        pool.decode({"kind": "picture"}, b"", check=lambda *_: True)
    pool.close()
