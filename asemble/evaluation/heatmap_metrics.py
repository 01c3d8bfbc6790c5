"""Where maps point: every member and the ensemble, other layers, and controls that must fail."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from asemble.core.labels import JUDGED_PLANES, Plane
from asemble.core.results import ENSEMBLE
from asemble.evaluation.simulated_studies import Record
from asemble.evaluation.study_metrics import NOTICE, Figure, as_dicts, map_sums
from asemble.evaluation.study_records import POINTING_MARGIN, member_names
from asemble.metrics.resampling import ratio_over_cases
from asemble.models.fusion import EVIDENCE, GRADCAM

MISMATCHED = "mismatched"
"""The control in which a map is scored against the lesions of another study."""

MAPS = {
    GRADCAM: "Grad-CAM as shown",
    EVIDENCE: "evidence map",
    "hirescam": "HiResCAM",
    "gradcam++": "Grad-CAM++",
    "layercam": "LayerCAM",
    "xgradcam": "XGrad-CAM",
    "body at stride 2": "Grad-CAM at the body, stride 2",
    "body at stride 4": "Grad-CAM at the body, stride 4",
    "body at stride 8": "Grad-CAM at the body, stride 8",
    "body at stride 16": "Grad-CAM at the body, stride 16",
    "random weights": "Grad-CAM, random weights (control)",
}
"""By the name of the method in the records, for people."""

CANDIDATES = (GRADCAM, EVIDENCE, "hirescam", "gradcam++", "layercam", "xgradcam")
"""Methods that could be the default; the first of equals wins."""

COLUMNS = {
    "pointing": "hits",
    "average precision": "precision",
    "in the lesion": "energy",
    "near": "near",
}
"""Figures of a map, each with the sum in the records that it is made of."""

CASCADE_COLUMNS = {"rank correlation": "rank", "SSIM": "ssim"}
"""How alike maps are in the cascade, each with its name in the records."""

FORGOTTEN = 0.5
"""A map whose rank correlation with the original is surely below this has forgotten it."""

SAME = 0.005
"""Figures that differ by less than half a point are the same."""

AGREEMENT = 0.05
"""Grad-CAM should point within so much of the evidence map."""

EXPLAINED = f"""\
Scored on the slices of inflammatory studies that hold inflammatory oedema; intervals resample
studies. **Pointing** is the share of slices whose hottest pixel lies within {POINTING_MARGIN}
pixels (4-5 mm) of the oedema; a map without heat misses. **Average precision** asks of the whole
map what pointing asks of its peak: how well heat tells the pixels within the margin of the oedema
from the others, 1 at best; a map that is hotter elsewhere loses, and so does one that shows only
some of the oedema. **In the lesion** is the share of a slice's heat
inside the oedema, **near** the share within the margin of it. All are averaged over slices.

*Grad-CAM as shown* reads `head.fuse`, the layer before the linear evidence head, so that it
nearly equals the evidence map by construction
([decision 2](decisions/0002-grad-cam-layer-and-scale.md)); it differs where evidence is faint,
which the evidence map leaves out, and knows nothing of how bright marrow is. HiResCAM,
Grad-CAM++, LayerCAM and XGrad-CAM read the same layer, by the classes of the grad-cam package.
The logit is the mean of the 24 strongest cells, so that HiResCAM and LayerCAM, which weigh each
cell by its own gradient, can show 24 cells and no more. *Grad-CAM
at the body* reads what the body hands to the head, before the head puts the scales together.

Two controls have to fail. *Random weights*: the same architecture with a fresh initialisation
and no training. *Mismatched*: the peaks of the shipped maps, held against the oedema of the
next inflammatory study at the same relative position of the stack, in millimetres from the middle
of the slice. It shows how much is reached by knowing where lesions usually lie, without looking;
it stands in for a network trained on shuffled labels, which was not trained.

*Cascading randomisation* (Adebayo 2018, arXiv:1810.03292), once a set of weights: from the head
downwards each layer in turn gets the values of a fresh initialisation, and Grad-CAM is held
against the map of the trained network, on the slice of each series with the most oedema, over three
draws. Both measures are 1 for the same map. A map that shows what was learned must forget: its
rank correlation (Spearman) must fall, with its whole interval, below {FORGOTTEN}. SSIM is shown
beside it and decides nothing, because it finds two maps alike that are dark in the same places.
The intervals resample studies, not draws, and are narrow for that.
"""


def explanations(records: Sequence[Record]) -> dict[str, Any]:
    """Every row and every difference of one set."""
    members = member_names(records)
    played = [r for r in records if any(s["played"] for s in r["series"])]
    rows = [row for plane in JUDGED_PLANES for row in _rows(played, plane, members)]
    differences = [
        _difference(played, plane, who) for plane in JUDGED_PLANES for who in (ENSEMBLE, *members)
    ]
    return {
        "notice": NOTICE,
        "studies": len(played),
        "slices": {
            plane.value: sum(map_sums(plane, f"{GRADCAM}/{ENSEMBLE}", "hits", r)[1] for r in played)
            for plane in JUDGED_PLANES
        },
        "rows": rows,
        "grad-cam minus evidence": differences,
        "cascade": [
            row
            for plane in JUDGED_PLANES
            for who in members
            for row in _cascade(played, plane, who)
        ],
    }


def best_method(measured: Mapping[str, Any]) -> str:
    """The method that measures best in one set: it points best, then it is most precise.

    Both are means over the members and planes; a difference below `SAME` is none.
    """

    def mean_of(method: str, column: str) -> float:
        rows = [r for r in measured["rows"] if r["map"] == method and r["who"] != ENSEMBLE]
        values = [row[column]["value"] for row in rows if row[column] is not None]
        return float(np.mean(values)) if values else 0.0

    left: Sequence[str] = CANDIDATES
    for column in ("pointing", "average precision", "near"):
        found = {method: mean_of(method, column) for method in left}
        left = [m for m in left if found[m] >= max(found.values()) - SAME]
    return left[0]


def card_metrics(
    sets: Mapping[str, Mapping[str, Any]], plane: Plane, member: str
) -> dict[str, Any]:
    """What of the figures of each set belongs into the card of one member."""
    found: dict[str, Any] = {}
    for which, measured in sets.items():
        for row in measured["rows"]:
            if (row["plane"], row["who"]) == (plane, member) and row["map"] in CANDIDATES:
                for column in ("pointing", "average precision", "in the lesion"):
                    found[f"{column} by {MAPS[row['map']]}, {which}"] = row[column]
        layers = [r for r in measured["cascade"] if (r["plane"], r["who"]) == (plane, member)]
        if layers:
            for column in CASCADE_COLUMNS:
                name = f"{column} of Grad-CAM with every layer randomised, {which}"
                found[name] = layers[-1][column]
    return {f"simulated test: {name}": value for name, value in found.items()}


def _rows(
    records: Sequence[Record], plane: Plane, members: Sequence[str]
) -> Iterator[dict[str, Any]]:
    for method in MAPS:
        for who in (ENSEMBLE, *members):
            name = f"{method}/{who}"
            if any(name in s["maps"] for r in records for s in r["series"]):
                figures = {
                    column: Figure(partial(map_sums, plane, name, sums), ratio_over_cases).of(
                        records
                    )
                    for column, sums in COLUMNS.items()
                }
                yield {"plane": plane.value, "who": who, "map": method, **as_dicts(figures)}
    for who in (ENSEMBLE, *members):
        parts = mismatched(records, plane, f"{GRADCAM}/{who}")
        figures = {"pointing": ratio_over_cases(parts)}
        yield {"plane": plane.value, "who": who, "map": MISMATCHED, **as_dicts(figures)}


def _difference(records: Sequence[Record], plane: Plane, who: str) -> dict[str, Any]:
    """Grad-CAM's pointing rate less the evidence map's, on the same slices."""

    def part(record: Record) -> tuple[float, int]:
        heat, played = map_sums(plane, f"{GRADCAM}/{who}", "hits", record)
        evidence, _ = map_sums(plane, f"{EVIDENCE}/{who}", "hits", record)
        return heat - evidence, played

    found = Figure(part, ratio_over_cases).of(records)
    within = found is not None and found.value >= -AGREEMENT
    return {
        "plane": plane.value,
        "who": who,
        "difference": None if found is None else found.as_dict(),
        "within 5 points": within,
    }


def _cascade(records: Sequence[Record], plane: Plane, who: str) -> Iterator[dict[str, Any]]:
    """How alike the map of one member stays, layer by layer from the head downwards."""
    cascades = [
        [
            s["cascade"][who]
            for s in r["series"]
            if s["plane"] == plane and who in s.get("cascade", {})
        ]
        for r in records
    ]
    layers = [list(cascade) for of_study in cascades for cascade in of_study]
    for layer in layers[0] if layers else ():
        figures = {
            column: ratio_over_cases(
                [(sum(c[layer][name] for c in of_study), len(of_study)) for of_study in cascades]
            )
            for column, name in CASCADE_COLUMNS.items()
        }
        rank = figures["rank correlation"]
        yield {
            "plane": plane.value,
            "who": who,
            "down to": layer,
            **as_dicts(figures),
            "has forgotten": rank is not None and rank.high < FORGOTTEN,
        }


def mismatched(records: Sequence[Record], plane: Plane, name: str) -> list[tuple[float, int]]:
    """Hits and slices of each study, its peaks held against the oedema of the next study."""
    series = [s for r in records for s in r["series"] if s["plane"] == plane and s["played"]]
    if len(series) < 2:
        return []
    return [
        _mismatched(one, other, name)
        for one, other in zip(series, [*series[1:], *series[:1]], strict=True)
    ]


def _mismatched(one: Record, other: Record, name: str) -> tuple[float, int]:
    peaks = one["maps"][name]["peaks_mm"]
    hits = 0
    for index, place in enumerate(peaks):
        foreign = other["lesions_mm"][index * len(other["lesions_mm"]) // len(peaks)]
        if place is not None and foreign:
            away = np.hypot(*(np.array(foreign, dtype=np.float64) - place).T)
            hits += bool(away.min() <= one["margin_mm"])
    return hits, len(peaks)
