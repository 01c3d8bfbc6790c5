"""Heatmaps: where in the slices the ensemble finds the inflammatory pattern."""

# First, because grad-cam imports torchvision (asemble.models.torchvision_ops).
import asemble.models  # noqa: F401  (imported for what it declares)
from asemble.explain.bones import SeriesBones
from asemble.explain.heatmaps import SeriesHeatmaps, SeriesOutput, infer

__all__ = ["SeriesBones", "SeriesHeatmaps", "SeriesOutput", "infer"]
