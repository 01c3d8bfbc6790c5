"""How accurate the heatmap checks are: do their figures tell right maps from wrong ones?

On simulated slices it is known whether a map is right: its hottest pixel lies on inflammatory
oedema. A check is worth its time if its figure is lower where the map is wrong.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from asemble.core.labels import JUDGED_PLANES, Plane
from asemble.evaluation.study_types import CheckRecord, ChecksRecord
from asemble.imaging.joint_bands import JOINT_BANDS, JointBand, joint_region
from asemble.metrics.discrimination import auc_over_cases
from asemble.metrics.resampling import ratio_over_cases
from asemble.performance.records import (
    HIGH,
    CheckMetrics,
    CheckName,
    ChecksAccuracy,
    JointRegion,
    Maybe,
)
from asemble.performance.tables import CHECKS

RIGHT_BELOW = 0.1
"""A limit is set so that one in ten right maps of the validation studies falls below it."""

Limits = Mapping[str, float | None]
"""By check; None where no map is right."""


def limits_of_checks(validation: Sequence[ChecksRecord]) -> dict[str, float | None]:
    """Below it the figure of a check speaks against a map."""
    return {check: limit_of(validation, check) for check in CHECKS}


def heatmap_checks(
    validation: Sequence[ChecksRecord],
    test: Sequence[ChecksRecord],
    limits: Limits,
    *,
    bands: Mapping[Plane, JointBand],
    joint_cases: int,
) -> ChecksAccuracy:
    """Accuracy of limits of the one set on the other, and the joint region.

    Args:
        validation: that the limits are from.
        test: other studies.
        limits: by check.
        bands: of the joints, as fitted again.
        joint_cases: that they were fitted on.
    """
    looks = _looks(test)
    wrong = [look for look in looks if not look["right"]]
    return ChecksAccuracy(
        validation=len(validation),
        test=len(test),
        right=len(looks) - len(wrong),
        wrong=len(wrong),
        wrong_high=sum(look["probability"] >= HIGH for look in wrong),
        checks={
            check: CheckMetrics(
                auc=auc_over_cases([_scores(check, 0.0, record) for record in test]),
                auc_high=auc_over_cases([_scores(check, HIGH, record) for record in test]),
                right_below=_below(test, check, limits, right=True),
                wrong_below=_below(test, check, limits, right=False),
            )
            for check in CHECKS
        },
        regions={
            plane: JointRegion(
                oedema=ratio_over_cases([r["oedema"].get(plane.value, (0, 0)) for r in test]),
                area=round(float(joint_region(plane).mean()), 4),
                fitted=bands[plane],
                in_use=JOINT_BANDS[plane],
            )
            for plane in JUDGED_PLANES
        },
        joint_cases=joint_cases,
    )


def limit_of(records: Sequence[ChecksRecord], check: CheckName) -> float | None:
    """Below it lies the figure of one in ten right maps; None where no map is right."""
    values = [value for look, value in _known(records, check) if look["right"]]
    return round(float(np.quantile(values, RIGHT_BELOW)), 2) if values else None


def _looks(records: Sequence[ChecksRecord]) -> list[CheckRecord]:
    """Checked slices whose map showed heat."""
    return [look for record in records for look in record["looks"] if look["shows"]]


def _known(records: Sequence[ChecksRecord], check: CheckName) -> list[tuple[CheckRecord, float]]:
    """Those that have a figure, with it."""
    return [(look, value) for look in _looks(records) if (value := look[check]) is not None]


def _scores(check: CheckName, least: float, record: ChecksRecord) -> tuple[list[bool], list[float]]:
    known = [each for each in _known([record], check) if each[0]["probability"] >= least]
    return [look["right"] for look, _ in known], [value for _, value in known]


def _below(
    records: Sequence[ChecksRecord], check: CheckName, limits: Limits, *, right: bool
) -> Maybe:
    limit = limits[check]
    if limit is None:
        return None

    def part(record: ChecksRecord) -> tuple[int, int]:
        known = [value for look, value in _known([record], check) if look["right"] is right]
        return sum(value < limit for value in known), len(known)

    return ratio_over_cases([part(record) for record in records])
