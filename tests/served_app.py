"""The app on a port of its own, and a Chromium that looks at it."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

ROOT = Path(__file__).parents[1]
CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
STARTS_WITHIN_S = 90
PATIENCE_MS = 180_000
"""A busy machine of two cores; a quiet one needs a tenth of it."""

IN_CHROMIUM = [
    pytest.mark.browser,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no Chromium on this machine ({CHROMIUM})"),
]
"""What every test in Chromium is marked with."""


@dataclass(frozen=True)
class Server:
    """A server of its own process."""

    address: str
    process: subprocess.Popen[bytes]


def serve(log: Path) -> Iterator[str]:
    """The address of the app, served on a free port of this machine."""
    with running(log) as server:
        yield server.address
    said = log.read_text()
    assert "Traceback" not in said
    assert "deprecat" not in said.lower()


@contextmanager
def running(
    log: Path,
    *,
    script: Path = ROOT / "app.py",
    options: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    port: int | None = None,
) -> Iterator[Server]:
    """`streamlit run` on a port, a free one unless it is given; what it says goes into `log`."""
    if port is None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
    fixed = ["--server.headless=true", f"--server.port={port}", "--server.address=127.0.0.1"]
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", str(script), *fixed, *options],
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "OMP_NUM_THREADS": "1", **(environment or {})},
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/_stcore/health", process)
        yield Server(f"http://127.0.0.1:{port}", process)
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE_MS / 1000)  # it may just be loading its networks


def look_at(address: str) -> Iterator[Page]:
    """A window on the app, in a Chromium of its own."""
    with chromium() as browser, new_window(browser) as page:
        page.goto(address)
        yield page


@contextmanager
def chromium() -> Iterator[Browser]:
    """A Chromium without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@contextmanager
def new_window(browser: Browser) -> Iterator[Page]:
    """An empty window that shares no cookies and no storage with any other."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    yield page
    page.close()


def wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    """Until the app answers there."""
    for _ in range(STARTS_WITHIN_S * 4):
        if server.poll() is not None:
            pytest.fail(f"the app stopped while starting (exit code {server.returncode})")
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (URLError, ConnectionError, TimeoutError):
            time.sleep(0.25)
    pytest.fail(f"the app did not start within {STARTS_WITHIN_S} s")
