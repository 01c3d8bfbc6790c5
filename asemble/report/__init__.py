"""A reading, with the prediction beside it, as JSON and as a one-page PDF."""

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
]
