"""The volumes of one series: told apart by contrast and time, each in order of position.

The rules and their reasons: docs/decisions/0019.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from asemble.core.errors import SeriesError
from asemble.io.dicom.frames import Frame
from asemble.io.dicom.header import Header
from asemble.io.series.grouping import (
    SAME_POSITION_MM,
    at_positions,
    grouped,
    position_mm,
    positions_mm,
    telling,
)

NOT_CLOSER = 0.95
"""Slices of one stack lie no closer to each other than this share of the stated distance."""
SAME_REPETITION = 1.5
SAME_INVERSION = 1.2
"""Largest ratio of two RepetitionTimes and two InversionTimes of one volume: T1 and STIR differ
by more."""
SAME_ECHO = 1.05
"""Largest ratio of two echo times of one contrast; some scanners state each slice's own."""
MOST_PARTS = 20
"""Each part is held against each stack so far; dynamic scans of more repeat their positions."""
FEWEST_OF_A_PASS = 3
"""Numbers rise or fall from slice to slice by chance until so many do."""
MOST_OF_A_STEP = 1.5
"""Slices of a pass follow each other by less than this times the stated distance."""
MOST_REPEATED = 1 / 3
"""Share of the images that may be repeats of single slices; beyond it nothing is certain."""


def protocols(frames: Sequence[Frame]) -> list[list[Frame]]:
    """Slices that were made alike, by the number and name of their series and its sequence.

    T1 and STIR may come under one SeriesInstanceUID, or under none that says anything, when a tool
    renewed the UIDs. A name that lost words in some files names the same protocol.
    """
    of_number = telling(grouped(frames, lambda frame: frame.header.series_number), frames)
    return [
        joined
        for group in of_number
        for joined in _joined(telling(grouped(group, _protocol), group), _is_same_protocol)
    ]


def contrasts(frames: list[Frame]) -> list[list[Frame]]:
    """Images that differ in echo, diffusion, kind or time apart, where that makes stacks.

    Parts of one contrast that fill each other's gaps, such as the odd and the even slices, or
    slices whose repetition waited for a breath, are one stack.
    """
    keyed = grouped(frames, lambda frame: frame.volume_key)
    parts = telling([part for group in keyed for part in _of_times(group)], frames)
    if all(len(at_positions(part)) == len(at_positions(frames)) for part in parts):
        return parts
    return [frames] if len(parts) > MOST_PARTS else _joined(parts, _is_same_contrast)


def volumes_of(frames: list[Frame]) -> tuple[list[list[Frame]], list[Frame]]:
    """The volumes of one contrast, each in order of position, and slices measured once more.

    Where every position holds the same number of images, the first of each position form the
    first volume, and so on, in the order of acquisition. Elsewhere, and where slices lie in each
    other, the numbers of the images tell: they count through one volume after the other.

    Raises:
        SeriesError: the images do not divide into volumes.
    """
    stacks = at_positions(frames)
    counts = {len(images) for images in stacks}
    is_even = len(counts) == 1
    if is_even and not _is_crowded(stacks):
        return _by_rank(stacks), []
    for images in stacks:
        _require_told_apart(images)
    passes, repeated = _passes(frames)
    if is_even:  # volumes that lie in each other, or slices closer than the header says
        is_apart = len(passes) > 1 and not repeated
        is_apart = is_apart and not any(_is_crowded(at_positions(each)) for each in passes)
        return (passes, []) if is_apart else (_by_rank(stacks), [])
    if not passes or len(repeated) > MOST_REPEATED * len(frames):
        passes, repeated = _made_later(stacks)
    if not passes or len(repeated) > MOST_REPEATED * len(frames):
        raise SeriesError(
            f"Expected one volume, found between {min(counts)} and {max(counts)} images "
            f"at each of {len(stacks)} positions.",
            hint="Export one volume, such as a single T1 or STIR series.",
            code="volumes-not-told-apart",
        )
    return passes, repeated


def _of_times(frames: list[Frame]) -> list[list[Frame]]:
    """Images of like RepetitionTime and InversionTime."""
    groups: list[list[Frame]] = []
    for frame in frames:
        for group in groups[:MOST_PARTS]:
            if _has_same_times(frame.header, group[0].header):
                group.append(frame)
                break
        else:
            groups.append([frame])
    return groups


def _joined(
    parts: list[list[Frame]], may_join: Callable[[Header, Header], bool]
) -> list[list[Frame]]:
    """The parts, those together that fill each other's gaps and may be joined."""
    if len(parts) > MOST_PARTS:
        return parts
    stacks: list[list[list[Frame]]] = []
    for part in parts:
        for stack in stacks:
            is_alike = all(may_join(each[0].header, part[0].header) for each in stack)
            if is_alike and _complete(stack, part):
                stack.append(part)
                break
        else:
            stacks.append([part])
    return [[frame for part in stack for frame in part] for stack in stacks]


def _complete(parts: list[list[Frame]], other: list[Frame]) -> bool:
    """Whether the slices of `other` fill gaps of the stack of `parts`, or go on from its end."""
    together = [frame for part in [*parts, other] for frame in part]
    if any(len(images) > 1 for images in at_positions(together)):
        return False
    own_mm = [gap for part in [*parts, other] for gap in [_least_gap_mm(part)] if gap is not None]
    stated_mm = other[0].place.slice_mm
    allowed_mm = min([*own_mm, *([stated_mm] if stated_mm else [])], default=0.0)
    least_mm = _least_gap_mm(together)
    return least_mm is not None and least_mm >= NOT_CLOSER * allowed_mm


def _protocol(frame: Frame) -> object:
    return (_name(frame.header), *_sequence(frame.header))


def _name(header: Header) -> tuple[str, ...]:
    """The words of a description; a digit by itself counts slices or series and names none."""
    return tuple(word for word in header.description.split() if not word.isdigit())


def _sequence(header: Header) -> tuple[object, ...]:
    return (header.sequence, header.variant, header.options, header.captured)


def _is_same_protocol(one: Header, other: Header) -> bool:
    a, b = set(_name(one)), set(_name(other))
    return (a <= b or b <= a) and _sequence(one) == _sequence(other) and _has_same_times(one, other)


def _is_same_contrast(one: Header, other: Header) -> bool:
    if (one.is_magnitude, one.b_value) != (other.is_magnitude, other.b_value):
        return False
    if one.te_ms and other.te_ms:
        return _is_within(SAME_ECHO, one.te_ms, other.te_ms)
    return one.echo == other.echo


def _has_same_times(one: Header, other: Header) -> bool:
    return _is_within(SAME_REPETITION, one.tr_ms, other.tr_ms) and _is_within(
        SAME_INVERSION, one.ti_ms, other.ti_ms
    )


def _is_within(ratio: float, one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one == other
    return max(one, other) <= ratio * min(one, other)


def _passes(frames: list[Frame]) -> tuple[list[list[Frame]], list[Frame]]:
    """Runs of images whose numbers count along the normal, and the images of no such run."""
    normal = frames[0].place.normal

    def place_mm(frame: Frame) -> float:
        return position_mm(frame, normal)

    def order(frame: Frame) -> tuple[float, ...]:
        return (frame.header.acquisition, frame.header.number, place_mm(frame))

    runs: list[list[Frame]] = []
    repeated: list[Frame] = []
    way = 0.0
    for frame in sorted(frames, key=order):
        last = runs[-1][-1] if runs else None
        if last is None or last.header.acquisition != frame.header.acquisition:
            runs.append([frame])
            way = 0.0
            continue
        step_mm = place_mm(frame) - place_mm(last)
        if abs(step_mm) <= SAME_POSITION_MM:
            repeated.append(frame)
        elif step_mm * way >= 0:
            runs[-1].append(frame)
            way = step_mm
        else:
            runs.append([frame])
            way = 0.0
    passes: list[list[Frame]] = []
    for run in runs:
        if _is_pass(run):
            passes.append(sorted(run, key=place_mm))
        else:
            repeated += run
    return passes, repeated


def _made_later(stacks: list[list[Frame]]) -> tuple[list[list[Frame]], list[Frame]]:
    """The first image of each position, and the others if they were made after all of these.

    So a slice measured again is told in whatever order the slices were acquired.
    """

    def order(frame: Frame) -> tuple[float, float]:
        return (frame.header.acquisition, frame.header.number)

    ordered = [sorted(images, key=order) for images in stacks]
    first = [images[0] for images in ordered]
    rest = [frame for images in ordered for frame in images[1:]]
    is_later = min(order(frame) for frame in rest) > max(order(frame) for frame in first)
    return ([first], rest) if is_later else ([], [])


def _is_pass(run: list[Frame]) -> bool:
    """Whether a run goes from slice to slice, not to every second or to a few."""
    if len(run) < FEWEST_OF_A_PASS:
        return False
    stated_mm = run[0].place.slice_mm
    step_mm = float(np.median(np.abs(np.diff(positions_mm(run)))))
    return stated_mm is None or step_mm < MOST_OF_A_STEP * stated_mm


def _is_crowded(stacks: list[list[Frame]]) -> bool:
    """Whether slices lie closer to each other than the header says."""
    first = [images[0] for images in stacks]
    least_mm, stated_mm = _least_gap_mm(first), first[0].place.slice_mm
    return least_mm is not None and stated_mm is not None and least_mm < NOT_CLOSER * stated_mm


def _least_gap_mm(frames: Sequence[Frame]) -> float | None:
    gaps_mm = np.diff(np.sort(positions_mm(frames)))
    return float(gaps_mm.min()) if len(gaps_mm) else None


def _by_rank(stacks: list[list[Frame]]) -> list[list[Frame]]:
    if len(stacks) == 1 and len(stacks[0]) >= FEWEST_OF_A_PASS:
        _require_a_reason_for_one_position(stacks[0])
    for images in stacks:
        images.sort(key=lambda frame: (*frame.order_key, frame.file))
        _require_told_apart(images)
    volumes = [list(volume) for volume in zip(*stacks, strict=True)]
    for one, other in pairwise(volumes):
        _require_alike_numbers(one, other)
    return volumes


def _require_told_apart(images: list[Frame]) -> None:
    """Refuse images at one position that the header does not order.

    Raises:
        SeriesError: two have the same numbers throughout.
    """
    for one, other in pairwise(sorted(images, key=lambda frame: frame.order_key)):
        # Tiles and enhanced frames of one file belong together whatever they are called.
        if one.order_key == other.order_key and one.is_single and other.is_single:
            raise _nothing_tells_apart(len(images))


def _require_a_reason_for_one_position(images: list[Frame]) -> None:
    """Refuse many images of one position that only count: slices, or one slice over time?

    Raises:
        SeriesError: nothing in the header says which.
    """
    if len({frame.volume_key for frame in images}) == 1:
        raise SeriesError(
            f"All {len(images)} images of this series give one ImagePositionPatient, and nothing "
            "says whether they are slices of a stack or one slice measured again and again.",
            hint="Export the original series with the position of each slice.",
            code="all-at-one-position",
        )


def _require_alike_numbers(one: list[Frame], other: list[Frame]) -> None:
    """Refuse to part two volumes by numbers that do not count through each of them.

    Raises:
        SeriesError: only the numbers tell them apart, and those go up and down.
    """
    pairs = list(zip(one, other, strict=True))
    if any(
        (a.volume_key, a.header.acquisition) != (b.volume_key, b.header.acquisition)
        or not (a.is_single and b.is_single)
        for a, b in pairs
    ):
        return
    apart = {b.header.number - a.header.number for a, b in pairs}
    if len(apart) > 1 and not all(_counts(volume) for volume in (one, other)):
        raise _nothing_tells_apart(2)


def _counts(volume: list[Frame]) -> bool:
    """Whether the numbers of the images only rise, or only fall, along the stack."""
    steps = np.diff([frame.header.number for frame in volume])
    return bool((steps > 0).all() or (steps < 0).all())


def _nothing_tells_apart(images: int) -> SeriesError:
    return SeriesError(
        f"Found {images} images at one position that nothing in their headers tells apart.",
        hint="Upload each series on its own.",
        code="images-not-told-apart",
    )
