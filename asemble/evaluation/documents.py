"""Measurements as files: JSON for programs, and a page of Markdown for people."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

NOT_MEASURABLE = "not measurable"


def write_measurement(
    docs: Path,
    name: str,
    *,
    title: str,
    parts: Sequence[str],
    measured: Mapping[str, Any],
    command: str | None = None,
) -> None:
    """Write `measurements/<name>.json` and `<name>.md` below `docs`.

    Args:
        docs: folder, made if absent.
        name: of the files.
        title: heading of the page.
        parts: paragraphs, headings and tables, in order.
        measured: what the command measured.
        command: that writes them; None for `asemble evaluate <name>`.
    """
    folder = docs / "measurements"
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(measured, indent=1) + "\n"
    (folder / f"{name}.json").write_text(text, encoding="utf-8")
    written_by = command or f"asemble evaluate {name}"
    head = f"# {title}\n\nWritten by `{written_by}`; do not edit by hand."
    page = "\n\n".join([head, *(part.strip() for part in parts)])
    (docs / f"{name}.md").write_text(page + "\n", encoding="utf-8")


def markdown_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; the first column is to the left, the others too.

    >>> print(markdown_table(["a", "b"], [["1", "2"]]))
    | a | b |
    |---|---|
    | 1 | 2 |
    """
    lines = [columns, *rows]
    head, *body = (f"| {' | '.join(line)} |" for line in lines)
    return "\n".join([head, "|" + "---|" * len(columns), *body])


def words(estimate: Mapping[str, Any] | None) -> str:
    """A figure with its interval, as `Estimate.as_dict` keeps it, short enough for a table.

    >>> words({"value": 0.9123, "low": 0.87, "high": 0.95, "cases": 200})
    '0.91 (0.87 to 0.95)'
    """
    if estimate is None:
        return NOT_MEASURABLE
    return f"{estimate['value']:.2f} ({estimate['low']:.2f} to {estimate['high']:.2f})"


def signed_words(difference: Mapping[str, Any] | None) -> str:
    """A difference with its interval, short enough for a table.

    >>> signed_words({"value": -0.0123, "low": -0.05, "high": 0.02, "cases": 200})
    '-0.01 (-0.05 to +0.02)'
    """
    if difference is None:
        return NOT_MEASURABLE
    value, low, high = (difference[name] for name in ("value", "low", "high"))
    return f"{value:+.2f} ({low:+.2f} to {high:+.2f})"
