"""The PDF of a report: what stands on its two pages."""

import io
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pypdf import PdfReader
from small_reports import A_READING, a_study, commented, picture, text_of, the_page

from asemble.clinical import ITEMS, Answer
from asemble.core.labels import STANDING_NOTICE
from asemble.core.results import Probabilities, Remark
from asemble.reading import MAX_COMMENT_CHARACTERS
from asemble.report import LIMITS, KeyImage


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


def test_a_picture_that_is_not_rgb_bytes_and_a_fifth_picture_are_refused():
    with pytest.raises(ValueError, match="uint8"):
        KeyImage("grey", np.zeros((4, 4), dtype=np.uint8))
    with pytest.raises(ValueError, match="at most 4"):
        the_page(images=[KeyImage("a", picture())] * 5)
