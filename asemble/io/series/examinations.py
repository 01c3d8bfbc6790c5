"""Which slices of an upload are of one examination, by the day that their files state."""

from collections.abc import Sequence

from asemble.core.errors import SeriesError
from asemble.core.study import Refusal
from asemble.io.dicom.dates import Day, Days
from asemble.io.dicom.frames import Frame
from asemble.io.series.grouping import grouped

FEWEST_SLICES = 3
"""Of an examination; what names every slice anew tells nothing (docs/decisions/0019)."""
NO_DAY = SeriesError(
    "The upload holds two examinations, and this image does not say of which it is.",
    hint="Upload each examination by itself, one as current and one as prior.",
    code="of-no-examination",
)
OF_ANOTHER_DAY = SeriesError(
    "This is of an examination of another day, so it was left out.",
    hint="Upload two examinations at most, one as current and one as prior.",
    code="of-another-examination",
)


def examinations(
    frames: Sequence[Frame], days: Days
) -> tuple[list[tuple[Day | None, list[Frame]]], list[Refusal]]:
    """The slices of each day, the latest first, and a refusal for what belongs to none.

    All are of one examination where days tell nothing: a StudyInstanceUID has several (a scan
    around midnight, dates that an anonymiser drew file by file), or no two days have a stack each.
    """
    of_days = grouped(frames, lambda frame: frame.header.day)
    named = [each for each in of_days if each[0].header.day and len(each) >= FEWEST_SLICES]
    if len(named) < 2 or not _agree(frames):
        of_one = {frame.header.day for frame in frames} - {None}
        return [(of_one.pop() if len(of_one) == 1 else None, list(frames))], []
    by_day = {str(each[0].header.study): each[0].header.day for each in named}
    kept: dict[Day, list[Frame]] = {day: [] for each in named if (day := each[0].header.day)}
    left_out: list[Refusal] = []
    for frame in frames:
        day = frame.header.day or by_day.get(frame.header.study)
        if day in kept:
            kept[day].append(frame)
        else:
            left_out.append(Refusal.because(OF_ANOTHER_DAY if day else NO_DAY, frame.name))
    return [(day, kept[day]) for day in days.latest_first(set(kept))], left_out


def _agree(frames: Sequence[Frame]) -> bool:
    """Whether each StudyInstanceUID has one day."""
    of_studies = grouped(frames, lambda frame: frame.header.study)
    said = [{frame.header.day for frame in each} - {None} for each in of_studies]
    return all(len(days) <= 1 for days in said)
