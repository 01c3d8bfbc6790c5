"""The sessions of the server: what is kept of one whose connection is lost, and its end.

`st.App` makes them; `options` in `server.py` has it make these. Nothing here imports torch.
"""

import asyncio
import builtins
import math
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import streamlit as st
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.runtime import Runtime, RuntimeConfig, exists, get_instance
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage
from streamlit.runtime.session_manager import SessionInfo, SessionStorage
from streamlit.runtime.websocket_session_manager import WebsocketSessionManager
from streamlit.web.cache_storage_manager_config import create_default_cache_storage_manager

from asemble.core import memory_budget
from asemble.io.limits import KEPT_BYTES_A_VOXEL
from asemble.ui import logs, owners
from asemble.ui.uploads import Uploads

KEPT_MIB = int(os.environ.get("ASEMBLE_KEPT_MIB", "2048"))
"""Of all studies whose windows are closed or lost, together."""
KEPT_SESSIONS = 512
"""So many sessions whose windows are closed or lost; most hold no study of their own."""
HOARD_BYTES = KEPT_MIB * 2**20 // 4
"""Who holds more gives before all others: 512 MiB by default, 25 ordinary studies of 63 slices."""
UNREAD_S = 60
"""An upload that was not read into a study goes so long after its window."""
IDLE_S = float(os.environ.get("ASEMBLE_IDLE_MINUTES", "0")) * 60
"""After so long without a deed of the reader a session ends; 0: never."""

FLOAT_BYTES = 4
"""Of a voxel of a study, by which sizes are counted here; its room is `KEPT_BYTES_A_VOXEL`."""

came_at: WeakKeyDictionary[AppSession, float] = WeakKeyDictionary()
"""When the owner of a session first came, of those who have had a session ever since."""

_LIMIT = "asemble.idle"
"""In the scope of a socket: when it counts as idle."""


@dataclass(frozen=True, slots=True)
class _Lost:
    info: SessionInfo
    at: float


class LostSessions(SessionStorage):
    """Sessions whose connection was lost, each until its time to come back is over.

    Beyond the limit of memory those without a cookie give first, then owners who hoard, most first,
    then who came last. Beyond the limit of number the session that holds least goes, of equals the
    latest. So whoever opens sockets, under however many names, pushes nobody out who was there
    before and does not hoard.

    Args:
        ttl_s: how long one is kept.
        size_bytes: what a session holds of its own.
        came_at: when its owner first came.
        clock: in seconds.
    """

    def __init__(
        self,
        ttl_s: float,
        size_bytes: Callable[[AppSession], int],
        came_at: Callable[[AppSession], float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ttl_s, self._size_bytes, self._came_at, self._clock = (
            ttl_s, size_bytes, came_at, clock,
        )  # fmt: skip
        self._lost: dict[str, _Lost] = {}  # lost longest ago first

    def get(self, session_id: str) -> SessionInfo | None:
        """The session, where its time is not over."""
        lost = self._lost.get(session_id)
        return None if lost is None or self._age_s(lost) > self._ttl_s else lost.info

    def save(self, session_info: SessionInfo) -> None:
        """Keep a session from now on."""
        self.delete(session_info.session.id)
        self._lost[session_info.session.id] = _Lost(session_info, self._clock())

    def delete(self, session_id: str) -> None:
        """Keep a session no longer."""
        self._lost.pop(session_id, None)

    def list(self) -> builtins.list[SessionInfo]:
        """Every session that is kept."""
        return [lost.info for lost in self._lost.values()]

    def unread_ids(self) -> builtins.list[str]:
        """Of sessions that were lost so long ago that what they did not read goes."""
        return [id_ for id_, lost in self._lost.items() if self._age_s(lost) > UNREAD_S]

    def most_bytes(self, lacking: int) -> int:
        """How much may be kept where somebody else lacks so much room.

        No more goes than that, and nothing where all of it would not help: whoever asks for too
        much costs nobody the study that a reload is about to come back to.
        """
        held = sum(self._size_bytes(lost.info.session) for lost in self._lost.values())
        given = lacking * FLOAT_BYTES // KEPT_BYTES_A_VOXEL
        is_enough = 0 < given <= held
        return min(KEPT_MIB * 2**20, held - given) if is_enough else KEPT_MIB * 2**20

    def take_over(self, most_bytes: int, most: int = KEPT_SESSIONS) -> builtins.list[AppSession]:
        """Take out those whose time is over, and those that are too much."""
        over = [id_ for id_, lost in self._lost.items() if self._age_s(lost) > self._ttl_s]
        taken = [self._lost.pop(id_).info.session for id_ in over]
        sizes = {id_: self._size_bytes(lost.info.session) for id_, lost in self._lost.items()}
        of: defaultdict[str, builtins.list[str]] = defaultdict(builtins.list)
        for id_, size in sizes.items():
            if size:
                of[_owner(self._lost[id_].info.session)].append(id_)
        while (is_too_much := sum(sizes.values()) > most_bytes) or len(sizes) > most:
            if is_too_much:
                owner = self._who_gives(of, sizes)
                id_ = of[owner].pop(0)
                if not of[owner]:
                    del of[owner]
            else:
                id_ = min(reversed(sizes), key=sizes.__getitem__)
            del sizes[id_]
            taken.append(self._lost.pop(id_).info.session)
        return taken

    def _who_gives(self, of: Mapping[str, Sequence[str]], sizes: Mapping[str, int]) -> str:
        """Of owners, each with their sessions, that hold too much together, the one to give."""
        if owners.NOBODY in of:
            return owners.NOBODY
        held = {owner: sum(sizes[id_] for id_ in ids) for owner, ids in of.items()}
        hoards = [owner for owner in of if held[owner] > HOARD_BYTES]
        if hoards:
            return max(hoards, key=held.__getitem__)
        came_at = {owner: self._came_at(self._lost[of[owner][0]].info.session) for owner in of}
        return max(of, key=lambda owner: (came_at[owner], held[owner]))

    def _age_s(self, lost: _Lost) -> float:
        return self._clock() - lost.at


class NoMedia(MemoryMediaFileStorage):
    """Keeps nothing: what a page shows or hands out goes over its own socket.

    Streamlit would serve it to whoever knows its address, and its address is that of its content.
    """

    def load_and_get_id(self, *_: Any, **__: Any) -> str:
        """Refuse.

        Raises:
            ValueError: always.
        """
        raise ValueError("nothing is served below /media: send it over the page's own socket")


class Sessions(WebsocketSessionManager):
    """Sessions that belong to a browser and a user, and end with all that they hold."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._ending: list[AppSession] = []

    def connect_session(  # noqa: D102  of Streamlit
        self, client: Any, script_data: Any, user_info: Any, *rest: Any, **more: Any
    ) -> str:
        user_info = {**user_info, owners.BROWSER: owners.browser(client.client_context.cookies)}
        id_ = super().connect_session(client, script_data, user_info, *rest, **more)
        self._note_when_its_owner_came(id_)
        return id_

    def _note_when_its_owner_came(self, id_: str) -> None:
        """A reload begins a session anew, and its reader came before."""
        begun = self.get_session_info(id_)
        if begun is None or begun.session in came_at:
            return
        owner = _owner(begun.session)
        others = [each.session for each in self.list_sessions() if each.session in came_at]
        theirs = [each for each in others if _owner(each) == owner] if owner else []
        came_at[begun.session] = min(map(came_at.__getitem__, theirs), default=time.monotonic())

    def disconnect_session(self, session_id: str) -> None:
        """Keep a session for its browser to come back to, where it holds anything."""
        super().disconnect_session(session_id)
        lost = self._session_storage.get(session_id)
        if lost is None:
            return
        uploads: Any = self._uploaded_file_mgr
        ours = _state()
        if ours is not None:
            ours.let_go_of_images(lost.session.session_state)
        if not uploads.has_to_do_with(session_id) and not (
            ours is not None and ours.holds_anything(lost.session.session_state)
        ):
            self.close_session(session_id)

    def close_session(self, session_id: str) -> None:
        """End a session, and forget what it held."""
        ended = self.get_session_info(session_id)
        super().close_session(session_id)
        if ended is not None:
            self._ending.append(ended.session)

    def sweep(self) -> int:
        """End what is over, and say what a busy page could not be told.

        Returns:
            How many sessions were, and how many studies were closed since the last time.
        """
        lost: Any = self._session_storage
        uploads: Any = self._uploaded_file_mgr
        for session in lost.take_over(lost.most_bytes(memory_budget.shared().lacking)):
            session.shutdown()
            self._ending.append(session)
        uploads.tell()
        for id_ in lost.unread_ids():
            uploads.remove_session_files(id_)
        for id_ in uploads.sessions():
            if self.get_session_info(id_) is None:
                uploads.remove_session_files(id_)
        # What a page is still running with is taken away once it has stopped.
        over = [session for session in self._ending if session._scriptrunner is None]
        self._ending = [session for session in self._ending if session not in over]
        for session in over:
            session.session_state.clear()  # its loop still holds the last session, idle
            session._fragment_storage.clear()
        ours = _state()
        return len(over) + (ours.studies_closed() if ours is not None else 0)

    def note(self, visit: str, *, is_deed: bool) -> bool:
        """A page asked: whether its session is connected.

        Args:
            visit: names the page.
            is_deed: whether its reader did something of which it says nothing else.
        """
        ours = _state()
        for info in self.list_active_sessions():
            if ours is not None and ours.is_visit(info.session.session_state, visit):
                limit = _scope(info.client).get(_LIMIT)
                if is_deed and limit is not None:
                    limit.reschedule(asyncio.get_running_loop().time() + IDLE_S)
                return True
        return False

    def end_idle(self, scope: Scope) -> None:
        """End the session that a socket belongs to."""
        for info in self.list_active_sessions():
            if _scope(info.client) is scope:
                logs.event("idle")
                self.close_session(info.session.id)


class Idle:
    """Ends the session of a socket that said nothing for so long, and the socket with it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "websocket" or not IDLE_S:
            await self._app(scope, receive, send)
            return

        async def receive_in_time() -> Message:
            try:
                async with asyncio.timeout(IDLE_S) as limit:
                    scope[_LIMIT] = limit
                    return await receive()
            except TimeoutError:
                manager().end_idle(scope)
                await send({"type": "websocket.close", "code": 1001})
                return {"type": "websocket.disconnect", "code": 1001}

        await self._app(scope, receive_in_time, send)


def make_runtime(app: st.App) -> Runtime:
    """As `st.App` makes it, but for the sessions and what belongs to them."""
    return Runtime(
        RuntimeConfig(
            script_path=str(app._resolve_script_path()),
            media_file_storage=NoMedia("/media"),
            uploaded_file_manager=Uploads("/_stcore/upload_file"),
            cache_storage_manager=create_default_cache_storage_manager(),
            session_manager_class=Sessions,
            session_storage=LostSessions(
                float(st.get_option("server.disconnectedSessionTTL")),
                _size_bytes,
                lambda session: came_at.get(session, math.inf),
            ),
            on_script_error=app._on_script_error,
        )
    )


def manager() -> Sessions:
    """The sessions of this process."""
    sessions = get_instance()._session_mgr
    if not isinstance(sessions, Sessions):
        raise TypeError(f"the sessions are of {type(sessions).__name__}")
    return sessions


def sweep() -> int:
    """End what is over; how much was since the last time."""
    return manager().sweep() if exists() else 0


def _state() -> Any:
    """`asemble.ui.state`, which imports torch; until it is all there no study was opened."""
    ours = sys.modules.get("asemble.ui.state")
    return None if ours is None or getattr(ours.__spec__, "_initializing", False) else ours


def _size_bytes(session: AppSession) -> int:
    ours = _state()
    return int(ours.size_bytes(session.session_state)) if ours is not None else 0


def _owner(session: AppSession) -> str:
    return owners.owner(session._user_info)


def _scope(client: Any) -> Scope:
    """Of the socket of a client."""
    scope: Scope = client._websocket.scope
    return scope
