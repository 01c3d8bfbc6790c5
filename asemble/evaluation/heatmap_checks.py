"""What the four questions to a heatmap are worth: do their figures tell right maps from wrong ones?

On simulated slices it is known whether a map is right: its hottest pixel lies on inflammatory
oedema. A question is worth asking if its figure is lower where the map is wrong.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np

from asemble.core.labels import JUDGED_PLANES, Plane
from asemble.evaluation.documents import markdown_table
from asemble.evaluation.simulated_studies import Record
from asemble.evaluation.study_metrics import NOTICE, Figure, as_dicts
from asemble.imaging.joints import JOINT_BANDS, SUBCHONDRAL_MM, JointBand
from asemble.metrics.discrimination import auc_over_cases
from asemble.metrics.estimates import NOT_MEASURABLE, with_interval
from asemble.metrics.resampling import ratio_over_cases

QUESTIONS = {
    "agreement": "overlap of convolutional and transformer members",
    "joint": "evidence in the joint region",
    "stability": "heat that stays in place",
    "deletion": "fall of P by covering, beyond that elsewhere",
    "probability": "P(inflammatory) of the slice itself (for comparison)",
}
"""Figures in the records, for people; each is higher where a map deserves more trust."""

RIGHT_BELOW = 0.1
"""A limit is set so that one in ten right maps of the validation studies falls below it."""

HIGH = 0.5
"""P(inflammatory) of a slice from which on a wrong map would mislead."""

HIGH_AUC = "AUC where P is high"
"""The name of the figure that counts such slices alone."""

EXPLAINED = f"""\
Each series is looked at twice: at the slice of the highest P(inflammatory), where the reader
starts, and at one drawn by chance. Only maps that show heat are counted. A map is **right** where
its hottest pixel lies on inflammatory oedema or within 5 pixels of it, else **wrong**: without
inflammatory oedema on the slice every map is. **AUC** is how well the figure alone tells right maps
from wrong ones, 0.5 for not at all; intervals resample studies. Most wrong maps stand on slices
whose P(inflammatory) is low, which by itself says that there is little to trust: the last line
holds the questions against it, and the second AUC counts slices with P of at least {HIGH} alone.
The **limit**, from validation studies, is where one in ten right maps falls below; the shares are
those of the test studies, in appearances that training never samples.
"""


@dataclass(frozen=True, slots=True)
class Bands:
    """The joint bands as fitted again, with how well the region measures.

    Args:
        fitted: by plane.
        cases: that they were fitted on.
        area: share of the prepared slice that the region takes, by plane.
    """

    fitted: Mapping[Plane, JointBand]
    cases: int
    area: Mapping[Plane, float]


def trust_figures(
    validation: Sequence[Record], test: Sequence[Record], bands: Bands
) -> dict[str, Any]:
    """Limits from the one set, what they are worth on the other, and the joint region."""
    limits = {question: limit_of(validation, question) for question in QUESTIONS}
    return {
        "notice": NOTICE,
        "studies": {"validation": len(validation), "test": len(test)},
        "maps": {
            "right": sum(look["right"] for look in _looks(test)),
            "wrong": sum(not look["right"] for look in _looks(test)),
            "wrong where P is high": sum(
                not look["right"] and look["probability"] >= HIGH for look in _looks(test)
            ),
        },
        "limits": limits,
        "questions": {
            question: as_dicts(
                {
                    "AUC": Figure(partial(_scores, question, 0.0), auc_over_cases).of(test),
                    HIGH_AUC: Figure(partial(_scores, question, HIGH), auc_over_cases).of(test),
                    "right maps below the limit": _below(test, question, limits, right=True),
                    "wrong maps below the limit": _below(test, question, limits, right=False),
                }
            )
            for question in QUESTIONS
        },
        "joint region": {
            plane.value: {
                "oedema": None
                if (found := Figure(partial(_covered, plane), ratio_over_cases).of(test)) is None
                else found.as_dict(),
                "area": round(bands.area[plane], 4),
                "fitted again": asdict(bands.fitted[plane]),
                "in use": asdict(JOINT_BANDS[plane]),
            }
            for plane in JUDGED_PLANES
        },
        "joints fitted on": bands.cases,
    }


def limit_of(records: Sequence[Record], question: str) -> float | None:
    """Below it lies the figure of one in ten right maps; None where no map is right."""
    values = [
        look[question] for look in _looks(records) if look["right"] and look[question] is not None
    ]
    return round(float(np.quantile(values, RIGHT_BELOW)), 2) if values else None


def trust_parts(measured: Mapping[str, Any]) -> list[str]:
    """The page of `asemble evaluate trust`."""
    studies, maps = measured["studies"], measured["maps"]
    columns = list(next(iter(measured["questions"].values())))
    rows = []
    for question, figures in measured["questions"].items():
        limit = measured["limits"][question]
        shown = NOT_MEASURABLE if limit is None else f"{limit:.2f}"
        rows.append(
            [QUESTIONS[question], shown, *(with_interval(figures[column]) for column in columns)]
        )
    region = [
        [
            plane,
            with_interval(figures["oedema"]),
            f"{figures['area']:.2f}",
            ", ".join(f"{name} {value:g}" for name, value in figures["in use"].items()),
        ]
        for plane, figures in measured["joint region"].items()
    ]
    return [
        NOTICE,
        EXPLAINED,
        f"Limits from {studies['validation']} studies; measured on {studies['test']} others, with "
        f"{maps['right']} right and {maps['wrong']} wrong maps, {maps['wrong where P is high']} of "
        "them where P is high.",
        markdown_table(["question", "limit", *columns], rows),
        "## The joint region on simulated slices",
        f"A slanting band a side, as wide and as long as holds 95% of the joint spaces of "
        f"{measured['joints fitted on']} simulated cases, with {SUBCHONDRAL_MM:g} mm of marrow "
        "around it, on slices within the depth of the middle of the stack. *Oedema* is the share "
        "of inflammatory oedema that lies in it, *area* the share of the prepared slice that it "
        "takes.",
        markdown_table(["plane", "oedema", "area", "band"], region),
    ]


def _looks(records: Sequence[Record]) -> list[Record]:
    """What was looked at and showed heat."""
    return [look for record in records for look in record["looks"] if look["shows"]]


def _scores(question: str, least: float, record: Record) -> tuple[list[bool], list[float]]:
    known = [
        look
        for look in _looks([record])
        if look[question] is not None and look["probability"] >= least
    ]
    return [look["right"] for look in known], [look[question] for look in known]


def _below(
    records: Sequence[Record], question: str, limits: Mapping[str, float | None], *, right: bool
) -> Any:
    limit = limits[question]
    if limit is None:
        return None

    def part(record: Record) -> tuple[int, int]:
        known = [
            look[question]
            for look in _looks([record])
            if look["right"] is right and look[question] is not None
        ]
        return sum(value < limit for value in known), len(known)

    return Figure(part, ratio_over_cases).of(records)


def _covered(plane: Plane, record: Record) -> tuple[float, float]:
    inside, total = record["oedema"].get(plane.value, (0, 0))
    return inside, total
