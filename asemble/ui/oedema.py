"""Oedema as the networks measure it: on the slice that is shown, and joint by joint."""

from collections.abc import Sequence

import streamlit as st

from asemble.core.measurements import BoneOedema, JointOedema, Measurements

MEANINGS = {
    "Area": "of what the networks call oedema in bone at a joint, on this slice; they look in "
    "cells of 1.6 mm, so that a few mm² say nothing.",
    "Ratio": "how many times as bright as normal marrow oedema is. Normal marrow is taken between "
    "the foramina of the sacrum, away from lesions; coils and sequences change the ratio.",
    "Depth": "how far from the joint surface oedema reaches; SPARCC calls 1 cm or more deep.",
    "Intense": "the brightest oedema is as bright as fluid on this series; SPARCC leaves the "
    "choice of the reference to the reader.",
    "Volume": "area times the distance between slices, summed over the series; published as "
    "volume of hyperintense inflammation. It misses what lies between slices.",
    "Evidence at the joints": "share of the slice's evidence for any disease that lies in bone "
    "at a joint. Evidence elsewhere, in veins or bowel, speaks against the heatmap; all of it at "
    "the joints does not make the heatmap right.",
}
"""What each figure is, and what it is not."""
LIMIT = (
    "Measured on maps of networks that learned from simulated oedema; not validated on patients. "
    "For research and teaching."
)
UNKNOWN = "not known"


def show_measured(measured: Measurements, at: int, beside: Sequence[str] = ()) -> None:
    """The figures of slice `at`, then those of each joint, then what they mean.

    Args:
        measured: of the series.
        at: the slice that is shown.
        beside: ids of other series on which its bones were found, too.
    """
    with st.container(border=True, key="measured"):
        st.markdown(f"**Oedema as the networks measure it.** Slice {at + 1}")
        here = next((one for one in measured.slices if one.index == at), None)
        if here is None:
            st.caption("No joint is seen on this slice, so nothing is measured on it.")
        elif not here.bones:
            st.caption("No oedema is found in bone at the joints on this slice.")
        else:
            st.table(_bones(here.bones), border="horizontal")
        if here is not None and here.at_joints is not None:
            st.markdown(f"Evidence at the joints: {here.at_joints:.0%} of this slice's evidence.")
        if measured.joints:
            st.markdown("**All slices**")
            st.table(_joints(measured.joints), border="horizontal")
        if measured.reference.why_not is not None:
            st.caption(f"No ratio: {measured.reference.why_not}")
        if beside:
            st.caption(f"Bones as found on this series and on {' and '.join(beside)} (T1).")
        st.caption(LIMIT)
        with st.expander("What these figures are"):
            st.markdown("\n".join(f"- **{name}**: {said}" for name, said in MEANINGS.items()))


def _bones(bones: Sequence[BoneOedema]) -> dict[str, list[str]]:
    return {
        "where": [f"{one.joint}, {one.bone}" for one in bones],
        "area": [f"{one.area_mm2:.0f} mm²" for one in bones],
        "ratio": [_ratio(one.ratio) for one in bones],
        "depth": [f"{one.depth_mm:.0f} mm" + (", deep" if one.is_deep else "") for one in bones],
        "intense": [_truth(one.is_intense) for one in bones],
    }


def _joints(joints: Sequence[JointOedema]) -> dict[str, list[str]]:
    return {
        "joint": [str(one.joint) for one in joints],
        "volume": [f"{one.volume_ml:.1f} mL" for one in joints],
        "ratio": [_ratio(one.ratio) for one in joints],
        "greatest depth": [f"{one.depth_mm:.0f} mm" for one in joints],
    }


def _ratio(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.1f}"


def _truth(found: bool | None) -> str:
    return UNKNOWN if found is None else "yes" if found else "no"
