"""What a reader types, in whatever script, on the page of a report."""

import io
import re
from pathlib import Path

import pytest
from pypdf import PdfReader
from pypdf.generic import ContentStream
from small_reports import A_READING, commented, said_beside, text_of, the_page

from asemble.core.joints import Lesion
from asemble.report import Signature, unprintable
from asemble.ui import viewer

SIX = {
    "latin": "Bone marrow oedema \u2265 1 cm; fa\u00e7ade, \u0141\u00f3d\u017a",
    "greek": "\u039f\u03af\u03b4\u03b7\u03bc\u03b1 \u03bc\u03c5\u03b5\u03bb\u03bf\u03cd",
    "cyrillic": "\u041e\u0442\u0451\u043a \u043c\u043e\u0437\u0433\u0430",
    "chinese": "\u9aa8\u9ad3\u6c34\u80bf\uff08\u7ea6 12 mm\uff09\u3073\u3089\u3093 \ucc9c\uc7a5",
    "arabic": "\u0648\u0630\u0645\u0629 \u0646\u0642\u064a \u0639\u0638\u0645 (SPARCC 12)",
    "devanagari": "\u0905\u0938\u094d\u0925\u093f \u092e\u091c\u094d\u091c\u093e",
}


def missing_glyphs(pdf):
    """How many letters are drawn as the box of their font: its first glyph, code 0."""
    return sum(
        bytes(operands[0].original_bytes).count(0)
        for page in PdfReader(io.BytesIO(pdf)).pages
        for operands, operator in ContentStream(page.get_contents(), page.pdf).operations
        if operator == b"Tj"
    )


@pytest.mark.parametrize("script", SIX)
def test_a_script_is_set_without_a_missing_letter_and_can_be_read_aloud(script):
    typed = SIX[script]
    assert unprintable(typed) == []
    pdf = the_page(reading=commented(A_READING, typed), signature=Signature(typed))
    assert said_beside(pdf).count(typed) == 2
    assert missing_glyphs(pdf) == 0
    assert "?" not in text_of(pdf)


def test_letters_that_no_font_has_are_told_and_printed_as_their_numbers():
    odd = chr(0x13000)
    assert unprintable(f"{odd} oedema {odd}") == [odd]
    pdf = the_page(reading=commented(A_READING, f"{odd} oedema"))
    assert "[U+13000] oedema" in said_beside(pdf)
    assert missing_glyphs(pdf) == 0


def test_what_is_signed_cannot_be_turned_round_by_signs_that_nobody_sees():
    assert said_beside(the_page(reading=commented(A_READING, "not \u202emet")))[-1] == "not met"


def test_signs_that_join_or_vary_a_letter_are_no_letters_of_their_own_in_any_font():
    for typed in ("\u9aa8\u200d\u9ad3", "\u0645\u200c\u0647", "\u2764\ufe0f", "\u0301", "\u0600"):
        assert unprintable(typed) == []
        assert missing_glyphs(the_page(reading=commented(A_READING, typed))) == 0
    assert unprintable("\ue123\U000e0fff") == ["\ue123", "\U000e0fff"]  # nobody's, and not yet any


def test_a_long_comment_in_any_script_keeps_to_its_lines():
    for typed in (SIX["chinese"] * 40, SIX["arabic"] * 40, "W" * 2000):
        pdf = the_page(reading=commented(A_READING, typed))
        assert missing_glyphs(pdf) == 0
        assert len(said_beside(pdf)) > 3


def test_a_lesion_has_the_same_letter_on_the_page_and_in_the_viewer():
    script = Path(viewer.__file__).with_name("marks.js").read_text("utf-8")
    for lesion in Lesion:
        assert re.search(rf'"?{lesion.value}"?: "{lesion.letter}"', script)
