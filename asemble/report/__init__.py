"""A reading, with the prediction beside it, as JSON, as a two-page PDF and as a paragraph."""

from asemble.report.document import LIMITS, reading_json
from asemble.report.pdf import MAX_IMAGES, KeyImage, reading_pdf
from asemble.report.text import reading_text

__all__ = [
    "LIMITS",
    "MAX_IMAGES",
    "KeyImage",
    "reading_json",
    "reading_pdf",
    "reading_text",
]
