"""`asemble cases`: what public cases there are, fetching them, and letting go of them again."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from asemble import io
from asemble.cases import Case, Table, load_table
from asemble.cases.table import Painted
from asemble.commands.terminal import REFUSED, progress, require_empty_folder, writing
from asemble.core.errors import CaseError
from asemble.core.volume import Volume
from asemble.fetch import (
    Bucket,
    CaseCache,
    Use,
    bucket_url,
    cancelled,
    fetch,
    megabytes,
    stated_use,
)

UNREAD = "Nobody read these cases for asemble; see docs/public_cases.md."


def list_cases(*, as_json: bool, cache: Path | None) -> None:
    """Print every public case: id, collection, what, licence, size, and whether it is cached."""
    table, kept = load_table(), CaseCache(cache)
    if as_json:
        print(json.dumps([_facts(case, table, kept) for case in table.cases], indent=1,
                         ensure_ascii=False))  # fmt: skip
        return
    rows = [
        (
            case.id,
            _collection(case, table),
            ", ".join(licence or "none" for licence in case.licences),
            megabytes(case.bytes),
            "cached" if kept.has(case) else "",
            case.what,
        )
        for case in table.cases
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(5)] if rows else []
    for row in rows:
        print("  ".join([*map(str.ljust, row, widths), row[-1]]).rstrip())
    total = megabytes(sum(case.bytes for case in table.cases))
    print(f"{len(rows)} cases, {total}. {UNREAD}")


def fetch_cases(
    names: Sequence[str],
    *,
    every: bool,
    painted: bool,
    licences: Sequence[str],
    cache: Path | None,
    base_url: str | None,
    as_json: bool,
) -> int:
    """Fetch what was named, and say where it lies and how it is credited.

    Args:
        names: ids of cases, collections, or SeriesInstanceUIDs.
        every: all that the table has.
        painted: the series on which oedema was painted for training.
        licences: only series under one of these; empty for all.
        cache: None for the usual place.
        base_url: of the bucket; None for the usual one.
        as_json: print the outcome, errors with their codes included, as JSON.

    Returns:
        The exit code.

    Raises:
        CaseError: nothing (more) could be fetched, unless `as_json`.
    """
    table, kept = load_table(), CaseCache(cache)
    errors: list[CaseError] = []
    chosen: tuple[Case, ...] = ()
    try:
        _require_on()
        chosen = _chosen(table, names, every=every, painted=painted, licences=licences)
        with Bucket(base_url or bucket_url(table)) as bucket:
            errors = fetch(chosen, table, bucket, kept, progress=_progress())
    except KeyboardInterrupt:
        errors = [cancelled()]
    except CaseError as error:
        errors = [error]
    there = [case for case in chosen if kept.has(case)]
    if as_json:
        outcome = {
            "cases": [_facts(case, table, kept) for case in there],
            "errors": [
                {"code": each.code, "message": each.message, "hint": each.hint} for each in errors
            ],
        }
        print(json.dumps(outcome, indent=1, ensure_ascii=False))
        return REFUSED if errors else 0
    for case in there:
        print(kept.case_folder(case))
    for credit in table.credits(series for case in there for series in case.series):
        print(credit)
    if errors:
        raise _together(errors)
    return 0


def empty_cases(names: Sequence[str], *, cache: Path | None) -> None:
    """Remove the named cases from the cache, or all of it.

    Raises:
        CaseError: a name is unknown, or somebody fetches.
    """
    kept = CaseCache(cache)
    freed = kept.empty(load_table().find(names)) if names else kept.empty_all()
    print(f"{megabytes(freed)} freed.")


def write_painted(out: Path, *, cache: Path | None) -> None:
    """Write the part of each series that training used, as `<patient>_t1_cor.nii.gz`.

    Raises:
        AsembleError: they are not all in the cache, or nothing can be written.
    """
    table, kept = load_table(), CaseCache(cache)
    cases = table.only(lambda series: series.painted is not None)
    folders = {case.id: kept.require(case) for case in cases}
    tell = progress("writing", "series") or (lambda done, total: None)
    with writing():
        require_empty_folder(out)
        for number, case in enumerate(cases, start=1):
            (series,), (folder,) = case.series, folders[case.id]
            (read,) = io.read_study(folder).series
            part = read.volume if series.painted is None else cut(read.volume, series.painted)
            if part.affine_lps is None:
                raise ValueError(f"{case.id} does not say how its slices lie")
            name = f"{case.patient}_t1_cor.nii.gz"
            io.write_nifti(out / name, part.voxels, part.affine_lps, sizes_mm=part.sizes_mm)
            tell(number, len(cases))
        credits = table.credits(series for case in cases for series in case.series)
        (out / "ATTRIBUTION.txt").write_text("\n".join(credits) + "\n", encoding="utf-8")


def cut(volume: Volume, part: Painted) -> Volume:
    """The part of a volume, in its place in the patient.

    Raises:
        CaseError: the volume does not reach so far.
    """
    ends = (part.slices, part.rows, part.columns)
    if any(last >= size for (_, last), size in zip(ends, volume.shape, strict=True)):
        raise CaseError(
            "A series is smaller than the part of it that training used.",
            hint="Fetch it again; if it stays, please report it.",
            code="changed",
        )
    voxels = volume.voxels[tuple(slice(first, last + 1) for first, last in ends)]
    affine = volume.affine_lps
    if affine is not None:
        affine = affine.copy()
        affine[:3, 3] += affine[:3, :3] @ np.array([first for first, _ in ends])
    return replace(volume, voxels=voxels, affine_lps=affine)


def _require_on() -> None:
    if stated_use() in (Use.CACHED, Use.OFF):
        raise CaseError(
            "Fetching public cases is switched off on this machine.",
            hint="Its operator decides (ASEMBLE_CASES).",
            code="switched-off",
        )


def _chosen(
    table: Table, names: Sequence[str], *, every: bool, painted: bool, licences: Sequence[str]
) -> tuple[Case, ...]:
    wanted = {series.uid for case in table.find(names) for series in case.series}
    chosen = table.only(
        lambda series: (
            (every or series.uid in wanted or (painted and series.painted is not None))
            and (not licences or series.licence in licences)
        )
    )
    if not chosen:
        raise CaseError(
            "No public case is so described.",
            hint="`asemble cases list` shows names and licences.",
            code="unknown-id",
        )
    return chosen


def _together(errors: Sequence[CaseError]) -> CaseError:
    first = errors[0]
    if len(errors) == 1:
        return first
    more = f" {len(errors) - 1} more went wrong, too; the rest is there."
    return CaseError(first.message + more, hint=first.hint, code=first.code)


def _progress() -> "Any":
    tell = progress("fetching", "MB")
    if tell is None:
        return None
    return lambda done, total: tell(round(done / 1e6), max(1, round(total / 1e6)))


def _collection(case: Case, table: Table) -> str:
    return table.sources[case.series[0].doi].name


def _facts(case: Case, table: Table, kept: CaseCache) -> dict[str, Any]:
    return {
        "id": case.id,
        "collection": _collection(case, table),
        "patient": case.patient,
        "study": case.study,
        "study_uid": case.study_uid,
        "what": case.what,
        "seen": case.seen,
        "licence": list(case.licences),
        "attribution": list(table.credits(case.series)),
        "bytes": case.bytes,
        "cached": kept.has(case),
        "folder": str(kept.case_folder(case)),
        "series": [
            {
                "uid": series.uid,
                "description": series.description,
                "body_part": series.body_part,
                "plane": series.plane,
                "weighting": series.weighting,
                "after_contrast": series.after_contrast,
                "painted": series.painted is not None,
                "files": series.files,
                "bytes": series.bytes,
                "licence": series.licence,
                "doi": series.doi,
                "cached": kept.has_series(case, series),
            }
            for series in case.series
        ],
    }
