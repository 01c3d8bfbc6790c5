"""Tokens that lead to a study: unguessable, gone with what they lead to, silent in the log."""

import gc
from collections.abc import Mapping

import streamlit as st
from streamlit.runtime.state import SessionState
from test_reading import a_study

from asemble.ui import state, tab_tokens


class Holder:
    pass


def test_a_token_leads_to_its_holder_only_as_long_as_somebody_else_holds_it() -> None:
    holder = Holder()
    token = tab_tokens.issue(holder)
    assert tab_tokens.find(token) is holder
    del holder
    gc.collect()
    assert tab_tokens.find(token) is None


def test_tokens_are_long_differ_and_are_not_kept_themselves() -> None:
    holder = Holder()
    tokens = {tab_tokens.issue(holder) for _ in range(100)}
    assert len(tokens) == 100
    assert min(map(len, tokens)) * 6 >= 256  # six bits a character
    kept = [set(each) for each in vars(tab_tokens).values() if isinstance(each, Mapping)]
    assert not any(tokens & each for each in kept)
    assert all(tab_tokens.find(token[:-1]) is None for token in tokens)


def test_what_a_session_of_streamlit_takes_is_counted_with_its_study() -> None:
    held = SessionState()
    assert state.size_bytes(held) == 0
    study = a_study(slices=3)
    state.open_study(study, "")
    held["asemble"] = st.session_state["asemble"]
    assert state.size_bytes(held) == sum(each.volume.voxels.nbytes for each in study.series) > 0
    state.close_study()
    assert state.size_bytes(held) == 0
