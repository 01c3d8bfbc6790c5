"""Fixtures shared by the tests."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from clock import Clock
from public_bucket import CASES, FakeBucket, filled_bucket, serving, write_table

from asemble.cases import Table, load_table
from asemble.core.labels import Pattern
from asemble.phantom import write_sample

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from asemble.models import Ensemble

SHARED = Path(__file__).parents[2] / "shared"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="the long forms of tests that have one")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def is_long(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--long"))


LONG = {
    *("app", "bench", "bones_of_t1", "comparison", "counting", "decoders", "dicom", "explain"),
    *("heatmap_checks", "kernels", "own_data", "owners", "painted", "phantom", "server"),
    *("study_records", "uploads", "weights_check", "wheel"),
}
"""Files of tests that take longer than others."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files come first, before them those in Chromium: at the end all would wait for one."""
    items.sort(
        key=lambda item: (
            item.get_closest_marker("browser") is None,
            item.path.stem.removeprefix("test_") not in LONG,
        )
    )


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    if not (SHARED / "data" / "dicom" / "manifest.json").exists():
        pytest.skip("the shared scanner files are not on this machine (../shared/data/dicom)")
    return SHARED


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a simulated inflammatory case, as `write_sample` leaves it.

    It takes seconds, so the workers of one run share it.
    """
    home = tmp_path_factory.getbasetemp()
    folder = (home.parent if "PYTEST_XDIST_WORKER" in os.environ else home) / "inflammatory"
    if not folder.exists():
        made = tmp_path_factory.mktemp("sample")
        write_sample(made, kind=Pattern.INFLAMMATORY, seed=7)
        with suppress(OSError):  # another worker was as soon
            made.rename(folder)
    return folder


@pytest.fixture(scope="session")
def random_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of weights drawn by chance, with cards and fusion, as training leaves it."""
    from small_studies import write_random_weights  # noqa: PLC0415  torch only where it is used

    folder = tmp_path_factory.mktemp("weights")
    write_random_weights(folder)
    return folder


@pytest.fixture(scope="session")
def random_ensemble(random_weights: Path) -> "Ensemble":
    from asemble.models import load_ensemble  # noqa: PLC0415  torch only where it is used

    return load_ensemble(random_weights, device="cpu")


@pytest.fixture(scope="module")
def page_file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The script `PAGE` of a file of tests, to be served instead of the app."""
    file = tmp_path_factory.mktemp("app") / "page.py"
    file.write_text(request.module.PAGE)
    return file


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a server says what it has to say."""
    return tmp_path_factory.mktemp("log") / "server.txt"


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app, served once for all tests in Chromium."""
    from served_app import serve  # noqa: PLC0415  Playwright only where it is used

    yield from serve(tmp_path_factory.mktemp("server") / "log.txt")


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """One Chromium a file: while Playwright's loop is there, no other may run beside it."""
    from served_app import chromium  # noqa: PLC0415  Playwright only where it is used

    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: "Browser", address: str) -> "Iterator[Page]":
    from served_app import new_window  # noqa: PLC0415  Playwright only where it is used

    with new_window(browser) as page:
        page.goto(address)
        yield page


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> FakeBucket:
    """A public bucket with two cases, which is asked again without a pause."""
    monkeypatch.setattr("asemble.fetch.bucket.PAUSE_S", 0.0)
    return filled_bucket()


@pytest.fixture
def url(store: FakeBucket) -> Iterator[str]:
    with serving(store) as address:
        yield address


@pytest.fixture
def table(store: FakeBucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Table:
    path = write_table(tmp_path / "table.toml", store, CASES)
    monkeypatch.setenv("ASEMBLE_CASES_TABLE", str(path))
    return load_table()
