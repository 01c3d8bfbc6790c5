import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from pypdf import PdfReader
from referencing import Registry, Resource

from asemble.clinical import ITEMS, Answer
from asemble.core.labels import STANDING_NOTICE, TRAINED_ON, Plane, Weighting
from asemble.core.results import (
    Probabilities,
    Remark,
    SeriesPrediction,
    SlicePrediction,
    StudyPrediction,
)
from asemble.core.study import Refusal, Series, Study
from asemble.core.volume import Volume
from asemble.reading import (
    MAX_COMMENT_CHARACTERS,
    SCHEMA,
    Conclusion,
    Confidence,
    Impression,
    Reading,
    from_document,
    short_hash,
)
from asemble.reading.document import schema as reading_schema
from asemble.report import (
    LIMITS,
    KeyImage,
    reading_json,
    reading_pdf,
    reading_text,
)
from asemble.report.schema import report_schema

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
        refused=(Refusal(f"/home/{CANARY}/scan.dcm", f"{CANARY} is not an image"),),
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


def the_page(study=None, reading=A_READING, images=(), said=(), added_up=(), **changes):
    study = study or a_study()
    return reading_pdf(
        reading,
        a_prediction(study, **changes),
        study,
        images=images,
        findings=said,
        added_up=added_up,
    )


def commented(reading, comments):
    return replace(reading, impression=replace(reading.impression, comments=comments))


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


def test_the_file_names_no_person_and_carries_no_date_of_today():
    metadata = PdfReader(io.BytesIO(the_page())).metadata
    assert metadata.title == "asemble reading"
    assert not metadata.author
    assert metadata.creation_date.year == 2000


def test_the_page_shows_reading_prediction_facts_and_limits():
    text = text_of(the_page())
    for words in (
        STANDING_NOTICE,
        "The reader's conclusion Mechanical or other mimic Confidence: high",
        "Band of oedema beside triangular sclerosis.",
        "The ensemble's prediction Inflammatory (axSpA pattern)",
        "P(inflammatory) from 58% to 81%",
        "asemblenet 20% 60% 20%",
        "The members differ by 12 points.",
        "coronal_asemblenet.safetensors deadbeefcafe",
        *LIMITS,
    ):
        assert words in text


def test_items_that_rest_on_unverified_sources_are_starred_on_the_page():
    text = text_of(the_page())
    assert "Oedema reaching 1 cm or more from the joint surface *" in text
    assert "* rests on a source that was not verified" in text


@pytest.mark.parametrize("are_shipped", [True, False])
def test_both_reports_say_whether_the_weights_are_the_shipped_ones(are_shipped):
    study = a_study()
    prediction = a_prediction(study, are_shipped=are_shipped)
    told = reading_json(A_READING, prediction, study)["weights_list"]
    assert told == {"sha256": prediction.weights_list, "shipped": are_shipped}
    text = text_of(the_page(are_shipped=are_shipped))
    assert ("not the weights that asemble ships" in text) is not are_shipped
    assert f"signed by the list {prediction.weights_list[:12]}" in text


def test_the_same_input_gives_the_same_bytes_in_another_process():
    script = (
        "import test_report as t, hashlib;"
        "print(hashlib.sha256(t.the_page(images=[t.KeyImage('a', t.picture())])).hexdigest())"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parent,
        ).stdout
        for _ in range(2)
    }
    assert len(runs) == 1


def test_both_forms_of_two_slices_are_embedded_as_given():
    images = [
        KeyImage("semicoronal slice 9", picture(40, 60), picture(40, 60)[::-1], "Grad-CAM"),
        KeyImage("semiaxial slice 4", picture(30, 20), None, "No positive evidence"),
    ]
    pdf = the_page(images=images)
    page, _ = PdfReader(io.BytesIO(pdf)).pages
    embedded = [np.asarray(image.image) for image in page.images]
    wanted = [images[0].plain, images[0].overlay, images[1].plain]
    assert len(embedded) == 3
    for pixels in wanted:
        assert any(np.array_equal(pixels, other) for other in embedded)
    assert "semicoronal slice 9" in text_of(pdf)
    assert "No positive evidence" in text_of(pdf)


def test_the_longest_possible_reading_still_fits_two_pages_and_says_what_was_cut():
    study = a_study(40)
    reading = replace(
        commented(A_READING, "W" * MAX_COMMENT_CHARACTERS),
        answers=dict.fromkeys([item.id for item in ITEMS], Answer.YES),
    )
    pdf = the_page(
        study,
        reading,
        said=("a finding that goes on " * 20,) * 30,
        added_up=("a sum that goes on " * 60,) * 3,
        images=[KeyImage("caption " * 60, picture(), picture(), "note " * 90)] * 4,
        reasons=(Remark("", "a reason that goes on " * 40),) * 30,
        members={f"member {i}": Probabilities(0.2, 0.6, 0.2) for i in range(30)},
        weights={f"{i}.safetensors": "0" * 64 for i in range(30)},
    )
    assert len(PdfReader(io.BytesIO(pdf)).pages) == 2
    text = text_of(pdf)
    assert "(shortened; the JSON has all)" in text
    for rest in ("34 more series", "22 more weight files", "22 more members", "24 more reasons"):
        assert rest in text
    for kept in (*LIMITS, "RED FLAG", "Towards mechanical: 11", "do not multiply them."):
        assert kept in text


def test_letters_that_the_font_lacks_are_shown_as_missing_and_kept_in_the_json():
    study = a_study()
    reading = commented(A_READING, "\u9aa8\u9ad3 oedema ≥4")
    text = text_of(the_page(study, reading))
    assert "Comments: ?? oedema ≥4" in text
    assert "only the JSON holds" in text
    document = reading_json(reading, a_prediction(study), study)
    assert document["reading"]["comments"] == "\u9aa8\u9ad3 oedema ≥4"


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


def test_the_reading_can_be_opened_again_from_the_report():
    study = a_study()
    document = reading_json(A_READING, a_prediction(study), study, findings=FOUND)
    assert from_document(json.dumps(document)) == A_READING


def test_a_prediction_of_another_study_is_refused():
    with pytest.raises(ValueError, match="no prediction for series 's02'"):
        reading_json(A_READING, a_prediction(a_study(1)), a_study(2))


def test_a_picture_that_is_not_rgb_bytes_and_a_fifth_picture_are_refused():
    with pytest.raises(ValueError, match="uint8"):
        KeyImage("grey", np.zeros((4, 4), dtype=np.uint8))
    with pytest.raises(ValueError, match="at most 4"):
        the_page(images=[KeyImage("a", picture())] * 5)


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


def test_a_report_says_where_no_first_answer_was_asked_for():
    study = a_study()
    document = reading_json(A_READING, a_prediction(study), study)["reading"]
    assert document["before_the_prediction_was_shown"] is None
    assert "No conclusion was recorded before" in A_READING.before_and_after


def test_an_answer_that_stood_is_said_to_be_kept():
    first = Impression(Conclusion.NORMAL, Confidence.HIGH)
    kept = Reading(impression=first, first=first)
    assert kept.before_and_after.endswith("unchanged since.")
    surer = replace(kept, impression=replace(first, confidence=Confidence.MODERATE))
    assert surer.before_and_after.endswith("changed since.")


FOUND = (
    "ASAS active sacroiliitis (2009, kept in 2016): met (2 found, 2 needed).",
    "SPARCC 4 of 72.",
)


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


SCHEMA_FILE = Path(__file__).parents[1] / "docs" / "report.schema.json"
READING_SCHEMA = Resource.from_contents(reading_schema())


def schema_check():
    schema = {"$id": "https://localhost/docs/", **json.loads(SCHEMA_FILE.read_text("utf-8"))}
    name = "https://localhost/asemble/reading/reading.schema.json"
    return Draft202012Validator(schema, registry=Registry().with_resource(name, READING_SCHEMA))


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
