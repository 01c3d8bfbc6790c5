"""Uploads until they are read: whose they are, how long they may take, and what room they have.

An upload goes through three states: its session has asked for an address, it comes, it waits to be
read. `Uploads` goes from one to the next in one step each, so that an address takes one file, and
room that was given is nobody else's, whatever comes at the same time. `Door` lets in what may come,
and ends what does not get on.
"""

import asyncio
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.runtime import exists, get_instance
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec, UploadFileUrlInfo
from streamlit.web.server.starlette.starlette_websocket import gather_user_info

from asemble.io import limits
from asemble.io.limits import MIB
from asemble.ui import logs, owners

ADDRESS = re.compile(r".*/_stcore/upload_file/(?P<session>[^/]+)/(?P<file>[^/]+)", re.DOTALL)

ADDRESSES = 5 * limits.MAX_FILES
"""That all sessions may have asked for and not used, together; each takes 300 bytes."""
LOOKS_EVERY_S = 1.0
"""How often it is looked whether an upload gets on, still has its session, or has room now."""
SILENT_S = 15.0
"""What brings nothing for so long is broken off: a body that never comes holds its connection."""
STALLED_S, STALLED_BYTES = 60.0, 256 * 2**10
"""Time on the network within which so much more has to come."""
WAIT_S = 60.0
"""So long an upload waits for room before it comes; the network waits with it."""
UNREAD_S = 300.0
"""Where others have no room: who holds most and has not read it for so long gives it up, and what
would take so long to come is broken off."""
PACE_AFTER_S = 10.0
"""Before that nobody's pace is known."""
REFUSED_S = 60.0
"""So long what comes of a refused upload is passed over, for its browser to hear the answer."""

NOT_YOURS = "This upload belongs to somebody else. Reload the page and choose the files again."
ONCE = "Every address takes one upload, once. Choose the file again."
ENDED = "The session of this upload has ended."
STALLED = "The upload stalled, so it was broken off. Choose the file again."
TOO_SLOW = (
    "The upload came so slowly that it was broken off when others had no room. Try again later."
)
UNKNOWN_LENGTH = "The upload does not say how long it is."
LONGER = "The upload is longer than it says."
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

Refusal = tuple[int, str]
"""Status and sentence of an answer."""


@dataclass(slots=True, eq=False)
class Coming:
    """An upload that is under way.

    Args:
        session, file: where it goes.
        size: bytes that it says it has; while it comes they lie twice in memory.
        since: when it was let in.
        come: bytes that have come.
        over: why it is to be broken off; None where it is not.
    """

    session: str
    file: str
    size: int
    since: float
    come: int = 0
    over: Refusal | None = None


class Uploads(MemoryUploadedFileManager):
    """The uploads of all sessions that are not read, within one budget of memory.

    Args:
        upload_endpoint: below which their addresses lie.
        clock: in seconds.
    """

    total: int | None = None
    """Bytes for all of them; None for no bound."""

    def __init__(self, upload_endpoint: str, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(upload_endpoint)
        self._clock = clock
        self._step = threading.RLock()  # pages read, in threads, while others come
        self._asked: dict[str, set[str]] = {}
        self._coming: dict[tuple[str, str], Coming] = {}
        self._stored: Counter[str] = Counter()
        self._unread_since: dict[str, float] = {}
        self._said: dict[str, str] = {}
        self._untold: set[str] = set()

    def get_upload_urls(self, session_id: str, file_names: Any) -> list[UploadFileUrlInfo]:
        """Addresses for so many files, each good for one upload.

        Who has most gives up theirs where there are too many.

        Files and addresses of a session are as many as an upload may have files, together: one
        message of 2 MiB can name a million files.
        """
        with self._step:
            asked = self._asked.setdefault(session_id, set())
            held = len(asked) + len(self._coming_of(session_id))
            left = limits.MAX_FILES - held - len(self.file_storage.get(session_id, ()))
            urls = super().get_upload_urls(session_id, file_names[: max(0, left)])
            asked.update(url.file_id for url in urls)
            while sum(map(len, self._asked.values())) > ADDRESSES:
                latest_first = reversed(self._asked)
                del self._asked[max(latest_first, key=lambda each: len(self._asked[each]))]
            return urls

    def place(self, session_id: str, file_id: str, size: int) -> Coming | Refusal:
        """Let a file of so many bytes come, or say why not (507: not now).

        Its address and its room are taken in one step, and where there is no room neither is.
        """
        with self._step:
            if file_id not in self._asked.get(session_id, ()):
                return 409, ONCE
            if self.total is not None and 2 * size > self.total:
                return 413, TOO_LARGE.format(mib=f"{self.total // 2 // MIB:,}")
            booked = sum(each.size for each in self._coming_of(session_id))
            own = self._stored[session_id] + booked + size
            if own > limits.MAX_PACKED_BYTES + MIB:  # with what is around it
                return 413, TOO_MUCH
            if self.total is not None and self.held_bytes + 2 * size > self.total:
                return 507, FULL
            self._asked[session_id].discard(file_id)
            coming = Coming(session_id, file_id, size, self._clock())
            self._coming[session_id, file_id] = coming
            return coming

    @property
    def held_bytes(self) -> int:
        """What waits to be read, and twice what comes."""
        with self._step:
            return self._stored.total() + 2 * sum(each.size for each in self._coming.values())

    def end(self, coming: Coming) -> None:
        """Give back the room of an upload that has come, or comes no more."""
        with self._step:
            if self._coming.get((coming.session, coming.file)) is coming:
                del self._coming[coming.session, coming.file]

    def add_file(self, session_id: str, file: UploadedFileRec) -> None:
        """Keep a file that has come, where nobody has dropped it and its session is still there."""
        with self._step:
            coming = self._coming.pop((session_id, file.file_id), None)
            if coming is not None and coming.over is None and is_there(session_id):
                super().add_file(session_id, file)
                self._stored[session_id] += len(file.data)
                self._unread_since.setdefault(session_id, self._clock())

    def remove_file(self, session_id: str, file_id: str) -> None:
        """Let go of one file, whether it waits, comes, or might have come."""
        with self._step:
            self._asked.get(session_id, set()).discard(file_id)
            self._break_off(self._coming.get((session_id, file_id)), (410, ENDED))
            file = self.file_storage.get(session_id, {}).get(file_id)
            super().remove_file(session_id, file_id)
            if file is not None:
                self._stored[session_id] -= len(file.data)
            if not self.file_storage.get(session_id):
                self._note_all_read(session_id)

    def remove_session_files(self, session_id: str) -> None:
        """Let go of all that a session has uploaded, and of what is still to come."""
        with self._step:
            self._asked.pop(session_id, None)
            self._said.pop(session_id, None)
            for coming in self._coming_of(session_id):
                self._break_off(coming, (410, ENDED))
            self._forget_unread(session_id)

    def make_room(self, session_id: str, size: int) -> str:
        """Where somebody has no room: break off what comes too slowly, have one owner give.

        That is who holds most, where it is more than is asked for and was not read for long.

        Returns:
            The session whose unread files were let go of; empty where none were.
        """
        with self._step:
            now = self._clock()
            for each in self._coming.values():
                age = now - each.since
                if age > PACE_AFTER_S and each.come * UNREAD_S < each.size * age:
                    self._break_off(each, (408, TOO_SLOW))
            most = max(self._stored, key=self._stored.__getitem__, default=session_id)
            own = self._stored[session_id] + size
            age = now - self._unread_since.get(most, now)
            if most == session_id or self._stored[most] <= own or age <= UNREAD_S:
                return ""
            self._forget_unread(most)
            return most

    def say(self, session_id: str, sentence: str) -> None:
        """Have the page of a session say it: Streamlit's uploader shows an error's number alone."""
        logs.event("upload_refused")
        if is_there(session_id):
            self._said[session_id] = sentence
            self._untold.add(session_id)
            self.tell()

    def tell(self) -> None:
        """Draw the pages that have something to say; what a page is busy with is not stopped."""
        for session_id in tuple(self._untold):
            session = _session(session_id)
            if session is None or session._scriptrunner is None:
                self._untold.discard(session_id)
                if session is not None:
                    session.request_rerun(None)

    def hear(self, session_id: str) -> str:
        """What a page is to say, once; empty where that is nothing."""
        return self._said.pop(session_id, "")

    def has_to_do_with(self, session_id: str) -> bool:
        """Whether a session uploads or may, or has uploaded what it has not read."""
        with self._step:
            held = self._asked.get(session_id) or self.file_storage.get(session_id)
            return bool(held or self._coming_of(session_id))

    def sessions(self) -> list[str]:
        """Those that have files here or may still bring some."""
        with self._step:
            coming = (session for session, _ in self._coming)
            return list({*self.file_storage, *self._asked, *coming})

    def _coming_of(self, session_id: str) -> list[Coming]:
        return [each for each in self._coming.values() if each.session == session_id]

    def _break_off(self, coming: Coming | None, why: Refusal) -> None:
        if coming is not None and coming.over is None:
            coming.over = why

    def _forget_unread(self, session_id: str) -> None:
        super().remove_session_files(session_id)
        self._note_all_read(session_id)

    def _note_all_read(self, session_id: str) -> None:
        del self._stored[session_id]
        self._unread_since.pop(session_id, None)


class Door:
    """Lets a file be put once, and dropped, by the browser and user of its session alone.

    Nothing else may be put or deleted on the server.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["method"] not in ("PUT", "DELETE"):
            await self._app(scope, receive, send)
            return
        arriving = Arriving(receive)
        placed = await _place(scope)
        if placed is None:
            await self._app(scope, arriving, send)
        elif isinstance(placed, Coming):
            await self._take(placed, scope, arriving, send)
        else:
            await _refuse(placed, scope, arriving, send)

    async def _take(self, coming: Coming, scope: Scope, arriving: "Arriving", send: Send) -> None:
        """Take an upload in for as long as its session lasts and it gets on."""
        is_answered = False
        arriving.watch(coming)

        async def send_and_note(message: Message) -> None:
            nonlocal is_answered
            is_answered = True
            await send(message)

        try:
            await self._app(scope, arriving, send_and_note)
        except ClientDisconnect:  # whoever broke off, it is no fault
            pass
        finally:
            _uploads().end(coming)
        if not is_answered:
            refusal = arriving.refusal or (410, ENDED)
            if refusal[0] != 410:
                _uploads().say(coming.session, refusal[1])
            await _answer(refusal, scope, arriving, send)


class Arriving:
    """The body of a request, for as long as it gets on.

    Args:
        receive: of the server.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._coming: Coming | None = None
        self._is_whole = False
        self._waited_s, self._lately = 0.0, 0
        self.refusal: Refusal | None = None
        """Why it was broken off."""

    def watch(self, coming: Coming) -> None:
        """Count what comes as that of an upload."""
        self._coming = coming

    async def __call__(self) -> Message:
        """The next piece; that the connection is lost where it got on no more."""
        if self.refusal is not None:
            return {"type": "http.disconnect"}
        if self._is_whole:
            return await self._receive()
        clock = asyncio.get_running_loop().time
        before, began = self._waited_s, clock()  # without the time that the server itself took
        piece = asyncio.ensure_future(self._receive())
        try:
            while self.refusal is None:
                done, _ = await asyncio.wait({piece}, timeout=min(LOOKS_EVERY_S, SILENT_S))
                silent_s = clock() - began
                self._waited_s = before + silent_s
                if done:
                    self._count(piece.result())
                if self.refusal is None and self._coming is not None:
                    is_kept = is_there(self._coming.session)
                    self.refusal = self._coming.over if is_kept else (410, ENDED)
                if self.refusal is None and not done and silent_s > SILENT_S:
                    self.refusal = 408, STALLED
                if self.refusal is None and self._waited_s > STALLED_S:
                    self.refusal = 408, STALLED
                if done and self.refusal is None:
                    return piece.result()
        finally:
            piece.cancel()
        return {"type": "http.disconnect"}

    def _count(self, message: Message) -> None:
        size = len(message.get("body", b""))
        self._is_whole = not message.get("more_body", False)
        self._lately += size
        if self._lately >= STALLED_BYTES:
            self._waited_s, self._lately = 0.0, 0
        if self._coming is not None:
            self._coming.come += size
            if self._coming.come > self._coming.size:
                self.refusal = 400, LONGER


async def _place(scope: Scope) -> Coming | Refusal | None:
    """What comes of a PUT, once there is room; None for a DELETE that may be."""
    upload = ADDRESS.fullmatch(scope["path"])
    if upload is None:
        return 404, "Not found"
    asked = HTTPConnection(scope)
    session = _session(upload["session"])
    said = {**gather_user_info(asked.headers), owners.BROWSER: owners.browser(asked.cookies)}
    # One answer for both: who does not own a session need not learn whether there is one.
    if session is None or not session.matches_user_info(said):
        return 403, NOT_YOURS
    if scope["method"] == "DELETE":
        return None
    length = Headers(scope=scope).get("content-length", "")
    if not length.isdigit():
        return 411, UNKNOWN_LENGTH
    session_id, file_id = upload["session"], upload["file"]
    placed = await _when_there_is_room(_uploads(), session_id, file_id, int(length))
    if not isinstance(placed, Coming) and placed[0] in (413, 507):
        _uploads().say(session.id, placed[1])
    return placed


async def _when_there_is_room(
    uploads: Uploads, session: str, file: str, size: int
) -> Coming | Refusal:
    clock = asyncio.get_running_loop().time
    until = clock() + WAIT_S
    while True:
        placed = uploads.place(session, file, size)
        if isinstance(placed, Coming) or placed[0] != 507 or clock() >= until:
            return placed
        gave = uploads.make_room(session, size)
        if gave:
            uploads.say(gave, GIVEN_UP)
        await asyncio.sleep(LOOKS_EVERY_S)


async def _refuse(refusal: Refusal, scope: Scope, arriving: Arriving, send: Send) -> None:
    """Answer an upload at its end, keeping nothing: browsers hear no answer while they send."""
    try:
        async with asyncio.timeout(REFUSED_S):
            while (await arriving()).get("more_body"):
                pass
    except TimeoutError:
        pass
    await _answer(refusal, scope, arriving, send)


async def _answer(refusal: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer, and have the connection end with that: what it had to say may not all have come."""
    status, sentence = refusal
    answer = PlainTextResponse(sentence, status, headers={"Connection": "close"})
    await answer(scope, receive, send)


def hear(session_id: str) -> str:
    """Why the last upload of a session was not taken, said once; empty where it was."""
    uploads = get_instance().uploaded_file_mgr if exists() else None
    return uploads.hear(session_id) if isinstance(uploads, Uploads) else ""


def is_there(session_id: str) -> bool:
    """Whether a session goes on, or may."""
    return _session(session_id) is not None


def _session(id_: str) -> Any:
    kept = get_instance()._session_mgr.get_session_info(id_) if exists() else None
    return None if kept is None else kept.session


def _uploads() -> Uploads:
    uploads = get_instance().uploaded_file_mgr
    if not isinstance(uploads, Uploads):
        raise TypeError(f"the uploads are of {type(uploads).__name__}")
    return uploads
