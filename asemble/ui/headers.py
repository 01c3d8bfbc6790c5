"""Security headers, which keep a browser from contacting other servers."""

import json
from http import HTTPStatus

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = "; ".join(
    (
        "default-src 'self'",
        # Streamlit starts its page, and the viewer its scripts, inline or from memory.
        "script-src 'self' 'unsafe-inline' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "worker-src 'self' blob:",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
"""What a page may load, run and call: nothing from another host, and nobody may frame it."""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
"""On every answer of the server."""

HOST_CONFIG = "/_stcore/host-config"
"""Where Streamlit's page learns what its host wants of it."""

MEDIA = "/media/"
"""Streamlit's path for files to show and to download: pictures and readings of a study."""


class SecurityHeaders:
    """Adds `HEADERS` to every answer, and to what belongs to a study that nobody may store it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                if MEDIA in scope["path"]:
                    headers["Cache-Control"] = "no-store"
            await send(message)

        await self._app(scope, receive, send_with_headers)


class QuietDialogs:
    """Tells Streamlit's page to leave errors to us.

    Its dialog about a lost connection speaks of a terminal, to a reader who has none; `recovery.js`
    says what matters.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or not scope["path"].endswith(HOST_CONFIG):
            await self._app(scope, receive, send)
            return
        started: list[Message] = []
        parts: list[bytes] = []

        async def collect(message: Message) -> None:
            if message["type"] == "http.response.start":
                started.append(message)
                return
            parts.append(message.get("body", b""))
            if message.get("more_body"):
                return
            if started[0]["status"] != HTTPStatus.OK or not _is_json(started[0]):
                await send(started[0])
                await send({"type": "http.response.body", "body": b"".join(parts)})
                return
            config = json.dumps({**json.loads(b"".join(parts)), "blockErrorDialogs": True}).encode()
            MutableHeaders(scope=started[0])["Content-Length"] = str(len(config))
            await send(started[0])
            await send({"type": "http.response.body", "body": config})

        await self._app(scope, receive, collect)


def _is_json(started: Message) -> bool:
    return MutableHeaders(scope=started).get("content-type", "").startswith("application/json")
