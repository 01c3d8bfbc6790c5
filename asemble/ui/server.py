"""The server around the pages: health, headers, its log, and an orderly end.

`app.py` hands these to `st.App`. Nothing here imports torch: the models are loaded beside the
server, by a thread, so that the first answer about its health comes at once.
"""

import asyncio
import ctypes
import gc
import logging
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum
from types import FrameType
from typing import Any

import streamlit as st
from starlette.formparsers import MultiPartParser
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from streamlit import net_util

from asemble import __version__
from asemble.core import memory_budget
from asemble.core.errors import FileError, InputError, WeightsError
from asemble.core.faults import Fault
from asemble.io.decode import processes
from asemble.ui import (
    connections,
    logs,
    memory,
    modules,
    pending_reruns,
    sessions,
    tab_tokens,
    uploads,
)
from asemble.ui.base_path import below_base
from asemble.ui.headers import QuietDialogs, SecurityHeaders
from asemble.ui.owners import Browsers, SignedIn
from asemble.ui.request_filter import Doors

HEALTH = "/healthz"
ALIVE = "/asemble-alive"
GRACE_S = 4
"""After a signal to end, requests under way get this long. Python needs seconds more to let go of
torch, and container engines kill after 10."""
SWEEP_EVERY_S = 2.0
"""How often sessions are looked through that nobody will come back to."""
VISIT, DEED = "X-Asemble-Visit", "X-Asemble-Deed"
"""Headers by which a tab says which it is, and that its reader did something meanwhile."""

M_ARENA_MAX = -8
"""Of glibc's `mallopt`: how many heaps the threads of a process share."""
ARENAS = 2
"""By itself glibc makes eight a core, each of which keeps its holes: memory at rest then grew to
1.1 times that after the warm-up, and with two it stays (docs/decisions/0018)."""

NO_PAGE = "streamlit.runtime.scriptrunner_utils.script_run_context"
"""Warns of every widget that is drawn outside a page."""


class Models(StrEnum):
    """Whether this process can judge a study."""

    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"


SHIPPED, OWN = "shipped", "own"
"""Whose weights judge."""


class _Process:
    """What the server knows of itself."""

    models = Models.LOADING
    weights: str | None = None
    failure: dict[str, str] | None = None


def options() -> dict[str, Any]:
    """What `st.App` takes beside the script; prepares this process to be a server."""
    logs.install()
    pending_reruns.keep_what_is_overtaken()
    st.App._create_runtime = sessions.make_runtime  # type: ignore[method-assign, assignment]
    _glibc("mallopt", M_ARENA_MAX, ARENAS)
    # Streamlit would ask a host in the Internet for this machine's address, to compare origins.
    net_util._external_ip = ""
    # Uploads stay in memory: beyond 1 MB Starlette would write them to a temporary file.
    MultiPartParser.spool_max_size = sys.maxsize
    return {
        "routes": [Route(HEALTH, health), Route(alive_path(), alive), modules.route()],
        "middleware": [
            Middleware(SecurityHeaders),
            Middleware(Doors),
            Middleware(QuietDialogs),
            Middleware(Browsers),
            Middleware(SignedIn),
            Middleware(sessions.Idle),
            Middleware(connections.Pace),
            Middleware(uploads.Door),
        ],
        "lifespan": _lifespan,
        "on_script_error": tell_fault,
    }


async def health(_: Request) -> JSONResponse:
    """200 where studies can be judged, 503 before the models are loaded and where they cannot be.

    `weights` says whether they are the shipped ones or a clinic's own; `failure` why there are
    none, by a code and a sentence. `decoders_filtered` says whether the system filters what the
    processes may ask of it that decode compressed pixels; null before the first was tried.
    Weights that failed their check stay failed until the server is started again.
    """
    ready = _Process.models is Models.READY
    content = {
        "status": "ok" if ready else "unavailable",
        "models": _Process.models.value,
        "version": __version__,
        "weights": _Process.weights,
        "failure": _Process.failure,
        "decoders_filtered": processes.pool().is_filtered,
    }
    return JSONResponse(
        content, status_code=200 if ready else 503, headers={"Cache-Control": "no-store"}
    )


async def alive(asked: Request) -> JSONResponse:
    """Which process answers, and whether it is connected with the page of the tab that asks.

    A tab that lost its connection looks here (`recovery.js`).
    """
    visit = asked.headers.get(VISIT)
    is_deed = DEED in asked.headers
    is_connected = visit is not None and sessions.manager().note(visit, is_deed=is_deed)
    content = {"process": tab_tokens.PROCESS, "is_connected": is_connected}
    return JSONResponse(content, headers={"Cache-Control": "no-store"})


def alive_path() -> str:
    """Where a tab asks for it."""
    return below_base(ALIVE)


def app_address() -> str:
    """Where a browser on this machine finds the app; Streamlit's own welcome is off."""
    base = str(st.get_option("server.baseUrlPath")).strip("/")
    return f"http://localhost:{st.get_option('server.port')}/{base}"


def tell_fault(error: Exception) -> bool:
    """Say on the page that something of ours failed; Streamlit has logged it by then.

    Returns:
        True: Streamlit need not show the exception.
    """
    if memory_budget.is_out_of_memory(error):
        error = memory_budget.out_of_memory()
    if isinstance(error, InputError):  # no fault: the server is full, say
        st.error(str(error))
        return True
    st.error(
        f"A fault of ours ended this page: {Fault.of(error)}.\n\n"
        "Open the study again; if it happens again, please report this sentence.",
    )
    return True


@asynccontextmanager
async def _lifespan(_app: st.App) -> AsyncIterator[None]:
    print(f"asemble is at {app_address()}", flush=True)
    logs.event("started")
    _keep_in_good_order()
    memory.bound()
    for work in (load_models, check_decoders):
        threading.Thread(target=work, name=f"asemble-{work.__name__}", daemon=True).start()
    sweeper = asyncio.create_task(_forget_closed_sessions())
    try:
        yield
    finally:
        sweeper.cancel()
        logs.event("stopped")


def load_models() -> None:
    """Load and check the weights and run them once, so that no reader need wait for that."""
    started = time.monotonic()
    from asemble.explain.heatmaps import warm_up  # noqa: PLC0415  imports torch
    from asemble.ui import cache  # noqa: PLC0415

    # The cache has a spinner to show, and here is no page to show it on.
    logging.getLogger(NO_PAGE).setLevel(logging.ERROR)
    try:
        ensemble = cache.ensemble()
        warm_up(ensemble)
    except Exception as error:  # whatever it is, the server cannot judge a study
        _Process.models = Models.FAILED
        if isinstance(error, WeightsError):
            _Process.failure = {"code": error.code, "sentence": error.message}
        logs.fault(error)
        return
    # Streamlit collects garbage after every run of a page. Without looking through torch and all
    # else that stays, which took two thirds of the time of twenty sessions on two cores.
    gc.collect()
    gc.freeze()
    _Process.weights = SHIPPED if ensemble.signed.is_shipped else OWN
    _Process.models = Models.READY
    logs.event("models_loaded", seconds=time.monotonic() - started)


def check_decoders() -> None:
    """Have decoders ready; say once, in the log, where what it may ask is not filtered."""
    try:
        processes.pool().keep_ready()
    except FileError as error:
        logs.fault(error)
        return
    if not processes.pool().is_filtered:
        logs.event("decoders_not_filtered")


def _keep_in_good_order() -> None:
    """Bound the connections; on a signal take no more requests, finish those under way, end with 0.

    uvicorn does the latter, but then sends itself the signal again, which ends the process before
    Python has cleaned up.
    """
    uvicorn_server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    if uvicorn_server is None:  # another server runs the app, or none (in tests)
        return
    uvicorn_server.config.timeout_graceful_shutdown = GRACE_S
    connections.bound(uvicorn_server.config)

    def end(_number: int, _frame: FrameType | None) -> None:
        uvicorn_server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)


async def _forget_closed_sessions() -> None:
    """Free what nobody will come back to, whether or not anybody uses the server."""
    while True:
        await asyncio.sleep(SWEEP_EVERY_S)
        try:
            if sessions.sweep():
                await asyncio.to_thread(_give_memory_back)
        except Exception as error:  # the next sweep must come whatever happened in this one
            logs.fault(error)


def _give_memory_back() -> None:
    """Free what only refers to itself, and hand all that is free back to the system.

    glibc keeps freed memory where a piece in use lies above it; in the soak test that was 170 to
    230 MiB.
    """
    gc.collect()
    _glibc("malloc_trim", 0)


def _glibc(name: str, *arguments: int) -> None:
    """Call a function that only glibc has, where it is there."""
    if sys.platform == "linux":
        function = getattr(ctypes.CDLL(None), name, None)
        if function is not None:
            function(*arguments)
