"""Choosing a series of the open study."""

from collections.abc import Sequence

from asemble.core.labels import Plane, Weighting
from asemble.core.study import Series


def series_label(series: Series) -> str:
    """A series in a list of choices."""
    plane = series.plane.heading if series.plane else "Plane not stated"
    return f"{plane}, {series.weighting.heading.split(' (')[0]} ({series.id})"


def nearest_series(
    choices: Sequence[Series],
    *,
    plane: Plane,
    weighting: Weighting,
    other_than: Series | None = None,
) -> Series:
    """The series nearest to what is asked for; the plane counts before the weighting.

    Args:
        choices: at least one.
        plane: the plane asked for.
        weighting: the weighting asked for.
        other_than: left out, unless it is the only choice.
    """
    rest = [series for series in choices if series is not other_than] or list(choices)
    return max(rest, key=lambda s: 2 * (s.plane is plane) + (s.weighting is weighting))
