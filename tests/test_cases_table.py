"""What the table of public cases may say, and what a listing of their server."""

import json
from pathlib import Path

import pytest
from public_bucket import CASES, FakeBucket, require_sentences, write_table

from asemble import cases
from asemble.cases import Table, load_table
from asemble.cases.licences import OPEN_LICENCES
from asemble.core.errors import CaseError, ConfigError
from asemble.fetch import listing
from asemble.fetch.listing import read_listing


@pytest.fixture
def table(store: FakeBucket, tmp_path: Path) -> Table:
    return load_table(write_table(tmp_path / "table.toml", store, CASES))


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


@pytest.mark.parametrize(
    "change",
    [{"folder": "../.."}, {"uid": "../1"}, {"weighting": "t3"}, {"doi": "10.1/y"}],
)
def test_a_table_cannot_name_a_folder_elsewhere(
    store: FakeBucket, tmp_path: Path, change: dict[str, str]
) -> None:
    with pytest.raises(ConfigError):
        load_table(write_table(tmp_path / "bad.toml", store, CASES, **change))


def test_an_unknown_name_is_refused_and_a_strange_one_not_repeated(table: Table) -> None:
    with pytest.raises(CaseError, match="'C-3'") as caught:
        table.find(["A-1", "C-3"])
    assert caught.value.code == "unknown-id"
    with pytest.raises(CaseError) as caught:
        table.find(["<script>"])
    assert "script" not in caught.value.message


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
