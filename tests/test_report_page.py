"""The PDF of a report: what stands on its two pages."""

import io
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from pypdf import PdfReader
from pypdf.generic import ContentStream
from small_reports import A_READING, a_study, commented, picture, text_of, the_page, with_prior

from asemble.clinical import ITEMS, Answer
from asemble.clinical.marks import QUADRANTS, Lesion, Mark
from asemble.core.labels import STANDING_NOTICE, Weighting
from asemble.core.results import Probabilities, Remark
from asemble.reading import MAX_COMMENT_CHARACTERS, digest, edits
from asemble.report import LIMITS, KeyImage, Signature, reading_pdf


def test_the_file_names_no_person_and_carries_the_time_that_it_is_given_and_no_other():
    metadata = PdfReader(io.BytesIO(the_page())).metadata
    assert metadata.title == "asemble reading"
    assert not metadata.author
    assert metadata.creation_date.year == 2000
    made = datetime(2031, 2, 3, 4, 5, tzinfo=UTC)
    dated = PdfReader(io.BytesIO(the_page(signature=Signature(made=made))))
    assert dated.metadata.creation_date == made
    assert "2031-02-03T04:05:00+00:00" in dated.trailer["/Root"]["/Metadata"].get_data().decode()


def test_who_read_and_when_stands_on_the_page_with_lines_for_what_nobody_may_keep():
    read = datetime(2026, 11, 28, 9, 14, tzinfo=UTC)
    text = text_of(the_page(signature=Signature("A. Reader", changed=read)))
    assert "Read by A. Reader" in text
    assert "28 November 2026, 09:14 UTC" in text
    for line in ("Patient's name", "Patient's ID", "Date of birth", "Examined on", "Signature"):
        assert line in text
    assert digest(A_READING) in text


def test_a_report_without_the_ensemble_says_so_and_prints_the_reading():
    study = a_study()
    pdf = reading_pdf(A_READING, None, study, images=[KeyImage("slice 9", picture())])
    text = text_of(pdf)
    assert "The ensemble was not run" in text
    assert "Mechanical or other mimic" in text
    assert "P(inflammatory)" not in text and "asemblenet" not in text


def test_a_score_that_nobody_gave_is_printed_apart_from_0():
    study = a_study()
    t1 = replace(study.series[1], weighting=Weighting.T1)
    study = replace(study, series=(study.series[0], t1))
    scored = replace(A_READING, completed=("s01",))
    text = text_of(the_page(study, scored))
    assert "SPARCC inflammation 0 of 72" in text
    assert "SPARCC SSS erosion not scored marking is not called complete" in text
    assert "0 of 40" not in text


def test_a_follow_up_prints_then_now_and_the_change_and_none_where_one_is_not_scored():
    text = text_of(the_page(*with_prior()))
    assert "against an examination 26 weeks (182 days) before" in text
    assert "SPARCC inflammation 1 of 72 0 of 72 \u22121 A change by 1 is not more than" in text
    assert "SPARCC SSS erosion not scored not scored not scored" in text


def test_the_map_of_the_joints_shows_this_examination_alone():
    study, reading = with_prior()
    assert "right upper iliac: bone marrow oedema" not in _map_of(study, reading)
    mark = Mark(Lesion.OEDEMA, 2, QUADRANTS[0])
    reading = edits.toggle_mark(reading, "s01", mark)
    assert "right upper iliac: bone marrow oedema on 1 slice;" in _map_of(study, reading) + ";"


def test_every_picture_is_at_least_85_mm_wide_with_that_of_the_other_weighting_beside_it():
    image = KeyImage("STIR", picture(60, 60), picture(60, 60)[::-1], "Heat", picture(60, 60), "T1")
    first, *_ = PdfReader(io.BytesIO(the_page(images=[image] * 2))).pages
    widths = [
        float(operands[0]) * 25.4 / 72
        for operands, operator in _operations(first)
        if operator == b"cm" and float(operands[0]) > 100
    ]
    assert len(widths) == 3 and min(widths) >= 85


def test_the_file_is_made_for_archives_and_says_what_is_what():
    image = KeyImage("STIR slice 9", picture())
    reader = PdfReader(io.BytesIO(the_page(images=[image])))
    root = reader.trailer["/Root"]
    assert "<pdfaid:part>2</pdfaid:part>" in root["/Metadata"].get_data().decode()
    assert root["/OutputIntents"][0]["/S"] == "/GTS_PDFA1"
    assert root["/Lang"] == "en"
    for page in reader.pages:
        for font in page["/Resources"]["/Font"].values():
            assert "/FontFile2" in font["/FontDescriptor"]
    (document,) = [root["/StructTreeRoot"]["/K"]]
    elements = [each.get_object() for each in document["/K"]]
    assert {"/H1", "/H2", "/P", "/Figure"} <= {each["/S"] for each in elements}
    assert all(each.get("/Alt") for each in elements if each["/S"] == "/Figure")


def _map_of(study, reading):
    root = PdfReader(io.BytesIO(the_page(study, reading))).trailer["/Root"]["/StructTreeRoot"]
    said = (each.get_object().get("/Alt", "") for each in root["/K"]["/K"])
    return next(each for each in said if each.startswith("Map of both joints")).rstrip(".")


def _pictures(page):
    return sum(operator == b"Do" for _, operator in _operations(page))


def _operations(page):
    return ContentStream(page.get_contents(), page.pdf).operations


def test_the_page_shows_reading_prediction_facts_and_limits():
    text = text_of(the_page())
    for words in (
        STANDING_NOTICE,
        "The reader's conclusion Mechanical or other mimic Confidence: high",
        "Band of oedema beside triangular sclerosis.",
        "the ensemble's prediction Inflammatory (axSpA pattern)",
        "P(inflammatory) from 58% to 81%",
        "asemblenet 20% 60% 20%",
        "The members differ by 12 points.",
        *LIMITS,
    ):
        assert words in text


def test_items_that_rest_on_unverified_sources_are_starred_on_the_page():
    text = text_of(the_page())
    assert "Oedema reaching 1 cm or more from the joint surface *" in text
    assert "* rests on a source that was not verified" in text


def test_the_same_input_gives_the_same_bytes_in_another_process():
    script = (
        "import small_reports as t, hashlib; from asemble.report import KeyImage;"
        "print(hashlib.sha256(t.the_page(images=[KeyImage('a', t.picture())])).hexdigest())"
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
    pages = PdfReader(io.BytesIO(pdf)).pages
    embedded = [np.asarray(image.image) for page in pages for image in page.images]
    wanted = [images[0].plain, images[0].overlay, images[1].plain]
    assert len(embedded) == 3
    for pixels in wanted:
        assert any(np.array_equal(pixels, other) for other in embedded)
    assert "semicoronal slice 9" in text_of(pdf)
    assert "No positive evidence" in text_of(pdf)


def test_the_longest_reading_has_two_pages_before_further_pictures_and_says_what_was_cut():
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
    _, _, *further = PdfReader(io.BytesIO(pdf)).pages
    assert [_pictures(page) for page in further] == [4, 2]
    text = text_of(pdf)
    assert "(shortened; the JSON has all)" in text
    for rest in ("34 more series", "22 more members", "24 more reasons"):
        assert rest in text
    for kept in (*LIMITS, "RED FLAG", "Towards mechanical: 11", "do not multiply them."):
        assert kept in text


def test_a_picture_that_is_not_rgb_bytes_and_a_fifth_picture_are_refused():
    with pytest.raises(ValueError, match="uint8"):
        KeyImage("grey", np.zeros((4, 4), dtype=np.uint8))
    with pytest.raises(ValueError, match="at most 4"):
        the_page(images=[KeyImage("a", picture())] * 5)
