"""What the reader says of one study: one frozen object, its edits, and its file."""

from asemble.core.joints import JointLine
from asemble.reading.document import (
    SCHEMA,
    as_document,
    check_fits,
    content,
    digest,
    fingerprint,
    from_document,
    short_hash,
)
from asemble.reading.joint_lines import JointLines
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
