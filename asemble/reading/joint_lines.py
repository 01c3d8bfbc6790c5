"""Where the reader laid the joints: lines in millimetres, shared by the series of one frame."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from asemble.clinical.findings import Joint

Point = tuple[float, float, float]
"""Millimetres in the patient, LPS."""


@dataclass(frozen=True, slots=True)
class JointLine:
    """One joint as the reader laid it on one slice.

    Args:
        joint: the patient's side.
        upper: its upper end, mm LPS.
        lower: its lower end, mm LPS.
    """

    joint: Joint
    upper: Point
    lower: Point


@dataclass(frozen=True, slots=True)
class JointLines:
    """The lines of all series that share a frame of reference.

    Args:
        frame: names the frame inside the study, never a UID.
        lines: as they were laid, slice by slice.
    """

    frame: str
    lines: tuple[JointLine, ...]


def as_json(lines: Sequence[JointLines]) -> list[dict[str, Any]]:
    """For the file of a reading; `from_json` is the way back."""
    return [
        {
            "frame": each.frame,
            "lines": [
                {"joint": line.joint.value, "upper": list(line.upper), "lower": list(line.lower)}
                for line in each.lines
            ],
        }
        for each in lines
    ]


def from_json(value: Sequence[dict[str, Any]]) -> tuple[JointLines, ...]:
    """The lines of a file that has passed the schema."""
    return tuple(
        JointLines(
            each["frame"],
            tuple(
                JointLine(Joint(line["joint"]), _point(line["upper"]), _point(line["lower"]))
                for line in each["lines"]
            ),
        )
        for each in value
    )


def _point(value: Sequence[float]) -> Point:
    x, y, z = (float(each) for each in value)
    return x, y, z
