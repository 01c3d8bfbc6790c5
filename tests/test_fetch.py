"""Fetching public cases, the whole way, from a server laid out like the public bucket."""

import json
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from filelock import FileLock
from mr_files import mr_image, to_bytes, volume_values
from public_bucket import (
    CITATION,
    FakeBucket,
    folder_of,
    put_case,
    serving,
    uid_of,
    write_table,
)

from asemble import cases, io
from asemble.cases import Table, load_table
from asemble.cases.licences import OPEN_LICENCES
from asemble.cli import main
from asemble.core.errors import CaseError, ConfigError
from asemble.fetch import Bucket, Kept, bucket, fetch, fetching, kept, listing
from asemble.fetch.listing import read_listing

ROOT = Path(__file__).parents[1]
CASES = {"A-1": {1: "coronal", 2: "axial"}, "B-2": {3: "coronal"}}
WHOLE = 15
"""Files of both cases."""


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket, "PAUSE_S", 0.0)


@pytest.fixture
def store() -> FakeBucket:
    made = FakeBucket()
    for numbers in CASES.values():
        put_case(made, numbers)
    return made


@pytest.fixture
def url(store: FakeBucket) -> Iterator[str]:
    with serving(store) as address:
        yield address


@pytest.fixture
def table(store: FakeBucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Table:
    path = write_table(tmp_path / "table.toml", store, CASES)
    monkeypatch.setenv("ASEMBLE_CASES_TABLE", str(path))
    return load_table()


@pytest.fixture
def cache(tmp_path: Path) -> Kept:
    return Kept(tmp_path / "cache")


def bring(table: Table, url: str, cache: Kept, *names: str, **options) -> list[CaseError]:  # type: ignore[no-untyped-def]
    chosen = table.find(names) if names else table.cases
    with Bucket(url) as source:
        return fetch(chosen, table, source, cache, **options)


def refusal(table: Table, url: str, cache: Kept, *names: str, **options) -> CaseError:  # type: ignore[no-untyped-def]
    with pytest.raises(CaseError) as caught:
        bring(table, url, cache, *names, **options)
    require_sentences(caught.value)
    return caught.value


def require_sentences(error: CaseError) -> None:
    assert error.message.rstrip().endswith(".") and error.hint.endswith(".")
    assert "Error" not in error.message and "Traceback" not in error.message


def downloads(store: FakeBucket) -> list[str]:
    return [path for path, _ in store.asked if path.endswith(".dcm")]


def break_after_one_file(done: int, total: int) -> None:
    """Say stop as somebody who cancels does."""
    if done > 1500:
        raise CaseError("Stopped.", hint="Go on.", code="cancelled")


# What the table says.


def test_the_shipped_table_is_sound_and_every_licence_in_it_is_open() -> None:
    shipped = load_table(cases.table.SHIPPED)
    series = [each for case in shipped.cases for each in case.series]
    assert len(shipped.cases) > 40
    assert {each.licence for each in series} <= set(OPEN_LICENCES)
    assert all(each.modality == "MR" and each.files > 1 and each.bytes > 1e6 for each in series)
    assert len({each.uid for each in series}) == len(series)
    assert all(any(s.plane == "coronal" for s in case.series) for case in shipped.cases)
    assert {case.seen for case in shipped.cases} == {"not stated"}
    assert shipped.index["package"] == "idc-index-data" and shipped.index["version"]
    assert sum(each.painted is not None for each in series) == 23
    assert all(source.citation.endswith(source.doi.upper()) for source in shipped.sources.values())


def test_the_series_of_the_training_are_those_that_it_was_given(shared_dir: Path) -> None:
    listed = json.loads((shared_dir / "data" / "pelvis-t1" / "manifest.json").read_text())
    painted = load_table(cases.table.SHIPPED).only(lambda series: series.painted is not None)
    parts = {case.series[0].uid: case.series[0].painted for case in painted}
    assert set(parts) == {each["series"] for each in listed}
    for each in listed:
        part = parts[each["series"]]
        assert part is not None
        assert list(range(part.slices[0], part.slices[1] + 1)) == each["slices"]
        assert [part.rows[0], part.rows[1] + 1] == each["rows"]
        assert [part.columns[0], part.columns[1] + 1] == each["columns"]


def test_a_table_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.toml"
    for text in ("", "[[case]]", "\0", "case = 3\nsource = []\n[index]"):
        path.write_text(text)
        with pytest.raises(ConfigError):
            load_table(path)
        cases.table._load.cache_clear()


@pytest.mark.parametrize(
    "change",
    [{"folder": "../.."}, {"uid": "../1"}, {"weighting": "t3"}, {"doi": "10.1/y"}],
)
def test_a_table_cannot_name_a_folder_elsewhere(
    store: FakeBucket, tmp_path: Path, change: dict[str, str]
) -> None:
    with pytest.raises(ConfigError):
        load_table(write_table(tmp_path / "bad.toml", store, CASES, **change))


# Fetching.


def test_a_fetched_case_is_read_as_its_slices_were_with_its_attribution(
    table: Table, url: str, cache: Kept, store: FakeBucket
) -> None:
    seen: list[tuple[int, int]] = []
    assert bring(table, url, cache, progress=lambda *both: seen.append(both)) == []
    case = table.cases[0]
    study = io.read_study(cache.require(case))
    assert [(s.plane, s.weighting) for s in study.series] == [("coronal", "t1"), ("axial", "t1")]
    np.testing.assert_array_equal(study.series[0].volume.voxels, volume_values())
    assert not study.refused
    (credit,) = study.attribution
    assert CITATION in credit and "CC BY 4.0" in credit and OPEN_LICENCES["CC BY 4.0"] in credit
    assert credit in (cache.folder / "ATTRIBUTION.txt").read_text()
    total = sum(each.bytes for each in table.cases)
    assert seen[0] == (0, total) and seen[-1] == (total, total)
    assert seen == sorted(seen)
    asked = len(store.asked)
    bring(table, url, cache)
    assert len(store.asked) == asked  # what is there is not asked for again


def test_series_and_collections_can_be_named(table: Table, url: str, cache: Kept) -> None:
    bring(table, url, cache, uid_of(2))
    assert not cache.has(table.cases[0]) and cache.has(table.find([uid_of(2)])[0])
    assert [case.id for case in table.find(["SOME"])] == ["A-1", "B-2"]
    assert [case.id for case in table.find(["some", "B-2"])] == ["A-1", "B-2"]


def test_a_long_listing_comes_in_pages(
    table: Table, url: str, cache: Kept, store: FakeBucket
) -> None:
    store.page = 2
    assert bring(table, url, cache) == []
    assert all(cache.has(case) for case in table.cases)
    assert sum("continuation-token" in path for path, _ in store.asked) == 6


def test_a_line_that_breaks_in_the_middle_of_files_is_gone_on_with(
    table: Table, url: str, cache: Kept, store: FakeBucket
) -> None:
    store.cut_after = 600
    assert bring(table, url, cache) == []
    assert all(cache.has(case) for case in table.cases)
    assert "bytes=600-" in store.ranges_asked()


def test_an_interrupted_fetch_says_how_to_go_on_and_goes_on_where_it_stopped(
    table: Table, url: str, cache: Kept, store: FakeBucket
) -> None:
    store.cut_after = 100
    error = refusal(table, url, cache)
    assert error.code == "interrupted" and "goes on where it stopped" in error.hint
    assert not any(cache.has(case) for case in table.cases)
    store.cut_after, already = None, 100 * bucket.ATTEMPTS
    store.asked.clear()
    assert bring(table, url, cache) == []
    assert store.ranges_asked() == [f"bytes={already}-"]
    np.testing.assert_array_equal(
        io.read_study(cache.require(table.cases[1])).series[0].volume.voxels, volume_values()
    )


def test_a_server_without_ranges_sends_the_file_again(
    table: Table, url: str, cache: Kept, store: FakeBucket
) -> None:
    store.cut_after = 100
    refusal(table, url, cache, "B-2")
    store.cut_after, store.has_ranges = None, False
    assert bring(table, url, cache, "B-2") == []
    assert cache.require(table.cases[1])


def test_the_beginning_of_an_older_version_is_not_gone_on_with(
    table: Table, url: str, cache: Kept, store: FakeBucket
) -> None:
    store.cut_after = 100
    refusal(table, url, cache, "B-2")
    store.cut_after, store.in_parts = None, True  # the same bytes under another ETag
    store.asked.clear()
    assert bring(table, url, cache, "B-2") == []
    assert store.ranges_asked() == []


def test_whoever_cancels_keeps_what_came(
    table: Table, url: str, cache: Kept, store: FakeBucket
) -> None:
    assert refusal(table, url, cache, progress=break_after_one_file).code == "cancelled"
    first = len(downloads(store))
    store.asked.clear()
    assert bring(table, url, cache) == []
    assert len(downloads(store)) <= WHOLE - first + 1


def test_a_file_with_another_checksum_is_thrown_away_and_the_others_are_there(
    table: Table, url: str, cache: Kept, store: FakeBucket
) -> None:
    name = sorted(store.files[folder_of(1)])[2]
    store.damaged = {name}
    (error,) = bring(table, url, cache)
    require_sentences(error)
    assert error.code == "wrong-checksum" and "A-1" in error.message
    assert not cache.has(table.cases[0]) and cache.has(table.cases[1])
    assert not list(cache.folder.rglob(f"{name}*"))
    store.damaged = set()
    store.asked.clear()
    assert bring(table, url, cache) == []
    assert len(downloads(store)) == 3  # it, and the two after it


def test_files_of_another_series_are_thrown_away(
    table: Table, url: str, cache: Kept, store: FakeBucket
) -> None:
    files = store.files[folder_of(3)]
    name = sorted(files)[0]
    files[name] = to_bytes(mr_image(0, series=uid_of(9), SeriesNumber=3,
                                    SeriesDescription="t1 tse cor"))  # fmt: skip
    (error,) = bring(table, url, cache, "B-2")
    assert error.code == "wrong-series"
    files[name] = b"\0" * len(files[name])
    (error,) = bring(table, url, cache, "B-2")
    assert error.code == "wrong-series"
    assert not cache.has(table.cases[1])


def test_files_that_were_uploaded_in_parts_are_checked_by_size_and_series(
    table: Table, url: str, cache: Kept, store: FakeBucket
) -> None:
    store.in_parts = True
    assert bring(table, url, cache) == []
    assert all(cache.has(case) for case in table.cases)


def test_other_files_than_the_table_names_are_not_fetched(
    table: Table, url: str, cache: Kept, store: FakeBucket
) -> None:
    store.files[folder_of(3)].popitem()
    store.files[folder_of(1)]["more.dcm"] = b"x"
    errors = bring(table, url, cache)
    assert [error.code for error in errors] == ["changed", "changed"]
    assert "4 files instead of 5" in errors[1].message
    assert len(downloads(store)) == 5  # the one series that is as it was


@pytest.mark.parametrize(
    ("licence", "code"), [("", "no-licence"), ("CC BY-NC 4.0", "licence-not-open")]
)
def test_without_an_open_licence_nothing_is_asked_for(
    store: FakeBucket, url: str, tmp_path: Path, licence: str, code: str
) -> None:
    closed = load_table(write_table(tmp_path / "closed.toml", store, CASES, licence=licence))
    assert refusal(closed, url, Kept(tmp_path / "cache")).code == code
    assert store.asked == []


def test_an_unknown_name_is_refused_and_a_strange_one_not_repeated(table: Table) -> None:
    with pytest.raises(CaseError, match="'C-3'") as caught:
        table.find(["A-1", "C-3"])
    assert caught.value.code == "unknown-id"
    with pytest.raises(CaseError) as caught:
        table.find(["<script>"])
    assert "script" not in caught.value.message


def test_without_a_network_it_says_so(table: Table, cache: Kept) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        error = refusal(table, f"http://127.0.0.1:{nobody.getsockname()[1]}", cache)
    assert error.code == "offline" and "without one" in error.hint


def test_a_name_that_no_server_has_is_offline_too(table: Table, cache: Kept) -> None:
    assert refusal(table, "https://bucket.invalid", cache).code == "offline"


def test_no_redirect_is_followed(table: Table, url: str, cache: Kept, store: FakeBucket) -> None:
    store.redirect = "https://elsewhere.example/x?token=1"
    error = refusal(table, url, cache)
    assert error.code == "redirected"
    assert "elsewhere.example" in error.message and "token" not in error.message
    assert len(store.asked) == 1


@pytest.mark.parametrize("status", [403, 404])
def test_a_refusal_of_the_server_concerns_each_series_alone(
    table: Table, url: str, cache: Kept, store: FakeBucket, status: int
) -> None:
    store.status = status
    errors = bring(table, url, cache)
    assert [error.code for error in errors] == ["http"] * 3
    assert str(status) in errors[0].message
    assert len(store.asked) == 3


def test_a_busy_server_is_asked_again_a_few_times(
    table: Table, url: str, cache: Kept, store: FakeBucket
) -> None:
    store.status = 503
    (error,) = bring(table, url, cache, "B-2")
    assert error.code == "http" and len(store.asked) == bucket.ATTEMPTS


def test_a_certificate_that_does_not_hold_ends_it(table: Table, url: str, cache: Kept) -> None:
    assert refusal(table, url.replace("http://", "https://"), cache).code == "tls"


@pytest.mark.parametrize("address", ["http://example.org", "ftp://127.0.0.1", "", "https://"])
def test_only_https_is_spoken_with_other_machines(address: str) -> None:
    with pytest.raises(CaseError) as caught:
        Bucket(address)
    assert caught.value.code == "not-https"


def test_two_do_not_fetch_into_one_cache(table: Table, url: str, cache: Kept) -> None:
    cache.folder.mkdir()
    with FileLock(cache.folder / kept.LOCK):
        assert refusal(table, url, cache).code == "busy"
        with pytest.raises(CaseError) as caught:
            cache.empty_all()
            (cache.folder / "a").write_bytes(b"a")
            cache.empty_all()
    assert caught.value.code == "busy"


def test_nothing_is_fetched_that_does_not_fit(
    table: Table, url: str, cache: Kept, store: FakeBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "RESERVE_BYTES", shutil.disk_usage("/").total * 2)
    assert refusal(table, url, cache).code == "no-space"
    monkeypatch.setenv("ASEMBLE_CASES_MIB", "0")
    assert refusal(table, url, cache).code == "cache-full"
    assert store.asked == []


def test_a_cache_that_cannot_be_written_is_refused(table: Table, url: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert refusal(table, url, Kept(tmp_path / "file" / "cache")).code == "not-written"


# What the server may answer.

BOMB = """<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">&b;</ListBucketResult>"""
KEY = '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{}</ListBucketResult>'


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "<html><body>Please log in</body></html>",
        BOMB,
        KEY.format("<Contents><Key>f/../../x</Key><Size>1</Size></Contents>"),
        KEY.format("<Contents><Key>f/a/b.dcm</Key><Size>1</Size></Contents>"),
        KEY.format("<Contents><Key>f/.hidden</Key><Size>1</Size></Contents>"),
        KEY.format("<Contents><Key>g/a.dcm</Key><Size>1</Size></Contents>"),
        KEY.format("<Contents><Key>f/a.dcm</Key><Size>-1</Size></Contents>"),
        KEY.format("<Contents><Key>f/a.dcm</Key><Size>many</Size></Contents>"),
        KEY.format("<IsTruncated>true</IsTruncated>"),
    ],
)
def test_what_is_no_plain_list_of_files_is_refused(answer: str) -> None:
    with pytest.raises(CaseError) as caught:
        read_listing(answer.encode(), "f")
    assert caught.value.code == "listing"
    require_sentences(caught.value)


def test_a_listing_of_a_folder_that_is_an_object_too_is_read() -> None:
    answer = KEY.format(
        "<Contents><Key>f/</Key><Size>0</Size></Contents>"
        "<Contents><Key>f/a.dcm</Key><Size>7</Size><ETag>&quot;ab&quot;</ETag></Contents>"
    )
    assert read_listing(answer.encode(), "f").objects == (listing.Object("f", "a.dcm", 7, "ab"),)


def test_a_portal_instead_of_the_bucket_is_told(
    table: Table, url: str, cache: Kept, store: FakeBucket
) -> None:
    store.listing = "<html>Please log in</html>"
    (error,) = bring(table, url, cache, "B-2")
    assert error.code == "listing" and "portal" in error.hint


# The cache.


def test_the_cache_can_be_emptied_in_part_and_wholly(
    table: Table, url: str, cache: Kept, store: FakeBucket
) -> None:
    bring(table, url, cache)
    store.cut_after = 100
    first, second = table.cases
    assert cache.empty([first]) >= first.bytes
    assert not cache.has(first) and cache.has(second)
    assert not cache.case_folder(first).exists()
    refusal(table, url, cache, first.id)
    assert cache.empty_all() > second.bytes
    assert [path.name for path in cache.folder.iterdir()] == [".lock"]
    assert not cache.has(second)


def test_a_file_that_changed_in_the_cache_is_not_opened(
    table: Table, url: str, cache: Kept
) -> None:
    bring(table, url, cache, "B-2")
    case = table.cases[1]
    path = next(cache.case_folder(case).rglob("*.dcm"))
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(CaseError) as caught:
        cache.require(case)
    assert caught.value.code == "damaged"
    path.unlink()
    assert not cache.has(case)
    assert bring(table, url, cache, "B-2") == []
    assert cache.require(case)


def test_a_spoilt_receipt_counts_as_none(table: Table, url: str, cache: Kept) -> None:
    bring(table, url, cache, "B-2")
    for text in ("", "[]", '{"files": 3}', '{"files": {"a": 3}}'):
        (cache.folder / "receipts" / f"{uid_of(3)}.json").write_text(text)
        assert not cache.has(table.cases[1])


# The command line.


def test_the_verbs_list_fetch_and_empty(
    table: Table, url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--cache", str(tmp_path / "cache")]
    assert main(["cases", "list", *where]) == 0
    said = capsys.readouterr().out
    assert "A-1  SOME  CC BY 4.0" in said and "cached" not in said and "Nobody read" in said
    assert main(["cases", "fetch", "A-1", "--base-url", url, *where]) == 0
    said = capsys.readouterr().out
    folder = Path(said.splitlines()[0])
    assert CITATION in said
    assert main(["cases", "list", "--json", *where]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [(each["id"], each["cached"]) for each in listed] == [("A-1", True), ("B-2", False)]
    assert listed[0]["attribution"] and listed[0]["seen"] == "not stated"
    assert main(["convert", str(folder), str(tmp_path / "nifti")]) == 0
    sidecar = json.loads((tmp_path / "nifti" / "s01.json").read_text())
    assert CITATION in sidecar["attribution"][0]
    assert main(["cases", "empty", "A-1", *where]) == 0
    assert not folder.exists()


def test_the_verb_tells_a_failure_in_a_line_or_as_json(
    table: Table, url: str, store: FakeBucket, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store.cut_after = 100
    how = ["--base-url", url, "--cache", str(tmp_path / "cache")]
    assert main(["cases", "fetch", "--all", *how]) == 2
    said = capsys.readouterr().err
    assert said.startswith("asemble: The connection broke off") and said.count("\n") == 1
    assert main(["cases", "fetch", "B-2", "--json", *how]) == 2
    (error,) = json.loads(capsys.readouterr().out)["errors"]
    assert error["code"] == "interrupted" and error["message"] and error["hint"]


def test_a_licence_can_be_asked_for(
    table: Table, url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    how = ["--base-url", url, "--cache", str(tmp_path / "cache")]
    assert main(["cases", "fetch", "--all", "--licence", "CC0 1.0", *how]) == 2
    assert "so described" in capsys.readouterr().err
    assert main(["cases", "fetch", "--all", "--licence", "CC BY 4.0", *how]) == 0


def test_an_operator_can_switch_fetching_off(
    table: Table, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:  # fmt: skip
    for use in ("off", "cached"):
        monkeypatch.setenv("ASEMBLE_CASES", use)
        assert main(["cases", "fetch", "--all", "--json", "--cache", str(tmp_path / "c")]) == 2
        (error,) = json.loads(capsys.readouterr().out)["errors"]
        assert error["code"] == "switched-off"
    monkeypatch.setenv("ASEMBLE_CASES", "perhaps")
    assert main(["cases", "fetch", "--all"]) == 2
    assert "ASEMBLE_CASES" in capsys.readouterr().err


def test_the_parts_that_training_used_are_written_in_their_place(
    store: FakeBucket, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = {"slices": [1, 3], "rows": [2, 4], "columns": [1, 4]}
    path = write_table(tmp_path / "part.toml", store, {"B-2": {3: "coronal"}}, painted=part)
    monkeypatch.setenv("ASEMBLE_CASES_TABLE", str(path))
    monkeypatch.setenv("ASEMBLE_CASES_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("ASEMBLE_CASES_URL", url)
    assert main(["cases", "painted", str(tmp_path / "out")]) == 2  # not there yet
    assert main(["cases", "fetch", "--painted"]) == 0
    assert main(["cases", "painted", str(tmp_path / "out")]) == 0
    (case,) = load_table().cases
    (whole,) = io.read_study(Kept().require(case)).series
    written = io.read_study(tmp_path / "out" / "P-B-2_t1_cor.nii.gz").series[0].volume
    np.testing.assert_array_equal(written.voxels, whole.volume.voxels[1:4, 2:5, 1:5])
    assert written.affine_lps is not None and whole.volume.affine_lps is not None
    np.testing.assert_allclose(
        written.affine_lps @ [0, 0, 0, 1], whole.volume.affine_lps @ [1, 2, 1, 1], atol=1e-4
    )
    axes = nib.load(tmp_path / "out" / "P-B-2_t1_cor.nii.gz").affine
    assert nib.aff2axcodes(axes) == ("L", "I", "P")  # as the ranges of the table are counted
    assert CITATION in (tmp_path / "out" / "ATTRIBUTION.txt").read_text()


# The attribution.


def test_a_published_series_is_credited_whichever_way_it_comes_in(
    table: Table, store: FakeBucket
) -> None:
    files = store.files[folder_of(3)]
    parts = [io.Part.from_bytes(name, content) for name, content in files.items()]
    assert CITATION in io.read_parts(parts).attribution[0]
    own = [io.Part.from_bytes("a", to_bytes(mr_image(i, series="1.9"))) for i in range(5)]
    assert io.read_parts(own).attribution == ()
