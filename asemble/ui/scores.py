"""What was marked on the slices, and what it amounts to: definitions and scores."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from asemble.clinical import sparcc
from asemble.clinical.definitions import (
    Verdict,
    asas_active_2009,
    asas_definite_active_2021,
    asas_definite_structural_2021,
)
from asemble.clinical.findings import QUADRANTS, Lesion, Mark
from asemble.clinical.sources import cite
from asemble.core.geometry import slice_normal
from asemble.core.labels import Plane, Weighting
from asemble.core.study import Series, Study
from asemble.reading import edits
from asemble.ui import marking, series_choice, state

HOW = (
    "1. Choose Joints in the viewer. Click both ends of each joint on an anterior and on a "
    "posterior coronal slice. The lines between them are interpolated, for every series of the "
    "same frame of reference. Once the ensemble was asked, it proposes lines for joints that you "
    "have not laid; drag an end to correct one.\n"
    "2. Choose Mark and click where the lesion is. A click on its letter removes it.\n"
    "3. Without a mouse: Shift and the arrow keys move a cross, Enter clicks there. Or use the "
    "form below, which records a lesion without its place on the slice.\n\n"
    "A mark does not change when a joint line is moved. Definitions and scores are counted from "
    "these marks alone."
)


def show_findings(study: Study) -> None:
    """Marks of the coronal series, verdicts of the definitions, SPARCC scores."""
    coronal = _coronal(study)
    marked = {series.id: state.marks(series.id) for series in coronal}
    count = sum(map(len, marked.values()))
    with st.expander(f"Findings: {count} marked", key="findings"):
        st.caption(HOW)
        _offer_form(coronal)
        for series in coronal:
            if marked[series.id]:
                _show_marks(series, marked[series.id], coronal)
        if count:
            _show_verdicts(coronal)


def sentences(study: Study) -> tuple[str, ...]:
    """What was marked and what it amounts to, for the report; nothing where nothing is marked."""
    coronal = _coronal(study)
    said = []
    fluid, t1 = _of_weighting(coronal, Weighting.FLUID), _of_weighting(coronal, Weighting.T1)
    if fluid is not None and marking.counted(fluid):
        said += [_verdict_words(verdict) for verdict in _active(fluid)]
        score = sparcc.inflammation(marking.counted(fluid), _first_scored(fluid))
        said.append(_inflammation_words(score))
        accepted = state.reading().accepted.get(fluid.id, ())
        if accepted:
            said[-1] += f" {accepted_words(state.marks(fluid.id), accepted)}."
    if t1 is not None and marking.counted(t1):
        said.append(_verdict_words(asas_definite_structural_2021(marking.counted(t1))))
        said.append(_structural_words(_structural_score(t1)))
    said += _moved_words(coronal) + _line_words(coronal)
    return tuple(said)


def accepted_words(marks: Sequence[Mark], accepted: Sequence[Mark]) -> str:
    """What was accepted and what became of it, without a full stop.

    >>> accepted_words((), ())
    '0 quadrants were proposed by the ensemble and accepted by the reader'
    """
    count, changed = len(accepted), sum(mark not in marks for mark in accepted)
    quadrants = "1 quadrant was" if count == 1 else f"{count} quadrants were"
    since = f"; {changed} of them changed or removed since" if changed else ""
    return f"{quadrants} proposed by the ensemble and accepted by the reader{since}"


def _line_words(coronal: Sequence[Series]) -> list[str]:
    """Which joint lines the networks proposed, where marks stand beside them."""
    marked = [series for series in coronal if state.marks(series.id)]
    lines = {each.frame: each for each in map(marking.lines_of, marked)}.values()
    proposed = sum(len(each.proposed) for each in lines)
    if not proposed:
        return []
    changed = sum(line not in each.lines for each in lines for line in each.proposed)
    kept = "all as proposed" if not changed else f"{changed} of them corrected or removed since"
    return [f"{proposed} joint lines were proposed by the networks, {kept}."]


def _moved_words(coronal: Sequence[Series]) -> list[str]:
    count = sum(
        bool(marking.moved(series, mark)) for series in coronal for mark in state.marks(series.id)
    )
    if not count:
        return []
    marks = (
        "1 mark is counted as it was" if count == 1 else f"{count} marks are counted as they were"
    )
    return [f"{marks} made; a joint line has moved since."]


def _offer_form(coronal: Sequence[Series]) -> None:
    """Mark by words: for the keyboard, and where a slice shows no joint line to click beside."""
    if not coronal:
        return
    ordered = sorted(coronal, key=lambda series: series.weighting is not Weighting.FLUID)
    slices = {series.id: series.volume.shape[0] for series in ordered}
    labels = {series.id: series_choice.series_label(series) for series in ordered}
    most = max(slices.values())
    with st.form("mark", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "Series", list(slices), format_func=labels.__getitem__, key="mark_series", width=225
        )
        st.number_input("Slice", 1, most, value=(most + 1) // 2, key="mark_slice", width=110)
        st.selectbox("Lesion", list(Lesion), key="mark_lesion", width=190)
        st.selectbox("Quadrant", QUADRANTS, key="mark_quadrant", width=190)
        st.checkbox("deep (1 cm or more)", key="mark_is_deep")
        st.checkbox("intense (as the reference)", key="mark_is_intense")
        st.form_submit_button("Mark or take away", on_click=_toggle_from_form)
    series = next(each for each in ordered if each.id == st.session_state["mark_series"])
    if problem := _why_not(series, st.session_state["mark_slice"]):
        st.warning(problem)


def _why_not(series: Series, number: int) -> str:
    """Why the form marks nothing on a slice; empty where it does."""
    slices = series.volume.shape[0]
    if number > slices:
        return f"This series has {slices} slices: choose a slice from 1 to {slices}."
    return marking.refusal(series, number - 1)


def _toggle_from_form() -> None:
    # The study is asked for: Streamlit keeps what a callback is given after the study is closed.
    form, study = st.session_state, state.study()
    if study is None:
        return
    series = study.series_by_id(form["mark_series"])
    mark = Mark(
        form["mark_lesion"],
        form["mark_slice"] - 1,
        form["mark_quadrant"],
        is_deep=form["mark_is_deep"],
        is_intense=form["mark_is_intense"],
    )
    # What was marked may always be taken away.
    if mark in state.marks(series.id) or not _why_not(series, form["mark_slice"]):
        state.toggle_mark(series.id, mark)


def _show_marks(series: Series, marks: Sequence[Mark], coronal: Sequence[Series]) -> None:
    ordered = sorted(marks, key=lambda mark: (mark.slice, mark.quadrant, mark.lesion))
    st.markdown(f"**{series_choice.series_label(series)}**")
    st.table(
        {
            "slice": [str(mark.slice + 1) for mark in ordered],
            "quadrant": [str(mark.quadrant) for mark in ordered],
            "lesion": [_lesion_words(mark) for mark in ordered],
            "from the joint": [_distance_words(mark) for mark in ordered],
            "since then": [marking.moved(series, mark) for mark in ordered],
        },
        border="horizontal",
    )
    if not marking.counted(series):
        st.warning("These marks are not counted until joint lines are drawn on this series.")
    elsewhere = sum(series is not _read_on(mark.lesion, coronal) for mark in marks)
    if elsewhere:
        marks_are = "mark is" if elsewhere == 1 else "marks are"
        st.warning(
            f"{elsewhere} {marks_are} not counted: oedema is counted on the first "
            "fluid-sensitive coronal series, every other lesion on the first T1."
        )
    st.button(
        "Clear these marks",
        key=f"clear_marks:{series.id}",
        on_click=state.clear_marks,
        args=(series.id,),
    )


def _lesion_words(mark: Mark) -> str:
    said = (mark.lesion.value, "deep" if mark.is_deep else "", "intense" if mark.is_intense else "")
    return ", ".join(filter(None, said))


def _distance_words(mark: Mark) -> str:
    return "from the form" if mark.line_mm is None else f"{mark.line_mm:.0f} mm"


def _show_verdicts(coronal: Sequence[Series]) -> None:
    fluid = _of_weighting(coronal, Weighting.FLUID)
    t1 = _of_weighting(coronal, Weighting.T1)
    key = f"is_suggestive:{state.study_key()}"
    st.toggle(
        "The whole picture is highly suggestive of spondyloarthritis",
        key=state.shown(key, state.reading().is_suggestive),
        on_change=state.keep,
        args=(key, edits.call_suggestive),
    )
    left, right = st.columns(2, gap="large")
    with left:
        if fluid is not None:
            for verdict in _active(fluid):
                _show_verdict(verdict)
            _show_inflammation(fluid)
    with right:
        if t1 is not None:
            _show_verdict(asas_definite_structural_2021(marking.counted(t1)))
            _show_structural(t1)


def _coronal(study: Study) -> list[Series]:
    return [series for series in study.series if series.plane is Plane.CORONAL]


def _read_on(lesion: Lesion, coronal: Sequence[Series]) -> Series | None:
    """The series on which a lesion is counted."""
    return _of_weighting(coronal, Weighting.FLUID if lesion is Lesion.OEDEMA else Weighting.T1)


def series_of_oedema(study: Study) -> Series | None:
    """The series on which oedema is counted."""
    return _of_weighting(_coronal(study), Weighting.FLUID)


def _of_weighting(choices: Sequence[Series], weighting: Weighting) -> Series | None:
    return next((series for series in choices if series.weighting is weighting), None)


def _active(fluid: Series) -> tuple[Verdict, ...]:
    """The definitions that oedema decides."""
    marks = marking.counted(fluid)
    suggestive = state.reading().is_suggestive
    return asas_active_2009(marks, is_suggestive=suggestive), asas_definite_active_2021(marks)


def _show_verdict(verdict: Verdict) -> None:
    st.markdown(f"**{verdict.title}: {'met' if verdict.is_met else 'not met'}**")
    lines = [f"- {condition.sentence}" for condition in verdict.conditions]
    if not verdict.is_plausible:
        lines.append("- needs the whole picture to be highly suggestive: not stated")
    st.markdown("\n".join(lines))
    st.caption(f"{verdict.caveat} {_sources(verdict.sources)}")


def _verdict_words(verdict: Verdict) -> str:
    conditions = "; ".join(condition.sentence for condition in verdict.conditions)
    if not verdict.is_plausible:
        conditions += "; the whole picture was not called highly suggestive"
    return f"{verdict.title}: {'met' if verdict.is_met else 'not met'} ({conditions})."


def _show_inflammation(series: Series) -> None:
    first = _first_scored(series)
    _ask_slice("First of the six scored slices", series, first, edits.choose_first_scored)
    score = sparcc.inflammation(marking.counted(series), first)
    st.markdown(_inflammation_words(score))
    st.caption(
        f"{score.left_out} marked quadrants lie on other slices and do not count. A score of "
        f"{sparcc.ASAS_MATCH} or more agrees best with an ASAS-positive MRI. "
        f"{_sources(sparcc.INFLAMMATION_SOURCES)}"
    )


def _inflammation_words(score: sparcc.InflammationScore) -> str:
    last = score.first_slice + sparcc.INFLAMMATION_SLICES
    return (
        f"SPARCC inflammation {score.total} of {sparcc.INFLAMMATION_MAX} on slices "
        f"{score.first_slice + 1} to {last}: oedema {score.oedema}, depth {score.depth}, "
        f"intensity {score.intensity}."
    )


def _show_structural(series: Series) -> None:
    _ask_slice("Transitional slice", series, _transitional(series), edits.choose_transitional)
    score = _structural_score(series)
    st.markdown(_structural_words(score))
    st.caption(
        f"{score.left_out} marks lie on other slices and do not count. Sclerosis is not scored. "
        f"{_sources(sparcc.STRUCTURAL_SOURCES)}"
    )


def _structural_score(series: Series) -> sparcc.StructuralScore:
    marks = marking.counted(series)
    step = _step_to_front(series)
    return sparcc.structural(marks, _transitional(series), step_to_front=step)


def _structural_words(score: sparcc.StructuralScore) -> str:
    said = ", ".join(
        f"{lesion} {score.scores[lesion]} of {most}"
        for lesion, most in sparcc.STRUCTURAL_MAX.items()
    )
    return f"SPARCC SSS: {said}."


def _first_scored(series: Series) -> int:
    """The reader's choice, or the six slices with the greatest score."""
    chosen = state.reading().first_scored.get(series.id)
    if chosen is not None:
        return chosen
    return sparcc.fullest_slices(marking.counted(series), series.volume.shape[0])


def _transitional(series: Series) -> int:
    """The reader's choice, or the middle slice."""
    return state.reading().transitional.get(series.id, series.volume.shape[0] // 2)


def _ask_slice(label: str, series: Series, index: int, choose_slice: state.Edit) -> None:
    """Ask for a slice by its number; the reading has its index."""
    key = f"{label}:{state.study_token()}:{series.id}"
    st.selectbox(
        label,
        range(1, series.volume.shape[0] + 1),
        key=state.shown(key, index + 1),
        on_change=_keep_slice,
        args=(key, choose_slice, series.id),
        width=240,
    )


def _keep_slice(key: str, choose_slice: state.Edit, series_id: str) -> None:
    state.edit(choose_slice, series_id, st.session_state[key] - 1)


def _step_to_front(series: Series) -> int:
    """1 where higher slices lie further in front; the front is towards -y in LPS."""
    affine = series.volume.affine_lps
    if affine is None:
        return 1
    return 1 if np.sign(slice_normal(affine)[1]) < 0 else -1


def _sources(keys: Sequence[str]) -> str:
    return "Sources: " + "; ".join(cite(key).label for key in keys) + "."
