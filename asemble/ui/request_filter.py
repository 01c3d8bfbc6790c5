"""Which requests are answered: to a name of this server, from its own pages, not for its metrics.

Streamlit holds the `Host` of a page's socket against `server.allowedHosts`; here every request is.
Else a name that was bent to this machine (DNS rebinding) could still fetch and upload. It also
takes every page of this machine for the app's own, whatever its port; here the port counts, since
browsers send cookies to all ports of a host.
"""

import os
from http import HTTPStatus
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import net_util
from streamlit.web.server.server_util import allowlisted_origins
from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

HEALTH = ("/healthz", "/_stcore/health")
"""A container asks itself for these, and its engine by a number; they say nothing of a study."""
METRICS = "/_stcore/metrics"
"""Streamlit's figures: how many sessions there are, and how large."""
_OVER_TLS = ("https", "wss")
ANOTHER_PORT = (
    "This request comes from another program of this machine (server.corsAllowedOrigins)."
)
METRICS_VARIABLE = "ASEMBLE_METRICS"
"""Environment variable that opens them, with `on`."""


class Doors:
    """Turns requests away, and has browsers send cookies over TLS alone where there is TLS."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = None
        if is_of_another_port(headers.get("origin", ""), headers.get("host", "")):
            refusal = PlainTextResponse(ANOTHER_PORT, HTTPStatus.FORBIDDEN)
        elif scope["type"] == "http":
            refusal = _refusal(scope["path"], headers.get("host"))
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        secure = is_tls(scope, headers)

        async def send_cookies(message: Message) -> None:
            if secure and message["type"] in ("http.response.start", "websocket.accept"):
                _secure(MutableHeaders(scope=message))
            await send(message)

        await self._app(scope, receive, send_cookies)


def _refusal(path: str, host: str | None) -> PlainTextResponse | None:
    if path.endswith(METRICS) and os.environ.get(METRICS_VARIABLE) != "on":
        return PlainTextResponse("These figures are closed.", HTTPStatus.NOT_FOUND)
    if is_host_allowed(host):
        return None
    if path.endswith(HEALTH) and _is_no_name(host or ""):
        return None
    return PlainTextResponse(
        "This server is not called by that name (server.allowedHosts).",
        HTTPStatus.MISDIRECTED_REQUEST,
    )


def _is_no_name(host: str) -> bool:
    """This machine or a bare address, which no name can be bent to."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or bool(ip_address(name))
    except ValueError:
        return False


def is_of_another_port(origin: str, host: str) -> bool:
    """Whether a page asks that is of this machine, or of the name asked, but of another port.

    Other names are Streamlit's to judge. A proxy may leave the port out of `Host`; of a name that
    is not this machine's alone that is no sign of another program.

    Args:
        origin: of the page, as the browser states it; empty where it does not.
        host: what is asked, as the request names it.

    >>> is_of_another_port("http://localhost:3000", "localhost:8501")
    True
    >>> is_of_another_port("http://localhost:8501", "localhost:8501")
    False
    """
    if not origin or origin in allowlisted_origins():
        return False
    try:
        page = urlsplit(origin)
        asked = urlsplit(f"//{host}")
        ports = page.port, asked.port
    except ValueError:
        return True
    is_here = _is_this_machine(page.hostname or "")
    if page.hostname != asked.hostname:
        return is_here
    usual = 443 if page.scheme in _OVER_TLS else 80
    may_be_left_out = ports[1] is None and not is_here
    return not may_be_left_out and (ports[0] or usual) != (ports[1] or usual)


def _is_this_machine(name: str) -> bool:
    try:
        address = ip_address(name)
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")
    # And where others reach it, whose pages Streamlit takes for the app's own, too.
    return address.is_loopback or address.is_unspecified or name == net_util.get_internal_ip()


def is_tls(scope: Scope, headers: Headers) -> bool:
    """Whether a request came over TLS, to here or to the proxy nearest to the browser."""
    stated = headers.get("x-forwarded-proto", "").split(",")[0].strip().lower()
    return scope["scheme"] in _OVER_TLS or stated in _OVER_TLS


def _secure(headers: MutableHeaders) -> None:
    cookies = headers.getlist("set-cookie")
    if not cookies:
        return
    del headers["set-cookie"]
    for cookie in cookies:
        parts = {part.strip().lower() for part in cookie.split(";")}
        headers.append("set-cookie", cookie if "secure" in parts else f"{cookie}; Secure")
