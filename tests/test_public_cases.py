"""Home's public cases, and their attribution wherever they are shown."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from public_bucket import CASES, CITATION, FakeBucket, filled_bucket, serving, write_table
from pypdf import PdfReader
from small_reports import a_prediction, a_study
from streamlit.testing.v1 import AppTest

from asemble.fetch import CaseCache, Use, bucket
from asemble.reading import Reading, fingerprint
from asemble.report import reading_json, reading_pdf, reading_text
from asemble.ui import fetch_jobs, public_cases

ROOT = Path(__file__).parents[1]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeBucket]:
    """A bucket that the app would fetch from, into an empty cache."""
    made = filled_bucket()
    monkeypatch.setattr(bucket, "PAUSE_S", 0.0)
    monkeypatch.setattr(fetch_jobs, "_last", None)
    monkeypatch.setenv("ASEMBLE_CASES_TABLE", str(write_table(tmp_path / "t.toml", made, CASES)))
    monkeypatch.setenv("ASEMBLE_CASES_CACHE", str(tmp_path / "cache"))
    with serving(made) as url:
        monkeypatch.setenv("ASEMBLE_CASES_URL", url)
        yield made


def open_home() -> AppTest:
    return AppTest.from_file(ROOT / "app.py", default_timeout=120).run()


def labels(app: AppTest) -> list[str]:
    return [each.label for each in app.expander]


def press(app: AppTest, key: str) -> AppTest:
    return app.button(key=key).click().run()


def wait(app: AppTest) -> AppTest:
    """Until the fetch that is on its way has ended."""
    until = time.monotonic() + 60
    while (going := fetch_jobs.last()) is not None and not going.is_over:
        assert time.monotonic() < until
        time.sleep(0.02)
    return app.run()


def words(app: AppTest) -> str:
    spoken = [element.proto.body for element in app.get("html")]
    for kind in (app.markdown, app.subheader, app.caption, app.error, app.success):
        spoken += [element.value for element in kind]
    return "\n".join(spoken)


def test_a_case_is_fetched_opened_and_credited_on_every_page_and_removed(
    store: FakeBucket,
) -> None:
    app = open_home()
    assert "2 public cases" in labels(app)
    assert CITATION in words(app) and "CC BY 4.0" in words(app) and "not stated" in words(app)
    assert store.asked == []  # nothing before somebody says so
    app = wait(press(app, "fetch_A-1"))
    assert "A-1 is in the cache." in words(app)
    assert not any("nothing" in path for path, _ in store.asked) and len(store.asked) == 12
    app = press(app, "open_A-1")
    assert "Public case A-1" in words(app) and "2 series read" in words(app)
    app = app.switch_page("pages/1_Read.py").run()
    assert f'<div class="asemble-credit">Images: {CITATION}' in words(app)
    assert not app.exception
    app = open_home()
    assert [each.key for each in app.button if (each.key or "").startswith("open_A")]
    app = press(app, "remove_A-1")
    assert not [each.key for each in app.button if (each.key or "").startswith("open_A")]
    assert not app.exception


def test_a_fetch_that_breaks_says_so_and_the_app_goes_on(store: FakeBucket) -> None:
    store.cut_after = 100
    app = wait(press(open_home(), "fetch_B-2"))
    (error,) = app.error
    assert "broke off" in error.value and "goes on where it stopped" in error.value
    assert not app.exception
    store.cut_after = None
    app = wait(press(app, "fetch_B-2"))
    assert "B-2 is in the cache." in words(app) and not app.error


def test_without_a_network_the_app_says_so_in_a_sentence(
    store: FakeBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASEMBLE_CASES_URL", "https://bucket.invalid")
    app = wait(press(open_home(), "fetch_B-2"))
    assert "cannot be reached" in app.error[0].value
    assert not app.exception


def test_a_fetch_can_be_cancelled(store: FakeBucket, monkeypatch: pytest.MonkeyPatch) -> None:
    tell = fetch_jobs.Fetch.tell

    def slowly(self: fetch_jobs.Fetch, done: int, total: int) -> None:
        self.stop.wait(30)
        tell(self, done, total)

    monkeypatch.setattr(fetch_jobs.Fetch, "tell", slowly)
    app = press(open_home(), "fetch_A-1")
    assert [each.label for each in app.button if each.key == "cancel_fetch"] == ["Cancel"]
    assert all(each.disabled for each in app.button if (each.key or "").startswith("fetch_"))
    app = wait(press(app, "cancel_fetch"))
    assert "Stopped" in app.error[0].value
    assert not app.exception


def test_an_operator_switches_them_off_or_leaves_what_is_cached(
    store: FakeBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASEMBLE_CASES", "off")
    assert not [each for each in labels(open_home()) if "public case" in each]
    monkeypatch.setenv("ASEMBLE_CASES", "cached")
    assert not [each for each in labels(open_home()) if "public case" in each]
    monkeypatch.setenv("ASEMBLE_CASES", "on")
    wait(press(open_home(), "fetch_B-2"))
    monkeypatch.setenv("ASEMBLE_CASES", "cached")
    app = open_home()
    assert "1 public case" in labels(app)
    keys = {each.key for each in app.button}
    assert "open_B-2" in keys and not {"remove_B-2", "fetch_A-1"} & keys


@pytest.mark.parametrize(
    ("address", "names", "may"),
    [
        ("localhost", ["localhost", "127.0.0.1"], Use.ON),
        ("localhost", ["localhost", "reader.hospital.example"], Use.CACHED),
        ("0.0.0.0", ["localhost"], Use.CACHED),
        ("localhost", [], Use.CACHED),
        (None, ["localhost"], Use.CACHED),
    ],
)
def test_a_server_that_others_reach_connects_to_nothing_by_itself(
    monkeypatch: pytest.MonkeyPatch, address: str | None, names: list[str], may: Use
) -> None:
    options = {"server.address": address, "server.allowedHosts": names}
    monkeypatch.setattr(public_cases.st, "get_option", options.__getitem__)
    monkeypatch.delenv("ASEMBLE_CASES", raising=False)
    assert public_cases.use() is may


def test_a_report_of_published_images_carries_their_attribution() -> None:
    credit = f"Images: {CITATION} Licence: CC BY 4.0 (https://example.org)."
    study = replace(a_study(synthetic=False), attribution=(credit,))
    reading, prediction = Reading(study=fingerprint(study)), a_prediction(study)
    assert reading_json(reading, prediction, study)["attribution"] == [credit]
    assert credit in reading_text(reading, prediction, study)
    pages = PdfReader(BytesIO(reading_pdf(reading, prediction, study, images=()))).pages
    for page in pages:
        assert credit in " ".join(page.extract_text().split())


def test_the_schema_of_the_report_knows_the_attribution() -> None:
    schema = json.loads((ROOT / "docs" / "report.schema.json").read_text())
    assert "attribution" in schema["required"] and "attribution" in schema["properties"]


def test_the_cache_of_the_app_is_that_of_the_command_line(store: FakeBucket) -> None:
    wait(press(open_home(), "fetch_B-2"))
    assert sorted(path.name for path in (CaseCache().folder / "cases").iterdir()) == ["B-2"]
