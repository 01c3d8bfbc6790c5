"""Requests come in under a name of the server, figures are closed, cookies travel over TLS."""

from collections.abc import Mapping

import pytest
import streamlit as st
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from streamlit import config, net_util

from asemble.ui import request_filter
from asemble.ui.request_filter import METRICS_VARIABLE, Doors


async def answer(_: Request) -> PlainTextResponse:
    response = PlainTextResponse("a page")
    response.set_cookie("_streamlit_xsrf", "token")
    response.set_cookie("bound", "owner", secure=True)
    return response


@pytest.fixture
def client() -> TestClient:
    """A site behind the doors, called by the names of `.streamlit/config.toml`."""
    assert st.get_option("server.allowedHosts") == ["localhost", "127.0.0.1", "::1"]
    routes = [Route("/{path:path}", answer)]
    app = Starlette(routes=routes, middleware=[Middleware(Doors)])
    return TestClient(app, base_url="http://localhost:8501")


def get(client: TestClient, path: str, host: str, **headers: str) -> int:
    return client.get(path, headers={"host": host, **headers}).status_code


@pytest.mark.parametrize("path", ["/", "/_stcore/upload_file/a/b", "/media/c.png", "/static/d.js"])
def test_no_path_answers_under_another_name(client: TestClient, path: str) -> None:
    for name in ("localhost:8501", "LOCALHOST", "127.0.0.1:1", "[::1]:8501"):
        assert get(client, path, name) == 200
    for name in (
        "other.example",
        "localhost.other.example",
        "a@localhost",
        "127.0.0.1.nip.example",
    ):
        assert get(client, path, name) == 421


def test_a_server_for_others_is_called_by_their_name_and_its_health_from_within(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "streamlit.web.server.starlette.starlette_websocket.config.get_option",
        lambda name, real=config.get_option: (
            ["mri.hospital.example"] if name == "server.allowedHosts" else real(name)
        ),
    )
    assert get(client, "/", "mri.hospital.example") == 200
    assert get(client, "/", "localhost:8501") == 421
    assert get(client, "/healthz", "127.0.0.1:8501") == 200
    assert get(client, "/_stcore/health", "[::1]:8501") == 200
    assert get(client, "/healthz", "10.1.2.3:8501") == 200
    assert get(client, "/", "10.1.2.3:8501") == 421
    assert get(client, "/healthz", "[1") == 421
    assert get(client, "/healthz", "other.example") == 421


def test_figures_are_closed_until_an_operator_opens_them(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in ("/_stcore/metrics", "/base/_stcore/metrics"):
        assert get(client, path, "localhost") == 404
        monkeypatch.setenv(METRICS_VARIABLE, "on")
        assert get(client, path, "localhost") == 200
        monkeypatch.delenv(METRICS_VARIABLE)


@pytest.mark.parametrize(
    ("headers", "is_secure"),
    [({}, False), ({"x-forwarded-proto": "http"}, False), ({"x-forwarded-proto": "https"}, True)],
)
def test_cookies_are_for_tls_alone_where_there_is_tls(
    client: TestClient, headers: Mapping[str, str], is_secure: bool
) -> None:
    cookies = client.get("/", headers=headers).headers.get_list("set-cookie")
    assert len(cookies) == 2
    assert [cookie.lower().count("; secure") for cookie in cookies] == [int(is_secure), 1]


@pytest.mark.parametrize(
    ("origin", "host", "status"),
    [
        ("http://localhost:8501", "localhost:8501", 200),
        ("http://127.0.0.1:8501", "127.0.0.1:8501", 200),
        ("https://localhost", "localhost", 200),  # a proxy that leaves out the usual port
        ("http://localhost:3000", "localhost:8501", 403),
        ("http://localhost", "localhost:8501", 403),
        ("http://127.0.0.1:8501", "localhost:8501", 403),
        ("http://[::1]:3000", "[::1]:8501", 403),
        ("http://app.localhost:8501", "localhost:8501", 403),
        ("http://localhost:99999", "localhost:8501", 403),
        ("http://10.0.0.5:3000", "10.0.0.5:8501", 403),
        ("https://mri.example:8443", "mri.example", 421),  # judged by its name alone
    ],
)
def test_pages_of_another_port_of_this_machine_are_turned_away(
    client: TestClient, origin: str, host: str, status: int
) -> None:
    assert get(client, "/", host, origin=origin) == status


def test_a_page_of_the_address_in_the_network_is_of_this_machine(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(net_util, "get_internal_ip", lambda: "192.0.2.7")
    monkeypatch.setattr(request_filter, "is_host_allowed", lambda _: True)
    assert get(client, "/", "localhost:8501", origin="http://192.0.2.7:3000") == 403
    assert get(client, "/", "192.0.2.7:8501", origin="http://192.0.2.7:3000") == 403
    assert get(client, "/", "192.0.2.7:8501", origin="http://192.0.2.7:8501") == 200


def test_an_operator_may_name_another_port(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_filter, "allowlisted_origins", lambda: {"http://localhost:3000"})
    assert get(client, "/", "localhost:8501", origin="http://localhost:3000") == 200
