"""Whose a session is: the browser's that began it and, where a proxy signs users in, the user's.

The id of a session stands in the address of each of its uploads, and with it in the log of any
proxy. By itself it is worth nothing: a session goes on, and takes and drops uploads, only for the
browser whose cookie it began with, and for the user whom the headers of `server.trustedUserHeaders`
name. Scripts cannot read the cookie, and other sites do not send it.
"""

import asyncio
import hashlib
import json
import re
import secrets
from collections.abc import Mapping
from typing import Any

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.runtime import get_instance
from streamlit.web.server.starlette.starlette_websocket import gather_user_info

from asemble.ui.doors import is_tls

COOKIE = "asemble"
SECURE_COOKIE = "__Host-asemble"
"""Behind TLS; by its name a browser takes it from this host over TLS alone."""
COOKIE_BYTES = 32
_WELL_FORMED = re.compile(r"[A-Za-z0-9_-]{43}")

BROWSER = "asemble_browser"
"""Among what Streamlit knows of a session's user: the digest of the browser's cookie."""

UPLOAD = re.compile(r".*/_stcore/upload_file/(?P<session>[^/]+)/(?P<file>[^/]+)", re.DOTALL)
LOOKS_EVERY_S = 2.0
"""How often it is looked whether an upload that is under way still has its session."""

NAMELESS = "Sign in first: the proxy in front of asemble states no user."
NOT_YOURS = "This upload belongs to somebody else. Reload the page and choose the files again."
ONCE = "Every address takes one upload, once. Choose the file again."
ENDED = "The session of this upload has ended."
STALLED = "The upload stalled, so it was broken off. Choose the file again."
STALLED_S, STALLED_BYTES = 60.0, 256 * 2**10
"""Time on the network within which so much more has to come: what is under way takes room."""


def browser(cookies: Mapping[str, str]) -> str:
    """Names a browser: the digest of its cookie, or something new where it sent none.

    >>> browser({}) == browser({})
    False
    >>> cookie = {COOKIE: "x" * 43}
    >>> browser(cookie) == browser(cookie) != browser({COOKIE: "y" * 43})
    True
    """
    said = _cookie(cookies, SECURE_COOKIE) or _cookie(cookies, COOKIE)
    return hashlib.sha256((said or secrets.token_urlsafe(COOKIE_BYTES)).encode()).hexdigest()


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
    """Whom a session counts for: its user or, where nobody is signed in, its browser."""
    return user(user_info) or str(user_info.get(BROWSER))


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


class OwnUploads:
    """Lets a file be put once, and dropped, by the browser and user of its session alone."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["method"] not in ("PUT", "DELETE"):
            await self._app(scope, receive, send)
            return
        asked = HTTPConnection(scope)
        upload = UPLOAD.fullmatch(scope["path"])
        refused = (404, "Not found") if upload is None else _refusal(asked, scope, upload)
        if refused is None and upload is not None:
            await self._take(scope, receive, send, upload["session"])
            return
        await refuse(scope, receive, send, *(refused or (404, "Not found")))

    async def _take(self, scope: Scope, receive: Receive, send: Send, session: str) -> None:
        """Take an upload in for as long as its session lasts and it gets on."""
        is_answered, is_stalled = False, False
        waited_s, come = 0.0, 0
        clock = asyncio.get_running_loop().time

        async def receive_from_its_session() -> Message:
            nonlocal is_stalled, waited_s, come
            coming = asyncio.ensure_future(receive())
            began = clock() - waited_s  # without the time that the server itself took
            try:
                while True:
                    done, _ = await asyncio.wait({coming}, timeout=LOOKS_EVERY_S)
                    waited_s = clock() - began
                    is_stalled = waited_s > STALLED_S
                    if is_stalled or _session(session) is None:
                        return {"type": "http.disconnect"}
                    if done:
                        message = coming.result()
                        come += len(message.get("body", b""))
                        if come >= STALLED_BYTES:
                            waited_s, come = 0.0, 0
                        return message
            finally:
                coming.cancel()

        async def send_and_note(message: Message) -> None:
            nonlocal is_answered
            is_answered = True
            await send(message)

        try:
            await self._app(scope, receive_from_its_session, send_and_note)
        except ClientDisconnect:  # whoever broke off, it is no fault
            if not is_answered:
                status, sentence = (408, STALLED) if is_stalled else (410, ENDED)
                await PlainTextResponse(sentence, status)(scope, receive, send)


async def refuse(scope: Scope, receive: Receive, send: Send, status: int, sentence: str) -> None:
    """Answer an upload at its end, keeping nothing: browsers hear no answer while they send."""
    while (await receive()).get("more_body"):
        pass
    await PlainTextResponse(sentence, status)(scope, receive, send)


def _refusal(asked: HTTPConnection, scope: Scope, upload: re.Match[str]) -> tuple[int, str] | None:
    session = _session(upload["session"])
    said = {**gather_user_info(asked.headers), BROWSER: browser(asked.cookies)}
    # One answer for both: who does not own a session need not learn whether there is one.
    if session is None or not session.matches_user_info(said):
        return 403, NOT_YOURS
    uploads: Any = get_instance().uploaded_file_mgr
    if scope["method"] == "PUT" and not uploads.admit(session.id, upload["file"]):
        return 409, ONCE
    return None


def _session(id_: str) -> Any:
    kept = get_instance()._session_mgr.get_session_info(id_)
    return None if kept is None else kept.session


def _cookie(cookies: Mapping[str, str], name: str) -> str:
    said = cookies.get(name, "")
    return said if _WELL_FORMED.fullmatch(said) else ""


def _names() -> list[str]:
    stated = st.get_option("server.trustedUserHeaders")
    return sorted(stated.values()) if isinstance(stated, dict) else []
