"""A line between a browser and the app that can be cut: packets vanish, nobody is told."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

CHUNK = 2**16


class FlakyLine:
    """Passes bytes on between a port of its own and the app.

    Args:
        address: of the app.
    """

    def __init__(self, address: str) -> None:
        self._app = (urlsplit(address).hostname or "", urlsplit(address).port or 0)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._is_up = threading.Event()
        self._is_up.set()
        self._ends: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """From now on nothing arrives on either side, and no end is told."""
        self._is_up.clear()

    def mend(self) -> None:
        """The connections of before are gone; new ones come through."""
        for end in self._ends:
            _close(end)
        self._ends.clear()
        self._is_up.set()

    def close(self) -> None:
        """For good."""
        _close(self._listening)
        self.mend()

    def _accept(self) -> None:
        while True:
            try:
                browser, _ = self._listening.accept()
            except OSError:
                return
            self._ends.append(browser)
            threading.Thread(target=self._join, args=(browser,), daemon=True).start()

    def _join(self, browser: socket.socket) -> None:
        self._is_up.wait()
        try:
            app = socket.create_connection(self._app)
        except OSError:  # the app is not there, which is told at once
            _close(browser)
            return
        self._ends.append(app)
        for source, target in ((browser, app), (app, browser)):
            threading.Thread(target=self._pass, args=(source, target), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(CHUNK):
                self._is_up.wait()
                target.sendall(data)
        except OSError:
            pass
        _close(source)
        _close(target)


def _close(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()


@contextmanager
def flaky_line(address: str) -> Iterator[FlakyLine]:
    """A line to the app, gone at the end."""
    line = FlakyLine(address)
    try:
        yield line
    finally:
        line.close()
