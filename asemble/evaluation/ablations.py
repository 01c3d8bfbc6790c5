"""What each part of the simulator is worth, and what more a network could see: rows and page."""

from collections.abc import Mapping, Sequence
from typing import Any

from asemble.core.labels import Plane
from asemble.evaluation.comparison_table import PART_TITLES, NetworkAnswers
from asemble.evaluation.documents import markdown_table
from asemble.metrics.estimates import with_interval
from asemble.metrics.slices import slice_differences, slice_metrics

SHOWN = ("auc", "pointing")
"""The figures that decide: the others depend on where a small budget leaves the threshold."""


def ablation_content(
    answers: Mapping[Plane, Sequence[NetworkAnswers]], facts: Mapping[str, Any]
) -> dict[str, Any]:
    """Figures of each row and how they differ from the first row's, as JSON holds them.

    Args:
        answers: rows by plane; the first is what the others are set against.
        facts: what was the same for every network.
    """
    return {
        "facts": dict(facts),
        "planes": {
            plane.value: [_row(row, rows[0]) for row in rows] for plane, rows in answers.items()
        },
    }


def _row(row: NetworkAnswers, first: NetworkAnswers) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    for part, scored in row.scored.items():
        figures = slice_metrics(scored)
        differences = slice_differences(scored, first.scored[part])
        parts[part] = {
            name: {
                "value": None if figure is None else figure.as_dict(),
                "difference": None if difference is None else difference.as_dict(),
            }
            for name, figure, difference in (
                (name, figures[name], differences[name]) for name in SHOWN
            )
        }
    return {"name": row.name, "title": row.title, "parts": parts}


def page_parts(content: Mapping[str, Any]) -> list[str]:
    """Paragraphs, headings and tables of the page, in order."""
    facts = content["facts"]
    parts = [
        "Measured on simulated slices only; they say nothing about patients. ASembleNet was taught "
        f"by masks with {facts['passes']:,} passes over the slices of {facts['training_cases']:,} "
        "cases for each row, a small part of the budget of the shipped weights. What is left out "
        "is left out of the slices to learn from; the slices that are asked about hold everything.",
        "A difference is to the first row, on the same resamples of cases. Its interval does not "
        "hold the chance of training itself: the second row, the same run from another seed, shows "
        "how large that is, and a difference no larger than that one means nothing.",
    ]
    for name, rows in content["planes"].items():
        for part, title in PART_TITLES.items():
            parts.append(f"## {Plane(name).heading} slices: {title[0].lower()}{title[1:]}")
            columns = ["Trained on", "AUC", "AUC, difference", "Pointing", "Pointing, difference"]
            lines = [
                [row["title"]]
                + [
                    cell
                    for figure in (row["parts"][part][name] for name in SHOWN)
                    for cell in (
                        with_interval(figure["value"]),
                        "" if row is rows[0] else with_interval(figure["difference"], "+.2f"),
                    )
                ]
                for row in rows
            ]
            parts.append(markdown_table(columns, lines))
    return parts
