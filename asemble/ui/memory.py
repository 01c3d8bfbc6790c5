"""How a server parts its memory, and the uploads that nobody has read yet.

What the machine or the container has is parted once, at start: for the process itself and its
networks, for studies (`asemble.core.room`), for uploads, and the rest for decoders and for what
nobody foresaw. The process is then held below it by the system, so that what remains is one
session's fault and not the end of all.
"""

import asyncio
import math
import os
import time
from collections import defaultdict
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.runtime import exists, get_instance

from asemble.core import room
from asemble.core.room import MIB
from asemble.io import limits
from asemble.ui import logs, owners

BASE = 1536 * MIB
"""Python, torch and the shipped networks at work take 1.0 to 1.3 GiB."""
STUDIES, UPLOADS = 1 / 2, 1 / 3
"""Shares of the rest."""
LEAST = 512 * MIB
"""For studies and for uploads, however small the machine says it is."""
MEMORY = "ASEMBLE_MEMORY_MIB"
"""What the process may have, where the system does not say; 0 for no bound."""

SOCKET_BYTES = 2 * MIB
"""One message from a browser; the largest is a reading, below 1 MiB."""

WAIT_S = 60.0
"""So long an upload waits for others to be read, before and while it comes; the network waits with
it."""
LOOKS_EVERY_S = 0.5
UNREAD_S = 300.0
"""Who holds most and has not read it for so long gives it up where others have no room."""

UPLOAD = "/_stcore/upload_file/"

TOO_MUCH = (
    f"The files that wait to be read have more than {limits.MAX_PACKED_BYTES // MIB:,} MiB "
    "together. Take some away, or read them first."
)
FULL = (
    "The server holds as many uploads as its memory has room for, so this file was not taken. "
    "Try again in a few minutes."
)
GIVEN_UP = (
    "Your files waited to be read while others had no room, so the server let go of them. Choose "
    "them again, and read them at once."
)
TOO_LARGE = (
    "This file is larger than the {mib} MiB that this server has memory for. Upload only the "
    "sacroiliac MRI series."
)
UNKNOWN_LENGTH = "The upload does not say how long it is."


class _Budget:
    """Of all uploads that are not read."""

    def __init__(self) -> None:
        self.total: int | None = None
        self.coming: defaultdict[str, int] = defaultdict(int)
        self.came_at: dict[str, float] = {}
        self.said: dict[str, str] = {}


_budget = _Budget()


def bound() -> None:
    """Part the memory, and have the system hold the process below it."""
    stated = os.environ.get(MEMORY, "")
    memory = int(stated) * MIB if stated.isdigit() else room.machine_bytes()
    if not memory:
        return
    rest = max(memory - BASE, 0)
    studies, uploads = (max(LEAST, int(share * rest)) for share in (STUDIES, UPLOADS))
    room.bound(studies)
    _budget.total = uploads
    _hold_below(BASE + studies + uploads)
    logs.event("memory", mib=memory // MIB, studies_mib=studies // MIB, uploads_mib=uploads // MIB)


def _hold_below(size: int) -> None:
    """Let allocations fail beyond `size`, in whoever asks for more.

    RLIMIT_DATA, not RLIMIT_AS: it counts what is written to (heaps, mappings, stacks of threads),
    of which a server has 1 GiB. Of addresses, torch and its threads take many times that without
    ever using them, so that no limit would fit both a busy server and an idle one.
    """
    try:
        import resource  # noqa: PLC0415  not on Windows
    except ImportError:
        return
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    soft = size if hard == resource.RLIM_INFINITY else min(size, hard)
    try:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
    except (ValueError, OSError):  # a platform that knows the name but not the limit
        return


def refusal(session_id: str) -> str:
    """Why the last upload of a session was not taken, said once; empty where it was."""
    return _budget.said.pop(session_id, "")


class Uploads:
    """Takes an upload only where its session and the process have room for it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["method"] != "PUT" or UPLOAD not in scope["path"]:
            await self._app(scope, receive, send)
            return
        session = scope["path"].split(UPLOAD, 1)[1].split("/")[0]
        length = Headers(scope=scope).get("content-length", "")
        if not length.isdigit():
            await PlainTextResponse(UNKNOWN_LENGTH, 411)(scope, receive, send)
            return
        size = int(length)
        refused = _never_fits(size) or await _when_there_is_room(session, size)
        if refused is None:
            refused = await self._take(scope, receive, send, session)
        if refused is not None:
            _say(session, refused[1])
            await owners.refuse(scope, receive, send, *refused)

    async def _take(
        self, scope: Scope, receive: Receive, send: Send, session: str
    ) -> tuple[int, str] | None:
        """Count what comes while it comes; returns why it was broken off, if it was."""
        come = 0
        refused: tuple[int, str] | None = None

        async def receive_and_count() -> Message:
            nonlocal come, refused
            message = await receive()
            size = len(message.get("body", b""))
            refused = await _when_there_is_room(session, size)
            if refused is not None:
                return {"type": "http.disconnect"}
            come += size
            _budget.coming[session] += size
            return message

        try:
            await self._app(scope, receive_and_count, send)
        except ClientDisconnect:
            if refused is None:
                raise
        finally:
            _budget.coming[session] -= come
            if not _budget.coming[session]:
                del _budget.coming[session]
            _note_what_waits(session)
        return refused


def _never_fits(size: int) -> tuple[int, str] | None:
    if _budget.total is None or 2 * size <= _budget.total:
        return None
    return 413, TOO_LARGE.format(mib=f"{_budget.total // 2 // MIB:,}")


async def _when_there_is_room(session: str, size: int) -> tuple[int, str] | None:
    """Wait until so many bytes may come; why they may not, where they may not."""
    until = asyncio.get_running_loop().time() + WAIT_S
    while True:
        refused = _refusal(session, size)
        if refused is None or refused[0] != 507 or asyncio.get_running_loop().time() >= until:
            return refused
        _let_go(session, size)
        await asyncio.sleep(LOOKS_EVERY_S)


def _refusal(session: str, size: int) -> tuple[int, str] | None:
    """Status and sentence where `size` bytes more are too much; while they come they lie twice."""
    stored = _stored()
    own = stored.get(session, 0) + _budget.coming.get(session, 0) + size
    if own > limits.MAX_PACKED_BYTES + MIB:  # with what is around it
        return 413, TOO_MUCH
    total = sum(stored.values()) + 2 * (sum(_budget.coming.values()) + size)
    if _budget.total is not None and total > _budget.total:
        return 507, FULL
    return None


def _note_what_waits(session: str) -> None:
    """Note since when sessions have had what is not read; more that comes changes nothing of it."""
    waits = {id_ for id_, size in _stored().items() if size}
    came_at = _budget.came_at
    _budget.came_at = {id_: at for id_, at in came_at.items() if id_ in waits}
    if session in waits:
        _budget.came_at.setdefault(session, time.monotonic())


def _let_go(session: str, size: int) -> None:
    """Forget what whoever holds most has not read for long, where that is more than is asked."""
    stored = _stored()
    most = max(stored, key=stored.__getitem__, default=session)
    own = stored.get(session, 0) + _budget.coming.get(session, 0) + size
    since = _budget.came_at.get(most, math.inf)
    if most != session and stored[most] > own and time.monotonic() - since > UNREAD_S:
        _forget(most)
        _say(most, GIVEN_UP)


def _forget(session: str) -> None:
    get_instance().uploaded_file_mgr.remove_session_files(session)


def _stored() -> dict[str, int]:
    """Bytes that wait to be read, by session."""
    if not exists():
        return {}
    files: Any = getattr(get_instance().uploaded_file_mgr, "file_storage", {})
    return {id_: sum(len(f.data) for f in list(of.values())) for id_, of in list(files.items())}


def _say(session: str, sentence: str) -> None:
    """Have the page say it: Streamlit's uploader shows the number of the error alone."""
    logs.event("upload_refused")
    if not exists():
        return
    info = get_instance()._session_mgr.get_session_info(session)
    if info is not None:
        _budget.said[session] = sentence
        info.session.request_rerun(None)
