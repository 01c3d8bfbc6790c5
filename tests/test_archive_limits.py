"""Every limit of archives: what breaks it is one clear sentence, and costs little."""

import gzip
import io
import os
import struct
import tarfile
import tracemalloc
import zipfile

import pytest
from archives import tarred, zipped
from mr_files import mr_image, to_bytes
from refusals import reason

from asemble.core.study import Refusal
from asemble.io import Part, limits, read_parts
from asemble.io.archive.unpack import shown, unpack


def test_an_upload_that_is_too_large_is_refused_before_it_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "MAX_PACKED_BYTES", 10_000)
    assert "larger than 0 MiB" in reason(os.urandom(10_001))


def test_entries_over_each_other_are_refused() -> None:
    """One kernel of zeros named by many entries, as in overlapping zip bombs."""
    plain = zipped({"a": bytes(10**6)})
    directory = plain.index(b"PK\x01\x02")
    end = plain.index(b"PK\x05\x06")
    count = 500
    size = (end - directory) * count
    record = plain[end : end + 8] + struct.pack("<HHLLH", count, count, size, directory, 0)
    bomb = plain[:directory] + plain[directory:end] * count + record
    assert "lie over each other" in reason(bomb)


def test_an_entry_that_outgrows_its_declared_size_is_cut_off_and_refused() -> None:
    data = bytearray(zipped({"a": bytes(100 * limits.MIB)}))
    for marker, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        where = data.index(marker) + at
        data[where : where + 4] = struct.pack("<L", 1000)
    assert "damaged in the archive" in reason(bytes(data))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_unpack_without_a_bound_are_refused(method: int) -> None:
    assert "unusual way" in reason(zipped({"a": bytes(10**6)}, method))


@pytest.mark.parametrize("mode", ["w:bz2", "w:xz"])
def test_other_compressions_of_tar_are_refused_with_what_to_do(mode: str) -> None:
    assert "zip or tar" in reason(tarred({"a": b""}, mode))


def test_zip64_is_read() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive, archive.open("a", "w", force_zip64=True) as entry:
        entry.write(to_bytes(mr_image(0)))
    assert len(read_parts([Part.from_bytes("a.zip", buffer.getvalue())]).series) == 1


def end_of_zip(directory_bytes: int, *, disks: bytes = bytes(4)) -> bytes:
    return b"PK\x05\x06" + disks + struct.pack("<HHLLH", 0, 0, directory_bytes, 0, 0)


@pytest.mark.parametrize("trick", ["none", "an end in the end", "an end of zip64 that is none"])
def test_a_directory_of_a_million_entries_is_counted_before_it_is_read(trick: str) -> None:
    directory = (b"PK\x01\x02" + bytes(42)) * 1_000_000
    if trick == "an end in the end":
        end = end_of_zip(len(directory), disks=b"PK\x05\x06")
    elif trick == "none":
        end = end_of_zip(len(directory))
    else:  # it is the comment of one more entry
        directory += b"PK\x01\x02" + bytes(28) + struct.pack("<H", 76) + bytes(12)
        directory += b"PK\x06\x06" + bytes(72)
        end = end_of_zip(len(directory))
    parts = [Part.from_bytes("a.zip", b"PK\x03\x04" + bytes(26) + directory + end)]
    tracemalloc.start()
    (refusal,) = unpack(parts)
    assert tracemalloc.get_traced_memory()[1] < 60 * limits.MIB
    tracemalloc.stop()
    assert isinstance(refusal, Refusal) and "more than 20,000 files" in refusal.reason


def test_an_archive_that_holds_itself_ends() -> None:
    """A gzip stream unpacked twice, and a zip in a zip in a zip."""
    inner = zipped({"IM": to_bytes(mr_image(0))})
    for _ in range(6):
        inner = zipped({"again": inner})
    assert "lies deeper" in reason(inner)
    assert "lies deeper" in reason(gzip.compress(gzip.compress(gzip.compress(b"x" * 2000))))


def test_nested_bombs_count_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_TOTAL_BYTES", 2 * limits.MIB)
    bomb = zipped({f"{i}.zip": zipped({"a": os.urandom(500_000)}) for i in range(9)})
    assert "unpack" in reason(bomb)


def test_a_sparse_entry_takes_no_memory() -> None:
    header = tarfile.TarInfo("holes")
    header.size, header.type = 400 * limits.MIB, tarfile.GNUTYPE_SPARSE
    assert "link or a device" in reason(header.tobuf(tarfile.GNU_FORMAT) + bytes(10_240))


@pytest.mark.parametrize(
    "kind", [tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE]
)
def test_links_and_devices_are_not_followed(kind: bytes) -> None:
    entry = tarfile.TarInfo("a")
    entry.type, entry.linkname = kind, "/etc/passwd"
    assert "link or a device" in reason(entry.tobuf() + bytes(1024))
    info = zipfile.ZipInfo("a")
    info.external_attr = (0o120777 if kind == tarfile.SYMTYPE else 0o020644) << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(info, "x")
    assert "link or a device" in reason(buffer.getvalue())


@pytest.mark.parametrize(
    "size", [b"77777777777\0", b"\x80" + bytes(3) + b"\x7f" + b"\xff" * 7, b"\xff" * 12]
)
def test_a_size_that_no_archive_has_ends_at_its_bytes(size: bytes) -> None:
    for kind in (tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.XHDTYPE):
        entry = tarfile.TarInfo("a")
        entry.type = kind
        head = bytearray(entry.tobuf())
        head[124:136] = size
        head[148:156] = b" " * 8
        head[148:156] = b"%06o\0 " % sum(head)
        assert reason(bytes(head) + bytes(2048))


def test_notes_upon_notes_in_a_tar_are_bounded() -> None:
    note = tarfile.TarInfo("x")
    note.type, note.size = tarfile.XHDTYPE, 12
    chain = (note.tobuf() + b"12 path=abc\n".ljust(512, b"\0")) * 3000
    assert "damaged" in reason(chain)
    note.size = 50 * limits.MIB
    assert "damaged" in reason(note.tobuf() + bytes(note.size), most_mib=160)


def test_a_gzip_header_of_nothing_but_name_costs_no_time() -> None:
    data = b"\x1f\x8b\x08\x08" + bytes(6) + b"n" * (30 * limits.MIB)
    assert "damaged or cut off" in reason(data, seconds=3)


def test_gzip_members_in_a_row_are_one_file() -> None:
    data = to_bytes(mr_image(0))
    joined = gzip.compress(data[:500]) + gzip.compress(data[500:]) + bytes(100)
    assert len(read_parts([Part.from_bytes("a.dcm.gz", joined)]).series) == 1


@pytest.mark.parametrize(
    "name", ["a\0b", "\x1b[2J", "\u202egpj.exe", "a\nb", "x" * 5000, "\udcff", "\ud800"]
)
def test_a_name_is_safe_to_show(name: str) -> None:
    files = {"ok": b"no image"}
    assert shown(name).isprintable() and len(shown(name)) <= limits.MAX_NAME_CHARACTERS
    (refusal,) = reasons_of(Part.from_bytes(name, zipped(files)))
    assert refusal.name.isprintable()
    entry = tarfile.TarInfo(name)
    data = entry.tobuf(tarfile.GNU_FORMAT, errors="surrogatepass") + bytes(1024)
    assert all(r.name.isprintable() for r in reasons_of(Part.from_bytes("a.tar", data)))


def reasons_of(*parts: Part) -> tuple[Refusal, ...]:
    good = Part.from_bytes("good", to_bytes(mr_image(0)))
    return read_parts([*parts, good]).refused
