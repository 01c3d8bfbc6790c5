"""A reading, with the prediction beside it, as JSON, as a two-page PDF and as a paragraph."""

from asemble.report.document import LIMITS, SCHEMA, fingerprint, reading_json
from asemble.report.pdf import MAX_IMAGES, KeyImage, reading_pdf
from asemble.report.reading import (
    COMMENT_WARNING,
    MAX_COMMENT_CHARACTERS,
    UNSURE,
    Confidence,
    FirstReading,
    Reading,
    conclusion_heading,
)
from asemble.report.text import reading_text

__all__ = [
    "COMMENT_WARNING",
    "LIMITS",
    "MAX_COMMENT_CHARACTERS",
    "MAX_IMAGES",
    "SCHEMA",
    "UNSURE",
    "Confidence",
    "FirstReading",
    "KeyImage",
    "Reading",
    "conclusion_heading",
    "fingerprint",
    "reading_json",
    "reading_pdf",
    "reading_text",
]
