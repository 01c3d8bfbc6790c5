"""`fetch`: public cases from the bucket into the cache, checked file by file."""

import errno
import hashlib
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from asemble.cases import Case, CaseSeries, Table, require_open
from asemble.core.errors import CaseError, FileError
from asemble.fetch.bucket import Bucket, md5_of
from asemble.fetch.case_cache import CaseCache, not_written
from asemble.fetch.listing import Object
from asemble.fetch.settings import most_bytes
from asemble.io import series_uid

RESERVE_BYTES = 256 * 1024**2
"""Left free on the disk."""

MAX_FILE_BYTES = 64 * 1024**2
"""One file of the table's series has at most 2 MB."""

OUT_OF_SPACE = (errno.ENOSPC, errno.EDQUOT)

Progress = Callable[[int, int], None]
"""Called with the bytes that are there and those that were asked for; what it raises ends it."""


def fetch(
    cases: Sequence[Case],
    table: Table,
    bucket: Bucket,
    kept: CaseCache,
    *,
    progress: Progress | None = None,
) -> list[CaseError]:
    """Bring what is not in the cache yet.

    Args:
        cases: with the series that are wanted.
        table: that they are of.
        bucket: where they lie.
        kept: where they go.
        progress: see `Progress`.

    Returns:
        What was wrong with single series (`wrong-checksum`, `wrong-series`, `changed`, `http`);
        the others are there.

    Raises:
        CaseError: nothing more could be fetched: a licence that is not open, no connection, no
            space, ...; what is whole is kept, and what is not goes on the next time.
    """
    for case in cases:
        for series in case.series:
            require_open(case.id, series.licence)
    with kept.locked():
        missing = [
            (case, series)
            for case in cases
            for series in case.series
            if not kept.has_series(case, series)
        ]
        _require_room(kept, sum(series.bytes for _, series in missing))
        run = _Run(bucket, kept, progress or (lambda done, total: None))
        run.total = sum(case.bytes for case in cases)
        run.done = run.total - sum(series.bytes for _, series in missing)
        wrong = []
        try:
            for case, series in missing:
                run.tell(0)
                before = run.done
                try:
                    run.grow(series)
                    kept.keep(case, series, source=bucket.url, credits=table.credits([series]))
                except CaseError as error:
                    if error.code not in OF_ONE_SERIES:
                        raise
                    wrong.append(CaseError(f"{case.id}: {error.message}", hint=error.hint,
                                           code=error.code))  # fmt: skip
                run.done = before + series.bytes
            kept.write_attribution(table)
        except OSError as error:
            raise no_space() if error.errno in OUT_OF_SPACE else not_written(error) from error
        run.tell(0)
        return wrong


OF_ONE_SERIES = frozenset({"wrong-checksum", "wrong-series", "changed", "http", "listing"})
"""What says nothing about the next series."""


class _Run:
    """One call of `fetch`."""

    def __init__(self, bucket: Bucket, kept: CaseCache, progress: Progress) -> None:
        self.bucket, self.kept, self.progress = bucket, kept, progress
        self.done = self.total = 0

    def tell(self, more: int) -> None:
        self.progress(min(self.done + more, self.total), self.total)

    def grow(self, series: CaseSeries) -> None:
        """Fetch what is missing of a series into its partial folder."""
        folder = self.kept.partial_folder(series)
        objects = self.bucket.list(series.folder)
        _require_unchanged(series, objects)
        folder.mkdir(parents=True, exist_ok=True)
        wanted = {each.name: each for each in objects}
        beginnings = {_beginning(folder, each).name for each in objects}
        for path in list(folder.iterdir()):  # of another version, or of nothing that is wanted
            if path.name not in wanted and path.name not in beginnings:
                path.unlink()
        for each in objects:
            self._bring(each, folder, series)
            self.done += each.bytes

    def _bring(self, wanted: Object, folder: Path, series: CaseSeries) -> None:
        path = folder / wanted.name
        if path.exists():
            if path.stat().st_size == wanted.bytes and wanted.md5 in (None, md5_of(path)):
                return
            path.unlink()
        growing = _beginning(folder, wanted)
        self.bucket.download(wanted, growing, self.tell)
        if _series_of(growing) != series.uid:
            growing.unlink()
            raise CaseError(
                "A file that arrived does not belong to the series that the table names, and was "
                "thrown away.",
                hint="Fetch again; if it stays, please report it.",
                code="wrong-series",
            )
        growing.replace(path)


def _beginning(folder: Path, wanted: Object) -> Path:
    """Where a file grows; the name says of which version it is the beginning."""
    version = hashlib.sha256(wanted.etag.encode()).hexdigest()[:16]
    return folder / f"{wanted.name}.{version}.part"


def _series_of(path: Path) -> str:
    try:
        return series_uid(path.read_bytes())
    except FileError:
        return ""


def _require_unchanged(series: CaseSeries, objects: Sequence[Object]) -> None:
    size = sum(each.bytes for each in objects)
    if len({each.name for each in objects}) != series.files or len(objects) != series.files:
        raise _changed(f"{len(objects)} files instead of {series.files}")
    if size != series.bytes:
        raise _changed(f"{size} bytes instead of {series.bytes}")
    if max((each.bytes for each in objects), default=0) > MAX_FILE_BYTES:
        raise _changed("a file that is too large")


def _changed(how: str) -> CaseError:
    return CaseError(
        f"The server lists {how} for this series, so it is not what the table describes.",
        hint="The case may have been withdrawn or replaced: a newer asemble may know it.",
        code="changed",
    )


def _require_room(kept: CaseCache, needed: int) -> None:
    most = most_bytes()
    if kept.bytes() + needed > most:
        raise CaseError(
            f"{megabytes(needed)} more would exceed the {megabytes(most)} that the cache may hold.",
            hint="Empty it (`asemble cases empty`), or raise ASEMBLE_CASES_MIB.",
            code="cache-full",
        )
    if shutil.disk_usage(kept.folder).free < needed + RESERVE_BYTES:
        raise no_space(needed)


def cancelled() -> CaseError:
    """Somebody said stop; for `Progress` to raise."""
    return CaseError(
        "Stopped; what came is kept.",
        hint="Fetch the same again: it goes on where it stopped.",
        code="cancelled",
    )


def no_space(needed: int | None = None) -> CaseError:
    """The disk is full, or would be."""
    what = "what was asked for" if needed is None else megabytes(needed)
    return CaseError(
        f"There is not enough space on the disk for {what}.",
        hint="Free some, or name a folder on another disk with --cache or ASEMBLE_CASES_CACHE.",
        code="no-space",
    )


def megabytes(count: int) -> str:
    """A size for people.

    >>> megabytes(14_024_742), megabytes(300_000)
    ('14 MB', '0.3 MB')
    """
    size = count / 1e6
    return f"{size:.0f} MB" if size >= 10 else f"{size:.1f} MB"
