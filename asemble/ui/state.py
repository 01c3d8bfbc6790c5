"""The session: the open study, the reader's reading of it, and what was predicted.

The reading (`asemble.reading.Reading`) has its one place here: widgets show it and edit it, through
`shown` and `keep` below, and own nothing. Nothing here is shared between sessions.
"""

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeVar

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.state import SessionState

from asemble.clinical.marks import Mark
from asemble.clinical.sparcc import on_scored_slices
from asemble.core.errors import ReadingError
from asemble.core.labels import Plane, Weighting
from asemble.core.measurements import Measurements
from asemble.core.results import StudyPrediction
from asemble.core.study import Study
from asemble.explain import SeriesBones, SeriesHeatmaps
from asemble.explain.checks import HeatmapChecks
from asemble.io import Upload
from asemble.reading import (
    JointLines,
    Reading,
    as_document,
    check_fits,
    edits,
    fingerprint,
    from_document,
)
from asemble.reading.follow_up import A, B, Blinding
from asemble.ui import owners, tab_tokens

CURRENT, PRIOR = "Current", "Prior"
"""The examinations of a study that is read beside its prior, while their order is shown."""
HUNG = "hung"
"""A setting: the ids of the series in the panes of the Read page, where the reader hung others."""

_KEY = "asemble"
_OPENED = "asemble_studies_opened"
_REVISION = "asemble_revision"
_CASE = "asemble_case_asked"
_VISIT = "asemble_visit"
_TAKES_OVER = "asemble_takes_over"
_NOTHING = object()

_closed: SimpleQueue[None] = SimpleQueue()
"""As many as studies were closed, in any session, since the server last asked."""

Made = TypeVar("Made")

Edit = Callable[..., Reading]
"""One of `asemble.reading.edits`: takes a reading and what is said, gives the reading after it."""


@dataclass(frozen=True, slots=True, eq=False)
class Assessment:
    """What the ensemble returned for one study as corrected by the user."""

    study_token: str
    prediction: StudyPrediction
    heatmaps: Mapping[str, SeriesHeatmaps]


class Why(StrEnum):
    """Why a session has no study that this tab had open."""

    EXPIRED = "expired"
    RESTARTED = "restarted"
    MOVED = "moved"
    COPIED = "copied"
    OTHERS = "others"
    SAVED = "saved"


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of a study that this tab had open.

    Args:
        why: it is not open any more.
        reading: what the tab or a file kept of it, to be restored when the study is opened again.
    """

    why: Why
    reading: Reading | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """A mark far from the joint, which waits for the reader's word.

    Args:
        number: names it while the study is open.
        series_id: where it was clicked.
        mark: what is recorded if the reader says so.
    """

    number: int
    series_id: str
    mark: Mark


@dataclass(slots=True, eq=False)
class FileAsked:
    """A file that the browser waits for; `packed` is what it is sent, once it is made."""

    kind: str
    id: str
    packed: bytes = b""


@dataclass(slots=True, eq=False, weakref_slot=True)
class _Session:
    study: Study | None = None
    upload: Upload | None = None
    name: str = ""
    is_shared: bool = False
    made: dict[str, dict[object, Any]] = field(default_factory=dict)
    reading: Reading = field(default_factory=Reading)
    edits: int = 0
    opened_at: datetime | None = None
    changed_at: datetime | None = None
    assessment: Assessment | None = None
    jumps: dict[str, int] = field(default_factory=dict)
    trusts: dict[tuple[str, str, int, str], HeatmapChecks] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)
    line_notes: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    fields: dict[str, Edit] = field(default_factory=dict)
    file: FileAsked | None = None
    left: Left | None = None
    wants_to_open: str = ""
    was_restored: bool = False
    was_closed: bool = False
    owner: str = ""
    user: str = ""
    token: str = ""
    token_before: str = ""
    lock: str = ""


def open_study(
    study: Study,
    name: str,
    *,
    is_shared: bool = False,
    upload: Upload | None = None,
    hides_order: bool = False,
) -> None:
    """Make `study` the open one; what belonged to the last one is dropped.

    A reading of this very study that an earlier session left behind is restored.

    Args:
        study: to be opened.
        name: what the person called it by opening it.
        is_shared: whether other sessions hold the same voxels, as of a sample.
        upload: what it came from, where more may be added to it.
        hides_order: whether the reader is not to know which of two examinations is the earlier.
    """
    left_behind = left()
    close_study()
    st.session_state[_OPENED] = studies_opened() + 1
    session = _session()
    session.study, session.name, session.was_closed = study, name, False
    session.is_shared, session.upload = is_shared, upload
    session.reading = _beside_prior(Reading(study=fingerprint(study)), study, hides_order)
    session.opened_at = datetime.now(UTC)
    _own(session)
    _restore(session, left_behind)
    _revise()


def upload() -> Upload | None:
    """What the open study came from; None where nothing can be added to it."""
    return _session().upload


def add_to_study(added: Upload, *, hides_order: bool = False) -> None:
    """Go on with a study to which series or a prior were added; its reading goes along.

    Args:
        added: onto the `upload` of the open study.
        hides_order: as of `open_study`, where a prior was added.
    """
    session = _session()
    reading = edits.rename(session.reading, added.moved)
    reading = replace(reading, study=fingerprint(added.study))
    session.study, session.upload = added.study, added
    session.reading = _beside_prior(reading, added.study, hides_order)
    for each in (session.made, session.jumps, session.trusts, session.questions):
        each.clear()
    session.line_notes.clear()
    session.wants_to_open = ""
    session.settings.pop(HUNG, None)
    session.edits += 1
    st.session_state[_OPENED] = studies_opened() + 1
    if session.reading.is_blank:
        _restore(session, session.left)
    _revise()


def _beside_prior(reading: Reading, study: Study, hides_order: bool = False) -> Reading:
    """The reading of a study beside its prior, where it has one and is not read so yet."""
    if study.prior is None or reading.follow_up is not None:
        return reading
    blinding = Blinding(secrets.choice((A, B))) if hides_order else None
    return edits.follow_up(reading, fingerprint(study.prior.study), blinding)


def _restore(session: _Session, left_behind: Left | None) -> None:
    """Take what an earlier session left of this very study; what is of another one is kept."""
    if session.study is None or left_behind is None or left_behind.reading is None:
        return
    try:
        check_fits(left_behind.reading, session.study)
    except ReadingError:
        session.left = left_behind
    else:
        session.left, session.was_restored = None, True
        session.reading = _beside_prior(left_behind.reading, session.study)


def studies_opened() -> int:
    """How many studies were opened in this session."""
    return int(st.session_state.get(_OPENED, 0))


def case_asked() -> str:
    """The public case that this session asked to be fetched last, empty without one."""
    return str(st.session_state.get(_CASE, ""))


def ask_for_case(case_id: str) -> None:
    """Note which public case this session asked for."""
    st.session_state[_CASE] = case_id


def close_study() -> None:
    """Drop the open study and all that belongs to it."""
    # Emptied, not only replaced: Streamlit keeps the values of the last run until the next one.
    opened, empty = _session(), _Session()
    for each in fields(_Session):
        setattr(opened, each.name, getattr(empty, each.name))
    opened.was_closed = True
    st.session_state.pop(_TAKES_OVER, None)
    _closed.put(None)


def study() -> Study | None:
    """The open study, with the planes and weightings that the user stated."""
    opened = _session().study
    if opened is None:
        return None
    for series_id, stated in reading().corrections.items():
        series = opened.series_by_id(series_id)
        opened = opened.with_series(
            series.corrected(plane=stated.plane, weighting=stated.weighting)
        )
    return opened


def study_name() -> str:
    """What the person called the study by opening it: a sample's name, or "Uploaded study"."""
    return _session().name


def study_key() -> str:
    """`Study.key` of the open study, empty without one."""
    opened = _session().study
    return "" if opened is None else opened.key


def images_key() -> str:
    """Names the images of the open study, with those of its prior."""
    opened = _session().study
    prior = None if opened is None else opened.prior
    return study_key() + ("" if prior is None else prior.study.key)


def study_token() -> str:
    """Names the open study together with the corrections, for keys of widgets and results."""
    opened = _session().study
    own = {series.id for series in opened.series} if opened else ()  # the prior is not judged
    stated = [
        f"{id_}={each.plane or ''}/{each.weighting or ''}"
        for id_, each in reading().corrections.items()
        if id_ in own
    ]
    return ":".join([study_key(), *stated])


def made(kind: str, key: object, make: Callable[[], Made], *, most: int) -> Made:
    """What was made of the open study before, or is made now; it goes with the study.

    Args:
        kind: what it is.
        key: names it among its kind.
        make: makes it.
        most: of this kind are kept, those used last.
    """
    kept_ones = _session().made.setdefault(kind, {})
    value: Made = kept_ones.pop(key) if key in kept_ones else make()
    kept_ones[key] = value
    while len(kept_ones) > most:
        kept_ones.pop(next(iter(kept_ones)))
    return value


def order_is_hidden() -> bool:
    """Whether the reader is not to know which of two examinations is the earlier one."""
    said = reading().follow_up
    return said is not None and said.is_blinded


def examinations() -> list[tuple[str, Study]]:
    """The open study and its prior, each with its name, in the order in which they are shown."""
    opened, said = study(), reading().follow_up
    if opened is None or opened.prior is None or said is None:
        return [] if opened is None else [("", opened)]
    pair = [(CURRENT, opened), (PRIOR, opened.prior.study)]
    if said.blinding is None or said.blinding.is_lifted:
        return pair
    pair = pair if said.blinding.prior_is == B else pair[::-1]
    return [(name, each) for name, (_, each) in zip((A, B), pair, strict=True)]


def examination_of(series_id: str) -> str:
    """The name of the examination that a series is of; empty where there is but one."""
    for name, each in examinations():
        if any(series.id == series_id for series in each.series):
            return name
    return ""


# The reading, and the widgets that show it.


def reading() -> Reading:
    """What the reader says of the open study."""
    return _session().reading


def edit(change: Edit, *values: Any) -> None:
    """Put the reading that an edit of `asemble.reading.edits` makes in the place of the last."""
    session = _session()
    session.reading = change(session.reading, *values)
    session.edits += 1
    if change is not edits.rest_on:  # where a reader looks is nothing that they say
        session.changed_at = datetime.now(UTC)


def times() -> tuple[datetime | None, datetime | None]:
    """When the study was opened and when its reading last changed, in UTC."""
    session = _session()
    return session.opened_at, session.changed_at


def shown(key: str, value: Any) -> str:
    """The key of a widget, made to show what the reading has; to be called before it is drawn."""
    if st.session_state.get(key, _NOTHING) != value:
        st.session_state[key] = value
    return key


def keep(key: str, change: Edit, *values: Any) -> None:
    """As the callback of a widget: edit the reading with what the widget holds now."""
    edit(change, *values, st.session_state[key])


def revision() -> int:
    """Rises when a reading came from elsewhere than from the widgets that show it."""
    return int(st.session_state.get(_REVISION, 0))


def _revise() -> None:
    st.session_state[_REVISION] = revision() + 1


def keep_field(place: str, change: Edit) -> None:
    """Remember which edit keeps the text of a field for comments."""
    _session().fields = {place: change}  # one a page


def field_edit(place: str) -> Edit | None:
    """The edit of the field that the page shows there; None where it shows none."""
    return _session().fields.get(place)


def setting(name: str, otherwise: Any) -> Any:
    """How the reader set up the work on the open study; no part of the reading."""
    return _session().settings.get(name, otherwise)


def keep_setting(name: str) -> None:
    """As the callback of a widget whose key is the setting's name: keep what it holds now."""
    change_setting(name, st.session_state[name])


def change_setting(name: str, value: Any) -> None:
    """Set up the work on the open study otherwise."""
    _session().settings[name] = value


def correct_plane(series_id: str, plane: Plane | None) -> None:
    """Keep the plane that the reader states for a series."""
    weighting = stated.weighting if (stated := reading().corrections.get(series_id)) else None
    _correct(series_id, plane, weighting)


def correct_weighting(series_id: str, weighting: Weighting) -> None:
    """Keep the weighting that the reader states for a series."""
    plane = stated.plane if (stated := reading().corrections.get(series_id)) else None
    _correct(series_id, plane, weighting)


def _correct(series_id: str, plane: Plane | None, weighting: Weighting | None) -> None:
    """What the file says itself is no correction."""
    opened = _session().study
    if opened is None:
        return
    own = opened.series_by_id(series_id)
    stated_plane = None if plane is own.plane else plane
    stated_weighting = None if weighting is own.weighting else weighting
    edit(partial(edits.correct_series, plane=stated_plane, weighting=stated_weighting), series_id)


def marks(series_id: str) -> tuple[Mark, ...]:
    """The lesions that the reader marked on the slices of a series."""
    return reading().marks.get(series_id, ())


def toggle_mark(series_id: str, mark: Mark) -> None:
    """Mark a lesion, or take it away where it is marked already."""
    edit(edits.toggle_mark, series_id, mark)


def accept_proposed(series_id: str) -> None:
    """Take the SPARCC marks that the ensemble proposes on a series as the reader's own."""
    measured = measured_on(series_id)
    if measured is not None and measured.first_scored is not None:
        marks = on_scored_slices(measured.marks, measured.first_scored)
        edit(edits.accept_marks, series_id, marks)


def undo_accepted(series_id: str) -> None:
    """Take accepted marks away again."""
    edit(edits.undo_accepted, series_id)


def clear_marks(series_id: str) -> None:
    """Take every mark of a series away."""
    edit(edits.clear_marks, series_id)


def joint_lines() -> tuple[JointLines, ...]:
    """The joint lines that the reader laid, by frame of reference."""
    return reading().joint_lines


def lay_joint_lines(lines: JointLines) -> None:
    """Keep the joint lines of a frame of reference."""
    edit(edits.lay_joint_lines, lines)


def questions() -> tuple[Question, ...]:
    """What the reader was asked about clicks and has not answered, oldest first."""
    return tuple(_session().questions)


def ask(series_id: str, mark: Mark) -> None:
    """Ask whether to record a mark."""
    asked = _session().questions
    asked.append(Question(1 + max((each.number for each in asked), default=0), series_id, mark))


def answer_question(number: int) -> Question | None:
    """Take a question away; None where it was taken away before."""
    asked = _session().questions
    found = next((each for each in asked if each.number == number), None)
    if found is not None:
        asked.remove(found)
    return found


def line_note(series_id: str) -> str:
    """Why the joint line last drawn on a series was refused; empty where it was not."""
    return _session().line_notes.get(series_id, "")


def keep_line_note(series_id: str, note: str) -> None:
    """Remember why a joint line was refused."""
    _session().line_notes[series_id] = note


# Where the reader is.


def slice_of(series_id: str, otherwise: int) -> int:
    """The slice that the reader left a series at."""
    return reading().slices.get(series_id, otherwise)


def keep_slices(slices: Mapping[str, int]) -> None:
    """Remember the slices that the reader is at."""
    for series_id, index in slices.items():
        edit(edits.rest_on, series_id, index)


def jumps_of(series_id: str) -> int:
    """How many times the series was sent to a slice."""
    return _session().jumps.get(series_id, 0)


def jump_to(series_id: str, index: int) -> None:
    """Send the series to a slice."""
    _session().jumps[series_id] = jumps_of(series_id) + 1
    keep_slices({series_id: index})


# What the ensemble said, and when the reader saw it.


def assessment() -> Assessment | None:
    """What the ensemble returned for the open study as it is now corrected."""
    kept = _session().assessment
    return kept if kept is not None and kept.study_token == study_token() else None


def found_on(series_id: str) -> SeriesBones | None:
    """What the networks found on a series, on T1 bones alone; None where they did not look."""
    assessed = assessment()
    if assessed is None:
        return None
    on_t1 = (maps.t1 for maps in assessed.heatmaps.values())
    bones = {each.series_id: each for each in on_t1 if each is not None}
    return assessed.heatmaps.get(series_id) or bones.get(series_id)


def measured_on(series_id: str) -> Measurements | None:
    """What was measured of a series; None where it was not judged, or without geometry."""
    assessed = assessment()
    return None if assessed is None else assessed.prediction.series_by_id(series_id).measurements


def keep_assessment(
    prediction: StudyPrediction, heatmaps: Mapping[str, SeriesHeatmaps]
) -> Assessment:
    """Keep what the ensemble returned."""
    session = _session()
    session.trusts.clear()
    session.assessment = Assessment(study_token(), prediction, heatmaps)
    edit(edits.reveal)
    return session.assessment


def trust_of(series_id: str, index: int, method: str) -> HeatmapChecks | None:
    """What was found of the heatmap of one slice, if it was tested."""
    return _session().trusts.get((study_token(), series_id, index, method))


def keep_trust(trust: HeatmapChecks) -> None:
    """Remember what was found of the heatmap of one slice."""
    _session().trusts[study_token(), trust.series_id, trust.index, trust.method] = trust


def was_revealed() -> bool:
    """Whether any prediction for the open study was shown, before corrections too."""
    return reading().prediction_was_shown


# Files that the reader asks for.


def ask_for_file(kind: str, id_: str) -> None:
    """Remember that the browser waits for a file; it is made of the reading as it then stands."""
    _session().file = FileAsked(kind, id_[:80])


def file_asked() -> FileAsked | None:
    """The file that the browser waits for."""
    return _session().file


def forget_file(id_: str) -> None:
    """The browser has the file."""
    session = _session()
    if session.file is not None and session.file.id == id_:
        session.file = None


# Reloads, lost connections, other tabs (`recovery.py`, `tab_tokens.py`).


def left() -> Left | None:
    """What is left of a study that this tab had open, or that a file holds."""
    return _session().left


def was_restored() -> bool:
    """Whether the reading of the open study is one that was left behind, and nobody said it yet."""
    return _session().was_restored


def acknowledge() -> None:
    """The reader has seen that the reading was restored."""
    _session().was_restored = False


def forget_left() -> None:
    """Forget what is left, here and in the browser."""
    session = _session()
    session.left = None
    session.was_closed = session.study is None


def take_over() -> None:
    """Ask for the study that another tab has open; the browser claims it in its next word."""
    st.session_state[_TAKES_OVER] = True


def check_reading(said: Reading) -> None:
    """Check that a saved reading fits the open study, where one is open.

    Raises:
        ReadingError: it does not.
    """
    opened = _session().study
    if opened is not None:
        check_fits(said, opened)


def open_reading(said: Reading) -> None:
    """Take a saved reading: at once where its study is open, later where none is."""
    session = _session()
    session.settings.pop("opens_reading", None)
    if session.study is None:
        session.left = Left(Why.SAVED, said)
    else:
        session.reading = _beside_prior(said, session.study)
        session.was_restored = True
        session.edits += 1
    _revise()


def ask_before_opening(what: str) -> None:
    """Remember which study the reader wants to open; "" where none any more."""
    _session().wants_to_open = what


def asked_before_opening() -> str:
    """Which study the reader wants to open."""
    return _session().wants_to_open


def claim(
    token: str | None, process: str | None, kept_reading: str | None, user: str | None = None
) -> None:
    """Take the study of a token into this session, or learn that it is gone.

    Args:
        token: as the tab kept it.
        process: the server that it came from.
        kept_reading: the file of the reading as the tab kept it, from wherever.
        user: who was signed in then (`owners.user`).
    """
    session = _session()
    if session.study is not None:
        return
    st.session_state.pop(_TAKES_OVER, None)
    found = tab_tokens.find(token) if token else None
    opened_by = found.user if isinstance(found, _Session) else user or ""
    if opened_by != _user():
        session.left = Left(Why.OTHERS)
        return
    if isinstance(found, _Session) and token in (found.token, found.token_before):
        st.session_state[_KEY] = found
        _own(found)
        found.token_before = token  # a tab that is reloaded twice may not have the new one yet
        _revise()
        return
    if isinstance(found, _Session):
        session.left = Left(Why.MOVED)
        return
    try:
        said = from_document(kept_reading) if kept_reading else None
    except ReadingError:
        said = None
    if said is not None and said.is_blank:
        said = None
    if token:
        session.left = Left(Why.EXPIRED if process == tab_tokens.PROCESS else Why.RESTARTED, said)
    elif said is not None:
        session.left = Left(Why.EXPIRED, said)


def was_copied() -> None:
    """This tab is the copy of one that has its study open."""
    session = _session()
    if session.study is None:
        session.left = Left(Why.COPIED)


def copy_was_closed() -> None:
    """The tab that this one is a copy of has closed the study."""
    session = _session()
    if session.left is not None and session.left.why is Why.COPIED:
        session.left = None


def for_the_tab() -> dict[str, Any]:
    """What the tab is to keep and to do."""
    session = _session()
    is_open = session.study is not None
    if is_open:
        phase = "open"
    elif session.was_closed:
        phase = "closed"
    elif session.left is not None:
        phase = "moved" if session.left.why in (Why.MOVED, Why.OTHERS) else "ended"
    else:
        phase = "new"
    return {
        "visit": st.session_state.setdefault(_VISIT, secrets.token_hex(8)),
        "phase": phase,
        "takes_over": bool(st.session_state.get(_TAKES_OVER)),
        "process": tab_tokens.PROCESS,
        "user": session.user,
        "token": session.token,
        "lock": session.lock,
        **reading_for_the_tab(),
    }


def reading_for_the_tab() -> dict[str, Any]:
    """The file of the reading, and after how many edits."""
    session = _session()
    return {"reading": json.dumps(as_document(session.reading)), "count": session.edits}


# What the server asks about a session from outside (`sessions.py`).


def holds_anything(session_state: SessionState) -> bool:
    """Whether there is anything in a session that its reader may want to come back to."""
    session = _of(session_state)
    if session is not None and (session.study is not None or session.left is not None):
        return True
    return _CASE in session_state and bool(session_state[_CASE])


def is_visit(session_state: SessionState, visit: str) -> bool:
    """Whether a tab speaks of this session."""
    return _VISIT in session_state and session_state[_VISIT] == visit


def studies_closed() -> int:
    """How many were, in any session, since this was last asked."""
    count = 0
    while not _closed.empty():
        _closed.get()
        count += 1
    return count


def let_go_of_images(session_state: SessionState) -> None:
    """Drop what is only made to be shown; it is made again when somebody looks."""
    session = _of(session_state)
    if session is not None:
        session.made.clear()


def size_bytes(session_state: SessionState) -> int:
    """What a session's study takes in memory, the greater part of what a session takes.

    A sample that all sessions share counts as nothing.
    """
    session = _of(session_state)
    if session is None or session.study is None:
        return 0
    size = 0
    if not session.is_shared:
        size = sum(series.volume.voxels.nbytes for series in session.study.all_series)
    if session.assessment is not None:
        for maps in session.assessment.heatmaps.values():
            size += sum(values.nbytes for values in maps.maps.values())
            size += maps.tissue.nbytes + maps.small_oedema.nbytes
            size += 0 if maps.t1 is None else maps.t1.tissue.nbytes
    return size


def _of(session_state: SessionState) -> _Session | None:
    session = session_state[_KEY] if _KEY in session_state else None  # noqa: SIM401  has no get
    return session if isinstance(session, _Session) else None


def _own(session: _Session) -> None:
    """Make the session this tab's alone, by a new token."""
    session.owner, session.user, session.lock = _here(), _user(), secrets.token_hex(8)
    session.token = tab_tokens.issue(session)


def _here() -> str:
    context = get_script_run_ctx()
    return "" if context is None else context.session_id


def _user() -> str:
    context = get_script_run_ctx()
    return "" if context is None else owners.user(context.user_info)


def _session() -> _Session:
    if _KEY not in st.session_state:
        st.session_state[_KEY] = _Session()
    session = st.session_state[_KEY]
    if not isinstance(session, _Session):
        raise TypeError(f"session state holds a {type(session).__name__}")
    if session.owner and session.owner != _here():  # another tab has claimed it
        session = st.session_state[_KEY] = _Session(left=Left(Why.MOVED))
    return session
