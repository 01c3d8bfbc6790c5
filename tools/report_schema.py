"""Writes `docs/report.schema.json` from the type of a report: `make schema`."""

import json
from pathlib import Path

from asemble.report.schema import report_schema

FILE = Path(__file__).parents[1] / "docs" / "report.schema.json"


def as_text() -> str:
    """The content of the file."""
    return json.dumps(report_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(as_text(), encoding="utf-8")
