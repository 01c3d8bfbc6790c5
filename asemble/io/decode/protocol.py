"""Messages between the server and its decoder processes: a JSON header, then bytes.

    4 bytes   length of the header, big endian
    header    JSON; "size" is the length of the payload
    payload   bytes

No pickle: what a decoder says is data, whatever became of the decoder.
"""

import json
import struct
from typing import Any, BinaryIO

Bytes = bytes | bytearray | memoryview

MAX_HEADER_BYTES = 4096
_LENGTH = struct.Struct(">L")


class WireError(Exception):
    """The other side ended, or what came is no message."""


def send(stream: BinaryIO, header: dict[str, Any], payload: Bytes = b"") -> None:
    """Write one message."""
    view = memoryview(payload).cast("B")
    encoded = json.dumps({**header, "size": view.nbytes}).encode()
    stream.write(_LENGTH.pack(len(encoded)) + encoded)
    stream.write(view)
    stream.flush()


def receive_header(stream: BinaryIO) -> dict[str, Any]:
    """The header of the next message; its payload follows in the stream.

    Raises:
        WireError: the stream ended, or holds anything else.
    """
    (length,) = _LENGTH.unpack(_exactly(stream, _LENGTH.size))
    if length > MAX_HEADER_BYTES:
        raise WireError("the header is too long")
    try:
        header = json.loads(_exactly(stream, length))
    except ValueError as error:
        raise WireError("the header is no JSON") from error
    if not isinstance(header, dict) or not isinstance(header.get("size"), int):
        raise WireError("the header states no size")
    return header


def receive_into(stream: BinaryIO, target: Bytes) -> None:
    """Fill `target`, which is as large as the payload.

    Raises:
        WireError: the stream ended before.
    """
    view = memoryview(target).cast("B")
    while view.nbytes:
        count = stream.readinto(view)  # type: ignore[attr-defined]
        if not count:
            raise WireError("the stream ended")
        view = view[count:]


def _exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise WireError("the stream ended")
    return data
