"""The server beside the pages: health, headers, log, memory, and its end."""

import base64
import json
import os
import platform
import signal
import socket
import struct
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.error import HTTPError

import canary
import pytest
from served_app import Server, running
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from test_decoders import FILTERED
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from asemble import __version__
from asemble.io.limits import MIB
from asemble.models.weights import DIRECTORY_VARIABLE
from asemble.ui import connections
from asemble.ui.headers import HEADERS
from asemble.ui.logs import OFTEN

HELD_MIB = 150

PAGE = f"""
import streamlit as st

if __name__ == "__main__":
    import numpy as np

    if "fault" in st.query_params:
        raise ValueError("{canary.WORD} {canary.NUMBER}")
    if "callback" in st.query_params:
        import logging, warnings
        logging.getLogger("pydicom").error("a bad value: {canary.WORD}")
        logging.getLogger("a.new.one").error("a bad value: %s", "{canary.WORD}", exc_info=True)
        warnings.warn("{canary.WORD}")
    if "chatter" in st.query_params:
        import logging
        for number in range(500):
            logging.getLogger("a.chatterer").error("again: %d", number)
    if "hold" in st.query_params:
        st.session_state["held"] = []
        st.stays = []  # pieces above those that will be freed
        for megabyte in range({HELD_MIB}):
            st.session_state["held"] += [np.ones(2**16, dtype=np.uint8) for _ in range(16)]
            st.stays.append(np.ones(2**12, dtype=np.uint8))
    if "busy" in st.query_params:
        import io
        from PIL import Image
        from asemble.io.decode import processes
        from asemble.io.formats.raster import read_picture
        processes.take_part(processes.Share())
        picture = io.BytesIO()
        Image.new("L", (9, 5)).save(picture, "PNG")
        read_picture(picture.getvalue())  # by a decoder, a process that stays for the next one
        st.write("busy now")
        while True:
            np.ones((400, 400)) @ np.ones((400, 400))
else:
    import json
    import os
    from asemble.ui import connections, server

    for name, value in (json.loads(os.environ.get("CONNECTIONS", "null")) or dict()).items():
        setattr(connections, name, value)
    if "UNFILTERED" in os.environ:  # as on a system without the filter
        import sys
        from asemble.io.decode import processes
        start = "from asemble.io.decode import sandbox, worker; sandbox.confine = bool; "
        start += "worker.main()"
        pool = processes.DecoderPool(1, command=(sys.executable, "-P", "-c", start))
        processes.pool = lambda: pool
    if "MODELS" not in os.environ:
        server.load_models = lambda: None  # which takes seconds
    if "FEW" in os.environ:
        import resource
        resource.setrlimit(resource.RLIMIT_NOFILE, (int(os.environ["FEW"]),) * 2)
    app = st.App(__file__, **server.options())
"""
"""A page with what may go wrong in one, on the server of the app."""


@pytest.fixture(scope="module")
def server(
    page_file: Path, log: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """With a folder for weights that has none, a log of everything, and little patience."""
    options = ["--logger.level=debug", "--server.disconnectedSessionTTL=1"]
    no_weights = str(tmp_path_factory.mktemp("no-weights"))
    environment = {"MODELS": "loaded", DIRECTORY_VARIABLE: no_weights}
    with running(log, script=page_file, options=options, environment=environment) as server:
        yield server


def visit(server: Server, query: str) -> ClientConnection:
    """A session whose page was asked for."""
    address = server.address.replace("http", "ws") + "/_stcore/stream"
    session = connect(address, max_size=None, legacy=True)
    message = BackMsg()
    message.rerun_script.query_string = query
    session.send(message.SerializeToString())
    return session


def sent(session: ClientConnection, *, until: bytes | None = None) -> bytes:
    """What the server sends until the page is done, or until it sends some text."""
    received = b""
    while True:
        data = session.recv(timeout=60)
        assert isinstance(data, bytes)
        received += data
        if ForwardMsg.FromString(data).HasField("script_finished"):
            return received
        if until is not None and until in data:
            return received


def get(server: Server, path: str) -> tuple[int, dict[str, str], bytes]:
    try:
        with urllib.request.urlopen(server.address + path, timeout=20) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except HTTPError as error:
        return error.code, dict(error.headers), error.read()


def lines(log: Path) -> list[dict[str, object]]:
    """The log without the welcome that Streamlit prints and what it says before it has the app."""
    read = [line for line in log.read_text().splitlines() if line.strip()]
    return [json.loads(line) for line in read if line.startswith("{")]


def wait_until(said: object, seconds: float = 60) -> None:
    for _ in range(int(seconds * 10)):
        if said():  # type: ignore[operator]
            return
        time.sleep(0.1)
    pytest.fail("waited in vain")


def test_every_answer_carries_the_headers_that_keep_a_study_here(server: Server) -> None:
    for path in ("/", "/healthz", "/_stcore/health", "/nowhere"):
        headers = get(server, path)[1]
        assert {name: headers.get(name.lower()) for name in HEADERS} == HEADERS
    assert "frame-ancestors 'none'" in HEADERS["Content-Security-Policy"]
    assert get(server, "/media/anything.pdf")[1]["cache-control"] == "no-store"


@pytest.mark.parametrize("called", ["127.0.0.1", "other.example"])
def test_other_sites_get_no_session_even_by_a_name_bent_to_this_machine(
    server: Server, called: str
) -> None:
    port = int(server.address.rpartition(":")[2])
    address = f"ws://{called}:{port}/_stcore/stream"
    site = {"origin": "http://other.example"} if called == "127.0.0.1" else {}
    line = socket.create_connection(("127.0.0.1", port))
    with pytest.raises(InvalidStatus, match="403"):
        connect(address, sock=line, additional_headers=site, legacy=True)


def test_another_program_of_this_machine_gets_no_session_and_puts_nothing(server: Server) -> None:
    port = int(server.address.rpartition(":")[2])
    address = server.address.replace("http", "ws") + "/_stcore/stream"
    for site in (f"http://127.0.0.1:{port + 1}", f"http://localhost:{port}", "http://localhost"):
        with pytest.raises(InvalidStatus, match="403"):
            connect(address, additional_headers={"origin": site}, legacy=True)
        asked = urllib.request.Request(server.address, method="PUT", headers={"Origin": site})
        with pytest.raises(HTTPError, match="403"):
            urllib.request.urlopen(asked, timeout=20)
    connect(address, additional_headers={"origin": server.address}, legacy=True).close()


def test_requests_under_another_name_and_for_figures_are_turned_away(server: Server) -> None:
    for path in ("/", "/media/a", "/_stcore/host-config"):
        asked = urllib.request.Request(server.address + path, headers={"Host": "other.example"})
        with pytest.raises(HTTPError, match="421") as refused:
            urllib.request.urlopen(asked, timeout=20)
        assert refused.value.headers["X-Frame-Options"] == "DENY"
    assert get(server, "/_stcore/metrics")[0] == 404


def test_the_server_says_where_it_is_and_looks_nothing_up_for_that(log: Path) -> None:
    said = log.read_text()
    assert "asemble is at http://localhost:" in said
    assert "URL:" not in said


def test_a_fault_is_told_by_class_and_place_to_reader_and_log(server: Server, log: Path) -> None:
    with visit(server, "fault") as session:
        received = sent(session)
    assert b"A fault of ours ended this page: ValueError in page.py, line 8" in received
    assert canary.found_in(received) == []
    assert b"Traceback" not in received
    wait_until(lambda: "ValueError" in log.read_text())
    fault = next(line for line in lines(log) if line.get("error") == "ValueError")
    assert (fault["event"], fault["level"]) == ("fault", "error")
    assert fault["place"] == "page.py, line 8, <module>"


def test_the_log_is_json_without_what_libraries_quote(server: Server, log: Path) -> None:
    with visit(server, "callback") as session:
        sent(session)
    wait_until(lambda: "py.warnings" in log.read_text())
    said = log.read_text()
    assert "Traceback" not in said
    assert canary.found_in(said) == []
    logged = lines(log)
    assert {"pydicom", "a.new.one", "py.warnings"} <= {line.get("logger") for line in logged}
    assert all({"time", "level", "event", "version"} <= set(line) for line in logged)
    started = next(line for line in logged if line["event"] == "started")
    after = said[said.index('"started"') :].splitlines()[1:]
    assert started["time"]
    assert [line for line in after if line.strip() and not line.startswith("{")] == []


def test_what_a_library_repeats_is_counted_and_not_logged(server: Server, log: Path) -> None:
    with visit(server, "chatter") as session:
        sent(session)
    wait_until(lambda: "a.chatterer" in log.read_text())
    said = [line for line in lines(log) if line.get("logger") == "a.chatterer"]
    assert len(said) == OFTEN


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="has no limit of descriptors")
def test_idle_connections_take_nobodys_place(page_file: Path, tmp_path: Path) -> None:
    few = {"FEW": "300"}
    with (
        running(tmp_path / "log", script=page_file, environment=few) as server,
        ExitStack() as all_,
    ):
        port = int(server.address.rpartition(":")[2])
        for _ in range(600):
            all_.enter_context(socket.create_connection(("127.0.0.1", port)))
        assert get(server, "/_stcore/health")[0] == 200
        with visit(server, "") as session:
            assert sent(session)
        open_now = len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))
        assert open_now < 300
    assert "accept" not in (tmp_path / "log").read_text()


def unfinished(server: Server, pieces: Sequence[tuple[int, int, int]]) -> socket.socket:
    """A stranger's socket with pieces of a message: kind, bytes that it says, bytes that come."""
    port = int(server.address.rpartition(":")[2])
    line = socket.create_connection(("127.0.0.1", port), timeout=60)
    key = base64.b64encode(os.urandom(16)).decode()
    line.sendall(
        f"GET /_stcore/stream HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Protocol: streamlit\r\n\r\n".encode()
    )
    assert line.recv(4096).startswith(b"HTTP/1.1 101")
    said = [struct.pack(">BBQ4x", kind, 0xFF, says) + bytes(comes) for kind, says, comes in pieces]
    line.sendall(b"".join(said))
    return line


def closed_with(line: socket.socket) -> int:
    """By which number a socket was closed."""
    received = b""
    try:
        while piece := line.recv(65_536):
            received += piece
    except ConnectionError:
        pass
    (at,) = [i for i in range(len(received)) if received[i] == 0x88 and received[i + 1] < 126][-1:]
    return int.from_bytes(received[at + 2 : at + 4], "big")


BEGUN, GOES_ON = 0x02, 0x00


def test_messages_that_never_end_have_a_ceiling_together(page_file: Path, tmp_path: Path) -> None:
    few = {"UNFINISHED_BYTES": 4 * MIB}
    environment = {"CONNECTIONS": json.dumps(few)}
    with (
        running(tmp_path / "log", script=page_file, environment=environment) as server,
        ExitStack() as all_,
    ):
        lines = [
            all_.enter_context(unfinished(server, [(BEGUN | 0x80, 2 * MIB, MIB + 100_000)]))
            for _ in range(5)
        ]
        assert [closed_with(line) for line in lines[:2]] == [connections.TRY_LATER] * 2
        with visit(server, "") as session:
            assert sent(session)  # who says whole messages is heard
        lines[-1].sendall(bytes(1))  # and the last ones go on
        pieces = [(BEGUN, 0, 0), *[(GOES_ON, 0, 0)] * (4 * MIB // connections.PIECE_BYTES)]
        many = all_.enter_context(unfinished(server, pieces))
        assert closed_with(many) == connections.TRY_LATER  # empty pieces take memory, too
    assert '"event": "socket_closed"' in (tmp_path / "log").read_text()
    assert "Traceback" not in (tmp_path / "log").read_text()


@pytest.fixture(scope="module")
def hasty(page_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """With little patience for messages."""
    soon = {"MESSAGE_WITHIN_S": 0.5, "HELD_BACK_S": 1}
    environment = {"CONNECTIONS": json.dumps(soon)}
    log = tmp_path_factory.mktemp("hasty") / "log"
    with running(log, script=page_file, environment=environment) as server:
        yield server


def test_a_message_has_to_come_in_time(hasty: Server) -> None:
    with visit(hasty, "") as session, unfinished(hasty, [(BEGUN, 10, 5)]) as line:
        assert closed_with(line) == connections.TRY_LATER
        assert sent(session)
        session.ping().wait(60)  # and a socket that says nothing stays


def test_a_socket_that_talks_without_a_pause_costs_others_nothing_and_is_closed(
    hasty: Server,
) -> None:
    again = BackMsg(rerun_script=ClientState()).SerializeToString()
    with visit(hasty, "") as talker:

        def talk() -> None:
            with suppress(ConnectionClosed):
                while True:  # a hundred times as fast as a reader
                    talker.send(again)
                    time.sleep(0.005)

        threading.Thread(target=talk, daemon=True).start()
        with visit(hasty, "") as session:
            assert sent(session)
        with pytest.raises(ConnectionClosed):
            while True:
                talker.recv(timeout=60)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads memory from /proc")
def test_a_closed_session_gives_its_memory_back(server: Server) -> None:
    wait_until(lambda: b"loading" not in get(server, "/healthz")[2])  # that takes memory, too
    before = memory_mib(server)
    with visit(server, "hold") as session:
        sent(session)
        assert memory_mib(server) > before + HELD_MIB * 0.9
    wait_until(lambda: memory_mib(server) < before + HELD_MIB * 0.3, seconds=20)


def test_a_signal_ends_a_busy_server_with_code_0_and_no_orphans(
    page_file: Path, tmp_path: Path, server: Server
) -> None:
    """The loader of models is importing torch meanwhile, too."""
    assert server.process.poll() is None  # nor is another server hurt
    models = {"MODELS": "loaded"}  # torch is not let go of at once
    with (
        running(tmp_path / "log", script=page_file, environment=models) as doomed,
        visit(doomed, "busy") as session,
    ):
        sent(session, until=b"busy now")
        started = time.monotonic()
        decoders = children(doomed.process.pid)
        assert decoders or not Path("/proc/self").exists()
        doomed.process.send_signal(signal.SIGTERM)
        assert doomed.process.wait(timeout=15) == 0
        assert time.monotonic() - started < 10
        assert [pid for pid in decoders if Path(f"/proc/{pid}").exists()] == []
    assert '"event": "stopped"' in (tmp_path / "log").read_text()


def test_streamlits_own_error_dialogs_are_off_and_a_tab_can_ask_who_answers(
    server: Server,
) -> None:
    config = json.loads(get(server, "/_stcore/host-config")[2])
    assert config["blockErrorDialogs"] is True
    assert {"allowedOrigins", "metricsUrl"} <= set(config)
    status, headers, body = get(server, "/asemble-alive")
    assert (status, headers["cache-control"]) == (200, "no-store")
    assert set(json.loads(body)) == {"process", "is_connected"}
    assert get(server, "/asemble-alive")[2] == body


def test_weights_that_cannot_be_loaded_make_the_server_unhealthy(server: Server, log: Path) -> None:
    wait_until(lambda: b"loading" not in get(server, "/healthz")[2])
    wait_until(lambda: b'"decoders_filtered":null' not in get(server, "/healthz")[2])
    status, headers, body = get(server, "/healthz")
    assert status == 503
    said = json.loads(body)
    failure = said.pop("failure")
    is_filtered = sys.platform == "linux" and platform.machine() in FILTERED
    assert said == {
        "status": "unavailable",
        "models": "failed",
        "version": __version__,
        "weights": None,
        "decoders_filtered": is_filtered,
    }
    assert failure["code"] == "weights-unsigned"
    assert failure["sentence"].startswith("The weights folder has no SHA256SUMS")
    assert headers["cache-control"] == "no-store"
    fault = next(line for line in lines(log) if line.get("error") == "WeightsError")
    assert str(fault["place"]).startswith("asemble/models/")


def test_where_decoders_are_not_filtered_health_says_so_and_the_log_once(
    page_file: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    environment = {"UNFILTERED": "yes"}
    with running(log, script=page_file, environment=environment) as server:
        wait_until(lambda: json.loads(get(server, "/healthz")[2])["decoders_filtered"] is False)
        wait_until(lambda: "decoders_not_filtered" in log.read_text())
        with visit(server, "busy") as session:  # one more is started or the first one taken
            sent(session, until=b"busy now")
    assert log.read_text().count("decoders_not_filtered") == 1


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in FILTERED, reason="has no filter"
)
def test_a_decoder_is_filtered_before_it_sees_an_image(server: Server, log: Path) -> None:
    wait_until(lambda: json.loads(get(server, "/healthz")[2])["decoders_filtered"])
    assert children(server.process.pid)

    def are_filtered() -> bool:  # once the last has imported its libraries
        statuses = [Path(f"/proc/{pid}/status") for pid in children(server.process.pid)]
        return all("Seccomp:\t2" in status.read_text() for status in statuses)

    wait_until(are_filtered)
    assert "decoders_not_filtered" not in log.read_text()


def memory_mib(server: Server) -> float:
    pages = int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def children(pid: int) -> list[int]:
    """The processes that `pid` started; none known where there is no /proc."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == pid:
            found.append(int(stat.parent.name))
    return found
