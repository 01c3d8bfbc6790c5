"""Typed access to the session: the open study, the user's corrections, what was predicted.

Nothing here outlives the session, and nothing here is shared between sessions.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

import streamlit as st

from asemble.clinical import Answer
from asemble.clinical.findings import Mark, toggled
from asemble.core.labels import Plane, Weighting
from asemble.core.results import StudyPrediction
from asemble.core.study import Study
from asemble.explain import SeriesHeatmaps
from asemble.explain.trust import Trust
from asemble.reading.joint_lines import JointLines
from asemble.report import FirstReading

_KEY = "asemble"
_OPENED = "asemble_studies_opened"


@dataclass(frozen=True, slots=True, eq=False)
class Assessment:
    """What the ensemble returned for one study as corrected by the user."""

    study_token: str
    prediction: StudyPrediction
    heatmaps: Mapping[str, SeriesHeatmaps]


@dataclass(frozen=True, slots=True)
class Jump:
    """The slice that a series was last sent to, and how many times it was sent somewhere."""

    count: int
    index: int


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
class _Session:
    study: Study | None = None
    name: str = ""
    corrections: dict[str, tuple[Plane | None, Weighting | None]] = field(default_factory=dict)
    assessment: Assessment | None = None
    slices: dict[str, int] = field(default_factory=dict)
    jumps: dict[str, Jump] = field(default_factory=dict)
    trusts: dict[tuple[str, str, int, str], Trust] = field(default_factory=dict)
    answers: Mapping[str, Answer] = field(default_factory=dict)
    first_reading: FirstReading | None = None
    marks: dict[str, tuple[Mark, ...]] = field(default_factory=dict)
    joint_lines: tuple[JointLines, ...] = ()
    questions: list[Question] = field(default_factory=list)
    line_notes: dict[str, str] = field(default_factory=dict)


def open_study(study: Study, name: str) -> None:
    """Make `study` the open one; what belonged to the last one is dropped."""
    close_study()
    st.session_state[_OPENED] = studies_opened() + 1
    session = _session()
    session.study, session.name = study, name


def studies_opened() -> int:
    """How many studies were opened in this session."""
    return int(st.session_state.get(_OPENED, 0))


def close_study() -> None:
    """Drop the open study and all that belongs to it."""
    # Emptied, not only replaced: Streamlit keeps the values of the last run until the next one.
    opened, empty = _session(), _Session()
    for each in fields(_Session):
        setattr(opened, each.name, getattr(empty, each.name))


def study() -> Study | None:
    """The open study, with the planes and weightings that the user stated."""
    session = _session()
    opened = session.study
    if opened is None:
        return None
    for series_id, (plane, weighting) in session.corrections.items():
        series = opened.series_by_id(series_id)
        opened = opened.with_series(series.corrected(plane=plane, weighting=weighting))
    return opened


def study_name() -> str:
    """What the person called the study by opening it: a sample's name, or "Uploaded study"."""
    return _session().name


def jump_of(series_id: str, otherwise: int) -> Jump:
    """Where the series was last sent; `otherwise` before it was sent anywhere."""
    return _session().jumps.get(series_id, Jump(0, otherwise))


def jump_to(series_id: str, index: int) -> None:
    """Send the series to a slice."""
    count = jump_of(series_id, index).count + 1
    _session().jumps[series_id] = Jump(count, index)
    keep_slice(series_id, index)


def study_key() -> str:
    """`Study.key` of the open study, empty without one."""
    opened = _session().study
    return "" if opened is None else opened.key


def study_token() -> str:
    """Names the open study together with the corrections, for keys of widgets and results."""
    session = _session()
    if session.study is None:
        return ""
    stated = [f"{k}={p or ''}/{w or ''}" for k, (p, w) in sorted(session.corrections.items())]
    return ":".join([session.study.key, *stated])


def correct(series_id: str, *, plane: Plane | None, weighting: Weighting | None) -> None:
    """Keep what the user states about a series; None where the file's own word stands."""
    corrections = _session().corrections
    if plane is None and weighting is None:
        corrections.pop(series_id, None)
    else:
        corrections[series_id] = (plane, weighting)


def assessment() -> Assessment | None:
    """What the ensemble returned for the open study as it is now corrected."""
    kept = _session().assessment
    return kept if kept is not None and kept.study_token == study_token() else None


def keep_assessment(
    prediction: StudyPrediction, heatmaps: Mapping[str, SeriesHeatmaps]
) -> Assessment:
    """Keep what the ensemble returned; each series will open at its most suspicious slice."""
    session = _session()
    session.slices.clear()
    session.jumps.clear()
    session.trusts.clear()
    session.assessment = Assessment(study_token(), prediction, heatmaps)
    return session.assessment


def trust_of(series_id: str, index: int, method: str) -> Trust | None:
    """What was found of the heatmap of one slice, if it was tested."""
    return _session().trusts.get((study_token(), series_id, index, method))


def keep_trust(trust: Trust) -> None:
    """Remember what was found of the heatmap of one slice."""
    _session().trusts[study_token(), trust.series_id, trust.index, trust.method] = trust


def slice_of(series_id: str, otherwise: int) -> int:
    """The slice that the reader left a series at."""
    return _session().slices.get(series_id, otherwise)


def keep_slice(series_id: str, index: int) -> None:
    """Remember the slice that the reader is at."""
    _session().slices[series_id] = index


def answers() -> Mapping[str, Answer]:
    """The reader's answers to the checklist, by item id."""
    return _session().answers


def keep_answers(answers: Mapping[str, Answer]) -> None:
    """Remember the reader's answers."""
    _session().answers = answers


def marks(series_id: str) -> tuple[Mark, ...]:
    """The lesions that the reader marked on the slices of a series."""
    return _session().marks.get(series_id, ())


def toggle_mark(series_id: str, mark: Mark) -> None:
    """Mark a lesion, or take it away where it is marked already."""
    _session().marks[series_id] = toggled(marks(series_id), mark)


def clear_marks(series_id: str) -> None:
    """Take every mark of a series away."""
    _session().marks.pop(series_id, None)


def joint_lines() -> tuple[JointLines, ...]:
    """The joint lines that the reader laid, by frame of reference."""
    return _session().joint_lines


def lay_joint_lines(lines: JointLines) -> None:
    """Keep the joint lines of a frame of reference in place of those it had."""
    session = _session()
    others = tuple(each for each in session.joint_lines if each.frame != lines.frame)
    session.joint_lines = (*others, lines)


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


def first_reading() -> FirstReading | None:
    """What the reader concluded of the open study before its prediction was shown."""
    return _session().first_reading


def was_revealed() -> bool:
    """Whether any prediction for the open study was shown, before corrections too."""
    return _session().assessment is not None


def keep_first_reading(reading: FirstReading) -> None:
    """Record it; it is never changed afterwards.

    Raises:
        ValueError: there is one already, or the prediction was shown before.
    """
    session = _session()
    if session.first_reading is not None or was_revealed():
        raise ValueError("a first reading is recorded once, before the prediction")
    session.first_reading = reading


def _session() -> _Session:
    if _KEY not in st.session_state:
        st.session_state[_KEY] = _Session()
    session = st.session_state[_KEY]
    if not isinstance(session, _Session):
        raise TypeError(f"session state holds a {type(session).__name__}")
    return session
