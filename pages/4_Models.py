"""What the networks are, what they were trained on, and how they were measured."""

import streamlit as st

from asemble.models.weights import weights_directory
from asemble.ui import cache, cards, comparison, evidence, facts, frame

frame.begin_page("Models")
ensemble = cache.ensemble()

st.title("The networks")
facts.show_label(ensemble)
evidence.show_studies(ensemble.fusion)
evidence.show_calibration(ensemble.fusion)
evidence.show_explanations(ensemble.fusion)
evidence.show_trust_measured(ensemble.fusion)
evidence.show_scope(ensemble.fusion)
comparison.show_comparison(weights_directory())
evidence.show_gallery(ensemble.fusion, weights_directory())
st.subheader("Model cards")
st.caption(
    f"They run on {ensemble.device}. These are {ensemble.signed.words}: every file is the one that "
    f"the list {ensemble.signed.digest[:12]} signs for."
)
cards.show_cards(ensemble.cards)
