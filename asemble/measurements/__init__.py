"""What the maps of bone and oedema make measurable: area, volume, depth, brightness, SPARCC.

Everything is counted on the cells of the networks' maps (1.6 mm), on the slices where the bones
show a joint, and is a proposal to the reader. Their accuracy on simulated studies:
`asemble evaluate measurements`.
"""

from asemble.measurements.cells import Cells, cells_of
from asemble.measurements.measuring import Rules, measure
from asemble.measurements.proposing import proposed_lines, proposed_marks

__all__ = ["Cells", "Rules", "cells_of", "measure", "proposed_lines", "proposed_marks"]
