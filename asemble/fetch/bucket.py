"""`Bucket`: a public bucket over HTTPS, with a sentence for every way in which it can fail."""

import hashlib
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote, urlsplit

import requests
from urllib3.exceptions import NewConnectionError
from urllib3.exceptions import TimeoutError as PoolTimeoutError

from asemble import __version__
from asemble.core.errors import CaseError
from asemble.fetch.listing import Object, read_listing

CHUNK_BYTES = 64 * 1024
MAX_LISTING_BYTES = 4 * 1024**2
"""S3 lists 1,000 files in about 300 kB."""
MAX_LISTINGS = 50
"""Answers for one series; none of the table needs a second."""

CONNECTS_WITHIN_S, ANSWERS_WITHIN_S = 10, 30
ATTEMPTS = 4
"""How often a request is made that broke off or found the server busy."""
PAUSE_S = 1.0
"""Before it is made again; doubled each time."""
BUSY = frozenset({429, 500, 502, 503, 504})

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

_RANGE = re.compile(r"bytes (\d+)-\d+/\d+")
_HOST = re.compile(r"[A-Za-z0-9.:-]{1,100}")

Made = TypeVar("Made")


class Bucket:
    """A bucket that anybody may list and read, as S3 serves it.

    Args:
        url: https, or http of this machine.

    Raises:
        CaseError: `not-https`.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.host = parts.hostname or ""
        is_here = self.host in LOOPBACK
        if not self.host or not (parts.scheme == "https" or (parts.scheme == "http" and is_here)):
            raise CaseError(
                "Public cases are fetched over HTTPS only.",
                hint="Name an address that begins with https://.",
                code="not-https",
            )
        self.url = url.rstrip("/")
        self._session = requests.Session()
        self._session.trust_env = not is_here  # proxies and authorities of the environment
        self._session.auth = lambda request: request  # never what a .netrc holds
        self._session.headers.update({
            "User-Agent": f"asemble/{__version__}", "Accept-Encoding": "identity",
        })  # fmt: skip

    def __enter__(self) -> "Bucket":
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def list(self, folder: str) -> tuple[Object, ...]:
        """The files below a prefix.

        Raises:
            CaseError: they cannot be listed.
        """
        objects: list[Object] = []
        more = ""
        for _ in range(MAX_LISTINGS):
            question = {"list-type": "2", "prefix": f"{folder}/"}
            if more:
                question["continuation-token"] = more
            asked = question  # of this turn
            answer = self._patiently(lambda asked=asked: self._short_answer(asked))  # type: ignore[misc]
            listing = read_listing(answer, folder)
            objects += listing.objects
            more = listing.more
            if not more:
                break
        return tuple(objects)

    def download(self, wanted: Object, path: Path, tell: Callable[[int], None]) -> None:
        """Fetch a file, going on where an earlier attempt stopped.

        Args:
            wanted: as the bucket lists it.
            path: where it grows; what is there already is the beginning of this very version.
            tell: called with the bytes that `path` has, often; what it raises ends the download.

        Raises:
            CaseError: it cannot be fetched, or is not what the bucket listed.
        """
        self._patiently(lambda: self._go_on(wanted, path, tell))
        if path.stat().st_size != wanted.bytes or (wanted.md5 and md5_of(path) != wanted.md5):
            path.unlink()
            raise CaseError(
                "A file arrived with another checksum or size than the server states, and was "
                "thrown away.",
                hint="Fetch again; if it stays, something on the way alters files.",
                code="wrong-checksum",
            )

    def _short_answer(self, question: dict[str, str]) -> bytes:
        with self._get("/", question) as response:
            answer = b""
            for chunk in response.iter_content(CHUNK_BYTES):
                answer += chunk
                if len(answer) > MAX_LISTING_BYTES:
                    break
            return answer[:MAX_LISTING_BYTES]

    def _go_on(self, wanted: Object, path: Path, tell: Callable[[int], None]) -> None:
        have = path.stat().st_size if path.exists() else 0
        if have > wanted.bytes:
            path.unlink()
            have = 0
        if have == wanted.bytes and path.exists():
            return
        headers = {}
        if have:
            headers = {"Range": f"bytes={have}-", "If-Range": f'"{wanted.etag}"'}
        with self._get(f"/{wanted.folder}/{quote(wanted.name)}", headers=headers) as response:
            start = _start_of(response)
            if start != have:  # the server sends all of it, which it may
                have = start = 0
            # What came of a chunk before the line broke is kept: the size is checked below.
            response.raw.enforce_content_length = False
            with path.open("r+b" if start else "wb") as file:
                file.seek(start)
                for chunk in response.iter_content(CHUNK_BYTES):
                    file.write(chunk)
                    have += len(chunk)
                    tell(have)
                    if have > wanted.bytes:
                        return  # which the size will tell
        if have < wanted.bytes:
            raise _interrupted()

    @contextmanager
    def _get(
        self,
        path: str,
        question: dict[str, str] | None = None,
        *,
        headers: dict[str, str] | None = None,
    ) -> Iterator[requests.Response]:
        """An answer whose status is good; what breaks while it is read is told in our words."""
        try:
            with self._session.get(
                self.url + path, params=question, headers=headers, stream=True,
                allow_redirects=False, timeout=(CONNECTS_WITHIN_S, ANSWERS_WITHIN_S),
            ) as response:  # fmt: skip
                self._require_good(response)
                yield response
        except requests.exceptions.SSLError as error:
            raise CaseError(
                f"The certificate of {self.host} does not hold, so nothing was fetched.",
                hint="Where the network inspects TLS, name its authority in REQUESTS_CA_BUNDLE.",
                code="tls",
            ) from error
        except requests.exceptions.RequestException as error:
            raise self._offline() if _never_connected(error) else _interrupted() from error

    def _require_good(self, response: requests.Response) -> None:
        status = response.status_code
        if response.is_redirect or 300 <= status < 400:
            host = urlsplit(response.headers.get("Location", "")).hostname or ""
            where = f"to {host}" if _HOST.fullmatch(host) else "elsewhere"
            raise CaseError(
                f"{self.host} points {where}; asemble follows to no other address.",
                hint="If the cases moved, say so with --base-url or ASEMBLE_CASES_URL.",
                code="redirected",
            )
        if status not in (200, 206):
            raise _BusyError(status) if status in BUSY else _bad_status(status)

    def _offline(self) -> CaseError:
        return CaseError(
            f"{self.host} cannot be reached: there is no connection to it.",
            hint="Check the network or its proxy; everything else in asemble works without one.",
            code="offline",
        )

    def _patiently(self, action: Callable[[], Made]) -> Made:
        """Again and again where the line broke or the server was busy, each time after a pause."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return action()
            except CaseError as error:
                if error.code != "interrupted" or attempt == ATTEMPTS:
                    raise
            except _BusyError as busy:
                if attempt == ATTEMPTS:
                    raise _bad_status(busy.status) from busy
            time.sleep(PAUSE_S * 2 ** (attempt - 1))
        raise AssertionError("the last attempt returns or raises")


class _BusyError(Exception):
    """The server may answer later."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def md5_of(path: Path) -> str:
    """As S3 counts it; a check against accidents, not against somebody who forges."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _start_of(response: requests.Response) -> int:
    """Where in the file an answer begins."""
    if response.status_code != 206:
        return 0
    stated = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
    return int(stated[1]) if stated else -1


def _never_connected(error: requests.exceptions.RequestException) -> bool:
    if isinstance(error, requests.exceptions.ProxyError | requests.exceptions.ConnectTimeout):
        return True
    cause = error.args[0] if error.args else None
    reason = getattr(cause, "reason", None)
    return isinstance(reason, NewConnectionError | PoolTimeoutError)


def _interrupted() -> CaseError:
    return CaseError(
        "The connection broke off before everything had arrived; what came is kept.",
        hint="Fetch the same again: it goes on where it stopped.",
        code="interrupted",
    )


def _bad_status(status: int) -> CaseError:
    return CaseError(
        f"The server answered with HTTP status {status} instead of the files.",
        hint="Try again later; if it stays, the case may have been withdrawn or moved.",
        code="http",
    )
