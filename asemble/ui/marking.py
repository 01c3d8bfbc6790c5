"""Marks and joint lines between the viewer and the reading, in both directions."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from asemble.clinical.marks import Bone, Half, Joint, Lesion, Mark, Quadrant
from asemble.core.errors import LineError
from asemble.core.labels import Plane, Tissue
from asemble.core.results import StudyPrediction
from asemble.core.study import Series, Study
from asemble.core.volume import Affine
from asemble.imaging.orientation import Turn
from asemble.reading import edits, joint_lines, marking
from asemble.reading.joint_lines import JointLines, Laid, LineHere, Slice
from asemble.ui import state


def shown(series: Series) -> dict[str, Any] | None:
    """What the viewer draws on a series, in rows and columns of its slices as shown.

    Returns:
        None where no quadrants can be told: another plane, or geometry that is unknown.
    """
    if not has_quadrants(series):
        return None
    affine, lines = _affine(series), lines_of(series)
    return {
        "slices": [_slice(lines, affine, index) for index in range(series.volume.shape[0])],
        "marks": [_mark(series, mark, affine) for mark in state.marks(series.id)],
        "note": state.line_note(series.id),
        "question": _question(series, affine),
    }


def propose_lines(study: Study, prediction: StudyPrediction) -> None:
    """Take the joint lines that the networks propose into the reading, the first of each frame."""
    frames: set[str] = set()
    for judged in prediction.series:
        if judged.measurements is None or not judged.measurements.joint_lines:
            continue
        frame = joint_lines.frame_name(study.series_by_id(judged.series_id))
        if frame not in frames:
            frames.add(frame)
            state.edit(edits.propose_joint_lines, frame, judged.measurements.joint_lines)


def hear(said: Mapping[str, Any]) -> None:
    """Do what the reader did in the viewer of the open study, or refuse it.

    Args:
        said: one word of the browser (`joints.js`, `marks.js`).
    """
    study = state.study()
    series = None if study is None else study.series_by_id(said["series"])
    if series is None or not has_quadrants(series):
        return
    match said["what"]:
        case "mark":
            _hear_mark(series, said)
        case "lay":
            _hear_line(series, said)
        case "lift":
            lines = joint_lines.without(lines_of(series), _slice_at(series, said["slice"]))
            state.lay_joint_lines(lines)
            state.keep_line_note(series.id, "")
        case "record" | "leave":
            question = state.answer_question(said["question"])
            if question is not None and said["what"] == "record":
                state.toggle_mark(question.series_id, question.mark)


def has_quadrants(series: Series) -> bool:
    """Whether the viewer can tell quadrants on a series; only words can where it cannot."""
    return series.plane is Plane.CORONAL and marking.shows_quadrants(series.volume.affine_lps)


def refusal(series: Series, index: int) -> str:
    """Why nothing can be marked on a slice, in a sentence; empty where it can.

    Without geometry no line can be laid, and a mark by words is all there is.
    """
    return (
        marking.refusal(lines_of(series), _slice_at(series, index)) if has_quadrants(series) else ""
    )


def moved(series: Series, mark: Mark) -> str:
    """That a joint line has moved under a mark; empty where none has."""
    if not has_quadrants(series):
        return ""
    return marking.moved(mark, lines_of(series), _slice_at(series, mark.slice))


def counted(series: Series) -> tuple[Mark, ...]:
    """The marks that definitions and scores count: none of a series whose joints nobody laid."""
    affine = series.volume.affine_lps
    return marking.counted(state.marks(series.id), lines_of(series), affine)


def lines_of(series: Series) -> JointLines:
    """The joint lines of a series, as laid on any series of its frame of reference."""
    return joint_lines.lines_of(state.joint_lines(), series)


def _hear_mark(series: Series, said: Mapping[str, Any]) -> None:
    at, lines = _slice_at(series, said["slice"]), lines_of(series)
    old = said["of"]
    if old is not None:  # a click on its letters: it keeps the quadrant that it was given
        quadrant = Quadrant(Joint(old["joint"]), Half(old["half"]), Bone(old["bone"]))
        place = (said["lesion"], said["slice"], quadrant)
        kept = [m for m in state.marks(series.id) if (m.lesion, m.slice, m.quadrant) == place]
        for mark in kept:
            deep, intense = bool(said["is_deep"]), bool(said["is_intense"])
            state.toggle_mark(series.id, replace(mark, is_deep=deep, is_intense=intense))
        return
    if marking.refusal(lines, at):
        return
    clicked = marking.Clicked(
        Lesion(said["lesion"]),
        said["slice"],
        marking.place_of(_affine(series), said["slice"], *said["place"]),
        is_deep=bool(said["is_deep"]),
        is_intense=bool(said["is_intense"]),
    )
    mark = marking.mark_of(clicked, lines, at, bone=bone_at(series, said["slice"], *said["place"]))
    if marking.question(mark):
        state.ask(series.id, mark)
    else:
        state.toggle_mark(series.id, mark)


def bone_at(series: Series, index: int, row: float, column: float) -> Bone | None:
    """The bone that the networks found at a place of a slice as shown; None where they did not."""
    found = state.found_on(series.id)
    if found is None:
        return None
    turn = Turn.to_display(series.volume.affine_lps, series.plane)
    labels = turn.apply(found.bones_on(index))
    rows, columns = labels.shape
    label = labels[min(max(round(row), 0), rows - 1), min(max(round(column), 0), columns - 1)]
    if not label:
        return None
    return Bone.SACRAL if label == Tissue.SACRUM else Bone.ILIAC


def _hear_line(series: Series, said: Mapping[str, Any]) -> None:
    affine, index = _affine(series), said["slice"]
    drawn = [marking.place_of(affine, index, row, column) for row, column in said["points"]]
    try:
        lines = joint_lines.lay(
            lines_of(series), Joint(said["joint"]), drawn, _slice_at(series, index)
        )
    except LineError as error:
        state.keep_line_note(series.id, str(error))
    else:
        state.lay_joint_lines(lines)
        state.keep_line_note(series.id, "")


def _affine(series: Series) -> Affine:
    """Of the slices as shown, `(slice, row, column, 1)` to mm LPS."""
    turn = Turn.to_display(series.volume.affine_lps, series.plane)
    affine = turn.affine_of(series.volume)
    if affine is None:
        raise ValueError(f"series {series.id} has no geometry")
    return affine


def _slice_at(series: Series, index: int) -> Slice:
    return Slice.of(_affine(series), index)


def _slice(lines: JointLines, affine: Affine, index: int) -> dict[str, Any]:
    at = Slice.of(affine, index)
    here = {joint: joint_lines.line_at(lines, joint, at) for joint in Joint}
    places = {
        joint.value: None
        if line is None
        else marking.rows_and_columns(affine, line.points).round(3).tolist()
        for joint, line in here.items()
    }
    return {
        **places,
        "own": [joint for joint, line in here.items() if line and line.laid is Laid.HERE],
        "proposed": [joint for joint, line in here.items() if line and line.is_proposed],
        "words": _words(here),
        "refusal": marking.refusal(lines, at),
    }


def _words(here: Mapping[Joint, LineHere | None]) -> str:
    said = {joint: marking.line_words(line) for joint, line in here.items()}
    if len(set(said.values())) == 1:
        return f"Both joints: {said[Joint.RIGHT]}."
    return "; ".join(f"{joint} joint: {words}" for joint, words in said.items()).capitalize() + "."


def _mark(series: Series, mark: Mark, affine: Affine) -> dict[str, Any]:
    quadrant = mark.quadrant
    return {
        "lesion": mark.lesion,
        "slice": mark.slice,
        "is_deep": mark.is_deep,
        "is_intense": mark.is_intense,
        "of": {"joint": quadrant.joint, "half": quadrant.half, "bone": quadrant.bone},
        "quadrant": str(quadrant),
        "place": _place(mark, affine),
        "moved": moved(series, mark),
    }


def _question(series: Series, affine: Affine) -> dict[str, Any] | None:
    asked = next((each for each in state.questions() if each.series_id == series.id), None)
    if asked is None:
        return None
    return {
        "number": asked.number,
        "slice": asked.mark.slice,
        "place": _place(asked.mark, affine),
        "words": marking.question(asked.mark),
    }


def _place(mark: Mark, affine: Affine) -> list[float] | None:
    if mark.place_mm is None:
        return None
    row, column = marking.rows_and_columns(affine, mark.place_mm)
    return [round(float(row), 3), round(float(column), 3)]
