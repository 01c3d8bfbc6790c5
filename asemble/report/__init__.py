"""A reading, with the prediction beside it, as JSON, as PDF pages and as a paragraph."""

from asemble.report.document import LIMITS, reading_json
from asemble.report.fonts import unprintable
from asemble.report.pdf import MAX_IMAGES, reading_pdf
from asemble.report.pictures import KeyImage
from asemble.report.records import Signature
from asemble.report.text import reading_text

__all__ = [
    "LIMITS",
    "MAX_IMAGES",
    "KeyImage",
    "Signature",
    "reading_json",
    "reading_pdf",
    "reading_text",
    "unprintable",
]
