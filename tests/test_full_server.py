"""A server with little memory: what does not fit is told on the page, and the rest goes on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from mr_files import write_series
from playwright.sync_api import expect
from served_app import IN_CHROMIUM, Server, chromium, new_window, running
from streamlit_client import StreamlitClient
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from asemble.core.memory_budget import MIB
from asemble.ui import connections, memory

SMALL_MIB = 2560


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    log = tmp_path_factory.mktemp("full") / "log"
    with running(log, environment={memory.MEMORY: str(SMALL_MIB)}) as server:
        yield server
    assert "Traceback" not in log.read_text()


@pytest.mark.skipif(not Path("/proc/self/limits").exists(), reason="reads limits from /proc")
def test_the_system_holds_the_process_below_what_it_may_have(server: Server) -> None:
    StreamlitClient(server.address).wait()  # the first page comes after the server has begun
    lines = Path(f"/proc/{server.process.pid}/limits").read_text().splitlines()
    (held,) = (int(line.split()[3]) for line in lines if line.startswith("Max data size"))
    assert memory.BASE < held <= SMALL_MIB * MIB


def test_a_message_that_is_too_long_ends_its_socket(server: Server) -> None:
    address = server.address.replace("http", "ws", 1) + "/_stcore/stream"
    with (
        connect(address, subprotocols=["streamlit"], compression=None) as socket,
        pytest.raises(ConnectionClosed),
    ):
        socket.send(bytes(connections.MESSAGE_BYTES + MIB))
        while True:
            socket.recv(timeout=120)
    StreamlitClient(server.address).wait()


@pytest.mark.parametrize("_in", [pytest.param(None, marks=IN_CHROMIUM)])
def test_a_file_that_never_fits_is_told_on_the_page_and_others_are_read(
    server: Server, tmp_path: Path, _in: None
) -> None:
    large = tmp_path / "large.zip"
    with large.open("wb") as file:
        file.truncate(memory.LEAST // 2 + MIB)
    with chromium() as browser, new_window(browser) as page:
        page.goto(server.address)
        page.locator("input[type=file]").first.set_input_files(large)
        said = page.get_by_test_id("stAlert")
        expect(said).to_contain_text("larger than the 256 MiB that this server has memory for")
        files = write_series(tmp_path, 3)
        page.locator("input[type=file]").first.set_input_files(files)
        page.get_by_role("button", name="Read the upload").click()
        expect(page.get_by_text("1 series read")).to_be_visible()
