"""Uploads until they are read: room and addresses are taken in one step, and nothing waits on."""

import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from clock import Clock
from served_app import Server, running
from streamlit.runtime.uploaded_file_manager import UploadedFileRec
from streamlit_client import XSRF_COOKIE, StreamlitClient
from test_owners import PAGE, jar, said
from test_owners import put as delete

from asemble.io import limits
from asemble.io.limits import MAX_FILES, MIB
from asemble.ui import memory, uploads
from asemble.ui.uploads import Coming, Uploads

__all__ = ["PAGE"]  # served by `page_file`

HEAD = b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'
TAIL = b"\r\n--x--\r\n"


@pytest.fixture
def held(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Uploads:
    """Room for 20 MiB, of sessions that all go on."""
    monkeypatch.setattr(uploads, "is_there", lambda _: True)
    held = Uploads("/upload", clock)
    held.total = 20 * MIB
    return held


def address(held: Uploads, session: str) -> str:
    return held.get_upload_urls(session, [""])[0].file_id


def comes(held: Uploads, session: str, size: int) -> Coming:
    placed = held.place(session, address(held, session), size)
    assert isinstance(placed, Coming), placed
    return placed


def has_come(held: Uploads, coming: Coming) -> None:
    held.add_file(coming.session, UploadedFileRec(coming.file, "", "", bytes(coming.size)))
    held.end(coming)


def test_what_comes_has_its_room_from_the_start_and_gives_it_back(held: Uploads) -> None:
    first = comes(held, "a", 8 * MIB)
    late = address(held, "b")
    assert held.place("b", late, 3 * MIB) == (507, uploads.FULL)
    has_come(held, first)
    assert held.held_bytes == 8 * MIB  # it lies there once
    second = held.place("b", late, 3 * MIB)  # an address that had no room is good again
    assert isinstance(second, Coming)
    held.end(second)
    held.remove_file("a", first.file)
    assert held.held_bytes == 0


def test_an_address_and_its_room_are_taken_in_one_step(held: Uploads) -> None:
    files = [held.get_upload_urls(str(number), [""])[0].file_id for number in range(40)]
    gate = threading.Barrier(40)

    def place(number: int) -> Coming | tuple[int, str]:
        gate.wait(60)
        return held.place(str(number // 2 * 2), files[number // 2 * 2], 2 * MIB)

    with ThreadPoolExecutor(40) as pool:
        placed = list(pool.map(place, range(40)))
    assert sum(isinstance(each, Coming) for each in placed) == 5
    assert held.held_bytes == 20 * MIB


def test_a_file_that_is_dropped_while_it_comes_is_not_kept(held: Uploads) -> None:
    coming = comes(held, "a", MIB)
    held.remove_file("a", coming.file)
    assert coming.over == (410, uploads.ENDED)
    has_come(held, coming)
    assert held.held_bytes == 0 and not held.get_files("a", [coming.file])
    another = comes(held, "b", MIB)
    held.remove_session_files("b")
    has_come(held, another)
    assert held.sessions() == ["a"] and not held.has_to_do_with("a")


def test_files_that_ask_come_and_wait_are_no_more_than_an_upload_may_have(held: Uploads) -> None:
    coming = comes(held, "a", MIB)
    has_come(held, comes(held, "a", MIB))
    assert len(held.get_upload_urls("a", [""] * (MAX_FILES + 7))) == MAX_FILES - 2
    assert not held.get_upload_urls("a", ["one more"])
    assert len(held.get_upload_urls("b", ["of another"])) == 1
    held.end(coming)


def test_addresses_have_a_ceiling_and_who_asked_for_most_gives_up_theirs(held: Uploads) -> None:
    (own,) = held.get_upload_urls("a reader", ["study.zip"])
    for number in range(20):
        held.get_upload_urls(str(number), [""] * MAX_FILES)
    others = set(held.sessions()) - {"a reader"}
    assert 1 <= len(others) <= uploads.ADDRESSES // MAX_FILES
    assert isinstance(held.place("a reader", own.file_id, 1), Coming)


def test_a_file_that_never_fits_is_told_how_large_it_may_be(held: Uploads) -> None:
    placed = held.place("a", address(held, "a"), 11 * MIB)
    assert placed == (413, uploads.TOO_LARGE.format(mib=10))


def test_files_of_one_session_have_a_limit_together(held: Uploads) -> None:
    held.total = None
    comes(held, "a", limits.MAX_PACKED_BYTES)
    assert held.place("a", address(held, "a"), 8 * MIB) == (413, uploads.TOO_MUCH)


@pytest.mark.parametrize(
    ("size", "age_s", "gives"),
    [(15, uploads.UNREAD_S + 1, "other"), (15, 0, ""), (7, uploads.UNREAD_S + 1, "")],
)
def test_who_holds_most_and_does_not_read_it_gives_where_others_have_no_room(
    held: Uploads, clock: Clock, size: int, age_s: float, gives: str
) -> None:
    held.total = None
    for session, mib in (("other", size), ("another", 3)):
        has_come(held, comes(held, session, mib * MIB))
    clock.now += age_s
    has_come(held, comes(held, "other", 1))  # more that comes changes nothing of since when
    assert held.make_room("a", 9 * MIB if size == 7 else 8 * MIB) == gives
    assert held.held_bytes == (3 if gives else size + 3) * MIB + (not gives)


def test_what_comes_too_slowly_goes_when_others_have_no_room_and_not_before(
    held: Uploads, clock: Clock
) -> None:
    slow, steady = comes(held, "slow", 5 * MIB), comes(held, "steady", 5 * MIB)
    slow.come, steady.come = MIB // 10, MIB
    clock.now += uploads.PACE_AFTER_S
    held.make_room("a", MIB)
    assert slow.over is None
    clock.now += 0.2 * uploads.UNREAD_S - uploads.PACE_AFTER_S - 1
    held.make_room("a", MIB)
    assert (slow.over, steady.over) == ((408, uploads.TOO_SLOW), None)


# On the server.


@pytest.fixture(scope="module")
def hasty(page_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Room for 31 MiB, and little patience."""
    folder = tmp_path_factory.mktemp("hasty")
    patience = {"SILENT_S": 2, "STALLED_S": 4, "LOOKS_EVERY_S": 0.1, "PACE_AFTER_S": 1}
    environment = {
        memory.MEMORY: "0",
        "UPLOADS": json.dumps(patience),
        "UPLOADS_TOTAL": str(31 * MIB),
    }
    with running(folder / "log", script=page_file, environment=environment) as server:
        yield server
    assert "Traceback" not in (folder / "log").read_text()


class Line:
    """A PUT, said by hand."""

    def __init__(self, server: Server, path: str, cookies: str, size: int) -> None:
        self.path = path
        port = int(server.address.rpartition(":")[2])
        self._line = socket.create_connection(("127.0.0.1", port), timeout=120)
        token = cookies.split(f"{XSRF_COOKIE}=")[1].split(";", maxsplit=1)[0]
        self.say(
            f"PUT {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookies}\r\n"
            f"X-Xsrftoken: {token}\r\nContent-Type: multipart/form-data; boundary=x\r\n"
            f"Content-Length: {size}\r\nExpect: 100-continue\r\n\r\n".encode()
        )

    def say(self, data: bytes) -> None:
        self._line.sendall(data)

    def is_let_in(self, within_s: float = 120) -> bool:
        self._line.settimeout(within_s)
        try:
            return self._line.recv(2000).startswith(b"HTTP/1.1 100")
        except TimeoutError:
            return False
        finally:
            self._line.settimeout(120)

    def heard(self) -> bytes:
        """All that is said until the server closes."""
        pieces = []
        while piece := self._line.recv(65_536):
            pieces.append(piece)
        return b"".join(pieces)

    def status(self) -> bytes:
        return self._line.recv(65_536).split()[1]


def visitor(server: Server) -> StreamlitClient:
    client = StreamlitClient(server.address)
    client.wait()
    return client


def put(server: Server, client: StreamlitClient, size: int) -> Line:
    url = client.ask_for_address("f").upload_url
    return Line(server, url, client.sends["Cookie"], len(HEAD) + size + len(TAIL))


def test_a_body_that_never_comes_holds_no_connection(hasty: Server) -> None:
    with visitor(hasty) as client:
        own = put(hasty, client, MIB)
        assert own.is_let_in()
        heard = own.heard()  # ends when the connection does
    assert heard.startswith(b"HTTP/1.1 408") and uploads.STALLED.encode() in heard
    cookies = jar(hasty)["Cookie"]
    for path, status in (("/_stcore/upload_file/a/b", b"403"), ("/elsewhere", b"404")):
        stranger = Line(hasty, path, cookies, MIB)
        assert stranger.is_let_in()
        assert stranger.heard().startswith(b"HTTP/1.1 " + status)


def test_a_body_that_drips_is_broken_off_and_its_page_says_so(hasty: Server) -> None:
    with visitor(hasty) as client:
        line = put(hasty, client, MIB)
        assert line.is_let_in()
        line.say(HEAD)
        drip = threading.Event()

        def go_on() -> None:
            try:
                while not drip.wait(0.2):
                    line.say(b"x")
            except OSError:
                return

        dripping = threading.Thread(target=go_on)
        dripping.start()
        try:
            assert line.status() == b"408"
        finally:
            drip.set()
            dripping.join()
        client.wait(lambda: f"refused: {uploads.STALLED}" in said(client))


def test_of_two_that_fit_one_after_the_other_both_are_taken(hasty: Server) -> None:
    with visitor(hasty) as first, visitor(hasty) as second:
        one = put(hasty, first, 10 * MIB)
        assert one.is_let_in()
        other = put(hasty, second, 10 * MIB)
        assert not other.is_let_in(within_s=0.5)
        one.say(HEAD + bytes(10 * MIB) + TAIL)
        assert one.status() == b"204"
        assert other.is_let_in()
        other.say(HEAD + bytes(10 * MIB) + TAIL)
        assert other.status() == b"204"
        for client in (first, second):
            client.click("Look")
            assert "files held: 2" in said(client)
        for client, line in ((first, one), (second, other)):
            assert delete(hasty, line.path, client.sends, method="DELETE")[0] == 204


def test_who_takes_room_and_brings_little_gives_way_to_others(hasty: Server) -> None:
    with visitor(hasty) as hoarder, visitor(hasty) as reader:
        line = put(hasty, hoarder, 8 * MIB)
        assert line.is_let_in()
        line.say(HEAD)
        wanted = put(hasty, reader, 8 * MIB)
        stop = threading.Event()

        def go_on() -> None:
            try:
                while not stop.wait(0.2):
                    line.say(b"x" * 100)
            except OSError:
                return

        dripping = threading.Thread(target=go_on)
        dripping.start()
        try:
            assert wanted.is_let_in()
        finally:
            stop.set()
            dripping.join()
        assert line.status() == b"408"


def test_an_upload_that_does_not_say_how_long_it_is_is_not_taken(hasty: Server) -> None:
    with visitor(hasty) as client:
        url = client.ask_for_address("f").upload_url
        port = int(hasty.address.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=120) as line:
            line.sendall(
                f"PUT {url} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
                f"Cookie: {client.sends['Cookie']}\r\nTransfer-Encoding: chunked\r\n\r\n"
                "0\r\n\r\n".encode()
            )
            assert line.recv(2000).startswith(b"HTTP/1.1 411")


def test_the_operators_page_says_how_long_an_upload_may_take() -> None:
    root = Path(__file__).parents[1]
    page = (root / "docs" / "operations.md").read_text(encoding="utf-8")
    assert f"nothing for {uploads.SILENT_S:.0f} seconds" in page
    assert f"less than {uploads.STALLED_BYTES // 1024} KiB in a minute" in page
    assert uploads.STALLED_S == 60 and uploads.UNREAD_S == 300
    assert "five minutes" in page
