"""Measurements as files: JSON for programs, and a page of Markdown for people."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


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
