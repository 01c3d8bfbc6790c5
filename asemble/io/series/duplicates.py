"""Images that came in more than once: the same file twice, or saved anew under other names."""

from collections.abc import Sequence

from asemble.core.errors import SeriesError
from asemble.core.study import Refusal
from asemble.io.dicom.frames import Frame
from asemble.io.series.grouping import grouped

ONE_COPY = SeriesError(
    "This image is a copy of another one of the upload; it was counted once.", code="copy-of-image"
)
SAME_VOLUME = SeriesError(
    "This is a copy of another series of the upload; it was counted once.", code="copy-of-series"
)
COPIES = SeriesError(
    "These images are copies of others of the upload; each was counted once.", code="copy-of-image"
)


def without_copies(frames: Sequence[Frame]) -> tuple[list[Frame], list[Frame]]:
    """The frames without copies, and the copies.

    A copy has the pixels, place and series of another one, and either its instance or its rank
    and number among the images: so it is found whatever its file is called, however its pixels
    are packed, and under a new SOPInstanceUID. Pixels are compared only where places are equal.
    """
    kept: list[Frame] = []
    copies: list[Frame] = []
    for rivals in grouped(frames, _spot):
        if len(rivals) == 1:
            kept += rivals
            continue
        instances: set[object] = set()
        ranks: set[object] = set()
        for frame in sorted(rivals, key=_first_numbers_first):
            picture = _picture(frame)
            rank = (picture, frame.order_key)
            instance = (picture, frame.header.instance)
            names_itself = frame.is_single and frame.header.instance != ""
            if rank in ranks or (names_itself and instance in instances):
                copies.append(frame)
            else:
                kept.append(frame)
            ranks.add(rank)
            instances.add(instance)
    return kept, copies


def without_renumbered(frames: Sequence[Frame]) -> tuple[list[Frame], list[Frame]]:
    """The frames without copies that were given other numbers, and these.

    Images of one place and kind with equal pixels are copies if there are fewer than the series
    has images at each place without them: in a time series an edge of air may stand still, but
    not a whole volume.
    """
    kept: list[Frame] = []
    copies: list[Frame] = []
    before, after = set(), set()
    for rivals in grouped(frames, lambda frame: (_spot(frame), frame.volume_key)):
        pictures: dict[object, Frame] = {}
        for frame in sorted(rivals, key=_first_numbers_first):
            if pictures.setdefault(_picture(frame), frame) is not frame:
                copies.append(frame)
        kept += pictures.values()
        before.add(len(rivals))
        after.add(len(pictures))
    is_even = len(after) == 1 and max(before) > max(after)
    return (kept, copies) if is_even else (list(frames), [])


def refusal_of_copies(copies: Sequence[Frame]) -> list[Refusal]:
    """One refusal that counts all copies; none where there are none."""
    if not copies:
        return []
    names = sorted(frame.name for frame in copies)
    why = ONE_COPY if len(copies) == 1 else COPIES
    return [Refusal.because(why, names[0], len(copies), others=len(copies) - 1)]


def _first_numbers_first(frame: Frame) -> tuple[object, ...]:
    """An order that does not depend on that of the upload, so that neither does what is kept."""
    return (*frame.order_key, frame.header.instance)


def _picture(frame: Frame) -> object:
    """What two equal pictures have in common: their signal, by the digest of their file."""
    return (frame.file, frame.index, frame.slope, frame.intercept)


def _spot(frame: Frame) -> object:
    place = frame.place
    vectors = (place.origin_mm, place.along_row, place.along_column)
    numbers = [value for vector in vectors for value in vector.tolist()]
    numbers += [place.row_mm, place.column_mm]
    return (
        frame.header.series,
        frame.header.series_number,
        frame.pixels.shape,
        *(round(value, 3) for value in numbers),
    )
