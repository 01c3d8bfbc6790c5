"""Heatmaps: where in the slices the ensemble finds the inflammatory pattern."""

# First, because grad-cam imports torchvision (asemble.models.torchvision_ops).
import asemble.models  # noqa: F401  (imported for what it declares)
from asemble.explain.heatmaps import SeriesHeatmaps, SeriesOutput, infer
from asemble.explain.series_bones import SeriesBones

__all__ = ["SeriesBones", "SeriesHeatmaps", "SeriesOutput", "infer"]
