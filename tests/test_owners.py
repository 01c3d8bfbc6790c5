"""A session belongs to the browser that began it, and to the user whom a proxy states."""

import json
import socket
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.error import HTTPError

import pytest
from served_app import Server, running
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit_client import XSRF_COOKIE, StreamlitClient, cookies_of
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from asemble.ui.owners import COOKIE, SECURE_COOKIE
from asemble.ui.uploads import ENDED

PAGE = """
import streamlit as st

if __name__ == "__main__":
    from streamlit.runtime import get_instance
    from streamlit.runtime.scriptrunner import get_script_run_ctx
    from asemble.ui import sessions, uploads

    st.write("refused: " + uploads.hear(get_script_run_ctx().session_id))
    file = st.file_uploader("File")
    st.button("Look")
    st.write("read: " + ("none" if file is None else file.getvalue().decode()))
    st.write(f"files held: {sum(map(len, get_instance().uploaded_file_mgr.file_storage.values()))}")
    st.write(f"owners since: {sorted(sessions.came_at.values())}")
    st.write(f"sessions kept: {len(get_instance()._session_mgr._session_storage.list())}")
else:
    import json
    import os
    from asemble.ui import server, uploads

    for name, value in json.loads(os.environ.get("UPLOADS", "{}")).items():
        setattr(uploads, name, value)
    if "UPLOADS_TOTAL" in os.environ:
        uploads.Uploads.total = int(os.environ["UPLOADS_TOTAL"])
    server.load_models = lambda: None  # which takes seconds
    app = st.App(__file__, **server.options())
"""
"""A page with an uploader, on the server of the app, whose patience with uploads can be set."""

ALICE, MALLORY = {"X-Remote-User": "alice"}, {"X-Remote-User": "mallory"}


@pytest.fixture(scope="module")
def server(
    page_file: Path, log: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    options = ["--logger.level=debug"]
    with running(log, script=page_file, options=options) as server:
        yield server


@pytest.fixture(scope="module")
def behind_a_proxy(page_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("proxy")
    options = [f"--server.trustedUserHeaders={json.dumps({'X-Remote-User': 'name'})}"]
    with running(folder / "log", script=page_file, options=options) as server:
        yield server


def with_file(server: Server, headers: Mapping[str, str] | None = None) -> StreamlitClient:
    """Somebody who has uploaded a file."""
    client = StreamlitClient(server.address, headers=headers)
    client.wait()
    client.upload("File", "study.zip", b"my own images")
    assert "read: my own images" in said(client)
    return client


def said(client: StreamlitClient) -> list[str]:
    return [each.body for each in client.elements("markdown")]


def socket_for(server: Server, session: str, headers: Mapping[str, str]) -> ClientConnection:
    """A socket that names a session."""
    return connect(
        server.address.replace("http", "ws") + "/_stcore/stream",
        subprotocols=["streamlit", "token", *filter(None, [session])],  # type: ignore[list-item]
        additional_headers=dict(headers),
        max_size=None,
        legacy=True,
    )


def session_given(server: Server, session: str, headers: Mapping[str, str]) -> str:
    """The session that somebody gets who names one."""
    asked = BackMsg()
    asked.rerun_script.query_string = ""
    with socket_for(server, session, headers) as line:
        line.send(asked.SerializeToString())
        while True:
            data = line.recv(timeout=60)
            assert isinstance(data, bytes)
            message = ForwardMsg.FromString(data)
            if message.HasField("new_session"):
                return message.new_session.initialize.session_id


def put(
    server: Server, path: str, headers: Mapping[str, str], *, method: str = "PUT"
) -> tuple[int, str]:
    """Upload something, with a token against XSRF of one's own; status and answer."""
    cookies = (
        headers.get("Cookie", "") or f"{XSRF_COOKIE}={cookies_of(server.address)[XSRF_COOKIE]}"
    )
    token = cookies.split(f"{XSRF_COOKIE}=")[1].split(";")[0]
    content = (
        b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\nplanted\r\n--x--\r\n'
    )
    request = urllib.request.Request(
        server.address + path,
        data=content if method == "PUT" else None,
        method=method,
        headers={
            **headers,
            "Cookie": cookies,
            "X-Xsrftoken": token,
            "Content-Type": "multipart/form-data; boundary=x",
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


def jar(server: Server) -> dict[str, str]:
    """The cookies of a new browser, as it sends them."""
    cookies = cookies_of(server.address)
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}


def wait_until(client: StreamlitClient, sentence: str) -> None:
    for _ in range(240):
        client.click("Look")
        if sentence in said(client):
            return
        time.sleep(0.25)
    pytest.fail(f"never said {sentence!r}, but {said(client)}")


def test_the_id_of_a_session_is_of_no_use_to_another_browser(server: Server) -> None:
    with with_file(server) as reader:
        for stranger in ({}, jar(server)):
            assert session_given(server, reader.session, stranger) != reader.session
        reader.click("Look")  # still connected, and the file is still there
        assert "read: my own images" in said(reader)
        reader.vanish()
    for stranger in ({}, jar(server)):
        assert session_given(server, reader.session, stranger) != reader.session
    assert session_given(server, reader.session, reader.sends) == reader.session


def test_without_a_cookie_nobody_comes_back_to_anything(server: Server) -> None:
    first = session_given(server, "", {})
    assert session_given(server, first, {}) != first


def test_uploads_are_put_once_and_by_their_owner_alone(server: Server) -> None:
    with with_file(server) as reader:
        own = reader.uploaded[-1].upload_url
        for stranger in ({}, jar(server)):
            assert put(server, own, stranger)[0] == 403
            assert put(server, own, stranger, method="DELETE")[0] == 403
        assert put(server, own, reader.sends)[0] == 409
        assert put(server, own.rpartition("/")[0] + "/made-up", reader.sends)[0] == 409
        reader.click("Look")
        assert "read: my own images" in said(reader)
        assert put(server, own, reader.sends, method="DELETE")[0] == 204
        reader.click("Look")
        assert "read: my own images" not in said(reader)
    assert put(server, "/_stcore/upload_file/nobody/x", reader.sends)[0] == 403
    assert put(server, "/_stcore/upload_file/a/b/c", reader.sends)[0] == 404


def test_where_a_proxy_signs_in_a_session_is_its_users(behind_a_proxy: Server) -> None:
    with with_file(behind_a_proxy, ALICE) as reader:
        stolen = {**reader.sends, **MALLORY}  # the cookies, too
        assert session_given(behind_a_proxy, reader.session, stolen) != reader.session
        own = reader.uploaded[-1].upload_url
        assert put(behind_a_proxy, own, stolen)[0] == 403
        assert put(behind_a_proxy, own, stolen, method="DELETE")[0] == 403
        reader.vanish()
    assert session_given(behind_a_proxy, reader.session, stolen) != reader.session
    assert session_given(behind_a_proxy, reader.session, reader.sends) == reader.session


def test_where_a_proxy_signs_in_nobody_comes_without_a_name(behind_a_proxy: Server) -> None:
    for nameless in ({}, {"X-Remote-User": ""}):
        with pytest.raises(InvalidStatus, match="403"):
            socket_for(behind_a_proxy, "", nameless)


@pytest.mark.parametrize("is_behind_tls", [False, True])
def test_the_cookie_is_for_this_host_alone_and_no_script_reads_it(
    server: Server, is_behind_tls: bool
) -> None:
    headers = {"X-Forwarded-Proto": "https"} if is_behind_tls else {}
    request = urllib.request.Request(server.address, headers=headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        given = answer.headers.get_all("Set-Cookie")
    name = SECURE_COOKIE if is_behind_tls else COOKIE
    (cookie,) = [each for each in given if each.startswith(f"{name}=")]
    flags = {"Path=/", "HttpOnly", "SameSite=Lax"} | ({"Secure"} if is_behind_tls else set())
    assert set(cookie.split("; ")[1:]) == flags
    request = urllib.request.Request(server.address, headers=headers | {"Cookie": cookie})
    with urllib.request.urlopen(request, timeout=60) as answer:  # one is enough
        assert not any(COOKIE in each for each in answer.headers.get_all("Set-Cookie") or ())


def test_strangers_sockets_push_nobody_out(server: Server) -> None:
    with with_file(server) as reader:
        reader.vanish()
    cookies = jar(server)
    for _ in range(200):
        socket_for(server, "", cookies).close()
    assert session_given(server, reader.session, reader.sends) == reader.session


def test_a_reader_who_reloads_came_before_as_well(page_file: Path, tmp_path: Path) -> None:

    def came(client: StreamlitClient) -> list[float]:
        client.click("Look")
        (line,) = [each for each in said(client) if each.startswith("owners since: ")]
        return json.loads(line.removeprefix("owners since: "))  # type: ignore[no-any-return]

    with (
        running(tmp_path / "log", script=page_file) as server,
        with_file(server) as before,
    ):
        (first,) = came(before)
        with StreamlitClient(server.address, headers=before.sends) as reloaded:
            reloaded.wait()
            assert came(reloaded) == [first, first]
            with StreamlitClient(server.address) as stranger:
                stranger.wait()
                assert came(stranger)[2] > first


def test_a_session_that_holds_nothing_ends_with_its_window(server: Server) -> None:
    before = jar(server)
    sessions = [session_given(server, "", before) for _ in range(5)]
    assert len(set(sessions)) == 5
    assert session_given(server, sessions[0], before) != sessions[0]


def test_an_upload_that_outlives_its_session_is_not_kept(page_file: Path, tmp_path: Path) -> None:
    options = ["--server.disconnectedSessionTTL=1"]
    with (
        running(tmp_path / "log", script=page_file, options=options) as server,
        StreamlitClient(server.address) as onlooker,
    ):
        onlooker.wait()
        reader = StreamlitClient(server.address)
        reader.wait()
        late = reader.ask_for_address("late.zip")
        port = int(server.address.rpartition(":")[2])
        line = socket.create_connection(("127.0.0.1", port))
        cookie = reader.sends["Cookie"]
        token = cookie.split(f"{XSRF_COOKIE}=")[1].split(";")[0]
        line.sendall(
            f"PUT {late.upload_url} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: {cookie}\r\n"
            f"X-Xsrftoken: {token}\r\nContent-Type: multipart/form-data; boundary=x\r\n"
            "Content-Length: 1000000\r\nExpect: 100-continue\r\n\r\n".encode()
        )
        line.settimeout(60)
        assert b"100 Continue" in line.recv(2000)  # it is taken in
        line.sendall(b"--x\r\n")
        reader.close()
        answer = line.recv(2000)  # at once when its session has ended, not when it would end
        assert answer.startswith(b"HTTP/1.1 410")
        wait_until(onlooker, "sessions kept: 0")
        assert "files held: 0" in said(onlooker)
        assert ENDED.encode() in answer + line.recv(2000)
    assert "ClientDisconnect" not in (tmp_path / "log").read_text()


def test_no_session_no_cookie_and_no_address_of_an_upload_stands_in_the_log(
    server: Server, log: Path
) -> None:
    with with_file(server) as reader:
        session_given(server, reader.session, jar(server))
        put(server, reader.uploaded[-1].upload_url, {})
        assert session_given(server, reader.session, reader.sends) == reader.session
    secrets = [
        reader.session,
        reader.uploaded[-1].file_id,
        *(each.split("=", 1)[1] for each in reader.sends["Cookie"].split("; ")),
    ]
    assert [each for each in secrets if each in log.read_text()] == []


def test_a_session_that_nobody_uses_ends_where_the_operator_says_so(
    page_file: Path, tmp_path: Path
) -> None:
    environment = {"ASEMBLE_IDLE_MINUTES": "0.05"}
    log = tmp_path / "log"
    with running(log, script=page_file, environment=environment) as server:
        reader = with_file(server)
        with pytest.raises(ConnectionClosed):
            reader.wait(lambda: False)
        assert session_given(server, reader.session, reader.sends) != reader.session
        with StreamlitClient(server.address) as onlooker:
            onlooker.wait()
            assert "files held: 0" in said(onlooker)
    assert '"event": "idle"' in log.read_text()
