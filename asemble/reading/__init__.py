"""What the reader says of one study: one frozen object, its edits, and its file."""

from asemble.core.joints import JointLine
from asemble.reading.joint_lines import JointLines
from asemble.reading.measures import Measure, MeasureKind
from asemble.reading.reading import (
    COMMENT_WARNING,
    MAX_COMMENT_CHARACTERS,
    Conclusion,
    Confidence,
    Correction,
    Impression,
    Place,
    Reading,
)
from asemble.reading.serialisation import (
    SCHEMA,
    as_document,
    check_fits,
    content,
    digest,
    fingerprint,
    from_document,
    short_hash,
)

__all__ = [
    "COMMENT_WARNING",
    "MAX_COMMENT_CHARACTERS",
    "SCHEMA",
    "Conclusion",
    "Confidence",
    "Correction",
    "Impression",
    "JointLine",
    "JointLines",
    "Measure",
    "MeasureKind",
    "Place",
    "Reading",
    "as_document",
    "check_fits",
    "content",
    "digest",
    "fingerprint",
    "from_document",
    "short_hash",
]
