"""Archives of files that live in memory."""

import io
import tarfile
import zipfile


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def tarred(files: dict[str, bytes], mode: str = "w") -> bytes:
    """A tar archive; `mode` as of `tarfile.open`."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def version_7(files: dict[str, bytes]) -> bytes:
    """A tar archive as tools wrote it before POSIX: its headers hold no word of a format."""
    pieces = []
    for name, data in files.items():
        entry = tarfile.TarInfo(name)
        entry.size = len(data)
        header = bytearray(entry.tobuf(tarfile.USTAR_FORMAT))
        header[257:512] = bytes(255)
        header[156] = 0  # of the type, too, versions before had none
        header[148:156] = b" " * 8
        header[148:156] = b"%06o\0 " % sum(header)
        pieces += [bytes(header), data, bytes(-len(data) % tarfile.BLOCKSIZE)]
    return b"".join([*pieces, bytes(2 * tarfile.BLOCKSIZE)])
