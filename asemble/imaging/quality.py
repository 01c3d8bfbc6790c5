"""Whether the models may judge a series at all: what they were not trained on, they decline.

First what the file says, then what the pixels say by plain figures; `asemble.predict.gate` asks
both, and then the networks. Every limit lies far from what simulated studies of any appearance
reach, because real scans reach further (`asemble evaluate scope` measures it).
"""

import math
from collections.abc import Iterable

import numpy as np

from asemble.core.geometry import possible_planes
from asemble.core.labels import JUDGED_PLANES, Plane, Weighting
from asemble.core.results import Remark
from asemble.core.study import Series
from asemble.core.volume import Floats
from asemble.imaging.content import content_of
from asemble.imaging.intensity import stack_median
from asemble.imaging.slices import prepared

MAX_PIXEL_MM = 2.0
"""A subchondral lesion is 1-5 mm deep; coarser pixels do not hold it. Protocols use 0.6-1 mm."""
MIN_FIELD_MM = 120.0
"""The two joints lie about 120 mm apart in front; a smaller field cannot hold both."""
MAX_FIELD_MM = 550.0
"""Wider than any scanner images, about 500 mm: the spacing in the file is wrong."""
MAX_SLICES = 1000
"""Of one study: what the networks find of so many takes 2 GiB. Protocols have 20-200 a series."""
TOO_MANY_SLICES = "too-many-slices"
"""Code of the remark that there are more."""
NO_VALUES, POOR_IMAGES = "no-values", "poor-images"
"""Codes of what the pixels say."""
MIN_PIXELS = 64
"""Fewer rows or columns than that are a thumbnail or a localiser, not a diagnostic slice."""
MIN_CONTRAST = 0.02
"""Spread of the tissue in foreground medians; marrow alone varies by 0.10-0.24."""
MIN_GREYS = 24
"""A drawing or a mask has fewer greys; eight bits have 256."""
MAX_SATURATED = 0.12
"""Share of the tissue at the greatest value. A window for people cuts 1-5%; beyond this share
oedema and normal marrow may be the same white."""
MAX_VOID = 0.35
"""Share of the middle 100 mm without signal; simulated studies stay below 0.05. Metal does it."""
MIN_DETAIL = 0.03
"""Half of the least of simulated studies with motion; below it the joint line cannot be seen."""
MAX_GHOST = 0.5
"""Fine detail that returns elsewhere; simulated studies with motion reach 0.2, ghosts as bright
as a third of the body 0.6."""
MIN_CONTINUITY = 0.25
"""Neighbouring slices, 3-5 mm apart, correlate at 0.8 or more; strangers at 0."""
PELVIC_WORDS = ("SACR", "SIJ", "SI JOINT", "ISG", "PELV", "HIP", "LSPINE", "LUMB", "SPINE", "ABDO")
"""Parts of BodyPartExamined (PS3.16 annex L, and free text) under which joints are imaged.

Hip, spine and abdomen too, because technicians choose the nearest button of the scanner.
"""
MODALITY = "MR"
"""The only modality that the networks know."""


def why_not_judged(series: Series) -> str | None:
    """One sentence why the models do not judge this series, or None where they do.

    What the file does not say (modality, body part, geometry) is not held against it; what it
    says is.
    """
    remark = by_file(series)
    if remark is None:
        remark = by_pixels(series, prepared(series.volume, series.plane))
    return None if remark is None else remark.sentence


def by_file(series: Series) -> Remark | None:
    """What of the file speaks against judging the series, without a look at its voxels."""
    found = ((code, check(series)) for code, check in _CHECKS.items())
    return next((Remark(code, reason) for code, reason in found if reason is not None), None)


def by_pixels(series: Series, images: Iterable[Floats]) -> Remark | None:
    """What of its pixels speaks against judging a series whose file does not.

    Args:
        series: as it was read.
        images: its slices, prepared; they are looked at one by one.
    """
    values = _values(series)
    if values is not None:
        return Remark(NO_VALUES, values)
    content = _content(series, images)
    return None if content is None else Remark(POOR_IMAGES, content)


def _modality(series: Series) -> str | None:
    if series.modality in ("", MODALITY):
        return None
    return f"This is a series of modality {series.modality}; the models know only MR."


def _body_part(series: Series) -> str | None:
    part = series.body_part.upper()
    if not part or any(word in part for word in PELVIC_WORDS):
        return None
    return f"The file says that this is the {part.lower()}, not the sacroiliac joints."


def _plane(series: Series) -> str | None:
    affine = series.volume.affine_lps
    possible = () if affine is None else possible_planes(affine)
    if series.plane is None:
        if len(possible) > 1:
            return f"The slices are tilted between {' and '.join(possible)}; state the plane."
        return "The plane is unknown; state whether it is coronal or axial."
    if series.plane not in JUDGED_PLANES:
        return f"The models judge coronal and axial slices; this series is {series.plane.value}."
    # No tilt of coronal or axial slices over the joints makes them sagittal. Coronal and axial
    # are not held against each other: files with a made-up geometry are common, and people know.
    if possible == (Plane.SAGITTAL,):
        return (
            f"The geometry of the file says that the slices are sagittal, not "
            f"{series.plane.value}; the models judge coronal and axial slices."
        )
    return None


def _weighting(series: Series) -> str | None:
    # The weights were trained on fluid-sensitive slices alone; what they would say of T1 is noise.
    if series.weighting is Weighting.FLUID:
        return None
    if series.weighting is Weighting.T1:
        return (
            "T1 is shown beside the others but not judged: the models look for oedema, "
            "in fluid-sensitive slices."
        )
    return "This is not known to be fluid-sensitive (STIR or fat-suppressed); state it if it is."


def _length(series: Series) -> str | None:
    slices = series.volume.shape[0]
    if slices <= MAX_SLICES:
        return None
    return f"A series of {slices} slices has more than the {MAX_SLICES} that are judged."


def _resolution(series: Series) -> str | None:
    rows, columns = series.volume.shape[1:]
    if min(rows, columns) < MIN_PIXELS:
        return f"Slices of {rows} x {columns} pixels are too small to judge."
    if series.volume.spacing_mm is None:
        return None
    row_mm, column_mm = (round(mm, 6) for mm in series.volume.spacing_mm[1:])
    if max(row_mm, column_mm) > MAX_PIXEL_MM:
        return f"Pixels of {max(row_mm, column_mm):.1f} mm are too coarse for small lesions."
    field_mm = min(rows * row_mm, columns * column_mm)
    if field_mm < MIN_FIELD_MM:
        return f"A field of {field_mm:.0f} mm does not hold both sacroiliac joints."
    field_mm = max(rows * row_mm, columns * column_mm)
    if field_mm > MAX_FIELD_MM:
        return f"A field of {field_mm:.0f} mm is wider than any scanner; the spacing is wrong."
    return None


def _values(series: Series) -> str | None:
    voxels = series.volume.voxels
    if not all(np.isfinite(image).all() for image in voxels):
        return "The slices hold values that are not numbers."
    median = stack_median(voxels)
    if median == 0 or _tissue_spread(voxels) < MIN_CONTRAST * median:
        return "The slices are empty or of one grey."
    return None


def _tissue_spread(voxels: Floats) -> float:
    """Standard deviation of what is above 0, which something must be."""
    count = sum(int((image > 0).sum()) for image in voxels)
    total = sum(float(image.sum(where=image > 0, dtype=np.float64)) for image in voxels)
    squares = sum(
        float(np.square(image - total / count, dtype=np.float64).sum(where=image > 0))
        for image in voxels
    )
    return math.sqrt(squares / count)


def _content(series: Series, images: Iterable[Floats]) -> str | None:
    found = content_of(series.volume, images)
    continuity = 1.0 if found.continuity is None else found.continuity
    faults = (
        (
            found.greys < MIN_GREYS,
            f"The slices hold only {found.greys} greys; upload the scanner's own images.",
        ),
        (
            found.saturated > MAX_SATURATED,
            f"{found.saturated:.0%} of the tissue is cut off at one white; export the images "
            "without a window.",
        ),
        (
            found.void > MAX_VOID,
            f"{found.void:.0%} of the middle of the field is without signal, as beside metal; "
            "the joints cannot be judged.",
        ),
        (
            found.detail < MIN_DETAIL,
            "The slices are too blurred to show a joint line; use a sharper series.",
        ),
        (
            found.ghost > MAX_GHOST,
            "The slices show copies of themselves, as from motion or a regular pattern; "
            "use a series without them.",
        ),
        (
            continuity < MIN_CONTINUITY,
            "Neighbouring slices do not continue each other; upload one series of one patient, "
            "in order.",
        ),
    )
    return next((sentence for is_fault, sentence in faults if is_fault), None)


_CHECKS = {
    "other-modality": _modality,
    "other-body-part": _body_part,
    "plane-not-judged": _plane,
    "weighting-not-judged": _weighting,
    TOO_MANY_SLICES: _length,
    "too-coarse-or-narrow": _resolution,
}
"""What the file is asked, in this order, by the code that programs are told."""
