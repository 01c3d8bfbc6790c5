"""Choosing a series of the open study."""

from collections.abc import Sequence

from asemble.core.labels import Plane, Weighting
from asemble.core.study import Series
from asemble.ui import state


def series_label(series: Series) -> str:
    """A series in a list of choices."""
    plane = series.plane.heading if series.plane else "Plane not stated"
    name = f"{plane}, {series.weighting.heading.split(' (')[0]}"
    examination = state.examination_of(series.id)
    if not examination:
        return f"{name} ({series.id})"
    # The letter of an id says which examination is the earlier one.
    return f"{examination}: {name} ({series.id.lstrip('sp')})"


def nearest_series(
    choices: Sequence[Series],
    *,
    plane: Plane,
    weighting: Weighting,
    other_than: Sequence[Series] = (),
) -> Series:
    """The series nearest to what is asked for; the plane counts before the weighting.

    Args:
        choices: at least one.
        plane: the plane asked for.
        weighting: the weighting asked for.
        other_than: left out, unless there is no other choice.
    """
    rest = [s for s in choices if not any(s is taken for taken in other_than)] or list(choices)
    return max(rest, key=lambda s: 2 * (s.plane is plane) + (s.weighting is weighting))


def hanging(choices: Sequence[Series], wanted: Sequence[tuple[Plane, Weighting]]) -> list[Series]:
    """The series for each pane, in order; no series twice, and no more panes than series.

    Args:
        choices: at least one.
        wanted: plane and weighting by pane.
    """
    shown: list[Series] = []
    for plane, weighting in wanted[: len(choices)]:
        shown.append(nearest_series(choices, plane=plane, weighting=weighting, other_than=shown))
    return shown
