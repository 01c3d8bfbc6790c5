"""How many days lie between two examinations, without keeping when either was.

A date becomes a digest under a key that is drawn anew for each study. While files are read the
dates themselves put examinations in order; afterwards digests alone are left, so that what is added
to a study later can still be told to be of its day, or how many days away.
"""

import os
from dataclasses import dataclass, field
from datetime import date, timedelta
from hashlib import blake2b

import pydicom

from asemble.io.dicom.patients import taken

ATTRIBUTES = ("StudyDate", "SeriesDate", "AcquisitionDate")
"""Read to compare examinations, the first that says something, and taken out at once."""
FIRST_YEAR = 1978
"""No patient was examined by MRI before; anonymisers write such years for "left out"."""
MOST_DAYS = 25_000
"""Between two examinations; anonymisers may move dates by decades, but all of a patient alike."""

Day = bytes
"""A digest of a date: says whether two are one, and no more."""


@dataclass(slots=True, repr=False)
class Days:
    """The days of one patient's examinations."""

    _key: bytes = field(default_factory=lambda: os.urandom(32))
    _dates: dict[Day, date] = field(default_factory=dict)

    def take(self, dataset: pydicom.Dataset) -> Day | None:
        """Take the dates out of `dataset`; the day that it says, None where it says none."""
        stated = [_date(taken(dataset, keyword)) for keyword in ATTRIBUTES]
        said = next((each for each in stated if each is not None), None)
        if said is None:
            return None
        day = self._digest(said)
        self._dates[day] = said
        return day

    def latest_first(self, days: set[Day]) -> list[Day]:
        """Days of files that were read just now, in order."""
        return sorted(days, key=self._dates.__getitem__, reverse=True)

    def between(self, one: Day, other: Day) -> int | None:
        """Days from `one` to `other`, of which files of one at least were read just now."""
        at, looked_for, sign = (
            (self._dates[one], other, 1) if one in self._dates else (self._dates[other], one, -1)
        )
        for days in range(MOST_DAYS):
            for way in (1, -1):
                if self._digest(at + way * timedelta(days)) == looked_for:
                    return sign * way * days
        return None

    def forget_dates(self) -> None:
        """Keep the digests alone."""
        self._dates.clear()

    def _digest(self, said: date) -> Day:
        return blake2b(said.isoformat().encode(), key=self._key, digest_size=16).digest()


def _date(text: str) -> date | None:
    """A DICOM date (PS3.5 6.2), in either of its spellings.

    >>> _date("20240229") == _date("2024.02.29") == date(2024, 2, 29), _date("19000101")
    (True, None)
    """
    digits = text.replace(".", "").strip(" \0")[:8]
    try:
        said = date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None
    return said if said.year >= FIRST_YEAR else None
