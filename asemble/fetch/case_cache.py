"""`CaseCache`: the cache of public cases on this machine's disk."""

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from asemble.cases import Case, CaseSeries, Table
from asemble.core.caches import cache_folder
from asemble.core.errors import CaseError
from asemble.fetch.settings import CACHE_VARIABLE

LOCK, RECEIPTS, PARTIAL, CASES = ".lock", "receipts", "partial", "cases"
ATTRIBUTION = "ATTRIBUTION.txt"


class CaseCache:
    """A folder of fetched cases: `cases/<id>/<SeriesInstanceUID>/` holds their DICOM files.

    A series is there whole or not at all: it grows in `partial` and moves when its last file is
    right. `receipts` say what each file was when it came.

    Args:
        folder: None for the user's cache, or what `ASEMBLE_CASES_CACHE` names.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or cache_folder("cases", variable=CACHE_VARIABLE)

    def case_folder(self, case: Case) -> Path:
        """What to give to a reader; it holds DICOM and nothing else."""
        return self.folder / CASES / case.id

    def series_folder(self, case: Case, series: CaseSeries) -> Path:
        """Of one series."""
        return self.case_folder(case) / series.uid

    def has(self, case: Case) -> bool:
        """Whether every series of it is there, by the names and sizes of its files."""
        return all(self.has_series(case, series) for series in case.series)

    def has_series(self, case: Case, series: CaseSeries) -> bool:
        """The same of one series."""
        files = self._files(series)
        folder = self.series_folder(case, series)
        return bool(files) and all(
            _size_of(folder / name) == facts["bytes"] for name, facts in files.items()
        )

    def require(self, case: Case) -> list[Path]:
        """The folders of its series, if every file is what it was when it came.

        Raises:
            CaseError: `not-cached` or `damaged`.
        """
        if not self.has(case):
            raise CaseError(
                f"{case.id} is not in the cache, or not wholly.", hint="Fetch it.",
                code="not-cached",
            )  # fmt: skip
        for series in case.series:
            folder = self.series_folder(case, series)
            for name, facts in self._files(series).items():
                if sha256_of(folder / name) != facts["sha256"]:
                    raise CaseError(
                        f"A file of {case.id} in the cache is not what was fetched.",
                        hint=f"Remove it (`asemble cases empty {case.id}`) and fetch it again.",
                        code="damaged",
                    )
        return [self.series_folder(case, series) for series in case.series]

    def partial_folder(self, series: CaseSeries) -> Path:
        """Where a series grows."""
        return self.folder / PARTIAL / series.uid

    def keep(self, case: Case, series: CaseSeries, *, source: str, credits: Iterable[str]) -> None:
        """Move a series that has grown whole to its place, with a receipt."""
        grown = self.partial_folder(series)
        files = {
            path.name: {"bytes": path.stat().st_size, "sha256": sha256_of(path)}
            for path in sorted(grown.iterdir())
        }
        place = self.series_folder(case, series)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(place, ignore_errors=True)
        grown.replace(place)
        receipt = {
            "case": case.id,
            "series": series.uid,
            "source": source,
            "licence": series.licence,
            "attribution": list(credits),
            "files": files,
        }
        _write(self._receipt(series), json.dumps(receipt, indent=1, ensure_ascii=False) + "\n")

    def write_attribution(self, table: Table) -> None:
        """One text beside the cases, of those that are there."""
        lines = []
        for case in table.cases:
            there = [each for each in case.series if self.has_series(case, each)]
            if there:
                lines += [f"cases/{case.id}", *table.credits(there), ""]
        _write(self.folder / ATTRIBUTION, "\n".join(lines))

    def bytes(self) -> int:
        """What the cache takes, with what is half fetched."""
        if not self.folder.exists():
            return 0
        return sum(_size_of(path) or 0 for path in self.folder.rglob("*"))

    def empty(self, cases: Iterable[Case]) -> int:
        """Remove these cases, also where they are half fetched; returns the bytes.

        Raises:
            CaseError: `busy`.
        """
        before = self.bytes()
        if before == 0:
            return 0
        with self.locked():
            for case in cases:
                for series in case.series:
                    self._receipt(series).unlink(missing_ok=True)
                    shutil.rmtree(self.series_folder(case, series), ignore_errors=True)
                    shutil.rmtree(self.partial_folder(series), ignore_errors=True)
                folder = self.case_folder(case)
                if folder.is_dir() and not any(folder.iterdir()):
                    folder.rmdir()
        return before - self.bytes()

    def empty_all(self) -> int:
        """Remove all of it, also what an older table named; returns the bytes.

        Raises:
            CaseError: `busy`.
        """
        before = self.bytes()
        if before:
            with self.locked():
                for name in (RECEIPTS, CASES, PARTIAL):
                    shutil.rmtree(self.folder / name, ignore_errors=True)
                (self.folder / ATTRIBUTION).unlink(missing_ok=True)
        return before - self.bytes()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Alone: two that fetch at once would write the same files.

        Raises:
            CaseError: `busy`, or `not-written` where there can be no such folder.
        """
        lock = FileLock(self.folder / LOCK)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=0)
        except Timeout as error:
            raise CaseError(
                "Somebody else is fetching public cases into this cache.",
                hint="Wait until that is done, or name another folder with --cache.",
                code="busy",
            ) from error
        except OSError as error:
            raise not_written(error) from error
        try:
            yield
        finally:
            lock.release()

    def _receipt(self, series: CaseSeries) -> Path:
        return self.folder / RECEIPTS / f"{series.uid}.json"

    def _files(self, series: CaseSeries) -> dict[str, dict[str, Any]]:
        """What its receipt lists; nothing where there is none that can be read."""
        try:
            receipt = json.loads(self._receipt(series).read_text(encoding="utf-8"))
            files = receipt["files"]
            return {str(name): dict(facts) for name, facts in files.items()}
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            return {}


def sha256_of(path: Path) -> str:
    """Of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def not_written(error: OSError) -> CaseError:
    """The operating system would not write into the cache."""
    return CaseError(
        f"The cache of public cases cannot be written: {error.strerror}.",
        hint="Name another folder with --cache or ASEMBLE_CASES_CACHE.",
        code="not-written",
    )


def _size_of(path: Path) -> int | None:
    try:
        return path.stat().st_size if path.is_file() else None
    except OSError:
        return None


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
