"""What every page shares: its configuration, the standing notice, the way to the other pages."""

from html import escape
from pathlib import Path
from typing import NoReturn

import streamlit as st
from streamlit.runtime.scriptrunner import StopException

from asemble.core import interruption
from asemble.core.errors import AsembleError, WeightsError
from asemble.core.labels import STANDING_NOTICE
from asemble.core.study import Study
from asemble.ui import cache, recovery, state

PAGES = (
    ("app.py", "Home"),
    ("pages/1_Read.py", "Read"),
    ("pages/2_Assess.py", "Assess"),
    ("pages/3_Report.py", "Report"),
    ("pages/4_Models.py", "Models"),
)
"""Every page with its name, in the order in which a reader meets them."""

STYLE = r"""
<style>
[data-testid="stHeader"] { width: auto; left: auto; right: 0; background: none; z-index: 10; }
[data-testid="stMainBlockContainer"] { padding: 0.9rem 2rem 1.5rem; max-width: 1560px; }
[data-testid="stHeader"], [data-testid="stHeader"] * { pointer-events: none !important; }
[data-testid="stHeader"] :is(button, button *) { pointer-events: auto !important; }
.st-key-header { padding-right: 7.5rem; }  /* beside it says the server that it works, and Stop */
@media (max-width: 640px) {
  .st-key-header { padding-right: 2rem; }
  [data-testid="stStatusWidget"] { display: none; }  /* it would lie over the pages' names */
}
.asemble-name { font-weight: 650; font-size: 1.15rem; letter-spacing: 0.02em; white-space: nowrap; }
.asemble-notice {
  border-left: 3px solid light-dark(#8a5300, #e0a13c); background: light-dark(#f3ead9, #1a1813);
  padding: 0.35rem 0.8rem; font-size: 0.84rem; line-height: 1.4;
}
.asemble-credit { font-size: 0.78rem; opacity: 0.85; padding: 0 0.9rem; }
.asemble-badge {
  display: inline-block; border: 1px solid currentColor; color: light-dark(#8a5300, #e0a13c);
  border-radius: 3px; padding: 0 0.4rem; font-size: 0.7rem; font-weight: 650;
  letter-spacing: 0.09em; line-height: 1.35rem; vertical-align: middle;
}
.st-key-header [data-testid="stPageLink"] a { padding: 0.15rem 0.7rem; }
.st-key-header [aria-current] { border-bottom: 2px solid light-dark(#175b73, #5aa9c4); }
.st-key-assess {
  display: grid; grid-template-columns: minmax(0, 1.5fr) minmax(0, 1fr); gap: 0 1.8rem;
  grid-template-rows: repeat(5, auto) 1fr; --viewer-height: min(100vh - 11rem, 38vw);
}
.st-key-assess > :has(> * > * > .st-key-slices), .st-key-assess > * > :has(> * > .st-key-slices) {
  display: contents;  /* of the part of the page that draws them: they are laid out as its own */
}
.st-key-assess :is(:has(> .st-key-checklist), :has(> .st-key-verdict), :has(> .st-key-on_the_slice),
  :has(> .st-key-change)) { grid-column: 2; padding-bottom: 1.2rem; }
.st-key-assess :has(> .st-key-on_the_slice) { order: 1; }
.st-key-assess :has(> .st-key-change) { order: 2; }
.st-key-assess :has(> .st-key-slices) {
  position: sticky; top: 0; grid-column: 1; grid-row: 1 / span 6; align-self: start; z-index: 5;
  background: light-dark(#f7f8f9, #0d1014);
}
@media (max-width: 900px) {
  [data-testid="stMain"]:has(.st-key-slices) { scroll-padding-top: 48vh; }
  .st-key-assess { display: flex; --viewer-height: 40vh; }
  .st-key-assess :has(> .st-key-slices) { order: -1; }
}
[class*="st-key-item_"] { row-gap: 0; padding-left: 0.5rem; border-left: 3px solid transparent; }
[class*="st-key-item_"] > :first-child { flex: 1 1 12rem; }
[class*="st-key-item_"] p { font-size: 0.9rem; line-height: 1.3; }
[class*="st-key-item_"] [data-testid="stTooltipIcon"] { margin-left: -0.6rem; }
[class*="st-key-item_"] button { min-height: 1.7rem; padding: 0 0.55rem; }
[class*="st-key-item_"] button[aria-checked="true"] p { font-weight: 700; }
[class*="st-key-item_"] button[aria-checked="true"] p::before { content: "\2713\00a0" / ""; }
[class*="st-key-item_"] button[aria-checked="true"]:nth-last-of-type(2) p::before {
  content: "\2715\00a0" / "";
}
[class*="st-key-item_"] button[aria-checked="true"]:last-of-type {
  color: inherit; background: none; border-color: color-mix(in srgb, currentColor 25%, transparent);
}
[class*="st-key-item_"] button[aria-checked="true"]:last-of-type p { font-weight: 400; }
[class*="st-key-item_"] button[aria-checked="true"]:last-of-type p::before {
  content: "?\00a0" / "";
}
.st-key-item_onset button[aria-checked="true"]:not(:last-of-type) p::before {
  content: "\2713\00a0" / "";
}
[class*="st-key-item_"]:has([aria-checked="true"]:not(:last-of-type)) {
  border-left-color: currentColor;
}
[class*="st-key-offered_"] { padding-left: 0.5rem; border-left: 3px dashed currentColor; }
[class*="st-key-couriers"] { display: none; }
button[kind^="primary"]:not(:disabled) p, [data-tag] * { color: light-dark(#fff, #0d1014); }
[data-testid="stLayoutWrapper"]:has(> [class*="st-key-couriers"]) { display: none; }
.js-plotly-plot :is(.xtick, .ytick, .legend, .annotation, .g-xtitle, .g-ytitle) text {
  fill: light-dark(#1b232b, #d5dbe1) !important;
}
.st-key-models td { padding: 0.16rem 0.4rem; max-width: none; font-size: 0.82rem; }
.st-key-models [data-testid="stVerticalBlock"] { gap: 0.4rem; }
.st-key-limits :is(p, li) { font-size: 0.84rem; line-height: 1.35; margin: 0; }
.st-key-limits li { margin-left: 1.1rem; }
[data-testid="stMetricValue"] { font-variant-numeric: tabular-nums; }
[data-testid="stCaptionContainer"] { color: inherit; opacity: 0.85; }
.st-key-no_study { animation: asemble-late 1s step-end; }  /* a study may yet be claimed */
@keyframes asemble-late { from { opacity: 0; } }
table { font-variant-numeric: tabular-nums; }
</style>
"""

WIDE_STYLE = """
<style>
[data-testid="stMainBlockContainer"] { padding: 0.2rem 0.6rem 1rem; max-width: none; }
[data-testid="stMainBlockContainer"] > [data-testid="stVerticalBlock"] { gap: 0.3rem; }
.asemble-notice { padding: 0.1rem 0.5rem; font-size: 0.7rem; line-height: 1.3; }
.st-key-header [data-testid="stPageLink"] a { padding: 0 0.6rem; min-height: 1.7rem; }
@media (max-width: 640px) {
  .st-key-header { gap: 0 0.2rem; }
  .st-key-header .asemble-name { display: none; }
  .st-key-header [data-testid="stPageLink"] a { padding: 0 0.35rem; }
}
</style>
"""
"""Where pictures need the room."""

DARK_AT_FIRST = """
<script>
(() => {
  if (window.asembleThemed) return;  // going from page to page keeps the reader's choice
  window.asembleThemed = true;
  const SEEN = `asemble.theme-${location.pathname}`;  // Streamlit keeps themes by path, too
  if (localStorage.getItem(SEEN)) return;
  localStorage.setItem(SEEN, "dark");
  const menu = document.querySelector('[data-testid="stMainMenuButton"]');
  if (!menu) return;
  menu.click();
  setTimeout(() => {
    document.querySelector('[data-testid="stMainMenuItem-theme-Dark"]')?.click();
    if (menu.getAttribute("aria-expanded") === "true") menu.click();
  }, 0);
})();
</script>
"""
"""Streamlit begins with the system's theme; MRI is read in dim light. Once a browser."""

ICON = Path(__file__).parent / "icon.svg"
"""Kept here: Streamlit's named icons are fetched from another server."""

BADGE = '<span class="asemble-badge">SYNTHETIC</span>'
"""Stands beside everything that was simulated."""


def begin_page(title: str, *, is_wide: bool = False) -> None:
    """Configure the page, draw what stands at the top of every one, check the weights.

    With weights that cannot be trusted the page says so and ends here.

    Args:
        title: the page's name in `PAGES`.
        is_wide: whether pictures need all the room that there is.
    """
    # Where Streamlit is asked for anything of the session, a run ends that is to be stopped.
    interruption.check_with(state.studies_opened)
    st.set_page_config(page_title=f"{title} · asemble", layout="wide", page_icon=str(ICON))
    st.html(STYLE + (WIDE_STYLE if is_wide else ""))
    recovery.mount()
    st.html(DARK_AT_FIRST, unsafe_allow_javascript=True)
    with st.container(key="header", horizontal=True, vertical_alignment="center", gap="small"):
        st.html('<span class="asemble-name">asemble</span>', width="content")
        for path, name in PAGES:
            st.page_link(path, label=f"**{name}**" if name == title else name)
        st.space("stretch")
        _study_tag()
    st.html(f'<div class="asemble-notice" role="note">{escape(STANDING_NOTICE)}</div>')
    _credit()
    try:
        cache.ensemble()
    except WeightsError as error:
        st.subheader("The app does not start with these weights")
        refuse(error)
        end_page()
    recovery.show_what_is_left()


def require_study() -> Study:
    """The open study with the user's corrections; without one, a way home and the page ends."""
    study = state.study()
    if study is None:
        with st.container(key="no_study"):
            st.subheader("No study is open yet")
            st.write("Open one of the three simulated cases, or upload a study, on the home page.")
            st.page_link("app.py", label="Go to the home page")
        end_page()
    return study


def end_page() -> NoReturn:
    """Draw no more; what the tab said meanwhile is heard, which `st.stop` would drop."""
    raise StopException


def refuse(error: AsembleError) -> None:
    """Say in one sentence what was wrong, and in one what to do."""
    st.error(error.message + (f"\n\n{error.hint}" if error.hint else ""))


def _credit() -> None:
    """How published images are credited, on every page that may show them."""
    study = state.study()
    for credit in () if study is None else study.attribution:
        st.html(f'<div class="asemble-credit">{escape(credit)}</div>')


def _study_tag() -> None:
    study = state.study()
    if study is None:
        st.html('<span style="opacity:.75;font-size:.85rem">No study open</span>', width="content")
        return
    name = escape(state.study_name())
    badge = BADGE if study.synthetic else ""
    st.html(f'<span style="font-size:.85rem">{name}</span> {badge}', width="content")
