"""Metrics of studies, slices and heatmaps, each with an interval that resamples cases.

Metrics come from scikit-learn and SciPy. Resampling is our own: a case is a patient, and all its
slices are drawn together. No torch here: training, evaluation and the pages share these.
"""
