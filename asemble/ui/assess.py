"""Running the ensemble on the open study, and looking at its slices with heatmaps.

Streamlit keeps what a widget calls until its page is drawn again, so nothing that is called here
holds the study: it would outlive its closing.
"""

from collections.abc import Sequence

import streamlit as st

from asemble.core.labels import HEATMAP_TITLES, Plane, Weighting
from asemble.core.results import ENSEMBLE, Heatmap, SlicePrediction
from asemble.core.study import Series, Study
from asemble.predict import assess
from asemble.ui import cache, charts, marking, recovery, series_choice, state, viewer
from asemble.ui.heatmap_panel import show_trust
from asemble.ui.oedema import show_measured
from asemble.ui.progress import Progress
from asemble.ui.results import HEATMAP_LIMIT

METHODS = {name: title[:1].upper() + title[1:] for name, title in HEATMAP_TITLES.items()}
"""The heatmaps to choose from: method and its name on the screen."""


def run_ensemble(study: Study) -> state.Assessment:
    """Predict and explain in one pass with visible progress; keep both for this session."""
    ensemble = cache.ensemble()
    text = f"Judging the slices on {ensemble.device}"
    bar = Progress(text)
    prediction, heatmaps = assess(
        study, ensemble, progress=lambda done, total: bar.show(done / total, text)
    )
    bar.clear()
    kept = state.keep_assessment(prediction, heatmaps)
    marking.propose_lines(study, prediction)
    for series in prediction.series:
        if series.strongest is not None:
            _jump(study, series.series_id, series.strongest.index)
    return kept


@st.fragment
def show_slices(study: Study) -> None:
    """T1 and the fluid-sensitive slices side by side; once asked, what was found on the slice."""
    assessed = state.assessment()
    with st.container(key="slices"):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            series = _choose_series(study)
            heatmap = _choose_heatmap(series, assessed) if assessed else None
        at = state.slice_of(series.id, series.volume.shape[0] // 2)
        viewer.show(
            [_pane(each, heatmap if each is series else None) for each in _beside(study, series)],
            study_key=study.key,
            key=f"assess:{series.id}:{state.study_token()}",
            rests_ms=viewer.REMEMBERED_MS if assessed is None else viewer.FOLLOWED_MS,
            has_heat_row=assessed is not None,
            listeners=viewer.Listeners(on_rest=state.keep_slices),
        )
    if assessed is not None:
        with st.container(key="on_the_slice"):
            _show_found(series, at, heatmap, assessed)
    recovery.note("slices")


def _show_found(
    series: Series, at: int, heatmap: Heatmap | None, assessed: state.Assessment
) -> None:
    """The probabilities slice by slice, and what was found on the one that is shown."""
    judged = assessed.prediction.series_by_id(series.id)
    if judged.slices:
        _show_chart(series.id, judged.slices, at=at)
    else:
        st.info(judged.why_not or "The models did not judge this series.")
    if heatmap is not None:
        st.caption(HEATMAP_LIMIT)
        show_trust(series, at, heatmap, assessed.heatmaps[series.id])
    measured = state.measured_on(series.id)
    if measured is not None:
        show_measured(measured, at, judged.bones_from[1:])


def _beside(study: Study, series: Series) -> list[Series]:
    """T1 first, then fluid-sensitive: the series, and the nearest one of the other weighting."""
    other = Weighting.FLUID if series.weighting is Weighting.T1 else Weighting.T1
    choices = [each for each in study.series if each.weighting is other]
    if not choices:
        return [series]
    plane = series.plane or Plane.CORONAL
    beside = series_choice.nearest_series(choices, plane=plane, weighting=other)
    return [series, beside] if other is Weighting.FLUID else [beside, series]


def _jump(study: Study, series_id: str, index: int) -> None:
    """Send a series to a slice, and the one beside it to the same level where files say which."""
    series = study.series_by_id(series_id)
    state.jump_to(series_id, index)
    for other in _beside(study, series):
        if other is series or other.plane is not series.plane:
            continue
        spacing, found = other.volume.spacing_mm, other.nearest_slice(series, index)
        if spacing and found and found[1] <= spacing[0] / 2:
            state.jump_to(other.id, found[0])


def _pane(series: Series, heatmap: Heatmap | None) -> viewer.Pane:
    at = state.slice_of(series.id, series.volume.shape[0] // 2)
    return viewer.Pane(series, at, heatmap, state.found_on(series.id))


def _choose_series(study: Study) -> Series:
    wanted = series_choice.nearest_series(
        study.series, plane=Plane.CORONAL, weighting=Weighting.FLUID
    )
    labels = {series.id: series_choice.series_label(series) for series in study.series}
    ids = list(labels)
    picked = st.selectbox(
        "Series",
        ids,
        index=ids.index(wanted.id),
        format_func=labels.__getitem__,
        key=f"assess_series:{state.study_token()}",
        width=215,
    )
    return study.series_by_id(picked)


def _choose_heatmap(series: Series, assessed: state.Assessment) -> Heatmap | None:
    heatmaps = assessed.heatmaps.get(series.id)
    if heatmaps is None:
        return None
    method = st.selectbox(
        "Heatmap", list(METHODS), format_func=METHODS.__getitem__, key="method", width=135
    )
    member = st.selectbox("Of", [ENSEMBLE, *assessed.prediction.members], key="member", width=135)
    return heatmaps.get(method, member)


def _show_chart(series_id: str, slices: Sequence[SlicePrediction], *, at: int) -> None:
    # A point stays selected in its chart, and a second click on it would deselect it: each jump
    # gets a chart of its own.
    key = f"chart:{series_id}:{state.jumps_of(series_id)}:{state.study_token()}"

    def clicked() -> None:
        points = st.session_state[key]["selection"]["points"]
        study = state.study()
        if points and study is not None:
            _jump(study, series_id, int(points[0]["x"]) - 1)

    st.plotly_chart(
        charts.slice_chart(slices, at=at),
        key=key,
        on_select=clicked,
        selection_mode="points",
        config={"displayModeBar": False},
        alt="Probabilities of the three classes, slice by slice",
    )
    why_not = next((one.why_not for one in slices if one.index == at), None)
    st.caption(
        "Click a point to go to its slice."
        + (f" Slice {at + 1} does not count in the study's answer. {why_not}" if why_not else "")
    )
