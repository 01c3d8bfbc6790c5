"""What was measured as pages of Markdown below `docs`: paragraphs, headings and tables."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from asemble.clinical.sparcc import ASAS_MATCH
from asemble.core.labels import JUDGED_PLANES
from asemble.core.results import ENSEMBLE
from asemble.core.text_table import Table
from asemble.imaging.joint_bands import SUBCHONDRAL_MM
from asemble.measurements.measuring import RULES
from asemble.metrics.estimates import with_interval
from asemble.metrics.localisation import POINTING_MARGIN
from asemble.models.calibration import NOMINAL
from asemble.performance import tables
from asemble.performance.records import (
    HIGH,
    NOTICE,
    Ablations,
    Appearances,
    CalibrationMetrics,
    ChecksAccuracy,
    Comparison,
    HeatmapMetrics,
    InputGateMetrics,
    OedemaMeasurements,
    Studies,
)
from asemble.performance.tables import FORGOTTEN, HELD_OUT, SETS_OF_SLICES

Parts = list[str | Table]
"""Of a page, in order."""

AIM = 0.03
"""Expected calibration error that was aimed at on training appearances."""

SAME = 0.005
"""Metrics that differ by less than half a point are the same."""

ABSTRACT = {"coronal": 0.99, "axial": 0.9813}
"""Accuracy of ASembleNet in its abstract, where it was ahead of the three other networks."""

STUDIES_EXPLAINED = """\
AUC is for inflammatory against the rest; intervals resample studies (95%). *Within a study* is
the mean of the AUCs of single studies. *Neighbouring slices* are pairs at most one position apart
of which one shows inflammatory oedema and one does not: the share in which the right one scores
higher. The *position* baseline scores a slice by how near it is to the middle of the stack, the
*brightness* baseline by its brightest half per cent.
"""

HEATMAPS_EXPLAINED = f"""\
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

CALIBRATION_EXPLAINED = f"""\
**ECE** is the expected calibration error: the mean gap between probability and frequency over bins
of equal numbers of cases (5 to 15 bins of at least twenty cases where there are so many). Such an
error is never zero: *if perfect* is what a model whose probabilities are true would show from as
many cases, and in brackets what one in twenty such models exceeds; it takes slices to be
independent, which they are not, so for slices it is a lower bound. The aim on training appearances
is {AIM:.2f}. *Inflammatory* is the probability of that class, *top class* that of whichever class
is likeliest.

The **interval** around a study's P(inflammatory) is fitted to hold the P(inflammatory) of a second
examination of the same simulated person in {NOMINAL:.0%}
([decision 9](decisions/0009-the-interval-covers-a-second-examination.md)); *held* is how often it
did.

Everything was fitted on validation studies of training and of held-out appearances; the studies
here took no part in that, and no network was trained on a held-out appearance.
"""

CHECKS_EXPLAINED = f"""\
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

PUBLISHED = (
    "Published networks reach an ICC of 0.83 against readers on real scans. That is not the same "
    "thing: here a network is held against the truth of the simulator that trained it, a reader "
    "is not that truth, and no figure here says how well it does on a patient."
)

SAME_RULES = (
    "The truth is counted by the same rules from the simulator's own bones and oedema: the "
    "figures say what the networks find, not whether the rules are those of a reader."
)

VOLUME = (
    "The volume of hyperintense inflammation (Hepburn et al. 2023, 10.1371/journal.pone.0284508) "
    "is bone beside the joint that is brighter than all normal marrow, after a radiologist has "
    "removed what is none. The volume here is what the networks call oedema in bone at the joint: "
    "no threshold from normal marrow makes it, and nobody has cleaned it."
)

DIFFERENCE = (
    "The abstract reports an accuracy of 99% (coronal) and 98.13% (axial) for ASembleNet, ahead of "
    "Xception, ResNet50 and InceptionV3: on images of patients, counted image by image, in data "
    "that nobody else can get. The figures here are of another kind and cannot be set against "
    "those: simulated slices, made hard on purpose, split by case, of three classes that include "
    "mechanical disease. What can be compared is the networks here with each other."
)
"""What must stand beside the abstract's figures."""


def write_page(
    path: Path,
    *,
    title: str,
    command: str,
    parts: Sequence[str | Table],
    numbers: Mapping[str, Any] | None = None,
) -> None:
    """Write a page; the folder is made if absent.

    Args:
        path: of the page.
        title: its heading.
        command: that writes it.
        parts: paragraphs, headings and tables, in order.
        numbers: that were measured of no weights, for the folder `measurements` beside it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if numbers is not None:
        file = path.parent / "measurements" / f"{path.stem}.json"
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")
    head = f"# {title}\n\nWritten by `{command}`; do not edit by hand."
    path.write_text(f"{head}\n\n{as_markdown(parts)}\n", encoding="utf-8")


def as_markdown(parts: Sequence[str | Table]) -> str:
    """Parts of a page below one another."""
    each = (part.markdown() if isinstance(part, Table) else part.strip() for part in parts)
    return "\n\n".join(each)


def other_limits(measured: Studies, limits: Mapping[str, float | None]) -> str:
    """A sentence where the heatmap checks had other limits than now; empty where the same."""
    if dict(measured.limits) == dict(limits):
        return ""
    then = "other limits" if measured.limits else "no limits"
    return (
        f"Measured while the heatmap checks had {then}: with those of now (docs/trust.md) another "
        "number of studies may be abstained from because a heatmap fails its test."
    )


def studies_parts(measured: Studies, limits: Mapping[str, float | None]) -> Parts:
    """The page of `asemble evaluate studies`; `limits` of the heatmap checks as they are now."""
    sets = measured.sets
    counts = ", ".join(f"{m.studies} studies of {which.words}" for which, m in sets.items())
    parts: Parts = [NOTICE, f"Measured on {counts}.", STUDIES_EXPLAINED]
    parts += [said for said in [other_limits(measured, limits)] if said]
    parts += ["## Simulated figures", tables.study_table(sets)]
    parts += ["## Simulated figures by held-out appearance"]
    parts += [tables.appearances_table(sets[HELD_OUT])]
    for which, of_set in sets.items():
        parts.append(f"## Simulated decisions, {which.words}")
        parts.append(tables.confusion_table(of_set.confusion))
    parts += ["## Worst simulated studies", "![](../weights/gallery.jpg)"]
    return [*parts, tables.gallery_table(measured.gallery)]


def calibration_parts(sets: Mapping[Appearances, CalibrationMetrics]) -> Parts:
    """The page of `asemble evaluate calibration`."""
    parts: Parts = [NOTICE, CALIBRATION_EXPLAINED]
    parts += ["## Simulated calibration error", tables.calibration_table(sets)]
    parts += ["## The interval on simulated second examinations", tables.interval_table(sets)]
    for which, measured in sets.items():
        for error in measured.errors:
            of = f"{tables.level_of(error)}, {tables.of_what(error)}"
            parts.append(f"### Simulated reliability, {which.words}: {of}")
            parts.append(tables.bins_table(error))
    return parts


def explanations_parts(sets: Mapping[Appearances, HeatmapMetrics]) -> Parts:
    """The page of `asemble evaluate explanations`."""
    best = tables.MAPS[best_method(sets[HELD_OUT])]
    parts: Parts = [
        NOTICE,
        HEATMAPS_EXPLAINED,
        f"**{best}** measures best for the members on held-out appearances: of the methods that "
        "point best, to half a point, it is the most precise "
        "([decision 13](decisions/0013-grad-cam-stays-the-default.md)).",
    ]
    for which, measured in reversed(list(sets.items())):
        for plane in JUDGED_PLANES:
            parts.append(f"## Simulated, {which.words}: {plane}")
            parts.append(
                f"{measured.slices[plane]} slices; {measured.studies} studies in both planes."
            )
            parts.append(tables.maps_table(measured, plane))
            parts.append(tables.differences_table(measured, plane))
            parts.append(tables.cascade_table(measured, plane))
    return parts


def best_method(measured: HeatmapMetrics) -> str:
    """The method that measures best in one set: it points best, then it is most precise.

    Both are means over the members and planes; a difference below `SAME` is none.
    """

    def mean_of(method: str, metric: str) -> float:
        found = [
            estimate.value
            for row in measured.maps
            if row.method == method and row.who != ENSEMBLE
            for estimate in [getattr(row, metric)]
            if estimate is not None
        ]
        return sum(found) / len(found) if found else 0.0

    left: Sequence[str] = tables.CANDIDATES
    for metric in ("pointing", "precision", "near"):
        found = {method: mean_of(method, metric) for method in left}
        left = [method for method in left if found[method] >= max(found.values()) - SAME]
    return left[0]


def trust_parts(measured: ChecksAccuracy, limits: Mapping[str, float | None]) -> Parts:
    """The page of `asemble evaluate trust`.

    Args:
        measured: what was found.
        limits: by check, as the fusion has them.
    """
    return [
        NOTICE,
        CHECKS_EXPLAINED,
        f"Limits from {measured.validation} studies; measured on {measured.test} others, with "
        f"{measured.right} right and {measured.wrong} wrong maps, {measured.wrong_high} of them "
        "where P is high.",
        tables.checks_table(measured, limits),
        "## The joint region on simulated slices",
        f"A slanting band a side, as wide and as long as holds 95% of the joint spaces of "
        f"{measured.joint_cases} simulated cases, with {SUBCHONDRAL_MM:g} mm of marrow around it, "
        "on slices within the depth of the middle of the stack. *Oedema* is the share of "
        "inflammatory oedema that lies in it, *area* the share of the prepared slice that it "
        "takes.",
        tables.regions_table(measured),
    ]


def measurements_parts(measured: OedemaMeasurements) -> Parts:
    """The page of `asemble evaluate measurements`."""
    parts: Parts = [PUBLISHED, SAME_RULES, VOLUME]
    for which, found in measured.sets.items():
        parts += [
            f"## {which.words.capitalize()}",
            f"{found.studies} studies; SPARCC could not be proposed in {found.not_proposed}.",
            tables.agreement_table(found),
            f"Of {found.true} quadrants with oedema, on all slices, {found.both} are proposed, "
            f"and {found.found - found.both} without. Dice of oedema, all cells together: "
            f"{with_interval(found.dice)}.",
            f"Of {found.healthy} studies whose true score is 0, {found.healthy_positive} are "
            f"proposed one of {ASAS_MATCH} or more, from which on SPARCC agrees best with an MRI "
            "that is positive by ASAS.",
        ]
    in_use = tables.rules_words(RULES.sure, RULES.quadrant_mm2)
    return [
        *parts,
        "## The rules",
        "Validation studies: ICC of the proposed SPARCC by how likely oedema is at the surest "
        f"place of a patch, and by its area in a quadrant. In use: {in_use}. Surer is better here, "
        "but real oedema is fainter, and lost where more is asked (decision 30).",
        tables.rules_table(measured),
    ]


def scope_parts(measured: InputGateMetrics) -> Parts:
    """The page of `asemble evaluate scope`."""
    kept = [group for group in measured.groups if group.must_judge]
    declined = [group for group in measured.groups if not group.must_judge]
    return [
        "How often the ensemble abstains for what a study shows. Stacks of the joints must be "
        "judged; everything else must be declined with a reason. A glance declines what is surely "
        "something else; the bones that the networks name decide about the rest.",
        "## Must be judged",
        tables.gate_table(kept),
        "Mirrored stacks are judged too: networks name sides by the picture, so that left and "
        "right, swapped against the file, cannot be known from bones.",
        "## Must be declined",
        "All are stated to be fluid-sensitive and coronal or axial, unless the group says that "
        "nothing is stated.",
        tables.gate_table(declined),
        "Pelvis: share of the slices that show a sacrum between two ilia with a joint on either "
        "side (at the least, in the middle and at the most), where the networks were asked. "
        "Margin: how far the slices' mean logit lies above the limit of the glance (at the first, "
        "the 50th and the 99th percentile); below 0 no network is asked. Note: share of the "
        "studies of which the bones said something against the file, whether they were judged or "
        "not.",
    ]


def comparison_notes(measured: Comparison) -> list[str]:
    """What a reader must know of the comparison, a sentence or two each."""
    return [
        "Measured on simulated slices only; they say nothing about patients.",
        DIFFERENCE,
        f"Every network but the ensemble saw {measured.passes:,} slices in training "
        f"({measured.start}, unless its name says otherwise), the same ones, with the same batch "
        f"({measured.batch}), changes, optimiser and learning rate ({measured.learning_rate:g}). A "
        "small budget favours small networks and those that are shown where lesions are: the table "
        "ranks networks at this budget, not at any other. The ensemble is as shipped, on the "
        "budget of its row.",
        "Precision, recall and F1 are of inflammatory slices, called by the most probable class; "
        "AUC is of inflammatory slices against all others. Each figure has its 95% interval from "
        "1,000 resamples of cases. Slices are judged one by one, without the neighbours that a "
        "series has.",
        "Pointing is the share of slices with inflammatory oedema whose strongest place of "
        "evidence lies in it or within 3 mm: of the evidence map, or in Xception, ResNet50 and "
        "InceptionV3 of the class activation map, 8x8 or coarser.",
    ]


def table_parts(measured: Comparison) -> Parts:
    """The page of `asemble evaluate table`."""
    parts: Parts = [*comparison_notes(measured)]
    for plane, of_plane in measured.planes.items():
        parts.append(f"## {plane.heading} slices")
        parts.append(
            f"The abstract's accuracy for ASembleNet: {ABSTRACT[plane]:.2%} (see above for what "
            "differs)."
        )
        for which, asked in of_plane.sets.items():
            commonest = max(asked.labels.values()) / asked.slices
            labels = ", ".join(f"{n} {label}" for label, n in asked.labels.items())
            parts += [
                f"### {SETS_OF_SLICES[which]}",
                f"{asked.slices} slices of {asked.cases} cases: {labels}. Calling every slice by "
                f"the commonest class would be right in {commonest:.0%}.",
                tables.networks_table(measured, plane, which),
                tables.networks_confusion_table(measured, plane, which),
            ]
    return parts


def ablations_parts(measured: Ablations) -> Parts:
    """The page of `asemble evaluate ablations`."""
    parts: Parts = [
        "Measured on simulated slices only; they say nothing about patients. ASembleNet was taught "
        f"by masks with {measured.passes:,} passes over the slices of "
        f"{measured.training_cases:,} cases for each row, a small part of the budget of the "
        "shipped weights. What is left out is left out of the slices to learn from; the slices "
        "that are asked about hold everything.",
        "A difference is to the first row, on the same resamples of cases. Its interval does not "
        "hold the chance of training itself: the second row, the same run from another seed, shows "
        "how large that is, and a difference no larger than that one means nothing.",
    ]
    for plane in measured.planes:
        for which, title in SETS_OF_SLICES.items():
            parts.append(f"## {plane.heading} slices: {title[0].lower()}{title[1:]}")
            parts.append(tables.ablations_table(measured, plane, which))
    return parts
