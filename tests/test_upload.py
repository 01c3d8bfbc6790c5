"""Files, folders and archives to named bytes, within limits."""

import gzip
import os
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from archives import tarred, version_7, zipped
from mr_files import mr_image, to_bytes, write_series

from asemble.core.errors import InputError
from asemble.core.study import Refusal
from asemble.io import Part, limits, read_parts, read_study
from asemble.io.archive.parts import parts_of
from asemble.io.archive.unpack import Unpacked, unpack

Make = Callable[[dict[str, bytes]], bytes]


def slices(count: int = 3) -> dict[str, bytes]:
    return {f"study/IM{i}": to_bytes(mr_image(i)) for i in range(count)}


def refusals(*parts: Part) -> list[Refusal]:
    return [item for item in unpack(parts) if isinstance(item, Refusal)]


def names(*parts: Part) -> list[str]:
    return [item.name for item in unpack(parts) if isinstance(item, Unpacked)]


def test_archives_and_folders_give_the_same_study(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    write_series(folder, 3)
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    expected = read_study(folder).key
    for name, data in {
        "a.zip": zipped(files),
        "a.tar": tarred(files),
        "a.tar.gz": tarred(files, "w:gz"),
        "no extension": zipped(files),
    }.items():
        (tmp_path / name).write_bytes(data)
        study = read_study(tmp_path / name)
        assert study.key == expected, name
        assert study.refused == ()


def test_a_list_of_paths_is_one_study(tmp_path: Path) -> None:
    paths = write_series(tmp_path, 4)
    assert read_study(paths).series[0].volume.shape[0] == 4


def test_folders_are_read_to_the_bottom_and_links_to_folders_are_not(tmp_path: Path) -> None:
    write_series(tmp_path / "a" / "b" / "c", 2)
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    assert [part.name for part in parts_of(tmp_path)] == ["a/b/c/IM000", "a/b/c/IM001"]


def test_a_path_that_does_not_exist_is_refused_without_repeating_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file or folder") as caught:
        read_study(tmp_path / "gone")
    assert "gone" not in str(caught.value)


@pytest.mark.parametrize("empty", ["folder", "zip", "tar", "list", "file"])
def test_an_empty_upload_is_said_to_be_empty(tmp_path: Path, empty: str) -> None:
    parts = {
        "folder": [],
        "zip": [Part.from_bytes("a.zip", zipped({}))],
        "tar": [Part.from_bytes("a.tar", tarred({}))],
        "list": [],
        "file": [Part.from_bytes("a", b"")],
    }[empty]
    with pytest.raises(InputError, match=r"Nothing was uploaded|holds no files|empty"):
        read_parts(parts)
    with pytest.raises(InputError, match="Nothing was uploaded"):
        read_study(tmp_path)


def test_what_is_no_image_is_listed_and_does_not_stop_the_rest() -> None:
    files = {**slices(), "readme.txt": b"hello " * 50, "DICOMDIR.txt": b"\x00\x01" * 300}
    study = read_parts([Part.from_bytes("a.zip", zipped(files))])
    assert study.series[0].volume.shape[0] == 3
    assert [r.name for r in study.refused] == ["a.zip/readme.txt", "a.zip/DICOMDIR.txt"]
    assert all("not an image" in r.reason for r in study.refused)


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"bomb.{kind}"
    write_bomb(path, kind)
    good = Part.from_bytes("good.zip", zipped(slices()))
    tracemalloc.start()
    study = read_parts([Part.from_path(path), good])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    (refusal,) = study.refused
    assert refusal.name == path.name
    assert "unpack" in refusal.reason or "larger than" in refusal.reason
    assert peak < 200 * limits.MIB
    assert len(study.series) == 1


def write_bomb(path: Path, kind: str) -> None:
    """Zeros: 2 GiB, 300 MiB in the zip."""
    size, block = 2 * 1024**3, bytes(1024**2)
    if kind == "zip":
        with (
            zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
            archive.open("IM0", "w", force_zip64=True) as entry,
        ):
            for _ in range(300):
                entry.write(block)
        return
    header = tarfile.TarInfo("IM0")
    header.size = size
    if kind == "tar":
        with path.open("wb") as file:
            file.write(header.tobuf())
            file.truncate(size + 2048)  # sparse: takes no room on the disk
        return
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(header.tobuf())
        for _ in range(256):
            file.write(block)


def test_a_compressed_file_that_swells_is_refused() -> None:
    bomb = gzip.compress(bytes(200 * limits.MIB), compresslevel=1)
    (refusal,) = refusals(Part.from_bytes("a.nii.gz", bomb))
    assert "more than 100 times its size" in refusal.reason


def test_many_small_files_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_FILES", 5)
    files = {f"{i}": b"x" * 200 for i in range(9)}
    part = Part.from_bytes("a.tar", tarred(files))
    assert len(names(part)) == 5
    assert "more than 5 files" in refusals(part)[0].reason
    # The directory of a zip says so beforehand.
    (refusal,) = unpack([Part.from_bytes("a.zip", zipped(files))])
    assert isinstance(refusal, Refusal) and "more than 5 files" in refusal.reason


def test_sizes_add_up_over_the_whole_upload(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_TOTAL_BYTES", 2500)
    parts = [Part.from_bytes(f"f{i}", os.urandom(1000)) for i in range(4)]
    assert names(*parts) == ["f0", "f1"]
    assert [r.name for r in refusals(*parts)] == ["f2", "f3"]


@pytest.mark.parametrize("make", [zipped, tarred, version_7])
@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("../../evil", "a/evil"),
        ("/etc/evil", "a/etc/evil"),
        ("b/../../evil", "a/b/evil"),
        ("..\\evil", "a/evil"),
        ("C:\\Export\\IM1", "a/Export/IM1"),
        ("\\\\server\\share\\IM1", "a/server/share/IM1"),
    ],
)
def test_a_path_that_leads_out_names_a_file_and_nothing_is_written(
    tmp_path: Path, make: Make, path: str, name: str
) -> None:
    archive = make({path: to_bytes(mr_image(2)), **slices(2)})
    inner = tmp_path / "in" / "side"
    inner.mkdir(parents=True)
    (inner / "a").write_bytes(archive)
    study = read_study(inner)
    assert study.series[0].volume.shape[0] == 3
    assert study.refused == ()
    assert name in names(Part.from_path(inner / "a"))
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["a", "in", "side"]


def test_a_tar_of_version_7_is_read_plain_and_compressed() -> None:
    for archive in (version_7(slices(4)), gzip.compress(version_7(slices(4)))):
        study = read_parts([Part.from_bytes("a", archive)])
        assert study.refused == ()
        assert study.series[0].volume.shape[0] == 4
    spoilt = bytearray(version_7(slices(4)))
    spoilt[100] ^= 1  # the checksum is what tells it from any other file
    with pytest.raises(InputError, match="not an image"):
        read_parts([Part.from_bytes("a", bytes(spoilt))])


TWIN = b"\0\x05\x16\x07\0\x02\0\0Mac OS X        " + bytes(300)
OF_THE_SYSTEM = {
    "__MACOSX/study/._IM0": TWIN,
    "__MACOSX/study/._inner.zip": TWIN,
    "study/._IM1.dcm": TWIN,
    "study/.DS_Store": b"\0\0\0\1Bud1" + bytes(6000),
    "study/Thumbs.db": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(900),
    "study/Desktop.ini": b"[.ShellClassInfo]\r\n" * 40,
    "study/.AppleDouble/IM0": TWIN,
    "study/Icon\r": b"icns" * 30,
    "System Volume Information/guid": b"{3808876b}" * 20,
}


@pytest.mark.parametrize("make", [zipped, tarred])
def test_what_an_operating_system_puts_beside_the_files_is_passed_over(
    tmp_path: Path, make: Make
) -> None:
    files = {**slices(3), **OF_THE_SYSTEM}
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    folder = read_study(tmp_path)
    archive = read_parts([Part.from_bytes("a.zip", make(files))])
    for study in (folder, archive):
        assert study.refused == ()
        assert study.series[0].volume.shape[0] == 3
    with pytest.raises(InputError, match="holds no files"):
        read_parts([Part.from_bytes("a.zip", make(OF_THE_SYSTEM))])


def test_an_image_is_read_whatever_it_is_called() -> None:
    names = {"._IM0": 0, "desktop.ini": 1, "__MACOSX/IM2": 2}
    files = {name: to_bytes(mr_image(index)) for name, index in names.items()}
    (series,) = read_parts([Part.from_bytes("a.zip", zipped(files))]).series
    assert series.volume.shape[0] == 3


def test_a_folder_whose_name_ends_in_a_backslash_is_no_file() -> None:
    study = read_parts([Part.from_bytes("a.zip", zipped({"study\\": b"", **slices(3)}))])
    assert study.refused == ()


@pytest.mark.parametrize(("mark", "at"), [(b"CD001", 32769), (b"CD001", 37649), (b"koly", 39488)])
def test_the_image_of_a_disc_is_said_to_be_one(mark: bytes, at: int) -> None:
    disc = bytearray(40_000)
    disc[at : at + len(mark)] = mark
    for part in (
        Part.from_bytes("cd.iso", bytes(disc)),
        Part.from_bytes("a.zip", zipped({"cd.iso": bytes(disc)})),
    ):
        with pytest.raises(InputError, match=r"image of a disc.*upload the files and folders"):
            read_parts([part])


def test_a_file_that_begins_with_zeros_is_not_called_empty() -> None:
    (item,) = unpack([Part.from_bytes("a.img", bytes(2_000_000) + b"\1")])
    assert isinstance(item, Unpacked)
    (refusal,) = refusals(Part.from_bytes("a.img", bytes(2_000_000)))
    assert "empty" in refusal.reason


@pytest.mark.parametrize("outer", [zipped, tarred])
def test_archives_right_inside_an_archive_are_opened(outer: Make) -> None:
    files = slices(6)
    inside = {
        "a.zip": zipped(dict(list(files.items())[:2])),
        "b.tgz": tarred(dict(list(files.items())[2:4]), "w:gz"),
        **dict(list(files.items())[4:]),
    }
    study = read_parts([Part.from_bytes("x", outer(inside))])
    assert study.refused == ()
    assert study.series[0].volume.shape[0] == 6


def test_an_archive_two_levels_down_is_refused_and_the_rest_is_read() -> None:
    for make in (zipped, tarred, lambda files: tarred(files, "w:gz")):
        deep = make({"c": make({"d": make({"IM9": to_bytes(mr_image(9))})}), **slices(2)})
        study = read_parts([Part.from_bytes("x.zip", zipped({"b": deep}))])
        assert [r.name for r in study.refused] == ["x.zip/b/c"]
        assert "lies deeper" in study.refused[0].reason
        assert study.series[0].volume.shape[0] == 2


@pytest.mark.parametrize("make", [zipped, tarred])
def test_a_cut_off_archive_is_refused(make: Make) -> None:
    data = make({f"{i}": os.urandom(3000) for i in range(5)})
    cut = Part.from_bytes("a", data[: len(data) // 2])
    assert "damaged or cut off" in refusals(cut)[-1].reason


def test_an_encrypted_entry_is_refused() -> None:
    data = bytearray(zipped({"IM0": to_bytes(mr_image(0))}))
    for marker, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(marker) + offset] |= 1
    (refusal,) = refusals(Part.from_bytes("a.zip", bytes(data)))
    assert "encrypted" in refusal.reason


def test_a_damaged_entry_does_not_stop_the_rest() -> None:
    data = bytearray(zipped({"bad": os.urandom(2000), **slices(2)}))
    data[200] ^= 255
    study = read_parts([Part.from_bytes("a.zip", bytes(data))])
    assert [r.name for r in study.refused] == ["a.zip/bad"]
    assert study.series[0].volume.shape[0] == 2


def test_other_archives_are_refused_as_such() -> None:
    for start in (b"Rar!\x1a\x07\x01\x00", b"7z\xbc\xaf'\x1c"):
        (refusal,) = refusals(Part.from_bytes("a.rar", start + os.urandom(500)))
        assert "zip or tar" in refusal.reason


def test_parts_of_a_split_archive_are_said_to_be_that() -> None:
    whole = zipped(slices(3))
    last = bytearray(whole[900:])
    last[last.rindex(b"PK\5\6") + 4] = 1  # the number of this disk
    halves = {"a.z01": b"PK\7\x08" + whole[:900], "a.zip": bytes(last)}
    plain = {"a.zip.001": whole[:900], "a.zip.002": whole[900:]}
    for files in (halves, plain):
        found = refusals(*(Part.from_bytes(name, data) for name, data in files.items()))
        assert [refusal.name for refusal in found] == list(files)
        assert all("archive that was split" in refusal.reason for refusal in found)


def test_progress_never_goes_back(tmp_path: Path) -> None:
    paths = write_series(tmp_path, 4)
    seen: list[tuple[int, int]] = []
    read_study(paths, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_an_unreadable_file_is_listed(tmp_path: Path) -> None:
    gone = Part.from_path(tmp_path / "gone")
    (refusal,) = refusals(gone)
    assert "could not be opened" in refusal.reason


def test_an_entry_of_an_archive_without_a_name_costs_no_other_one() -> None:
    data = zipped({"nameless": b"x", **slices(2)}).replace(b"nameless", b"\0ameless")
    study = read_parts([Part.from_bytes("a.zip", data)])
    assert study.series[0].volume.shape[0] == 2
    assert len(study.refused) == 1
