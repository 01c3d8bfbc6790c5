"""Measuring on held-out simulated studies, with intervals over cases, and calibrating on them."""
