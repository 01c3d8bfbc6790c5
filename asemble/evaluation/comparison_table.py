"""The abstract's comparison, made again on simulated slices: its file, its rows, its page."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from asemble.core.errors import WeightsError
from asemble.core.labels import PATTERNS, Plane
from asemble.evaluation.documents import markdown_table
from asemble.metrics.estimates import with_interval
from asemble.metrics.slices import METRICS, ScoredSlices, confusion_shares, slice_metrics
from asemble.models.signing import sign

TABLE_FILE = "table.json"
"""Stands beside the weights, so that the app can show it."""

PUBLISHED: Mapping[str, float] = MappingProxyType({"coronal": 0.99, "axial": 0.9813})
"""Accuracy of ASembleNet in its abstract, where it was ahead of the three other networks."""

DIFFERENCE = (
    "The abstract reports an accuracy of 99% (coronal) and 98.13% (axial) for ASembleNet, ahead of "
    "Xception, ResNet50 and InceptionV3: on images of patients, counted image by image, in data "
    "that nobody else can get. The figures here are of another kind and cannot be set against "
    "those: simulated slices, made hard on purpose, split by case, of three classes that include "
    "mechanical disease. What can be compared is the networks here with each other."
)
"""What must stand beside the abstract's figures."""

PART_TITLES: Mapping[str, str] = MappingProxyType(
    {"test": "Appearances as in training", "held-out": "Appearances that training never sampled"}
)
"""By part of the cases."""

FIGURE_TITLES: Mapping[str, str] = MappingProxyType(
    {
        "accuracy": "Accuracy",
        "precision": "Precision",
        "recall": "Recall",
        "f1": "F1",
        "auc": "AUC",
        "pointing": "Pointing",
    }
)
"""Columns, in order."""


@dataclass(frozen=True, slots=True)
class NetworkAnswers:
    """What one row of the table is made of.

    Args:
        name: in files.
        title: for people.
        taught_by: "labels", "masks", or what the ensemble was taught by.
        passes: images seen in training, of each network of the row.
        parameters: of all networks of the row.
        scored: its answers by part.
    """

    name: str
    title: str
    taught_by: str
    passes: tuple[int, ...]
    parameters: int
    scored: Mapping[str, ScoredSlices]


def table_content(
    answers: Mapping[Plane, Sequence[NetworkAnswers]],
    *,
    facts: Mapping[str, Any],
    weights: Mapping[str, str],
) -> dict[str, Any]:
    """Everything that the table says, as JSON holds it; the same answers give the same content.

    Args:
        answers: rows by plane, in the order in which they are shown.
        facts: what was the same for every network that was trained for the table.
        weights: SHA-256 by file name of the ensemble's weights.
    """
    return {
        "facts": dict(facts),
        "weights": dict(weights),
        "published_accuracy": dict(PUBLISHED),
        "planes": {
            plane.value: {
                "sets": {part: _set_facts(scored) for part, scored in rows[0].scored.items()},
                "rows": [_row(row) for row in rows],
            }
            for plane, rows in answers.items()
        },
    }


def _set_facts(scored: ScoredSlices) -> dict[str, Any]:
    counts = {p.value: int((scored.labels == i).sum()) for i, p in enumerate(PATTERNS)}
    return {
        "slices": len(scored.labels),
        "cases": len(np.unique(scored.cases)),
        "labels": counts,
        "commonest_class": max(counts.values()) / len(scored.labels),
    }


def _row(answers: NetworkAnswers) -> dict[str, Any]:
    figures = {part: slice_metrics(scored) for part, scored in answers.scored.items()}
    return {
        "name": answers.name,
        "title": answers.title,
        "taught_by": answers.taught_by,
        "passes": list(answers.passes),
        "parameters": answers.parameters,
        "figures": {
            part: {name: None if e is None else e.as_dict() for name, e in found.items()}
            for part, found in figures.items()
        },
        "confusion": {part: confusion_shares(scored) for part, scored in answers.scored.items()},
    }


def write_table(directory: Path, content: Mapping[str, Any]) -> Path:
    """Write `table.json` into the folder of the weights, whole or not at all, and sign it."""
    path = directory / TABLE_FILE
    partial = path.with_suffix(".json.partial")
    partial.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    partial.replace(path)
    sign(path)
    return path


def read_table(directory: Path) -> dict[str, Any] | None:
    """What `asemble evaluate table` wrote, or None where it was never run.

    Raises:
        WeightsError: the file is damaged.
    """
    path = directory / TABLE_FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise WeightsError(
            f"{TABLE_FILE} is unreadable.", hint="Make it again with: asemble evaluate table"
        ) from error
    if not isinstance(content, dict) or "planes" not in content:
        raise WeightsError(
            f"{TABLE_FILE} holds no table.", hint="Make it again with: asemble evaluate table"
        )
    return content


def table_rows(content: Mapping[str, Any], plane: Plane, part: str) -> list[dict[str, str]]:
    """The rows of one plane and part for people: network, taught by, passes, size, figures.

    Args:
        content: from `read_table`.
        plane: coronal or axial.
        part: "test" or "held-out".
    """
    rows = content["planes"].get(plane.value, {}).get("rows", [])
    return [
        {
            "Network": row["title"],
            "Taught by": row["taught_by"],
            "Passes": " + ".join(f"{n:,}" for n in row["passes"]),
            "Parameters": f"{row['parameters'] / 1e6:.1f} M",
            **{FIGURE_TITLES[name]: with_interval(row["figures"][part][name]) for name in METRICS},
        }
        for row in rows
    ]


def confusion_rows(content: Mapping[str, Any], plane: Plane, part: str) -> list[dict[str, str]]:
    """Confusion matrices of one plane and part for people, a row a network and true class."""
    return [
        {
            "Network": f"{row['title']}, {row['taught_by']}",
            "Truth": truth,
            **{f"called {decision}": _cell(cell) for decision, cell in cells.items()},
        }
        for row in content["planes"].get(plane.value, {}).get("rows", [])
        for truth, cells in row["confusion"][part].items()
    ]


def _cell(cell: Mapping[str, Any] | None) -> str:
    return "none" if cell is None else f"{cell['slices']}: {with_interval(cell)}"


def notes(content: Mapping[str, Any]) -> list[str]:
    """What a reader must know of the figures, a sentence or two each."""
    facts = content["facts"]
    return [
        "Measured on simulated slices only; they say nothing about patients.",
        DIFFERENCE,
        f"Every network but the ensemble saw {facts['passes']:,} slices in training "
        f"({facts['start']}, unless its name says otherwise), the same ones, with the same batch "
        f"({facts['batch']}), changes, optimiser and learning rate ({facts['learning_rate']:g}). A "
        "small budget favours small networks and those that are shown where lesions are: the table "
        "ranks networks at this budget, not at any other. The ensemble is as shipped, on the "
        "budget of its row.",
        "Precision, recall and F1 are of inflammatory slices, called by the most probable class; "
        "AUC is of inflammatory slices against all others. Each figure has its 95% interval from "
        "1,000 resamples of cases. Slices are judged one by one, without the neighbours that a "
        "series has.",
        "Pointing is the share of slices with inflammatory oedema whose strongest place of "
        "evidence lies in it or within 3 mm: of the evidence map, or in Xception, ResNet50 and "
        "InceptionV3 of the class activation map, 8x8 or coarser.",
    ]


def page_parts(content: Mapping[str, Any]) -> list[str]:
    """Paragraphs, headings and tables of the page, in order."""
    parts = [*notes(content)]
    for name, measured in content["planes"].items():
        plane = Plane(name)
        parts.append(f"## {plane.heading} slices")
        published = content["published_accuracy"][name]
        parts.append(
            f"The abstract's accuracy for ASembleNet: {published:.2%} (see above for what differs)."
        )
        for part, facts in measured["sets"].items():
            labels = ", ".join(f"{n} {label}" for label, n in facts["labels"].items())
            parts += [
                f"### {PART_TITLES[part]}",
                f"{facts['slices']} slices of {facts['cases']} cases: {labels}. Calling every "
                f"slice by the commonest class would be right in {facts['commonest_class']:.0%}.",
                _markdown(table_rows(content, plane, part)),
                _markdown(confusion_rows(content, plane, part)),
            ]
    return parts


def _markdown(rows: Sequence[Mapping[str, str]]) -> str:
    return markdown_table(list(rows[0]), [list(row.values()) for row in rows])
