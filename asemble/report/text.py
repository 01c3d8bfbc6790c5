"""A reading as one plain paragraph, to be pasted into a record."""

from collections.abc import Sequence

from asemble.core.labels import STANDING_NOTICE, TRAINED_ON, Pattern
from asemble.core.results import StudyPrediction
from asemble.core.study import Study
from asemble.reading import Reading, short_hash
from asemble.report.document import NOT_RUN, SYNTHETIC
from asemble.report.records import UNSIGNED, Signature


def reading_text(
    reading: Reading,
    prediction: StudyPrediction | None,
    study: Study,
    *,
    findings: Sequence[str] = (),
    signature: Signature = UNSIGNED,
) -> str:
    """Conclusion, checklist, prediction and its limit; nothing that identifies a patient.

    The first word is `SYNTHETIC` where anything of the study was simulated.
    """
    summary = reading.checklist
    sentences = [
        f"Sacroiliac MRI, study {reading.study}, reading {short_hash(reading)}, "
        f"{len(study.series)} series.",
        *_signed(signature),
        f"Reader's conclusion: {reading.impression.sentence}.",
        *([reading.before_and_after] if prediction is not None else []),
        f"Checklist items: {len(summary.inflammatory)} towards inflammatory, "
        f"{len(summary.mechanical)} towards mechanical, {summary.unknown} unknown.",
    ]
    if summary.red_flags:
        flags = "; ".join(item.text for item in summary.red_flags)
        sentences.append(f"RED FLAGS: {flags}.")
    sentences.extend(findings)
    sentences.append(NOT_RUN if prediction is None else _predicted(prediction))
    comments = " ".join(reading.impression.comments.split())
    if comments:
        sentences.append(f"Comments: {comments}")
    sentences.extend(study.attribution)
    sentences.append(STANDING_NOTICE)
    marking = [f"{SYNTHETIC}."] if study.synthetic else []
    return " ".join([*marking, *sentences])


def _signed(signature: Signature) -> list[str]:
    reader = " ".join(signature.reader.split())
    return [f"Read by {reader}, {signature.read_on}."] if reader else []


def _predicted(prediction: StudyPrediction) -> str:
    said = f"Ensemble trained on {TRAINED_ON}: {prediction.decision_heading}"
    why = "" if prediction.why_abstains is None else f" {prediction.why_abstains}"
    if prediction.probabilities is None:
        return f"{said}; there is no probability.{why}"
    inflammatory = prediction.probabilities.inflammatory
    said += f", P({Pattern.INFLAMMATORY}) {inflammatory:.2f}"
    if prediction.interval_inflammatory is not None:
        low, high = prediction.interval_inflammatory
        said += f" (members from {low:.2f} to {high:.2f})"
    of_members = ", ".join(
        f"{name} {each.inflammatory:.2f}" for name, each in prediction.members.items()
    )
    return f"{said}; by member: {of_members}.{why}"
