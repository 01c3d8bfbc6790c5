"""The table of public cases: `public.toml`, which `make public-cases` writes."""

import hashlib
import os
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from asemble.cases.licences import OPEN_LICENCES
from asemble.core.errors import CaseError, ConfigError

SHIPPED = Path(__file__).parent / "public.toml"

TABLE_VARIABLE = "ASEMBLE_CASES_TABLE"
"""Names another table of the same form, such as an operator's own choice."""

CREDIT = "Images: {citation} Licence: {licence}{url}. Windowed, resampled and drawn over here."
"""What CC BY asks for: who, where, the licence, and that something was changed."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_UID = re.compile(r"[0-9]+(\.[0-9]+){1,40}")
_FOLDER = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Source:
    """A published collection.

    Args:
        doi: in lower case.
        name: as it is known, such as CPTAC-UCEC.
        title: in full.
        citation: how its publishers ask to be cited.
    """

    doi: str
    name: str
    title: str
    citation: str


@dataclass(frozen=True, slots=True)
class Painted:
    """The part of a series on which oedema was painted for training.

    Args:
        slices: first and last, counted from 0.
        rows: the same.
        columns: the same.
    """

    slices: tuple[int, int]
    rows: tuple[int, int]
    columns: tuple[int, int]


@dataclass(frozen=True, slots=True)
class CaseSeries:
    """One published series.

    Args:
        uid: SeriesInstanceUID.
        folder: the prefix of its files in the bucket.
        description: SeriesDescription as published.
        body_part: BodyPartExamined as published.
        modality: as published.
        plane: by the words of the description; asemble decides by the files.
        weighting: the same.
        after_contrast: by the words of the description.
        files: how many there are.
        bytes: of all files together.
        licence: by the name that the index gives it; empty where it states none.
        doi: of its source.
        painted: the part that training used, None where it used none.
    """

    uid: str
    folder: str
    description: str
    body_part: str
    modality: str
    plane: str
    weighting: str
    after_contrast: bool
    files: int
    bytes: int
    licence: str
    doi: str
    painted: Painted | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """A study of one person, or some series of it.

    Args:
        id: names it here.
        collection: its source's id in the index.
        patient: the person's id as published.
        study_uid: StudyInstanceUID.
        study: StudyDescription as published.
        seen: what somebody saw who read it; "not stated" where nobody did.
        series: in the order of their numbers.
    """

    id: str
    collection: str
    patient: str
    study_uid: str
    study: str
    seen: str
    series: tuple[CaseSeries, ...]

    @property
    def bytes(self) -> int:
        """Of all files together."""
        return sum(series.bytes for series in self.series)

    @property
    def licences(self) -> tuple[str, ...]:
        """Each once."""
        return tuple(dict.fromkeys(series.licence for series in self.series))

    @property
    def what(self) -> str:
        """Planes and weightings in few words, by the descriptions."""
        words = (f"{each.plane} {_WORDS[each.weighting]}" for each in self.series)
        return ", ".join(sorted(dict.fromkeys(words), key=lambda word: word.startswith("axial")))


_WORDS = {"t1": "T1", "fluid": "fluid-sensitive", "other": "T2"}


@dataclass(frozen=True, slots=True)
class Table:
    """What can be fetched.

    Args:
        index: package and version of the index that it was made from, and the bucket.
        sources: by DOI.
        cases: in the order of the file.
    """

    index: Mapping[str, Any]
    sources: Mapping[str, Source]
    cases: tuple[Case, ...]

    def find(self, names: Iterable[str]) -> tuple[Case, ...]:
        """The cases of these names, each once, with the series that were named.

        Args:
            names: ids of cases, ids or names of collections, or SeriesInstanceUIDs.

        Raises:
            CaseError: `unknown-id`.
        """
        wanted: set[str] = set()
        for name in names:
            found = {
                series.uid
                for case in self.cases
                for series in case.series
                if name in (series.uid, case.id, case.collection, self.sources[series.doi].name)
            }
            if not found:
                is_plain = _NAME.fullmatch(name) or _UID.fullmatch(name)
                raise CaseError(
                    f"There is no public case {f'{name!r}' if is_plain else 'of that name'}.",
                    hint="`asemble cases list` names them.",
                    code="unknown-id",
                )
            wanted |= found
        return self.only(lambda series: series.uid in wanted)

    def only(self, is_wanted: Callable[[CaseSeries], bool]) -> tuple[Case, ...]:
        """The cases with the series of which `is_wanted` says so."""
        kept = (replace(case, series=tuple(filter(is_wanted, case.series))) for case in self.cases)
        return tuple(case for case in kept if case.series)

    def credits(self, series: Iterable[CaseSeries]) -> tuple[str, ...]:
        """How these are credited, each source once."""
        return tuple(dict.fromkeys(self._credit(each) for each in series))

    def _credit(self, series: CaseSeries) -> str:
        url = OPEN_LICENCES.get(series.licence)
        return CREDIT.format(
            citation=self.sources[series.doi].citation,
            licence=series.licence or "not stated",
            url=f" ({url})" if url else "",
        )


def load_table(path: Path | None = None) -> Table:
    """The table of a file; None: that of `ASEMBLE_CASES_TABLE`, else the shipped one.

    Raises:
        ConfigError: it is no such table.
    """
    return _load(path or Path(os.environ.get(TABLE_VARIABLE) or SHIPPED))


def credits_of(digests: Iterable[str]) -> tuple[str, ...]:
    """How published series among those that were read are credited.

    Args:
        digests: SHA-256 of SeriesInstanceUIDs in hex, which say nothing of what is not published.
    """
    wanted, table = frozenset(digests), load_table()
    published = (series for case in table.cases for series in case.series)
    return table.credits(
        each for each in published if hashlib.sha256(each.uid.encode()).hexdigest() in wanted
    )


@lru_cache(maxsize=4)
def _load(path: Path) -> Table:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        sources = {each["doi"]: Source(**each) for each in content["source"]}
        cases = tuple(_case(each) for each in content["case"])
        table = Table(content["index"], sources, cases)
        _require_sound(table)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            "The table of public cases cannot be read.",
            hint=f"See that {TABLE_VARIABLE} names a table like asemble/cases/public.toml.",
            code="cases-table-invalid",
        ) from error
    return table


def _case(facts: Mapping[str, Any]) -> Case:
    series = tuple(_series(each) for each in facts["series"])
    return Case(**{**facts, "series": series})


def _series(facts: Mapping[str, Any]) -> CaseSeries:
    painted = facts.get("painted")
    if painted is not None:
        painted = Painted(**{name: tuple(ends) for name, ends in painted.items()})
    return CaseSeries(**{**facts, "painted": painted})


def _require_sound(table: Table) -> None:
    """Names that become folders and addresses are plain, and no two cases share one."""
    ids = [case.id for case in table.cases]
    if len(set(ids)) != len(ids):
        raise ValueError("two cases of one id")
    for case in table.cases:
        for series in case.series:
            is_plain = (
                _NAME.fullmatch(case.id)
                and _UID.fullmatch(series.uid)
                and _FOLDER.fullmatch(series.folder)
            )
            if not is_plain or series.doi not in table.sources or series.weighting not in _WORDS:
                raise ValueError(f"a case that is none: {case.id!r}")
