"""`asemble evaluate external`: the ensemble on labelled images of one's own."""

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from asemble import __version__
from asemble.commands.terminal import progress, writing
from asemble.core.errors import InputError
from asemble.core.labels import Pattern
from asemble.core.results import ABSTAIN
from asemble.core.study import Study
from asemble.datasets.leakage import measure_inflation
from asemble.datasets.manifest import TEST, Manifest, Row, read_manifest
from asemble.datasets.own_data import LabelledSeries, read_rows
from asemble.datasets.splits import case_labels, case_numbers
from asemble.evaluation.external_cases import stacked, study_case
from asemble.evaluation.external_metrics import ExternalCase
from asemble.evaluation.external_report import Setting, as_json, page_parts
from asemble.imaging.fingerprints import Bits, fingerprints
from asemble.imaging.slices import prepare
from asemble.models import Ensemble, load_ensemble
from asemble.models.fusion import METHODS
from asemble.performance.pages import as_markdown
from asemble.predict.decision import CLOSE_CALL

JSON_FILE, MARKDOWN_FILE = "external.json", "external.md"
EVERY_ROW = "all"
"""Asks for the rows of every split."""

FEW_CASES = 10
"""With fewer cases of a class a bootstrap interval is far too narrow; with one it is a point."""

THRESHOLD = CLOSE_CALL
"""P(inflammatory) from which on it is likelier than the other classes together."""


def evaluate_external(
    manifest_file: Path, *, weights: Path | None, out: Path, split: str | None, force: bool
) -> None:
    """Measure the ensemble on a manifest; nothing is written before every line of it is right.

    Args:
        manifest_file: CSV.
        weights: folder of the weights; None for those shipped.
        out: folder for `external.json` and `external.md`.
        split: whose rows; None for those of the test split where there is one, else all.
        force: replace results that are there already.

    Raises:
        AsembleError: the manifest or the weights are not right, or nothing can be written.
    """
    taken = [name for name in (JSON_FILE, MARKDOWN_FILE) if (out / name).exists()]
    if taken and not force:
        raise InputError(
            f"{' and '.join(taken)} exist in the output folder.",
            hint="Name another folder with --out, or say --force to replace them.",
            code="output-exists",
        )
    manifest = read_manifest(manifest_file)
    rows = rows_of(manifest, split)
    ensemble = load_ensemble(weights)
    measured = _measure(rows, manifest, ensemble)
    manifest.problems.refuse()
    numbers = case_numbers(measured.rows, measured.bits)
    cases = _cases(measured, numbers)
    sizes = [len(bits) for bits in measured.bits]
    inflation = measure_inflation(
        np.concatenate(measured.bits), np.concatenate(measured.labels), np.repeat(numbers, sizes)
    )
    setting = Setting(
        facts={
            "manifest_sha256": manifest.digest,
            "rows": len(rows),
            "weights": dict(ensemble.weights),
            "version": __version__,
        },
        patients=manifest.names_patients,
        threshold=THRESHOLD,
        warnings=[*_warnings(manifest, rows, ensemble, measured), *_too_few(cases)],
        not_judged=measured.not_judged,
        reasons=measured.reasons,
    )
    content = as_json(cases, inflation, setting)
    text = as_markdown(page_parts(content, inflation)) + "\n"
    with writing():
        out.mkdir(parents=True, exist_ok=True)
        plain = json.dumps(content, indent=1, allow_nan=False, default=asdict)
        (out / JSON_FILE).write_text(plain + "\n", "utf-8")
        (out / MARKDOWN_FILE).write_text(text, "utf-8")
    print(text)


def rows_of(manifest: Manifest, split: str | None) -> list[Row]:
    """The rows that are measured; none is a problem of the header."""
    chosen = split
    if chosen is None:
        chosen = TEST if any(row.split == TEST for row in manifest.rows) else EVERY_ROW
    rows = [row for row in manifest.rows if chosen in (EVERY_ROW, row.split)]
    if not rows and not manifest.problems.found:
        manifest.problems.add(1, "no-slices", f"no row is of the split {chosen}")
    return rows


@dataclass(slots=True)
class _Measured:
    """What was found, row by row and study by study; rows, bits and labels in the same order.

    Args:
        rows: that were read.
        bits: perceptual hashes of the slices of each row.
        labels: of the slices of each row.
        studies: the index of the first row of each study, and what was found in it.
        not_judged: slices by reason.
        reasons: studies that abstained by reason.
        notes: rows by what was noted of them.
    """

    rows: list[Row] = field(default_factory=list)
    bits: list[Bits] = field(default_factory=list)
    labels: list[Any] = field(default_factory=list)
    studies: list[tuple[int, ExternalCase]] = field(default_factory=list)
    not_judged: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)


def _measure(rows: Sequence[Row], manifest: Manifest, ensemble: Ensemble) -> _Measured:
    """Predict study by study; from the first problem on, lines are only checked."""
    by_study: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_study[row.patient or f"line {row.line}"].append(row)
    show = progress("measuring", "patients" if manifest.names_patients else "images")
    measured = _Measured()
    for done, some in enumerate(by_study.values(), start=1):
        labelled = list(read_rows(some, manifest.problems))
        if manifest.problems.full:
            break
        if not manifest.problems.found:
            _add(measured, labelled, ensemble)
        if show is not None:
            show(done, len(by_study))
    return measured


def _add(measured: _Measured, labelled: Sequence[LabelledSeries], ensemble: Ensemble) -> None:
    first = len(measured.rows)
    for one in labelled:
        images = prepare(one.series.volume, one.series.plane).images
        measured.rows.append(one.row)
        measured.bits.append(fingerprints(images))
        measured.labels.append(one.labels)
        measured.notes.update(one.notes)
    together = stacked(labelled)
    named = [replace(one.series, id=f"s{n:02d}") for n, one in enumerate(together, start=1)]
    study = Study(tuple(named), (), "")
    truth = {series.id: one for series, one in zip(named, together, strict=True)}
    rows = measured.rows[first:]
    prediction, case = study_case(study, rows, truth, ensemble)
    for judged in prediction.series:
        if not judged.used:
            slices = len(truth[judged.series_id].labels)
            measured.not_judged[str(judged.why_not)] += slices
    if rows[0].patient and prediction.decision == ABSTAIN:
        measured.reasons[prediction.reasons[0].sentence] += 1
    measured.studies.append((first, case))


def _cases(measured: _Measured, numbers: Any) -> list[ExternalCase]:
    """Studies without patients that are near-duplicates make one case."""
    by_case: defaultdict[int, list[ExternalCase]] = defaultdict(list)
    for first, case in measured.studies:
        by_case[int(numbers[first])].append(case)
    labels = case_labels(measured.rows, numbers)
    return [
        replace(
            some[0],
            label=labels[number],
            labels=np.concatenate([case.labels for case in some]),
            slices=np.concatenate([case.slices for case in some]),
            pointing={
                method: (
                    sum(case.pointing.get(method, (0, 0))[0] for case in some),
                    sum(case.pointing.get(method, (0, 0))[1] for case in some),
                )
                for method in METHODS
                if any(case.pointing for case in some)
            },
        )
        for number, some in by_case.items()
    ]


def _warnings(
    manifest: Manifest, rows: Sequence[Row], ensemble: Ensemble, measured: _Measured
) -> list[str]:
    told = [*manifest.notes, *(f"{note} ({n} rows)" for note, n in measured.notes.items())]
    trained = [
        c for c in ensemble.cards.values() if c.data.get("manifest_sha256") == manifest.digest
    ]
    if trained and any(row.split != TEST for row in rows):
        told.append(
            f"{len(trained)} of these networks were trained on rows of this manifest: the figures "
            "are too good. Measure on other patients, or on a test split."
        )
    if not manifest.names_patients:
        told.append(
            "No patients are named: intervals resample groups of near-duplicate slices, and are "
            "too narrow where slices of a patient look different."
        )
    return told


def _too_few(cases: Sequence[ExternalCase]) -> list[str]:
    inflammatory = sum(case.label is Pattern.INFLAMMATORY for case in cases)
    if min(inflammatory, len(cases) - inflammatory) >= FEW_CASES:
        return []
    return [
        f"{inflammatory} inflammatory and {len(cases) - inflammatory} other cases: with fewer than "
        f"{FEW_CASES} of either the intervals are too narrow to be relied on."
    ]
