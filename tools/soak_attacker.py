"""The attacker of the soak test: one session that tries to take memory and turns from all others.

Over and over, each from a session of its own: a header of megabytes, JPEG 2000 that takes long to
decode, a study near the limits, and uploads that nobody reads. The server may refuse any of it, but
may show nobody else a wrong number, a fault or no answer.
"""

import io
import urllib.error
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping

import numpy as np
from codec_files import CODECS, dicom
from mr_files import mr_image, set_pixels, to_bytes
from streamlit_client import PageError, StreamlitClient

from asemble.io.limits import MIB

PATIENCE_S = 120.0
"""So long the attacker waits for anything; a server may let it wait."""
HEADER_BYTES = 16 * MIB
SLOW_SIDE, SLOW_FILES = 2048, 6
LARGE_SIDE, LARGE_SLICES = 1024, 96
UNREAD_BYTES, UNREAD_FILES = 64 * MIB, 6


def archives() -> dict[str, bytes]:
    """What is uploaded and read, by what it attacks."""
    image = mr_image(0)
    image.ImageComments = "A\\B\\C " * (HEADER_BYTES // 6)
    header = to_bytes(image)
    syntax, encode = CODECS["JPEG 2000"]
    noise = np.random.default_rng(0).integers(0, 4096, (SLOW_SIDE, SLOW_SIDE)).astype("<u2")
    slow = dicom(encode(noise), syntax, noise)
    return {
        "a header of megabytes": _zip([header]),
        "slow JPEG 2000": _zip([slow] * SLOW_FILES),
        "a study near the limits": _zip([_large(index) for index in range(LARGE_SLICES)]),
    }


def attack_on(address: str, goes_on: Callable[[], bool]) -> Counter[str]:
    """Attack until it is over; how often each way was tried."""
    inputs = archives()
    tried: Counter[str] = Counter()
    while goes_on():
        for what in (*inputs, "uploads that nobody reads"):
            if goes_on():
                tried[what] += 1
                _try(address, what, inputs)
    return tried


def _try(address: str, what: str, inputs: Mapping[str, bytes]) -> None:
    try:
        with StreamlitClient(address, patience_s=PATIENCE_S) as client:
            client.wait()
            if what in inputs:
                client.upload("DICOM", "attack.zip", inputs[what])
                client.click("Read the upload")
                return
            for number in range(UNREAD_FILES):
                client.upload("DICOM", f"{number}.bin", bytes(UNREAD_BYTES))
    except (PageError, OSError, urllib.error.URLError, TimeoutError):
        return  # refused, or left to wait: both are the server's right


def _large(index: int) -> bytes:
    image = mr_image(index)
    set_pixels(image, np.full((LARGE_SIDE, LARGE_SIDE), 100 + index, np.uint16))
    return to_bytes(image)


def _zip(files: list[bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, content in enumerate(files):
            archive.writestr(f"{number}.dcm", content)
    return out.getvalue()
