"""Plotly figures: probabilities of a study, and slice by slice."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from asemble.clinical.likelihood import WhatIf
from asemble.core.labels import PATTERN_COLOURS, PATTERNS, Pattern
from asemble.core.results import Probabilities, SlicePrediction, StudyPrediction
from asemble.metrics.calibration_error import Bin

_SYMBOLS = {Pattern.NORMAL: "circle", Pattern.INFLAMMATORY: "diamond", Pattern.MECHANICAL: "square"}
_GRID = "rgba(127, 138, 150, 0.25)"
_LINE = "#7f8a96"
_LEGEND = {"orientation": "h", "x": 0, "y": 1.05, "yanchor": "bottom"}
"""Wholly above the plot: it lets no pointer through to what lies behind it."""
_LEGEND_HIGH = 34
"""Pixels for it: a chart that became wider does not find room for it by itself."""
_THIN = 0.006
"""Width of a range whose ends agree: it is to be seen as a line."""


def slice_chart(slices: Sequence[SlicePrediction], *, at: int) -> go.Figure:
    """Ensemble probabilities over the slices of a series, with a line at slice `at`.

    A click on a marker selects that slice: its x value is the slice number from 1. Slices that do
    not count stand on a shaded ground with open markers, which the legend names.
    """
    numbers = [s.index + 1 for s in slices]
    aside = [s.index + 1 for s in slices if not s.counts]
    figure = go.Figure()
    for pattern in PATTERNS:
        values = [_of(s.probabilities, pattern) for s in slices]
        symbol = _SYMBOLS[pattern]
        symbols = [symbol if s.counts else f"{symbol}-open" for s in slices]
        marker = {"color": PATTERN_COLOURS[pattern], "symbol": symbols, "size": 7}
        figure.add_scatter(
            x=numbers,
            y=values,
            name=_short(pattern),
            legendgroup=pattern.value,
            showlegend=not aside,
            mode="lines+markers",
            line={"color": PATTERN_COLOURS[pattern], "width": 1.6},
            marker=marker,
            selected={"marker": {"opacity": 1}},
            unselected={"marker": {"opacity": 1}},
            hovertemplate="slice %{x}: %{y:.2f}",
        )
    for number in aside:
        figure.add_vrect(
            number - 0.5, number + 0.5, fillcolor=_LINE, opacity=0.15, line={"width": 0}
        )
    if aside:  # a legend takes the form of the first slice, which may be an open marker
        for pattern in PATTERNS:
            marker = {"color": PATTERN_COLOURS[pattern], "symbol": _SYMBOLS[pattern], "size": 7}
            _add_to_legend(figure, _short(pattern), marker, group=pattern.value)
        _add_to_legend(
            figure, "does not count", {"color": _LINE, "symbol": "circle-open", "size": 7}
        )
    figure.add_vline(x=at + 1, line={"color": _LINE, "width": 1, "dash": "dot"})
    figure.update_xaxes(title="Slice", range=[0.5, len(numbers) + 0.5], gridcolor=_GRID, dtick=2)
    figure.update_yaxes(title="Probability", range=[-0.02, 1.02], gridcolor=_GRID, dtick=0.25)
    _frame(figure, height=230)
    figure.update_layout(legend=_LEGEND, margin_t=_LEGEND_HIGH, dragmode=False)
    return figure


def _add_to_legend(
    figure: go.Figure, name: str, marker: Mapping[str, object], *, group: str = ""
) -> None:
    figure.add_scatter(
        x=[None],
        y=[None],
        name=name,
        legendgroup=group or name,
        mode="lines+markers" if group else "markers",
        marker=marker,
        line={"color": marker["color"], "width": 1.6},
    )


def study_chart(prediction: StudyPrediction) -> go.Figure:
    """The three study probabilities as bars, with the members' spread on `inflammatory`."""
    probabilities = prediction.probabilities or Probabilities(0, 0, 0)
    figure = go.Figure()
    for pattern in reversed(PATTERNS):
        value = _of(probabilities, pattern)
        figure.add_bar(
            x=[value],
            y=[pattern.heading],
            orientation="h",
            marker={"color": PATTERN_COLOURS[pattern]},
            hovertemplate="%{x:.2f}<extra></extra>",
        )
        figure.add_annotation(
            x=1.02, y=pattern.heading, text=f"{value:.2f}", showarrow=False, xanchor="left"
        )
    if prediction.interval_inflammatory is not None:
        low, high = prediction.interval_inflammatory
        figure.add_bar(
            x=[high - low],
            base=[low],
            y=[Pattern.INFLAMMATORY.heading],
            orientation="h",
            width=0.1,
            offset=-0.45,  # under its bar: on it no colour would stand out in both themes
            marker={"color": _LINE},
            hovertemplate=f"{low:.2f} to {high:.2f}<extra></extra>",
        )
    figure.update_xaxes(range=[0, 1.12], gridcolor=_GRID, tickvals=[0, 0.25, 0.5, 0.75, 1])
    figure.update_yaxes(ticksuffix="  ")
    _frame(figure, height=170)
    figure.update_layout(showlegend=False, bargap=0.45, barmode="overlay")
    return figure


def _frame(figure: go.Figure, *, height: int) -> None:
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"size": 13},
        hovermode="closest",
    )


def _of(probabilities: Probabilities, pattern: Pattern) -> float:
    return float(probabilities.as_array()[PATTERNS.index(pattern)])


def _short(pattern: Pattern) -> str:
    return pattern.value.capitalize()


def reliability_chart(bins: Mapping[str, Sequence[Bin]]) -> go.Figure:
    """Frequency against mean probability, a line a simulated test set, beside the diagonal.

    Args:
        bins: by the name of the set.
    """
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        name="perfect",
        line={"color": _LINE, "width": 1, "dash": "dot"},
        hoverinfo="skip",
    )
    colours = (PATTERN_COLOURS[Pattern.INFLAMMATORY], PATTERN_COLOURS[Pattern.MECHANICAL])
    for (name, of), colour, symbol in zip(bins.items(), colours, ("circle", "square"), strict=True):
        figure.add_scatter(
            x=[each.predicted for each in of],
            y=[each.observed for each in of],
            customdata=[each.cases for each in of],
            name=name,
            mode="lines+markers",
            line={"color": colour, "width": 1.6},
            marker={"color": colour, "symbol": symbol, "size": 7},
            hovertemplate="predicted %{x:.2f}, observed %{y:.2f}, n = %{customdata}",
        )
    figure.update_xaxes(title="Mean probability", range=[-0.02, 1.02], gridcolor=_GRID, dtick=0.25)
    figure.update_yaxes(
        title="Frequency (simulated)", range=[-0.02, 1.02], gridcolor=_GRID, dtick=0.25
    )
    _frame(figure, height=360)
    figure.update_layout(legend=_LEGEND, margin_t=_LEGEND_HIGH, dragmode=False)
    return figure


def what_if_chart(offered: Sequence[WhatIf], *, now: tuple[float, float]) -> go.Figure:
    """For each open item, the range of the probability where it is absent and where present.

    Args:
        offered: the most telling first.
        now: low and high of the probability as it stands.
    """
    figure = go.Figure()
    ends = (
        ("absent", PATTERN_COLOURS[Pattern.MECHANICAL], [one.absent.shown for one in offered]),
        ("present", PATTERN_COLOURS[Pattern.INFLAMMATORY], [one.present.shown for one in offered]),
    )
    for name, colour, ranges in ends:
        figure.add_bar(
            base=[low for low, _ in ranges],
            x=[max(high - low, _THIN) for low, high in ranges],
            y=[one.feature.title for one in offered],
            customdata=[f"{low:.0%} to {high:.0%}" for low, high in ranges],
            orientation="h",
            name=name,
            marker={"color": colour},
            hovertemplate=f"%{{y}} {name}: %{{customdata}}<extra></extra>",
        )
    low, high = now
    figure.add_vrect(low, max(high, low + _THIN), fillcolor=_LINE, opacity=0.25, line={"width": 0})
    figure.update_xaxes(title="Probability", range=[0, 1], tickformat=".0%", gridcolor=_GRID)
    figure.update_yaxes(autorange="reversed", ticksuffix="  ")
    _frame(figure, height=70 + 30 * len(offered))
    figure.update_layout(
        legend=_LEGEND, margin_t=_LEGEND_HIGH, barmode="group", bargap=0.3, dragmode=False
    )
    return figure
