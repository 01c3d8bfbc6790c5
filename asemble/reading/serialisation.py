"""A reading as a JSON document: to keep in a file or in the reader's own browser, and back.

It holds what the reader said and the fingerprint of the study, never pixels, UIDs or names (but
for what a reader types into the comments). A report (`asemble.report.reading_json`) holds the same
two parts, so that a reading can be opened from either.

A document may come from anywhere: it is checked against `reading.schema.json`, then against what
`Reading` itself accepts, then against the study that it is opened for.
"""

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, NoReturn

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from asemble import __version__
from asemble.clinical import Answer
from asemble.clinical.marks import Bone, Half, Joint, Lesion, Mark, Quadrant
from asemble.core.errors import ReadingError
from asemble.core.joints import point
from asemble.core.labels import Plane, Weighting
from asemble.core.study import Study
from asemble.reading import follow_up, joint_lines
from asemble.reading.measures import Measure, MeasureKind
from asemble.reading.reading import (
    Conclusion,
    Confidence,
    Correction,
    Impression,
    Reading,
)

NAME, NUMBER = "asemble-reading", 2
"""The number rises when a field changes its meaning, not when one is added: what came later
(`proposed` of joint lines, `accepted` marks, `measures`, `accepted_answers`, `completed`,
`follow_up`) is written only where there is any. 1 was the report of asemble 1 and earlier, from
which no reading can be restored."""
SCHEMA = f"{NAME}/{NUMBER}"

FINGERPRINT_CHARACTERS = 12
"""Enough of a study's key to tell which reading, PDF and JSON belong together."""

HASH_CHARACTERS = 10
"""Enough of a reading's SHA-256 to tell whether two files say the same: one in a million million
pairs of different readings agree in it."""

MOST_BYTES = 2**20
"""Of a document. Two thousand marks with every field filled need a third of it."""

_AGAIN = "Choose a file that asemble saved as a reading or as a report in JSON."


def fingerprint(study: Study) -> str:
    """The first characters of the study's key, the same in every export of that study."""
    return study.key[:FINGERPRINT_CHARACTERS]


def digest(reading: Reading) -> str:
    """The SHA-256 of what is said and of which study, in hex.

    Of its canonical JSON: sorted keys, no spaces, ASCII. Where a reader looks (`Reading.slices`)
    changes nothing.

    >>> digest(Reading()) == digest(Reading(slices={"s01": 4}))
    True
    """
    said = {"study": reading.study, **content(reading)}
    del said["slices"]
    said.get("follow_up", {}).pop("offsets_mm", None)
    canonical = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def short_hash(reading: Reading) -> str:
    """The first characters of `digest`: the same on the screen and in every file."""
    return digest(reading)[:HASH_CHARACTERS]


def as_document(reading: Reading) -> dict[str, Any]:
    """The reading, ready for `json.dumps`; `from_document` is the way back."""
    return {
        "schema": SCHEMA,
        "version": __version__,
        "study": {"fingerprint": reading.study},
        "hash": short_hash(reading),
        "reading": content(reading),
    }


def content(reading: Reading) -> dict[str, Any]:
    """Everything that the reading says, as plain JSON values; one entry for each field."""
    first = reading.first
    measures = {id_: [_measure(each) for each in all_] for id_, all_ in reading.measures.items()}
    accepted = {id_: [_mark(mark) for mark in marks] for id_, marks in reading.accepted.items()}
    return {
        **_impression(reading.impression),
        "before_the_prediction_was_shown": None if first is None else _impression(first),
        "prediction_was_shown": reading.prediction_was_shown,
        "draft": _impression(reading.draft),
        "answers": {id_: said.value for id_, said in reading.answers.items()},
        "sacroiliitis": reading.sacroiliitis,
        "setting": reading.setting,
        "is_suggestive": reading.is_suggestive,
        "marks": {id_: [_mark(mark) for mark in marks] for id_, marks in reading.marks.items()},
        "joint_lines": joint_lines.as_json(reading.joint_lines),
        **({"accepted": accepted} if accepted else {}),
        **({"measures": measures} if measures else {}),
        **({"accepted_answers": list(answers)} if (answers := reading.accepted_answers) else {}),
        **({"completed": list(reading.completed)} if reading.completed else {}),
        "first_scored": dict(reading.first_scored),
        "transitional": dict(reading.transitional),
        "key_images": None if reading.key_images is None else [list(p) for p in reading.key_images],
        "corrections": {
            id_: {"plane": stated.plane, "weighting": stated.weighting}
            for id_, stated in reading.corrections.items()
        },
        "slices": dict(reading.slices),
        **({"follow_up": follow_up.as_json(said)} if (said := reading.follow_up) else {}),
    }


def from_document(data: str | bytes) -> Reading:
    """The reading of a document, which may come from anywhere.

    Raises:
        ReadingError: it is too large, no JSON, of another kind or version, or says what no
            reading can say. The message quotes nothing of it.
    """
    document = _parsed(data)
    name, _, number = str(document.get("schema", "")).partition("/")
    if name != NAME:
        _refuse("reading-of-another-kind", "This file is not a reading saved by asemble.")
    if number != str(NUMBER):
        raise ReadingError(
            "This reading was saved by another version of asemble, in another format.",
            hint=f"Open it with that version; this one reads {SCHEMA}.",
            code="reading-of-another-version",
        )
    error = best_match(_validator().iter_errors(document))
    if error is not None:
        # Deeper names may be of the file's own making, and are not for a message.
        place = "/".join(map(str, list(error.absolute_path)[:2])) or "the document"
        _refuse(
            "reading-invalid",
            f"This file is not a valid reading: {place} breaks the rule {error.validator!r} of the "
            "schema.",
        )
    try:
        return _reading(document)
    except ValueError as error:
        raise ReadingError(
            "This file is not a valid reading: it holds what this asemble does not know.",
            hint=_AGAIN,
            code="reading-invalid",
        ) from error


def schema() -> dict[str, Any]:
    """The JSON Schema of the document."""
    text = files("asemble.reading").joinpath("reading.schema.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def check_fits(reading: Reading, study: Study) -> None:
    """Check that a reading is of this study, and speaks of series and slices that it has.

    Raises:
        ReadingError: it is of another study, or does not fit this one.
    """
    if reading.study != fingerprint(study):
        raise ReadingError(
            f"This reading is of study {reading.study}, and the open one is {fingerprint(study)}.",
            hint="Open the study that it was made of first.",
            code="reading-of-another-study",
        )
    said = reading.follow_up
    if said is not None and (study.prior is None or said.prior != fingerprint(study.prior.study)):
        raise ReadingError(
            f"This reading is a follow-up beside the prior {said.prior}, which is not open.",
            hint="Open both examinations that it was made of first.",
            code="reading-of-another-prior",
        )
    held = study.all_series if said else study.series
    sizes = {series.id: series.volume.shape[0] for series in held}
    named = [
        *((id_, mark.slice) for id_, marks in reading.marks.items() for mark in marks),
        *((id_, mark.slice) for id_, marks in reading.accepted.items() for mark in marks),
        *((id_, each.slice) for id_, drawn in reading.measures.items() for each in drawn),
        *(reading.key_images or ()),
        *reading.first_scored.items(),
        *reading.transitional.items(),
        *reading.slices.items(),
        *((id_, 0) for id_ in (*reading.corrections, *reading.completed)),
        *((id_, 0) for id_ in (said.offsets_mm if said else ())),
    ]
    for id_, index in named:
        if index >= sizes.get(id_, 0):
            _refuse(
                "reading-does-not-fit",
                "This reading does not fit the open study: it names a series or a slice that the "
                "study does not have.",
            )


def _parsed(data: str | bytes) -> dict[str, Any]:
    if len(data) > MOST_BYTES:
        _refuse(
            "reading-too-large",
            f"This file is too large: a reading has at most {MOST_BYTES:,} bytes.",
        )
    try:
        document = json.loads(data, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ReadingError(
            "This file is not a reading: it is not JSON.", hint=_AGAIN, code="reading-not-json"
        ) from error
    if not isinstance(document, dict):
        _refuse("reading-of-another-kind", "This file is not a reading saved by asemble.")
    return document


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _refuse(code: str, message: str) -> NoReturn:
    raise ReadingError(message, hint=_AGAIN, code=code)


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(schema())


def _reading(document: Mapping[str, Any]) -> Reading:
    said = document["reading"]
    first = said["before_the_prediction_was_shown"]
    images = said["key_images"]
    return Reading(
        study=document["study"]["fingerprint"],
        impression=_impression_of(said),
        draft=_impression_of(said["draft"]),
        first=None if first is None else _impression_of(first),
        prediction_was_shown=said["prediction_was_shown"],
        answers={id_: Answer(value) for id_, value in said["answers"].items()},
        sacroiliitis=said["sacroiliitis"],
        setting=said["setting"],
        is_suggestive=said["is_suggestive"],
        marks=_marks(said["marks"]),
        joint_lines=joint_lines.from_json(said["joint_lines"]),
        accepted=_marks(said.get("accepted", {})),
        measures={
            id_: tuple(map(_measure_of, drawn)) for id_, drawn in said.get("measures", {}).items()
        },
        accepted_answers=tuple(said.get("accepted_answers", ())),
        completed=tuple(said.get("completed", ())),
        first_scored=_whole(said["first_scored"]),
        transitional=_whole(said["transitional"]),
        key_images=None if images is None else tuple((id_, int(at)) for id_, at in images),
        corrections={id_: _correction(stated) for id_, stated in said["corrections"].items()},
        slices=_whole(said["slices"]),
        follow_up=follow_up.from_json(said["follow_up"]) if "follow_up" in said else None,
    )


def _impression(said: Impression) -> dict[str, str | None]:
    return {
        "conclusion": said.conclusion,
        "confidence": said.confidence,
        "comments": said.comments,
    }


def _impression_of(said: Mapping[str, Any]) -> Impression:
    conclusion, confidence = said["conclusion"], said["confidence"]
    return Impression(
        None if conclusion is None else Conclusion(conclusion),
        None if confidence is None else Confidence(confidence),
        said["comments"],
    )


def _mark(mark: Mark) -> dict[str, Any]:
    return {
        "lesion": mark.lesion,
        "slice": mark.slice,
        "joint": mark.quadrant.joint,
        "half": mark.quadrant.half,
        "bone": mark.quadrant.bone,
        "is_deep": mark.is_deep,
        "is_intense": mark.is_intense,
        "place_mm": None if mark.place_mm is None else list(mark.place_mm),
        "line_mm": mark.line_mm,
    }


def _marks(said: Mapping[str, Any]) -> dict[str, tuple[Mark, ...]]:
    return {id_: tuple(map(_mark_of, marks)) for id_, marks in said.items()}


def _mark_of(said: Mapping[str, Any]) -> Mark:
    place, line_mm = said["place_mm"], said["line_mm"]
    return Mark(
        Lesion(said["lesion"]),
        int(said["slice"]),
        Quadrant(Joint(said["joint"]), Half(said["half"]), Bone(said["bone"])),
        is_deep=said["is_deep"],
        is_intense=said["is_intense"],
        place_mm=None if place is None else point(place),
        line_mm=None if line_mm is None else float(line_mm),
    )


def _measure(measure: Measure) -> dict[str, Any]:
    return {
        "number": measure.number,
        "kind": measure.kind,
        "slice": measure.slice,
        "points_mm": [list(point) for point in measure.points_mm],
        **({"text": measure.text} if measure.text else {}),
    }


def _measure_of(said: Mapping[str, Any]) -> Measure:
    return Measure(
        int(said["number"]),
        MeasureKind(said["kind"]),
        int(said["slice"]),
        tuple(point(each) for each in said["points_mm"]),
        said.get("text", ""),
    )


def _correction(stated: Mapping[str, Any]) -> Correction:
    plane, weighting = stated["plane"], stated["weighting"]
    return Correction(
        None if plane is None else Plane(plane),
        None if weighting is None else Weighting(weighting),
    )


def _whole(indices: Mapping[str, float]) -> dict[str, int]:
    """Indices as whole numbers: JSON lets a 3 be written as 3.0."""
    return {id_: int(index) for id_, index in indices.items()}
