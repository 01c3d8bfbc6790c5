"""The abstract's comparison, made again on simulated slices: `table.json` beside the weights."""

from pathlib import Path

import streamlit as st

from asemble.core.errors import WeightsError
from asemble.core.labels import JUDGED_PLANES
from asemble.evaluation.comparison_table import (
    PART_TITLES,
    confusion_rows,
    notes,
    read_table,
    table_rows,
)


def show_comparison(directory: Path) -> None:
    """Every network of the comparison, plane by plane.

    Args:
        directory: of the weights.
    """
    st.subheader("Comparison with other networks, on simulated slices")
    try:
        content = read_table(directory)
    except WeightsError as error:
        st.error(str(error))
        return
    if content is None:
        st.write("Not measured yet: run `asemble evaluate table`.")
        return
    for note in notes(content):
        st.caption(note)
    for plane in JUDGED_PLANES:
        published = content["published_accuracy"][plane.value]
        for part, title in PART_TITLES.items():
            rows = table_rows(content, plane, part)
            if not rows:
                continue
            st.markdown(f"**Simulated {plane} slices: {title}**")
            st.table(_columns(rows), border="horizontal")
            with st.expander("Simulated confusion, with intervals"):
                st.table(_columns(confusion_rows(content, plane, part)), border="horizontal")
        st.caption(f"The abstract's own accuracy for {plane} images of patients: {published:.2%}.")


def _columns(rows: list[dict[str, str]]) -> dict[str, list[str]]:
    return {name: [row[name] for row in rows] for name in rows[0]}
