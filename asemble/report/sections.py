"""What stands in each part of the printed report."""

from collections.abc import Sequence

from reportlab.lib.colors import HexColor

from asemble.clinical import NO_WEIGHT_NOTICE, RED_FLAG_NOTICE, Item, Side
from asemble.clinical.sparcc import INFLAMMATION_MAX, INFLAMMATION_SLICES, inflammation
from asemble.core.labels import (
    OWN_WEIGHTS,
    PATTERN_COLOURS,
    PATTERNS,
    REAL_ANATOMY,
    SHIPPED_WEIGHTS,
    TRAINED_ON,
    Pattern,
)
from asemble.core.results import StudyPrediction
from asemble.core.study import Series, Study
from asemble.reading import Reading
from asemble.reading.reading import NOT_CHOSEN
from asemble.report.document import LIMITS
from asemble.report.page import ALARM, BOLD, FAINT, RULE, UNPRINTABLE, Column, is_printable

COMMENT_LINES = 8
SOURCES = 14
FINDINGS = 7
CONFLICTS = 2
SIDE_ITEMS = 12
REASONS = 6
SERIES_ROWS = 6
MEMBER_ROWS = 8
WEIGHT_ROWS = 4
"""How much of each list there is room for; the JSON has all of it."""

HASH_CHARACTERS = 12

_BAR = {pattern: HexColor(colour) for pattern, colour in PATTERN_COLOURS.items()}


def write_reading(column: Column, reading: Reading, findings: Sequence[str]) -> None:
    """The reader's conclusion, comments, and what was marked on the slices."""
    last = reading.impression
    column.heading("The reader's conclusion")
    column.write(last.heading, font=BOLD, size=11, most=1)
    column.write(f"Confidence: {last.confidence or NOT_CHOSEN}", most=1)
    column.write(reading.before_and_after, size=6.5, most=2)
    column.gap(3)
    if last.comments.strip():
        column.write(f"Comments: {last.comments}", most=COMMENT_LINES)
        if not is_printable(last.comments):
            column.write(f"{UNPRINTABLE}: a letter that only the JSON holds", size=6, colour=FAINT)
    column.gap(3)
    if findings:
        column.heading("Marked on the slices", size=8)
        for sentence in findings[:FINDINGS]:
            column.write(f"- {sentence}", size=6.5, most=6)
        _write_rest(column, len(findings) - FINDINGS, "findings")


def write_checklist(column: Column, reading: Reading) -> None:
    """The reader's answers, item by item."""
    summary = reading.checklist
    column.heading("Checklist")
    if summary.red_flags:
        flags = "; ".join(item.text for item in summary.red_flags)
        column.write(f"RED FLAG: {RED_FLAG_NOTICE}", font=BOLD, colour=ALARM, most=2)
        column.write(flags, colour=ALARM, most=3)
    column.write(
        f"{len(summary.inflammatory)} towards inflammatory, {len(summary.mechanical)} towards "
        f"mechanical, {summary.unknown} unknown, {len(summary.red_flags_open)} red flags not "
        "ruled out.",
        most=2,
    )
    for conflict in summary.conflicts[:CONFLICTS]:
        column.write(f"Exclude each other: {conflict.words}", most=1)
    _write_rest(column, len(summary.conflicts) - CONFLICTS, "such pairs")
    column.gap(2)
    _write_side(column, Side.INFLAMMATORY, summary.inflammatory)
    _write_side(column, Side.MECHANICAL, summary.mechanical)
    if not all(item.verified for item in (*summary.inflammatory, *summary.mechanical)):
        column.write("* rests on a source that was not verified", size=6, colour=FAINT, most=1)
    column.write(NO_WEIGHT_NOTICE, size=6, colour=FAINT, most=3)


def write_prediction(column: Column, prediction: StudyPrediction) -> None:
    """What the ensemble returned, and why."""
    column.heading("The ensemble's prediction")
    column.write(prediction.decision_heading, font=BOLD, size=11, most=1)
    if prediction.why_abstains is not None:
        column.write(prediction.why_abstains, colour=ALARM, most=4)
        column.gap(2)
    if prediction.probabilities is None:
        column.write("There is no probability for this study.", most=1)
    else:
        for pattern, value in zip(PATTERNS, prediction.probabilities.as_array(), strict=True):
            _write_bar(column, pattern, float(value))
    if prediction.interval_inflammatory is not None:
        low, high = prediction.interval_inflammatory
        column.write(
            f"P(inflammatory) from {low:.0%} to {high:.0%} by how far the members disagree.", most=2
        )
    column.gap(4)
    if prediction.members:
        _write_members(column, prediction)
    measured = _measured_words(prediction)
    if measured:
        column.write(measured, size=6.5, most=4)
        column.gap(2)
    column.heading("Reasons and limits of this answer", size=8)
    reasons = prediction.further_reasons
    for reason in reasons[:REASONS]:
        column.write(f"- {reason}", most=2)
    _write_rest(column, len(reasons) - REASONS, "reasons")
    if not reasons:
        column.write("None given.", most=1)


def _measured_words(prediction: StudyPrediction) -> str:
    """Oedema by joint and the proposed SPARCC, of the series that has one, else of the first."""
    found = [one.measurements for one in prediction.series if one.measurements is not None]
    if not found:
        return ""
    measured = next((each for each in found if each.first_scored is not None), found[0])
    joints = " and ".join(f"{one.joint} {one.volume_ml:.1f} mL" for one in measured.joints)
    said = f"Oedema at the joints as the networks measure it: {joints or 'no joint is seen'}."
    first = measured.first_scored
    if first is None:
        return said
    score = inflammation(measured.marks, first)
    return (
        f"{said} They propose a SPARCC of {score.total} of {INFLAMMATION_MAX} on slices "
        f"{first + 1} to {first + INFLAMMATION_SLICES}; the reading holds what the reader accepted "
        "of it. Not validated on patients."
    )


def write_added_up(column: Column, reading: Reading, added_up: Sequence[str]) -> None:
    """What the answers add up to, and the sources of the answered items."""
    if added_up:
        column.heading("What the answers add up to")
        for sentence in added_up:
            column.write(f"- {sentence}", most=6)
        column.gap(4)
    summary = reading.checklist
    items = (*summary.red_flags, *summary.inflammatory, *summary.mechanical)
    labels = sorted({source.label for item in items for source in item.citations})
    if labels:
        column.heading("Sources of the items", size=8)
    for label in labels[:SOURCES]:
        column.write(f"- {label}", size=6, most=2)
    _write_rest(column, len(labels) - SOURCES, "sources")


def write_facts(column: Column, prediction: StudyPrediction, study: Study) -> None:
    """Series, weights and standing limits."""
    column.heading("Series")
    edges = (0.0, 0.05, 0.3, 0.39, 0.47, 0.59)
    column.row(("id", "description", "plane", "weighting", "size", "judged"), edges, font=BOLD)
    for series in study.series[:SERIES_ROWS]:
        column.row(_series_cells(series, prediction), edges)
    _write_rest(column, len(study.series) - SERIES_ROWS, "series")
    column.gap(4)
    column.heading("Models")
    column.write(
        f"Device {prediction.device}; trained on {TRAINED_ON}: {REAL_ANATOMY}.",
        size=6.5,
        most=1,
    )
    column.write(
        f"These are {SHIPPED_WEIGHTS if prediction.are_shipped else OWN_WEIGHTS}, signed by the "
        f"list {prediction.weights_list[:HASH_CHARACTERS]}; the SHA-256 of each begins:",
        size=6.5,
        most=1,
    )
    weights = [
        f"{name} {sha[:HASH_CHARACTERS]}" for name, sha in sorted(prediction.weights.items())
    ]
    for start in range(0, 2 * WEIGHT_ROWS, 2):
        pair = weights[start : start + 2]
        if pair:
            column.row((*pair, "")[:2], (0.0, 0.5), size=6)
    _write_rest(column, len(weights) - 2 * WEIGHT_ROWS, "weight files")
    column.gap(4)
    column.heading("Limits")
    column.write(" ".join(LIMITS), size=6.5)


def _write_side(column: Column, side: Side, items: Sequence[Item]) -> None:
    if not items:
        return
    column.write(f"{side.heading}: {len(items)}", font=BOLD, most=1)
    shown = items[:SIDE_ITEMS]
    for item in shown:
        mark = "" if item.verified else " *"
        column.write(f"- {item.text}{mark}", size=6.2, most=2, indent=4)
    _write_rest(column, len(items) - len(shown), "items")


def _write_bar(column: Column, pattern: Pattern, value: float) -> None:
    column.row((pattern.heading, f"{value:.0%}"), (0.0, 0.48), size=7)
    left, full = column.x + 0.6 * column.width, 0.4 * column.width
    column.canvas.setFillColor(RULE)
    column.canvas.rect(left, column.y + 2, full, 5, fill=1, stroke=0)
    column.canvas.setFillColor(_BAR[pattern])
    column.canvas.rect(left, column.y + 2, full * min(max(value, 0.0), 1.0), 5, fill=1, stroke=0)


def _write_members(column: Column, prediction: StudyPrediction) -> None:
    edges = (0.0, 0.4, 0.56, 0.8)
    column.row(("member", *(pattern.value for pattern in PATTERNS)), edges, font=BOLD)
    members = list(prediction.members.items())
    for name, probabilities in members[:MEMBER_ROWS]:
        column.row((name, *(f"{value:.0%}" for value in probabilities.as_array())), edges)
    _write_rest(column, len(members) - MEMBER_ROWS, "members")
    column.gap(4)


def _write_rest(column: Column, count: int, noun: str) -> None:
    if count > 0:
        column.write(
            f"… and {count} more {noun} (the JSON has all)", size=6.2, colour=FAINT, most=1
        )


def _series_cells(series: Series, prediction: StudyPrediction) -> tuple[str, ...]:
    judged = prediction.series_by_id(series.id)
    return (
        series.id,
        series.description or "-",
        "unknown" if series.plane is None else series.plane.value,
        series.weighting.value,
        " x ".join(str(size) for size in series.volume.shape),
        "yes" if judged.used else f"no: {judged.why_not or 'no reason given'}",
    )
