"""How often the ensemble abstains, group by group, with exact intervals, as a page."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from asemble.core.labels import Plane
from asemble.core.volume import Floats
from asemble.evaluation.documents import markdown_table
from asemble.evaluation.input_gate_groups import HELD, Sample
from asemble.imaging.slices import prepare
from asemble.metrics.estimates import with_interval
from asemble.metrics.resampling import share
from asemble.models import Ensemble
from asemble.models.scope import DOUBT, Scope
from asemble.predict import look_for_joints

ALL_JUDGED, ALL_DECLINED = "all joints", "everything else"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one study.

    Args:
        group: its name.
        must_judge: whether the ensemble must judge it.
        reason: why it abstained, or None.
        margins: how far the glance's two scores lie above their limits; None where it has none.
        shown: share of its slices that show a pelvis; None where no network was asked.
        codes: of what the bones say against its file.
    """

    group: str
    must_judge: bool
    reason: str | None
    margins: tuple[float, float] | None
    shown: float | None = None
    codes: tuple[str, ...] = ()


def outcomes(samples: Iterable[Sample], ensemble: Ensemble) -> list[Outcome]:
    """What the ensemble makes of each sample, in order."""
    return [_outcome(sample, ensemble) for sample in samples]


def _outcome(sample: Sample, ensemble: Ensemble) -> Outcome:
    looked = look_for_joints(sample.study, ensemble)
    slices = [one.shown for one in looked.judged if one.shown is not None]
    return Outcome(
        sample.group,
        sample.must_judge,
        looked.why_abstains,
        _margins(sample, ensemble.scope),
        float(np.concatenate(slices).mean()) if slices else None,
        tuple(note.code for one in looked.judged for note in one.notes),
    )


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
        "How often the ensemble abstains for what a study shows. Stacks of the joints must be "
        "judged; everything else must be declined with a reason. A glance declines what is surely "
        "something else; the bones that the networks name decide about the rest.",
        "## Must be judged",
        _table(figures, kept),
        "Mirrored stacks are judged too: networks name sides by the picture, so that left and "
        "right, swapped against the file, cannot be known from bones.",
        "## Must be declined",
        "All are stated to be fluid-sensitive and coronal or axial, unless the group says that "
        "nothing is stated.",
        _table(figures, declined),
        "Pelvis: share of the slices that show a sacrum between two ilia with a joint on either "
        "side (at the least, in the middle and at the most), where the networks were asked. "
        "Margin: how far the slices' mean logit lies above the limit of the glance (at the first, "
        "the 50th and the 99th percentile); below 0 no network is asked. Note: share of the "
        "studies of which the bones said something against the file, whether they were judged or "
        "not.",
    ]


def _figures(group: Sequence[Outcome]) -> dict[str, Any]:
    abstained = sum(o.reason is not None for o in group)
    exact = share(abstained, len(group))
    margins = [o.margins for o in group if o.margins is not None]
    reasons: defaultdict[str, int] = defaultdict(int)
    for outcome in group:
        if outcome.reason is not None:
            reasons[outcome.reason] += 1
    return {
        "must_judge": group[0].must_judge,
        "studies": len(group),
        "abstained": abstained,
        "share": exact.value,
        "low": exact.low,
        "high": exact.high,
        "margin_shown": _percentiles([m[0] for m in margins]),
        "margin_upright": _percentiles([m[1] for m in margins]),
        "shown": _percentiles([o.shown for o in group if o.shown is not None], (0, 50, 100)),
        "noted": sum(bool(o.codes) for o in group),
        "codes": dict(sorted(Counter(code for o in group for code in o.codes).items())),
        "reasons": dict(sorted(reasons.items(), key=lambda item: -item[1])[:4]),
    }


def _percentiles(values: Sequence[float], at: Sequence[int] = (1, 50, 99)) -> list[float] | None:
    if not values:
        return None
    return [round(float(v), 2) for v in np.percentile(values, at)]


def _table(figures: Mapping[str, Mapping[str, Any]], names: Sequence[str]) -> str:
    rows = []
    for name in names:
        found = figures[name]
        margin, shown = found["margin_shown"], found["shown"]
        rows.append(
            [
                name,
                str(found["studies"]),
                str(found["abstained"]),
                with_interval({**found, "value": found["share"]}, ".1%"),
                "-" if shown is None else " / ".join(f"{part:.0%}" for part in shown),
                "-" if margin is None else " / ".join(f"{m:+.1f}" for m in margin),
                f"{found['noted'] / found['studies']:.0%}",
            ]
        )
    columns = ["group", "studies", "abstained", "share (95% interval)", "pelvis", "margin", "note"]
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
    return shown - limits.shown + DOUBT, shown - turned - limits.upright
