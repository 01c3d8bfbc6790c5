"""A gzip stream that is unpacked in bounded steps."""

import zlib
from typing import BinaryIO

from asemble.io import limits
from asemble.io.archive.budget import check_growth, damaged_archive
from asemble.io.limits import MIB

_STEP = 64 * 1024
_WITH_GZIP_HEADER = 31


class Gunzip:
    """Reads forward only, and stops when more comes out than the limits allow.

    The library's own reader passes over the file name in a header byte by byte in Python, which a
    file of nothing but name makes slow; zlib does it in C.

    Args:
        stream: packed bytes, from their start.
        size: how many they are.
    """

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream = stream
        self._size = size
        self._member = zlib.decompressobj(_WITH_GZIP_HEADER)
        self._packed = b""
        self._members = 1
        self._passed = 0

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes, fewer only at the end.

        Raises:
            ArchiveError: the stream is damaged, cut off, or grows beyond the limits.
        """
        chunks: list[bytes] = []
        left = size
        while left > 0 and (data := self._some(min(left, MIB))):
            self._passed += len(data)
            check_growth(self._passed, self._size)
            chunks.append(data)
            left -= len(data)
        return b"".join(chunks)

    def _some(self, most: int) -> bytes:
        try:
            while True:
                if self._member.eof and not self._next_member():
                    return b""
                packed = self._member.unconsumed_tail or self._packed or self._stream.read(_STEP)
                self._packed = b""
                data = self._member.decompress(packed, most)
                if data:
                    return data
                if not packed and not self._member.eof:
                    raise damaged_archive()
        except zlib.error as error:
            raise damaged_archive() from error

    def _next_member(self) -> bool:
        """Go on to the member that follows, if any; zeros may follow the last one."""
        rest = self._member.unused_data or self._stream.read(_STEP)
        while rest and not rest.strip(b"\0"):
            rest = self._stream.read(_STEP)
        rest = rest.lstrip(b"\0")
        self._members += 1
        if not rest.startswith(b"\x1f") or self._members > limits.MAX_FILES:
            return False
        self._packed = rest
        self._member = zlib.decompressobj(_WITH_GZIP_HEADER)
        return True
