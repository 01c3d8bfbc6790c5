"""Whose a session is: the browser's that began it and, where a proxy signs users in, the user's.

The id of a session stands in the address of each of its uploads, and with it in the log of any
proxy. By itself it is worth nothing: a session goes on, and takes and drops uploads (`uploads.py`),
only for the browser whose cookie it began with, and for the user whom the headers of
`server.trustedUserHeaders` name. Scripts cannot read the cookie, and other sites do not send it.
"""

import hashlib
import json
import re
import secrets
from collections.abc import Mapping
from typing import Any

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.web.server.starlette.starlette_websocket import gather_user_info

from asemble.ui.request_filter import is_tls

COOKIE = "asemble"
SECURE_COOKIE = "__Host-asemble"
"""Behind TLS; by its name a browser takes it from this host over TLS alone."""
COOKIE_BYTES = 32
_WELL_FORMED = re.compile(r"[A-Za-z0-9_-]{43}")

BROWSER = "asemble_browser"
"""Among what Streamlit knows of a session's user: the digest of the browser's cookie."""

NOBODY = ""
_NO_COOKIE = "no cookie: "

NAMELESS = "Sign in first: the proxy in front of asemble states no user."


def browser(cookies: Mapping[str, str]) -> str:
    """Names a browser: the digest of its cookie, or something new where it sent none.

    >>> browser({}) == browser({})
    False
    >>> cookie = {COOKIE: "x" * 43}
    >>> browser(cookie) == browser(cookie) != browser({COOKIE: "y" * 43})
    True
    """
    said = _cookie(cookies, SECURE_COOKIE) or _cookie(cookies, COOKIE)
    if not said:
        return _NO_COOKIE + secrets.token_urlsafe(COOKIE_BYTES)
    return hashlib.sha256(said.encode()).hexdigest()


def is_known(user_info: Mapping[str, Any]) -> bool:
    """Whether the proxy stated who a user is; True where there is nothing to be stated."""
    names = _names()
    return not names or any(user_info.get(name) for name in names)


def user(user_info: Mapping[str, Any]) -> str:
    """Names the user whom a proxy stated, by a digest; empty where none signs users in."""
    names = _names()
    if not names:
        return ""
    stated = json.dumps([[name, str(user_info.get(name))] for name in names])
    return hashlib.sha256(stated.encode()).hexdigest()


def owner(user_info: Mapping[str, Any]) -> str:
    """Whom a session counts for: its user or, where nobody is signed in, its browser.

    All that showed no cookie are one, `NOBODY`.
    """
    by = str(user_info.get(BROWSER))
    return user(user_info) or (NOBODY if by.startswith(_NO_COOKIE) else by)


class Browsers:
    """Gives every browser a cookie of its own, for as long as it is open."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = HTTPConnection(scope)
        is_secure = is_tls(scope, asked.headers)
        name = SECURE_COOKIE if is_secure else COOKIE
        if _cookie(asked.cookies, name):
            await self._app(scope, receive, send)
            return
        cookie = f"{name}={secrets.token_urlsafe(COOKIE_BYTES)}; Path=/; HttpOnly; SameSite=Lax"

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                secure = "; Secure" if is_secure else ""
                MutableHeaders(scope=message).append("Set-Cookie", cookie + secure)
            await send(message)

        await self._app(scope, receive, send_with_cookie)


class SignedIn:
    """Refuses sockets without a user where a proxy is said to sign users in."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        is_socket = scope["type"] == "websocket"
        if is_socket and not is_known(gather_user_info(HTTPConnection(scope).headers)):
            await PlainTextResponse(NAMELESS, 403)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _cookie(cookies: Mapping[str, str], name: str) -> str:
    said = cookies.get(name, "")
    return said if _WELL_FORMED.fullmatch(said) else ""


def _names() -> list[str]:
    stated = st.get_option("server.trustedUserHeaders")
    return sorted(stated.values()) if isinstance(stated, dict) else []
