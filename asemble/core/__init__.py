"""Nouns of the project: volumes, series, studies, results. Standard library and NumPy only."""
