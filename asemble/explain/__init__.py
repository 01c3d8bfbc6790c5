"""Heatmaps: where in the slices the ensemble finds the inflammatory pattern."""

from asemble.explain.heatmaps import RawMaps, SeriesHeatmaps, explain, raw_maps

__all__ = ["RawMaps", "SeriesHeatmaps", "explain", "raw_maps"]
