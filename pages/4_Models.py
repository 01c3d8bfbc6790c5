"""What the networks are, what they were trained on, and how they were measured."""

from collections.abc import Callable

import streamlit as st

from asemble.models.weights import weights_directory
from asemble.ui import cache, cards, evidence, model_facts, page_layout


def show() -> None:
    """Draw the page: each section in a tab, made when it is opened."""
    page_layout.begin_page("Models")
    ensemble, performance = cache.ensemble(), cache.performance()
    sections: dict[str, Callable[[], None]] = {
        "Model facts": lambda: model_facts.show_label(ensemble, performance),
        "Test studies": lambda: evidence.show_studies(performance, ensemble.fusion),
        "Calibration": lambda: evidence.show_calibration(performance),
        "Heatmaps": lambda: evidence.show_explanations(performance),
        "Heatmap checks": lambda: evidence.show_trust_measured(performance, ensemble.fusion),
        "Input gate": lambda: evidence.show_scope(performance),
        "Comparison": lambda: evidence.show_comparison(performance),
        "Worst studies": lambda: evidence.show_gallery(performance, weights_directory()),
        "Model cards": lambda: cards.show_cards(ensemble, performance),
    }
    tabs = st.tabs(list(sections), key="models", on_change="rerun")
    for tab, draw in zip(tabs, sections.values(), strict=True):
        if tab.open:
            with tab:
                draw()


show()
