"""What every form of a report says alike: JSON, PDF and paragraph."""

import hashlib
import io
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pypdf import PdfReader
from small_reports import (
    A_READING,
    CANARY,
    FOUND,
    a_prediction,
    a_study,
    commented,
    picture,
    schema_check,
    text_of,
    the_page,
    with_prior,
)

from asemble.core.labels import TRAINED_ON
from asemble.core.results import Remark
from asemble.reading import Conclusion, Confidence, Impression, Reading, short_hash
from asemble.report import (
    KeyImage,
    Signature,
    reading_json,
    reading_pdf,
    reading_text,
)


def test_a_simulated_study_is_marked_in_both_exports_and_a_real_one_is_not():
    for synthetic in (True, False):
        study = a_study(synthetic=synthetic)
        document = reading_json(A_READING, a_prediction(study), study)
        assert document["marking"] == ("SYNTHETIC" if synthetic else None)
        images = [KeyImage("s01", picture())]
        for page in PdfReader(io.BytesIO(the_page(study, images=images))).pages:
            assert ("SYNTHETIC" in page.extract_text()) is synthetic


def test_no_file_name_note_or_full_key_leaves_in_either_export():
    study = a_study()
    document = json.dumps(reading_json(A_READING, a_prediction(study), study))
    pdf = the_page(study)
    reader = PdfReader(io.BytesIO(pdf))
    everything = (document, text_of(pdf), str(reader.metadata), pdf.decode("latin-1"))
    for text in everything:
        for secret in (CANARY, "Jane", "scan.dcm", study.key):
            assert secret not in text


@pytest.mark.parametrize("are_shipped", [True, False])
def test_both_reports_say_whether_the_weights_are_the_shipped_ones(are_shipped):
    study = a_study()
    prediction = a_prediction(study, are_shipped=are_shipped)
    told = reading_json(A_READING, prediction, study)["weights_list"]
    assert told == {"sha256": prediction.weights_list, "shipped": are_shipped}
    text = text_of(the_page(are_shipped=are_shipped))
    assert ("not the weights that asemble ships" in text) is not are_shipped
    assert f"signed by the list {prediction.weights_list[:12]}" in text


def test_a_report_without_the_ensemble_is_the_same_reading_in_json_and_in_text():
    study = a_study()
    document = reading_json(A_READING, None, study)
    schema_check().validate(document)
    assert document["prediction"] is None and document["weights_list"] is None
    assert document["reading"] == reading_json(A_READING, a_prediction(study), study)["reading"]
    assert "The ensemble was not run" in reading_text(A_READING, None, study)


def test_the_json_has_who_read_when_and_a_hash_that_anybody_can_compute_again():
    study = a_study()
    read = datetime(2026, 11, 28, 9, 14, tzinfo=UTC)
    document = reading_json(
        A_READING, a_prediction(study), study, signature=Signature(" A. Reader ", changed=read)
    )
    schema_check().validate(document)
    assert document["reader"] == "A. Reader"
    assert document["times"]["reading_changed"] == "2026-11-28T09:14:00+00:00"
    said = {"study": document["study"]["fingerprint"], **document["reading"]}
    del said["slices"]
    canonical = json.dumps(said, sort_keys=True, separators=(",", ":"))
    again = hashlib.sha256(canonical.encode()).hexdigest()
    assert again == document["sha256"] and again.startswith(document["hash"])


def test_page_and_json_have_the_same_scores_and_changes():
    study, reading = with_prior()
    document = reading_json(reading, a_prediction(study), study)
    schema_check().validate(document)
    text = text_of(the_page(study, reading))
    for score in document["scores"]:
        value = "not scored" if score["value"] is None else f"{score['value']} of {score['most']}"
        assert f"{score['title']} {value}" in text
    first, *others = document["follow_up"]["changes"]
    assert (first["then"], first["now"], first["change"]) == (1, 0, -1)
    assert all(each["change"] is None for each in others)


def test_an_abstaining_ensemble_and_an_unsure_reader_are_said_in_words():
    changes = {"probabilities": None, "interval_inflammatory": None, "members": {}}
    study = a_study()
    unsure = Reading(impression=Impression(Conclusion.UNSURE))
    abstained = a_prediction(
        study, decision="abstain", reasons=(Remark("", "Why."), Remark("", "A limit.")), **changes
    )
    pdf = reading_pdf(unsure, abstained, study, images=())
    assert "The ensemble abstains Why. There is no probability for this study." in text_of(pdf)
    assert "Reasons and limits of this answer - A limit." in text_of(pdf)
    assert "The ensemble abstains; there is no probability. Why." in reading_text(
        unsure, abstained, study
    )
    assert "The reader's conclusion Unsure Confidence: not chosen" in text_of(pdf)
    document = reading_json(unsure, abstained, study)
    assert document["reading"]["conclusion"] == "unsure"
    assert document["prediction"]["probabilities"] is None


def test_what_the_reader_did_not_choose_is_said_to_be_so_in_every_form():
    study = a_study()
    blank = Reading(study=A_READING.study)
    assert "The reader's conclusion Conclusion not chosen" in text_of(the_page(reading=blank))
    assert "Conclusion not chosen, confidence not chosen." in reading_text(
        blank, a_prediction(study), study
    )
    document = reading_json(blank, a_prediction(study), study)["reading"]
    assert (document["conclusion"], document["confidence"]) == (None, None)


def test_one_short_hash_of_the_reading_stands_in_every_form_and_changes_with_it():
    study = a_study()
    seen = set()
    for reading in (A_READING, commented(A_READING, "Otherwise.")):
        mark = short_hash(reading)
        seen.add(mark)
        for page in PdfReader(io.BytesIO(the_page(study, reading))).pages:
            assert f"reading {mark}" in page.extract_text()
        assert reading_json(reading, a_prediction(study), study)["hash"] == mark
        assert f"reading {mark}" in reading_text(reading, a_prediction(study), study)
    assert len(seen) == 2


def test_both_answers_stand_in_the_report_with_whether_the_prediction_changed_them():
    study = a_study()
    first = Impression(Conclusion.INFLAMMATORY, Confidence.LOW, "seen first")
    reading = replace(A_READING, first=first)
    document = reading_json(reading, a_prediction(study), study)["reading"]
    assert document["before_the_prediction_was_shown"] == {
        "conclusion": "inflammatory",
        "confidence": "low",
        "comments": "seen first",
    }
    assert document["conclusion"] == "mechanical"
    text = text_of(reading_pdf(reading, a_prediction(study), study, images=()))
    told = " ".join(text.split())
    assert "Before the prediction was shown: Inflammatory (axSpA pattern), low confidence" in told
    assert "changed since" in told


def test_an_answer_that_stood_is_said_to_be_kept():
    first = Impression(Conclusion.NORMAL, Confidence.HIGH)
    kept = Reading(impression=first, first=first)
    assert kept.before_and_after.endswith("unchanged since.")
    surer = replace(kept, impression=replace(first, confidence=Confidence.MODERATE))
    assert surer.before_and_after.endswith("changed since.")


def test_what_was_marked_stands_in_every_form_of_the_report():
    study = a_study()
    document = reading_json(A_READING, a_prediction(study), study, findings=FOUND)
    assert document["findings"] == list(FOUND)
    text = reading_text(A_READING, a_prediction(study), study, findings=FOUND)
    assert all(sentence in text for sentence in FOUND)
    page = text_of(the_page(study, said=FOUND))
    assert "Marked on the slices" in page
    assert "SPARCC 4 of 72" in page


def test_the_paragraph_starts_with_synthetic_names_nobody_and_says_what_trained_the_ensemble():
    study = a_study()
    text = reading_text(A_READING, a_prediction(study), study)
    assert text.startswith("SYNTHETIC. ")
    assert "\n" not in text
    assert study.key not in text
    assert f"trained on {TRAINED_ON}" in text
    assert A_READING.impression.heading in text
    real = a_study(synthetic=False)
    assert "SYNTHETIC" not in reading_text(A_READING, a_prediction(real), real)
