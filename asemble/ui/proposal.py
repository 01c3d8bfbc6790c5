"""What is proposed to the reader: the networks' SPARCC sheet beside the own, and image items."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from asemble.clinical import sparcc
from asemble.clinical.marks import QUADRANTS, Joint, Lesion, Mark, Quadrant, of_lesion
from asemble.clinical.proposed import proposed_items
from asemble.core.labels import Weighting
from asemble.core.study import Series, Study
from asemble.reading import scoring
from asemble.ui import marking, scores, series_choice, state

LIMIT = (
    "Nothing of this is in your reading until you accept it; each mark can be changed or removed "
    "afterwards, and the report says what was proposed. The networks learned from simulated "
    "oedema, and how far they agree with readers on patients was not measured. For research and "
    "teaching."
)


ITEMS_LIMIT = (
    "What is proposed below is in your reading once you accept it, and not before. The networks "
    "learned from simulated oedema; how far they agree with readers was not measured."
)
"""Stands above proposed items."""


@dataclass(frozen=True, slots=True)
class OfferedItem:
    """An item to which a yes is proposed.

    Args:
        words: what speaks for it.
        from_networks: whether nothing does but what the networks measure.
    """

    words: str
    from_networks: bool


def offered_items(study: Study) -> dict[str, OfferedItem]:
    """Image items to be answered yes: by the reader's marks, and by what the networks measure."""
    reading = state.reading()
    fluid, t1 = (scoring.series_of(study, each) for each in (Weighting.FLUID, Weighting.T1))
    on_fluid = () if fluid is None else scoring.counted_on(reading, fluid)
    on_t1 = () if t1 is None else scoring.counted_on(reading, t1)
    marked = proposed_items(
        [*of_lesion(on_fluid, Lesion.OEDEMA), *(m for m in on_t1 if m.lesion is not Lesion.OEDEMA)],
        of_every_slice=fluid is not None and fluid.id in reading.completed,
    )
    found = None if fluid is None else state.measured_on(fluid.id)
    measured: Mapping[str, str] = {}
    if found is not None and found.first_scored is not None:
        measured = proposed_items(found.marks, of_every_slice=True)
    said = {"Your marks": marked, "The networks": measured}
    return {
        id_: OfferedItem(
            " ".join(f"{who}: {by[id_]}." for who, by in said.items() if id_ in by),
            from_networks=id_ not in marked,
        )
        for id_ in {**marked, **measured}
    }


def show_proposal(study: Study) -> None:
    """The proposed sheet of the series on which oedema is counted; nothing before a prediction."""
    series = scores.series_of_oedema(study)
    measured = None if series is None else state.measured_on(series.id)
    if series is None or measured is None:
        return
    first = measured.first_scored
    if first is None:
        with st.expander("SPARCC: the networks propose none", key="proposal"):
            st.caption(measured.why_no_sparcc or "")
        return
    proposed = sparcc.inflammation(measured.marks, first)
    title = f"SPARCC: the networks propose {proposed.total} of {sparcc.INFLAMMATION_MAX}"
    with st.expander(title, key="proposal"):
        st.caption(f"{series_choice.series_label(series)}. {LIMIT}")
        own = marking.counted(series)
        yours = sparcc.inflammation(own, first)
        left, right = st.columns(2, gap="large")
        with left:
            st.markdown(f"**Proposed by the networks: {_words(proposed)}**")
            st.table(_sheet(measured.marks, first), border="horizontal")
        with right:
            st.markdown(f"**Yours, on the same slices: {_words(yours)}**")
            st.table(_sheet(own, first), border="horizontal")
        st.markdown(_compared(measured.marks, own, first))
        _offer(series, proposes=proposed.oedema > 0)


def _offer(series: Series, *, proposes: bool) -> None:
    accepted = state.reading().accepted.get(series.id, ())
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Accept into my reading",
            type="primary",
            key=f"accept:{series.id}",
            disabled=bool(accepted) or not proposes,
            on_click=state.accept_proposed,
            args=(series.id,),
        )
        st.button(
            "Undo",
            key=f"undo_accepted:{series.id}",
            disabled=not accepted,
            help="Takes away what was accepted; what you have changed since stays.",
            on_click=state.undo_accepted,
            args=(series.id,),
        )
        if accepted:
            st.markdown(
                f"{scores.accepted_words(state.reading().marks.get(series.id, ()), accepted)}."
            )


def _words(score: sparcc.InflammationScore) -> str:
    return (
        f"{score.total} (oedema {score.oedema}, depth {score.depth}, intensity {score.intensity})"
    )


def _on(marks: Sequence[Mark], index: int) -> dict[Quadrant, Mark]:
    """The quadrants of oedema on a slice."""
    return {mark.quadrant: mark for mark in of_lesion(marks, Lesion.OEDEMA) if mark.slice == index}


def _scored(first: int) -> range:
    return range(first, first + sparcc.INFLAMMATION_SLICES)


def _sheet(marks: Sequence[Mark], first: int) -> dict[str, list[str]]:
    """A row for each quadrant, then for depth and intensity of each joint; a column a slice."""
    rows: list[str] = []
    for joint in Joint:
        rows += [str(q) for q in QUADRANTS if q.joint is joint]
        rows += [f"{joint} deep", f"{joint} intense"]
    table = {"slice": rows}
    for index in _scored(first):
        here = _on(marks, index)
        cells: list[bool] = []
        for joint in Joint:
            of_joint = [mark for mark in here.values() if mark.quadrant.joint is joint]
            cells += [q in here for q in QUADRANTS if q.joint is joint]
            cells += [any(m.is_deep for m in of_joint), any(m.is_intense for m in of_joint)]
        table[str(index + 1)] = ["■" if cell else "·" for cell in cells]
    return table


def _compared(proposed: Sequence[Mark], own: Sequence[Mark], first: int) -> str:
    theirs, yours = (
        {(index, q) for index in _scored(first) for q in _on(marks, index)}
        for marks in (proposed, own)
    )
    return (
        f"Marked by both: {len(theirs & yours)} quadrants; by the networks alone: "
        f"{len(theirs - yours)}; by you alone: {len(yours - theirs)}."
    )
