"""What was measured as tables, the same on a page of Markdown and on the screen.

Here stand the names of metrics for people.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields

from asemble.core.labels import HEATMAP_TITLES, JUDGED_PLANES, PATTERNS, Pattern, Plane
from asemble.core.results import ENSEMBLE
from asemble.core.text_table import Table
from asemble.metrics.estimates import NOT_MEASURABLE, interval, with_interval
from asemble.models.fusion import EVIDENCE, GRADCAM
from asemble.performance.records import (
    Ablations,
    Answers,
    Appearances,
    CalibrationError,
    CalibrationMetrics,
    CheckName,
    ChecksAccuracy,
    Comparison,
    Counts,
    Failure,
    GateGroup,
    HeatmapMetrics,
    Maybe,
    OedemaAgreement,
    OedemaMeasurements,
    Percentiles,
    Performance,
    PlaneMetrics,
    StudyMetrics,
)

TRAINING, HELD_OUT = Appearances.TRAINING, Appearances.HELD_OUT

MISMATCHED = "mismatched"
"""The control in which a map is scored against the lesions of another study."""

MAPS = {
    GRADCAM: "Grad-CAM as shown",
    EVIDENCE: HEATMAP_TITLES[EVIDENCE],
    "hirescam": "HiResCAM",
    "gradcam++": "Grad-CAM++",
    "layercam": "LayerCAM",
    "xgradcam": "XGrad-CAM",
    "body at stride 2": "Grad-CAM at the body, stride 2",
    "body at stride 4": "Grad-CAM at the body, stride 4",
    "body at stride 8": "Grad-CAM at the body, stride 8",
    "body at stride 16": "Grad-CAM at the body, stride 16",
    "random weights": "Grad-CAM, random weights (control)",
}
"""By the name of the method in the records, for people."""

CANDIDATES = (GRADCAM, EVIDENCE, "hirescam", "gradcam++", "layercam", "xgradcam")
"""Methods that could be the default; the first of equals wins."""

AGREEMENT = 0.05
"""Grad-CAM should point within so much of the evidence map."""

FORGOTTEN = 0.5
"""A map whose rank correlation with the original is surely below this has forgotten it."""

CHECKS: Mapping[CheckName, str] = {
    "agreement": "overlap of convolutional and transformer members",
    "joint": "evidence in the joint region",
    "stability": "heat that stays in place",
    "deletion": "fall of P by covering, beyond that elsewhere",
    "probability": "P(inflammatory) of the slice itself (for comparison)",
}
"""Figures of the heatmap checks; each is higher where a map deserves more trust."""

SLICE_METRICS = {
    "accuracy": "Accuracy",
    "precision": "Precision",
    "recall": "Recall",
    "f1": "F1",
    "auc": "AUC",
    "pointing": "Pointing",
}
"""Columns of the comparison, in order."""

SETS_OF_SLICES = {
    TRAINING: "Appearances as in training",
    HELD_OUT: "Appearances that training never sampled",
}

_ANSWERS = {
    "auc": "study AUC",
    "accuracy": "accuracy",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "shows_oedema": "deciding slice shows oedema",
    "pointing": "pointing, deciding slice",
}
_AGREEMENTS = {
    "sparcc": "sparcc",
    "sparcc_with_oedema": "sparcc of studies with oedema",
    "oedema": "quadrants with oedema",
    "depth": "depth",
    "intensity": "intensity",
    "volume_ml": "volume in mL",
}
_MAIN = (
    "study AUC",
    *(f"slice AUC, {plane}" for plane in JUDGED_PLANES),
    *(f"slice AUC, {plane}, position baseline" for plane in JUDGED_PLANES),
    *(f"pointing, {plane}, {HEATMAP_TITLES[GRADCAM]}" for plane in JUDGED_PLANES),
    *("sensitivity", "specificity", "accuracy", "abstained"),
)
_HEATMAP_FAILS = "abstained: the heatmap of the slice that weighs most fails its test"
_MAP_COLUMNS = ("pointing", "average precision", "in the lesion", "near")
_CASCADE_COLUMNS = ("rank correlation", "SSIM")

Rows = Iterator[tuple[str, Maybe]]


def study_rows(measured: StudyMetrics) -> Rows:
    """Every metric of one test set by its name, in order."""
    answers = measured.answers
    yield _ANSWERS["auc"], answers.auc
    for name, found in measured.members.items():
        yield f"study AUC, {name} alone", found
    yield "study AUC, brightness baseline", measured.brightness
    for key in ("accuracy", "sensitivity", "specificity"):
        yield _ANSWERS[key], getattr(answers, key)
    yield "abstained", measured.abstained
    yield "abstained: the members disagree", measured.disagree
    yield _HEATMAP_FAILS, measured.heatmap_fails
    yield "accuracy where it decides", measured.decided
    for key in ("shows_oedema", "pointing"):
        yield _ANSWERS[key], getattr(answers, key)
    if measured.without_rules is not None:
        for each in fields(Answers):
            found = getattr(measured.without_rules, each.name)
            yield f"{_ANSWERS[each.name]}, without the rules", found
    for plane, of_plane in measured.planes.items():
        yield from _plane_rows(plane, of_plane)


def _plane_rows(plane: Plane, measured: PlaneMetrics) -> Rows:
    yield f"slices that count, {plane}", measured.counting
    yield f"slices with oedema that count, {plane}", measured.oedema_counting
    for score, found in measured.scores.items():
        label = f"{plane}" if score == ENSEMBLE else f"{plane}, {score} baseline"
        yield f"slice AUC, {label}", found.auc
        yield f"slice AUC within a study, {label}", found.within
        yield f"slice AUC of neighbouring slices, {label}", found.neighbours
    for name, auc in measured.members.items():
        yield f"slice AUC, {plane}, {name} alone", auc
    for method, maps in measured.maps.items():
        for who, of_map in maps.items():
            label = f"{plane}, {HEATMAP_TITLES[method]}" + (
                "" if who == ENSEMBLE else f", {who} alone"
            )
            yield f"pointing, {label}", of_map.pointing
            yield f"energy in the lesion, {label}", of_map.energy


def _table(columns: Mapping[str, str] | Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """A table of what is measured: numbers and estimates in the format of their column."""
    specs = list(columns.values()) if isinstance(columns, Mapping) else [""] * len(columns)
    return Table(
        list(columns),
        [[_cell(cell, spec) for cell, spec in zip(row, specs, strict=True)] for row in rows],
    )


def _cell(cell: object, spec: str) -> str:
    if cell is None:
        return NOT_MEASURABLE
    return str(cell) if isinstance(cell, str) else format(cell, spec)


def study_table(sets: Mapping[Appearances, StudyMetrics]) -> Table:
    """Every metric of studies and slices, a column a test set."""
    found = [dict(study_rows(measured)) for measured in sets.values()]
    names = dict.fromkeys(name for rows in found for name in rows)
    return _table(
        ["figure", *(f"simulated, {which.words}" for which in sets)],
        ([name, *(rows.get(name) for rows in found)] for name in names),
    )


def main_table(performance: Performance) -> Table:
    """The metrics that matter most, a column a test set."""
    columns = [_main_rows(performance, which) for which in Appearances]
    rows = [[name, *(column[name] for column in columns)] for name in columns[0]]
    return _table(["", *(which.words for which in Appearances)], rows)


def _main_rows(performance: Performance, which: Appearances) -> dict[str, object]:
    found: dict[str, object] = {}
    if performance.studies is not None:
        rows = dict(study_rows(performance.studies.sets[which]))
        found |= {name: rows[name] for name in _MAIN}
    if performance.calibration is not None:
        calibration = performance.calibration[which]
        for error in calibration.errors:
            if error.pattern is Pattern.INFLAMMATORY:
                words = f"{with_interval(error.error)}; if perfect {error.if_perfect:.2f}"
                found[f"calibration error, {level_of(error)}"] = words
        found["interval holds a second examination"] = calibration.interval.held
    return found


def appearances_table(measured: StudyMetrics) -> Table:
    """The main metrics of each held-out appearance."""
    return _table(
        ["appearance", "studies", "study AUC"]
        + [f"slice AUC, {plane}" for plane in measured.planes],
        (
            [name, str(found.studies), found.auc, *(found.slices[p] for p in measured.planes)]
            for name, found in measured.appearances.items()
        ),
    )


def confusion_table(counts: Counts) -> Table:
    """Counts by truth, then by decision."""
    decisions = list(next(iter(counts.values())))
    return Table(
        ["truth, then decision", *decisions],
        [[truth, *(str(row[d]) for d in decisions)] for truth, row in counts.items()],
    )


def gallery_table(gallery: Sequence[Failure]) -> Table:
    """The studies that went worst."""
    return Table(
        ["kind", "appearance", "seed", "what went wrong"],
        [[f.kind, appearance_of(f), str(f.seed), what_went_wrong(f)] for f in gallery],
    )


def appearance_of(failure: Failure) -> str:
    """In words."""
    return failure.appearance or TRAINING.words


def what_went_wrong(failure: Failure) -> str:
    """In sentences."""
    said = (
        f"the decision was {failure.decision}"
        if failure.decision in list(Pattern)
        else "the ensemble abstained"
    )
    sentences = [
        f"P({failure.kind}) was {failure.probabilities[failure.kind]:.2f} and {said}.",
        f"The most inflammatory slice was {failure.plane} slice {failure.index + 1}, at a "
        f"probability of {failure.score:.2f}.",
    ]
    if failure.kind is Pattern.INFLAMMATORY and not failure.played:
        sentences.append("No slice holds more than thin oedema.")
    if failure.played:
        sentences.append(
            f"Grad-CAM pointed at the oedema on {failure.hits} of {failure.played} slices that "
            "show it."
        )
    return " ".join(sentences)


def command_of(failure: Failure) -> str:
    """That simulates the study again."""
    command = f"asemble sample OUT --kind {failure.kind} --seed {failure.seed}"
    return command + (f' --appearance "{failure.appearance}"' if failure.appearance else "")


def level_of(error: CalibrationError) -> str:
    """What its cases are."""
    return "studies" if error.plane is None else f"{error.plane} slices"


def of_what(error: CalibrationError) -> str:
    """Whose probability it is of."""
    return "top class" if error.pattern is None else error.pattern.value


def calibration_table(sets: Mapping[Appearances, CalibrationMetrics]) -> Table:
    """Calibration errors of each set and level."""
    rows = []
    for which, measured in sets.items():
        for error in measured.errors:
            cases = f"{error.cases} {level_of(error)}"
            perfect = f"{error.if_perfect:.3f} ({error.unlikely:.3f})"
            rows.append([which.words, cases, of_what(error), error.error, perfect])
    head = {"simulated set": "", "cases": "", "of": "", "ECE": ".3f", "if perfect": ""}
    return _table(head, rows)


def interval_table(sets: Mapping[Appearances, CalibrationMetrics]) -> Table:
    """How often the interval holds the answer to a second examination."""
    found = {which.words: measured.interval for which, measured in sets.items()}
    head = {"simulated set": "", "people examined twice": "d", "nominal": ".2f"}
    return _table(
        {**head, "held": ".2f", "mean width": ".2f"},
        ([name, each.people, each.nominal, each.held, each.width] for name, each in found.items()),
    )


def bins_table(error: CalibrationError) -> Table:
    """Probability against frequency."""
    head = {"cases": "d", "mean probability": ".3f", "frequency": ".3f"}
    return _table(head, ([each.cases, each.predicted, each.observed] for each in error.bins))


def maps_table(measured: HeatmapMetrics, plane: Plane) -> Table:
    """Where maps point, by method and member."""
    titles = {**MAPS, MISMATCHED: "Grad-CAM as shown, mismatched oedema (control)"}
    rows: list[list[object]] = []
    for row in measured.maps:
        if row.plane is plane:
            others = (row.precision, row.energy, row.near)
            shown = ("", "", "") if row.method == MISMATCHED else others
            rows.append([titles[row.method], row.who, row.pointing, *shown])
    return _table(["map", "of", *_MAP_COLUMNS], rows)


def differences_table(measured: HeatmapMetrics, plane: Plane) -> Table:
    """How far Grad-CAM is from the evidence map."""
    return _table(
        {"Grad-CAM less evidence map": "", "difference in pointing": "+.3f", "within 5 points": ""},
        (
            [row.who, row.difference, _yes(is_within(row.difference))]
            for row in measured.differences
            if row.plane is plane
        ),
    )


def is_within(difference: Maybe) -> bool:
    """Whether Grad-CAM points nearly as often as the evidence map, or more often."""
    return difference is not None and difference.value >= -AGREEMENT


def cascade_table(measured: HeatmapMetrics, plane: Plane) -> Table:
    """Whether maps forget what the networks forget."""
    rows: list[list[object]] = []
    for row in measured.cascade:
        if row.plane is plane:
            forgot = row.rank is not None and row.rank.high < FORGOTTEN
            rows.append([f"`{row.layer}`", row.who, row.rank, row.ssim, _yes(forgot)])
    return _table(["randomised down to", "of", *_CASCADE_COLUMNS, "has forgotten"], rows)


def checks_table(measured: ChecksAccuracy, limits: Mapping[str, float | None]) -> Table:
    """How well each heatmap check tells right maps from wrong ones.

    Args:
        measured: what was found.
        limits: by check, as the fusion has them.
    """
    head = {"question": "", "limit": ".2f", "AUC": "", "AUC where P is high": ""}
    return _table(
        head | {f"{which} maps below the limit": "" for which in ("right", "wrong")},
        (
            [CHECKS[name], limits.get(name), *(getattr(found, each.name) for each in fields(found))]
            for name, found in measured.checks.items()
        ),
    )


def regions_table(measured: ChecksAccuracy) -> Table:
    """What the joint region holds."""
    rows = []
    for plane, found in measured.regions.items():
        band = ", ".join(f"{name} {value:g}" for name, value in asdict(found.in_use).items())
        rows.append([plane, found.oedema, found.area, band])
    return _table({"plane": "", "oedema": "", "area": ".2f", "band": ""}, rows)


def agreement_table(measured: OedemaAgreement) -> Table:
    """Found against true."""
    rows: list[list[object]] = []
    for name, title in _AGREEMENTS.items():
        found = getattr(measured, name)
        limits = found.limits
        between = limits and interval(limits.mean, limits.low, limits.high, "+.1f")
        rows.append([title, found.icc, between, str(found.cases)])
    head = ["measure", "ICC(2,1)", "found less true: mean (limits of agreement)", "studies"]
    return _table(head, rows)


def rules_table(measured: OedemaMeasurements) -> Table:
    """ICC by other rules of what counts as oedema."""
    rows = [[rules_words(each.sure, each.quadrant_mm2), each.icc] for each in measured.rules]
    return _table({"rules": "", "ICC(2,1)": ".3f"}, rows)


def rules_words(sure: float, quadrant_mm2: float) -> str:
    """How likely oedema has to be at the surest place of a patch, and its area in a quadrant.

    >>> rules_words(0.9, 30.0)
    '0.9, 30 mm²'
    """
    return f"{sure:g}, {quadrant_mm2:.0f} mm²"


def gate_table(groups: Iterable[GateGroup]) -> Table:
    """What the input gate makes of groups of studies."""
    head = {"group": "", "studies": "d", "abstained": "d", "share (95% interval)": ".1%"}
    rows = []
    for g in groups:
        pelvis, margin = _percentiles(g.pelvis, ".0%"), _percentiles(g.margin_shown, "+.1f")
        noted, reason = f"{g.noted / g.studies:.0%}", next(iter(g.reasons), "")
        rows.append([g.name, g.studies, g.abstained, g.share, pelvis, margin, noted, reason])
    return _table(head | dict.fromkeys(("pelvis", "margin", "note", "commonest reason"), ""), rows)


def networks_table(measured: Comparison, plane: Plane, which: Appearances) -> Table:
    """Networks on slices: taught by, passes, size, metrics."""
    rows = []
    for row in measured.planes[plane].rows:
        passes = " + ".join(f"{n:,}" for n in row.passes)
        metrics = [getattr(row.metrics[which], name) for name in SLICE_METRICS]
        size = f"{row.parameters / 1e6:.1f} M"
        rows.append([row.title, row.taught_by, passes, size, *metrics])
    return _table(["Network", "Taught by", "Passes", "Parameters", *SLICE_METRICS.values()], rows)


def networks_confusion_table(measured: Comparison, plane: Plane, which: Appearances) -> Table:
    """Confusion tables, a row a network and true class."""
    rows = []
    for row in measured.planes[plane].rows:
        for truth, cells in row.confusion[which].items():
            shown = [
                "none" if cell is None else f"{cell.slices}: {with_interval(cell.share)}"
                for cell in cells.values()
            ]
            rows.append([f"{row.title}, {row.taught_by}", truth, *shown])
    return Table(["Network", "Truth", *(f"called {name}" for name in PATTERNS)], rows)


def ablations_table(measured: Ablations, plane: Plane, which: Appearances) -> Table:
    """Ablations of the simulator; differences are to the first row."""
    first, *_ = rows = measured.planes[plane]
    shown = []
    for row in rows:
        auc, pointing = row.auc[which], row.pointing[which]
        differences = ("", "") if row is first else (auc.difference, pointing.difference)
        shown.append([row.title, auc.value, differences[0], pointing.value, differences[1]])
    head = {"Trained on": "", "AUC": "", "AUC, difference": "+.2f"}
    return _table({**head, "Pointing": "", "Pointing, difference": "+.2f"}, shown)


def member_rows(performance: Performance, plane: Plane, member: str) -> Rows:
    """What was measured of one member beside its card, by name."""
    for which, measured in {} if performance.studies is None else performance.studies.sets.items():
        of_plane, prefix = measured.planes[plane], f"simulated test, {which.words}:"
        yield f"{prefix} slice AUC", of_plane.members.get(member)
        yield f"{prefix} study AUC alone", measured.members.get(member)
        yield f"{prefix} study AUC of ensemble", measured.answers.auc
        for method, title in HEATMAP_TITLES.items():
            of_map = of_plane.maps[method].get(member)
            yield f"{prefix} pointing by {title}", None if of_map is None else of_map.pointing


def _percentiles(found: Percentiles | None, spec: str) -> str:
    return "none" if found is None else " / ".join(format(part, spec) for part in found)


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "no"
