"""What was marked on the slices, and what it amounts to: definitions and scores."""

from collections.abc import Sequence

import streamlit as st

from asemble.clinical import sparcc
from asemble.clinical.marks import QUADRANTS, Lesion, Mark
from asemble.clinical.sources import cite
from asemble.core.labels import Plane, Weighting
from asemble.core.study import Series, Study
from asemble.reading import edits, scoring
from asemble.ui import marking, series_choice, state

HOW = (
    "1. Choose Joints in the viewer. Click both ends of each joint on an anterior and on a "
    "posterior coronal slice. The lines between them are interpolated, for every series of the "
    "same frame of reference. Once the ensemble has run, it proposes lines for joints that you "
    "have not laid; drag an end to correct one.\n"
    "2. Choose Mark and click where the lesion is. A click on its letter removes it.\n"
    "3. Without a mouse: Shift and the arrow keys move a cross, Enter clicks there. Or use the "
    "form below, which records a lesion without its place on the slice.\n\n"
    "A mark does not change when a joint line is moved. Definitions and scores are counted from "
    "these marks alone."
)


def show_findings(study: Study) -> None:
    """Marks of the coronal series, verdicts of the definitions, SPARCC scores."""
    examinations = state.examinations()
    coronal = [series for _, each in examinations for series in _coronal(each)]
    count = sum(len(state.marks(series.id)) for series in coronal)
    with st.expander(f"Findings: {count} marked", key="findings"):
        st.caption(HOW)
        _offer_form(coronal)
        for name, each in examinations:
            if name:
                st.subheader(name)
            for series in _coronal(each):
                if marks := state.marks(series.id):
                    _show_marks(series, marks, each)
            ask_complete(each)
            if count or state.reading().completed:
                # What the whole picture suggests is said of the current examination alone.
                _show_verdicts(each, name in ("", state.CURRENT))


def sentences(study: Study) -> tuple[str, ...]:
    """What was marked and what it amounts to, for the report; nothing where nothing is marked."""
    coronal = _coronal(study)
    reading = state.reading()
    if not any(state.marks(series.id) or series.id in reading.completed for series in coronal):
        return ()
    found = scoring.scores_of(reading, study)
    score = scoring.inflammation_sentence(found)
    fluid = series_of_oedema(study)
    accepted = () if fluid is None else reading.accepted.get(fluid.id, ())
    if fluid is not None and accepted:
        score += f" {accepted_words(state.marks(fluid.id), accepted)}."
    said = [
        *map(scoring.definition_sentence, found.definitions),
        score,
        scoring.structural_sentence(found),
    ]
    said += _moved_words(coronal) + _line_words(coronal)
    return tuple(said)


def show_summary(study: Study) -> None:
    """What the report will say of scores, and the word that makes a score of what is marked."""
    found = scoring.scores_of(state.reading(), study)
    st.markdown(f"- {scoring.inflammation_sentence(found)}\n- {scoring.structural_sentence(found)}")
    ask_complete(study)


def ask_complete(study: Study) -> None:
    """Ask whether everything is marked, without which nothing is scored."""
    for series in _read_on_series(study):
        key = f"completed:{state.study_token()}:{series.id}"
        lesions = "oedema" if series.weighting is Weighting.FLUID else "structural lesions"
        st.toggle(
            f"Marking is complete: {lesions}, {series_choice.series_label(series)}",
            help="Only then is a score given, 0 where nothing is marked. Without it the report "
            f"says {scoring.NOT_SCORED!r}.",
            key=state.shown(key, series.id in state.reading().completed),
            on_change=_keep_complete,
            args=(key, series.id),
        )


def _keep_complete(key: str, series_id: str) -> None:
    state.edit(edits.call_complete, series_id, st.session_state[key])


def _read_on_series(study: Study) -> list[Series]:
    found = (scoring.series_of(study, each) for each in (Weighting.FLUID, Weighting.T1))
    return [series for series in found if series is not None]


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


def _show_marks(series: Series, marks: Sequence[Mark], study: Study) -> None:
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
    read_on = {Lesion.OEDEMA: series_of_oedema(study)}
    t1 = scoring.series_of(study, Weighting.T1)
    elsewhere = sum(series is not read_on.get(mark.lesion, t1) for mark in marks)
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


def _ask_suggestive() -> None:
    key = f"is_suggestive:{state.study_key()}"
    st.toggle(
        "The whole picture is highly suggestive of spondyloarthritis",
        key=state.shown(key, state.reading().is_suggestive),
        on_change=state.keep,
        args=(key, edits.call_suggestive),
    )


def _show_verdicts(study: Study, are_definitions_shown: bool) -> None:
    if are_definitions_shown:
        _ask_suggestive()
    reading = state.reading()
    found = scoring.scores_of(reading, study)
    columns = st.columns(2, gap="large")
    for column, series in zip(columns, _read_on_series(study), strict=False):
        with column:
            for decided in scoring.definitions_of(reading, series) if are_definitions_shown else ():
                _show_definition(decided)
            if series.weighting is Weighting.FLUID:
                _show_inflammation(series)
                st.markdown(scoring.inflammation_sentence(found))
            else:
                _show_structural(series)
                st.markdown(scoring.structural_sentence(found))


def _coronal(study: Study) -> list[Series]:
    return [series for series in study.series if series.plane is Plane.CORONAL]


def series_of_oedema(study: Study) -> Series | None:
    """The series on which oedema is counted."""
    return scoring.series_of(study, Weighting.FLUID)


def _show_definition(decided: scoring.Decided) -> None:
    verdict = decided.verdict
    st.markdown(f"**{verdict.title}: {decided.words}**")
    lines = [f"- {condition.sentence}" for condition in verdict.conditions]
    if not verdict.is_plausible:
        lines.append("- needs the whole picture to be highly suggestive: not stated")
    st.markdown("\n".join(lines))
    st.caption(f"{verdict.caveat} {_sources(verdict.sources)}")


def _show_inflammation(series: Series) -> None:
    score = scoring.inflammation_of(state.reading(), series)
    label = "First of the six scored slices"
    _ask_slice(label, series, score.first_slice, edits.choose_first_scored)
    st.caption(
        f"{score.left_out} marked quadrants lie on other slices and do not count. A score of "
        f"{sparcc.ASAS_MATCH} or more agrees best with an ASAS-positive MRI. "
        f"{_sources(sparcc.INFLAMMATION_SOURCES)}"
    )


def _show_structural(series: Series) -> None:
    reading = state.reading()
    chosen = scoring.transitional(reading, series)
    _ask_slice("Transitional slice", series, chosen, edits.choose_transitional)
    score = scoring.structural_of(reading, series)
    st.caption(
        f"{score.left_out} marks lie on other slices and do not count. Sclerosis is not scored. "
        f"{_sources(sparcc.STRUCTURAL_SOURCES)}"
    )


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


def _sources(keys: Sequence[str]) -> str:
    return "Sources: " + "; ".join(cite(key).label for key in keys) + "."
