"""A whole session on the real server, in Chromium: nothing of the study stays or gets away."""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import canary
import pytest
from playwright.sync_api import Page, WebSocket, expect
from served_app import IN_CHROMIUM, Server, look_at, running

pytestmark = IN_CHROMIUM


@dataclass
class Places:
    """Where a process may leave files: its home, its folder for temporary files."""

    home: Path
    temporary: Path
    log: Path


@dataclass
class Traffic:
    """What the browser got, where from, and what it was kept from."""

    hosts: set[str] = field(default_factory=set)
    received: list[bytes] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("request", lambda request: self.hosts.add(request.url.split("/")[2]))
        page.on("console", lambda line: self.complaints.append(f"{line.type}: {line.text}"))
        page.on("websocket", self._watch_socket)

    def _watch_socket(self, socket: WebSocket) -> None:
        self.hosts.add(socket.url.split("/")[2])
        socket.on("framereceived", lambda data: self.received.append(_as_bytes(data)))


def _as_bytes(data: str | bytes) -> bytes:
    return data.encode() if isinstance(data, str) else data


@pytest.fixture
def places(tmp_path: Path) -> Places:
    places = Places(tmp_path / "home", tmp_path / "temporary", tmp_path / "log.txt")
    places.home.mkdir()
    places.temporary.mkdir()
    return places


@pytest.fixture
def server(places: Places) -> Iterator[Server]:
    environment = {"HOME": str(places.home), "TMPDIR": str(places.temporary)}
    options = ["--logger.level=debug"]
    with running(places.log, options=options, environment=environment) as server:
        yield server


@pytest.fixture
def page(server: Server) -> Iterator[Page]:
    yield from look_at(server.address)


def test_a_session_leaves_nothing_and_talks_to_nobody_else(
    server: Server, page: Page, places: Places, tmp_path: Path
) -> None:
    padding = os.urandom(3 * 2**20)  # beyond what a server keeps in memory by habit
    archive = tmp_path / f"{canary.NAME_WORD}.zip"
    archive.write_bytes(canary.zipped({**canary.study(), "notes.bin": padding}))
    traffic = Traffic()
    traffic.watch(page)
    page.reload()

    with kept_open(server, places.temporary) as temporary_files:
        page.locator('input[type="file"]').set_input_files(archive)
        page.get_by_role("button", name="Read the upload").click()
        expect(page.get_by_text("3 series read")).to_be_visible()
        expect(page.get_by_text("3 files or images left out, and why")).to_be_visible()
        expect(page.get_by_test_id("stDataFrame")).to_be_visible()
        expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
    assert temporary_files == set()

    on_home = b"".join(traffic.received)
    assert canary.found_in(on_home, names_too=False) == []
    assert canary.NAME_WORD.encode() in on_home  # what was left out, to whom it belongs
    traffic.received.clear()
    for name in ("Read", "Assess"):
        page.get_by_role("link", name=name, exact=True).first.click()
        expect(page.get_by_text("No study is open yet")).to_have_count(0)
    page.get_by_text("Read first", exact=True).click()
    page.get_by_role("button", name="Ask the ensemble", exact=True).click()
    expect(page.get_by_text("Study probabilities")).to_be_visible()
    page.get_by_role("link", name="Report", exact=True).click()
    for kind in ("PDF", "JSON", "text"):
        with page.expect_download() as download:
            page.get_by_role("button", name=f"Download {kind}").click()
        assert canary.found_in(download.value.suggested_filename) == []
        assert canary.found_in(Path(download.value.path()).read_bytes()) == []
    page.get_by_role("link", name="Models", exact=True).click()
    expect(page.get_by_text("Intended use")).to_be_visible()

    assert canary.found_in(b"".join(traffic.received)) == []
    assert traffic.hosts == {server.address.split("/")[2]}
    assert [line for line in traffic.complaints if "Content Security Policy" in line] == []

    # The end, with the browser still looking.
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(timeout=20) == 0
    # matplotlib, which grad-cam imports, keeps a list of this machine's fonts.
    left = [path for path in places.home.rglob("*") if path.is_file()]
    assert [path for path in left if path.parent.name != "matplotlib"] == []
    # torch makes an empty folder for a compiler that is not used.
    assert [path for path in places.temporary.rglob("*") if path.is_file()] == []
    said = places.log.read_text()
    assert canary.found_in(said) == []
    events = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    facts = {line["event"]: line for line in events}
    assert (facts["read"]["files"], facts["read"]["series"], facts["read"]["slices"]) == (1, 3, 11)
    assert facts["read"]["bytes"] == archive.stat().st_size
    assert (facts["predicted"]["slices"], facts["predicted"]["device"]) == (8, "cpu")
    assert facts["predicted"]["seconds"] > 0


class kept_open:  # noqa: N801  reads as a phrase
    """The files below a folder that a process has open meanwhile, deleted ones included."""

    def __init__(self, server: Server, folder: Path) -> None:
        self._descriptors = Path(f"/proc/{server.process.pid}/fd")
        self._folder = str(folder)
        self._found: set[str] = set()
        self._is_over = threading.Event()
        self._watch = threading.Thread(target=self._look)

    def __enter__(self) -> set[str]:
        self._watch.start()
        return self._found

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._watch.join()

    def _look(self) -> None:
        while not self._is_over.is_set():
            for descriptor in self._descriptors.glob("*"):
                try:
                    target = str(descriptor.readlink())
                except OSError:
                    continue
                if target.startswith(self._folder):
                    self._found.add(target)
            time.sleep(0.002)
