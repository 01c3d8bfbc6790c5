"""What every page shares: its configuration, the standing notice, the way to the other pages."""

from html import escape
from pathlib import Path

import streamlit as st

from asemble.core.errors import AsembleError, WeightsError
from asemble.core.labels import STANDING_NOTICE
from asemble.core.study import Study
from asemble.ui import cache, state

PAGES = (
    ("app.py", "Home"),
    ("pages/1_Read.py", "Read"),
    ("pages/2_Assess.py", "Assess"),
    ("pages/3_Report.py", "Report"),
    ("pages/4_Models.py", "Models"),
)
"""Every page with its name, in the order in which a reader meets them."""

STYLE = """
<style>
[data-testid="stHeader"] { display: none; }
[data-testid="stMainBlockContainer"] { padding: 0.9rem 2rem 3rem; max-width: 1560px; }
.asemble-name { font-weight: 650; font-size: 1.15rem; letter-spacing: 0.02em; white-space: nowrap; }
.asemble-notice {
  border-left: 3px solid #e0a13c; background: #1a1813; color: #d9cfba;
  padding: 0.35rem 0.8rem; font-size: 0.84rem; line-height: 1.4;
}
.asemble-badge {
  display: inline-block; border: 1px solid #e0a13c; color: #e0a13c; border-radius: 3px;
  padding: 0 0.4rem; font-size: 0.7rem; font-weight: 650; letter-spacing: 0.09em;
  line-height: 1.35rem; vertical-align: middle;
}
.st-key-header [data-testid="stPageLink"] a { padding: 0.15rem 0.7rem; }
.st-key-header [aria-current] { border-bottom: 2px solid var(--st-primary-color); }
[class*="st-key-item_"] > :first-child { flex: 1 1 auto; }
[class*="st-key-item_"] p { font-size: 0.9rem; line-height: 1.3; }
[class*="st-key-item_"] [data-testid="stTooltipIcon"] { margin-left: -0.6rem; }
[class*="st-key-item_"] button { min-height: 1.7rem; padding: 0 0.55rem; }
[class*="st-key-couriers"] { display: none; }
[data-testid="stMetricValue"] { font-variant-numeric: tabular-nums; }
table { font-variant-numeric: tabular-nums; }
</style>
"""

ICON = Path(__file__).parent / "icon.svg"
"""Kept here: Streamlit's named icons are fetched from another server."""

BADGE = '<span class="asemble-badge">SYNTHETIC</span>'
"""Stands beside everything that was simulated."""


def begin_page(title: str) -> None:
    """Configure the page, draw what stands at the top of every one, check the weights.

    With weights that cannot be trusted the page says so and ends here.

    Args:
        title: the page's name in `PAGES`.
    """
    st.set_page_config(page_title=f"{title} · asemble", layout="wide", page_icon=str(ICON))
    st.html(STYLE)
    with st.container(key="header", horizontal=True, vertical_alignment="center", gap="small"):
        st.html('<span class="asemble-name">asemble</span>', width="content")
        for path, name in PAGES:
            st.page_link(path, label=f"**{name}**" if name == title else name)
        st.space("stretch")
        _study_tag()
    st.html(f'<div class="asemble-notice" role="note">{escape(STANDING_NOTICE)}</div>')
    try:
        cache.ensemble()
    except WeightsError as error:
        st.subheader("The app does not start with these weights")
        refuse(error)
        st.stop()


def require_study() -> Study:
    """The open study with the user's corrections; without one, a way home and the page ends."""
    study = state.study()
    if study is None:
        st.subheader("No study is open yet")
        st.write("Open one of the three sample cases, or upload a study, on the home page.")
        st.page_link("app.py", label="Go to the home page")
        st.stop()
    return study


def refuse(error: AsembleError) -> None:
    """Say in one sentence what was wrong, and in one what to do."""
    st.error(error.message + (f"\n\n{error.hint}" if error.hint else ""))


def _study_tag() -> None:
    study = state.study()
    if study is None:
        st.html('<span style="opacity:.6;font-size:.85rem">No study open</span>', width="content")
        return
    name = escape(state.study_name())
    badge = BADGE if study.synthetic else ""
    st.html(f'<span style="font-size:.85rem">{name}</span> {badge}', width="content")
