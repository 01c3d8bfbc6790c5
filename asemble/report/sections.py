"""What stands in each part of the printed report, as Platypus' flowables."""

from collections.abc import Sequence
from typing import Any

from reportlab.lib.colors import HexColor
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Spacer, Table

from asemble.clinical import NO_WEIGHT_NOTICE, RED_FLAG_NOTICE, Item, Side
from asemble.clinical.sparcc import INFLAMMATION_MAX, INFLAMMATION_SLICES, inflammation
from asemble.core.joints import Lesion
from asemble.core.labels import (
    OWN_WEIGHTS,
    PATTERN_COLOURS,
    PATTERNS,
    REAL_ANATOMY,
    SHIPPED_WEIGHTS,
    STANDING_NOTICE,
    TRAINED_ON,
    Pattern,
)
from asemble.core.results import StudyPrediction
from asemble.core.study import Series, Study
from asemble.reading import Reading, digest
from asemble.reading.change import NOT_CHECKED, FollowUpSheet
from asemble.reading.reading import NOT_CHOSEN
from asemble.reading.scoring import Scores
from asemble.report.document import LIMITS, NOT_RUN, SYNTHETIC
from asemble.report.fonts import BOLD
from asemble.report.layout import (
    ALARM,
    AMBER,
    FAINT,
    INK,
    OWN_FONT,
    PALE,
    RULE,
    SMALL,
    TINY,
    Words,
    boxed,
    bullets,
    heading,
    part,
    rest,
    style,
    table,
    words,
)
from asemble.report.pictures import JointMap
from asemble.report.records import Signature, time_words
from asemble.report.sheet import Sheet
from asemble.report.typed import Typed

COMMENT_LINES = 17
SOURCES = 10
FINDINGS = 8
CONFLICTS = 2
SIDE_ITEMS = 12
REASONS = 6
SERIES_ROWS = 6
MEMBER_ROWS = 8
"""How much of each list there is room for; the JSON has all of it."""

HASH_CHARACTERS = 12

_APART = HexColor("#f2f5f8")


def title() -> list[Flowable]:
    """Above the first page."""
    said = Words("Sacroiliac-joint MRI: reading", style("title", size=13, font=BOLD))
    return [said, Spacer(0, 0.6 * mm)]


def head(study: Study, width: float) -> list[Flowable]:
    """What stands above each page: the notice, whose images these are, whether they are real."""
    content: list[Flowable] = [
        boxed([words(STANDING_NOTICE, size=TINY, colour=ALARM)], width, fill=PALE, edge=ALARM),
    ]
    if study.synthetic:
        said = Words(
            f"{SYNTHETIC}: simulated MRI, not a patient",
            style(size=SMALL, font=BOLD, centred=True),
        )
        content += [Spacer(0, 0.8 * mm), boxed([said], width, fill=AMBER, edge=AMBER)]
    if study.attribution:
        content.append(words(" ".join(study.attribution), size=5.5, colour=FAINT))
    return [*content, Spacer(0, 1.5 * mm)]


def identity(reading: Reading, signature: Signature, width: float) -> list[Flowable]:
    """Lines to be filled in by hand, who read the study and when, and the reading's hash."""
    reader: Flowable | str = (
        Typed(signature.reader, size=8, colour=INK) if signature.reader.strip() else ""
    )
    rows: list[list[Any]] = [
        [*_line("Patient's name"), *_line("Date of birth")],
        [*_line("Patient's ID"), *_line("Examined on")],
        [words("Read by", size=SMALL), reader, words("Signature", size=SMALL), ""],
        [
            words("Read on", size=SMALL),
            words(signature.read_on, size=SMALL),
            words("Report made", size=SMALL),
            words(time_words(signature.made), size=SMALL),
        ],
    ]
    made = Table(rows, colWidths=[share * width for share in (0.13, 0.4, 0.17, 0.3)])
    lines = [("LINEBELOW", (column, row), (column, row), 0.5, INK) for row, column in _BLANKS]
    if not signature.reader.strip():
        lines.append(("LINEBELOW", (1, 2), (1, 2), 0.5, INK))
    made.setStyle(
        [
            OWN_FONT,
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("LEFTPADDING", (2, 0), (2, -1), 8),
            ("RIGHTPADDING", (0, 0), (-1, -1), 6),
            ("TOPPADDING", (0, 0), (-1, -1), 2.2),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 0.6),
            ("VALIGN", (0, 0), (-1, -1), "BOTTOM"),
            *lines,
        ]
    )
    told = f"SHA-256 of this reading: {digest(reading)} (study {reading.study})"
    return [made, Spacer(0, 1 * mm), words(told, size=TINY, colour=FAINT)]


def conclusion(reading: Reading) -> list[Flowable]:
    """What the reader concluded, before and after the prediction was shown."""
    last = reading.impression
    content = [
        Spacer(0, 1.5 * mm),
        *heading("The reader's conclusion"),
        words(last.heading, bold=True, size=11),
        words(f"Confidence: {last.confidence or NOT_CHOSEN}", size=SMALL),
    ]
    if reading.prediction_was_shown or reading.first is not None:
        content.append(words(reading.before_and_after, size=SMALL))
    summary = reading.checklist
    if summary.red_flags:
        flags = "; ".join(item.text for item in summary.red_flags)
        content += [
            words(f"RED FLAG: {RED_FLAG_NOTICE}", bold=True, size=SMALL, colour=ALARM),
            words(flags, size=SMALL, colour=ALARM),
        ]
    return content


def comments(reading: Reading) -> list[Flowable]:
    """What the reader typed, in its own script."""
    said = reading.impression.comments
    if not said.strip():
        return []
    typed = Typed(said, size=7.5, colour=INK, most=COMMENT_LINES)
    return [part("Comments:"), typed, Spacer(0, 1.5 * mm)]


def findings_map(reading: Reading, study: Study, found: Scores) -> list[Flowable]:
    """The lesions of each quadrant, and what they are scored."""
    letters = ", ".join(f"{lesion.letter} {lesion}" for lesion in Lesion)
    told = (
        f"{letters}; then on how many slices. As a radiologist looks: the patient's right is left."
    )
    blank = (
        "A blank quadrant is one where nothing is marked, which is not to say that it is normal."
    )
    return [
        part("Findings by quadrant"),
        Spacer(0, 1 * mm),
        JointMap({series.id: reading.marks.get(series.id, ()) for series in study.series}),
        Spacer(0, 1 * mm),
        words(f"{told} {'' if _all_scored(found) else blank}", size=TINY, colour=FAINT),
    ]


def scores(found: Scores, width: float) -> list[Flowable]:
    """Each score, or that it is not scored and why."""
    rows: list[Sequence[str | Flowable]] = [("score", "value", "")]
    for score in found.scores:
        value = words(score.words, bold=score.value is not None, size=SMALL)
        rows.append((score.title, value, score.parts if score.value is not None else score.why_not))
    for decided in found.definitions:
        said = words(decided.words, bold=decided.is_met is not None, size=SMALL)
        rows.append((decided.verdict.title, said, decided.why_not))
    return [part("Scores and definitions"), table(rows, (0.44, 0.2, 0.36), width, size=TINY)]


def marked(sentences: Sequence[str]) -> list[Flowable]:
    """What was marked on the slices, in sentences."""
    if not sentences:
        return []
    listed = bullets(sentences, most=FINDINGS, noun="findings", size=6.5)
    return [*heading("Marked on the slices"), *listed, Spacer(0, 1.5 * mm)]


def checklist(reading: Reading) -> list[Flowable]:
    """The reader's answers, item by item."""
    summary = reading.checklist
    content = [
        *heading("Checklist"),
        words(
            f"{len(summary.inflammatory)} towards inflammatory, {len(summary.mechanical)} towards "
            f"mechanical, {summary.unknown} unknown, {len(summary.red_flags_open)} red flags not "
            "ruled out.",
            size=SMALL,
        ),
    ]
    for conflict in summary.conflicts[:CONFLICTS]:
        content.append(words(f"Exclude each other: {conflict.words}", size=SMALL))
    content += rest(len(summary.conflicts) - CONFLICTS, "such pairs")
    content += _side(Side.INFLAMMATORY, summary.inflammatory)
    content += _side(Side.MECHANICAL, summary.mechanical)
    if not all(item.verified for item in (*summary.inflammatory, *summary.mechanical)):
        said = "* rests on a source that was not verified"
        content.append(words(said, size=TINY, colour=FAINT))
    return [*content, words(NO_WEIGHT_NOTICE, size=TINY, colour=FAINT), Spacer(0, 1.5 * mm)]


def ensemble(prediction: StudyPrediction | None, width: float) -> list[Flowable]:
    """What the ensemble returned, and why; in a box of its own, since nobody read it."""
    inner = width - 10
    content: list[Flowable] = heading("Apart from the reading: the ensemble's prediction")
    if prediction is None:
        content.append(words(NOT_RUN, size=SMALL))
        return [boxed(content, width, fill=_APART, edge=RULE)]
    content.append(words(prediction.decision_heading, bold=True, size=10))
    if prediction.why_abstains is not None:
        content.append(words(prediction.why_abstains, size=SMALL, colour=ALARM))
    if prediction.probabilities is None:
        content.append(words("There is no probability for this study.", size=SMALL))
    else:
        values = prediction.probabilities.as_array()
        rows = [
            (pattern.heading, f"{value:.0%}", Bar(pattern, float(value)))
            for pattern, value in zip(PATTERNS, values, strict=True)
        ]
        content.append(table(rows, (0.5, 0.12, 0.38), inner, head=False, lines=False))
    if prediction.interval_inflammatory is not None:
        low, high = prediction.interval_inflammatory
        said = f"P(inflammatory) from {low:.0%} to {high:.0%} by how far the members disagree."
        content.append(words(said, size=SMALL))
    content += _members(prediction, inner)
    measured = _measured(prediction)
    if measured:
        content.append(words(measured, size=6.5))
    reasons = prediction.further_reasons
    content.append(part("Reasons and limits of this answer", size=SMALL))
    content += bullets(reasons, most=REASONS, noun="reasons", size=6.5, letters=130)
    if not reasons:
        content.append(words("None given.", size=6.5))
    whose = SHIPPED_WEIGHTS if prediction.are_shipped else OWN_WEIGHTS
    told = (
        f"Device {prediction.device}; trained on {TRAINED_ON}: {REAL_ANATOMY}. These are {whose}, "
        f"{len(prediction.weights)} files signed by the list "
        f"{prediction.weights_list[:HASH_CHARACTERS]}; the JSON has the SHA-256 of each."
    )
    content.append(words(told, size=TINY, colour=FAINT))
    return [boxed(content, width, fill=_APART, edge=RULE)]


def added_up(sentences: Sequence[str]) -> list[Flowable]:
    """What the answers add up to."""
    if not sentences:
        return []
    listed = bullets(sentences, most=6, noun="sentences", size=6.5)
    return [*heading("What the answers add up to"), *listed, Spacer(0, 1.5 * mm)]


def sources(reading: Reading) -> list[Flowable]:
    """Of the answered items."""
    summary = reading.checklist
    items = (*summary.red_flags, *summary.inflammatory, *summary.mechanical)
    labels = sorted({source.label for item in items for source in item.citations})
    if not labels:
        return []
    listed = bullets(labels, most=SOURCES, noun="sources", size=TINY)
    return [part("Sources of the items", size=SMALL), *listed, Spacer(0, 1.5 * mm)]


def follow_up(compared: FollowUpSheet | None, width: float) -> list[Flowable]:
    """The scores of the prior examination, of this one, and the change."""
    if compared is None:
        return []
    rows: list[Sequence[str | Flowable]] = [("score", "then", "now", "Δ", "")]
    for each in compared.changes:
        against = " ".join(one.sentence(each.value) for one in each.thresholds if each.value)
        changed = words(each.words, bold=each.value is not None, size=SMALL)
        rows.append((each.title, each.then.words, each.now.words, changed, against))
    labels = [threshold.label for each in compared.changes for threshold in each.thresholds]
    notes = [compared.order, *([] if compared.is_checked else [NOT_CHECKED]), *labels]
    return [
        *heading(f"Follow-up: against an examination {compared.interval} before"),
        table(rows, (0.22, 0.11, 0.11, 0.11, 0.45), width, size=6.5),
        *bullets(notes, most=4, noun="notes", size=TINY),
        Spacer(0, 1.5 * mm),
    ]


def series_table(prediction: StudyPrediction | None, study: Study, width: float) -> list[Flowable]:
    """What was read, and whether the ensemble judged it."""
    rows: list[Sequence[str | Flowable]] = [
        ("id", "description", "plane", "weighting", "size", "judged by the ensemble")
    ]
    rows += [_series_cells(series, prediction) for series in study.series[:SERIES_ROWS]]
    return [
        *heading("Series"),
        table(rows, (0.06, 0.25, 0.1, 0.1, 0.13, 0.36), width, size=TINY),
        *rest(len(study.series) - SERIES_ROWS, "series"),
        Spacer(0, 1.5 * mm),
    ]


def limits() -> list[Flowable]:
    """Stand in every report."""
    return [*heading("Limits"), words(" ".join(LIMITS), size=6.5)]


class Bar(Flowable):
    """A probability as a bar in the colour of its class, as on the screen."""

    canv: Sheet

    def __init__(self, pattern: Pattern, value: float) -> None:
        super().__init__()
        self._colour = HexColor(PATTERN_COLOURS[pattern])
        self._share = min(max(value, 0.0), 1.0)

    def wrap(self, aW: float, aH: float) -> tuple[float, float]:  # noqa: N803  as Flowable has it
        """As wide as there is room."""
        self.width, self.height = aW, 8.0
        return aW, self.height

    def draw(self) -> None:
        """The whole, and the share of it; the number stands beside it."""
        with self.canv.artifact():
            self.canv.setFillColor(RULE)
            self.canv.rect(0, 1, self.width, 6, fill=1, stroke=0)
            self.canv.setFillColor(self._colour)
            self.canv.rect(0, 1, self.width * self._share, 6, fill=1, stroke=0)


_BLANKS = ((0, 1), (0, 3), (1, 1), (1, 3), (2, 3))
"""Rows and columns of the lines that are filled in by hand."""


def _line(label: str) -> tuple[Words, str]:
    return words(label, size=SMALL), ""


def _all_scored(found: Scores) -> bool:
    return all(score.value is not None for score in found.scores)


def _side(side: Side, items: Sequence[Item]) -> list[Flowable]:
    if not items:
        return []
    said = [f"{item.text}{'' if item.verified else ' *'}" for item in items]
    listed = bullets(said, most=SIDE_ITEMS, noun="items", size=6.5)
    return [part(f"{side.heading}: {len(items)}", size=SMALL), *listed]


def _members(prediction: StudyPrediction, width: float) -> list[Flowable]:
    if not prediction.members:
        return []
    members = list(prediction.members.items())
    rows: list[Sequence[str | Flowable]] = [("member", *(pattern.value for pattern in PATTERNS))]
    for name, probabilities in members[:MEMBER_ROWS]:
        rows.append((name, *(f"{value:.0%}" for value in probabilities.as_array())))
    return [
        table(rows, (0.4, 0.16, 0.24, 0.2), width, size=6.5),
        *rest(len(members) - MEMBER_ROWS, "members"),
    ]


def _measured(prediction: StudyPrediction) -> str:
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


def _series_cells(series: Series, prediction: StudyPrediction | None) -> tuple[str, ...]:
    judged = None if prediction is None else prediction.series_by_id(series.id)
    if judged is None:
        said = "not run"
    else:
        said = "yes" if judged.used else f"no: {judged.why_not or 'no reason given'}"
    return (
        series.id,
        series.description or "-",
        "unknown" if series.plane is None else series.plane.value,
        series.weighting.value,
        " x ".join(str(size) for size in series.volume.shape),
        said,
    )
