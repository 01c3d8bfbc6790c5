"""Frames to series: what belongs together, in order, placed in the patient."""
