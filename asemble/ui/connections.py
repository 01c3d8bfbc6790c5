"""Limits of connections: as many as there are descriptors for, and none that idles for ever.

What the process holds of messages that have not all come has a ceiling, too, and a socket says no
more at once than a reader does: each message may begin a run of a page.

Without descriptors asyncio tries to accept again and again and writes a line about each try. Here
the connection that has been silent the longest makes room for the next, and one that does not get
its request said is closed after a while.
"""

import asyncio
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn import Config

from asemble.core.memory_budget import MIB
from asemble.ui import logs

try:
    import resource
except ImportError:  # Windows has no such limit
    resource = None  # type: ignore[assignment]

WANTED_DESCRIPTORS = 65_536
BACKLOG = 32
"""Connections that are accepted in one go, before the first is counted."""
RESERVED_DESCRIPTORS = 3 * BACKLOG + 96
"""For connections on their way in and out, and for files and decoders.

asyncio accepts one backlog while the one before is given its transports and those that made room
for the one before that are closed.
"""
SAYS_WITHIN_S = 60
"""A connection has to say its first request within this time."""


MESSAGE_BYTES = 2 * MIB
"""One message from a browser; the largest is a reading, below 1 MiB."""
UNFINISHED_BYTES = 64 * MIB
"""All messages together of which not all has come: beyond it the one that began first is given
up."""
MESSAGE_WITHIN_S = 60
"""A message has to come within this time from its beginning."""
PIECE_BYTES = 128
"""That Python takes for each piece of a message, however short."""
TRY_LATER = 1013
"""By which a socket is told that it was closed for want of room (RFC 6455, registered codes)."""
MESSAGES, MESSAGES_A_S = 20.0, 2.0
"""So many messages of one socket are taken at once, and so many a second from then on."""
COUNTS_DOUBLE_BYTES = 32 * 1024
"""A message counts once more for each of these."""
HELD_BACK_S = 20.0
"""A socket that is held back for so long without a pause is closed."""


def most() -> int | None:
    """How many connections there may be; None where the system sets no limit.

    The process is given as many descriptors as it may take.
    """
    if resource is None:
        return None
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(WANTED_DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return None if soft == resource.RLIM_INFINITY else max(BACKLOG, soft - RESERVED_DESCRIPTORS)


def bound(config: Config) -> None:
    """Make the server that is about to listen keep to the limits."""
    limit = most()
    config.backlog = BACKLOG
    spoken: Any = config.http_protocol_class

    class Bounded(spoken):  # type: ignore[misc]
        """The protocol of the server, of which each connection is one."""

        seen: Any = None
        says_by: asyncio.TimerHandle | None = None
        begun = 0.0

        def connection_made(self, transport: asyncio.Transport) -> None:
            super().connection_made(transport)
            self.begun = self.loop.time()
            self.says_by = self.loop.call_later(SAYS_WITHIN_S, self.look)
            if limit is not None and len(self.connections) > limit:
                silent = [each for each in self.connections if getattr(each, "is_silent", False)]
                min(silent, key=lambda each: each.begun).transport.abort()

        @property
        def is_silent(self) -> bool:
            """Whether it has not said what it wants, and is not on its way out."""
            return self.cycle is None and not self.transport.is_closing()

        def look(self) -> None:
            """Close a connection that has asked nothing since the last look."""
            if self not in self.connections:  # a websocket by now
                return
            if self.cycle is self.seen and (self.cycle is None or self.cycle.response_complete):
                self.transport.abort()
                return
            self.seen = self.cycle
            self.says_by = self.loop.call_later(SAYS_WITHIN_S, self.look)

        def connection_lost(self, error: Exception | None) -> None:
            if self.says_by is not None:
                self.says_by.cancel()
            super().connection_lost(error)

    config.http_protocol_class = Bounded
    config.ws_max_size = MESSAGE_BYTES  # Streamlit's own is for what it sends
    config.ws_protocol_class = _bounded_sockets(config.ws_protocol_class)


class Pace:
    """Takes the messages of a socket at the pace of a reader, and lets others have their turn."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)
            return
        clock = asyncio.get_running_loop().time
        credit, at, held_since = MESSAGES, clock(), None

        async def receive_in_turn() -> Message:
            nonlocal credit, at, held_since
            message = await receive()
            if message["type"] != "websocket.receive":
                return message
            size = len(message.get("bytes") or message.get("text") or "")
            now = clock()
            credit = (
                min(MESSAGES, credit + MESSAGES_A_S * (now - at)) - 1 - size / COUNTS_DOUBLE_BYTES
            )
            at = now
            if credit >= 0:
                held_since = None
            elif held_since is None:
                held_since = now
            elif now - held_since > HELD_BACK_S:
                logs.event("socket_closed")
                await send({"type": "websocket.close", "code": TRY_LATER})
                return {"type": "websocket.disconnect", "code": TRY_LATER}
            await asyncio.sleep(max(0.0, -credit / MESSAGES_A_S))
            return message

        await self._app(scope, receive_in_turn, send)


class Unfinished:
    """What all sockets hold of messages of which not all has come."""

    def __init__(self) -> None:
        self._held: dict[Any, int] = {}  # begun first comes first

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(self._held.values())

    def note(self, socket: Any, size: int) -> list[Any]:
        """Note what a socket holds now; returns those whose messages are to be given up."""
        if size:
            self._held[socket] = size
        else:
            self._held.pop(socket, None)
        given_up = []
        while self.size > UNFINISHED_BYTES:
            first = next(iter(self._held))
            del self._held[first]
            given_up.append(first)
        return given_up


def _bounded_sockets(spoken: Any) -> Any:  # noqa: C901  one small method after the other
    """The protocol of sockets, of which each connection is one, with a ceiling for all."""
    unfinished = Unfinished()

    class BoundedSocket(spoken):  # type: ignore[misc]
        ends: asyncio.TimerHandle | None = None
        counted, counted_bytes = 0, 0  # pieces of the message that comes, and what they hold

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            size = 0 if self.transport.is_closing() else self.unfinished_bytes()
            if size and self.ends is None:
                self.ends = self.loop.call_later(MESSAGE_WITHIN_S, self.end_in_time)
            for socket in unfinished.note(self, size):
                socket.give_up()

        def unfinished_bytes(self) -> int:
            new: list[bytes] = self.frames[self.counted :]
            self.counted += len(new)
            self.counted_bytes += sum(map(len, new)) + PIECE_BYTES * len(new)
            return len(self.conn.reader.buffer) + self.counted_bytes

        def send_receive_event_to_app(self) -> None:  # a message has come
            super().send_receive_event_to_app()
            self.forget()

        def forget(self) -> None:
            self.counted, self.counted_bytes = 0, 0
            unfinished.note(self, 0)
            if self.ends is not None:
                self.ends.cancel()
                self.ends = None

        def end_in_time(self) -> None:
            self.ends = None
            if self.read_paused:  # not for want of anything from the other side
                self.ends = self.loop.call_later(MESSAGE_WITHIN_S, self.end_in_time)
            elif self.unfinished_bytes():
                self.give_up()

        def give_up(self) -> None:
            """Close, and let go of what has come."""
            self.forget()
            logs.event("socket_closed")
            if self.handshake_complete and not self.transport.is_closing():
                self.conn.fail(TRY_LATER, "the message did not come in time, or room lacks")
                self.transport.write(b"".join(self.conn.data_to_send()))
            self.frames: list[bytes] = []
            self.close_sent = True
            self.transport.close()

        def connection_lost(self, error: Exception | None) -> None:
            self.forget()
            super().connection_lost(error)

    return BoundedSocket
