"""The texts of the heatmap checks: each question in plain words, with its figure and verdict."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from asemble.core.results import CheckVerdict
from asemble.explain.checks import (
    NOISES,
    SHIFT_PIXELS,
    SHIFTS,
    Agreement,
    Deletion,
    HeatmapChecks,
    JointShare,
    Stability,
)
from asemble.imaging.slices import PIXEL_MM

Limits = Mapping[str, float | None]
"""By question, the figure below which it speaks against a map; empty where none was measured."""


def verdicts(checks: HeatmapChecks, limits: Limits) -> tuple[CheckVerdict, ...]:
    """All four, in the order in which they are shown.

    Args:
        checks: what was found.
        limits: from `asemble evaluate trust`; a question without one takes no side, except where
            its figure is plainly on one.
    """
    return (
        _agreement(checks.agreement, limits.get("agreement")),
        _joint(checks.joint, limits.get("joint")),
        _stability(checks.stability, limits.get("stability")),
        _deletion(checks.deletion, limits.get("deletion")),
    )


def _agreement(found: Agreement, limit: float | None) -> CheckVerdict:
    question = "Do different kinds of network agree?"
    if found.overlap is None:
        sentence = "Neither the convolutional nor the transformer member shows evidence here."
        return CheckVerdict(question, "", sentence, None)
    figure = f"{found.overlap:.0%}"
    if found.silent is not None:
        sentence = f"The {found.silent} member shows no evidence here; the other one is alone."
        return CheckVerdict(question, figure, sentence, False)
    sentence = (
        f"{figure} of the evidence of the convolutional and of the transformer member lies at the "
        "same places."
    )
    return CheckVerdict(question, figure, sentence, _speaks(found.overlap, limit), _percent(limit))


def _joint(found: JointShare, limit: float | None) -> CheckVerdict:
    question = "Is the evidence at the joints?"
    if found.area is None:
        sentence = "Without geometry in the file nothing says where the joints should lie."
        return CheckVerdict(question, "", sentence, None)
    if found.share is None:
        return CheckVerdict(question, "", "There is no positive evidence on this slice.", None)
    figure = f"{found.share:.0%}"
    where = (
        "at the joints that the networks see here, and in the bone beside them"
        if found.is_seen
        else "where joints and the marrow beside them usually lie"
    )
    sentence = f"{figure} of the positive evidence lies {where}: {found.area:.0%} of the slice."
    if not found.is_seen:
        sentence += " It is a region from geometry: on this slice the networks see no joint."
    return CheckVerdict(question, figure, sentence, _speaks(found.share, limit), _percent(limit))


def _stability(found: Stability, limit: float | None) -> CheckVerdict:
    question = "Does it stay when the slice changes a little?"
    low, high = (
        f(found.probability, *found.changed) for f in (min, max)
    )  # the unchanged slice among them
    swing = f"P(inflammatory) of the slice lies between {low:.2f} and {high:.2f}"
    if found.mean_kept is None:
        return CheckVerdict(question, "", f"There is no heat to follow; {swing}.", None)
    figure = f"{found.mean_kept:.0%}"
    sentence = (
        f"Moved by {SHIFT_PIXELS * PIXEL_MM:.1f} mm in {len(SHIFTS)} directions and with mild "
        f"noise {NOISES} times, {figure} of the heat stays in place, {min(found.kept):.0%} at the "
        f"least; {swing}."
    )
    return CheckVerdict(
        question, figure, sentence, _speaks(found.mean_kept, limit), _percent(limit)
    )


def _deletion(found: Deletion, limit: float | None) -> CheckVerdict:
    question = "Does the answer depend on the hot region?"
    if found.covered is None or found.drop is None:
        return CheckVerdict(question, "", "There is no hot region to cover.", None)
    figure = signed(-found.drop)
    sentence = (
        f"Covering the hot region ({found.area_mm2 / 100:.0f} cm²) takes P(inflammatory) of the "
        f"slice from {found.probability:.2f} to {found.covered:.2f}"
    )
    if found.excess is None:
        return CheckVerdict(
            question, figure, f"{sentence}; there is no room to cover as much elsewhere.", None
        )
    falls = found.drops_elsewhere
    sentence += (
        f"; covering as much elsewhere in the body, at {len(falls)} places in turn, changes it by "
        f"{signed(-np.median(falls))} ({signed(-max(falls))} to {signed(-min(falls))})."
    )
    if found.drop <= max(falls):  # some other place matters as much
        return CheckVerdict(question, figure, sentence, False)
    shown = "" if limit is None else signed(-limit)
    return CheckVerdict(question, figure, sentence, _speaks(found.excess, limit), shown)


def signed(change: float | np.floating[Any]) -> str:
    """A change with its sign, where it has one to two decimals.

    >>> signed(0.123), signed(-0.5), signed(-0.001)
    ('+0.12', '-0.50', '0.00')
    """
    shown = f"{float(change):+.2f}"
    return "0.00" if shown in ("+0.00", "-0.00") else shown


def _percent(limit: float | None) -> str:
    return "" if limit is None else f"{limit:.0%}"


def _speaks(value: float, limit: float | None) -> bool | None:
    """Whether a figure speaks for a map; it takes no side where no limit was measured.

    >>> _speaks(0.4, 0.5), _speaks(0.5, 0.5), _speaks(0.5, None)
    (False, True, None)
    """
    return None if limit is None else value >= limit
