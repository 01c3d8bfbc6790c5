"""So many connections as the process has descriptors for, and none that says nothing for ever.

Without descriptors asyncio tries to accept again and again and writes a line about each try. Here
the connection that has been silent the longest makes room for the next, and one that does not get
its request said is closed after a while.
"""

import asyncio
from typing import Any

from uvicorn import Config

try:
    import resource
except ImportError:  # Windows has no such limit
    resource = None  # type: ignore[assignment]

WANTED_DESCRIPTORS = 65_536
RESERVED_DESCRIPTORS = 96
"""For files, decoders and connections that are being accepted."""
BACKLOG = 32
"""Connections that are accepted in one go, before the first is counted."""
SAYS_WITHIN_S = 60
"""A connection has to say its first request within this time."""


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
