"""A reading with the prediction beside it as one JSON document, for archives and other programs.

It begins as the file of a reading does (`asemble.reading.as_document`), so that the reading can be
opened from it again.

What it never holds: names of patients or files, dates of an examination, UIDs, what was refused at
the door (its names are those of files), and the notes made while reading (they may quote a file).
It holds who read the study as they typed it, and when they did.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, cast

from asemble.clinical import ITEMS, NO_WEIGHT_NOTICE, Item, answer_to
from asemble.core.labels import STANDING_NOTICE
from asemble.core.results import Probabilities, SlicePrediction, StudyPrediction
from asemble.core.study import Series, Study
from asemble.measurements.formatting import as_json as measurements_as_json
from asemble.reading import Reading, as_document, digest
from asemble.reading.change import FollowUpSheet, sheet_of
from asemble.reading.scoring import Scores, scores_of
from asemble.report import schema
from asemble.report.records import UNSIGNED, Signature

SYNTHETIC: Final = "SYNTHETIC"
"""Marks whatever was simulated."""
NOT_RUN = "The ensemble was not run: this is the reader's own reading."
"""Said of the prediction where there is none."""

LIMITS = (
    "MRI oedema also occurs in healthy, athletic and postpartum people. Interpret with history, "
    "examination and laboratory results.",
    "The heatmap shows where the model was sensitive; it does not outline disease or prove "
    "reasoning.",
    "The models know three patterns only. Children, infection, tumour, fracture and implants are "
    "outside what they were made for.",
)
"""Stand in every report (clinical specification, section 9)."""


def reading_json(
    reading: Reading,
    prediction: StudyPrediction | None,
    study: Study,
    *,
    findings: Sequence[str] = (),
    added_up: Sequence[str] = (),
    signature: Signature = UNSIGNED,
) -> schema.Report:
    """The reading, the prediction beside it and the facts of the study, ready for `json.dumps`.

    Args:
        reading: what the reader said of this study.
        prediction: what the ensemble returned for it, None where it was not run.
        study: what was read.
        findings: sentences on what was marked on the slices: definitions and scores.
        added_up: sentences on what the answers add up to.
        signature: who read it, and when.

    Raises:
        ValueError: the prediction is not of this study.
    """
    begun, found = as_document(reading), scores_of(reading, study)
    compared = sheet_of(reading, study)
    return {
        "schema": begun["schema"],
        "version": begun["version"],
        "study": {
            "fingerprint": begun["study"]["fingerprint"],
            "left_out": sum(r.files for r in study.refused),
        },
        "hash": begun["hash"],
        "sha256": digest(reading),
        "reading": begun["reading"],
        "reader": signature.reader.strip() or None,
        "times": {
            "opened": _time(signature.opened),
            "reading_changed": _time(signature.changed),
            "report_made": _time(signature.made),
        },
        "notice": STANDING_NOTICE,
        "marking": SYNTHETIC if study.synthetic else None,
        "attribution": list(study.attribution),
        "scores": _scores(found),
        "definitions": _definitions(found),
        "follow_up": None if compared is None else _follow_up(compared),
        "findings": list(findings),
        "checklist": _checklist(reading),
        "added_up": list(added_up),
        "prediction": None if prediction is None else _prediction(prediction),
        "series": [_series(series, prediction) for series in study.series],
        "weights": {} if prediction is None else dict(sorted(prediction.weights.items())),
        "weights_list": None
        if prediction is None
        else {"sha256": prediction.weights_list, "shipped": prediction.are_shipped},
        "limits": list(LIMITS),
    }


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="seconds")


def _scores(found: Scores) -> list[schema.Score]:
    return [
        {
            "title": score.title,
            "value": score.value,
            "most": score.most,
            "marked_so_far": score.so_far,
            "why_not": score.why_not or None,
            "parts": score.parts,
            "series": score.series_id,
        }
        for score in found.scores
    ]


def _definitions(found: Scores) -> list[schema.Definition]:
    return [
        {
            "title": decided.verdict.title,
            "is_met": decided.is_met,
            "why_not": decided.why_not or None,
            "conditions": [
                {"text": one.text, "found": one.found, "needed": one.needed}
                for one in decided.verdict.conditions
            ],
        }
        for decided in found.definitions
    ]


def _follow_up(compared: FollowUpSheet) -> schema.FollowUp:
    return {
        "interval": compared.interval,
        "is_checked": compared.is_checked,
        "order": compared.order,
        "changes": [
            {
                "title": change.title,
                "then": change.then.value,
                "now": change.now.value,
                "change": change.value,
                "most": change.now.most,
                "thresholds": [each.label for each in change.thresholds],
            }
            for change in compared.changes
        ],
    }


def _checklist(reading: Reading) -> schema.Checklist:
    summary = reading.checklist
    return {
        "notice": NO_WEIGHT_NOTICE,
        "towards_inflammatory": [item.id for item in summary.inflammatory],
        "towards_mechanical": [item.id for item in summary.mechanical],
        "red_flags": [item.id for item in summary.red_flags],
        "red_flags_not_ruled_out": [item.id for item in summary.red_flags_open],
        "conflicts": [[each.one.id, each.other.id] for each in summary.conflicts],
        "answered": summary.answered,
        "unknown": summary.unknown,
        "summary": list(summary.sentences),
        "items": [_item(item, reading) for item in ITEMS],
    }


def _item(item: Item, reading: Reading) -> schema.ChecklistItem:
    return {
        "id": item.id,
        "side": item.side.value,
        "domain": item.domain.value,
        "text": item.text,
        "answer": answer_to(item, reading.answers).value,
        "why": item.why,
        "sources": [
            {
                "key": source.key,
                "citation": source.citation,
                "locator": source.locator,
                "certainty": source.certainty.value,
                "seen": source.seen,
            }
            for source in item.citations
        ],
    }


def _prediction(prediction: StudyPrediction) -> schema.Prediction:
    interval = prediction.interval_inflammatory
    deciding, whole = prediction.deciding, prediction.probabilities
    return {
        "probabilities": None if whole is None else _numbers(whole),
        "interval_inflammatory": None if interval is None else [float(v) for v in interval],
        "decision": prediction.decision,
        "reasons": [one.sentence for one in prediction.reasons],
        "deciding_slice": None
        if deciding is None
        else cast("schema.DecidingSlice", deciding.as_dict()),
        "members": {name: _numbers(p) for name, p in prediction.members.items()},
        "device": prediction.device,
    }


def _series(series: Series, prediction: StudyPrediction | None) -> schema.Series:
    spacing = series.volume.spacing_mm
    judged = None if prediction is None else prediction.series_by_id(series.id)
    measured = None if judged is None else judged.measurements
    return {
        "id": series.id,
        "description": series.description,
        "plane": None if series.plane is None else series.plane.value,
        "weighting": series.weighting.value,
        "shape": list(series.volume.shape),
        "spacing_mm": None if spacing is None else [round(v, 4) for v in spacing],
        "marking": SYNTHETIC if series.synthetic else None,
        "used": judged is not None and judged.used,
        "why_not": NOT_RUN if judged is None else judged.why_not,
        "slices": [] if judged is None else [_slice(each) for each in judged.slices],
        "measurements": None
        if measured is None
        else cast("schema.Measurements", measurements_as_json(measured)),
    }


def _slice(prediction: SlicePrediction) -> schema.Slice:
    return {
        "index": prediction.index,
        "position_mm": prediction.position_mm,
        "probabilities": _numbers(prediction.probabilities),
        "members": {name: _numbers(p) for name, p in prediction.members.items()},
        "counts": prediction.counts,
        "why_not": prediction.why_not,
    }


def _numbers(probabilities: Probabilities) -> schema.Probabilities:
    return cast("schema.Probabilities", probabilities.as_dict())
