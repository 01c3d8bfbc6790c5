"""The viewer's JavaScript: its arithmetic by Node's own test runner, and its way to a browser."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from streamlit import config

from asemble.ui import modules

ROOT = Path(__file__).parents[1]
VIEWER = ROOT / "asemble" / "ui" / "viewer"
FILES = sorted((ROOT / "tests" / "javascript").glob("*.test.js"))
LEAST = 20
"""Of Node: its first with the test runner as it is called here."""


def _node_is_missing() -> str:
    """Why the tests in JavaScript cannot run here; empty where they can."""
    node = shutil.which("node")
    if node is None:
        return "no Node on this machine; the product does not need it, these tests do"
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    version = re.match(r"v(\d+)\.", said)
    if version is None or int(version[1]) < LEAST:
        return f"Node {LEAST} or newer runs these tests, and this is {said.strip()}"
    return ""


MISSING = _node_is_missing()


@pytest.mark.skipif(bool(MISSING), reason=MISSING)
@pytest.mark.parametrize("file", FILES, ids=[file.name.split(".")[0] for file in FILES])
def test_its_arithmetic_holds(file: Path) -> None:
    ran = subprocess.run(
        ["node", "--test", "--test-reporter=tap", str(file)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert re.search(r"^# pass [1-9]", ran.stdout, re.MULTILINE), ran.stdout


@pytest.fixture(params=["", "clinic/sij"])
def server(request: pytest.FixtureRequest) -> Iterator[TestClient]:
    """At the root of its host, and below a path."""
    before = config.get_option("server.baseUrlPath")
    config.set_option("server.baseUrlPath", request.param)
    yield TestClient(Starlette(routes=[modules.route()]))
    config.set_option("server.baseUrlPath", before)


def test_a_browser_gets_every_module_and_keeps_it(server: TestClient) -> None:
    for name in modules.names():
        answer = server.get(modules.address(name))
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
        assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
        assert answer.content == (VIEWER / name).read_bytes()


@pytest.mark.parametrize("name", ["__init__.py", "%2e%2e/state.py", "viewer.css", "no.js", ""])
def test_nothing_but_the_modules_is_handed_out(server: TestClient, name: str) -> None:
    assert server.get(modules.address(name)).status_code == 404


def test_modules_of_another_version_are_not_mixed_with_these(server: TestClient) -> None:
    folder, entry = modules.address(modules.ENTRY).rsplit("/", 1)
    other = f"{folder[:-1]}{'0' if folder[-1] != '0' else '1'}/{entry}"
    assert server.get(other).status_code == 404


def test_what_streamlit_is_given_imports_every_module_and_holds_none() -> None:
    entry = modules.entry()
    assert modules.names()[0] == modules.ENTRY
    assert all(modules.address(name) in entry for name in modules.names())
    assert len(entry.splitlines()) < 6
