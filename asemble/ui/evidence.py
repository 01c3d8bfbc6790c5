"""Measured performance of the ensemble, section by section, as stored beside the weights."""

from dataclasses import replace
from html import escape
from pathlib import Path

import streamlit as st
from PIL import Image

from asemble.core.labels import JUDGED_PLANES
from asemble.core.text_table import Table
from asemble.models.fusion import Fusion
from asemble.performance import tables
from asemble.performance.pages import ABSTRACT, AIM, comparison_notes, other_limits
from asemble.performance.records import Appearances, Failure, Performance
from asemble.performance.store import GALLERY_FILE
from asemble.performance.tables import FORGOTTEN, HELD_OUT, SETS_OF_SLICES, TRAINING
from asemble.ui import charts
from asemble.ui.images import as_address
from asemble.ui.model_facts import NOT_MEASURED


def show_studies(performance: Performance, fusion: Fusion) -> None:
    """Every metric of both test sets, by appearance, and the decisions."""
    st.subheader("Simulated test studies")
    if performance.studies is None:
        _not_measured("studies")
        return
    sets = performance.studies.sets
    if said := other_limits(performance.studies, fusion.limits):
        st.caption(said)
    with st.expander("Every simulated figure, with 95% intervals over studies"):
        show(tables.study_table(sets))
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Simulated held-out appearances, one by one**")
        show(tables.appearances_table(sets[HELD_OUT]))
    with right:
        for which, measured in sets.items():
            st.markdown(f"**Simulated decisions, {which.words}** (rows: truth)")
            show(tables.confusion_table(measured.confusion))


def show_calibration(performance: Performance) -> None:
    """Probability against frequency, and how often the interval holds."""
    st.subheader("Simulated calibration")
    sets = performance.calibration
    if sets is None:
        _not_measured("calibration")
        return
    errors = sets[TRAINING].errors
    levels = [f"{tables.level_of(error)}, {tables.of_what(error)}" for error in errors]
    at = levels.index(st.selectbox("Show", levels))
    chosen = {which: replace(each, errors=(each.errors[at],)) for which, each in sets.items()}
    plot, words = st.columns(2, gap="large")
    with plot:
        bins = {which.words: measured.errors[0].bins for which, measured in chosen.items()}
        st.plotly_chart(
            charts.reliability_chart(bins),
            key="reliability_chart",
            config={"displayModeBar": False},
            alt="Frequency against probability in bins of equal numbers of simulated cases",
        )
    with words:
        show(tables.calibration_table(chosen))
        st.caption(
            f"ECE: expected calibration error; the aim on training appearances is {AIM:.2f}. If "
            "perfect: the same of a perfectly calibrated model, and what one in twenty such models "
            "exceeds."
        )
        show(tables.interval_table(sets))
        st.caption(
            "The interval is made to hold the probability of a second simulated examination of the "
            "same person. It does not say how often the ensemble is right."
        )


def show_explanations(performance: Performance) -> None:
    """Where maps point, with the controls that must fail."""
    st.subheader("Where heatmaps point, on simulated studies")
    if performance.explanations is None:
        _not_measured("explanations")
        return
    measured = performance.explanations[HELD_OUT]
    st.caption(
        "Share of slices whose hottest pixel lies within 5 pixels of the oedema, and share of the "
        "heat in it and near it, on held-out appearances. Grad-CAM as shown reads the layer before "
        "a linear evidence head, so that it nearly equals the evidence map by construction. The "
        "controls have to fail: networks with random weights, and maps held against another "
        "study's oedema. Average precision asks of the whole map what pointing asks of its peak."
    )
    for column, plane in zip(st.columns(2, gap="large"), JUDGED_PLANES, strict=True):
        with column:
            st.markdown(f"**Simulated {plane} slices**")
            show(tables.maps_table(measured, plane))
    st.caption(
        "Cascading randomisation, once a set of weights: from the head downwards each layer loses "
        "what it learned. Grad-CAM must forget with it: its rank correlation with the map of the "
        f"trained network must fall below {FORGOTTEN}. Held-out appearances."
    )
    for column, plane in zip(st.columns(2, gap="large"), JUDGED_PLANES, strict=True):
        with column:
            show(tables.cascade_table(measured, plane))


def show_trust_measured(performance: Performance, fusion: Fusion) -> None:
    """How accurate the heatmap checks are."""
    st.subheader("Accuracy of the heatmap checks, on simulated slices")
    measured = performance.trust
    if measured is None:
        _not_measured("trust")
        return
    st.caption(
        "A map is right where its hottest pixel lies on inflammatory oedema. AUC: how well the "
        "figure alone tells right maps from wrong ones. One in ten right maps of other simulated "
        f"studies falls below the limit. Here: {measured.right} right and {measured.wrong} wrong "
        "maps, held-out appearances."
    )
    show(tables.checks_table(measured, fusion.limits))


def show_gallery(performance: Performance, directory: Path) -> None:
    """The worst simulated studies.

    Args:
        performance: what was measured.
        directory: of the weights, where the pictures are.
    """
    st.subheader("Worst simulated studies")
    gallery = () if performance.studies is None else performance.studies.gallery
    if not gallery:
        st.write(NOT_MEASURED.capitalize() + ".")
        return
    st.caption(
        "Held-out appearances; the least probability for the true class first. Left the coronal "
        "slice with the most inflammatory oedema, or the middle one; right the oedema outlined."
    )
    pictures = _pictures(directory / GALLERY_FILE, len(gallery))
    numbers = range(1, len(gallery) + 1)
    at = st.segmented_control("Study", numbers, default=1, required=True, key="worst") - 1
    _show_failure(at, gallery[at], pictures[at] if pictures else None)


def show_scope(performance: Performance) -> None:
    """How often the ensemble declines to answer."""
    st.subheader("What the input gate declines, on simulated joints and on other images")
    if performance.scope is None:
        _not_measured("scope")
        return
    st.caption(
        "Studies of the joints must be judged, everything else declined with a reason: at a glance "
        "where it is surely something else, else by the bones that the networks name."
    )
    for must_judge, words in (
        (True, "Joints: to be judged"),
        (False, "Everything else: to be declined"),
    ):
        st.markdown(f"**{words}**")
        show(tables.gate_table(g for g in performance.scope.groups if g.must_judge is must_judge))


def show_comparison(performance: Performance) -> None:
    """Every network of the comparison, plane by plane."""
    st.subheader("Comparison with other networks, on simulated slices")
    measured = performance.table
    if measured is None:
        _not_measured("table")
        return
    for note in comparison_notes(measured):
        st.caption(note)
    for plane in measured.planes:
        for which in Appearances:
            with st.expander(f"Simulated {plane} slices: {SETS_OF_SLICES[which]}"):
                show(tables.networks_table(measured, plane, which))
                st.markdown("**Simulated confusion, with intervals**")
                show(tables.networks_confusion_table(measured, plane, which))
        published = ABSTRACT[plane]
        st.caption(f"The abstract's own accuracy for {plane} images of patients: {published:.2%}.")


def show(table: Table) -> None:
    """A table on the screen."""
    st.table(table.by_column(), border="horizontal")


def _show_failure(at: int, failure: Failure, shown: Image.Image | None) -> None:
    appearance = tables.appearance_of(failure)
    picture, words = st.columns([1.4, 1], gap="large")
    if shown is not None:
        alt = f"Slices of study {at + 1} with the ensemble's heatmap"
        picture.html(f'<img src="{as_address(shown)}" alt="{escape(alt)}" style="width: 100%">')
    with words:
        st.markdown(f"**{at + 1}. {failure.kind.capitalize()}**, appearance: {appearance}")
        st.write(tables.what_went_wrong(failure))
        st.code(tables.command_of(failure), language=None, wrap_lines=True)


def _pictures(path: Path, count: int) -> list[Image.Image]:
    """One picture an entry; none where the file is absent."""
    if not path.is_file():
        return []
    with Image.open(path) as strip:
        height = strip.height // count
        return [strip.crop((0, i * height, strip.width, (i + 1) * height)) for i in range(count)]


def _not_measured(verb: str) -> None:
    st.write(f"Not measured yet: run `asemble evaluate {verb}`.")
