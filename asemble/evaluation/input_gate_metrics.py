"""How often the ensemble abstains, group by group, with exact intervals."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from asemble.core.labels import Plane
from asemble.core.study import Study
from asemble.core.volume import Floats
from asemble.evaluation.input_gate_groups import HELD, Sample
from asemble.imaging.slices import prepare
from asemble.metrics.resampling import share
from asemble.models import Ensemble
from asemble.models.input_gate import DOUBT, InputGate
from asemble.performance.records import GateGroup, Percentiles
from asemble.predict.decision import too_few
from asemble.predict.gate import Gate, Refusals
from asemble.predict.inference import InferredSeries, infer_study

ALL_JUDGED, ALL_DECLINED = "all joints", "everything else"
MOST_REASONS = 4
"""Reasons that are kept of a group."""


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


@dataclass(frozen=True, slots=True, eq=False)
class Gated:
    """A study after the question what it shows, whatever the answer to it would be.

    Args:
        why_abstains: one sentence why the ensemble abstains for what it shows, or None.
        refusals: by series.
        inferred: the series that went through the networks, refused or not.
    """

    why_abstains: str | None
    refusals: Refusals
    inferred: Sequence[InferredSeries]


def through_gate(study: Study, ensemble: Ensemble) -> Gated:
    """Whether a study shows the joints; networks are asked about what a glance lets pass."""
    gate = Gate(study, ensemble.input_gate)
    gate.ask_slices()
    _, inferred = infer_study(gate.passed, ensemble, stacks=gate.stacks)
    gate.ask_bones(inferred, ensemble)
    remarks = [too_few(gate.passed)] if gate.passed else [*gate.refusals.values()]
    reasons = [None if remark is None else remark.sentence for remark in remarks]
    return Gated(reasons[0] if reasons else "There is no series.", gate.refusals, inferred)


def outcomes(samples: Iterable[Sample], ensemble: Ensemble) -> list[Outcome]:
    """What the ensemble makes of each sample, in order."""
    return [_outcome(sample, ensemble) for sample in samples]


def _outcome(sample: Sample, ensemble: Ensemble) -> Outcome:
    gated = through_gate(sample.study, ensemble)
    slices = [one.shown for one in gated.inferred if one.shown is not None]
    return Outcome(
        sample.group,
        sample.must_judge,
        gated.why_abstains,
        _margins(sample, ensemble.input_gate),
        float(np.concatenate(slices).mean()) if slices else None,
        tuple(note.code for one in gated.inferred for note in one.notes),
    )


def gate_groups(found: Sequence[Outcome]) -> tuple[GateGroup, ...]:
    """What became of each group.

    The held-out appearances, and what must be declined, are also put together.
    """
    groups: defaultdict[str, list[Outcome]] = defaultdict(list)
    for outcome in found:
        groups[outcome.group].append(outcome)
    groups[ALL_JUDGED] = [o for o in found if o.must_judge]
    groups[HELD + "all"] = [o for o in found if o.group.startswith(HELD)]
    groups[ALL_DECLINED] = [o for o in found if not o.must_judge]
    return tuple(_group(name, group) for name, group in groups.items() if group)


def _group(name: str, group: Sequence[Outcome]) -> GateGroup:
    reasons = Counter(o.reason for o in group if o.reason is not None)
    margins = [o.margins for o in group if o.margins is not None]
    return GateGroup(
        name=name,
        must_judge=group[0].must_judge,
        studies=len(group),
        abstained=reasons.total(),
        share=share(reasons.total(), len(group)),
        pelvis=_percentiles([o.shown for o in group if o.shown is not None], (0, 50, 100)),
        margin_shown=_percentiles([m[0] for m in margins]),
        margin_upright=_percentiles([m[1] for m in margins]),
        noted=sum(bool(o.codes) for o in group),
        codes=dict(sorted(Counter(code for o in group for code in o.codes).items())),
        reasons=dict(reasons.most_common(MOST_REASONS)),
    )


def _percentiles(values: Sequence[float], at: Sequence[int] = (1, 50, 99)) -> Percentiles | None:
    if not values:
        return None
    low, middle, high = (round(float(v), 2) for v in np.percentile(values, at))
    return low, middle, high


def _margins(sample: Sample, scope: InputGate) -> tuple[float, float] | None:
    (series, *others) = sample.study.series or (None,)
    plane = None if series is None or others else series.plane
    if series is None or scope.network is None or plane is None or plane not in scope.limits:
        return None
    return _over(plane, prepare(series.volume, plane).images, scope)


def _over(plane: Plane, images: Floats, scope: InputGate) -> tuple[float, float]:
    shown, turned = scope.scores(plane, images)
    limits = scope.limits[plane]
    return shown - limits.shown + DOUBT, shown - turned - limits.upright
