"""What else it could be: the disease and chosen mimics side by side."""

import streamlit as st

from asemble.clinical import cite
from asemble.clinical.mimics import ENTITIES, FEATURES, Entity
from asemble.ui import state

DISEASE, *MIMICS = ENTITIES
MOST = 3
"""More than these beside the disease do not fit a laptop."""
FIRST = ("Mechanical strain", "Osteitis condensans ilii")


def show_comparison() -> None:
    """A table with a row for each feature to look at, in the order of looking."""
    names = [entity.name for entity in MIMICS]
    chosen = st.multiselect(
        "Set beside axial spondyloarthritis",
        names,
        max_selections=MOST,
        key=state.shown("mimics", list(state.setting("mimics", FIRST))),
        on_change=state.keep_setting,
        args=("mimics",),
    )
    shown: list[Entity] = [DISEASE, *(each for each in MIMICS if each.name in chosen)]
    for entity in shown:
        if entity.urgent:
            st.error(f"{entity.name}: suspecting it asks for urgent review.")
    table = {"look at": list(FEATURES)}
    for entity in shown:
        table[entity.name] = [getattr(entity, name) or "not stated" for name in FEATURES.values()]
    st.table(table, border="horizontal")
    st.caption(
        "Shares are of published groups of patients, not of this one; no row decides alone. "
        "Urgent to think of: "
        + ", ".join(entity.name.lower() for entity in MIMICS if entity.urgent)
        + "."
    )
    keys = sorted({key for entity in shown for key in entity.sources})
    with st.expander("Sources"):
        st.markdown("\n".join(f"- {cite(key).label}" for key in keys))
