"""What the networks are, what they were trained on, and how they were measured."""

import streamlit as st

from asemble.models.weights import weights_directory
from asemble.ui import cache, cards, evidence, model_facts, page_layout

page_layout.begin_page("Models")
ensemble, performance = cache.ensemble(), cache.performance()

st.title("The networks")
model_facts.show_label(ensemble, performance)
evidence.show_studies(performance, ensemble.fusion)
evidence.show_calibration(performance)
evidence.show_explanations(performance)
evidence.show_trust_measured(performance, ensemble.fusion)
evidence.show_scope(performance)
evidence.show_comparison(performance)
evidence.show_gallery(performance, weights_directory())
st.subheader("Model cards")
st.caption(
    f"They run on {ensemble.device}. These are {ensemble.signed.words}: every file is the one that "
    f"the list {ensemble.signed.digest[:12]} signs for."
)
cards.show_cards(ensemble.cards, performance)
