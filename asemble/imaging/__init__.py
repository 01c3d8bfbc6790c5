"""From a series to what a network reads: resampling, intensity, and whether to judge at all."""
