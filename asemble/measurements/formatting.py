"""Measurements for JSON, rounded to what the cells of the maps can tell."""

from typing import Any

from asemble.clinical.sparcc import INFLAMMATION_MAX, INFLAMMATION_SLICES, inflammation
from asemble.core.joints import Mark
from asemble.core.measurements import BoneOedema, JointOedema, Measurements, SliceOedema
from asemble.reading.joint_lines import JointLines
from asemble.reading.joint_lines import as_json as lines_as_json

AREA_DIGITS, VOLUME_DIGITS, RATIO_DIGITS, DEPTH_DIGITS = 1, 3, 2, 1


def as_json(measured: Measurements) -> dict[str, Any]:
    """The part of a series in the contract of `asemble predict --json`.

    `sparcc` is null where nothing can be proposed, and `why_no_sparcc` says why; ratios are null
    without reference marrow.
    """
    return {
        "reference": {
            "slices": list(measured.reference.slices),
            "area_mm2": round(measured.reference.area_mm2, AREA_DIGITS),
            "why_not": measured.reference.why_not,
        },
        "fluid_ratio": _rounded(measured.fluid_ratio, RATIO_DIGITS),
        "volume_ml": round(measured.volume_ml, VOLUME_DIGITS),
        "joints": [_joint(one) for one in measured.joints],
        "slices": [_slice(one) for one in measured.slices],
        "joint_lines": lines_as_json([JointLines("", tuple(measured.joint_lines))])[0]["lines"],
        "sparcc": _sparcc(measured),
        "why_no_sparcc": measured.why_no_sparcc,
    }


def in_words(measured: Measurements) -> str:
    """One line for people."""
    oedema = f"{measured.volume_ml:.1f} mL of oedema at the joints"
    if measured.first_scored is None:
        return f"{oedema}; {measured.why_no_sparcc}"
    score = inflammation(measured.marks, measured.first_scored)
    return (
        f"{oedema}; a SPARCC of {score.total} of {INFLAMMATION_MAX} is proposed to the reader, on "
        f"slices {score.first_slice} to {score.first_slice + INFLAMMATION_SLICES - 1}."
    )


def _joint(one: JointOedema) -> dict[str, Any]:
    return {
        "joint": one.joint.value,
        "volume_ml": round(one.volume_ml, VOLUME_DIGITS),
        "ratio": _rounded(one.ratio, RATIO_DIGITS),
        "depth_mm": round(one.depth_mm, DEPTH_DIGITS),
    }


def _slice(one: SliceOedema) -> dict[str, Any]:
    return {
        "index": one.index,
        "area_mm2": round(one.area_mm2, AREA_DIGITS),
        "evidence_at_joints": one.at_joints,
        "bones": [_bone(bone) for bone in one.bones],
    }


def _bone(one: BoneOedema) -> dict[str, Any]:
    return {
        "joint": one.joint.value,
        "bone": one.bone.value,
        "area_mm2": round(one.area_mm2, AREA_DIGITS),
        "ratio": _rounded(one.ratio, RATIO_DIGITS),
        "depth_mm": round(one.depth_mm, DEPTH_DIGITS),
        "is_deep": one.is_deep,
        "is_intense": one.is_intense,
    }


def _sparcc(measured: Measurements) -> dict[str, Any] | None:
    first = measured.first_scored
    if first is None:
        return None
    score = inflammation(measured.marks, first)
    return {
        "is_proposal": True,
        "total": score.total,
        "oedema": score.oedema,
        "depth": score.depth,
        "intensity": score.intensity,
        "slices": list(range(first, first + INFLAMMATION_SLICES)),
        "left_out": score.left_out,
        "quadrants": [_mark(one) for one in measured.marks],
    }


def _mark(mark: Mark) -> dict[str, Any]:
    return {
        "slice": mark.slice,
        "joint": mark.quadrant.joint.value,
        "half": mark.quadrant.half.value,
        "bone": mark.quadrant.bone.value,
        "is_deep": mark.is_deep,
        "is_intense": mark.is_intense,
        "place_mm": None if mark.place_mm is None else list(mark.place_mm),
        "line_mm": mark.line_mm,
    }


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
