"""Model cards on the screen, with what was measured of each member."""

import re
from collections.abc import Mapping
from typing import Any

import streamlit as st

from asemble.core.labels import JUDGED_PLANES, Plane
from asemble.metrics.estimates import Estimate
from asemble.models import Ensemble
from asemble.models.cards import Card
from asemble.models.members import member_spec
from asemble.performance.records import Performance
from asemble.performance.tables import member_rows
from asemble.ui.model_facts import NOT_MEASURED

SHA_256 = re.compile("[0-9a-f]{64}")
"""Shown by its first digits; the card file has the rest."""


def show_cards(ensemble: Ensemble, performance: Performance) -> None:
    """The card of the network that is chosen.

    Args:
        ensemble: that runs here.
        performance: what was measured of its members.
    """
    titles = {
        f"{plane.heading} slices: {member_spec(card.member).title}": (name, card)
        for plane in JUDGED_PLANES
        for name, card in sorted(ensemble.cards.items())
        if card.plane == plane
    }
    chosen = st.selectbox("Network", list(titles), width=420)
    _show_card(*titles[chosen], performance)
    st.caption(
        f"They run on {ensemble.device}. These are {ensemble.signed.words}: every file is the one "
        f"that the list {ensemble.signed.digest[:12]} signs for."
    )


def figure_words(value: Any) -> str:
    """A figure of a card in words.

    >>> figure_words(0.91234), figure_words(None), figure_words(1200)
    ('0.912', 'not measured', '1,200')
    >>> figure_words(Estimate(0.9, 0.85, 0.94, 200))
    '0.900 (95% interval 0.850 to 0.940, 200 cases)'
    """
    match value:
        case None:
            return NOT_MEASURED
        case str() if SHA_256.fullmatch(value):
            words = f"{value[:12]}…"
        case str() | bool() | Estimate():
            words = str(value)
        case int():
            words = f"{value:,}"
        case float():
            words = f"{value:.3f}"
        case Mapping():
            words = ", ".join(f"{_words(k)} {figure_words(v)}" for k, v in value.items())
        case _:
            words = ", ".join(figure_words(each) for each in value)
    return words


def _show_card(name: str, card: Card, performance: Performance) -> None:
    spec = member_spec(card.member)
    st.markdown(f"**{spec.title}**: {spec.kind} network, {card.architecture}")
    measured, trained, budget = st.columns([1.1, 1.5, 1], gap="medium")
    with measured:
        st.markdown("**Measured, on simulated cases**")
        _table({**card.metrics, **dict(member_rows(performance, Plane(card.plane), card.member))})
    with trained:
        st.markdown("**Trained on, and its limits**")
        _table(card.with_use().data)
    with budget:
        st.markdown("**Budget**")
        _table({k: v for k, v in card.training.items() if k not in ("command", "config")})
        with st.expander("Input, calibration and file"):
            _table({**card.input, **card.calibration})
            st.caption(f"{name}: SHA-256 verified when it was loaded.")
            st.code(card.sha256, language=None, wrap_lines=True)
        with st.expander("How to train it again"):
            st.code(card.training.get("command", NOT_MEASURED), language=None, wrap_lines=True)
            _table(card.training.get("config", {}))


def _table(facts: Mapping[str, Any]) -> None:
    if facts:
        rows = {"": [_words(k) for k in facts], " ": [figure_words(v) for v in facts.values()]}
        st.table(rows, border="horizontal", hide_header=True)


def _words(key: str) -> str:
    return key.replace("_", " ").replace(" auc", " AUC")
