"""Compressed streams by codec, whole and spoilt, for the tests of decoders and for `fuzz.py`."""

import io
import random
from collections.abc import Callable

import jpeg_ls
import numpy as np
from mr_files import mr_image, set_pixels, to_bytes
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import UID, JPEG2000Lossless, JPEGBaseline8Bit, JPEGLSLossless


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
    image.file_meta.TransferSyntaxUID = UID(syntax)
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
