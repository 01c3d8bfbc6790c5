"""What was measured of the ensemble, section by section: read from beside the weights."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import streamlit as st
from PIL import Image

from asemble.core.labels import JUDGED_PLANES
from asemble.evaluation.calibration_metrics import AIM
from asemble.evaluation.gallery import GALLERY_FILE
from asemble.evaluation.heatmap_checks import QUESTIONS
from asemble.evaluation.heatmap_metrics import CASCADE_COLUMNS, FORGOTTEN, MAPS, MISMATCHED
from asemble.evaluation.study_metrics import IN_DISTRIBUTION, SETS, SHIFTED
from asemble.metrics.estimates import with_interval
from asemble.models.fusion import Fusion
from asemble.ui import charts
from asemble.ui.facts import NOT_MEASURED, short
from asemble.ui.images import as_address


def show_studies(fusion: Fusion) -> None:
    """Every figure of both test sets, by appearance, and the decisions."""
    st.subheader("Simulated test studies")
    sets = _sets(fusion, "studies")
    if not sets:
        return
    names = list(dict.fromkeys(name for one in sets.values() for name in one["figures"]))
    with st.expander("Every simulated figure, with 95% intervals over studies"):
        table = {"figure": names}
        table |= {s: [short(sets[s]["figures"].get(n)) for n in names] for s in SETS}
        st.table(table, border="horizontal")
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Simulated held-out appearances, one by one**")
        rows = sets[SHIFTED]["by appearance"]
        columns = list(dict.fromkeys(name for row in rows.values() for name in row))
        table = {"appearance": list(rows)}
        table |= {c: [short(row.get(c)) for row in rows.values()] for c in columns}
        st.table(table, border="horizontal")
    with right:
        for name in SETS:
            st.markdown(f"**Simulated decisions, {name}** (rows: truth)")
            counts = sets[name]["confusion"]
            table = {"": list(counts)}
            for decision in next(iter(counts.values())):
                table[decision] = [str(row[decision]) for row in counts.values()]
            st.table(table, border="horizontal")


def show_calibration(fusion: Fusion) -> None:
    """Probability against frequency, and how often the interval holds."""
    st.subheader("Simulated calibration")
    sets = _sets(fusion, "calibration")
    if not sets:
        return
    levels = [_level(error) for error in sets[IN_DISTRIBUTION]["errors"]]
    level = st.selectbox("Show", levels)
    chosen = {
        name: next(error for error in sets[name]["errors"] if _level(error) == level)
        for name in SETS
    }
    plot, words = st.columns(2, gap="large")
    with plot:
        st.plotly_chart(
            charts.reliability_chart({name: error["bins"] for name, error in chosen.items()}),
            key="reliability_chart",
            config={"displayModeBar": False},
            alt="Frequency against probability in bins of equal numbers of simulated cases",
        )
    with words:
        table = {"": ["cases", "expected calibration error", "the same if it were perfect"]}
        for name, error in chosen.items():
            perfect = error["error if perfect"]
            table[name] = [f"{error['cases']:,}", short(error["error"]), f"{perfect:.3f}"]
        st.table(table, border="horizontal")
        st.caption(f"The aim on training appearances is {AIM:.2f}.")
        table = {"": ["interval made to hold", "it held", "people examined twice", "mean width"]}
        for name in SETS:
            interval = sets[name]["interval"]
            width = interval["mean width"]
            table[name] = [
                f"{interval['nominal']:.0%}",
                short(interval["held"]),
                str(interval["people examined twice"]),
                NOT_MEASURED if width is None else f"{width:.2f}",
            ]
        st.table(table, border="horizontal")
        st.caption(
            "The interval is made to hold the probability of a second simulated examination of the "
            "same person. It does not say how often the ensemble is right."
        )


def show_explanations(fusion: Fusion) -> None:
    """Where maps point, with the controls that must fail."""
    st.subheader("Where heatmaps point, on simulated studies")
    sets = _sets(fusion, "explanations")
    if not sets:
        return
    st.caption(
        "Share of slices whose hottest pixel lies within 5 pixels of the oedema, and share of the "
        "heat in it, on held-out appearances. Grad-CAM as shown reads the layer before a linear "
        "evidence head, so that it nearly equals the evidence map by construction. The controls "
        "have to fail: networks with random weights, and maps held against another study's oedema. "
        "Average precision asks of the whole map what pointing asks of its peak."
    )
    titles = {**MAPS, MISMATCHED: "Grad-CAM as shown, another study's oedema (control)"}
    for column, plane in zip(st.columns(2, gap="large"), JUDGED_PLANES, strict=True):
        with column:
            st.markdown(f"**Simulated {plane} slices**")
            rows = [row for row in sets[SHIFTED]["rows"] if row["plane"] == plane]
            st.table(
                {
                    "map": [titles[row["map"]] for row in rows],
                    "of": [row["who"] for row in rows],
                    "pointing": [short(row["pointing"]) for row in rows],
                    "average precision": [
                        short(row["average precision"]) if "average precision" in row else ""
                        for row in rows
                    ],
                    "heat in the oedema": [
                        short(row["in the lesion"]) if "in the lesion" in row else ""
                        for row in rows
                    ],
                },
                border="horizontal",
            )

    st.caption(
        "Cascading randomisation, once a set of weights: from the head downwards each layer loses "
        "what it learned. Grad-CAM must forget with it: its rank correlation with the map of the "
        f"trained network must fall below {FORGOTTEN}. Held-out appearances."
    )
    for column, plane in zip(st.columns(2, gap="large"), JUDGED_PLANES, strict=True):
        with column:
            rows = [row for row in sets[SHIFTED].get("cascade", ()) if row["plane"] == plane]
            st.table(
                {
                    "randomised down to": [row["down to"] for row in rows],
                    "of": [row["who"] for row in rows],
                    **{c: [short(row[c]) for row in rows] for c in CASCADE_COLUMNS},
                },
                border="horizontal",
            )


def show_trust_measured(fusion: Fusion) -> None:
    """How accurate the heatmap checks are."""
    st.subheader("Accuracy of the heatmap checks, on simulated slices")
    measured = fusion.measured("trust")
    if not measured:
        st.write("Not measured yet: run `asemble evaluate trust`.")
        return
    st.caption(
        "A map is right where its hottest pixel lies on inflammatory oedema. AUC: how well the "
        "figure alone tells right maps from wrong ones. One in ten right maps of other simulated "
        f"studies falls below the limit. Here: {measured['maps']['right']} right and "
        f"{measured['maps']['wrong']} wrong maps, held-out appearances."
    )
    questions = measured["questions"]
    columns = list(next(iter(questions.values())))
    st.table(
        {
            "question": [QUESTIONS[name] for name in questions],
            "limit": [_limit(measured["limits"][name]) for name in questions],
            **{c: [short(figures[c]) for figures in questions.values()] for c in columns},
        },
        border="horizontal",
    )


def show_gallery(fusion: Fusion, directory: Path) -> None:
    """The worst simulated studies.

    Args:
        fusion: what was measured.
        directory: of the weights, where the pictures are.
    """
    st.subheader("Worst simulated studies")
    gallery: Sequence[Mapping[str, Any]] = fusion.measured("studies").get("gallery", ())
    if not gallery:
        st.write(NOT_MEASURED.capitalize() + ".")
        return
    st.caption(
        "Held-out appearances; the least probability for the true class first. Left the coronal "
        "slice with the most inflammatory oedema, or the middle one; right the oedema outlined."
    )
    pictures = _pictures(directory / GALLERY_FILE, len(gallery))
    for start in range(0, len(gallery), 2):
        for column, at in zip(st.columns(2, gap="large"), (start, start + 1), strict=True):
            if at < len(gallery):
                with column, st.container(border=True):
                    _show_failure(at, gallery[at], pictures[at] if pictures else None)


def show_scope(fusion: Fusion) -> None:
    """How often the ensemble declines to answer."""
    st.subheader("What the input gate declines, on simulated joints and on other images")
    groups: Mapping[str, Mapping[str, Any]] = fusion.measured("scope").get("groups", {})
    if not groups:
        st.write("Not measured yet: run `asemble evaluate scope`.")
        return
    st.caption(
        "Studies of the joints must be judged, everything else declined with a reason: at a glance "
        "where it is surely something else, else by the bones that the networks name."
    )
    for column, must_judge in zip(st.columns(2, gap="large"), (True, False), strict=True):
        chosen = {name: g for name, g in groups.items() if g["must_judge"] is must_judge}
        with column:
            kind = "Joints" if must_judge else "Everything else"
            st.markdown(f"**{kind}: {'to be judged' if must_judge else 'to be declined'}**")
            st.table(
                {
                    "group": list(chosen),
                    "studies": [str(g["studies"]) for g in chosen.values()],
                    "declined": [
                        with_interval({**g, "value": g["share"]}, ".1%") for g in chosen.values()
                    ],
                    "commonest reason": [next(iter(g["reasons"]), "") for g in chosen.values()],
                },
                border="horizontal",
            )


def _show_failure(at: int, entry: Mapping[str, Any], shown: Image.Image | None) -> None:
    appearance = entry["appearance"] or IN_DISTRIBUTION
    st.markdown(f"**{at + 1}. {entry['kind'].capitalize()}**, appearance: {appearance}")
    if shown is not None:
        alt = f"Slices of study {at + 1} with the ensemble's heatmap"
        st.html(f'<img src="{as_address(shown)}" alt="{escape(alt)}" style="width: 100%">')
    st.write(entry["what went wrong"])
    st.code(entry["command"], language=None, wrap_lines=True)


def _pictures(path: Path, count: int) -> list[Image.Image]:
    """One picture an entry; none where the file is absent."""
    if not path.is_file():
        return []
    with Image.open(path) as strip:
        height = strip.height // count
        return [strip.crop((0, i * height, strip.width, (i + 1) * height)) for i in range(count)]


def _sets(fusion: Fusion, name: str) -> Mapping[str, Mapping[str, Any]]:
    sets: Mapping[str, Mapping[str, Any]] = fusion.measured(name).get("sets", {})
    if not sets:
        st.write(f"Not measured yet: run `asemble evaluate {name}`.")
    return sets


def _limit(value: float | None) -> str:
    return NOT_MEASURED if value is None else f"{value:.2f}"


def _level(error: Mapping[str, Any]) -> str:
    return f"{error['level']}, {error['of']}"
