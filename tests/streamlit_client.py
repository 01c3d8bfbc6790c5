"""A browser's side of the app without a browser: Streamlit's own messages over its websocket.

What a page shows is kept as its elements, each where its delta put it; widgets are found by their
label and answered as the page's JavaScript would. Written for Streamlit 1.67.
"""

import json
import socket
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from streamlit.components.v2.bidi_component.main import _make_trigger_id
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Common_pb2 import FileURLs
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg, ForwardMsgMetadata
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

XSRF_COOKIE = "_streamlit_xsrf"
TRIGGERS = ("trigger_value", "string_trigger_value", "json_trigger_value")
"""Values that are told once; all others are told with every run while their widget is there."""
MESSAGES_KEPT_RUNS = 2
"""Runs after which a browser forgets a message that it may be referred to."""


class PageError(AssertionError):
    """The app failed, or shows something else than what is looked for."""


@dataclass(slots=True)
class _Shown:
    element: Element
    run: str
    fragment: str


@dataclass(slots=True)
class _Kept:
    message: ForwardMsg
    age: int = 0


@dataclass(slots=True)
class _Page:
    """What the app has drawn, by the place of each element."""

    shown: dict[tuple[int, ...], _Shown] = field(default_factory=dict)
    script: str = ""
    run: str = ""
    fragments: tuple[str, ...] = ()

    def place(self, metadata: ForwardMsgMetadata, delta: Any) -> None:
        path = tuple(metadata.delta_path)
        kind = delta.WhichOneof("type")
        if kind == "add_block":
            self.shown.pop(path, None)
        elif kind == "new_element":
            for below in [p for p in self.shown if len(p) > len(path) and p[: len(path)] == path]:
                del self.shown[below]
            self.shown[path] = _Shown(delta.new_element, self.run, delta.fragment_id)

    def drop_stale(self) -> None:
        """Once a run has ended, what it did not draw again is gone."""
        self.shown = {
            path: one
            for path, one in self.shown.items()
            if one.run == self.run or (self.fragments and one.fragment not in self.fragments)
        }


class StreamlitClient:
    """One session of the app.

    Args:
        address: of the app, without a slash at its end.
        on_element: told of every element that comes in, before anything else sees it.
        patience_s: the longest wait for the app to say anything.
        headers: sent besides, as a proxy adds them.
    """

    def __init__(
        self,
        address: str,
        *,
        on_element: Callable[[Element], None] = lambda _: None,
        patience_s: float = 600,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._address = address
        self._on_element = on_element
        self._patience_s = patience_s
        cookies = cookies_of(address)
        self._token = cookies[XSRF_COOKIE]
        self._cookie = {
            "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()),
            **(headers or {}),
        }
        self._closing = ExitStack()
        self._socket = self._closing.enter_context(
            connect(
                address.replace("http", "ws", 1) + "/_stcore/stream",
                subprotocols=[Subprotocol("streamlit"), Subprotocol(self._token)],
                origin=Origin(address),
                additional_headers=self._cookie,
                max_size=None,
                compression=None,
                ping_interval=None,  # a browser asks no pongs of a server that is busy
            )
        )
        self._page = _Page()
        self._kept: dict[str, _Kept] = {}
        self._widgets: dict[str, WidgetState] = {}
        self._is_running = False
        self._session = ""
        self._answers: dict[str, FileURLs] = {}
        self.uploaded: list[FileURLs] = []
        self.rerun()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the tab."""
        self._closing.close()

    def vanish(self) -> None:
        """Break the connection without a word, as a browser that is killed does."""
        self._socket.socket.shutdown(socket.SHUT_RDWR)
        self._closing.close()

    # What is on the page.

    def elements(self, kind: str) -> Iterator[Any]:
        """Every element of a kind, as Streamlit names it, in the order of the page."""
        for _, one in sorted(self._page.shown.items()):
            if one.element.WhichOneof("type") == kind:
                yield getattr(one.element, kind)

    def find(self, kind: str, label: str = "") -> Any:
        """The first element of a kind whose label begins so, or None."""
        for element in self.elements(kind):
            if not label or element.label.startswith(label):
                return element
        return None

    def get(self, kind: str, label: str = "") -> Any:
        """The first element of a kind whose label begins so.

        Raises:
            PageError: there is none.
        """
        found = self.find(kind, label)
        if found is None:
            words = [e.body for k in ("markdown", "alert") for e in self.elements(k)]
            raise PageError(f"no {kind} {label!r} on the page, which says {words[-6:]}")
        return found

    # What a person does.

    def click(self, label: str) -> None:
        """Press a button and wait until the app is done with it."""
        self.press(label)
        self.wait()

    def press(self, label: str) -> None:
        """Press a button, without waiting."""
        button = self.get("button", label)
        if button.disabled:
            raise PageError(f"the button {label!r} is disabled")
        self._tell(WidgetState(id=button.id, trigger_value=True))

    def choose(self, kind: str, label: str, option: str) -> None:
        """Choose an option of a selectbox or of a group of buttons; a form keeps it to itself."""
        widget = self.get(kind, label)
        state = WidgetState(id=widget.id)
        if kind == "selectbox":
            state.string_value = option
        else:
            state.string_array_value.data.append(option)
        self._widgets[widget.id] = state
        if not widget.form_id:
            self._tell(state)
            self.wait()

    def go_to(self, label: str) -> None:
        """Follow a link to another page and wait until it is there."""
        self.leave_for(label)
        self.wait()

    def leave_for(self, label: str) -> None:
        """Follow a link to another page, whatever is running, without waiting."""
        link = next((e for e in self.elements("page_link") if label in e.label), None)
        if link is None:
            raise PageError(f"no link to {label!r} on the page")
        self.rerun(script=link.page_script_hash)

    def upload(self, label: str, name: str, content: bytes) -> None:
        """Give a file to the first uploader and wait until the app has seen it."""
        uploader = self.get("file_uploader", label)
        urls = self.ask_for_address(name)
        self.uploaded.append(urls)
        self._put(urls.upload_url, name, content)
        state = WidgetState(id=uploader.id)
        file = state.file_uploader_state_value.uploaded_file_info.add()
        file.file_id, file.name, file.size = urls.file_id, name, len(content)
        file.file_urls.CopyFrom(urls)
        self._tell(state)
        self.wait()

    def ask_for_address(self, name: str) -> FileURLs:
        """Ask where a file may be put."""
        asked = BackMsg()
        asked.file_urls_request.request_id = uuid.uuid4().hex
        asked.file_urls_request.file_names.append(name)
        asked.file_urls_request.session_id = self._session
        self._socket.send(asked.SerializeToString())
        self.wait(lambda: asked.file_urls_request.request_id in self._answers)
        return self._answers.pop(asked.file_urls_request.request_id)

    def download(self, label: str) -> bytes:
        """What a button for a file hands out (`asemble/ui/components.py`)."""
        for row in self._components("asemble.downloads"):
            kinds = {each["label"]: each["kind"] for each in json.loads(row.json)["buttons"]}
            if label in kinds:
                break
        else:
            raise PageError(f"no button {label!r} on the page")
        said = {"event": "wanted", "value": {"kind": kinds[label], "id": uuid.uuid4().hex}}
        trigger = _make_trigger_id(row.id, "events")
        self._tell(WidgetState(id=trigger, json_trigger_value=json.dumps([said])))
        self.wait()
        packed: bytes = next(self._components("asemble.files")).bytes
        return packed[4 + int.from_bytes(packed[:4], "little") :]

    def _components(self, name: str) -> Iterator[Any]:
        return (each for each in self.elements("bidi_component") if each.component_name == name)

    # Talking to the server.

    def rerun(self, *, script: str = "", fragment: str = "") -> None:
        """Ask for a run of the page, or of another one."""
        message = BackMsg()
        state = message.rerun_script
        state.page_script_hash = script or self._page.script
        state.fragment_id = fragment
        state.widget_states.widgets.extend(self._widgets.values())
        state.cached_message_hashes.extend(self._kept)
        state.context_info.timezone = "UTC"
        self._is_running = True
        self._socket.send(message.SerializeToString())

    def wait(self, until: Callable[[], bool] | None = None) -> None:
        """Take in what the app says until it has finished, or until something is there.

        Raises:
            PageError: the app showed an error of its own, or said nothing for too long.
        """
        last = time.monotonic() + self._patience_s
        while (self._is_running or not self._page.run) if until is None else not until():
            try:
                data = self._socket.recv(timeout=max(0.0, last - time.monotonic()))
            except TimeoutError as error:
                raise PageError(f"the app was not done after {self._patience_s:.0f} s") from error
            self._take(ForwardMsg.FromString(data))

    @property
    def session(self) -> str:
        """The id of the session."""
        return self._session

    @property
    def sends(self) -> Mapping[str, str]:
        """The headers of this browser: its cookies, and what a proxy adds."""
        return self._cookie

    @property
    def is_running(self) -> bool:
        """Whether the app has not finished the last run that was asked of it."""
        return self._is_running

    def _tell(self, state: WidgetState) -> None:
        """Tell a widget's value and ask for the run that follows: of its fragment, or of all."""
        self._widgets[state.id] = state
        self.rerun(fragment=self._fragment_of(state.id))
        if state.WhichOneof("value") in TRIGGERS:
            del self._widgets[state.id]

    def _fragment_of(self, widget: str) -> str:
        for one in self._page.shown.values():
            kind = one.element.WhichOneof("type")
            if kind and getattr(getattr(one.element, kind), "id", None) == widget:
                return one.fragment
        return ""

    def _take(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "ref_hash":
            kept = self._kept[message.ref_hash]
            kept.age = 0
            whole = ForwardMsg()
            whole.CopyFrom(kept.message)
            whole.metadata.CopyFrom(message.metadata)
            message, kind = whole, whole.WhichOneof("type")
        elif message.metadata.cacheable:
            self._kept[message.hash] = _Kept(message)
        if kind == "new_session":
            self._begin(message)
        elif kind == "delta":
            if message.delta.WhichOneof("type") == "new_element":
                self._see(message.delta.new_element)
            self._page.place(message.metadata, message.delta)
        elif kind == "script_finished":
            self._finish(message.script_finished)
        elif kind == "file_urls_response":
            answer = message.file_urls_response
            self._answers[answer.response_id] = answer.file_urls[0]

    def _see(self, element: Element) -> None:
        if element.WhichOneof("type") == "exception":
            raise PageError(f"the app failed: {element.exception.type}")
        self._on_element(element)

    def _begin(self, message: ForwardMsg) -> None:
        session = message.new_session
        self._session = session.initialize.session_id or self._session
        self._page.script = session.page_script_hash
        self._page.run = message.metadata.run.script_run_id
        self._page.fragments = tuple(message.metadata.run.fragment_ids)
        self._is_running = True

    def _finish(self, status: int) -> None:
        if status == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
            raise PageError("the app does not compile")
        if status == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            return
        self._is_running = False
        self._page.drop_stale()
        if not self._page.fragments:
            ids = {
                getattr(getattr(one.element, kind), "id", "")
                for one in self._page.shown.values()
                if (kind := one.element.WhichOneof("type"))
            }
            self._widgets = {id_: state for id_, state in self._widgets.items() if id_ in ids}
            self._age()

    def _age(self) -> None:
        for kept in self._kept.values():
            kept.age += 1
        self._kept = {h: k for h, k in self._kept.items() if k.age <= MESSAGES_KEPT_RUNS}

    def _put(self, url: str, name: str, content: bytes) -> None:
        boundary = uuid.uuid4().hex
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        request = urllib.request.Request(
            self._address + url,
            data=head.encode() + content + f"\r\n--{boundary}--\r\n".encode(),
            method="PUT",
            headers={
                **self._cookie,
                "X-Xsrftoken": self._token,
                "Content-Type": f"multipart/form-data; boundary={boundary}",
            },
        )
        with urllib.request.urlopen(request, timeout=self._patience_s):
            pass


def cookies_of(address: str) -> dict[str, str]:
    """What a browser is given that comes for the first time.

    Raises:
        PageError: there is no cookie against XSRF among it.
    """
    with urllib.request.urlopen(f"{address}/_stcore/health", timeout=30) as answer:
        given = [cookie.split(";")[0] for cookie in answer.headers.get_all("Set-Cookie") or ()]
    cookies = dict(cookie.split("=", 1) for cookie in given)
    if XSRF_COOKIE not in cookies:
        raise PageError("the app sets no XSRF cookie")
    return cookies
