"""The figures of an external validation as JSON and as a page of Markdown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from asemble.core.labels import HEATMAP_TITLES, STANDING_NOTICE
from asemble.core.text_table import Table
from asemble.datasets.leakage import Inflation
from asemble.evaluation.external_metrics import (
    ExternalCase,
    abstained,
    case_level,
    confusion_of,
    decided,
    figures,
    pointing,
    pooled,
    slice_level,
)
from asemble.metrics.decision_curve import decision_curve
from asemble.metrics.estimates import with_interval
from asemble.metrics.localisation import POINTING_MARGIN
from asemble.performance.pages import Parts


@dataclass(frozen=True, slots=True)
class Setting:
    """What was measured, and on what.

    Args:
        facts: plain values for the JSON: manifest, weights, version.
        patients: whether patients are named.
        threshold: P(inflammatory) from which on the shipped ensemble calls it.
        warnings: sentences that stand above the figures.
        not_judged: slices that the ensemble declined to judge, by reason.
        reasons: cases that it declined, by reason.
    """

    facts: Mapping[str, Any]
    patients: bool
    threshold: float
    warnings: Sequence[str]
    not_judged: Mapping[str, int]
    reasons: Mapping[str, int]


def as_json(
    cases: Sequence[ExternalCase], inflation: Inflation | None, setting: Setting
) -> dict[str, Any]:
    """Every figure, an `Estimate` or None where it cannot be."""
    levels = {"slices": slice_level} | ({"patients": case_level} if setting.patients else {})
    level = levels.get("patients", slice_level)
    games = {method for case in cases for method in case.pointing}
    sites = sorted({case.site for case in cases if case.site})
    return {
        "notice": STANDING_NOTICE,
        "warnings": list(setting.warnings),
        **setting.facts,
        "cases": {"what": "patients" if setting.patients else "groups", "count": len(cases)},
        "judged_slices": sum(len(case.labels) for case in cases),
        "threshold": setting.threshold,
        "figures": {
            name: figures(cases, of, threshold=setting.threshold) for name, of in levels.items()
        },
        "confusion": {name: confusion_of(cases, of) for name, of in levels.items()},
        "decisions_right": decided(cases) if setting.patients else None,
        "abstained": {
            "patients": abstained(cases) if setting.patients else None,
            "reasons": dict(setting.reasons),
            "slices_not_judged": sum(setting.not_judged.values()),
            "slice_reasons": dict(setting.not_judged),
        },
        "pointing": {method: pointing(cases, method) for method in sorted(games)},
        "decision_curve": {
            "of": "patients" if setting.patients else "slices",
            "points": [point.as_dict() for point in decision_curve(*pooled(cases, level))],
        },
        "sites": {
            site: figures([c for c in cases if c.site == site], level, threshold=setting.threshold)
            for site in (sites if len(sites) > 1 else [])
        },
        "nearest_neighbour_accuracy": None
        if inflation is None
        else {
            "images_split_one_by_one": inflation.by_image,
            "patients_kept_together"
            if setting.patients
            else "near_duplicates_kept_together": inflation.by_case,
        },
    }


def page_parts(content: Mapping[str, Any], inflation: Inflation | None) -> Parts:
    """The same for people, from what `as_json` returns."""
    unit = content["cases"]["what"]
    parts: Parts = [
        "<!-- written by `asemble evaluate external` -->\n# External validation",
        content["notice"],
        *(f"**{warning}**" for warning in content["warnings"]),
        f"{content['cases']['count']} {unit}, {content['judged_slices']} judged slices. "
        f"Inflammatory against the rest; called from P(inflammatory) = {content['threshold']} on. "
        f"95% intervals resample {unit}.",
        _figure_table(content["figures"]),
        "## Abstentions",
        *_abstentions(content),
    ]
    if content["pointing"]:
        rows = [
            [HEATMAP_TITLES.get(method, method), with_interval(found, ".3f")]
            for method, found in content["pointing"].items()
        ]
        parts += [
            "## Pointing",
            f"Hottest pixel within {POINTING_MARGIN} pixels of the mask, of inflammatory slices "
            "that have one.",
            Table(["map of the ensemble", "share"], rows),
        ]
    for level, counts in content["confusion"].items():
        head = ["truth, then most probable", *next(iter(counts.values()))]
        rows = [[truth, *(str(n) for n in row.values())] for truth, row in counts.items()]
        parts += [f"## Confusion of {level}", Table(head, rows)]
    curve = content["decision_curve"]
    rows = [
        [f"{p['threshold']:.2f}", *(f"{p[k]:.3f}" for k in ("model", "treat_all", "treat_none"))]
        for p in curve["points"]
    ]
    parts += [
        "## Decision curve",
        f"Net benefit of {curve['of']} against the probability from which on one would act "
        "(Vickers and Elkin 2006).",
        Table(["threshold", "ensemble", "act on all", "act on none"], rows),
    ]
    for site, found in content["sites"].items():
        parts += [f"## Site {site}", _figure_table({unit: found})]
    if inflation is not None:
        parts += ["## Why patients must not cross a split", f"{inflation}"]
    return parts


def _figure_table(by_level: Mapping[str, Mapping[str, Any]]) -> Table:
    rows = [
        [name, *(with_interval(found[name], ".3f") for found in by_level.values())]
        for name in next(iter(by_level.values()))
    ]
    return Table(["figure", *by_level], rows)


def _abstentions(content: Mapping[str, Any]) -> list[str]:
    told = content["abstained"]
    if told["patients"] is None:
        words = "No patients are named, so there are no figures by patient."
    else:
        right = with_interval(content["decisions_right"], ".3f")
        words = (
            f"{told['patients']} of {content['cases']['count']} patients; decisions right, an "
            f"abstention counted as wrong: {right}."
        )
    reasons = {**told["reasons"], **told["slice_reasons"]}
    listed = "\n".join(f"- {count}: {reason}" for reason, count in reasons.items())
    not_judged = f"Slices that were not judged: {told['slices_not_judged']}."
    return [words, not_judged, *([listed] if listed else [])]
