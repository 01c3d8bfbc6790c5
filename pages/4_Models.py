"""What the networks are, what they were trained on, and how they were measured."""

import streamlit as st

from asemble.ui import cache, cards, frame

frame.begin_page("Models")
ensemble = cache.ensemble()

st.title("The networks")
st.markdown(cards.LIMITS)
st.caption(f"They run on {ensemble.device}. Every file was checked against its card when loaded.")
cards.show_study_figures(ensemble.fusion)
cards.show_cards(ensemble.cards)
