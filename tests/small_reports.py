"""A small study with a prediction and a reading, and the page and the schema of its report."""

import io
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
from jsonschema import Draft202012Validator
from pypdf import PdfReader
from referencing import Registry, Resource

from asemble.clinical import Answer
from asemble.clinical.marks import QUADRANTS, Lesion, Mark
from asemble.core.labels import Plane, Weighting
from asemble.core.results import (
    Probabilities,
    Remark,
    SeriesPrediction,
    SlicePrediction,
    StudyPrediction,
)
from asemble.core.study import Prior, Refusal, Series, Study
from asemble.core.volume import Volume
from asemble.reading import Conclusion, Confidence, Impression, Reading, edits, fingerprint
from asemble.reading.serialisation import schema as reading_schema
from asemble.report import reading_pdf
from asemble.report.records import UNSIGNED

CANARY = "Canary^Jane"


def series(number, *, synthetic=True, used_plane=Plane.CORONAL):
    return Series(
        id=f"s{number:02d}",
        description="semicoronal STIR",
        volume=Volume(np.zeros((3, 5, 7)), np.diag([4.0, 0.5, 0.7, 1.0])),
        plane=used_plane,
        weighting=Weighting.FLUID,
        notes=(f"one volume of {CANARY}.nii",),
        synthetic=synthetic,
    )


def a_study(count=2, *, synthetic=True):
    return Study(
        series=tuple(series(i + 1, synthetic=synthetic) for i in range(count)),
        refused=(Refusal(f"/home/{CANARY}/scan.dcm", f"{CANARY} is not an image", "not-mr"),),
        key="0123456789abcdef" * 4,
    )


def a_prediction(study, **changes):
    values = Probabilities(0.11, 0.72, 0.17)
    prediction = StudyPrediction(
        probabilities=values,
        members={"asemblenet": Probabilities(0.2, 0.6, 0.2), "other": values},
        interval_inflammatory=(0.58, 0.81),
        decision="inflammatory",
        reasons=(Remark("", "The members differ by 12 points."),),
        series=[
            SeriesPrediction(
                s.id, True, None, (SlicePrediction(0, -4.0, values, {"asemblenet": values}),)
            )
            for s in study.series
        ],
        weights={"coronal_asemblenet.safetensors": "deadbeefcafe" + "0" * 52},
        weights_list="0fade0fade" + "0" * 54,
        are_shipped=True,
        device="cpu",
        seconds={"predict": 1.0},
    )
    return replace(prediction, **changes)


A_READING = Reading(
    study="0123456789ab",
    impression=Impression(
        Conclusion.MECHANICAL, Confidence.HIGH, "Band of oedema beside triangular sclerosis."
    ),
    answers={"triangular_sclerosis": Answer.YES, "erosion": Answer.NO, "deep_oedema": Answer.YES},
)


def picture(rows=40, columns=60):
    rng = np.random.default_rng(3)
    return rng.integers(0, 255, (rows, columns, 3), dtype=np.uint8)


def text_of(pdf):
    return " ".join(" ".join(p.extract_text() for p in PdfReader(io.BytesIO(pdf)).pages).split())


def the_page(
    study=None,
    reading=A_READING,
    *,
    images=(),
    said=(),
    added_up=(),
    signature=UNSIGNED,
    **changes,
):
    study = study or a_study()
    return reading_pdf(
        reading,
        a_prediction(study, **changes),
        study,
        images=images,
        findings=said,
        added_up=added_up,
        signature=signature,
    )


def said_beside(pdf):
    """What the page has for programs that read it aloud or search it."""
    pages = PdfReader(io.BytesIO(pdf)).pages
    found = [
        re.findall(rb"ActualText <FEFF([0-9A-F]*)>", page.get_contents().get_data())
        for page in pages
    ]
    return [bytes.fromhex(each.decode()).decode("utf-16-be") for here in found for each in here]


def with_prior():
    """A study beside its prior, on which a quadrant was marked, and its reading."""
    before = Study((replace(series(1), id="p01"),), (), "b" * 64)
    study = replace(a_study(), prior=Prior(before, 182, True))
    reading = edits.follow_up(A_READING, fingerprint(before), None)
    for each in ("p01", "s01"):
        reading = edits.call_complete(reading, each, True)
    return study, edits.toggle_mark(reading, "p01", Mark(Lesion.OEDEMA, 1, QUADRANTS[0]))


def commented(reading, comments):
    return replace(reading, impression=replace(reading.impression, comments=comments))


FOUND = (
    "ASAS active sacroiliitis (2009, kept in 2016): met (2 found, 2 needed).",
    "SPARCC 4 of 72.",
)
SCHEMA_FILE = Path(__file__).parents[1] / "docs" / "report.schema.json"
READING_SCHEMA = Resource.from_contents(reading_schema())


def schema_check():
    schema = {"$id": "https://localhost/docs/", **json.loads(SCHEMA_FILE.read_text("utf-8"))}
    name = "https://localhost/asemble/reading/reading.schema.json"
    return Draft202012Validator(schema, registry=Registry().with_resource(name, READING_SCHEMA))
