"""The checks of a heatmap that passes them all, and their limits."""

from dataclasses import replace

from asemble.explain.checks import Agreement, Deletion, HeatmapChecks, JointShare, Stability
from asemble.models.fusion import GRADCAM

LIMITS = {"agreement": 0.4, "joint": 0.5, "stability": 0.8, "deletion": 0.1}


def trust_of(**changes: object) -> HeatmapChecks:
    good = HeatmapChecks(
        "s01",
        3,
        GRADCAM,
        Agreement(0.62),
        JointShare(0.91, 0.11),
        Stability([0.9, 0.8], 0.82, [0.85, 0.79]),
        Deletion(0.82, 0.11, [0.83, 0.81, 0.80], 586.0),
    )
    return replace(good, **changes)  # type: ignore[arg-type]
