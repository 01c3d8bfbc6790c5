"""Custom Streamlit components other than the viewer: the field for comments and buttons for files.

Streamlit's field says what it holds only when the reader leaves it, and its download button hands
out what was made before the click. A reading in a file has to be what the screen shows.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from asemble.reading import COMMENT_WARNING, MAX_COMMENT_CHARACTERS, Reading, as_document
from asemble.ui import state

_SCRIPTS = Path(__file__).parent / "scripts"


def script(name: str) -> str:
    """The text of a script or of a style sheet."""
    return (_SCRIPTS / name).read_text(encoding="utf-8")


_comments = st.components.v2.component(
    "asemble.comments",
    html='<div class="comments"></div>',
    css=script("comments.css"),
    js=script("comments.js"),
)
_downloads = st.components.v2.component(
    "asemble.downloads",
    html='<div class="downloads"></div>',
    css=script("downloads.css"),
    js=script("downloads.js"),
)
_hand_over = st.components.v2.component(
    "asemble.files", html="<span></span>", js=script("files.js")
)


@dataclass(frozen=True, slots=True)
class Download:
    """A file that can be asked for.

    Args:
        kind: names it among those of one row.
        label: on its button.
        name: of the file.
        mime: its media type.
        make: writes it, from the reading as it then stands.
    """

    kind: str
    label: str
    name: str
    mime: str
    make: Callable[[], bytes]


def ask_comments(key: str, text: str, change: state.Edit, *, rows: int) -> None:
    """A field for comments that tells the reading of each change.

    Args:
        key: names the field on its page.
        text: what the reading has.
        change: the edit that keeps what was typed.
        rows: its height in lines.
    """
    place = f"{state.reading().study}:{key}"
    key = f"{key}:{state.revision()}"

    def typed() -> None:
        _take(place, st.session_state[key]["text"]["text"])

    state.keep_field(place, change)
    _comments(
        key=key,
        data={
            "label": "Comments",
            "text": text,
            "rows": rows,
            "most": MAX_COMMENT_CHARACTERS,
            "hint": COMMENT_WARNING,
            "revision": state.revision(),
            "place": place,
        },
        on_text_change=typed,
    )


def offer(key: str, downloads: Sequence[Download]) -> None:
    """Buttons for files, each made when it is asked for; the first of several is the usual one."""

    def wanted() -> None:
        said = st.session_state[key]["wanted"]
        if said is not None:
            for place, text in said.get("shown", {}).items():  # whatever was said of it before
                _take(place, text)
            state.ask_for_file(str(said["kind"]), str(said["id"]))

    def saved() -> None:
        state.forget_file(str(st.session_state[key]["saved"]))

    by_kind = {download.kind: download for download in downloads}
    asked = state.file_asked()
    if asked is not None and asked.kind in by_kind and not asked.packed:
        # Before anything is drawn, where a newer request could end this run.
        download = by_kind[asked.kind]
        header = {"id": asked.id, "name": download.name, "kind": download.mime}
        asked.packed = _packed(header, download.make())
    _downloads(
        key=key,
        data={
            "buttons": [
                {
                    "kind": each.kind,
                    "label": each.label,
                    "primary": each is downloads[0] and len(downloads) > 1,
                }
                for each in downloads
            ]
        },
        on_wanted_change=wanted,
        on_saved_change=saved,
    )
    with st.container(key=f"couriers:{key}", gap=None):  # always there: nothing below it moves
        if asked is not None and asked.packed:
            _hand_over(key=f"file:{asked.id}", data=asked.packed)


def saved_reading(reading: Reading) -> Download:
    """The reading as a file that can be opened again."""
    return Download(
        "reading",
        "Save the reading",
        f"asemble-reading-{reading.study}.json",
        "application/json",
        lambda: as_json(as_document(reading)),
    )


def _take(place: str, text: object) -> None:
    """Put the text of a field into the reading."""
    change = state.field_edit(place)
    if change is not None and isinstance(text, str):
        state.edit(change, text[:MAX_COMMENT_CHARACTERS])


def as_json(document: Mapping[str, object]) -> bytes:
    """A document as a person can read it."""
    return json.dumps(document, indent=2, ensure_ascii=False).encode()


def _packed(header: dict[str, str], content: bytes) -> bytes:
    words = json.dumps(header).encode()
    return len(words).to_bytes(4, "little") + words + content
