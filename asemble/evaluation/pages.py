"""What was measured, as paragraphs and tables of Markdown: the pages below `docs`."""

from collections.abc import Mapping, Sequence
from typing import Any

from asemble.core.labels import JUDGED_PLANES
from asemble.evaluation.calibration_metrics import EXPLAINED as CALIBRATION_EXPLAINED
from asemble.evaluation.documents import markdown_table
from asemble.evaluation.heatmap_metrics import (
    CASCADE_COLUMNS,
    COLUMNS,
    MAPS,
    MISMATCHED,
    best_method,
)
from asemble.evaluation.heatmap_metrics import EXPLAINED as EXPLANATIONS_EXPLAINED
from asemble.evaluation.study_metrics import IN_DISTRIBUTION, NOTICE, SHIFTED
from asemble.metrics.estimates import with_interval

Sets = Mapping[str, Mapping[str, Any]]
"""What was measured of each test set, by its name."""

STUDIES_EXPLAINED = """\
AUC is for inflammatory against the rest; intervals resample studies (95%). *Within a study* is
the mean of the AUCs of single studies. *Neighbouring slices* are pairs at most one position apart
of which one shows inflammatory oedema and one does not: the share in which the right one scores
higher. The *position* baseline scores a slice by how near it is to the middle of the stack, the
*brightness* baseline by its brightest half per cent.
"""


def studies_parts(sets: Sets, gallery: Sequence[Mapping[str, Any]]) -> list[str]:
    """The page of `asemble evaluate studies`."""
    names = list(dict.fromkeys(n for measured in sets.values() for n in measured["figures"]))
    counts = ", ".join(f"{m['studies']} studies of {name}" for name, m in sets.items())
    figures = markdown_table(
        ["figure", *(f"simulated, {name}" for name in sets)],
        [[n, *(with_interval(m["figures"].get(n)) for m in sets.values())] for n in names],
    )
    parts = [NOTICE, f"Measured on {counts}.", STUDIES_EXPLAINED, "## Simulated figures", figures]
    by_appearance = sets[SHIFTED]["by appearance"]
    columns = list(next(iter(by_appearance.values())))
    parts += [
        "## Simulated figures by held-out appearance",
        markdown_table(
            ["appearance", "studies", *columns],
            [
                [name, str(row["studies"]), *(with_interval(row[column]) for column in columns)]
                for name, row in by_appearance_rows(by_appearance)
            ],
        )
        if columns
        else "",
    ]
    for name, measured in sets.items():
        parts += [f"## Simulated decisions, {name}", _confusion(measured["confusion"])]
    parts += ["## Worst simulated studies", "![](../weights/gallery.jpg)"]
    parts.append(
        markdown_table(
            ["kind", "appearance", "seed", "what went wrong"],
            [
                [
                    e["kind"],
                    e["appearance"] or IN_DISTRIBUTION,
                    str(e["seed"]),
                    e["what went wrong"],
                ]
                for e in gallery
            ],
        )
    )
    return parts


def by_appearance_rows(
    by_appearance: Mapping[str, Mapping[str, Any]],
) -> list[tuple[str, dict[str, Any]]]:
    """Rows with the number of studies that each rests on."""
    rows = []
    for name, figures in by_appearance.items():
        counts = [figure["cases"] for figure in figures.values() if figure is not None]
        rows.append((name, {**figures, "studies": max(counts, default=0)}))
    return rows


def explanations_parts(sets: Sets) -> list[str]:
    """The page of `asemble evaluate explanations`."""
    best = MAPS[best_method(sets[SHIFTED])]
    parts = [NOTICE, EXPLANATIONS_EXPLAINED]
    parts.append(
        f"**{best}** measures best for the members on held-out appearances: of the methods that "
        "point best, to half a point, it is the most precise "
        "([decision 13](decisions/0013-grad-cam-stays-the-default.md))."
    )
    for name, measured in reversed(list(sets.items())):
        for plane in JUDGED_PLANES:
            slices = measured["slices"][plane.value]
            parts.append(
                f"## Simulated, {name}: {plane}\n\n"
                f"{slices} slices; {measured['studies']} studies in both planes."
            )
            rows = [row for row in measured["rows"] if row["plane"] == plane]
            parts.append(_maps_table(rows))
            parts.append(
                markdown_table(
                    ["Grad-CAM less evidence map", "difference in pointing", "within 5 points"],
                    [
                        [
                            d["who"],
                            with_interval(d["difference"], "+.3f"),
                            "yes" if d["within 5 points"] else "no",
                        ]
                        for d in measured["grad-cam minus evidence"]
                        if d["plane"] == plane
                    ],
                )
            )
            parts.append(_cascade_table([r for r in measured["cascade"] if r["plane"] == plane]))
    return parts


def calibration_parts(sets: Sets) -> list[str]:
    """The page of `asemble evaluate calibration`."""
    parts = [NOTICE, CALIBRATION_EXPLAINED, "## Simulated calibration error"]
    rows = []
    for name, measured in sets.items():
        for error in measured["errors"]:
            perfect, unlikely = (
                error["error if perfect"],
                error["one in twenty perfect models exceeds"],
            )
            rows.append(
                [
                    name,
                    f"{error['cases']} {error['level']}",
                    error["of"],
                    with_interval(error["error"], ".3f"),
                    f"{perfect:.3f} ({unlikely:.3f})",
                ]
            )
    parts.append(markdown_table(["simulated set", "cases", "of", "ECE", "if perfect"], rows))
    parts.append("## The interval on simulated second examinations")
    parts.append(
        markdown_table(
            ["simulated set", "people examined twice", "nominal", "held", "mean width"],
            [
                [
                    name,
                    str(interval["people examined twice"]),
                    f"{interval['nominal']:.2f}",
                    with_interval(interval["held"]),
                    f"{interval['mean width']:.2f}",
                ]
                for name, interval in ((n, m["interval"]) for n, m in sets.items())
            ],
        )
    )
    for name, measured in sets.items():
        for error in measured["errors"]:
            parts.append(f"### Simulated reliability, {name}: {error['level']}, {error['of']}")
            parts.append(
                markdown_table(
                    ["cases", "mean probability", "frequency"],
                    [
                        [str(b["cases"]), f"{b['predicted']:.3f}", f"{b['observed']:.3f}"]
                        for b in error["bins"]
                    ],
                )
            )
    return parts


def _maps_table(rows: Sequence[Mapping[str, Any]]) -> str:
    titles = {**MAPS, MISMATCHED: "Grad-CAM as shown, mismatched oedema (control)"}
    return markdown_table(
        ["map", "of", *COLUMNS],
        [
            [
                titles[row["map"]],
                row["who"],
                *(with_interval(row[c]) if c in row else "" for c in COLUMNS),
            ]
            for row in rows
        ],
    )


def _cascade_table(rows: Sequence[Mapping[str, Any]]) -> str:
    return markdown_table(
        ["randomised down to", "of", *CASCADE_COLUMNS, "has forgotten"],
        [
            [
                f"`{row['down to']}`",
                row["who"],
                *(with_interval(row[c]) for c in CASCADE_COLUMNS),
                "yes" if row["has forgotten"] else "no",
            ]
            for row in rows
        ],
    )


def _confusion(counts: Mapping[str, Mapping[str, int]]) -> str:
    decisions = list(next(iter(counts.values())))
    return markdown_table(
        ["truth, then decision", *decisions],
        [[truth, *(str(row[d]) for d in decisions)] for truth, row in counts.items()],
    )
