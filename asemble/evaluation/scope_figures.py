"""How often the ensemble abstains, group by group, with exact intervals, as a page."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import binomtest

from asemble.core.labels import Plane
from asemble.core.volume import Floats
from asemble.evaluation.documents import markdown_table
from asemble.evaluation.scope_groups import HELD, Sample
from asemble.imaging.slices import prepare
from asemble.models.scope import Scope

ALL_JUDGED, ALL_DECLINED = "all simulated joints", "everything else"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one study.

    Args:
        group: its name.
        must_judge: whether the ensemble must judge it.
        reason: why it abstained, or None.
        margins: how far the scope's two scores lie above their limits; None where it has none.
    """

    group: str
    must_judge: bool
    reason: str | None
    margins: tuple[float, float] | None


def outcomes(
    samples: Iterable[Sample], why_abstains: Callable[[Sample], str | None], scope: Scope
) -> list[Outcome]:
    """Each sample's outcome, in order."""
    return [Outcome(s.group, s.must_judge, why_abstains(s), _margins(s, scope)) for s in samples]


def abstention(found: Sequence[Outcome]) -> dict[str, dict[str, Any]]:
    """By group: studies, how many abstained, the share with its exact 95% interval, reasons.

    The held-out appearances, and what must be declined, are also put together.
    """
    groups: defaultdict[str, list[Outcome]] = defaultdict(list)
    for outcome in found:
        groups[outcome.group].append(outcome)
    groups[ALL_JUDGED] = [o for o in found if o.must_judge]
    groups[HELD + "all"] = [o for o in found if o.group.startswith(HELD)]
    groups[ALL_DECLINED] = [o for o in found if not o.must_judge]
    return {name: _figures(group) for name, group in groups.items() if group}


def page_parts(figures: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The page of `docs/scope.md`."""
    kept = [name for name in figures if figures[name]["must_judge"]]
    declined = [name for name in figures if not figures[name]["must_judge"]]
    return [
        "How often the ensemble abstains. Simulated stacks of the joints must be judged; "
        "everything else must be declined with a reason. No real scan of the joints was at hand: "
        "how often those are declined is not known, and every limit is set on the lenient side.",
        "## Must be judged",
        _table(figures, kept),
        "## Must be declined",
        "All are stated to be fluid-sensitive and coronal or axial, unless the group says that "
        "nothing is stated.",
        _table(figures, declined),
        "Margin: how far the slices' mean logit lies above the limit below which they show "
        "something else (at the first, the 50th and the 99th percentile); below 0 is declined. "
        "Groups that plain figures decline are scored too.",
    ]


def _figures(group: Sequence[Outcome]) -> dict[str, Any]:
    abstained = sum(o.reason is not None for o in group)
    exact = binomtest(abstained, len(group)).proportion_ci(0.95, "exact")
    margins = [o.margins for o in group if o.margins is not None]
    reasons: defaultdict[str, int] = defaultdict(int)
    for outcome in group:
        if outcome.reason is not None:
            reasons[outcome.reason] += 1
    return {
        "must_judge": group[0].must_judge,
        "studies": len(group),
        "abstained": abstained,
        "share": abstained / len(group),
        "low": float(exact.low),
        "high": float(exact.high),
        "margin_shown": _percentiles([m[0] for m in margins]),
        "margin_upright": _percentiles([m[1] for m in margins]),
        "reasons": dict(sorted(reasons.items(), key=lambda item: -item[1])[:4]),
    }


def _percentiles(values: Sequence[float]) -> list[float] | None:
    if not values:
        return None
    return [round(float(v), 2) for v in np.percentile(values, [1, 50, 99])]


def _table(figures: Mapping[str, Mapping[str, Any]], names: Sequence[str]) -> str:
    rows = []
    for name in names:
        found = figures[name]
        margin = found["margin_shown"]
        rows.append(
            [
                name,
                str(found["studies"]),
                str(found["abstained"]),
                f"{found['share']:.1%} ({found['low']:.1%} to {found['high']:.1%})",
                "-" if margin is None else " / ".join(f"{m:+.1f}" for m in margin),
            ]
        )
    columns = ["group", "studies", "abstained", "share (95% interval)", "margin 1 / 50 / 99%"]
    return markdown_table(columns, rows)


def _margins(sample: Sample, scope: Scope) -> tuple[float, float] | None:
    (series, *others) = sample.study.series or (None,)
    plane = None if series is None or others else series.plane
    if series is None or scope.network is None or plane is None or plane not in scope.limits:
        return None
    return _over(plane, prepare(series.volume, plane).images, scope)


def _over(plane: Plane, images: Floats, scope: Scope) -> tuple[float, float]:
    shown, turned = scope.scores(plane, images)
    limits = scope.limits[plane]
    return shown - limits.shown, shown - turned - limits.upright
