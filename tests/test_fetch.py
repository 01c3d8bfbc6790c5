"""Fetching public cases, the whole way, from a server laid out like the public bucket."""

import shutil
import socket
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from mr_files import mr_image, to_bytes, volume_values
from public_bucket import (
    CASES,
    CITATION,
    FakeBucket,
    folder_of,
    require_sentences,
    uid_of,
    write_table,
)

from asemble import io
from asemble.cases import Table, load_table
from asemble.cases.licences import OPEN_LICENCES
from asemble.core.errors import CaseError
from asemble.fetch import Bucket, CaseCache, bucket, case_cache, download, fetch

WHOLE = 15
"""Files of both cases."""


@pytest.fixture
def cache(tmp_path: Path) -> CaseCache:
    return CaseCache(tmp_path / "cache")


def bring(table: Table, url: str, cache: CaseCache, *names: str, **options) -> list[CaseError]:  # type: ignore[no-untyped-def]
    chosen = table.find(names) if names else table.cases
    with Bucket(url) as source:
        return fetch(chosen, table, source, cache, **options)


def refusal(table: Table, url: str, cache: CaseCache, *names: str, **options) -> CaseError:  # type: ignore[no-untyped-def]
    with pytest.raises(CaseError) as caught:
        bring(table, url, cache, *names, **options)
    require_sentences(caught.value)
    return caught.value


def downloads(store: FakeBucket) -> list[str]:
    return [path for path, _ in store.asked if path.endswith(".dcm")]


def break_after_one_file(done: int, total: int) -> None:
    """Say stop as somebody who cancels does."""
    if done > 1500:
        raise CaseError("Stopped.", hint="Go on.", code="cancelled")


def test_a_fetched_case_is_read_as_its_slices_were_with_its_attribution(
    table: Table, url: str, cache: CaseCache, store: FakeBucket
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


def test_series_and_collections_can_be_named(table: Table, url: str, cache: CaseCache) -> None:
    bring(table, url, cache, uid_of(2))
    assert not cache.has(table.cases[0]) and cache.has(table.find([uid_of(2)])[0])
    assert [case.id for case in table.find(["SOME"])] == ["A-1", "B-2"]
    assert [case.id for case in table.find(["some", "B-2"])] == ["A-1", "B-2"]


def test_a_long_listing_comes_in_pages(
    table: Table, url: str, cache: CaseCache, store: FakeBucket
) -> None:
    store.page = 2
    assert bring(table, url, cache) == []
    assert all(cache.has(case) for case in table.cases)
    assert sum("continuation-token" in path for path, _ in store.asked) == 6


def test_a_line_that_breaks_in_the_middle_of_files_is_gone_on_with(
    table: Table, url: str, cache: CaseCache, store: FakeBucket
) -> None:
    store.cut_after = 600
    assert bring(table, url, cache) == []
    assert all(cache.has(case) for case in table.cases)
    assert "bytes=600-" in store.ranges_asked()


def test_an_interrupted_fetch_says_how_to_go_on_and_goes_on_where_it_stopped(
    table: Table, url: str, cache: CaseCache, store: FakeBucket
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
    table: Table, url: str, cache: CaseCache, store: FakeBucket
) -> None:
    store.cut_after = 100
    refusal(table, url, cache, "B-2")
    store.cut_after, store.has_ranges = None, False
    assert bring(table, url, cache, "B-2") == []
    assert cache.require(table.cases[1])


def test_the_beginning_of_an_older_version_is_not_gone_on_with(
    table: Table, url: str, cache: CaseCache, store: FakeBucket
) -> None:
    store.cut_after = 100
    refusal(table, url, cache, "B-2")
    store.cut_after, store.in_parts = None, True  # the same bytes under another ETag
    store.asked.clear()
    assert bring(table, url, cache, "B-2") == []
    assert store.ranges_asked() == []


def test_whoever_cancels_keeps_what_came(
    table: Table, url: str, cache: CaseCache, store: FakeBucket
) -> None:
    assert refusal(table, url, cache, progress=break_after_one_file).code == "cancelled"
    first = len(downloads(store))
    store.asked.clear()
    assert bring(table, url, cache) == []
    assert len(downloads(store)) <= WHOLE - first + 1


def test_a_file_with_another_checksum_is_thrown_away_and_the_others_are_there(
    table: Table, url: str, cache: CaseCache, store: FakeBucket
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
    table: Table, url: str, cache: CaseCache, store: FakeBucket
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
    table: Table, url: str, cache: CaseCache, store: FakeBucket
) -> None:
    store.in_parts = True
    assert bring(table, url, cache) == []
    assert all(cache.has(case) for case in table.cases)


def test_other_files_than_the_table_names_are_not_fetched(
    table: Table, url: str, cache: CaseCache, store: FakeBucket
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
    assert refusal(closed, url, CaseCache(tmp_path / "cache")).code == code
    assert store.asked == []


def test_without_a_network_it_says_so(table: Table, cache: CaseCache) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        error = refusal(table, f"http://127.0.0.1:{nobody.getsockname()[1]}", cache)
    assert error.code == "offline" and "without one" in error.hint


def test_a_name_that_no_server_has_is_offline_too(table: Table, cache: CaseCache) -> None:
    assert refusal(table, "https://bucket.invalid", cache).code == "offline"


def test_no_redirect_is_followed(
    table: Table, url: str, cache: CaseCache, store: FakeBucket
) -> None:
    store.redirect = "https://elsewhere.example/x?token=1"
    error = refusal(table, url, cache)
    assert error.code == "redirected"
    assert "elsewhere.example" in error.message and "token" not in error.message
    assert len(store.asked) == 1


@pytest.mark.parametrize("status", [403, 404])
def test_a_refusal_of_the_server_concerns_each_series_alone(
    table: Table, url: str, cache: CaseCache, store: FakeBucket, status: int
) -> None:
    store.status = status
    errors = bring(table, url, cache)
    assert [error.code for error in errors] == ["http"] * 3
    assert str(status) in errors[0].message
    assert len(store.asked) == 3


def test_a_busy_server_is_asked_again_a_few_times(
    table: Table, url: str, cache: CaseCache, store: FakeBucket
) -> None:
    store.status = 503
    (error,) = bring(table, url, cache, "B-2")
    assert error.code == "http" and len(store.asked) == bucket.ATTEMPTS


def test_a_certificate_that_does_not_hold_ends_it(table: Table, url: str, cache: CaseCache) -> None:
    assert refusal(table, url.replace("http://", "https://"), cache).code == "tls"


@pytest.mark.parametrize("address", ["http://example.org", "ftp://127.0.0.1", "", "https://"])
def test_only_https_is_spoken_with_other_machines(address: str) -> None:
    with pytest.raises(CaseError) as caught:
        Bucket(address)
    assert caught.value.code == "not-https"


def test_two_do_not_fetch_into_one_cache(table: Table, url: str, cache: CaseCache) -> None:
    cache.folder.mkdir()
    with FileLock(cache.folder / case_cache.LOCK):
        assert refusal(table, url, cache).code == "busy"
        with pytest.raises(CaseError) as caught:
            cache.empty_all()
            (cache.folder / "a").write_bytes(b"a")
            cache.empty_all()
    assert caught.value.code == "busy"


def test_nothing_is_fetched_that_does_not_fit(
    table: Table, url: str, cache: CaseCache, store: FakeBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "RESERVE_BYTES", shutil.disk_usage("/").total * 2)
    assert refusal(table, url, cache).code == "no-space"
    monkeypatch.setenv("ASEMBLE_CASES_MIB", "0")
    assert refusal(table, url, cache).code == "cache-full"
    assert store.asked == []


def test_a_cache_that_cannot_be_written_is_refused(table: Table, url: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert refusal(table, url, CaseCache(tmp_path / "file" / "cache")).code == "not-written"


def test_a_portal_instead_of_the_bucket_is_told(
    table: Table, url: str, cache: CaseCache, store: FakeBucket
) -> None:
    store.listing = "<html>Please log in</html>"
    (error,) = bring(table, url, cache, "B-2")
    assert error.code == "listing" and "portal" in error.hint


# The cache.


def test_the_cache_can_be_emptied_in_part_and_wholly(
    table: Table, url: str, cache: CaseCache, store: FakeBucket
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
    table: Table, url: str, cache: CaseCache
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


def test_a_spoilt_receipt_counts_as_none(table: Table, url: str, cache: CaseCache) -> None:
    bring(table, url, cache, "B-2")
    for text in ("", "[]", '{"files": 3}', '{"files": {"a": 3}}'):
        (cache.folder / "receipts" / f"{uid_of(3)}.json").write_text(text)
        assert not cache.has(table.cases[1])
