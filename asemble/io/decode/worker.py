"""The decoder process: compressed pixels and pictures become arrays where a crash harms nobody.

Run as `python -m asemble.io.decode.worker` by `asemble.io.decode.processes`: requests come through
standard input, answers leave through standard output, and the end of the input ends the process.
The libraries that do the work are written in C and C++ and meet whatever was uploaded; here they
hold no other file, no secret and no connection, and cannot get one (`asemble.io.decode.sandbox`).
"""

import contextlib
import io
import os
import signal
import struct
import sys
import time
import zlib
from typing import TYPE_CHECKING, Any, BinaryIO

from asemble.io import limits
from asemble.io.decode import protocol, sandbox

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL import Image

COLOUR_DIFFERENCE = 24
"""Channels of a grey JPEG differ by less (of 255)."""
COLOUR_SHARE = 0.01
"""A coloured arrow or label covers less of a grey picture."""

_FIRST = {
    "1.2.840.10008.1.2.4.50": "pillow",
    "1.2.840.10008.1.2.4.51": "pillow",
    "1.2.840.10008.1.2.4.80": "pyjpegls",
    "1.2.840.10008.1.2.4.81": "pyjpegls",
    "1.2.840.10008.1.2.4.90": "pillow",
    "1.2.840.10008.1.2.4.91": "pillow",
}
"""The library that spoilt streams neither crash nor abort (`tests/test_codecs.py`); gdcm's do. It
alone is asked, unless it cannot hold what the stream promises; lossless JPEG is gdcm's alone."""
_PILLOW_BITS = 16

_CORRECTIONS = (
    "apply_j2k_sign_correction", "apply_jls_sign_correction", "correct_unused_bits",
)  # fmt: skip
"""What pydicom mends for some ways of packing and not for others."""

_DAMAGED = (
    ValueError, KeyError, AttributeError, TypeError, IndexError, EOFError, OSError, OverflowError,
    NotImplementedError, RuntimeError, SyntaxError, struct.error, zlib.error,
)  # fmt: skip
"""What pydicom, Pillow and the libraries behind them raise on damaged files."""


_TINY = {
    "rows": 1, "columns": 1, "number_of_frames": 1, "samples_per_pixel": 1,
    "planar_configuration": 0, "photometric_interpretation": "MONOCHROME2", "bits_allocated": 8,
    "bits_stored": 8, "pixel_representation": 0,
}  # fmt: skip
_NOTHING = b"\xfe\xff\0\xe0\0\0\0\0\xfe\xff\0\xe0\x04\0\0\0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
"""Four zeros as encapsulated pixels, which no library takes."""


class _RefusedError(Exception):
    """The pixels are whole but not wanted; the argument is the word for the answer."""


def main() -> None:
    """Answer requests until the input ends."""
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # libraries that print must not reach the pipe
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, whose end ends this
    is_filtered: bool | None = None
    while True:
        try:
            request = protocol.receive_header(requests)
            if is_filtered is None:
                import_all()
                is_filtered = sandbox.confine()
            if request.get("kind") == "start":  # which takes longer than most images
                protocol.send(answers, {"id": request["id"], "filtered": is_filtered})
                continue
            _limit(request["size"] + request.get("promised", 0))  # the last one's may be too low
            payload = bytearray(request["size"])
            protocol.receive_into(requests, payload)
            _answer(answers, request, payload)
        except (protocol.WireError, BrokenPipeError):
            return


def import_all() -> None:
    """Import what any request needs: afterwards no file can be opened."""
    from PIL import Image, ImageOps  # noqa: F401, PLC0415
    from pydicom.pixels.decoders.base import get_decoder  # noqa: PLC0415
    from pydicom.uid import UID  # noqa: PLC0415

    from asemble.io.dicom.layout import COMPRESSED  # noqa: PLC0415

    Image.init()
    for syntax in COMPRESSED:
        request = {"syntax": syntax, "layout": _TINY}
        if not get_decoder(UID(syntax)).is_available:
            raise RuntimeError(f"no decoder is installed for {syntax}")
        with contextlib.suppress(_RefusedError, *_DAMAGED):
            _dicom(request, bytearray(_NOTHING))


def _answer(answers: BinaryIO, request: dict[str, Any], payload: bytearray) -> None:
    to: dict[str, Any] = {"id": request["id"]}
    began = time.process_time()
    try:
        values = _KINDS[request["kind"]](request, payload)
    except _RefusedError as refused:
        protocol.send(answers, {**to, "refused": str(refused)})
    except MemoryError:
        protocol.send(answers, {**to, "refused": "memory"})
    except Exception as error:
        if not isinstance(error, _DAMAGED) and type(error).__module__ == "builtins":
            raise
        protocol.send(answers, {**to, "refused": "damaged"})
    else:
        to["seconds"] = time.process_time() - began
        protocol.send(
            answers, {**to, "dtype": values.dtype.str, "shape": values.shape}, values.data
        )


def _dicom(request: dict[str, Any], payload: bytearray) -> "npt.NDArray[Any]":
    """The pixels of encapsulated frames, `(frame, row, column)`, as the stream states them.

    Of one sample they come as they are coded: whether they are signed, and which bits count, is
    decided afterwards for all ways of packing alike.
    """
    import numpy as np  # noqa: PLC0415  a decoder of pictures needs no pydicom
    from pydicom.encaps import get_frame  # noqa: PLC0415
    from pydicom.pixels.decoders.base import get_decoder  # noqa: PLC0415
    from pydicom.uid import UID  # noqa: PLC0415

    layout = request["layout"]
    options = {**layout, "pixel_keyword": "PixelData"}
    table = int(request.get("offsets", 0))  # bytes of each half of the extended offset table
    if table:
        options["extended_offsets"] = (bytes(payload[:table]), bytes(payload[table : 2 * table]))
    library = _FIRST.get(request["syntax"], "")
    if library != "pillow" or layout["bits_stored"] <= _PILLOW_BITS:
        options["decoding_plugin"] = library
    decoder = get_decoder(UID(request["syntax"]))
    samples = layout["samples_per_pixel"]
    packed = bytes(payload[2 * table :])
    if samples == 1:
        options |= dict.fromkeys(_CORRECTIONS, False)
        frames = layout["number_of_frames"]
        extended = options.get("extended_offsets")
        first = get_frame(packed, 0, extended_offsets=extended, number_of_frames=frames)
        options |= _as_coded(first, layout)
    values, _ = decoder.as_array(packed, raw=samples == 1, **options)  # else as red, green, blue
    shape = [layout["number_of_frames"], layout["rows"], layout["columns"]]
    return np.ascontiguousarray(values.reshape([*shape, samples] if samples > 1 else shape))


def _as_coded(stream: bytes, layout: dict[str, Any]) -> dict[str, Any]:
    """The options that a stream contradicts: its sign and, of JPEG, bytes a pixel.

    Raises:
        _RefusedError: it has other rows and columns, or more bits than are allocated.
    """
    from pydicom.pixels.utils import _get_jpg_parameters, get_j2k_parameters  # noqa: PLC0415

    wavelet, jpeg = get_j2k_parameters(stream), _get_jpg_parameters(stream)
    size = _size_of_wavelet(stream) if wavelet else (jpeg.get("height"), jpeg.get("width"))
    if all(size) and size != (layout["rows"], layout["columns"]):
        raise _RefusedError("damaged")  # libraries fill the one with the pixels of the other
    bits = wavelet.get("precision") or jpeg.get("precision", 0)
    if bits > layout["bits_allocated"]:
        raise _RefusedError("bits")
    changed = {"pixel_representation": int(wavelet.get("is_signed", False))}
    if 0 < bits <= 8 and "precision" not in wavelet:
        changed |= {"bits_allocated": 8, "bits_stored": min(layout["bits_stored"], 8)}
    return changed


def _size_of_wavelet(stream: bytes) -> tuple[int, int]:
    """Rows and columns of a JPEG 2000 stream (ISO/IEC 15444-1 A.5.1)."""
    at = stream.find(b"\xff\x4f\xff\x51") + 8
    right, bottom, left, top = struct.unpack_from(">4L", stream, at)
    return bottom - top, right - left


def _picture(_request: dict[str, Any], payload: bytearray) -> "npt.NDArray[np.float32]":
    """The grey values of a PNG or JPEG, `(row, column)`."""
    from PIL import Image, ImageOps  # noqa: PLC0415  a decoder of DICOM needs no Pillow

    Image.MAX_IMAGE_PIXELS = None  # ours is lower
    with Image.open(io.BytesIO(payload), formats=("PNG", "JPEG")) as picture:
        too_large = picture.width * picture.height > limits.MAX_PICTURE_PIXELS
        if too_large or max(picture.size) > limits.MAX_SIDE:
            raise _RefusedError("size")
        return _grey(ImageOps.exif_transpose(picture))


def _grey(picture: "Image.Image") -> "npt.NDArray[np.float32]":
    """Grey values; what is transparent is background, and dark as that of MR."""
    import numpy as np  # noqa: PLC0415

    opacity = _opacity(picture)
    if picture.mode == "1":
        picture = picture.convert("L")
    elif picture.mode == "LA":
        picture = picture.getchannel("L")
    if picture.mode in ("L", "F") or picture.mode.startswith("I"):
        return np.asarray(np.asarray(picture, dtype=np.float32) * opacity, dtype=np.float32)
    channels = np.asarray(picture.convert("RGB"), dtype=np.float32) * opacity[..., np.newaxis]
    spread = channels.max(axis=2) - channels.min(axis=2)
    if float((spread > COLOUR_DIFFERENCE).mean()) > COLOUR_SHARE:
        raise _RefusedError("colour")
    return np.asarray(channels.mean(axis=2), dtype=np.float32)


def _opacity(picture: "Image.Image") -> "npt.NDArray[np.float32]":
    """How much of each pixel is seen, `(row, column)`, 0 to 1."""
    import numpy as np  # noqa: PLC0415

    seen: npt.NDArray[Any] = np.ones((picture.height, picture.width), dtype=np.float32)
    hidden = picture.info.get("transparency")
    if picture.mode.startswith("I") and isinstance(hidden, int):
        seen[np.asarray(picture) == hidden] = 0
    elif picture.has_transparency_data:
        seen = np.asarray(picture.convert("RGBA").getchannel("A"), dtype=np.float32) / np.float32(
            255
        )
    return seen if seen.any() else np.ones_like(seen)  # else it would show nothing at all


def _limit(working_bytes: int) -> None:
    """Let the system end what takes more memory or processor time than one request needs."""
    try:
        import resource  # noqa: PLC0415  not on Windows
    except ImportError:
        return
    memory = limits.DECODER_BYTES + limits.DECODER_BYTES_A_BYTE * working_bytes
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime + limits.MAX_DECODE_SECONDS) + 2
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_AS, min(memory, limits.MAX_DECODER_BYTES))
    _lower(resource.RLIMIT_CPU, seconds)


def _lower(which: int, value: int) -> None:
    """Set the soft limit; the hard one stays, so that the next request may have its own."""
    import resource  # noqa: PLC0415  not on Windows

    hard = resource.getrlimit(which)[1]
    soft = value if hard == resource.RLIM_INFINITY else min(value, hard)
    try:
        resource.setrlimit(which, (soft, hard))
    except (ValueError, OSError):  # a platform that knows the name but not the limit
        return


_KINDS = {"dicom": _dicom, "picture": _picture}

if __name__ == "__main__":
    main()
