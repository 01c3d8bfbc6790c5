"""The heatmap checks beside a heatmap: four questions, each with its figure."""

from collections.abc import Mapping, Sequence
from typing import Literal

import streamlit as st

from asemble.core.results import ENSEMBLE, CheckVerdict, Heatmap
from asemble.core.study import Series
from asemble.explain import SeriesHeatmaps
from asemble.explain.check_texts import verdicts
from asemble.explain.checks import check_heatmap
from asemble.metrics.estimates import with_interval
from asemble.models.fusion import GRADCAM
from asemble.performance.records import CheckName, Performance
from asemble.ui import cache, state

BASIS = (
    "All limits come from simulated MRI, where one in ten maps that point at oedema falls below "
    "each. Networks can agree on a mistake, at the joint and stably: four good figures do not make "
    "a heatmap right."
)
"""Stands below the four answers."""

SHORT: Mapping[CheckName, str] = {
    "agreement": "agreement",
    "joint": "evidence at the joints",
    "stability": "staying in place",
    "deletion": "covering",
    "probability": "P(inflammatory) by itself",
}
"""What was measured, in few words; P stands last, as what the questions must add to."""

VERDICTS: Mapping[bool | None, tuple[str, Literal["green", "orange", "gray"]]] = {
    True: ("speaks for it", "green"),
    False: ("speaks against it", "orange"),
    None: ("takes no side", "gray"),
}
"""In words and as the colour behind them."""


def show_trust(series: Series, index: int, heatmap: Heatmap, heatmaps: SeriesHeatmaps) -> None:
    """The four questions to the heatmap of the slice that the reader is at.

    Args:
        series: that is shown.
        index: of the slice.
        heatmap: that is shown; its method is tested.
        heatmaps: of the series, the members' among them.
    """
    with st.container(border=True, key="trust"):
        st.markdown(f"**Is this heatmap to be trusted?** Slice {index + 1}")
        if heatmaps.get(heatmap.method, ENSEMBLE).is_empty(index):
            st.caption("No positive evidence on this slice: there is no heatmap to test.")
            return
        answers = _answers(series.id, index, heatmap.method)
        # One place for both, so that the answers take the place of the button.
        place = st.empty()
        if not answers:
            if not place.button("Test this heatmap", key="test_heatmap"):
                return
            with place, st.spinner("Testing, about 3 seconds", show_time=True):
                found = check_heatmap(
                    series, index, cache.ensemble(), heatmaps, method=heatmap.method
                )
            state.keep_trust(found)
            answers = _answers(series.id, index, heatmap.method)
        with place.container():
            for check in answers:
                _show(check)
            if heatmap.member != ENSEMBLE:
                st.caption(f"Tested is the ensemble's map, not that of {heatmap.member} alone.")
            st.caption(BASIS)
            st.caption(accuracy_of_checks(cache.performance()))


def _answers(series_id: str, index: int, method: str) -> Sequence[CheckVerdict]:
    """The four answers where the heatmap was tested: by the prediction, or by the reader."""
    assessed = state.assessment()
    deciding = None if assessed is None else assessed.prediction.deciding
    if (
        deciding is not None
        and deciding.checks
        and (deciding.series_id, deciding.index, GRADCAM) == (series_id, index, method)
    ):
        return deciding.checks
    found = state.trust_of(series_id, index, method)
    return () if found is None else verdicts(found, cache.ensemble().fusion.limits)


def accuracy_of_checks(performance: Performance) -> str:
    """How well each figure told right maps from wrong ones, or that it was not measured."""
    if performance.trust is None:
        return "The accuracy of the heatmap checks was not measured for these weights."
    checks = performance.trust.checks
    parts = [f"{words} {with_interval(checks[name].auc_high)}" for name, words in SHORT.items()]
    return (
        "How well each told right maps from wrong ones on simulated slices of high "
        f"P(inflammatory), as AUC, 0.5 for not at all: {'; '.join(parts)}."
    )


def _show(check: CheckVerdict) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        limit = f" (limit {check.limit})" if check.limit else ""
        st.markdown(f"**{check.question}** {check.figure}{limit}", width="content")
        verdict, colour = VERDICTS[check.speaks_for]
        st.badge(verdict, color=colour)
    st.markdown(check.sentence)
