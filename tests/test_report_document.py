"""The JSON of a report: what it says, and its schema."""

import json
from dataclasses import replace

import numpy as np
import pytest
from small_reports import A_READING, FOUND, SCHEMA_FILE, a_prediction, a_study, schema_check, series

from asemble.clinical import ITEMS
from asemble.core.labels import STANDING_NOTICE
from asemble.core.volume import Volume
from asemble.reading import SCHEMA, Conclusion, Confidence, Impression, Reading, from_document
from asemble.report import reading_json
from asemble.report.schema import report_schema


def test_the_document_keeps_the_reading_apart_from_the_prediction():
    study = a_study()
    document = reading_json(A_READING, a_prediction(study), study)
    assert document["schema"] == SCHEMA
    assert document["notice"] == STANDING_NOTICE
    assert document["reading"]["conclusion"] == "mechanical"
    assert document["prediction"]["decision"] == "inflammatory"
    assert document["prediction"]["probabilities"]["inflammatory"] == 0.72
    assert document["prediction"]["interval_inflammatory"] == [0.58, 0.81]
    assert document["weights"] == {"coronal_asemblenet.safetensors": "deadbeefcafe" + "0" * 52}


def test_the_document_survives_a_round_trip_through_strict_json():
    study = a_study()
    document = reading_json(A_READING, a_prediction(study), study)
    assert json.loads(json.dumps(document, allow_nan=False)) == document


def test_the_document_states_each_series_with_its_geometry_and_slices():
    study = a_study()
    first, second = reading_json(A_READING, a_prediction(study), study)["series"]
    assert (first["id"], second["id"]) == ("s01", "s02")
    assert first["shape"] == [3, 5, 7]
    assert first["spacing_mm"] == [4.0, 0.5, 0.7]
    assert first["slices"][0]["position_mm"] == -4.0


def test_an_unknown_geometry_and_plane_are_null_not_guessed():
    flat = replace(series(1, used_plane=None), volume=Volume(np.zeros((1, 5, 7)), None))
    study = replace(a_study(), series=(flat,))
    (facts,) = reading_json(A_READING, a_prediction(study), study)["series"]
    assert facts["spacing_mm"] is None
    assert facts["plane"] is None


def test_every_checklist_item_is_exported_with_its_answer_and_the_certainty_of_its_sources():
    study = a_study()
    items = reading_json(A_READING, a_prediction(study), study)["checklist"]["items"]
    assert [item["id"] for item in items] == [item.id for item in ITEMS]
    by_id = {item["id"]: item for item in items}
    assert by_id["erosion"]["answer"] == "no"
    assert by_id["fever"]["answer"] == "unknown"
    assert {source["certainty"] for source in by_id["athlete"]["sources"]} == {"unverified"}


def test_the_reading_can_be_opened_again_from_the_report():
    study = a_study()
    document = reading_json(A_READING, a_prediction(study), study, findings=FOUND)
    assert from_document(json.dumps(document)) == A_READING


def test_a_prediction_of_another_study_is_refused():
    with pytest.raises(ValueError, match="no prediction for series 's02'"):
        reading_json(A_READING, a_prediction(a_study(1)), a_study(2))


def test_a_report_says_where_no_first_answer_was_asked_for():
    study = a_study()
    document = reading_json(A_READING, a_prediction(study), study)["reading"]
    assert document["before_the_prediction_was_shown"] is None
    assert "No conclusion was recorded before" in A_READING.before_and_after


def test_the_published_schema_is_that_of_the_type_of_a_report():
    assert json.loads(SCHEMA_FILE.read_text("utf-8")) == report_schema()


def test_every_document_keeps_to_the_published_schema():
    check = schema_check()
    first = Impression(Conclusion.NORMAL, Confidence.HIGH, "unremarkable")
    study = a_study()
    abstained = {"probabilities": None, "interval_inflammatory": None, "decision": "abstain"}
    blank = Reading(study=A_READING.study)
    for reading in (A_READING, replace(A_READING, first=first), blank):
        for changes in ({}, abstained):
            prediction = a_prediction(study, **changes)
            document = reading_json(reading, prediction, study, findings=FOUND, added_up=FOUND)
            check.validate(document)
    assert document["schema"] == SCHEMA


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["decision"], "cured"),
        (["patient"], "Jane"),
        (["probabilities", "inflammatory"], 1.2),
    ],
)
def test_a_document_with_a_wrong_or_a_further_field_breaks_the_schema(path, value):
    check = schema_check()
    study = a_study()
    document = reading_json(A_READING, a_prediction(study), study)
    *parents, last = path
    part = document["prediction"]
    for name in parents:
        part = part[name]
    part[last] = value
    assert not check.is_valid(document)
