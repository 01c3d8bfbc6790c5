"""Missing slices: where they are missing and how many, so that no volume is stretched over them."""

from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from asemble.core.errors import SeriesError
from asemble.io.dicom.frames import Frame, Place
from asemble.io.series.grouping import positions_mm
from asemble.io.series.positions import is_rounded

IN_LINE_MM = 0.2
"""How far a slice may lie beside the straight line through the first and the last one."""
EVEN_SPACING = 0.05
"""Largest relative departure of one gap between slices from the median gap."""
CROWDED = 0.6
"""Slices closer than this share of the stated distance may be those of two volumes."""
MOST_BLOCKS = 4
LEAST_BLOCK_SLICES = 3
"""A stack with gaps is cut into at most four blocks; those of fewer slices are left out."""
MOST_LOOSE = 1 / 3
"""Share of the slices that may be left out so; beyond it the whole stack is refused."""


@dataclass(frozen=True, slots=True)
class Block:
    """Evenly spaced slices, and what is missing before and after them.

    Args:
        frames: in order of position.
        notes: a sentence for the user where slices are missing; empty for a whole stack.
    """

    frames: list[Frame]
    notes: tuple[str, ...] = ()

    @property
    def is_long(self) -> bool:
        """Whether it can stand as a series of its own."""
        return len(self.frames) >= LEAST_BLOCK_SLICES


@dataclass(frozen=True, slots=True)
class _Gap:
    """A place where slices are missing: between which positions, and how many."""

    low_mm: float
    high_mm: float
    missing: int

    @property
    def where(self) -> str:
        return f"between the positions {self.low_mm:.1f} and {self.high_mm:.1f} mm"


def blocks_of(frames: list[Frame]) -> list[Block]:
    """Runs of evenly spaced slices; one where none is missing. Some may be too short to stand.

    Raises:
        SeriesError: the spacing is uneven throughout.
    """
    gaps_mm = np.diff(positions_mm(frames))
    if len(gaps_mm) < 2:
        return [Block(frames)]
    spacing_mm = float(np.median(gaps_mm))
    is_break = np.abs(gaps_mm - spacing_mm) > EVEN_SPACING * spacing_mm
    if not is_break.any():
        return [Block(frames)]
    breaks = [int(index) + 1 for index in np.flatnonzero(is_break)]
    parts = [frames[start:stop] for start, stop in pairwise([0, *breaks, len(frames)])]
    loose = sum(len(part) for part in parts if len(part) < LEAST_BLOCK_SLICES)
    is_closer = bool((gaps_mm < (1 - EVEN_SPACING) * spacing_mm).any())
    gaps = _gaps(frames, spacing_mm)
    if len(parts) > MOST_BLOCKS or loose > MOST_LOOSE * len(frames) or (loose and is_closer):
        raise SeriesError(
            f"The slices are unevenly spaced: {gaps_mm.min():.2f} to {gaps_mm.max():.2f} mm "
            f"between neighbours in a stack of {len(frames)}, so slices may be missing"
            f"{_first_of(gaps)}.",
            hint="Export the whole series again" + _unrounded(frames),
            code="slices-uneven",
        )
    return [
        Block(part, _notes(number, len(parts), gaps)) for number, part in enumerate(parts, start=1)
    ]


def _unrounded(frames: list[Frame]) -> str:
    return ", with positions that are not rounded." if is_rounded(frames) else "."


def notes_on_missing(volume: list[Frame], numbers: Collection[int]) -> list[str]:
    """What the declared spacing and the numbers of the images say about missing slices.

    Args:
        volume: evenly spaced slices in order of position.
        numbers: InstanceNumber of every image of the series that came in, of all its volumes.
    """
    every = _every_nth(volume, numbers)
    return [every] if every else _ends(volume, numbers)


def _every_nth(volume: list[Frame], numbers: Collection[int]) -> str:
    place = volume[0].place
    if len(volume) < 2:
        return ""
    measured_mm = float(np.diff(positions_mm(volume)).mean())
    stated_mm = _stated(place, measured_mm)
    own = _numbers(volume)
    steps = {abs(b - a) for a, b in pairwise(own)}
    step = next(iter(steps)) if len(steps) == 1 else 1
    is_numbered = step > 1
    if is_numbered:  # numbers in between that another volume of the series has are not missing
        others, low, high = set(numbers) - set(own), min(own), max(own)
        is_numbered = not any(low < number < high for number in others)
    if stated_mm is None:
        if not is_numbered:
            return ""
        return (
            f"The images are numbered in steps of {step}: {step - 1} of every {step} slices may "
            "be missing. The distances are those of the slices that are here."
        )
    if measured_mm < CROWDED * stated_mm:
        return (
            f"The slices lie {measured_mm:.1f} mm apart but the header says {stated_mm:.1f} mm: "
            "two volumes may lie in each other, or the slices were computed from others."
        )
    if measured_mm <= stated_mm * (1 + EVEN_SPACING):
        return ""
    ratio = round(measured_mm / stated_mm)
    is_multiple = ratio > 1 and abs(measured_mm / stated_mm - ratio) <= EVEN_SPACING * ratio
    share = f"{ratio - 1} of every {ratio} slices" if is_multiple else "slices"
    verb = "are" if is_multiple and is_numbered and step == ratio else "may be"
    return (
        f"The slices lie {measured_mm:.1f} mm apart but the header says {stated_mm:.1f} mm: "
        f"{share} {verb} missing. The distances are those of the slices that are here."
    )


def _stated(place: Place, measured_mm: float) -> float | None:
    """SpacingBetweenSlices from centre to centre; some exports write the gap alone in it."""
    stated_mm, thickness_mm = place.spacing_mm, place.thickness_mm
    if stated_mm is None or thickness_mm is None or stated_mm >= thickness_mm:
        return stated_mm
    with_gap_mm = stated_mm + thickness_mm
    is_gap = abs(measured_mm - with_gap_mm) <= EVEN_SPACING * with_gap_mm
    return with_gap_mm if is_gap else stated_mm


def _ends(volume: list[Frame], numbers: Collection[int]) -> list[str]:
    """What is missing before the first and after the last, where one series is one volume."""
    own = _numbers(volume)
    is_counted = len(own) > 1 and {abs(b - a) for a, b in pairwise(own)} == {1}
    if not is_counted or set(own) != set(numbers):
        return []
    first, last = ("first", "last") if own[0] < own[-1] else ("last", "first")
    images = {frame.header.images for frame in volume}
    stated = images.pop() if len(images) == 1 else 0
    most = len(own) // 2  # more is another way of numbering
    notes = []
    for missing, end, word in (
        (min(own) - 1, first, "begin later than 1"),
        (stated - max(own), last, "end before the number of images that the header states"),
    ):
        if 0 < missing <= most:
            side = "before" if end == "first" else "after"
            slices = "1 slice" if missing == 1 else f"{missing} slices"
            notes.append(
                f"The numbers of the images {word}: {slices} may be missing {side} the {end}."
            )
    return notes


def _numbers(volume: list[Frame]) -> list[int]:
    """InstanceNumber of each slice; empty where they do not count through the stack."""
    own = [int(frame.header.number) for frame in volume]
    rises = {b > a for a, b in pairwise(own)}
    is_usable = all(frame.is_single for frame in volume) and min(own) > 0
    return own if is_usable and len(rises) == 1 and len(set(own)) == len(own) else []


def _gaps(frames: list[Frame], spacing_mm: float) -> list[_Gap]:
    found = []
    for low, high in pairwise(float(position) for position in positions_mm(frames)):
        if high - low > (1 + EVEN_SPACING) * spacing_mm:
            found.append(_Gap(low, high, max(1, round((high - low) / spacing_mm) - 1)))
    return found


def _notes(number: int, parts: int, gaps: list[_Gap]) -> tuple[str, ...]:
    """A sentence for part `number`, from 1: where its stack has gaps."""
    said = [f"{_slices(gap.missing)} missing {gap.where}" for gap in gaps]
    why = f"of a stack with gaps: {'; '.join(said)}" if said else "of a stack of uneven spacing"
    return (f"Part {number} of {parts} {why}.",)


def _slices(count: int) -> str:
    return "1 slice is" if count == 1 else f"{count} slices are"


def _first_of(gaps: list[_Gap]) -> str:
    if not gaps:
        return ""
    rest = f" and at {len(gaps) - 1} more places" if len(gaps) > 1 else ""
    return f", the first {gaps[0].where}{rest}"
