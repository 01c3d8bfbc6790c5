"""The viewer's JavaScript on its way to the browser: modules that import each other by their names.

Streamlit takes a component's script as one text. The viewer's is a few lines that import its
modules from here; the browser joins them and keeps them, under an address that their content names.
"""

import hashlib
import json
from http import HTTPStatus
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from asemble.ui.base_path import below_base

ENTRY = "viewer.js"
"""The module whose default export Streamlit calls."""
COURIER = "courier.js"
"""Imports nothing, so that Streamlit takes it as it is."""

KEPT = "private, max-age=31536000, immutable"
"""For a year, without asking again: another content has another address."""

_FOLDER = Path(__file__).parent / "viewer"
_MODULES = {
    path.name: path.read_bytes() for path in sorted(_FOLDER.glob("*.js")) if path.name != COURIER
}
_DIGEST = hashlib.sha256(repr(sorted(_MODULES.items())).encode()).hexdigest()[:16]


def route() -> Route:
    """Where the server hands the modules out."""
    return Route(below_base("/asemble-viewer/{digest}/{name}"), _answer)


def address(name: str) -> str:
    """Of one module."""
    return below_base(f"/asemble-viewer/{_DIGEST}/{name}")


def names() -> list[str]:
    """Of all modules, the entry first."""
    return sorted(_MODULES, key=lambda name: (name != ENTRY, name))


def entry() -> str:
    """What Streamlit is given: imports all modules at once, so that none waits for another's text.

    From memory, where it runs, no path can be told: the page's origin is put before it.
    """
    return f"""
const paths = {json.dumps([address(name) for name in names()])};
const [entry] = await Promise.all(paths.map((path) => import(location.origin + path)));
export default entry.default;
"""


async def _answer(asked: Request) -> Response:
    module = _MODULES.get(asked.path_params["name"])
    if module is None or asked.path_params["digest"] != _DIGEST:
        return PlainTextResponse("Not found", HTTPStatus.NOT_FOUND)
    return Response(module, media_type="text/javascript", headers={"Cache-Control": KEPT})
