"""`performance.json` beside the weights: the one copy of what was measured of them, signed.

The Models page and the pages below `docs` are made from it.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from asemble.core.errors import WeightsError
from asemble.models.signing import OTHER_FORMAT, Signed, sign
from asemble.performance.records import FORMAT, Performance

PERFORMANCE_FILE = "performance.json"
"""Stands beside the weights."""

GALLERY_FILE = "gallery.jpg"
"""Beside it: pictures of the worst studies below one another."""

_HINT = "Measure again with: asemble evaluate"
_PERFORMANCE = TypeAdapter(Performance)


def performance_of(signed: Signed) -> Performance:
    """What was measured of the weights in a signed folder; nothing where there is no file.

    Raises:
        WeightsError: the file was changed, is damaged, or of another format.
    """
    if PERFORMANCE_FILE not in signed.digests:
        return Performance()
    return read_performance(signed.folder, signed.read)


def read_performance(folder: Path, read: Callable[[Path], bytes] = Path.read_bytes) -> Performance:
    """What was measured of the weights in a folder; nothing where there is no file.

    Args:
        folder: of the weights.
        read: gives the content of a file; `Signed.read` where it has to be the signed one.

    Raises:
        WeightsError: the file is damaged or of another format.
    """
    path = folder / PERFORMANCE_FILE
    if not path.is_file():
        return Performance()
    try:
        content = read(path)
        form = json.loads(content).get("format")
        if form != FORMAT:
            wrong = f"{PERFORMANCE_FILE} has format {form}, not {FORMAT}."
            raise WeightsError(wrong, hint=_HINT, code=OTHER_FORMAT)
        return _PERFORMANCE.validate_json(content)
    except (OSError, ValueError, AttributeError) as error:
        raise WeightsError(f"{PERFORMANCE_FILE} is damaged.", hint=_HINT) from error


def write_performance(folder: Path, performance: Performance) -> None:
    """Write `performance.json`, whole or not at all, and sign it."""
    path = folder / PERFORMANCE_FILE
    partial = path.with_suffix(".json.partial")
    content = json.dumps(as_plain(Performance, performance), indent=1)
    partial.write_text(content + "\n", encoding="utf-8")
    partial.replace(path)
    sign(path)


def keep(folder: Path, **measured: Any) -> Performance:
    """Put what one verb measured in place of what it measured before; the rest stays.

    Raises:
        WeightsError: the file is damaged or of another format.
    """
    kept = replace(read_performance(folder), **measured)
    write_performance(folder, kept)
    return kept


def as_plain(kind: Any, record: object) -> dict[str, Any]:
    """A record as JSON holds it."""
    plain: dict[str, Any] = TypeAdapter(kind).dump_python(record, mode="json")
    return plain
